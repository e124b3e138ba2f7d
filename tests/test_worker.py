"""The worker on its real thread: order, lanes, keys, cancelling, failures, floods."""

from __future__ import annotations

import gc
import itertools
import threading
import time
import weakref
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from PySide6.QtCore import QEventLoop, QObject, QThread, QTimer

from autogpt_desktop.errors import KnownError
from autogpt_desktop.worker import MAX_PENDING, Job, Worker


class Recorder(QObject):
    """Writes down every signal, and the thread it arrived on."""

    def __init__(self, worker: Worker) -> None:
        super().__init__()
        self.events: list[tuple[int, Any]] = []
        self.ends: list[tuple[int, str, Any]] = []
        self.queues: list[tuple] = []
        self.log: list[tuple] = []
        self.threads: set[QThread] = set()
        self.handles: dict[int, Job] = {}
        self._submit = worker.submit
        worker.submit = self.submit  # the tests name jobs by their ids
        worker.queue_changed.connect(self.on_queue)

    def submit(self, *given: Any, **options: Any) -> int:
        job = self._submit(*given, **options)
        job.event.connect(partial(self.on_event, job.id))
        job.finished.connect(partial(self.on_finished, job.id))
        self.handles[job.id] = job
        return job.id

    def on_event(self, job_id: int, value: Any) -> None:
        self.threads.add(QThread.currentThread())
        self.events.append((job_id, value))
        self.log.append(("event", job_id))

    def on_finished(self, job_id: int, outcome: str, error: Any) -> None:
        self.ends.append((job_id, outcome, error))
        self.log.append(("end", job_id))

    def on_queue(self, infos: tuple) -> None:
        self.queues.append(infos)

    def outcome(self, job_id: int) -> str | None:
        return next((outcome for job, outcome, _ in self.ends if job == job_id), None)

    def values(self, job_id: int) -> list[Any]:
        return [value for job, value in self.events if job == job_id]


@pytest.fixture
def worker(qtbot) -> Iterator[Worker]:
    worker = Worker()
    yield worker
    assert worker.stop()


@pytest.fixture
def seen(worker) -> Recorder:
    return Recorder(worker)


def count(n: int):
    def job(_cancel: threading.Event) -> Iterator[int]:
        yield from range(n)

    return job


def until_cancelled(closed: list[str] | None = None, name: str = ""):
    """Yields every millisecond until someone stops it; notes that its finally block ran, and where."""

    def job(_cancel: threading.Event) -> Iterator[int]:
        number = 0
        try:
            while True:
                yield number
                number += 1
                time.sleep(0.001)
        finally:
            if closed is not None:
                closed.append(name or threading.current_thread().name)

    return job


def test_jobs_run_in_order_off_the_gui_thread(qtbot, worker, seen):
    where = []

    def job(_cancel):
        where.append(QThread.currentThread())
        yield "a"

    first, second, third = worker.submit(job), worker.submit(count(3)), worker.submit(count(2))
    qtbot.waitUntil(lambda: len(seen.ends) == 3)
    assert seen.events == [
        (first, "a"), (second, 0), (second, 1), (second, 2), (third, 0), (third, 1),
    ]  # fmt: skip
    assert [end[:2] for end in seen.ends] == [(first, "done"), (second, "done"), (third, "done")]
    assert seen.threads == {QThread.currentThread()}
    assert where[0] is not QThread.currentThread()
    assert where[0].objectName() == "worker"


def test_the_end_comes_after_the_last_event(qtbot, worker, seen):
    job = worker.submit(count(500))
    qtbot.waitUntil(lambda: seen.outcome(job) == "done")
    assert seen.log == [("event", job)] * 500 + [("end", job)]


