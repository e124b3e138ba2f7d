"""The Questions panel: ask files or a pasted text; evidence first, then the answer with its places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.questions import KeptQuestions
from autogpt_desktop.tasks.answer.evidence import ask_collection, ask_text, warm_up
from autogpt_desktop.ui.answer import empty_state
from autogpt_desktop.ui.answer.conversation import QuestionConversation
from autogpt_desktop.ui.answer.header import FILES, TEXT
from autogpt_desktop.ui.answer.history_card import QuestionHistoryCard
from autogpt_desktop.ui.answer.places import Places
from autogpt_desktop.ui.answer.question_history import QuestionHistory
from autogpt_desktop.ui.answer.question_job import Ask
from autogpt_desktop.ui.answer.shortcuts import shortcut_rows
from autogpt_desktop.ui.answer.turn import QuestionTurn
from autogpt_desktop.ui.answer.view import AnswerView
from autogpt_desktop.ui.widgets.draft_keeper import DraftKeeper
from autogpt_desktop.ui.widgets.focus import show_page
from autogpt_desktop.ui.widgets.text_field import PASTE_LIMIT

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.collection import Collection
    from autogpt_desktop.ui.context import AppContext

CARDS = 5  # that Alt and a number open


class AnswerPanel(QWidget):
    """A ``view`` of the widgets, and the ``conversation`` that they show.

    ``ask_files``, ``ask_pasted`` and ``prepare`` are ``tasks.answer.evidence``'s ``ask_collection``,
    ``ask_text`` and ``warm_up``, or in tests generators like them.
    """

    def __init__(
        self,
        context: AppContext,
        ask_files: Callable[..., Iterator[object]] = ask_collection,
        ask_pasted: Callable[..., Iterator[object]] = ask_text,
        prepare: Callable[..., Iterator[object]] = warm_up,
    ) -> None:
        super().__init__()
        self.context = context
        self.ask_files, self.ask_pasted = ask_files, ask_pasted
        self.view = AnswerView(context)
        self._history = QuestionHistory(context, self)
        self.conversations = {
            mode: QuestionConversation(context, self, prepare, self._history, mode) for mode in (FILES, TEXT)
        }
        self.places = Places(self.view, self.focus_input)
        self.history_card: QuestionHistoryCard | None = None
        current = self.view.collections.current()
        self._collection_id = current.id if current is not None else ""
        self._left: dict[str, str] = {}  # the conversation that was left, by the collection it was about
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.view)
        self._connect()
        self._add_shortcuts()
        self._restore_drafts()
        self.retranslate()
        self.view.arrange()
        self.view.order_tabs()
        self._show_empty()
        for conversation in self.conversations.values():
            conversation.restore()

    @property
    def conversation(self) -> QuestionConversation:
        """That about the files, or that about the pasted text."""
        return self.conversations[self.view.header.mode]

    def _connect(self) -> None:
        view = self.view
        view.header.mode_chosen.connect(self._on_mode)
        view.header.new_button.clicked.connect(self.new_conversation)
        view.header.history_button.clicked.connect(self.show_history)
        view.collections.changed.connect(self._on_collection)
        view.collections.open_requested.connect(self.places.open_file)
        view.empty.files_requested.connect(view.collections.choose_files)
        view.empty.folder_requested.connect(view.collections.choose_folder)
        view.ask_bar.asked.connect(self.ask)
        view.ask_bar.typing_started.connect(self._on_typing_started)
        view.ask_bar.stopped.connect(self._stop)
        view.ask_bar.last_requested.connect(self._on_last_requested)
        view.ask_bar.long_text_pasted.connect(self.receive_text)
        view.ask_bar.files_dropped.connect(self.add_files)
        view.pasted.files_dropped.connect(self.add_files)
        view.pasted.field.textChanged.connect(self._show_empty)
        view.files_dropped.connect(self.add_files)
        view.conversation_view.opened.connect(self.places.open_place)
        view.conversation_view.chosen.connect(view.show_current)
        view.conversation_view.retried.connect(self.retry)
        view.conversation_view.cancelled.connect(self._on_cancelled)
        view.document.closed.connect(self.places.close_document)
        view.document.ask_about.connect(self.receive_text)
        for conversation in self.conversations.values():
            conversation.begun.connect(self._on_begun)
            conversation.job.found.connect(self._on_found)
            conversation.job.changed.connect(self._on_changed)
            conversation.job.ended.connect(partial(self._on_ended, conversation))
        self._history.opened.connect(self.open_conversation)
        self._history.restored.connect(self._on_restored)
        self.context.language_changed.connect(self.retranslate)
        self.context.models_listed.connect(view.arrange)

    def _add_shortcuts(self) -> None:
        keys: dict[str, Callable[[], object]] = {
            "Ctrl+N": self.new_conversation,
            "Ctrl+L": self.focus_input,
            "Ctrl+K": self.show_history,
            "Ctrl+R": self.retry_last,
            "Ctrl+E": self.toggle_mode,
            "Ctrl+Shift+C": self.copy_current,
            "Alt+Up": partial(self._step, -1),
            "Alt+Down": partial(self._step, 1),
        }
        keys |= {f"Alt+{number + 1}": partial(self.places.open_number, number) for number in range(CARDS)}
        self.context.add_panel_shortcuts(self, keys)
        self.context.add_shortcuts(shortcut_rows)

    def _restore_drafts(self) -> None:
        """What was not asked yet when the app was closed, and the text to ask about."""
        question, pasted, failed = self.view.ask_bar, self.view.pasted, self.context.show_error
        self._drafts = (
            DraftKeeper("question", question.field, failed, self),
            DraftKeeper("pasted", pasted.field, failed, self),
        )
        question_text, pasted_text = (draft.restored for draft in self._drafts)
        pasted.set_text(pasted_text)
        if pasted_text and self.context.settings.ask_about == TEXT:
            self.view.header.set_mode(TEXT)
        if question_text:
            question.set_text(question_text)
        for field in (question.field, pasted.field):
            field.document().clearUndoRedoStacks()

    # --- asking -------------------------------------------------------------------------------

    def ask(self, question: str) -> None:
        """Ask what is chosen now, when the questions before it are answered."""
        view = self.view
        text, collection = view.pasted.text(), view.collections.current()
        if view.pasting and text.strip():
            ask = partial(self.ask_pasted, question=question, text=text)
            self._begin(QuestionTurn(question, "", pasted=text), ask)
        elif not view.pasting and collection is not None:
            ask = partial(
                self.ask_files,
                question=question,
                collection=collection,
                whole=view.scope.whole,
                only=view.scope.paths,
            )
            self._begin(QuestionTurn(question, collection.name or collection.id), ask)
        else:
            view.ask_bar.set_text(question)
            view.ask_bar.show_notice(
                tr("Paste a text first, then ask about it.")
                if view.pasting
                else tr("Add files or a folder first, then ask about them.")
            )

    def _on_typing_started(self) -> None:
        if self.view.is_ready():
            self.conversation.job.warm_up()

    def _begin(self, turn: QuestionTurn, ask: Ask) -> None:
        self.conversation.ask(turn, ask)
        self.view.begin_turn(turn)

    def _on_begun(self, turn: QuestionTurn) -> None:
        """One that waited is being answered."""
        if self.view.conversation_view.view_of(turn) is not None:
            self._on_changed(turn)
            self.view.begin_turn(turn)

    def _stop(self) -> None:
        self.conversation.job.stop()

    def _on_cancelled(self, turn: QuestionTurn) -> None:
        self.conversation.cancel(turn)
        self._on_changed(turn)
        self.focus_input()

    def retry(self, turn: QuestionTurn) -> None:
        """Ask it again: the last one in its place, an older one at the end."""
        if turn is self.conversation.turns[-1]:
            self.conversation.turns.pop()
            self.view.current = None
            self.view.conversation_view.remove(turn)
        self.ask(turn.question)
        self.focus_input()

    def retry_last(self) -> None:
        if self.conversation.turns and not self.conversation.job.running:
            self.retry(self.conversation.turns[-1])

    def _on_found(self, turn: QuestionTurn) -> None:
        """The evidence is there, the answer is not yet."""
        view = self.view.conversation_view.view_of(turn)
        if view is not None:
            view.refresh()
            view.expand(True)
        if turn is self.view.current:
            self.view.show_current(turn)

    def _on_changed(self, turn: QuestionTurn) -> None:
        view = self.view.conversation_view.view_of(turn)
        if view is not None:
            view.refresh()

    def _on_ended(self, conversation: QuestionConversation, turn: QuestionTurn) -> None:
        self.view.ask_bar.set_busy(self.conversation.job.running)
        self._on_changed(turn)
        if turn is self.view.current:
            self.view.show_current(turn)
            if not turn.source and turn.answered:
                self.places.mark(turn, turn.finding.answered.citations[0].passage if turn.finding else 0)
        if turn in conversation.turns:
            conversation.save(self._collection_id)
        if turn.error is not None and not isinstance(turn.error, KnownError):
            self.context.show_error(turn.error)

    def _on_last_requested(self) -> None:
        if self.conversation.turns:
            self.view.ask_bar.set_text(self.conversation.turns[-1].question)

    # --- conversations ------------------------------------------------------------------------

    def new_conversation(self) -> None:
        """Leave the turns; the next question refers to nothing."""
        self.conversation.clear()
        if not self.view.pasting:
            self._left.pop(self._collection_id, None)
        self.view.clear()
        self.places.close_document()
        self._show_empty()
        self.focus_input()

    def show_history(self) -> None:
        """List the conversations that are saved."""
        history = self.conversation.history
        if self.history_card is None:
            self.history_card = QuestionHistoryCard(self.window())
            self.history_card.opened.connect(history.load)
            self.history_card.removed.connect(self._on_removed)
            self.history_card.renamed.connect(history.rename)
            history.listed.connect(self.history_card.show_kept)
        history.list_saved()
        self.history_card.open(self.view.header.actions_row.anchor_of(self.view.header.history_button))

    def open_conversation(self, saved: KeptQuestions, turns: list[QuestionTurn]) -> None:
        """Go on with a saved one, over the files that it was about if they are still here."""
        view = self.view
        view.header.set_mode(FILES if saved.source else TEXT)
        view.collections.controller.choose(saved.collection)
        self._on_mode(view.header.mode)
        self.conversation.clear()
        if turns and not saved.source:
            view.pasted.set_text(turns[-1].pasted)
        self.conversation.open(saved, turns)
        self._show_turns()

    def _on_restored(self, mode: str, saved: KeptQuestions, turns: list[QuestionTurn]) -> None:
        """What was open when the window was closed, unless something else has begun meanwhile."""
        conversation = self.conversations[mode]
        if conversation.turns or (mode == FILES and saved.collection != self._collection_id):
            return
        conversation.open(saved, turns)
        if conversation is self.conversation:
            self._show_turns()

    def _show_turns(self) -> None:
        """The conversation as it stands, its last turn with its evidence."""
        view, turns = self.view, self.conversation.turns
        view.clear()
        for turn in turns:
            view.conversation_view.add(turn)
        begun = [turn for turn in turns if turn.state != "waiting"]
        if begun:
            last = view.conversation_view.view_of(begun[-1])
            if last is not None:
                last.expand(True)
            view.show_current(begun[-1])
        view.ask_bar.set_busy(self.conversation.job.running)
        self._show_empty()

    def _on_removed(self, saved: KeptQuestions) -> None:
        if self.conversation.is_saved_as(saved):
            self.new_conversation()
        self.conversation.history.remove(saved)

    def copy_current(self) -> None:
        current = self.view.current
        view = self.view.conversation_view.view_of(current) if current else None
        if view is not None and view.turn.finding is not None:
            view.copy()

    def _step(self, step: int) -> None:
        turn = self.conversation.at(self.view.current, step)
        if turn is not None:
            self.view.show_current(turn)
            self.view.conversation_view.scroll_to(turn)

    # --- what is asked about --------------------------------------------------------------------

    def _on_mode(self, mode: str) -> None:
        self.context.settings.ask_about = mode
        self.context.save_settings()
        self.places.close_document()
        self._show_turns()
        self.focus_input()
        self.view.arrange()
        self.retranslate()
        if self.view.pasting and not self.view.pasted.text().strip():
            self.view.pasted.field.setFocus()

    def toggle_mode(self) -> None:
        self.view.header.set_mode(FILES if self.view.pasting else TEXT)
        self._on_mode(self.view.header.mode)

    def _on_collection(self, collection: Collection | None) -> None:
        """Another one is chosen, or the same has other files or another name."""
        chosen = collection.id if collection is not None else ""
        if chosen != self._collection_id:
            conversation = self.conversations[FILES]
            if left := conversation.clear():  # what is being answered is saved with the one before
                self._left[self._collection_id] = left
            self._collection_id, last = chosen, self._left.get(chosen, "")
            if not self.view.pasting:
                self.new_conversation()
            if last:  # also of one that was deleted, and is not
                self._left[chosen] = last
                conversation.history.restore(FILES, last)
        self._show_empty()

    def receive_text(self, text: str) -> None:
        """A text of another panel, or a selected passage: to be asked about."""
        self.view.header.set_mode(TEXT)
        self._on_mode(TEXT)
        if len(text) <= PASTE_LIMIT and text != self.view.pasted.text():  # a longer one is refused below
            self.new_conversation()
        self.view.pasted.set_text(text)
        self.focus_input()

    def add_files(self, paths: list[Path]) -> None:
        """Files and folders join the collection, or begin one."""
        if self.view.pasting:
            self.toggle_mode()
        self.view.collections.add_paths(paths)

    def _show_empty(self) -> None:
        """Before the first question, what there is to ask about decides what is shown."""
        view = self.view
        if view.pasting:
            kind = empty_state.TEXT if view.pasted.text().strip() else empty_state.NO_TEXT
        else:
            kind = empty_state.FILES if view.collections.current() is not None else empty_state.NO_FILES
        if kind != view.empty.kind:
            view.empty.show_kind(kind)
        show_page(view.middle, view.conversation_view if self.conversation.turns else view.empty)

    # --- what the window asks ---------------------------------------------------------------------

    def focus_input(self) -> None:
        self.view.focus_input()

    def kept_clear(self) -> list[QWidget]:
        return [self.view.header, self.view.ask_bar]

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Questions"))
        self.view.retranslate()
        if self.history_card is not None:
            self.history_card.retranslate()
        self._show_empty()

    def shutdown(self) -> None:
        """The window closes."""
        for draft in self._drafts:
            draft.keep()
        self.view.collections.shutdown()
        for conversation in self.conversations.values():
            conversation.shutdown()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.conversation.job.running:
            self.conversation.job.stop()
        elif self.view.reading:
            self.places.close_document()
        else:
            self.view.ask_bar.field.setFocus()
