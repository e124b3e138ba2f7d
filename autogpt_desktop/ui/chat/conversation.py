"""Sending, answering, and what can be asked of a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QGuiApplication

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.i18n import message as word
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.conversations.store import title_from
from autogpt_desktop.ui.chat.attachments import Attachment, prompt_text
from autogpt_desktop.ui.chat.conversation_model import shown_title
from autogpt_desktop.ui.chat.generation import LONG_ANSWER, Answer, Generate, turns_of
from autogpt_desktop.ui.chat.panel_state import PanelState
from autogpt_desktop.ui.chat.parts import estimate_tokens, plainly
from autogpt_desktop.ui.chat.sampling_panel import sampling_values

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Message
    from autogpt_desktop.ui.context import AppContext


class PanelMessages(PanelState):
    """What happens inside the open conversation."""

    def __init__(self, context: AppContext, generate: Generate) -> None:
        super().__init__(context, generate)
        self.view.action.connect(self._on_message_action)
        self.empty.chosen.connect(self._send_example)
        self.composer.sent.connect(self.send)
        self.composer.stopped.connect(self.stop)
        self.composer.edit_last_requested.connect(self.edit_last)
        self.composer.edit_cancelled.connect(self.cancel_editing)
        self.answers.began.connect(self._on_answer_began)
        self.answers.grew.connect(self._on_answer_grew)
        self.answers.ended.connect(self._on_answer_ended)
        self.answers.noticed.connect(self._on_notice)

    # -- sending

    def send(self) -> None:
        """The composer's text becomes a message, and an answer to it begins."""
        text, attachments = self.composer.text().strip(), list(self.composer.attachments)
        if (not text and not attachments) or self._answer():
            return
        length = self._context_length()
        tokens = estimate_tokens(prompt_text(text, attachments))
        if length and tokens > 2 * length:  # the engine counts exactly; this far off needs no asking
            self.composer.set_notice(
                word("error.message-too-long", tokens=f"{tokens:,}", context=f"{length:,}")
            )
            return
        try:
            if not self.conversation_id:
                self._create(title_from(text) or attachments[0].name)
            parent = self.editing.parent_id if self.editing else self._leaf()
            values = [item.as_dict() for item in attachments]
            number = self.history.add_message(self.conversation_id, parent, "user", text, attachments=values)
            self.editing = None
            self.composer.set_editing(False)
            self.composer.clear()
            self._save_draft()
            self._answer_to(number)
        except KnownError as error:
            self.composer.set_notice(word(error))
        self._check_language()

    def _send_example(self, text: str) -> None:
        self.composer.set_text(text)
        self.send()

    def _create(self, title: str) -> None:
        prompt, sampling, preset = self.drawer.values()
        model = self.context.chosen_model()
        self.conversation_id = self.history.create(
            title, system_prompt=prompt, sampling=sampling_values(sampling), preset=preset,
            model=model.name if model else "",
        )  # fmt: skip
        if self.temporary is None:
            self.context.history.set_draft(None, "")
            self._remember(self.conversation_id)
            self.list.set_current(self.conversation_id)

    def _leaf(self) -> int | None:
        return self.messages[-1].id if self.messages else None

    def _answer_to(self, parent_id: int) -> None:
        model = self.context.chosen_model()
        self.history.add_message(
            self.conversation_id,
            parent_id,
            "assistant",
            "",
            state="streaming",
            model=model.title if model else "",
        )
        messages = self.history.path(self.conversation_id)
        self._start(messages[-1], messages[:-1])
        self.reload()
        if self.temporary is None:
            self.list.reload()

    def _start(self, item: Message, before: list[Message], continue_last: bool = False) -> None:
        prompt, sampling, _ = self.drawer.values()
        turns = turns_of(prompt, [*before, item] if continue_last else before)
        cache = self._cache_name(self.history, self.conversation_id)
        self.answers.start(self.history, item, turns, sampling, cache=cache, continue_last=continue_last)

    def stop(self) -> None:
        answer = self._answer()
        if answer:
            self.answers.stop(answer)

    # -- what is asked of a message

    @plainly
    def _on_message_action(self, name: str, message_id: int) -> None:
        item = next((known for known in self.messages if known.id == message_id), None)
        if item is None:
            return
        if name == "copy":
            QGuiApplication.clipboard().setText(prompt_text(item.text, item.attachments))
        elif name in ("previous", "next"):
            chosen = self.history.select_sibling(message_id, -1 if name == "previous" else 1)
            self.reload(hold=(message_id, chosen))
        elif name == "edit":
            self.edit_message(item)
        elif name == "delete":
            self.delete_message(item)
        elif self._answer() is None:
            if name == "answer":
                self._answer_to(item.id)
            elif name == "regenerate" or (name == "retry" and item.text):
                self.regenerate(item)
            elif name in ("continue", "retry"):
                self._resume(item)

    def regenerate(self, item: Message) -> None:
        """Another answer to the same question, as a branch."""
        if self._answer() is None and item.parent_id is not None:
            self._answer_to(item.parent_id)

    def _resume(self, item: Message) -> None:
        """Go on with an answer that was cut off, or try an empty one again."""
        place = self.messages.index(item)
        self.history.set_text(item.id, item.text, "streaming")
        self._start(item, self.messages[:place], continue_last=bool(item.text))
        self.reload(keep_place=True)
        self.composer.edit.setFocus()  # the button that was pressed is gone

    def edit_message(self, item: Message) -> None:
        """Its text comes into the composer; sending makes a branch."""
        if self._answer():
            return
        self.composer.flush()
        self.editing = item
        self.composer.set_attachments([Attachment.of(value) for value in item.attachments])
        self.composer.set_text(item.text)
        self.composer.set_editing(True)
        self.composer.edit.setFocus()

    def edit_last(self) -> None:
        mine = [item for item in self.messages if item.role == "user"]
        if mine:
            self.edit_message(mine[-1])

    def cancel_editing(self) -> None:
        if self.editing is not None:
            self.editing = None
            self.composer.set_editing(False)
            self._load_draft()

    def delete_message(self, item: Message) -> None:
        """With all that follows it; Undo brings it back."""
        if self._answer():
            return
        history, conversation_id = self.history, self.conversation_id
        if self.editing is not None:
            self.cancel_editing()
        token = history.delete_message(item.id)
        self._purge_timer.start()
        self.reload(keep_place=True)

        def undo() -> None:
            alive = history in (self.context.history, self.temporary)
            if (
                alive
                and history.undo(token)
                and history is self.history
                and self.conversation_id == conversation_id
            ):
                self.reload(keep_place=True)

        self.context.toast(tr("Message deleted"), undo=undo)

    def regenerate_last(self) -> None:
        if self.messages and self.messages[-1].role == "assistant":
            self.regenerate(self.messages[-1])

    def copy_last(self) -> None:
        answers = [item.text for item in self.messages if item.role == "assistant"]
        if answers:
            QGuiApplication.clipboard().setText(answers[-1])
            self.context.toast(tr("Copied"))

    # -- answers

    def _on_answer_began(self, answer: Answer) -> None:
        self._show_running()

    def _on_answer_grew(self, answer: Answer) -> None:
        if self._is_shown(answer):
            self.view.grow(answer.message_id, answer.text, answer.status)
            self.header.figures.setText(answer.speed_text())

    def _on_answer_ended(self, answer: Answer, state: str, error: BaseException | None) -> None:
        """Rendered whole once more, with what it took."""
        self._show_running()
        if self._is_shown(answer):
            self.reload(keep_place=True)
        if self.temporary is None or answer.history is not self.temporary:
            self.list.reload()
        if error is not None and not isinstance(error, KnownError):
            self.context.show_error(error)
        if state == "complete" and answer.stats.get("seconds", 0) > LONG_ANSWER:
            kept = answer.history is self.context.history and answer.history.has(answer.conversation_id)
            title = (
                shown_title(answer.history.get(answer.conversation_id).title)
                if kept
                else tr("Temporary chat")
            )
            self.context.notify(tr("The answer is ready"), title)

    def _on_notice(self, answer: Answer, notice: Notice) -> None:
        if self._is_shown(answer):
            self.context.toast(word(notice.key, **notice.values))

    def _show_running(self) -> None:
        running = self.answers.running
        self.list.set_running({a.conversation_id for a in running if a.history is self.context.history})
