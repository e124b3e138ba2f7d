"""The held-out text: how well the next token is known, in whole windows of context."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch

from autogpt_desktop.engine.torch_backend.training import next_token_loss
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.lab.train.corpus import Corpus

_TOKENS = 4096  # that go through at a time


@torch.no_grad()
def held_out_loss(
    decoder: Transformer,
    corpus: Corpus,
    context: int,
    *,
    limit: int = 0,
    stride: int = 0,
    at_once: int = 0,
    cancelled: Callable[[], bool] = lambda: False,
) -> float:
    """Nats per token of the held-out text, or of about ``limit`` tokens spread over it.

    Each window of ``context`` tokens is scored whole, or, with a ``stride``, only its last tokens, so
    that every one of them but the first has ``context - stride`` tokens at least before it. ``at_once``:
    sequences that go through together, as many as training has, so that a look takes no more memory.
    """
    tokens = corpus.held_out
    context = max(1, min(context, len(tokens)))
    stride = stride or context
    starts = list(range(0, max(1, len(tokens) - (context - stride)), stride))
    if limit and len(starts) * stride > limit:
        keep = max(1, limit // stride)
        starts = [starts[i * len(starts) // keep] for i in range(keep)]
    rows = at_once or max(1, _TOKENS // context)
    total, count = 0.0, 0
    for first in range(0, len(starts), rows):
        if cancelled():
            break
        ids = np.zeros((len(starts[first : first + rows]), context), np.int64)
        targets = np.full_like(ids, -1)
        for row, start in enumerate(starts[first : first + rows]):
            part = tokens[start : start + context].astype(np.int64)
            before = int(tokens[start - 1]) if start else corpus.end_token
            ids[row, : len(part)] = np.concatenate([[before], part[:-1]])
            scored = 0 if start == 0 else context - stride
            targets[row, scored : len(part)] = part[scored:]
        here = int((targets >= 0).sum())
        if not here:
            continue
        batch = (torch.from_numpy(one).to(decoder.device) for one in (ids, targets))
        total += float(next_token_loss(decoder, *batch, count=1))
        count += here
    return total / max(1, count)


def bits_per_byte(loss: float, corpus: Corpus) -> float:
    """Nats per token → bits per byte of the held-out text."""
    return loss / math.log(2) * len(corpus.held_out) / max(1, corpus.held_out_bytes)
