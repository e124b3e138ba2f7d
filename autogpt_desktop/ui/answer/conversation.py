"""A conversation of questions: its turns, the job that answers them, and what is saved of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.storage.questions import KeptQuestions, Questions
from autogpt_desktop.ui.answer.question_history import QuestionHistory
from autogpt_desktop.ui.answer.question_job import Ask, QuestionJob
from autogpt_desktop.ui.answer.turn import LANGUAGE, QuestionTurn

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class QuestionConversation(QObject):
    """``turns``, the oldest first; ``job`` tells how far the last one is, ``history`` what was saved."""

    def __init__(
        self, context: AppContext, parent: QObject, prepare: Callable[..., Iterator[object]]
    ) -> None:
        super().__init__(parent)
        self._context = context
        self.turns: list[QuestionTurn] = []
        self.job = QuestionJob(context, self, prepare)
        self.history = QuestionHistory(context, self)
        self._saved_id = ""  # "": nothing of it is saved yet
        self.job.noticed.connect(self._on_noticed)

    def subjects(self) -> list[str]:
        """What the next question may refer to."""
        return [turn.subject() for turn in self.turns]

    def ask(self, turn: QuestionTurn, ask: Ask) -> None:
        """Add a turn and answer it; one that is still being answered is stopped."""
        self.job.start(turn, ask)
        self.turns.append(turn)

    def clear(self) -> None:
        """Leave the turns; the next question refers to nothing."""
        self.job.detach()
        self.turns, self._saved_id = [], ""

    def open(self, saved: KeptQuestions, turns: list[QuestionTurn]) -> None:
        """Go on with a saved conversation; call ``clear`` before."""
        self._saved_id = saved.id
        self.turns += turns

    def save(self, collection_id: str) -> None:
        """After an answer. ``collection_id``: the collection that is asked about."""
        self._saved_id = self._saved_id or Questions.new_id()
        source = self.turns[0].source
        self.history.save(self._saved_id, source, collection_id if source else "", self.turns)

    def is_saved_as(self, saved: KeptQuestions) -> bool:
        return saved.id == self._saved_id

    def at(self, turn: QuestionTurn | None, step: int) -> QuestionTurn | None:
        """The turn ``step`` places behind ``turn``, or behind the last; None: there are no turns."""
        if not self.turns:
            return None
        now = self.turns.index(turn) if turn in self.turns else len(self.turns) - 1
        return self.turns[min(max(now + step, 0), len(self.turns) - 1)]

    def _on_noticed(self, turn: QuestionTurn, notice: Notice) -> None:
        """What a model does not know is told once in a conversation; what became of files each time."""
        earlier = [one for before in self.turns if before is not turn for one in before.notices]
        if notice.key not in LANGUAGE or notice not in earlier:
            turn.notices.append(notice)

    def shutdown(self) -> None:
        """The window closes: stop, and write what still waits to be saved."""
        self.job.detach()
        try:
            self.history.shutdown()
        except KnownError as error:
            self._context.show_error(error)