def test_a_handle_hears_of_its_own_job_alone(qtbot, worker):
    heard: list[tuple[str, object]] = []
    first, second = worker.submit(count(2)), worker.submit(until_cancelled())
    first.event.connect(lambda value: heard.append(("first", value)))
    first.finished.connect(lambda state, error: heard.append(("first", (state, error))))
    states: list[str] = []
    second.finished.connect(lambda state, _error: states.append(state))
    second.event.connect(lambda value: second.cancel() if value == 3 else None)
    qtbot.waitUntil(lambda: bool(states))
    assert heard == [("first", 0), ("first", 1), ("first", ("done", None))]
    assert states == ["cancelled"]


def test_a_handle_that_nobody_keeps_lives_until_its_end_and_no_longer(qtbot, worker):
    ended: list[str] = []
    handle = worker.submit(count(3))
    handle.finished.connect(lambda state, _error: ended.append(state))
    known = weakref.ref(handle)
    del handle
    qtbot.waitUntil(lambda: ended == ["done"])
    qtbot.waitUntil(lambda: not worker.jobs())
    gc.collect()
    assert known() is None


def test_background_is_suspended_and_goes_on(qtbot, worker, seen):
    release = threading.Event()

    def background(_cancel):
        for number in range(2000):
            yield number
            if release.is_set() and number > 50:
                return
            time.sleep(0.001)

    slow = worker.submit(background, lane="background", title="index")
    qtbot.waitUntil(lambda: len(seen.values(slow)) > 5)
    later = worker.submit(count(1), lane="background")
    fast = worker.submit(until_cancelled(), title="chat")
    qtbot.waitUntil(lambda: len(seen.values(fast)) > 10)
    states = {info.id: info.state for info in worker.jobs()}
    assert states == {fast: "running", slow: "paused", later: "waiting"}
    assert [info.id for info in worker.jobs()] == [fast, slow, later]
    stood = len(seen.values(slow))
    qtbot.wait(30)
    assert len(seen.values(slow)) == stood
    release.set()
    worker.cancel(fast)
    qtbot.waitUntil(lambda: seen.outcome(later) == "done")
    assert seen.outcome(slow) == "done"
    assert seen.values(slow) == list(range(len(seen.values(slow))))  # nothing lost, nothing twice
    assert [end[0] for end in seen.ends] == [fast, slow, later]


def test_an_interactive_job_that_waits_runs_before_background_that_waits(qtbot, worker, seen):
    gate = worker.submit(until_cancelled())
    low = worker.submit(count(1), lane="background")
    high = worker.submit(count(1))
    worker.cancel(gate)
    qtbot.waitUntil(lambda: len(seen.ends) == 3)
    assert [end[0] for end in seen.ends] == [gate, high, low]


def test_other_programs_come_behind_the_window_and_before_the_background(qtbot, worker, seen):
    slow = worker.submit(until_cancelled(), lane="background")
    qtbot.waitUntil(lambda: len(seen.values(slow)) > 2)
    served = worker.submit(until_cancelled(), lane="serving")
    qtbot.waitUntil(lambda: len(seen.values(served)) > 2, timeout=20_000)
    typed = worker.submit(until_cancelled())
    qtbot.waitUntil(lambda: len(seen.values(typed)) > 2, timeout=20_000)
    assert [(info.id, info.state) for info in worker.jobs()] == [
        (typed, "running"), (served, "paused"), (slow, "paused")
    ]  # fmt: skip
    worker.cancel_all()
    qtbot.waitUntil(lambda: len(seen.ends) == 3, timeout=20_000)


def test_a_key_replaces_what_waits_and_cancels_what_runs(qtbot, worker, seen):
    closed: list[str] = []
    started = []

    def never(_cancel):
        started.append(True)
        yield "stale"

    running = worker.submit(until_cancelled(closed, "closed"), key="translate")
    qtbot.waitUntil(lambda: len(seen.values(running)) > 2)
    other = worker.submit(count(1), key="else")
    # The running job is cancelled at once; the second waits behind it only until it is replaced too.
    with worker._changed:  # hold the thread between two yields, so that the second surely waits
        stale = worker.submit(never, key="translate")
        fresh = worker.submit(count(1), key="translate")
    qtbot.waitUntil(lambda: len(seen.ends) == 4)
    outcomes = {end[0]: end[1] for end in seen.ends}
    assert outcomes == {running: "cancelled", stale: "cancelled", fresh: "done", other: "done"}
    assert closed == ["closed"]
    assert not started


