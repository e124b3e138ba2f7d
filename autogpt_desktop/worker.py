"""Runs jobs one at a time on one QThread.

A job is a function that takes a cancel event and returns a generator; ``submit`` gives a ``Job`` handle,
whose signals carry on the GUI thread what the generator yields and how it ended. Lanes: a generator is
suspended at a yield when a job of a lane before its own arrives, and goes on afterwards. Interactive jobs
that ``share`` take turns, so that a long answer in one panel does not hold up what is typed into another.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from PySide6.QtCore import QObject, Qt, QThread, QTimer, Signal

JobFunction = Callable[[threading.Event], Iterator[Any]]

LANES = ("interactive", "serving", "background")  # serving: other programs' requests
MAX_PENDING = 1024  # events that wait for the GUI thread; beyond that the job waits
TURN_SECONDS = 0.1  # that a job which shares may be ahead of another one
HEAD_START = 1.0  # seconds of work that a new one may do before it shares
DRAIN_SECONDS = 0.005  # of event delivery before input, timers and painting get their turn


@dataclass(frozen=True, slots=True)
class JobInfo:
    """One line of the visible queue."""

    id: int
    title: str
    lane: str  # one of LANES
    state: str  # "running" | "waiting" | "paused"
    started: float  # time.monotonic() of its first step; 0: not yet


class Job(QObject):
    """The handle of one submitted job; it belongs to the GUI thread, as its signals do.

    Signals: ``event(value)`` for each value that the generator yields, ``finished(state, error)`` once,
    after the last event: "done", "cancelled" or "failed", and the exception or None. An event of a job that
    was just cancelled may still be on its way.
    """

    # hides QObject.event, which nobody calls here
    event = Signal(object)  # type: ignore[assignment]
    finished = Signal(str, object)

    def __init__(self, worker: Worker, id: int) -> None:
        super().__init__()
        self._worker = worker
        self.id = id  # as in ``JobInfo``

    def cancel(self) -> None:
        """As ``Worker.cancel``."""
        self._worker.cancel(self.id)


@dataclass(eq=False, slots=True)
class _Queued:
    """A job as the queue has it. The handle lives until its end was delivered."""

    id: int
    handle: Job
    function: JobFunction
    title: str
    lane: str
    key: Hashable
    shares: Callable[[object], bool] | None = None
    used: float = 0.0  # seconds of work, comparable among jobs that share
    preemptible: bool = True  # another one that shares may go on here
    cancel: threading.Event = field(default_factory=threading.Event)
    generator: Iterator[Any] | None = None
    state: str = "waiting"
    started: float = 0.0

    def info(self) -> JobInfo:
        return JobInfo(self.id, self.title, self.lane, self.state, self.started)


class _Thread(QThread):
    def __init__(self, loop: Callable[[], None]) -> None:
        super().__init__()
        self._loop = loop

    def run(self) -> None:
        self._loop()


class Worker(QObject):
    """Owns the thread and the queue. Its methods and signals belong to the GUI thread.

    ``queue_changed`` carries the jobs in the order they will run; what a job yields comes by its handle.
    """

    queue_changed = Signal(object)  # tuple[JobInfo, ...], in the order they will run
    _wake = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._ids = itertools.count(1)
        self._changed = threading.Condition()  # guards everything below
        self._jobs: list[_Queued] = []  # waiting, running and paused, in order of arrival
        # handle, its signal, values: a signal alone does not keep its handle alive
        self._outbox: deque[tuple[QObject, str, tuple[Any, ...]]] = deque()
        self._awake = False  # a delivery is under way
        self._queue_stale = False  # the queue changed since queue_changed was last sent
        self._stopping = False
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(0)
        self._again.timeout.connect(self._deliver)
        self._wake.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._thread = _Thread(self._run)
        self._thread.setObjectName("worker")
        self._thread.setStackSize(16 * 2**20)  # macOS gives a second thread half a megabyte
        self._thread.start()

    # On the GUI thread

    def submit(
        self,
        function: JobFunction,
        *,
        title: str = "",
        lane: str = "interactive",
        key: Hashable = None,
        shares: Callable[[object], bool] | None = None,
    ) -> Job:
        """Queue a job and return its handle.

        A ``key`` replaces: a job of the same key that waits is dropped, one that runs is cancelled.
        ``shares`` says after which of its events other interactive jobs that share may go on; those take
        turns of equal length, a new one first. Without it, a job waits for all that came before and is
        waited for by all that come after.
        After ``stop`` a new job is reported as cancelled.
        """
        if lane not in LANES:
            raise ValueError(f"unknown lane {lane!r}")
        with self._changed:
            if key is not None:
                for stale in [other for other in self._jobs if other.key == key]:
                    self._cancel(stale)
            number = next(self._ids)
            handle = Job(self, number)
            new = _Queued(number, handle, function, title, lane, key, shares)
            used = [other.used for other in self._jobs if other.shares is not None]
            new.used = min(used, default=HEAD_START) - HEAD_START
            self._jobs.append(new)
            self._touch_queue()
            if self._stopping:
                self._cancel(new)  # a slot may still ask while the window closes
            self._changed.notify_all()
        return handle

    def cancel(self, job_id: int) -> None:
        """Stop a job: one that waits never starts, one that runs is closed at its next yield."""
        with self._changed:
            for job in [job for job in self._jobs if job.id == job_id]:
                self._cancel(job)
            self._changed.notify_all()

    def cancel_all(self) -> None:
        with self._changed:
            for job in list(self._jobs):
                self._cancel(job)
            self._changed.notify_all()

    def jobs(self) -> tuple[JobInfo, ...]:
        """The queue as it is now, in the order it will run."""
        with self._changed:
            return tuple(job.info() for job in sorted(self._jobs, key=_order))

    def stop(self, timeout_ms: int = 3000) -> bool:
        """Cancel everything, end the thread, deliver what the jobs still yielded.

        False: a job did not reach a yield in time. The thread then still runs; call again, or leave
        the process without destroying this object.
        """
        with self._changed:
            self._stopping = True
            for job in list(self._jobs):
                self._cancel(job)
            self._changed.notify_all()
        ended = self._thread.wait(timeout_ms)
        while self._deliver_one():
            pass
        return ended

    def _cancel(self, job: _Queued) -> None:
        job.cancel.set()
        if job.state == "waiting":
            self._jobs.remove(job)
            self._post(job.handle, "finished", "cancelled", None)
            self._touch_queue()

    def _deliver(self) -> None:
        """Send signals for a few milliseconds, then let the event loop breathe."""
        until = time.monotonic() + DRAIN_SECONDS
        self._again.start()  # goes on after the pause, or inside a dialog that a slot opens
        while self._deliver_one():
            if time.monotonic() > until:
                self._again.start()
                return
        self._again.stop()

    def _deliver_one(self) -> bool:
        """One at a time, so that the order survives a slot that runs an event loop of its own."""
        source: QObject
        with self._changed:
            if self._queue_stale:
                self._queue_stale = False
                infos = tuple(job.info() for job in sorted(self._jobs, key=_order))
                source, signal, values = self, "queue_changed", (infos,)
            elif self._outbox:
                source, signal, values = self._outbox.popleft()
                if len(self._outbox) == MAX_PENDING // 2:
                    self._changed.notify_all()
            else:
                self._awake = False
                return False
        getattr(source, signal).emit(*values)
        return True

    # On either thread, with the lock held

    def _post(self, source: QObject, signal: str, *values: Any) -> None:
        self._outbox.append((source, signal, values))
        self._wake_up()

    def _touch_queue(self) -> None:
        self._queue_stale = True
        self._wake_up()

    def _wake_up(self) -> None:
        if not self._awake:  # one posted event for many signals: a fast job cannot flood the loop
            self._awake = True
            self._wake.emit()

    # On the worker thread

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._jobs and not self._stopping:
                    self._changed.wait()
                if not self._jobs:
                    return
                job = self._next()
                if job.generator is None:
                    job.started = time.monotonic()
                if job.state != "running":
                    job.state = "running"
                    self._touch_queue()
            outcome, error = "failed", None
            try:
                outcome = self._step_while_first(job)
            except BaseException as caught:  # a job's SystemExit must not end the thread either
                error = caught
            with self._changed:
                if outcome == "paused":
                    job.state = "paused"
                elif outcome != "turn":
                    self._jobs.remove(job)
                    job.generator = None
                    self._post(job.handle, "finished", outcome, error)
                if outcome != "turn":
                    self._touch_queue()
            del job, error  # the thread may now wait for long: keep no frame's values alive

    def _next(self) -> _Queued:
        """Whose turn it is, with the lock held: of those that share, who has worked least."""
        jobs = sorted(self._jobs, key=_order)
        head = jobs[0]
        if head.cancel.is_set() or head.shares is None or head.lane != "interactive":
            return head
        group = list(takewhile(lambda job: job.shares is not None and job.lane == head.lane, jobs))
        return min(group, key=lambda job: (job.preemptible, job.used))

    def _turn_is_over(self, job: _Queued) -> bool:
        other = self._next()
        return job.preemptible and other is not job and job.used - other.used > TURN_SECONDS

    def _step_while_first(self, job: _Queued) -> str:
        """Advance the job until it ends, is cancelled, its turn is over, or another one comes first."""
        while not job.cancel.is_set():
            if job.generator is None:
                job.generator = iter(job.function(job.cancel))
            job.preemptible, began = False, time.monotonic()
            try:
                value = next(job.generator)
            except StopIteration:
                return "cancelled" if job.cancel.is_set() else "done"
            preemptible = job.shares is not None and job.shares(value)
            with self._changed:
                job.used += time.monotonic() - began
                job.preemptible = preemptible
                self._post(job.handle, "event", value)
                del value
                if len(self._outbox) > MAX_PENDING:
                    self._changed.wait_for(lambda: self._has_room(job))
                if job.cancel.is_set():
                    continue
                if _order(min(self._jobs, key=_order))[:2] < _order(job)[:2]:
                    return "paused"
                if job.lane == "interactive" and self._turn_is_over(job):
                    return "turn"
        close = getattr(job.generator, "close", None)
        if close is not None:
            close()
        return "cancelled"

    def _has_room(self, job: _Queued) -> bool:
        return len(self._outbox) <= MAX_PENDING // 2 or job.cancel.is_set()


def _order(job: _Queued) -> tuple[bool, int, int]:
    """What runs first: a cancelled job has to be closed, then interactive ones, then arrival."""
    return (not job.cancel.is_set(), LANES.index(job.lane), job.id)
