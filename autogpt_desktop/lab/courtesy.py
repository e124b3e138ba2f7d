"""A run leaves a core to the window while somebody works with it, and takes it back when that is idle.

The compiled rows compute the same whatever the number of threads; torch's products share out what they
write, not what they sum. So a run may change it between two steps.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from autogpt_desktop.lab.runs.window import last_busy

LOOK = 0.25  # seconds between two looks
IDLE = 5.0  # seconds without a word from the window, which says it every second


def set_threads(count: int) -> int:
    """Let torch use so many threads on this thread; how many it used before. 0: torch is not here yet."""
    torch = sys.modules.get("torch")
    if torch is None:
        return 0
    before = int(torch.get_num_threads())
    if 0 < count != before:
        torch.set_num_threads(count)
    return before


class Courtesy:
    """Call it between two steps, on the thread that computes."""

    def __init__(
        self,
        now: Callable[[], float] = time.monotonic,
        busy: Callable[[], int] = last_busy,
        threads: Callable[[int], int] = set_threads,
    ) -> None:
        self._now, self._busy, self._threads = now, busy, threads
        self._next, self._heard, self._last = 0.0, -IDLE, busy()
        self._own = 0  # threads that are taken back; 0: none were given

    def __call__(self) -> None:
        now = self._now()
        if now < self._next:
            return
        self._next = now + LOOK
        last = self._busy()
        if last != self._last:
            self._last, self._heard = last, now
        if now - self._heard < IDLE:
            self._give()
        else:
            self.take_back()

    def _give(self) -> None:
        there = self._threads(0)
        if not self._own and there > 1:
            self._own = there
            self._threads(there - 1)

    def take_back(self) -> None:
        """All threads again."""
        if self._own:
            self._threads(self._own)
            self._own = 0
