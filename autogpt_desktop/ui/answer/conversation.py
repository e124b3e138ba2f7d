"""A conversation of questions: its turns, the job that answers them, and what is saved of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.storage.questions import KeptQuestions, Questions
from autogpt_desktop.ui.answer.question_history import QuestionHistory
from autogpt_desktop.ui.answer.question_job import Ask, QuestionJob
from autogpt_desktop.ui.answer.turn import LANGUAGE, QuestionTurn

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class QuestionConversation(QObject):
    """``turns``, the oldest first; ``job`` tells how far the one is that is answered, ``history`` what was
    saved. ``mode`` is what is asked about: each has a conversation of its own.
    """

    begun = Signal(object)  # Turn: it is being answered now

    def __init__(
        self,
        context: AppContext,
        parent: QObject,
        prepare: Callable[..., Iterator[object]],
        history: QuestionHistory,
        mode: str,
    ) -> None:
        super().__init__(parent)
        self._context, self._mode = context, mode
        self.turns: list[QuestionTurn] = []
        self._waiting: list[tuple[QuestionTurn, Ask]] = []
        self.job = QuestionJob(context, self, prepare)
        self.history = history
        self._saved_id = ""  # "": nothing of it is saved yet
        self.job.noticed.connect(self._on_noticed)
        self.job.ended.connect(self._start_next)

    def ask(self, turn: QuestionTurn, ask: Ask) -> None:
        """Add a turn and answer it, after those that were asked before. ``ask`` is told in ``previous``
        what it may refer to."""
        self.turns.append(turn)
        self._waiting.append((turn, ask))
        if self.job.running:
            turn.state = "waiting"
        else:
            self._start_next()

    def _start_next(self, _ended: QuestionTurn | None = None) -> None:
        if not self._waiting or self.job.running:
            return
        turn, ask = self._waiting.pop(0)
        previous = [before.subject() for before in self.turns[: self.turns.index(turn)]]
        turn.state = "running"
        self.job.start(turn, partial(ask, previous=previous))
        self.begun.emit(turn)

    def cancel(self, turn: QuestionTurn) -> None:
        """Take back a question that waits."""
        self._waiting = [one for one in self._waiting if one[0] is not turn]
        turn.state = "stopped"

    def clear(self) -> None:
        """Leave the turns; the next question refers to nothing."""
        self._waiting = []
        self.job.detach()
        self.turns = []
        self._remember("")

    def open(self, saved: KeptQuestions, turns: list[QuestionTurn]) -> None:
        """Go on with a saved conversation; call ``clear`` before."""
        self.turns += turns
        self._remember(saved.id)

    def save(self, collection_id: str) -> None:
        """After an answer, or when it was stopped. ``collection_id``: the collection that is asked about."""
        self._remember(self._saved_id or Questions.new_id())
        source = self.turns[0].source
        self.history.save(self._saved_id, source, collection_id if source else "", self.turns)

    def _remember(self, saved_id: str) -> None:
        """That this conversation is the one to go on with when the window is opened again."""
        self._saved_id = saved_id
        opened = self._context.settings.open_questions
        if opened.get(self._mode, "") != saved_id:
            opened[self._mode] = saved_id
            self._context.save_settings(by_user=False)

    def restore(self) -> None:
        """Ask for what was open when the window was closed; the history's ``restored`` follows."""
        if saved_id := self._context.settings.open_questions.get(self._mode, ""):
            self.history.restore(self._mode, saved_id)

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
        for turn, _ask in self._waiting:
            turn.state = "stopped"
        self._waiting = []
        self.job.detach()
        try:
            self.history.shutdown()
        except KnownError as error:
            self._context.show_error(error)
