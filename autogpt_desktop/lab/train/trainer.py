"""The training loop: a generator of events, whose whole state lies in checkpoints.

Read from the bottom: ``Trainer.run``, then ``_step``. The order of the data, the learning rate and the
precision follow from the last checkpoint alone, so that a run that was killed goes on to the same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from autogpt_desktop.engine.memory import out_of_memory
from autogpt_desktop.engine.torch_backend.training import (
    next_token_loss,
    parameters_of,
    set_precision,
    tensors_of,
    trainable,
    weights_changed,
)
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs.events import Checkpoint, Eval, Event, Notice, Resumed, Sample, Train
from autogpt_desktop.lab.train.checkpoints import (
    Saved,
    best_of,
    forget_after,
    keep_stable,
    last_good,
    read_checkpoint,
    write_checkpoint,
)
from autogpt_desktop.lab.train.corpus import Corpus
from autogpt_desktop.lab.train.evaluate import bits_per_byte, held_out_loss
from autogpt_desktop.lab.train.memory import resident_bytes
from autogpt_desktop.lab.train.optimizer import Optimizer
from autogpt_desktop.lab.train.parallel import Group
from autogpt_desktop.lab.train.schedule import Schedule
from autogpt_desktop.lab.train.settings import Deadline, TrainSettings
from autogpt_desktop.lab.train.windows import Windows

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
_MOST_ROLLBACKS = 4
_LOOKS = 40  # at the held-out text
Sampler = Callable[[Transformer], list[tuple[str, str]]]  # prompts and what was written behind them


@dataclass(slots=True)
class TrainState:
    """What a checkpoint holds beside weights and optimizer."""

    step: int = 0
    tokens: int = 0
    window: int = 0  # the next one to be read
    seconds: float = 0.0  # of work
    schedule: dict[str, Any] = field(default_factory=dict)
    precision: str = ""
    log_steps: int = 0
    step_seconds: float = 0.0
    best_loss: float = math.inf
    best_step: int = -1
    without_progress: int = 0  # looks at the held-out text
    rollbacks: int = 0
    converged: bool = False
    grown: bool = False  # a larger model was asked for, and this one won
    losses: list[float] = field(default_factory=list)  # of the steps since the last event


@dataclass(frozen=True, slots=True)
class Outcome:
    """How training ended. ``reason``: "time", "converged" or "stopped"."""

    reason: str
    step: int
    tokens: int
    loss: float  # held-out, nats per token
    bits_per_byte: float
    tokens_per_second: float


class Trainer:
    """Trains ``decoder`` on ``corpus``; goes on where ``folder`` has a checkpoint. None: keeps nothing."""

    def __init__(
        self,
        decoder: Transformer,
        corpus: Corpus,
        settings: TrainSettings,
        deadline: Deadline,
        folder: Path | None,
        stop: Callable[[], bool] = lambda: False,
        *,
        sampler: Sampler | None = None,
        group: Group | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.decoder, self.corpus, self.settings, self.deadline = decoder, corpus, settings, deadline
        self.folder, self.stop, self.sampler, self.clock = folder, stop, sampler, clock
        self.group = group or Group()
        self.state = TrainState()
        self.windows = Windows(corpus.train, settings.context, settings.seed)
        self.schedule = Schedule(settings.warmup_steps)
        self.optimizer = Optimizer(decoder, settings, torch.float32)
        self._since = (0, 0.0)  # tokens and clock at the last Train event
        self._eval_seconds = 0.0  # that one look takes

    # --- one step ---------------------------------------------------------------------------------

    def _gradients(self) -> float:
        """Gradients of this step's sequences, over all processes; returns the mean loss."""
        s, context = self.settings, self.windows.context
        mine = [self.state.window + place for place in self.group.share(s.batch)]
        size = s.micro_batch or len(mine)
        total = torch.zeros(())
        for first in range(0, len(mine), size):
            ids, targets = self.windows.batch(mine[first : first + size], self.decoder.device)
            loss = next_token_loss(self.decoder, ids, targets, count=s.batch * context, recompute=s.recompute)
            loss.backward()
            total += loss.detach().cpu()
        grads = (one.grad for one in self.optimizer.parameters.values() if one.grad is not None)
        return self.group.add_up(grads, float(total))[0]

    def _step(self) -> bool:
        """One step of the optimizer. False: the loss or the gradient is no number any more."""
        self.optimizer.zero_grad()
        loss = self._gradients()
        rate = self.settings.learning_rate * self.schedule.factor(self.state.step)
        good = math.isfinite(loss) and math.isfinite(self.optimizer.step(rate))
        self.state.step += 1
        self.state.window += self.settings.batch
        self.state.tokens += self.settings.batch * self.windows.context
        self.state.losses.append(loss)
        return good

    # --- beginning --------------------------------------------------------------------------------

    def _begin(self) -> Generator[Event, None, None]:
        saved = last_good(self.folder) if self.folder else None
        if saved is not None and self.folder:
            self.restore(saved)
            forget_after(self.folder, self.state.step)
            yield Resumed(self.state.step)
            return
        self.state.precision = self._quicker_precision()
        if not self.schedule.warmup:
            steps = self.deadline.left() / max(1e-4, self.state.step_seconds)
            self.schedule.warmup = max(5, min(300, int(0.02 * steps)))
        seconds = max(1e-4, self.state.step_seconds)
        self.state.log_steps = self.settings.log_steps or max(1, round(1.0 / seconds))
        self._use_precision()
        yield from self._checkpoint()

    def _quicker_precision(self) -> str:
        """Times a step in each: on some processors bfloat16 is ten times quicker, on others slower."""
        seconds = {}
        wanted = self.settings.precision
        for name in _DTYPES if wanted == "auto" else (wanted,):
            set_precision(self.decoder, _DTYPES[name])
            taken = []
            for _ in range(2):  # the first one makes the kernels ready
                began = time.perf_counter()
                self.optimizer.zero_grad()
                self._gradients()
                taken.append(time.perf_counter() - began)
            seconds[name] = taken[-1]
        self.optimizer.zero_grad()
        best = min(seconds, key=lambda name: seconds[name])
        index, took = self.group.agree(float(list(_DTYPES).index(best)), seconds[best])
        self.state.step_seconds = took
        return list(_DTYPES)[int(index)]

    def _use_precision(self) -> None:
        dtype = _DTYPES[self.state.precision]
        set_precision(self.decoder, dtype)
        if self.optimizer.muon is not None:
            self.optimizer.muon.dtype = dtype

    # --- checkpoints ------------------------------------------------------------------------------

    def _tensors(self) -> dict[str, Tensor]:
        return tensors_of(self.decoder.config, self.optimizer.parameters)

    def _checkpoint(self, *, best: bool = False) -> Generator[Event, None, None]:
        if not self.group.leads or self.folder is None:
            return
        self.state.seconds = self.deadline.worked()
        self.state.schedule = asdict(self.schedule)
        write_checkpoint(
            self.folder,
            self.state.step,
            self.decoder.config,
            self._tensors(),
            {} if best else self.optimizer.state(),
            asdict(self.state),
            self.corpus.end_token,
            best=best,
        )
        if not best:
            yield Checkpoint(self.state.step)

    def restore(self, saved: Saved) -> None:
        """Become what a checkpoint was taken of."""
        self._load_weights(saved.tensors)
        self.optimizer.restore(saved.optimizer)
        self.state = TrainState(**saved.state)
        self.schedule = Schedule(**self.state.schedule)
        self._use_precision()

    @torch.no_grad()
    def _load_weights(self, tensors: dict[str, Tensor]) -> None:
        other = parameters_of(trainable(self.decoder.config, tensors, self.decoder.device))
        for name, parameter in self.optimizer.parameters.items():
            parameter.copy_(other[name])
        weights_changed(self.decoder)

    def _roll_back(self) -> Generator[Event, None, None]:
        """Back to the last good checkpoint, with half the learning rate and other data."""
        window, times = self.state.window, self.state.rollbacks + 1
        saved = last_good(self.folder) if self.folder else None
        if saved is None or self.folder is None or times > _MOST_ROLLBACKS:
            raise KnownError("training-diverged")
        self.restore(saved)
        self.state.window, self.state.rollbacks = window, times
        self.schedule.scale = 0.5**times
        forget_after(self.folder, self.state.step)
        yield Notice("notice.training-diverged", {"step": self.state.step})

    # --- looks at the held-out text ---------------------------------------------------------------

    def _evaluate(self) -> Generator[Event, None, None]:
        if not self.group.leads:
            return
        began = self.clock()
        s = self.settings
        loss = held_out_loss(
            self.decoder, self.corpus, self.windows.context, limit=s.eval_tokens, at_once=s.micro_batch
        )
        self._eval_seconds = self.clock() - began
        better = loss < self.state.best_loss
        self.state.without_progress = 0 if better else self.state.without_progress + 1
        if better:
            self.state.best_loss, self.state.best_step = loss, self.state.step
            yield from self._checkpoint(best=True)
        yield Eval(self.state.step, self.state.tokens, loss, bits_per_byte(loss, self.corpus), best=better)

    def _report(self) -> Train:
        tokens, began = self._since
        now = self.clock()
        speed = (self.state.tokens - tokens) / max(1e-6, now - began)
        self._since = (self.state.tokens, now)
        mean = sum(self.state.losses) / len(self.state.losses)
        self.state.losses.clear()
        rate = self.settings.learning_rate * self.schedule.factor(self.state.step - 1)
        return Train(self.state.step, self.state.tokens, mean, rate, speed, resident_bytes())

    # --- the whole --------------------------------------------------------------------------------

    def _steps_left(self) -> int:
        """Steps that the clock leaves, with what the last look and the last checkpoint need taken off."""
        left = self.deadline.left() - 2 * self._eval_seconds
        steps = int(left / max(1e-4, self.state.step_seconds))
        if self.settings.max_steps:
            steps = min(steps, self.settings.max_steps - self.state.step)
        return max(0, steps)

    def _plan(self) -> bool:
        """Where the decay is due, begin it; returns whether it begins now. Asked by the clock alone."""
        if self.schedule.decays:
            return False
        total = self.settings.max_steps or self.state.step + self._steps_left()
        share = int(self.settings.decay_share * total)
        stalled = self.state.without_progress >= self.settings.patience
        if stalled:  # what the decay still gains is had in a tenth of the way
            self.state.converged = True
            share = min(share, self._steps_left(), max(20, self.state.step // 10))
        due = stalled or self._steps_left() <= share
        if due:
            self.schedule.begin_decay(self.state.step, min(share, self._steps_left()))
        return due

    def _ends(self) -> str:
        s, state = self.settings, self.state
        if self.stop():
            return "stopped"
        if self.schedule.over(state.step):
            return "converged" if state.converged else "time"
        if self.deadline.left() <= 0 or (s.max_steps and state.step >= s.max_steps):
            return "time"
        return ""

    def run(self) -> Generator[Event, None, Outcome]:
        """Train to the end. Raises KnownError: training-diverged, training-disk-full, training-no-memory."""
        try:
            return (yield from self._run())
        except (MemoryError, RuntimeError) as error:
            if out_of_memory(error):
                raise KnownError("training-no-memory") from error
            raise

    def _run(self) -> Generator[Event, None, Outcome]:
        yield from self._begin()
        started = looked = saved = sampled = self.clock()
        begun_tokens, begun = self.state.tokens, self.state.step
        self._since = (self.state.tokens, started)
        s = self.settings
        eval_every = s.eval_seconds or min(60.0, max(2.0, self.deadline.left() / _LOOKS))
        eval_steps = 0 if s.eval_seconds else s.max_steps // _LOOKS  # a run by steps follows from them alone
        reason = ""
        while True:
            now = self.clock()
            # the leading process looks at the clock, the others do as it says
            decided = (
                float(("", "stopped", "converged", "time").index(self._ends())),
                float(
                    self.state.step % eval_steps == 0 and self.state.step > begun
                    if eval_steps else now - looked >= eval_every
                ),
                float(now - saved >= self.settings.checkpoint_seconds),
                float(self._plan() if self.group.leads else False),
                float(self.schedule.decay_from), float(self.schedule.decay_to),
            )  # fmt: skip
            ends, evals, saves, begins, decay_from, decay_to = self.group.agree(*decided)
            if ends:
                reason = ("", "stopped", "converged", "time")[int(ends)]
                break
            if begins:
                self.schedule.decay_from, self.schedule.decay_to = int(decay_from), int(decay_to)
            if evals and (eval_steps or not saves):
                yield from self._evaluate()
                looked = self.clock()
            if saves or begins:
                if saves and self.schedule.decays and not self.settings.max_steps and not begins:
                    (steps,) = self.group.agree(float(self._steps_left()))
                    self.schedule.replan(self.state.step, int(steps))
                yield from self._checkpoint()
                if begins and self.group.leads and self.folder:
                    keep_stable(self.folder)
                saved = self.clock()
            if self.sampler and self.group.leads and self.clock() - sampled >= self.settings.sample_seconds:
                yield from self._samples()
                sampled = self.clock()
            before = self.deadline.worked()
            if not self._step():
                yield from self._roll_back()
                continue
            took = self.deadline.worked() - before
            weight = max(0.05, 1 / (self.state.step - begun + 1))
            self.state.step_seconds += (took - self.state.step_seconds) * weight
            if self.state.step % self.state.log_steps == 0 and self.group.leads:
                yield self._report()
        if self.state.losses and self.group.leads:
            yield self._report()
        speed = (self.state.tokens - begun_tokens) / max(1e-6, self.clock() - started)
        return (yield from self._finish(reason, speed))

    def _samples(self) -> Generator[Event, None, None]:
        if self.sampler is not None:
            for prompt, text in self.sampler(self.decoder):
                yield Sample(self.state.step, prompt, text)

    def _finish(self, reason: str, speed: float) -> Generator[Event, None, Outcome]:
        """The last look and checkpoint; the better weights of the last and the best stay in the decoder."""
        if not self.group.leads:
            return Outcome(reason, self.state.step, self.state.tokens, math.nan, math.nan, speed)
        yield from self._evaluate()
        yield from self._checkpoint()
        yield from self._samples()
        if self.state.best_step != self.state.step and self.folder:
            best = best_of(self.folder)
            if best is not None:
                self._load_weights(best.tensors)
        loss = self.state.best_loss
        return Outcome(
            reason, self.state.step, self.state.tokens, loss, bits_per_byte(loss, self.corpus), speed
        )


def restored(path: Path, device: torch.device) -> tuple[Transformer, Saved]:
    """The decoder of a checkpoint, in train mode."""
    saved = read_checkpoint(path)
    return trainable(saved.config, saved.tensors, device), saved
