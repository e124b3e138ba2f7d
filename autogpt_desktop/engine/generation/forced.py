"""Given texts read token by token: how likely a decoder finds what somebody else wrote."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

import torch

from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.interface import State
from autogpt_desktop.events import Progress

_PASS_TOKENS = 96  # of a pass: a row of logits may take a megabyte


def forced_logprobs(
    engine: Engine,
    pairs: Sequence[tuple[Sequence[int], Sequence[int]]],
    *,
    prefix: State | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, list[list[float]]]:
    """For each (prompt, text), in token ids, the natural logarithm of the probability of each token of the
    text behind ``prefix`` and the prompt, neither of them empty. Several travel in one pass.

    A text that the context does not hold is read as far as it does. ``prefix`` is not changed. Raises
    ``Cancelled``.
    """
    found: list[list[float]] = [[] for _ in pairs]
    before = 0 if prefix is None else len(prefix)
    for group in _groups([len(prompt) + len(text) for prompt, text in pairs]):
        work = []
        for at in group:
            prompt, text = pairs[at]
            state = engine.new_state() if prefix is None else prefix.fork(len(prompt) + len(text))
            room = max(0, engine.context_length - before - len(prompt))
            work.append((at, state, prompt, text[: room + 1]))
        heads = [(state, prompt[:-1]) for _, state, prompt, _ in work if len(prompt) > 1]
        if heads:
            engine.decoder.forward(heads, cancelled=cancelled)
        given = [(state, [*prompt[-1:], *text[:-1]]) for _, state, prompt, text in work]
        rows = engine.decoder.forward(given, "all", cancelled)
        for (at, _, _, text), logits in zip(work, rows, strict=True):
            ids = torch.tensor(list(text), device=logits.device)
            picked = logits.gather(1, ids[:, None])[:, 0].float()
            found[at] = (picked - torch.logsumexp(logits.float(), dim=-1)).tolist()
        yield Progress("stage.scoring", group[-1] + 1, len(pairs))
    return found


def _groups(sizes: Sequence[int]) -> list[list[int]]:
    """Numbers of what travels together."""
    found: list[list[int]] = []
    total = 0
    for at, size in enumerate(sizes):
        if not found or total + size > _PASS_TOKENS:
            found.append([])
            total = 0
        found[-1].append(at)
        total += size
    return found
