"""A run's process: it stops, is cut, slept over, runs out of disk, and always leaves what was kept."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.clock import WorkClock
from autogpt_desktop.lab.process import Stop, work
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs import launch
from autogpt_desktop.lab.runs.events import (
    Checkpoint,
    DataFound,
    Event,
    Failed,
    Finished,
    Notice,
    Resumed,
    Train,
)
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.log import LogReader
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from tests.lab.data.test_prepare import prose

SPEC = RunSpec("new", DataSpec(("/texts",)), minutes=5, name="test")


def events(run: Run) -> list[Event]:
    return [logged.event for logged in LogReader(run.log).read_all()]


def count(run: Run, stop: Any, clock: Any) -> Iterator[Event]:
    """Training that counts: its only state is a number in a file."""
    state = run.folder / "checkpoint"
    at = int(state.read_text()) if state.exists() else 0
    if at:
        yield Resumed(at)
    for step in range(at + 1, 1001):
        yield Train(step, step, 1000.0 / step, 1e-3, 1.0)
        if step % 10 == 0 or stop():
            scratch = run.folder / "scratch"
            scratch.write_text(str(step))
            os.replace(scratch, state)
            yield Checkpoint(step)
        if stop():
            break
        time.sleep(run.spec.options.get("pause", 0))
    (run.folder / "result").mkdir(exist_ok=True)
    (run.folder / "result" / "config.json").write_text("{}")
    yield Finished("stopped" if stop() else "time", "result", 1000.0 / step)


def test_events_are_logged_with_seconds_of_work_and_reported() -> None:
    run, told = runs.create(SPEC), list[Any]()
    now = iter(float(number) for number in range(1, 1000))

    def make(run: Run, stop: Any, clock: Any) -> Iterator[Event]:
        yield Train(1, 1, 1.0, 1e-3, 1.0)
        yield Finished("time", "result", 1.0)

    clock = WorkClock(now=lambda: next(now), ticking=False)
    done = work(run, told.append, make=make, clock=clock)
    assert (done.state, done.finished) == ("finished", Finished("time", "result", 1.0))
    assert LogReader(run.log).read_all() == told
    assert [logged.seconds for logged in told] == [1.0, 2.0]
    with pytest.raises(KnownError, match="run-cannot-resume"):
        work(run, make=make)


@pytest.mark.slow
def test_a_stop_file_ends_it_with_a_usable_model_and_it_goes_on_from_there() -> None:
    run = runs.create(SPEC)

    def stop_soon(logged: Any) -> None:
        if getattr(logged.event, "step", 0) == 25:
            run.request_stop()

    class Looking(Stop):
        def __init__(self) -> None:
            super().__init__(run, now=iter(range(10**9)).__next__)

    stopped = work(run, stop_soon, make=count, stop=Looking())
    assert stopped.state == "stopped"
    assert stopped.result is not None
    assert stopped.can_resume
    assert not run.stop_requested()
    done = work(run, make=count)
    assert done.state == "finished"
    steps = [event.step for event in events(run) if isinstance(event, Train)]
    assert steps == list(range(1, 1001))
    assert done.seconds >= stopped.seconds > 0


@pytest.mark.slow
def test_only_one_process_works_on_a_run() -> None:
    run = runs.create(SPEC)

    def make(run: Run, stop: Any, clock: Any) -> Iterator[Event]:
        with pytest.raises(KnownError, match="run-is-running"):
            work(run, make=count)
        assert runs.again(run).state == "running"
        with pytest.raises(KnownError, match="run-is-running"):
            launch.start(run)
        yield Finished("time", "result")

    assert work(run, make=make).state == "finished"


@pytest.mark.parametrize(
    ("error", "key"),
    [
        (KnownError("lab-data-none"), "lab-data-none"),
        (OSError(errno.ENOSPC, "full"), "run-disk-full"),
        (PermissionError(errno.EACCES, "no"), "run-not-written"),
        (MemoryError(), "run-no-memory"),
        (ZeroDivisionError("a fault"), "run-failed"),
    ],
)
def test_what_goes_wrong_is_said_and_can_be_resumed(error: Exception, key: str) -> None:
    run = runs.create(SPEC)

    def make(run: Run, stop: Any, clock: Any) -> Iterator[Event]:
        yield Checkpoint(3)
        raise error

    failed = work(run, make=make)
    assert failed.state == "failed"
    assert failed.error is not None
    assert failed.error.key == key
    assert (failed.step, failed.can_resume) == (3, True)
    assert run.output.exists() == (key == "run-failed")
    if key == "run-failed":
        assert "ZeroDivisionError: a fault" in run.output.read_text()


def test_a_disk_that_is_full_for_the_log_too_leaves_it_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    run, told = runs.create(SPEC), list[Any]()

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    def make(run: Run, stop: Any, clock: Any) -> Iterator[Event]:
        yield Checkpoint(3)
        monkeypatch.setattr(os, "write", full)
        yield Train(4, 1, 1.0, 1e-3, 1.0)

    left = work(run, told.append, make=make)
    monkeypatch.undo()
    assert isinstance(told[-1].event, Failed)
    assert told[-1].event.key == "run-disk-full"
    assert (left.state, left.step) == ("interrupted", 3)
    assert run.log.read_bytes().endswith(b"}\n")


def test_sleep_is_no_work() -> None:
    times = iter([0.0, 1.0, 2.0, 3602.0, 3603.0, *(3604.0 + n for n in range(100))])
    clock = WorkClock(10.0, now=lambda: next(times), ticking=False)
    assert [clock() for _ in range(4)] == [11.0, 12.0, 12.0, 13.0]
    assert (clock.slept(), clock.slept()) == (3600.0, 0.0)
    run = runs.create(SPEC)
    times = iter([0.0, 1.0, 3000.0, *(3001.0 + n for n in range(100))])

    def make(run: Run, stop: Any, clock: Any) -> Iterator[Event]:
        clock()
        clock()
        yield Finished("time", "result")

    work(run, make=make, clock=WorkClock(now=lambda: next(times), ticking=False))
    assert events(run)[0] == Notice("notice.run-slept", {"minutes": "50"})


def test_time_that_is_too_short_is_said() -> None:
    run = runs.create(RunSpec("new", DataSpec(("/texts",)), minutes=0.01))
    failed = work(run, make=count)
    assert failed.error is not None
    assert failed.error.key == "run-no-time"


def start(run: Run) -> subprocess.Popen[bytes]:
    """A child process that works on it by ``count``."""
    code = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from autogpt_desktop.lab.process import Stop, work\n"
        "from autogpt_desktop.lab.runs import folder as runs\n"
        "from tests.lab.test_process import count\n"
        "from pathlib import Path\n"
        "run = runs.read(Path(sys.argv[1])); stop = Stop(run)\n"
        "with stop.on_signals(): work(run, make=count, stop=stop)\n"
    )
    places = [str(paths.import_root()), *sys.path]
    return subprocess.Popen([sys.executable, "-c", code, str(run.folder), *filter(None, places)])


def wait_for(run: Run, step: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if any(isinstance(event, Train) and event.step >= step for event in events(run)):
            return
        time.sleep(0.02)
    raise AssertionError("nothing came")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_killed_and_resumed_it_is_the_same_curve() -> None:
    run = runs.create(replace(SPEC, options={"pause": 0.002}))
    process = start(run)
    wait_for(run, 55)
    assert runs.again(run).state == "running"
    process.send_signal(signal.SIGKILL)
    process.wait()
    cut = runs.again(run)
    assert (cut.state, cut.can_resume) == ("interrupted", True)
    with run.log.open("ab") as file:
        file.write(b'{"event": "train", "sec')
    process = start(run)
    wait_for(run, 300)
    process.terminate()
    assert process.wait(60) == 0
    stopped = runs.again(run)
    assert stopped.state == "stopped"
    assert stopped.result is not None
    lines = [json.loads(line) for line in run.log.read_text().splitlines()]
    curve = {line["step"]: line["loss"] for line in lines if line["event"] == "train"}
    assert curve == {step: 1000.0 / step for step in range(1, max(curve) + 1)}
    assert [line["seconds"] for line in lines] == sorted(line["seconds"] for line in lines)


@pytest.mark.slow
def test_a_launched_process_is_apart_and_says_why_it_failed(tmp_path: Path) -> None:
    run = runs.create(RunSpec("new", DataSpec((str(tmp_path / "gone"),)), minutes=5))
    launch.start(run)
    assert launch.is_starting(run) or runs.again(run).state != "waiting"
    launch.wait(120)
    failed = runs.again(run)
    assert failed.error is not None, run.output.read_text()
    assert failed.error.key == "document-missing"
    assert not launch.is_starting(run)


@pytest.mark.slow
def test_data_can_be_looked_at_before_the_run_begins(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(prose(1, 2000))
    run = runs.create(RunSpec("new", DataSpec((str(tmp_path / "a.txt"),)), minutes=5))
    launch.prepare(run)
    launch.wait(120)
    waiting = runs.again(run)
    assert (waiting.state, waiting.can_resume) == ("waiting", True), run.output.read_text()
    found = events(run)[-1]
    assert isinstance(found, DataFound)
    assert found.documents == 1
    assert found.xz_bits_per_byte > 0
