"""The open conversation: its branch of messages, its settings, and what can be done in it. No widgets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.conversations.store import TemporaryHistory, title_from
from autogpt_desktop.ui.chat.chat_settings import ChatSettings, sampling_from, sampling_values
from autogpt_desktop.ui.chat.conversation_model import shown_title
from autogpt_desktop.ui.chat.draft import Draft
from autogpt_desktop.ui.chat.engine_cache import EngineCache, cache_name
from autogpt_desktop.ui.chat.generation import Answer, Generation, turns_of

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import History, Message
    from autogpt_desktop.ui.context import AppContext


class Conversation(QObject):
    """One at a time is open. Methods raise the KnownErrors of the history."""

    about_to_leave = Signal()  # what is pending is to be saved
    opened = Signal(object)  # another one, or a new one; the Draft that was left in it
    created = Signal()  # with its first message it has its id
    question_saved = Signal()  # the draft is a message now
    messages_changed = Signal(bool, object)  # keep_place and hold of ``MessageView.set_messages``
    title_changed = Signal()
    list_changed = Signal()  # its place in the list of conversations

    def __init__(
        self, context: AppContext, generation: Generation, cache: EngineCache, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self.context = context
        self.id = 0  # 0: one that does not exist before its first message
        self.messages: list[Message] = []  # of the branch that is shown
        self.settings = ChatSettings()
        self.editing: Message | None = None  # what is sent next is another version of it
        self.temporary: TemporaryHistory | None = None  # in memory, while the chat is temporary
        self._title = ""
        self._generation = generation
        self._unsaved = generation.unsaved
        self._cache = cache

    # -- what it is

    @property
    def history(self) -> History:
        return self.temporary or self.context.history

    @property
    def title(self) -> str:
        return tr("Temporary chat") if self.temporary is not None else shown_title(self._title)

    @property
    def answer(self) -> Answer | None:
        """The answer that is being written in it."""
        return self._generation.answer_in(self.history, self.id) if self.id else None

    def shows(self, answer: Answer) -> bool:
        return answer.history is self.history and answer.conversation_id == self.id

    def message(self, message_id: int) -> Message | None:
        return next((item for item in self.messages if item.id == message_id), None)

    def last_of(self, role: str) -> Message | None:
        return next((item for item in reversed(self.messages) if item.role == role), None)

    # -- opening and leaving

    def open(self, conversation_id: int, match_id: int | None = None) -> None:
        """Open another one, 0: a new one; ``match_id``: the message that a search found."""
        self.leave()
        if self.temporary is not None:
            self._end_temporary()
        if match_id is not None:
            self.history.select(match_id)
        self._enter(conversation_id)

    def toggle_temporary(self) -> None:
        """Into a chat that is never written, or out of it, which forgets it."""
        self.leave()
        if self.temporary is None:
            self.temporary = TemporaryHistory()
        else:
            self._end_temporary()
        self._enter(0)

    def leave(self) -> None:
        """What is pending is saved while this one is still open."""
        self.about_to_leave.emit()

    def _enter(self, conversation_id: int) -> None:
        self.id = conversation_id
        if conversation_id:
            item = self.history.get(conversation_id)
            stored = ChatSettings(item.system_prompt, sampling_from(item.sampling), item.preset)
            self.settings = self._unsaved.value_of(self._key("settings")) or stored
        else:
            preset = self.context.settings.presets[0]
            self.settings = ChatSettings(
                preset.get("system_prompt", ""), sampling_from(preset["sampling"]), preset["name"]
            )
        self.opened.emit(self.read_draft())
        self.reload()
        self._remember()

    def _end_temporary(self) -> None:
        history, self.temporary = self.temporary, None
        if history is not None:
            self._generation.discard(history)
            self._cache.forget([cache_name(history, item.id) for item in history.conversations()])
            history.close()

    def _remember(self) -> None:
        """The conversation to open at the next start, also when this one ends in a crash."""
        settings = self.context.settings
        if self.temporary is None and settings.last_conversation != self.id:
            settings.last_conversation = self.id
            self.context.save_settings(by_user=False)

    def reload(self, *, keep_place: bool = False, hold: tuple[int, int] | None = None) -> None:
        """Read the branch that is shown again."""
        self.messages = self._path() if self.id else []
        self.reload_title()
        self.messages_changed.emit(keep_place, hold)

    def _path(self) -> list[Message]:
        history = self.history
        return [self._generation.as_written(history, item) for item in history.path(self.id)]

    def reload_title(self) -> None:
        self._title = self.history.get(self.id).title if self.id else ""
        self.title_changed.emit()

    def shutdown(self) -> None:
        if self.temporary is not None:
            self.temporary.close()

    # -- asking and answering

    def send(self, draft: Draft) -> None:
        """Save what was written as a message, in place of the one that is edited, and answer it.

        A history that takes nothing at the moment has taken no part of it: all stays as it was.
        """
        self._unsaved.try_again()
        history, edited, is_new = self.history, self.editing, not self.id
        last = self.messages[-1].id if self.messages else None
        with history.write():
            number = self.id or self._create(title_from(draft.text) or draft.attachments[0].name)
            question = history.add_message(
                number,
                edited.parent_id if edited else last,
                "user",
                draft.text,
                attachments=[item.as_dict() for item in draft.attachments],
            )
            self._add_answer(number, question)
            history.set_draft(self._draft_number(), "")
        self._unsaved.drop(self._key("draft", self._draft_number()))
        self.id, self.editing = number, None
        if is_new:
            if self.temporary is None:
                self._remember()
            self.created.emit()
        self.question_saved.emit()
        self._begin()

    def answer_to(self, parent_id: int) -> None:
        """Begin an answer below a message, as a branch if that has one already."""
        self._unsaved.try_again()
        self._add_answer(self.id, parent_id)
        self._begin()

    def _add_answer(self, conversation_id: int, parent_id: int) -> None:
        model = self.context.chosen_model()
        title = model.title if model else ""
        self.history.add_message(conversation_id, parent_id, "assistant", "", state="streaming", model=title)

    def _begin(self) -> None:
        """Have the answer written that was added last."""
        *before, item = self._path()
        self._generate(item, before)
        self.reload()
        if self.temporary is None:
            self.list_changed.emit()

    def regenerate(self, item: Message) -> None:
        """Another answer to the same question, as a branch."""
        if self.answer is None and item.parent_id is not None:
            self.answer_to(item.parent_id)

    def resume(self, item: Message) -> None:
        """Go on with an answer that was cut off, or try an empty one again."""
        self._unsaved.try_again()
        before = self.messages[: self.messages.index(item)]
        self.history.set_text(item.id, item.text, "streaming")
        self._generate(item, before, continue_last=bool(item.text))
        self.reload(keep_place=True)

    def stop(self) -> None:
        answer = self.answer
        if answer:
            self._generation.stop(answer)

    def _create(self, title: str) -> int:
        model = self.context.chosen_model()
        prompt, sampling, preset = self.settings
        return self.history.create(
            title, system_prompt=prompt, sampling=sampling_values(sampling), preset=preset,
            model=model.name if model else "",
        )  # fmt: skip

    def _generate(self, item: Message, before: Sequence[Message], continue_last: bool = False) -> None:
        turns = turns_of(self.settings.system_prompt, [*before, item] if continue_last else before)
        self._generation.start(
            self.history,
            item,
            turns,
            self.settings.sampling,
            cache=cache_name(self.history, self.id),
            continue_last=continue_last,
        )

    # -- branches

    def switch_branch(self, item: Message, step: int) -> None:
        """Show the version before (-1) or behind (1) a message, in its place."""
        chosen = self.history.select_sibling(item.id, step)
        self.reload(hold=(item.id, chosen))

    def delete(self, item: Message) -> Callable[[], None]:
        """Hide a message with all that follows it; calling what is returned brings it back."""
        history = self.history
        deletion = history.delete_message(item.id)
        self.reload(keep_place=True)

        def undo() -> None:
            is_open = history in (self.context.history, self.temporary)
            undone = is_open and history.undo(deletion)
            if undone and history is self.history and self.id == deletion.conversation_id:
                self.reload(keep_place=True)

        return undo

    # -- what belongs to it

    def save_settings(self, settings: ChatSettings) -> None:
        self.settings = settings
        history, number = self.history, self.id
        prompt, sampling, preset = settings

        def save() -> None:
            history.update(number, system_prompt=prompt, sampling=sampling_values(sampling), preset=preset)

        if number:
            self._unsaved.save(self._key("settings"), save, settings)

    def read_draft(self) -> Draft:
        """What was written in it and not sent, also in a message that is edited."""
        number = self._draft_number()
        waiting: Draft | None = self._unsaved.value_of(self._key("draft", number))
        return waiting if waiting is not None else Draft.decode(self.history.draft(number))

    def save_draft(self, draft: Draft) -> None:
        history, number = self.history, self._draft_number()

        def save() -> None:
            history.set_draft(number, draft.encode())

        self._unsaved.save(self._key("draft", number), save, draft)

    def _draft_number(self) -> int:
        """What its draft is kept under: its own id, or less than 0 that of the message that is edited."""
        return -self.editing.id if self.editing is not None else self.id

    def _key(self, what: str, number: int | None = None) -> tuple[str, int, int]:
        return what, id(self.history), self.id if number is None else number
