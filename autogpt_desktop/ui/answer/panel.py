"""The Questions panel: ask files or a pasted text; evidence first, then the answer with its places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.questions import KeptQuestions, Questions
from autogpt_desktop.tasks.answer.evidence import ask_collection, ask_text, warm_up
from autogpt_desktop.ui.answer import empty_state
from autogpt_desktop.ui.answer.header import FILES, TEXT
from autogpt_desktop.ui.answer.layout import AnswerLayout
from autogpt_desktop.ui.answer.question_history import QuestionHistory, QuestionHistoryCard
from autogpt_desktop.ui.answer.question_job import Ask, QuestionJob
from autogpt_desktop.ui.answer.turn import LANGUAGE, Turn

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.collection import Collection
    from autogpt_desktop.ui.context import AppContext

CARDS = 5  # that Alt and a number open


class AnswerPanel(AnswerLayout):
    """``ask_files``, ``ask_pasted`` and ``prepare`` are ``tasks.answer_places``' ``ask_collection``,
    ``ask_text`` and ``warm_up``, or in tests generators like them."""

    def __init__(
        self,
        context: AppContext,
        ask_files: Callable[..., Iterator[Any]] = ask_collection,
        ask_pasted: Callable[..., Iterator[Any]] = ask_text,
        prepare: Callable[..., Iterator[Any]] = warm_up,
    ) -> None:
        super().__init__(context)
        self.ask_files, self.ask_pasted = ask_files, ask_pasted
        self.question_job = QuestionJob(context, self, prepare)
        self.turns: list[Turn] = []
        self.history = QuestionHistory(context, self)
        self.history_card: QuestionHistoryCard | None = None
        self._conversation_id = ""  # of this conversation; "": nothing of it is kept yet
        now = self.collections.current()
        self._collection_id = now.id if now is not None else ""
        self._connect()
        self.restore_drafts()
        self.retranslate()
        self.arrange()
        self.order_tabs()
        self._show_empty()

    def _connect(self) -> None:
        context = self.context
        self.header.mode_chosen.connect(self._on_mode)
        self.header.new_button.clicked.connect(self.new_conversation)
        self.header.history_button.clicked.connect(self.show_history)
        self.history.opened.connect(self.open_conversation)
        self.collections.changed.connect(self._on_collection)
        self.collections.open_requested.connect(self.open_file)
        self.empty.files_requested.connect(self.collections.choose_files)
        self.empty.folder_requested.connect(self.collections.choose_folder)
        self.ask_bar.asked.connect(self.ask)
        self.ask_bar.typing_started.connect(self._on_typing_started)
        self.ask_bar.stopped.connect(self.question_job.stop)
        self.ask_bar.last_requested.connect(self._take_last)
        self.ask_bar.long_text_pasted.connect(self.receive_text)
        self.ask_bar.files_dropped.connect(self.add_files)
        self.pasted.files_dropped.connect(self.add_files)
        self.pasted.field.textChanged.connect(self._show_empty)
        self.dropped.connect(self.add_files)
        self.conversation.opened.connect(self.open_place)
        self.conversation.chosen.connect(self.show_current)
        self.conversation.retried.connect(self.retry)
        self.question_job.found.connect(self._on_found)
        self.question_job.noticed.connect(self._on_noticed)
        self.question_job.changed.connect(self._on_changed)
        self.question_job.ended.connect(self._on_ended)
        self.document.closed.connect(self.close_document)
        self.document.ask_about.connect(self.receive_text)
        context.language_changed.connect(self.retranslate)
        context.models_listed.connect(self.arrange)
        keys: dict[str, Any] = {
            "Ctrl+N": self.new_conversation,
            "Ctrl+L": self.focus_input,
            "Ctrl+K": self.show_history,
            "Ctrl+R": self.retry_last,
            "Ctrl+E": self.toggle_mode,
            "Ctrl+Shift+C": self.copy_current,
            "Alt+Up": partial(self._step, -1),
            "Alt+Down": partial(self._step, 1),
        }
        keys |= {f"Alt+{number + 1}": partial(self._open_number, number) for number in range(CARDS)}
        context.add_panel_shortcuts(self, keys)
        context.add_shortcuts(self.shortcut_rows)

    # --- asking -------------------------------------------------------------------------------

    def ask(self, question: str) -> None:
        """Ask what is chosen; the questions before it say what "it" may be."""
        previous = [turn.subject() for turn in self.turns]
        text, collection = self.pasted.text(), self.collections.current()
        if self.pasting and text.strip():
            ask = partial(self.ask_pasted, question=question, text=text, previous=previous)
            self._begin(Turn(question, "", pasted=text), ask)
        elif not self.pasting and collection is not None:
            ask = partial(
                self.ask_files,
                question=question,
                collection=collection,
                previous=previous,
                whole=self.scope.whole,
                only=self.scope.paths,
            )
            self._begin(Turn(question, collection.name or collection.id), ask)
        else:
            self.ask_bar.set_text(question)
            self.ask_bar.say(
                tr("Paste a text first, then ask about it.")
                if self.pasting
                else tr("Add files or a folder first, then ask about them.")
            )

    def _on_typing_started(self) -> None:
        if self.is_ready():
            self.question_job.warm_up()

    def _begin(self, turn: Turn, ask: Ask) -> None:
        self.question_job.start(turn, ask)
        self.turns.append(turn)
        self.conversation.add(turn)
        self.middle.setCurrentWidget(self.conversation)
        self.ask_bar.set_busy(True)
        if self._wide:
            self._reading = False
        self.show_current(turn)
        self.pasted.mark([], -1)

    def retry(self, turn: Turn) -> None:
        """Ask it again: the last one in its place, an older one at the end."""
        if turn is self.turns[-1]:
            self.turns.pop()
            self.current = None
            self.conversation.remove(turn)
        self.ask(turn.question)

    def retry_last(self) -> None:
        if self.turns and not self.question_job.running:
            self.retry(self.turns[-1])

    def _on_noticed(self, turn: Turn, notice: Notice) -> None:
        """What a model does not know is said once in a conversation; what became of files each time."""
        told = [one for before in self.turns if before is not turn for one in before.notices]
        if notice.key not in LANGUAGE or notice not in told:
            turn.notices.append(notice)

    def _on_found(self, turn: Turn) -> None:
        """The evidence is there, the answer is not yet."""
        view = self.conversation.view_of(turn)
        if view is not None:
            view.refresh()
            view.expand(True)
        if turn is self.current:
            self.show_current(turn)

    def _on_changed(self, turn: Turn) -> None:
        view = self.conversation.view_of(turn)
        if view is not None:
            view.refresh()

    def _on_ended(self, turn: Turn) -> None:
        self.ask_bar.set_busy(self.question_job.running)
        self._on_changed(turn)
        if turn is self.current:
            self.show_current(turn)
            if not turn.source and turn.answered:
                self._mark(turn, turn.finding.answered.citations[0].passage if turn.finding else 0)
        if turn.finding is not None:
            self._keep()
        if turn.error is not None and not isinstance(turn.error, KnownError):
            self.context.show_error(turn.error)

    def _take_last(self) -> None:
        if self.turns:
            self.ask_bar.set_text(self.turns[-1].question)

    # --- conversations ------------------------------------------------------------------------

    def new_conversation(self) -> None:
        """Leave the turns; the next question refers to nothing."""
        self.question_job.detach()
        self.turns, self._conversation_id = [], ""
        self.show_current(None)
        self.side.evidence.clear()
        self.conversation.clear()
        self.pasted.mark([], -1)
        self.ask_bar.set_busy(False)
        self.close_document()
        self._show_empty()
        self.focus_input()

    def _keep(self) -> None:
        self._conversation_id = self._conversation_id or Questions.new_id()
        source = self.turns[0].source
        self.history.save(self._conversation_id, source, self._collection_id if source else "", self.turns)

    def show_history(self) -> None:
        """List the conversations that are kept."""
        if self.history_card is None:
            self.history_card = QuestionHistoryCard(self.window())
            self.history_card.opened.connect(self.history.load)
            self.history_card.removed.connect(self._forget)
            self.history.listed.connect(self.history_card.show_rows)
        self.history.look()
        self.history_card.open(self.header.history_button)

    def open_conversation(self, kept: KeptQuestions, turns: list[Turn]) -> None:
        """Go on with a conversation of earlier, over the files that it was about if they are still here."""
        self.header.set_mode(FILES if kept.source else TEXT)
        self.collections.controller.choose(kept.collection)
        self._on_mode(self.header.mode)
        if turns and not kept.source:
            self.pasted.set_text(turns[-1].pasted)
        self._conversation_id = kept.id
        for turn in turns:
            self.turns.append(turn)
            self.conversation.add(turn)
        if turns:
            self.conversation.views[-1].expand(True)
            self.show_current(turns[-1])
        self._show_empty()

    def _forget(self, kept: KeptQuestions) -> None:
        if kept.id == self._conversation_id:
            self.new_conversation()
        self.history.remove(kept)

    def copy_current(self) -> None:
        view = self.conversation.view_of(self.current) if self.current else None
        if view is not None and view.turn.finding is not None:
            view.copy()

    def _step(self, step: int) -> None:
        if not self.turns:
            return
        at = self.turns.index(self.current) if self.current in self.turns else len(self.turns) - 1
        turn = self.turns[min(max(at + step, 0), len(self.turns) - 1)]
        self.show_current(turn)
        self.conversation.scroll_to(turn)

    # --- places -------------------------------------------------------------------------------

    def open_place(self, turn: Turn, number: int) -> None:
        """Show a passage where it stands: in its document, or in the pasted text."""
        if number >= len(turn.places):
            return
        self.show_current(turn)
        if not turn.source:
            self._mark(turn, number)
            return
        first, *others = turn.document_places(number)
        self.document.open(
            turn.where(number),
            first.start,
            first.end,
            turn.places[number].passage.page,
            text=first.text,
            more=others,
        )
        self._read()

    def open_file(self, path: Path) -> None:
        """A file of the collection, from its beginning."""
        self.document.open(path)
        self._read()

    def _read(self) -> None:
        """Show the document; where it covers the conversation it takes the focus too."""
        self.open_reading(True)
        if self.pages.currentWidget() is self.document:
            self.document.text.setFocus()

    def close_document(self) -> None:
        if self.reading:
            self.open_reading(False)
            self.focus_input()

    def _open_number(self, number: int) -> None:
        if self.current is not None:
            self.open_place(self.current, number)

    def _mark(self, turn: Turn, number: int) -> None:
        """Where the answer stands in the pasted text, if that is still the same there."""
        text = self.pasted.text()
        marks = []
        current = -1
        for place in sorted({*turn.cited(), number}):
            passage = turn.places[place].passage
            if text[passage.start : passage.end] != passage.text:
                continue
            if place == number:
                current = len(marks)
            (a, b), (c, d) = turn.sentence(place), turn.span(place)
            marks.append((passage.start + a, passage.start + b, passage.start + c, passage.start + d))
        self.pasted.mark(marks, current)

    # --- what is asked about --------------------------------------------------------------------

    def _on_mode(self, mode: str) -> None:
        self.context.settings.ask_about = mode
        self.context.save_settings()
        self.new_conversation()
        self.arrange()
        self.retranslate()
        if self.pasting and not self.pasted.text().strip():
            self.pasted.field.setFocus()

    def toggle_mode(self) -> None:
        self.header.set_mode(FILES if self.pasting else TEXT)
        self._on_mode(self.header.mode)

    def _on_collection(self, collection: Collection | None) -> None:
        """Another one is chosen, or the same has other files or another name."""
        chosen = collection.id if collection is not None else ""
        if chosen != self._collection_id and not self.pasting:
            self.new_conversation()
        self._collection_id = chosen
        self._show_empty()

    def receive_text(self, text: str) -> None:
        """A text of another panel, or a selected passage: to be asked about."""
        self.header.set_mode(TEXT)
        self._on_mode(TEXT)
        self.pasted.set_text(text)
        self.focus_input()

    def add_files(self, paths: list[Path]) -> None:
        """Files and folders join the collection, or begin one."""
        if self.pasting:
            self.toggle_mode()
        self.collections.add_paths(paths)

    def _show_empty(self) -> None:
        if self.pasting:
            kind = empty_state.TEXT if self.pasted.text().strip() else empty_state.NO_TEXT
        else:
            kind = empty_state.FILES if self.collections.current() is not None else empty_state.NO_FILES
        if kind != self.empty.kind:
            self.empty.show_kind(kind)
        self.middle.setCurrentWidget(self.conversation if self.turns else self.empty)

    # --- the window's wishes ----------------------------------------------------------------------

    def focus_input(self) -> None:
        if self.pages.currentWidget() is self.offer_page:
            self.offer.fetch_button.setFocus()  # Enter begins what is needed most
        elif self.pages.currentWidget() is self.document:
            self.document.text.setFocus()
        else:
            self.ask_bar.field.setFocus()

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Questions"))
        self.header.retranslate()
        self.empty.retranslate()
        self.pasted.retranslate()
        self.side.evidence.retranslate()
        self.scope.retranslate()
        if self.history_card is not None:
            self.history_card.retranslate()
        self.scope.setVisible(not self.pasting)
        self.ask_bar.set_placeholder(tr("Ask about this text") if self.pasting else tr("Ask these files"))
        self.conversation.restyle()
        self._show_empty()

    def shutdown(self) -> None:
        """The window closes."""
        self.keep_drafts()
        self.question_job.detach()
        self.collections.shutdown()
        try:
            self.history.shutdown()
        except KnownError as error:
            self.context.show_error(error)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.question_job.running:
            self.question_job.stop()
        elif self.reading:
            self.close_document()
        else:
            self.ask_bar.field.setFocus()
