"""Where an answer stands: its passage is shown in the document beside it, or marked in the pasted text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autogpt_desktop.ui.answer.turn import QuestionTurn
from autogpt_desktop.ui.answer.view import AnswerView


class Places:
    """``focus_input``: where the focus goes when a document is closed."""

    def __init__(self, view: AnswerView, focus_input: Callable[[], None]) -> None:
        self._view, self._focus_input = view, focus_input

    def open_place(self, turn: QuestionTurn, number: int) -> None:
        """Show a passage where it stands: in its document, or in the pasted text."""
        if number >= len(turn.places):
            return
        view = self._view
        view.show_current(turn)
        if not turn.source:
            self.mark(turn, number)
            return
        first, *others = turn.document_places(number)
        view.document.open(
            turn.where(number),
            first.start,
            first.end,
            turn.places[number].passage.page,
            text=first.text,
            more=others,
        )
        view.show_document()

    def open_number(self, number: int) -> None:
        """A passage of the turn that is shown, from 0."""
        if self._view.current is not None:
            self.open_place(self._view.current, number)

    def open_file(self, path: Path) -> None:
        """A file of the collection, from its beginning."""
        self._view.document.open(path)
        self._view.show_document()

    def close_document(self) -> None:
        if self._view.reading:
            self._view.set_reading(False)
            self._focus_input()

    def mark(self, turn: QuestionTurn, number: int) -> None:
        """Where the answer stands in the pasted text, if that is still the same there."""
        pasted = self._view.pasted
        pasted.mark(*turn.marks(pasted.text(), number))
