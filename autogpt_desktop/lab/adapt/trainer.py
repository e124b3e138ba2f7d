"""Training of an adapter: AdamW on the adapter alone, by the clock, with the best on held-out text kept.

Loshchilov and Hutter, 2019 (AdamW). The learning rate warms up, stays, and decays with what is over of the
time or of the most passes through the data, whichever is used up sooner (Hu et al., 2024: warm-up, stable,
decay).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.checkpoint import newest, write
from autogpt_desktop.lab.adapt.encode import Encoded, batches
from autogpt_desktop.lab.adapt.lora import parameters
from autogpt_desktop.lab.adapt.loss import packed_loss
from autogpt_desktop.lab.adapt.rehearse import Rehearsal
from autogpt_desktop.lab.runs.events import Checkpoint, Eval, Event, Notice, Resumed, Train
from autogpt_desktop.lab.train.memory import resident_bytes

Reason = str  # "time", "converged" or "stopped"
_REPORT_SECONDS = 2.0
_REPORTS = 200  # of a run by steps
_MOST_RESTARTS = 4  # behind a loss that is no number


@dataclass(frozen=True, slots=True)
class AdaptSettings:
    """How an adapter is learned. Times are shares of all the time."""

    seconds: float  # of work
    learning_rate: float = 1e-3
    warm_up: float = 0.04
    decay: float = 0.6  # of the end
    most_epochs: float = 8.0
    batch_tokens: int = 1024  # of one pass forward and back
    accumulate: int = 1  # passes of a step
    clip: float = 1.0
    weight_decay: float = 0.01
    rehearsed: float = 1.0  # weight of what the base says by itself; 0: it may forget
    evaluations: int = 8
    patience: int = 3  # evaluations in a row without a better one
    checkpoint_seconds: float = 60.0
    max_steps: int = 0  # 0: as the clock and the passes say
    recompute: bool = False  # layers' insides: less memory, more time
    seed: int = 0


@dataclass
class AdaptTrainer:
    """One adapter on its way. ``run`` trains; what it yields goes into the run's log.

    ``clock`` gives seconds; it is injected by tests. ``reason`` says why ``run`` ended; the decoder then
    has the best parameters.
    """

    decoder: Transformer
    train: Sequence[Encoded]
    held_out: Sequence[Encoded]
    settings: AdaptSettings
    folder: Path  # of checkpoints
    stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    # the run was finished and has more time: its best goes on, from a new warm-up to a new decay
    more: bool = False
    rehearsal: Rehearsal | None = None
    step: int = 0
    tokens: int = 0
    epoch: int = 0
    place: int = 0  # batches of this epoch that are done
    seconds: float = 0.0  # of work, breaks left out
    rate: float = 1.0  # of the learning rate: halved behind a loss that is no number
    restarts: int = 0
    whole: float = 0.0  # seconds of work that the run plans with: a resumed one goes on by the same plan
    best_loss: float = math.inf
    first_loss: float = math.nan
    best_step: int = 0
    since_best: int = 0
    since_tokens: int = 0  # where the warm-up and the decay count from: a run that was given more time
    since_seconds: float = 0.0
    since_step: int = 0
    evaluated: float = -1.0  # progress at the last evaluation
    evaluated_step: int = -1
    losses: list[float] = field(default_factory=list)  # of the steps since the last event
    reason: Reason = ""
    _best: list[Tensor] = field(default_factory=list)
    _order: tuple[int, list[list[int]]] = field(default=(-1, []))

    def __post_init__(self) -> None:
        self.parameters = parameters(self.decoder)
        self.optimizer = torch.optim.AdamW(
            self.parameters, lr=self.settings.learning_rate, betas=(0.9, 0.99),
            weight_decay=self.settings.weight_decay, fused=True,
        )  # fmt: skip
        self.whole = self.settings.seconds
        self._epoch_tokens = sum(len(one.ids) - 1 for one in self.train)
        self._best = [tensor.detach().clone() for tensor in self.parameters]

    @property
    def progress(self) -> float:
        """From 0 to 1: of the time, or of the most passes through the data; of the steps, where those are
        given."""
        s = self.settings
        if s.max_steps:
            return min(1.0, (self.step - self.since_step) / max(1, s.max_steps))
        tokens, seconds = self.tokens - self.since_tokens, self.seconds - self.since_seconds
        passes = tokens / (self._epoch_tokens * s.most_epochs) if self._epoch_tokens else 1.0
        all_seconds = self.whole - self.since_seconds
        return min(1.0, max(seconds / all_seconds if all_seconds > 0 else 1.0, passes))

    def learning_rate(self) -> float:
        s, done = self.settings, self.progress
        share = min(1.0, (done + 1e-3) / s.warm_up, max(0.02, (1 - done) / s.decay))
        return s.learning_rate * self.rate * share

    def run(self) -> Iterator[Event]:
        """Train until the time is over, nothing becomes better, or ``stop`` says so. Goes on from the newest
        checkpoint in ``folder``. Raises KnownError("training-diverged")."""
        if self._resume():
            yield Resumed(self.step)
        begun = self.clock() - self.seconds
        reported = written = self.seconds
        report_steps = max(1, self.settings.max_steps // _REPORTS) if self.settings.max_steps else 0
        seen = 0
        if self.evaluated < 0:
            yield self._evaluate()
        while True:
            self.seconds = self.clock() - begun
            done = self.progress
            is_due = done - self.evaluated >= 1 / self.settings.evaluations and done < 1
            if is_due and self.step > self.evaluated_step:
                yield self._evaluate()
                if self.since_best >= self.settings.patience:
                    self.reason = "converged"
            if self.stop():
                self.reason = self.reason or "stopped"
            if done >= 1:
                self.reason = self.reason or "time"
            if self.reason:
                break
            loss, count = self._step()
            if not math.isfinite(loss):
                yield self._go_back()
                begun = self.clock() - self.seconds
                continue
            self.losses.append(loss)
            seen += count
            self.seconds = self.clock() - begun
            due = self.seconds - written >= self.settings.checkpoint_seconds
            tells = due or self.seconds - reported >= _REPORT_SECONDS  # so that a resumed run reports alike
            if self.step % report_steps == 0 if report_steps else tells:
                speed = seen / max(1e-9, self.seconds - reported)
                yield Train(
                    self.step,
                    self.tokens,
                    sum(self.losses) / len(self.losses),
                    self.learning_rate(),
                    speed,
                    resident_bytes(),
                )
                self.losses, seen, reported = [], 0, self.seconds
            if due:
                self._write()
                written = self.seconds
                yield Checkpoint(self.step)
        if self.step > self.evaluated_step:
            yield self._evaluate()
        self._write()
        yield Checkpoint(self.step)
        with torch.no_grad():
            for tensor, best in zip(self.parameters, self._best, strict=True):
                tensor.copy_(best)

    def _step(self) -> tuple[float, int]:
        """One step of the optimizer: mean loss of its learned tokens, and tokens read."""
        chosen: list[list[Encoded]] = []
        for _ in range(self.settings.accumulate):
            groups = self._groups()
            chosen.append([self.train[at] for at in groups[self.place]])
            self.place += 1
            if self.place == len(groups):
                self.epoch, self.place = self.epoch + 1, 0
        learned = sum(one.count for part in chosen for one in part)
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        total = 0.0
        for part in chosen:
            loss = packed_loss(self.decoder, part, recompute=self.settings.recompute) / learned
            loss.backward()
            total += loss.item()
        if self.rehearsal is not None and self.settings.rehearsed:
            held = self.rehearsal.loss(self.decoder, self.step, recompute=self.settings.recompute)
            (held * self.settings.rehearsed).backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
        if math.isfinite(total) and bool(torch.isfinite(norm)):
            self.optimizer.step()
        else:
            total = math.nan
        self.optimizer.zero_grad()
        read = sum(len(one.ids) - 1 for part in chosen for one in part)
        self.step, self.tokens = self.step + 1, self.tokens + read
        return total, read

    def _groups(self) -> list[list[int]]:
        """The order of this pass through the data."""
        epoch, groups = self._order
        if epoch != self.epoch or not groups:
            groups = batches(self.train, self.settings.batch_tokens, self.settings.seed, self.epoch)
            self._order = (self.epoch, groups)
        return groups

    def _evaluate(self) -> Eval:
        self.evaluated, self.evaluated_step = self.progress, self.step
        loss, bits = evaluate(self.decoder, self.held_out, self.settings.batch_tokens)
        if not math.isfinite(self.first_loss):
            self.first_loss = loss
        best = loss < self.best_loss - 1e-4
        self.since_best = 0 if best else self.since_best + 1
        if best:
            self.best_loss, self.best_step = loss, self.step
            self._best = [tensor.detach().clone() for tensor in self.parameters]
        return Eval(self.step, self.tokens, loss, bits, best=best)

    def _go_back(self) -> Notice:
        """To the best parameters that were seen, more carefully."""
        self.restarts += 1
        if self.restarts > _MOST_RESTARTS:
            raise KnownError("training-diverged")
        self.rate /= 2
        with torch.no_grad():
            for tensor, best in zip(self.parameters, self._best, strict=True):
                tensor.copy_(best)
        self.optimizer.state.clear()
        return Notice("notice.training-diverged", {"step": self.best_step})

    # --- checkpoints

    _NUMBERS = (
        "step", "tokens", "epoch", "place", "seconds", "rate", "restarts", "best_loss", "first_loss",
        "best_step", "since_best", "evaluated", "evaluated_step", "since_tokens", "since_seconds",
        "since_step", "whole", "losses",
    )  # fmt: skip

    def _write(self) -> None:
        state = self.optimizer.state_dict()
        write(
            self.folder,
            self.step,
            {"parameters": self.parameters, "best": self._best},
            state["state"],
            {name: getattr(self, name) for name in self._NUMBERS},
        )

    def _resume(self) -> bool:
        found = newest(self.folder)
        if found is None:
            return False
        tensors, numbers = found
        pairs = [(self.parameters, tensors["parameters"]), (self._best, tensors["best"])]
        with torch.no_grad():
            for ours, theirs in pairs:
                for tensor, value in zip(ours, theirs, strict=True):
                    tensor.copy_(value)
        whole = self.optimizer.state_dict()
        self.optimizer.load_state_dict({**whole, "state": tensors["optimizer"]})
        for name in self._NUMBERS:
            setattr(self, name, numbers.get(name, getattr(self, name)))  # older ones have fewer
        if self.more:
            self._begin_again()
        return True

    def _begin_again(self) -> None:
        self.since_tokens, self.since_seconds, self.since_step = self.tokens, self.seconds, self.step
        self.whole = self.settings.seconds
        self.evaluated, self.since_best = 0.0, 0
        with torch.no_grad():
            for tensor, best in zip(self.parameters, self._best, strict=True):
                tensor.copy_(best)
        self._write()


@torch.no_grad()
def evaluate(decoder: Transformer, sequences: Sequence[Encoded], batch_tokens: int) -> tuple[float, float]:
    """(nats per learned token, bits per byte of plain texts or 0)."""
    total = 0.0
    for group in batches(sequences, batch_tokens, 0, 0):
        total += packed_loss(decoder, [sequences[at] for at in group]).item()
    learned = sum(one.count for one in sequences)
    plain = all(one.text_bytes for one in sequences)
    size = sum(one.text_bytes for one in sequences)
    return total / max(1, learned), total / math.log(2) / size if plain and size else 0.0
