"""Looking inside a decoder: what it expects next, how much each token surprised it, what it looks at."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import torch

from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import load
from autogpt_desktop.engine.torch_backend.attention_map import attention_map
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.events import Progress


def text_ids(engine: Engine, text: str) -> list[int]:
    """The tokens of plain text, behind the token that begins a text where the model has one."""
    return engine.tokenizer.encode(text, parse_special=False)


def token_name(engine: Engine, token: int) -> str:
    """One token for people to read; bytes that are no whole character as ``\\xe6``."""
    return engine.tokenizer.token_bytes(token).decode("utf-8", "backslashreplace")


def likely_tokens(logits: torch.Tensor, engine: Engine, count: int) -> list[tuple[int, str, float]]:
    """The ``count`` most probable tokens behind ``logits`` [vocab_size], the most probable first: id, text
    and probability."""
    probabilities = torch.softmax(logits.float(), dim=-1)
    values, ids = probabilities.topk(min(count, len(probabilities)))
    pairs = zip(ids.tolist(), values.tolist(), strict=True)
    return [(token, token_name(engine, token), value) for token, value in pairs]


def read_tokens(
    engine: Engine, ids: Sequence[int], cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress, None, tuple[list[tuple[str, float | None]], torch.Tensor]]:
    """Read ``ids``: each one's text and surprise, and the logits [vocab_size] of what comes behind.

    The surprise is -log2 of the probability, None of the first. The texts join to the whole: a character of
    several tokens stands with the last of them. Raises ``Cancelled``, and ValueError for no ids or more
    than the context.
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
    return list(zip(_texts(engine, ids), bits, strict=True)), last


def _texts(engine: Engine, ids: Sequence[int]) -> list[str]:
    stream = engine.tokenizer.stream(skip_special=False)
    texts = [stream.push(token) for token in ids]
    texts[-1] += stream.finish()
    return texts


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


def attention_maps(
    decoder: Transformer, ids: Sequence[int], layer: int, cancelled: Callable[[], bool] = lambda: False
) -> tuple[bytes, ...]:
    """``attention_map`` for a screen: the mean of the heads, then each head; row by row a byte for each pair
    of tokens, 255 · √weight, so that small weights can be told from none. Raises as ``attention_map``."""
    weights = attention_map(decoder, ids, layer, cancelled)
    every = torch.cat([weights.mean(0, keepdim=True), weights])
    shades = every.clamp(0, 1).sqrt().mul(255).round().to(torch.uint8)
    return tuple(shade.numpy().tobytes() for shade in shades)
