"""Questions on their way: from the worker's events to a turn, and to whoever shows it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Text
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.tasks.answer.evidence import Finding, Places, warm_up
from autogpt_desktop.ui.answer.turn import QuestionTurn
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.panel_titles import job_title

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels
    from autogpt_desktop.ui.context import AppContext

REPAINT_MS = 50
Ask = Callable[..., Iterator[object]]  # of a job's models and ``cancelled=``


class QuestionJob(QObject):
    """One question at a time; a new one would stop the one before."""

    changed = Signal(object)  # Turn, at most every REPAINT_MS
    found = Signal(object)  # Turn: its evidence is there
    noticed = Signal(object, object)  # Turn, Notice
    ended = Signal(object)  # Turn

    def __init__(
        self, context: AppContext, parent: QObject, prepare: Callable[..., Iterator[object]] = warm_up
    ) -> None:
        super().__init__(parent)
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_ended)
        self._context, self._prepare = context, prepare
        self._warming = PanelJob(context, self)
        self._warming.ended.connect(self._on_warm)
        self._warm = False
        self.turn: QuestionTurn | None = None  # the one that is being answered
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._emit_changes)

    def warm_up(self) -> None:
        """Once: a question is being typed, so load what will answer it."""
        if self._warm:
            return
        self._warm = True

        def job(models: JobModels, cancel: threading.Event) -> Iterator[object]:
            yield from self._prepare(models, cancel.is_set)

        # not in the background: the question would load the same model a second time beside it
        self._warming.start(job, title=tr("Getting ready to answer"), role="answer")

    @property
    def running(self) -> bool:
        return self.turn is not None

    def start(self, turn: QuestionTurn, ask: Ask) -> None:
        """Fill ``turn`` with what ``ask`` yields."""
        if self.turn is not None:
            self._job.detach()
            self._finish("stopped")
        self._warm = True  # by this question
        turn.status = tr("Waiting …")
        self.turn = turn

        def job(models: JobModels, cancel: threading.Event) -> Iterator[object]:
            yield from ask(models, cancelled=cancel.is_set)

        self._job.start(job, title=job_title("answer", turn.question), role="answer")

    def stop(self) -> None:
        self._job.cancel()

    def detach(self) -> None:
        """Stop, and let the turn be as it is: its conversation is left."""
        self._job.detach()
        if self.turn is not None:
            self._finish("stopped")

    def _on_warm(self, _state: str, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, KnownError):  # a known one the question will say
            self._context.show_error(error)

    def _on_event(self, event: object) -> None:
        turn = self.turn
        if turn is None:
            return
        if isinstance(event, Places):
            turn.places = event.places
            self.found.emit(turn)
        elif isinstance(event, Text):
            turn.text += event.text
        elif isinstance(event, Finding):
            turn.finding = event
        elif isinstance(event, Notice):
            self.noticed.emit(turn, event)
        elif isinstance(event, Progress):
            share = f" {100 * event.done // event.total} %" if event.total else ""
            turn.status = f"{message(event.stage)}{share}"
        if not self._timer.isActive():
            self._timer.start(REPAINT_MS)

    def _on_ended(self, state: str, error: BaseException | None) -> None:
        if self.turn is not None:
            self.turn.error = error
            if state == "done" and self.turn.finding is None:
                state = "cancelled"
            self._finish({"done": "done", "failed": "failed"}.get(state, "stopped"))

    def _finish(self, state: str) -> None:
        turn, self.turn = self.turn, None
        self._timer.stop()
        if turn is not None:
            turn.state = state
            self.ended.emit(turn)

    def _emit_changes(self) -> None:
        if self.turn is not None:
            self.changed.emit(self.turn)
