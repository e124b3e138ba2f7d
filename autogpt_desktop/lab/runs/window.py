"""A word from the window to the processes of runs: somebody works with it now.

It is the time of change of a file beside the runs, which costs neither side more than a system call.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from autogpt_desktop import paths

_NAME = "window-busy"


def _file() -> Path:
    return paths.training_dir() / _NAME


def mark_busy() -> None:
    """Nothing where there are no runs. Never raises."""
    file = _file()
    with suppress(OSError):
        if not os.path.isdir(file.parent):
            return
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
        os.utime(file)


def last_busy() -> int:
    """A number that changes with each ``mark_busy``; 0: there was none."""
    try:
        return _file().stat().st_mtime_ns
    except OSError:
        return 0
