"""Who holds a run: a lock of the system, which goes with its process however that ends."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from autogpt_desktop.errors import KnownError

_TRIES = 20  # somebody who only looks holds it for a moment
_PAUSE = 0.05  # seconds


class RunLock:
    """Held by the process that trains. Use it in ``with``; raises KnownError("run-is-running")."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._handle = -1

    def __enter__(self) -> RunLock:
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        for left in reversed(range(_TRIES)):
            if _lock(self._handle, shared=False):
                return self
            if left:
                time.sleep(_PAUSE)
        os.close(self._handle)
        raise KnownError("run-is-running", name=self._name)

    def __exit__(self, *_: object) -> None:
        _unlock(self._handle)
        os.close(self._handle)


def is_locked(path: Path) -> bool:
    """Whether a living process holds it."""
    try:
        handle = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        if not _lock(handle, shared=True):
            return True
        _unlock(handle)
        return False
    finally:
        os.close(handle)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: int, *, shared: bool) -> bool:
        try:
            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        with suppress(OSError):
            os.lseek(handle, 0, os.SEEK_SET)
            msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _lock(handle: int, *, shared: bool) -> bool:
        try:
            fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def _unlock(handle: int) -> None:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_UN)
