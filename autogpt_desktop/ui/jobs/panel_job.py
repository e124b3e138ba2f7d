"""One thing that a panel lets the worker do, and has done again with newer input: a translation, a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.model_jobs import InMemory, ModelsJob


class PanelJob(QObject):
    """At most one job at a time: ``start`` cancels the one before, of which nothing is heard any more.

    Its parent is the panel, and ends it: a job that still runs then is cancelled.
    """

    yielded = Signal(object)  # what the job's generator yields
    ended = Signal(str, object)  # "done" | "cancelled" | "failed", the exception or None

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._id = 0
        context.worker.event.connect(self._on_event)
        context.worker.finished.connect(self._on_finished)

    @property
    def running(self) -> bool:
        """It waits, runs, or is suspended behind something more urgent."""
        return self._id != 0

    @property
    def id(self) -> int:
        """The worker's number for it; 0: nothing runs."""
        return self._id

    def start(self, job: ModelsJob, *, title: str, role: str, lane: str = "interactive") -> None:
        """Queue ``job(models, cancel)`` for a role, see ``AppContext.submit_with_models``."""
        self.drop()
        self._id = self._context.submit_with_models(job, title=title, role=role, lane=lane)

    def start_plain(
        self, job: Callable[[Event], Iterator[Any]], *, title: str, lane: str = "interactive"
    ) -> None:
        """Queue a job that needs no model: reading a file, exporting."""
        self.drop()
        self._id = self._context.worker.submit(job, title=title, lane=lane)

    def cancel(self) -> None:
        """Ask it to stop; ``ended("cancelled")`` follows."""
        if self._id:
            self._context.worker.cancel(self._id)

    def drop(self) -> None:
        """Cancel it and hear nothing more of it, ``ended`` neither."""
        stale, self._id = self._id, 0
        if stale:
            self._context.worker.cancel(stale)

    def _on_event(self, job_id: int, event: object) -> None:
        if self._id and job_id == self._id and not isinstance(event, InMemory):
            self.yielded.emit(event)

    def _on_finished(self, job_id: int, state: str, error: object) -> None:
        if self._id and job_id == self._id:
            self._id = 0
            self.ended.emit(state, error)
