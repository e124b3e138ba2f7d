"""How a model learns, and how long it may."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

_SLEPT = 300.0  # seconds between two looks at the clock that were no work: the machine slept


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """``batch`` sequences of ``context`` tokens make a step; what is 0 is found out at the start."""

    context: int = 256
    batch: int = 16
    micro_batch: int = 0  # sequences that go through at a time; 0: all of them
    learning_rate: float = 3e-3
    optimizer: Literal["adamw", "muon"] = "muon"
    betas: tuple[float, float] = (0.9, 0.95)
    weight_decay: float = 0.1
    clip: float = 1.0  # norm of the gradient; 0: as it comes
    warmup_steps: int = 0
    decay_share: float = 0.2  # of the time, at the end
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    recompute: bool = False  # layers again for their gradients, where memory is short
    seed: int = 0
    max_steps: int = 0  # 0: as the clock says
    eval_seconds: float = 0.0  # between two looks at the held-out text; 0: a fortieth of the time
    eval_tokens: int = 1 << 16  # of the held-out text at each look; the last one reads all
    checkpoint_seconds: float = 60.0
    sample_seconds: float = 60.0
    patience: int = 8  # looks without progress before the end begins
    log_steps: int = 0  # steps between two events


class Deadline:
    """Seconds of work that are left. Breaks do not count: neither a stopped run nor a machine that slept."""

    def __init__(
        self, seconds: float, *, spent: float = 0.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds, self._spent, self.clock = seconds, spent, clock
        self._last = clock()

    def worked(self) -> float:
        """Seconds of work so far."""
        now = self.clock()
        if now - self._last < _SLEPT:
            self._spent += now - self._last
        self._last = now
        return self._spent

    def left(self) -> float:
        return self.seconds - self.worked()

    def part(self, seconds: float) -> Deadline:
        """A deadline for what is done next, ``seconds`` from now or when this one ends."""
        spent = self.worked()
        return Deadline(min(self.seconds, spent + seconds), spent=spent, clock=self.clock)

    def join(self, part: Deadline) -> None:
        """Take over what ``part`` measured."""
        self._spent, self._last = part.worked(), part._last
