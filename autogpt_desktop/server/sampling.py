"""How an answer is to be written, as far as chats and completions ask for it in the same fields."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.server.errors import wrong
from autogpt_desktop.server.fields import Fields

MOST_CHOICES = 16
MOST_LOGPROBS = 20
_DEFAULT = Sampling()  # where a client says nothing
_MOST_STOPS = 16
_MOST_BIASES = 1024
_BIG = 1 << 62


@dataclass(frozen=True, slots=True)
class Wanted:
    """``sampling.max_tokens`` does not count, but ``max_tokens``; None: no limit was named."""

    sampling: Sampling
    max_tokens: int | None
    frequency_penalty: float
    presence_penalty: float
    logit_bias: tuple[tuple[int, float], ...]
    n: int


def read_sampling(body: Fields, *limits: str, least: int = 1) -> Wanted:
    """``limits``: the names that the most tokens of an answer may have, ``least``: the smallest."""
    stop = [text for text in body.texts("stop", _MOST_STOPS) if text]
    tokens = next((body.whole(name, least, 1 << 31, 0) for name in limits if name in body), None)
    seed = body.whole("seed", -_BIG, _BIG, 0) if "seed" in body else None
    sampling = Sampling(
        temperature=body.number("temperature", 0, 2, _DEFAULT.temperature),
        top_p=max(body.number("top_p", 0, 1, _DEFAULT.top_p), 1e-6),
        # these are not OpenAI's, but what other servers for models at home call them
        top_k=max(body.whole("top_k", -1, 1 << 31, _DEFAULT.top_k), 0),  # -1: all, as vLLM has it
        min_p=body.number("min_p", 0, 1, _DEFAULT.min_p),
        repetition_penalty=max(
            body.number("repetition_penalty", 0.01, 10, _DEFAULT.repetition_penalty), 0.01
        ),
        seed=seed,
        stop=tuple(stop),
    )
    return Wanted(
        sampling,
        tokens,
        body.number("frequency_penalty", -2, 2, 0.0),
        body.number("presence_penalty", -2, 2, 0.0),
        _biases(body),
        body.whole("n", 1, MOST_CHOICES, 1),
    )


def _biases(body: Fields) -> tuple[tuple[int, float], ...]:
    values: Any = body.raw("logit_bias")
    if values is None:
        return ()
    if not isinstance(values, dict) or len(values) > _MOST_BIASES:
        raise wrong(body.place("logit_bias"), f"must be an object of at most {_MOST_BIASES} tokens")
    inside = body.object("logit_bias")
    found = []
    for key in values:
        if not (key.isascii() and key.isdigit() and len(key) < 10):
            raise wrong(body.place("logit_bias"), "must have token ids as its keys")
        found.append((int(key), inside.number(key, -100, 100, 0.0)))
    return tuple(found)


def seeded(sampling: Sampling, index: int) -> Sampling:
    """For one of several answers: each has a seed of its own, which follows from the client's."""
    return sampling if sampling.seed is None else dataclasses.replace(sampling, seed=sampling.seed + index)


def check_biases(wanted: Wanted, vocab_size: int) -> None:
    """Raises ApiError for ids that the model does not have."""
    if any(id >= vocab_size for id, _ in wanted.logit_bias):
        raise wrong("logit_bias", f"has a token that this model does not have: it knows {vocab_size}")
