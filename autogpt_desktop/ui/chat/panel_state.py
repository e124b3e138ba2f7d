"""What the chat panel knows of the open conversation, and what its header, banner and drafts show of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QTimer

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.chat import kept_name
from autogpt_desktop.ui.chat.attachments import Attachment
from autogpt_desktop.ui.chat.conversation_model import shown_title
from autogpt_desktop.ui.chat.generation import Answer, Answers, Generate
from autogpt_desktop.ui.chat.language_hint import guess_language, is_supported
from autogpt_desktop.ui.chat.layout import PanelLayout
from autogpt_desktop.ui.chat.parts import estimate_tokens, plainly
from autogpt_desktop.ui.chat.sampling_panel import sampling_values
from autogpt_desktop.ui.widgets.basic import languages_text

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import History, Message
    from autogpt_desktop.ui.context import AppContext

PURGE_AFTER = 60  # seconds in which a deletion can be undone
DRAFT = "autogpt-desktop-draft"  # a draft that has attachments is kept as JSON


class PanelState(PanelLayout):
    """Between the widgets and what they do."""

    def __init__(self, context: AppContext, generate: Generate) -> None:
        super().__init__(context)
        self.temporary: History | None = None
        self.conversation_id = 0  # 0: one that does not exist before its first message
        self.messages: list[Message] = []  # of the branch that is shown
        self.editing: Message | None = None
        self._warned = False  # the draft is longer than the context
        self.answers = Answers(context, generate, self)
        context.language_changed.connect(self.retranslate)
        context.model_changed.connect(self._on_model)
        self.banner.action.setText(tr("Choose a model"))
        self.banner.action.clicked.connect(context.models_requested)
        self.composer.changed.connect(self._on_draft)
        self.composer.edited.connect(self._show_meter)
        self.drawer.changed.connect(self._save_sampling)
        self._purge_timer = QTimer(self)
        self._purge_timer.setInterval(PURGE_AFTER * 1000)
        self._purge_timer.setSingleShot(True)
        self._purge_timer.timeout.connect(self._purge)
        self._purging: Iterator[None] | None = None
        self._purge_steps = QTimer(self)
        self._purge_steps.setInterval(0)
        self._purge_steps.timeout.connect(self._purge_some)

    @property
    def history(self) -> History:
        return self.temporary or self.context.history

    def _remember(self, conversation_id: int) -> None:
        """The conversation to open at the next start, also when this one ends in a crash."""
        settings = self.context.settings
        if settings.last_conversation != conversation_id:
            settings.last_conversation = conversation_id
            self.context.save_settings()

    def _answer(self) -> Answer | None:
        """The answer that is being written in the open conversation."""
        return self.answers.of(self.history, self.conversation_id) if self.conversation_id else None

    def _is_shown(self, answer: Answer) -> bool:
        return answer.history is self.history and answer.conversation_id == self.conversation_id

    @staticmethod
    def _cache_name(history: History, conversation_id: int) -> str:
        """The engine's name for a conversation; what the history does not keep is not written either."""
        return kept_name(conversation_id) if history.lasting else f"{id(history)}/{conversation_id}"

    def reload(self, *, hold: tuple[int, int] | None = None, keep_place: bool = False) -> None:
        """Read the branch that is shown again. ``hold``: see ``MessageView.set_messages``."""
        self.messages = self.history.path(self.conversation_id) if self.conversation_id else []
        answer = self._answer()
        busy = {answer.message_id} if answer else set()
        self.stack.setCurrentWidget(self.view if self.messages else self.empty)
        self.view.set_messages(self.messages, busy, hold=hold, keep_place=keep_place)
        if answer:
            self.view.grow(answer.message_id, answer.text, answer.status)
        self.composer.set_busy(answer is not None)
        self.find_bar.refresh()
        self._show_header()
        self._check_language()

    def _purge(self) -> None:
        """Remove for good what can no longer be brought back, a step at a time between other events."""
        if self._purging is not None:
            self._purge_timer.start()  # what was deleted meanwhile
            return
        self._purging = self.context.history.purge_steps(PURGE_AFTER - 1)
        self._purge_steps.start()

    @plainly
    def _purge_some(self) -> None:
        going_on = False
        try:
            going_on = self._purging is not None and next(self._purging, self) is None
        finally:  # also when the disk is full: the next purge goes on with it
            if not going_on:
                self._purge_steps.stop()
                self._purging = None

    def retranslate(self) -> None:
        self.header.retranslate()
        self.banner.action.setText(tr("Choose a model"))
        self._show_header()
        self._check_language()

    def _context_length(self) -> int:
        model = self.context.model()
        if model is not None:
            return model.context_length
        known = [item.stats.get("context_length", 0) for item in self.messages]
        return next((length for length in reversed(known) if length), 0)

    def _show_header(self) -> None:
        title = (
            shown_title(self.history.get(self.conversation_id).title)
            if self.conversation_id
            else tr("New chat")
        )
        self.header.title.set_text(title if self.temporary is None else tr("Temporary chat"))
        self.header.export.setEnabled(bool(self.messages))
        self.header.find.setEnabled(bool(self.messages))
        answer = self._answer()
        self.header.figures.setText(answer.speed_text() if answer else "")  # later they stand under it
        self._show_meter()

    def _show_meter(self) -> None:
        used = 0
        for item in reversed(self.messages):  # exact up to the last answer, estimated behind it
            if item.stats.get("context_used"):
                used += int(item.stats["context_used"])
                break
            used += estimate_tokens(item.text)
        attached = sum(estimate_tokens(item.text) for item in self.composer.attachments)
        draft = estimate_tokens(self.composer.text()) + attached
        length = self._context_length()
        # what does not fit is left out by the engine, oldest first
        self.header.meter.show_values(min(used, length) if length else used, draft, length)
        if length and draft > length:
            self.composer.set_notice(
                tr(
                    "This is about {tokens} tokens, and the model reads {length} at once. Shorten it first.",
                    tokens=f"{draft:,}",
                    length=f"{length:,}",
                )
            )
            self._warned = True
        elif self._warned:
            self._warned = False
            self.composer.set_notice("")

    def _check_language(self) -> None:
        """Say so when the model was not made for the language that is being written."""
        model = self.context.model() or self.context.chosen_model()
        text = self.composer.text()
        if not text.strip():
            text = next((item.text for item in reversed(self.messages) if item.role == "user"), "")
        language = guess_language(text)
        if model is None or is_supported(language, tuple(model.languages)):
            self.banner.say("")
            return
        self.banner.say(
            tr(
                "{model} was made for {languages}. Its answers in {language} may be poor.",
                model=model.title,
                languages=languages_text(tuple(model.languages)),
                language=languages_text((language,)),
            )
        )

    def _on_model(self, _model: object) -> None:
        self._show_meter()
        self._check_language()

    # -- drafts and settings of the conversation

    def _on_draft(self) -> None:
        self._check_language()
        if self.editing is None:
            self._save_draft()

    def _save_draft(self) -> None:
        items = [item.as_dict() for item in self.composer.attachments]
        text = self.composer.text()
        if items:
            text = json.dumps({DRAFT: text, "attachments": items}, ensure_ascii=False)
        try:
            self.history.set_draft(self.conversation_id or None, text)
        except KnownError as error:
            self.context.show_error(error)

    def _load_draft(self) -> None:
        text = self.history.draft(self.conversation_id or None)
        items: list[dict[str, Any]] = []
        if text.startswith(f'{{"{DRAFT}": '):
            value = json.loads(text)
            text, items = value[DRAFT], value["attachments"]
        self.composer.set_notice("")
        self.composer.set_attachments([Attachment.of(item) for item in items])
        self.composer.set_text(text)

    @plainly
    def _save_sampling(self) -> None:
        if self.conversation_id:
            prompt, sampling, preset = self.drawer.values()
            self.history.update(
                self.conversation_id, system_prompt=prompt, sampling=sampling_values(sampling), preset=preset
            )
