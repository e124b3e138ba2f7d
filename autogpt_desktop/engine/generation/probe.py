"""Small linear heads on what a decoder makes of a prompt (Alain and Bengio 2016: linear probes)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from autogpt_desktop.engine.generation.batch import BATCH
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.interface import State
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress

_PASS_TOKENS = 320  # of a pass, unless one prompt is longer: so that a cancelled job ends soon


@dataclass(frozen=True)
class Probe:
    """Logits = ``weights`` x + ``bias``; x: the mean of a prompt's last ``tokens`` as each of ``layers``
    leaves them, one layer behind the other."""

    layers: tuple[int, ...]  # from 1, rising
    tokens: int
    weights: Tensor  # float32 [heads, layers · hidden_size]
    bias: Tensor  # float32 [heads]

    def __call__(self, row: Tensor) -> Tensor:
        """[layers, hidden_size] → [heads]."""
        return (row.flatten() * self.weights).sum(-1) + self.bias


def probe(
    layers: Sequence[int], tokens: int, weights: Sequence[Sequence[float]], bias: Sequence[float]
) -> Probe:
    """From plain numbers."""
    return Probe(tuple(layers), tokens, torch.tensor(weights), torch.tensor(bias))


def hidden_rows(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    layers: Sequence[int],
    tokens: int = 1,
    *,
    prefix: State | None = None,
    batch: int = BATCH,
    states: list[State] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | tuple[int, Tensor]]:
    """The mean of the last ``tokens`` of every prompt (token ids, each behind ``prefix``) as ``layers`` (from
    1, rising) leave them.

    Yields (number of the prompt, float32 [layers, hidden_size]) and a Progress behind each pass. ``prefix``
    is not changed; ``states``, a list that begins empty, keeps its copies for the next call behind the
    same prefix. Later layers and the head are not run. Raises KnownError("prompt-too-long") for a prompt
    that does not fit, "prompt-empty" for one without a token, and ``Cancelled``.
    """
    before = 0 if prefix is None else len(prefix)
    for ids in prompts:
        if not ids:
            raise KnownError("prompt-empty", model=engine.name)
        if before + len(ids) > engine.context_length:
            raise KnownError("prompt-too-long", tokens=before + len(ids), context=engine.context_length)
    states = [] if states is None else states
    room = max(map(len, prompts), default=0)
    start = 0
    while start < len(prompts):
        stop, size = start, 0
        while stop < len(prompts) and stop - start < batch:
            size += len(prompts[stop])
            if size > _PASS_TOKENS and stop > start:
                break
            stop += 1
        while len(states) < stop - start:  # a state is as it was behind a pass, so it serves again
            states.append(engine.new_state() if prefix is None else prefix.fork(room))
        work = list(zip(states, prompts[start:stop], strict=False))
        rows = engine.decoder.hidden(work, layers, tokens, cancelled)
        for index, row in enumerate(rows, start):
            yield index, row.float().cpu()
        start = stop
        yield Progress("stage.scoring", stop, len(prompts))


def probe_logits(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    head: Probe,
    *,
    prefix: State | None = None,
    batch: int = BATCH,
    states: list[State] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | tuple[int, Tensor]]:
    """``head``'s logits for every prompt, float32 [heads]; else as ``hidden_rows``."""
    for step in hidden_rows(
        engine,
        prompts,
        head.layers,
        head.tokens,
        prefix=prefix,
        batch=batch,
        states=states,
        cancelled=cancelled,
    ):
        yield step if isinstance(step, Progress) else (step[0], head(step[1]))
