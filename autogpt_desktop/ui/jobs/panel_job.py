"""One thing that a panel lets the worker do, and has done again with newer input: a translation, a run."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.model_jobs import InMemory, ModelsJob
from autogpt_desktop.worker import Job, JobFunction


class PanelJob(QObject):
    """At most one job at a time: ``start`` cancels the one before, of which nothing is heard any more.

    Its parent is the panel, and ends it: a job that still runs then is cancelled.
    """

    yielded = Signal(object)  # what the job's generator yields
    ended = Signal(str, object)  # "done" | "cancelled" | "failed", the exception or None

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._job: Job | None = None

    @property
    def running(self) -> bool:
        """It waits, runs, or is suspended behind something more urgent."""
        return self._job is not None

    @property
    def id(self) -> int:
        """The worker's number for it; 0: nothing runs."""
        return self._job.id if self._job else 0

    def start(self, job: ModelsJob, *, title: str, role: str, lane: str = "interactive") -> None:
        """Queue ``job(models, cancel)`` for a role, see ``AppContext.submit_with_models``."""
        self.detach()
        self._follow(self._context.submit_with_models(job, title=title, role=role, lane=lane))

    def start_plain(self, job: JobFunction, *, title: str, lane: str = "interactive") -> None:
        """Queue a job that needs no model: reading a file, exporting."""
        self.detach()
        self._follow(self._context.worker.submit(job, title=title, lane=lane))

    def cancel(self) -> None:
        """Ask it to stop; ``ended("cancelled")`` follows."""
        if self._job:
            self._job.cancel()

    def detach(self) -> None:
        """Cancel it and hear nothing more of it, ``ended`` neither."""
        stale, self._job = self._job, None
        if stale:
            stale.event.disconnect(self._on_event)
            stale.finished.disconnect(self._on_finished)
            stale.cancel()

    def _follow(self, job: Job) -> None:
        self._job = job
        job.event.connect(self._on_event)
        job.finished.connect(self._on_finished)

    def _on_event(self, event: object) -> None:
        if not isinstance(event, InMemory):
            self.yielded.emit(event)

    def _on_finished(self, state: str, error: object) -> None:
        self._job = None
        self.ended.emit(state, _known(error))


def _known(error: object) -> object:
    """Memory runs out in whatever a job does, and is no bug."""
    if isinstance(error, Exception) and not isinstance(error, KnownError):
        from autogpt_desktop.engine.memory import out_of_memory

        if out_of_memory(error):
            return KnownError("no-memory-for-job")
    return error
