"""Looking inside a decoder: what it expects next, how much each token surprised it, what it looks at."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import load
from autogpt_desktop.engine.torch_backend.attention_map import attention_map
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.events import Progress


@dataclass(frozen=True, slots=True)
class LikelyToken:
    """One that may come next. ``text`` has ``\\xe6`` where the token is a part of a character."""

    id: int
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class ReadToken:
    """One token of a text that was read, and how much it surprised: -log2 of its probability."""

    text: str  # "" for a part of a character: the last one of it has the whole
    bits: float | None  # None: the first, which nothing stands before


def text_ids(engine: Engine, text: str) -> list[int]:
    """The tokens of plain text, behind the token that begins a text where the model has one."""
    return engine.tokenizer.encode(text, parse_special=False)


def token_name(engine: Engine, token: int) -> str:
    """One token for people to read; bytes that are no whole character as ``\\xe6``."""
    return engine.tokenizer.token_bytes(token).decode("utf-8", "backslashreplace")


def likely_tokens(logits: torch.Tensor, engine: Engine, count: int) -> tuple[LikelyToken, ...]:
    """The ``count`` most probable tokens behind ``logits`` [vocab_size], the most probable first."""
    probabilities = torch.softmax(logits.float(), dim=-1)
    values, ids = probabilities.topk(min(count, len(probabilities)))
    return tuple(
        LikelyToken(token, token_name(engine, token), value)
        for token, value in zip(ids.tolist(), values.tolist(), strict=True)
    )


def read_tokens(
    engine: Engine, ids: Sequence[int], cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress, None, tuple[tuple[ReadToken, ...], torch.Tensor]]:
    """Read ``ids``: each one's surprise, and the logits [vocab_size] of what comes behind.

    Raises ``Cancelled``, and ValueError for no ids or more than the context.
    """
    if not 0 < len(ids) <= engine.context_length:
        raise ValueError("nothing to read, or more than the context holds")
    state, bits = engine.new_state(), list[float | None]([None])
    last = torch.empty(0)
    while len(state) < len(ids):
        start = len(state)
        chunk = ids[start : start + min(64, engine.decoder.prefill_chunk(start))]  # logits take memory
        rows = engine.decoder.forward([(state, chunk)], "all", cancelled)[0].float()
        following = torch.tensor(list(ids[start + 1 : start + 1 + len(chunk)]), dtype=torch.int64)
        picked = rows[: len(following)].gather(1, following[:, None].to(rows.device))[:, 0]
        nats = torch.logsumexp(rows[: len(following)], dim=-1) - picked
        bits += (nats / math.log(2)).clamp(min=0).tolist()
        last = rows[-1]
        yield Progress("stage.reading", len(state), len(ids))
    return _named(engine, ids, bits), last


def _named(engine: Engine, ids: Sequence[int], bits: Sequence[float | None]) -> tuple[ReadToken, ...]:
    """Texts that join to the whole: a character of several tokens stands with the last of them."""
    stream = engine.tokenizer.stream(skip_special=False)
    texts = [stream.push(token) for token in ids]
    texts[-1] += stream.finish()
    return tuple(ReadToken(text, bit) for text, bit in zip(texts, bits, strict=True))


def reference(engine: Engine, path: Path) -> Generator[Progress, None, Transformer]:
    """The decoder on torch, which can be looked into; the engine's own where it runs on that.

    Raises KnownError as ``load`` does.
    """
    if isinstance(engine.decoder, Transformer):
        return engine.decoder
    other = yield from load(path, device="cpu", compiled=False, context_length=engine.context_length)
    if not isinstance(other.decoder, Transformer):
        raise TypeError("not the reference")
    other.template.close()
    return other.decoder


def attention_of(
    decoder: Transformer, ids: Sequence[int], layer: int, cancelled: Callable[[], bool] = lambda: False
) -> NDArray[np.float32]:
    """``attention_map`` as an array: [heads, tokens, tokens]."""
    return attention_map(decoder, ids, layer, cancelled).numpy()
