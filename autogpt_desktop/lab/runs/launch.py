"""Starts the process of a run: by itself, at low priority, and not ended with the window."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.lock import is_locked

# Kept so that they are reaped, and not while they run.
_started: list[tuple[Path, subprocess.Popen[bytes]]] = []
_SCRIPT = "import sys; sys.path[:0] = sys.argv[3:]; from autogpt_desktop.lab.process import main; main()"


def prepare(run: Run) -> None:
    """Only read its data, so that ``DataFound`` says what is there before it begins. Raises as ``start``."""
    start(run, "prepare")


def start(run: Run, what: str = "make") -> None:
    """Begin or resume a run. It goes on when the window closes: ``Run.request_stop`` ends it.

    Raises KnownError: run-is-running, run-not-started.
    """
    if is_locked(run.folder / "run.lock"):
        raise KnownError("run-is-running", name=run.name)
    _started[:] = [(folder, process) for folder, process in _started if process.poll() is None]
    run.clear_stop()
    try:
        output = os.open(run.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(
                _command(run, what), stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_apart()
            )
        finally:
            os.close(output)
    except OSError as error:
        raise KnownError("run-not-started", name=run.name, reason=error.strerror or str(error)) from error
    _started.append((run.folder, process))


def is_starting(run: Run) -> bool:
    """Whether the process that was started here for it lives: it has the lock only after a moment."""
    return any(process.poll() is None for folder, process in _started if folder == run.folder)


def wait(seconds: float) -> None:
    """Until the processes that were started here have ended. Raises subprocess.TimeoutExpired."""
    for _, process in _started:
        process.wait(seconds)


def _command(run: Run, what: str) -> list[str]:
    if getattr(sys, "frozen", False):  # the executable is no interpreter
        return [sys.executable, "train", "process", what, str(run.folder)]
    places = [str(paths.import_root()), *(place for place in sys.path if place and os.path.exists(place))]
    return [sys.executable, "-I", "-c", _SCRIPT, what, str(run.folder), *places]


def _apart() -> dict[str, Any]:
    """A session of its own: neither closing the window nor Ctrl+C in its terminal reaches it."""
    if sys.platform == "win32":
        flags = (
            subprocess.CREATE_NEW_PROCESS_GROUP
            | subprocess.CREATE_NO_WINDOW
            | subprocess.BELOW_NORMAL_PRIORITY_CLASS
        )
        return {"creationflags": flags}
    return {"start_new_session": True}