def test_cancel_stops_at_the_next_yield_and_runs_finally(qtbot, worker, seen):
    closed: list[str] = []
    produced = []

    def job(_cancel):
        try:
            while True:
                time.sleep(0.005)
                produced.append(time.monotonic())
                yield len(produced)
        finally:
            closed.append("yes")

    running = worker.submit(job)
    qtbot.waitUntil(lambda: len(seen.values(running)) > 3)
    at = time.monotonic()
    worker.cancel(running)
    qtbot.waitUntil(lambda: seen.outcome(running) == "cancelled")
    assert closed == ["yes"]
    assert sum(moment > at for moment in produced) <= 1
    assert seen.values(running) == list(range(1, len(produced) + 1))  # what was yielded is delivered


def test_a_job_sees_the_cancel_event_itself(qtbot, worker, seen):
    def job(cancel):
        yield "ready"
        assert cancel.wait(5)
        yield "saw it"

    running = worker.submit(job)
    qtbot.waitUntil(lambda: seen.values(running) == ["ready"])
    worker.cancel(running)
    qtbot.waitUntil(lambda: seen.outcome(running) == "cancelled")
    assert seen.values(running) == ["ready", "saw it"]


def test_a_cancelled_waiting_job_never_starts(qtbot, worker, seen):
    gate = worker.submit(until_cancelled())
    started = []
    waiting = worker.submit(lambda cancel: started.append(True) or iter(()))
    worker.cancel(waiting)
    qtbot.waitUntil(lambda: seen.outcome(waiting) == "cancelled")
    worker.cancel(gate)
    last = worker.submit(count(0))
    qtbot.waitUntil(lambda: seen.outcome(last) == "done")
    assert not started


def test_a_paused_job_that_is_cancelled_is_closed_at_once_on_the_worker_thread(qtbot, worker, seen):
    closed: list[str] = []
    slow = worker.submit(until_cancelled(closed), lane="background")
    qtbot.waitUntil(lambda: len(seen.values(slow)) > 2)
    fast = worker.submit(until_cancelled())
    qtbot.waitUntil(lambda: len(seen.values(fast)) > 2)
    worker.cancel(slow)
    qtbot.waitUntil(lambda: seen.outcome(slow) == "cancelled")
    assert len(closed) == 1
    assert closed[0] != threading.current_thread().name
    assert seen.outcome(fast) is None
    before = len(seen.values(fast))
    qtbot.waitUntil(lambda: len(seen.values(fast)) > before)


def test_a_failure_is_delivered_with_its_traceback_and_the_next_job_runs(qtbot, worker, seen):
    def broken(_cancel):
        yield 1
        raise ZeroDivisionError("here")

    def known(_cancel):
        raise KnownError("no-model")
        yield

    def leaves(_cancel):
        raise SystemExit(3)
        yield

    def bad_cleanup(_cancel):
        try:
            yield 1
        finally:
            raise LookupError("in finally")

    def not_a_generator(_cancel):
        return 5

    jobs = [worker.submit(job) for job in (broken, known, leaves, bad_cleanup, not_a_generator, count(1))]
    qtbot.waitUntil(lambda: len(seen.ends) == 6)
    assert [end[1] for end in seen.ends] == ["failed"] * 5 + ["done"]
    errors = {end[0]: end[2] for end in seen.ends}
    kinds = [type(errors[job]) for job in jobs]
    assert kinds == [ZeroDivisionError, KnownError, SystemExit, LookupError, TypeError, type(None)]
    names = []
    trace = errors[jobs[0]].__traceback__
    while trace:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    assert names[-1] == "broken"
    assert errors[jobs[1]].key == "no-model"


