"""What a run's log has told so far, as the page shows it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from autogpt_desktop.lab.runs import events
from autogpt_desktop.lab.runs.events import Logged


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a curve."""

    seconds: float
    tokens: int
    step: int
    value: float


@dataclass
class RunRecord:
    """Filled event by event with ``add``."""

    data: events.DataFound | None = None
    stage: events.Stage | None = None
    train: list[Point] = field(default_factory=list)  # loss, nats per token
    held_out: list[Point] = field(default_factory=list)  # the same
    accuracy: list[Point] = field(default_factory=list)
    best: events.Eval | None = None
    latest: events.Eval | None = None
    speed: float = 0.0  # tokens a second
    memory: int = 0
    peak: events.Memory | None = None  # of the last part that is over
    trials: dict[tuple[int, int], events.Trial] = field(default_factory=dict)  # by number and rung
    samples: list[events.Sample] = field(default_factory=list)
    growths: list[tuple[float, int, events.Growth]] = field(default_factory=list)  # seconds, tokens
    compared: list[events.Compared] = field(default_factory=list)
    notices: list[events.Notice] = field(default_factory=list)
    scaling: events.ScalingLaw | None = None
    finished: events.Finished | None = None
    failed: events.Failed | None = None
    seconds: float = 0.0

    def add(self, logged: Logged) -> None:
        event, self.seconds = logged.event, max(self.seconds, logged.seconds)
        if isinstance(event, events.Train):
            _append(self.train, Point(logged.seconds, event.tokens, event.step, event.loss))
            self.speed, self.memory = event.tokens_per_second, event.memory or self.memory
        elif isinstance(event, events.Memory):
            self.peak = event if event.peak else self.peak
        elif isinstance(event, events.Eval):
            self._evaluated(logged.seconds, event)
        elif isinstance(event, events.DataFound):
            self.data = event
        elif isinstance(event, events.Stage):
            self.stage = event
        elif isinstance(event, events.Trial):
            self.trials[event.number, event.rung] = event
        elif isinstance(event, events.Sample):
            self.samples.append(event)
        elif isinstance(event, events.Growth):
            self.growths.append((logged.seconds, self.train[-1].tokens if self.train else 0, event))
        elif isinstance(event, events.Compared):
            self.compared.append(event)
        elif isinstance(event, events.Notice):
            self.notices.append(event)
        elif isinstance(event, events.Finished):
            self.finished = event
        elif isinstance(event, events.Failed):
            self.failed = event
        elif isinstance(event, events.ScalingLaw):
            self.scaling = event
        elif isinstance(event, events.Resumed):
            self._go_back(event.step)

    def _evaluated(self, seconds: float, event: events.Eval) -> None:
        self.latest = event
        if event.best or self.best is None:
            self.best = event
        _append(self.held_out, Point(seconds, event.tokens, event.step, event.loss))
        if event.accuracy is not None:
            _append(self.accuracy, Point(seconds, event.tokens, event.step, event.accuracy))

    def _go_back(self, step: int) -> None:
        """The run goes on from a checkpoint: what came behind it is done again."""
        self.finished = self.failed = None
        for points in (self.train, self.held_out, self.accuracy):
            points[:] = [point for point in points if point.step <= step]

    @property
    def bits_per_nat_token(self) -> float:
        """What turns a loss into bits per byte; 0: it cannot be told."""
        if self.data is None or not self.data.held_out_bytes or not self.data.held_out_tokens:
            return 0.0
        return self.data.held_out_tokens / self.data.held_out_bytes / math.log(2)

    def bits_per_byte(self) -> float:
        """Of the best model so far; 0: not known."""
        if self.finished is not None and self.finished.bits_per_byte:
            return self.finished.bits_per_byte
        return self.best.bits_per_byte if self.best is not None else 0.0

    def leaderboard(self) -> list[events.Trial]:
        """The trials, the best first; those that failed or were given up behind."""
        last: dict[int, events.Trial] = {}
        for (number, _), trial in sorted(self.trials.items()):
            last[number] = trial
        order = {"done": 0, "pruned": 1}
        return sorted(
            last.values(), key=lambda one: (order.get(one.status, 2), one.loss or math.inf, one.number)
        )


def _append(points: list[Point], point: Point) -> None:
    if math.isfinite(point.value):
        points.append(point)


def read_record(logged: Iterable[Logged]) -> RunRecord:
    """Of all events at once."""
    record = RunRecord()
    for one in logged:
        record.add(one)
    return record
