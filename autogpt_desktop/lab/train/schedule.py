"""The learning rate: warm-up, stable, decay (Hu et al., 2024, MiniCPM), where the clock begins the decay.

In between it follows from the step alone, so that a run that goes on from a checkpoint has the same.
The decay is a straight line to zero (Bergsma et al., 2025).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Schedule:
    warmup: int  # steps
    scale: float = 1.0  # halved each time that the model ran away
    decay_from: int = -1  # step; -1: not yet
    decay_to: int = -1
    decay_height: float = 1.0  # where the line begins

    @property
    def decays(self) -> bool:
        return self.decay_from >= 0

    def factor(self, step: int) -> float:
        """What the learning rate is multiplied by in step ``step``, which counts from 0."""
        rising = min(1.0, (step + 1) / max(1, self.warmup))
        if not self.decays:
            return self.scale * rising
        done = (step - self.decay_from) / max(1, self.decay_to - self.decay_from)
        return self.scale * rising * self.decay_height * max(0.0, 1.0 - done)

    def over(self, step: int) -> bool:
        return self.decays and step >= self.decay_to

    def begin_decay(self, step: int, steps: int) -> None:
        self.decay_from, self.decay_to, self.decay_height = step, step + max(1, steps), 1.0

    def replan(self, step: int, steps: int) -> None:
        """The line goes on from where it is to zero in ``steps`` from now: the machine's speed changed."""
        done = (step - self.decay_from) / max(1, self.decay_to - self.decay_from)
        height = self.decay_height * max(0.0, 1.0 - done)
        self.decay_from, self.decay_to, self.decay_height = step, step + max(1, steps), height
