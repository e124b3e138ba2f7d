"""Seconds of work: those in which the process ran, not those in which the computer slept."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

_TICK = 1.0  # seconds
_SLEPT = 30.0  # between two ticks: the machine slept, or the process was held


class WorkClock:
    """A clock that stands while the machine sleeps. Close it: a thread looks at it every second."""

    def __init__(
        self, start: float = 0.0, *, now: Callable[[], float] = time.monotonic, ticking: bool = True
    ) -> None:
        self._now, self._seconds, self._last, self._slept = now, start, now(), 0.0
        self._lock, self._end = threading.Lock(), threading.Event()
        if ticking:
            threading.Thread(target=self._tick, name="work clock", daemon=True).start()

    def __call__(self) -> float:
        """Seconds of work so far, those before a break too."""
        with self._lock:
            now = self._now()
            passed, self._last = now - self._last, now
            if 0 <= passed < _SLEPT:
                self._seconds += passed
            elif passed > 0:
                self._slept += passed
            return self._seconds

    def slept(self) -> float:
        """Seconds that did not count since this was asked last."""
        with self._lock:
            slept, self._slept = self._slept, 0.0
            return slept

    def close(self) -> None:
        self._end.set()

    def _tick(self) -> None:
        while not self._end.wait(_TICK):
            self()
