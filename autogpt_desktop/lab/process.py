"""The process of a run: reads what it is to make, makes it, and tells its log.

``lab.runs.launch`` starts it, or it is the terminal's own. It may end at any moment: what is worth keeping is
in the run's folder, and the next process goes on from there.
"""

from __future__ import annotations

import errno
import faulthandler
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.clock import WorkClock
from autogpt_desktop.lab.courtesy import Courtesy
from autogpt_desktop.lab.data.prepare import Stopped
from autogpt_desktop.lab.kinds import KINDS, Make, prepare_data
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.events import Event, Failed, Finished, Logged, Notice
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.log import LogWriter

LEAST_MINUTES = 0.1
NICE = 10
_LOOK = 0.25  # seconds between two looks for the stop file
_FULL = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", -1), errno.EFBIG})
Report = Callable[[Logged], None]


class Stop:
    """Whether the run is to end soon: by a file in its folder, a signal, or ``request``."""

    def __init__(self, run: Run, now: Callable[[], float] = time.monotonic) -> None:
        self._run, self._now, self._next, self._asked = run, now, 0.0, False

    def __call__(self) -> bool:
        if not self._asked and self._now() >= self._next:
            self._next = self._now() + _LOOK
            self._asked = self._run.stop_requested()
        return self._asked

    def request(self) -> None:
        self._asked = True

    @contextmanager
    def on_signals(self) -> Iterator[None]:
        """SIGTERM, Ctrl+C and the terminal's end stop the run; Ctrl+C once more breaks it off."""
        names = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")
        before = {
            number: signal.signal(number, self._heard)
            for name in names
            if (number := getattr(signal, name, None)) is not None
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _heard(self, number: int, _: FrameType | None) -> None:
        if self._asked and number == signal.SIGINT:
            raise KeyboardInterrupt
        self._asked = True


def work(
    run: Run,
    report: Report = lambda logged: None,
    *,
    make: Make | None = None,
    stop: Stop | None = None,
    clock: WorkClock | None = None,
) -> Run:
    """Work on a run until it is finished, stopped or has failed; the run as it stands then.

    ``report`` is told each event behind the log. ``make`` replaces what makes runs of this kind. Raises
    KnownError("run-is-running"), KnownError("run-cannot-resume").
    """
    run = runs.again(run)  # without the lock, or it would be running
    if run.state == "finished":
        raise KnownError("run-cannot-resume", name=run.name)
    with run.lock(), _private_files():
        stop = stop or Stop(run)
        clock = clock or WorkClock(run.seconds)
        log = _Log(run, report, clock)
        courtesy = Courtesy()
        try:
            _make(run, make or KINDS[run.spec.kind], log, _between(stop, courtesy), clock)
        except Stopped:
            log(Notice("notice.run-stopped-early"))
            log(Finished("stopped", ""))
        except KnownError as error:
            log(Failed(error.key, dict(error.values)))
        except Exception as error:
            log(_failure(run, error))
        finally:
            courtesy.take_back()
            run.clear_stop()
            log.close()
            clock.close()
    return runs.again(run)


@contextmanager
def _private_files() -> Iterator[None]:
    """Whatever writes them: nobody else on this computer may read what is made of the user's texts."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def _between(stop: Stop, courtesy: Courtesy) -> Callable[[], bool]:
    """What a run asks between two steps: whether to end, and with how many threads to go on."""

    def look() -> bool:
        courtesy()
        return stop()

    return look


def _make(run: Run, make: Make, log: _Log, stop: Callable[[], bool], clock: WorkClock) -> None:
    if not run.spec.minutes >= LEAST_MINUTES:
        raise KnownError("run-no-time", minutes=f"{run.spec.minutes:g}", least=f"{LEAST_MINUTES:g}")
    for event in make(run, stop, clock):
        if (slept := clock.slept()) >= 60:
            log(Notice("notice.run-slept", {"minutes": f"{slept / 60:.0f}"}))
        log(event)


class _Log:
    """Events into the log and to whoever looks on. A full disk is told once it has room again, or not."""

    def __init__(self, run: Run, report: Report, clock: WorkClock) -> None:
        self._writer, self._report, self._clock = LogWriter(run.log), report, clock

    def __call__(self, event: Event) -> None:
        last = isinstance(event, Finished | Failed)
        try:
            logged = self._writer.write(self._clock(), event)
            if last:
                self._writer.sync()
        except OSError:
            if not isinstance(event, Failed):
                raise
            logged = Logged(self._clock(), event)  # the run counts as interrupted then, which it is
        self._report(logged)

    def close(self) -> None:
        self._writer.close()


def _failure(run: Run, error: Exception) -> Failed:
    """What is said of an error that nobody expected, or that only the system knows."""
    from autogpt_desktop.engine.memory import out_of_memory

    if isinstance(error, OSError) and error.errno in _FULL:
        return Failed("run-disk-full", {"name": run.name})
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and out_of_memory(error)):
        return Failed("run-no-memory", {"name": run.name})
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.ENOENT):
        reason = error.strerror or str(error)
        return Failed("run-not-written", {"folder": str(run.folder), "reason": reason})
    with suppress(OSError):
        handle = os.open(run.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with open(handle, "a", encoding="utf-8", errors="replace") as file:
            traceback.print_exception(error, file=file)
    reason = f"{type(error).__name__}: {error}"[:200]
    return Failed("run-failed", {"name": run.name, "reason": reason, "file": str(run.output)})


def lower_priority() -> None:
    """Others go first: this process may take what they leave. Never raises."""
    if sys.platform == "win32":
        return  # ``lab.runs.launch`` starts it in a class below the usual one
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(os.getpriority(os.PRIO_PROCESS, 0), NICE))
    if ionice := shutil.which("ionice"):
        with suppress(OSError, subprocess.SubprocessError):
            command: list[Any] = [ionice, "-c", "3", "-p", str(os.getpid())]
            subprocess.run(command, timeout=10, check=False, capture_output=True)


def main() -> None:
    """Of the process that the window starts: its arguments are what it is to do, "make" or "prepare", and the
    run's folder."""
    faulthandler.enable()
    lower_priority()
    what, place = sys.argv[1:3]
    run = runs.read(Path(place))
    if run is None:
        raise SystemExit(f"no run in {place}")
    stop = Stop(run)
    with stop.on_signals():
        state = work(run, stop=stop, make=prepare_data if what == "prepare" else None).state
    sys.exit(1 if state in ("failed", "interrupted") else 0)