def test_queue_changed_tells_the_queue(qtbot, worker, seen):
    before = time.monotonic()
    chat = worker.submit(until_cancelled(), title="Answering")
    index = worker.submit(count(1), title="Indexing", lane="background")
    qtbot.waitUntil(lambda: bool(seen.values(chat)))
    qtbot.waitUntil(lambda: bool(seen.queues))
    running, waiting = seen.queues[-1]
    assert (running.id, running.title, running.lane, running.state) == (
        chat, "Answering", "interactive", "running",
    )  # fmt: skip
    assert before <= running.started <= time.monotonic()
    assert (waiting.id, waiting.title, waiting.lane, waiting.state, waiting.started) == (
        index, "Indexing", "background", "waiting", 0.0,
    )  # fmt: skip
    worker.cancel_all()
    qtbot.waitUntil(lambda: len(seen.ends) == 2 and seen.queues[-1] == ())
    assert worker.jobs() == ()


@pytest.mark.slow
def test_a_flood_of_events_does_not_starve_the_event_loop(qtbot, worker, seen):
    ticks: list[float] = []

    class Clock(QObject):
        def tick(self) -> None:
            ticks.append(time.monotonic())

    clock = Clock()
    timer = QTimer()
    timer.timeout.connect(clock.tick)
    timer.start(5)
    most = []

    def flood(_cancel):
        for number in range(20_000):
            if number % 500 == 0:
                most.append(len(worker._outbox))
            yield number

    job = worker.submit(flood)
    qtbot.waitUntil(lambda: seen.outcome(job) == "done", timeout=20_000)
    timer.stop()
    assert seen.values(job) == list(range(20_000))
    assert max(most) <= MAX_PENDING + 1  # the job waits for the window, not the other way round
    gaps = sorted(b - a for a, b in itertools.pairwise(ticks))
    assert len(ticks) > 5, gaps[-5:]
    assert gaps[len(gaps) // 2] < 0.05, gaps[-5:]


def test_events_go_on_inside_a_dialog_that_a_slot_opens(qtbot, worker):
    class Opener(QObject):
        def __init__(self) -> None:
            super().__init__()
            self.loop = QEventLoop()
            self.order: list[int] = []

        def on_event(self, value: int) -> None:
            self.order.append(value)
            if value == 0:
                QTimer.singleShot(5000, self.loop.quit)
                self.loop.exec()
                self.order.append(-1)
            elif value == 49:
                self.loop.quit()

    opener = Opener()
    at = time.monotonic()
    worker.submit(count(50)).event.connect(opener.on_event)
    qtbot.waitUntil(lambda: -1 in opener.order)
    assert opener.order == [*range(50), -1]
    assert time.monotonic() - at < 4


def test_stop_closes_the_running_job_and_delivers_what_it_wrote(qtbot):
    worker = Worker()
    seen = Recorder(worker)
    closed: list[str] = []
    running = worker.submit(until_cancelled(closed, "running"))
    waiting = worker.submit(count(1))
    qtbot.waitUntil(lambda: len(seen.values(running)) > 3)
    at = time.monotonic()
    assert worker.stop()
    assert time.monotonic() - at < 5
    assert closed == ["running"]
    assert seen.outcome(running) == "cancelled"
    assert seen.outcome(waiting) == "cancelled"
    assert seen.values(running) == list(range(len(seen.values(running))))
    late = worker.submit(count(1))
    qtbot.waitUntil(lambda: seen.outcome(late) == "cancelled")
    assert worker.stop()  # twice is fine


def test_stop_says_when_a_job_does_not_yield(qtbot):
    worker = Worker()
    seen = Recorder(worker)
    go = threading.Event()

    def deaf(_cancel):
        yield 1
        go.wait(10)
        yield 2

    job = worker.submit(deaf)
    qtbot.waitUntil(lambda: seen.values(job) == [1])
    assert not worker.stop(50)
    go.set()
    assert worker.stop()
    assert seen.values(job) == [1, 2]
    assert seen.outcome(job) == "cancelled"


def test_stop_while_the_job_waits_for_a_full_outbox(qtbot):
    worker = Worker()
    seen = Recorder(worker)
    job = worker.submit(count(10**9))
    deadline = time.monotonic() + 5
    while len(worker._outbox) <= MAX_PENDING and time.monotonic() < deadline:
        time.sleep(0.005)  # no event loop runs: nothing is delivered
    assert worker.stop()
    assert seen.outcome(job) == "cancelled"
    assert seen.values(job) == list(range(len(seen.values(job))))
    assert len(seen.events) > MAX_PENDING


def test_an_unknown_lane_is_a_mistake(worker):
    with pytest.raises(ValueError, match="lane"):
        worker.submit(count(1), lane="fast")


def works(name, log, *, seconds=0.02, times=10, loads=0):
    """A job that first loads (None) and then says its name after each piece of work."""

    def job(_cancel):
        for step in range(loads + times):
            time.sleep(seconds)
            log.append(name)
            yield name if step >= loads else None

    return job


def is_name(event):
    return event is not None


@pytest.mark.slow
def test_jobs_that_share_take_turns(qtbot, worker, seen, monkeypatch):
    monkeypatch.setattr("autogpt_desktop.worker.HEAD_START", 0.06)
    monkeypatch.setattr("autogpt_desktop.worker.TURN_SECONDS", 0.03)
    log = []
    answer = worker.submit(works("answer", log, times=60), title="Chat", shares=is_name)
    qtbot.waitUntil(lambda: len(log) > 5)
    typed = worker.submit(works("typed", log, times=20), title="Translate", shares=is_name)
    qtbot.waitUntil(lambda: "typed" in log)
    assert {job.state for job in worker.jobs()} == {"running"}
    qtbot.waitUntil(lambda: len(seen.ends) == 2)
    assert [end[0] for end in seen.ends] == [typed, answer], "the short one did not wait for the long one"
    begun, ended = log.index("typed"), len(log) - log[::-1].index("typed")
    assert 5 < log[begun:ended].count("answer") < 55, "and the long one went on beside it"


@pytest.mark.slow
def test_a_job_shares_only_after_it_has_loaded(qtbot, worker, seen, monkeypatch):
    monkeypatch.setattr("autogpt_desktop.worker.TURN_SECONDS", 0.0)
    log = []
    worker.submit(works("first", log, loads=8, times=4), shares=is_name)
    qtbot.waitUntil(lambda: bool(log))
    stale = worker.submit(works("stale", log), shares=is_name)
    worker.submit(works("second", log, times=4), shares=is_name)
    worker.cancel(stale)
    qtbot.waitUntil(lambda: len(seen.ends) == 3)
    assert log[:9] == ["first"] * 9
    assert "stale" not in log


@pytest.mark.slow
def test_a_job_that_does_not_share_keeps_its_place(qtbot, worker, seen, monkeypatch):
    monkeypatch.setattr("autogpt_desktop.worker.TURN_SECONDS", 0.0)
    log = []
    worker.submit(works("before", log, times=8), shares=is_name)
    worker.submit(works("load", log, times=3))
    worker.submit(works("after", log, times=3), shares=is_name)
    qtbot.waitUntil(lambda: len(seen.ends) == 3)
    assert log == ["before"] * 8 + ["load"] * 3 + ["after"] * 3


@pytest.mark.slow
def test_a_job_that_had_its_turn_can_be_cancelled(qtbot, worker, seen, monkeypatch):
    monkeypatch.setattr("autogpt_desktop.worker.TURN_SECONDS", 0.0)
    monkeypatch.setattr("autogpt_desktop.worker.HEAD_START", 0.0)
    log = []
    answer = worker.submit(works("answer", log, times=500), shares=is_name)
    worker.submit(works("typed", log, times=30), shares=is_name)
    qtbot.waitUntil(lambda: "typed" in log and "answer" in log)
    worker.cancel(answer)
    qtbot.waitUntil(lambda: len(seen.ends) == 2)
    assert seen.ends[0][:2] == (answer, "cancelled")
    assert log.count("typed") == 30
