"""From the one dial to a shape: what the time buys on this machine.

A candidate says nothing of its size in itself but how many tokens each of its parameters is to see, so that
one which did well in a short trial can be made as large as a longer run wants it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.lab.search.machine import Machine, layer_parameters, parts_that_fit, shape
from autogpt_desktop.lab.train.settings import TrainSettings

_WIDTHS = (*range(32, 512, 32), *range(512, 2049, 64))
_STEPS = 1200  # that a run should have at least, or its optimizer does not come anywhere
_LEARNING_WIDTH = 256  # that learning rates are meant for


# what a search may choose: the least and the largest, or the values that there are
SPACE: dict[str, tuple[float, ...]] = {
    "tokens_per_parameter": (3.0, 30.0),
    "aspect": (16.0, 128.0),
    "head_dim": (32, 64),
    "queries_per_key": (1, 2, 4),
    "mlp_ratio": (1.5, 4.0),
    "context": (128, 256, 512),
    "batch_tokens": (2048, 4096, 8192),
    "learning_rate": (2e-3, 2e-2),
}


def contexts_of(train_tokens: int) -> list[int]:
    """Those that a text of so many tokens has room for."""
    return [int(size) for size in SPACE["context"] if size * 4 <= train_tokens] or [32]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is searched over."""

    tokens_per_parameter: float = 10.0  # of the layers; larger models see 20 (Hoffmann et al., 2022)
    aspect: float = 48.0  # width / depth
    head_dim: int = 64
    queries_per_key: int = 2
    mlp_ratio: float = 8 / 3
    context: int = 256
    batch_tokens: int = 4096
    learning_rate: float = 6e-3  # at a width of 256
    optimizer: Literal["adamw", "muon"] = "muon"


def realize(
    candidate: Candidate, machine: Machine, seconds: float, train_tokens: int, seed: int = 0
) -> tuple[ModelConfig, TrainSettings]:
    """The shape and the settings for a run of ``seconds``. The smallest there is where that is too little,
    or over.

    A text of few tokens is read more often; what it is read again beyond four times counts for little
    (Muennighoff et al., 2023), so that no more than eight times are counted.
    """
    context = max(16, min(candidate.context, train_tokens // 4))
    best: tuple[float, ModelConfig, float] | None = None
    for width in _WIDTHS:
        config = _shape(candidate, machine.vocab_size, width, context)
        tokens = max(1.0, seconds / machine.seconds_per_token(config, candidate.batch_tokens))
        useful = min(tokens, 8.0 * train_tokens)
        # the nearest: a size up or down is a factor, and what a search found is to be had again
        off = abs(math.log(useful / layer_parameters(config) / candidate.tokens_per_parameter))
        if best is None or off < best[0]:
            best = off, config, tokens
    assert best is not None
    _, config, tokens = best
    batch_tokens = min(candidate.batch_tokens, max(context, int(tokens / _STEPS)))
    batch = max(1, batch_tokens // context)
    part, recompute = parts_that_fit(config, batch, context, machine.precision, machine.memory, machine.base)
    settings = TrainSettings(
        context=context,
        batch=batch,
        micro_batch=max(1, min(part, max(1, 4096 // context))),
        learning_rate=candidate.learning_rate * (_LEARNING_WIDTH / config.hidden_size) ** 0.5,
        optimizer=candidate.optimizer,
        precision="bfloat16" if machine.precision == "bfloat16" else "float32",
        recompute=recompute,
        seed=seed,
    )
    return config, settings


def fits(config: ModelConfig, settings: TrainSettings, machine: Machine) -> bool:
    """Is there memory for one sequence at a time?"""
    m = machine
    return parts_that_fit(config, 1, settings.context, m.precision, m.memory, m.base)[0] > 0


def _shape(candidate: Candidate, vocab_size: int, width: int, context: int) -> ModelConfig:
    dim = candidate.head_dim if width % candidate.head_dim == 0 else 32
    heads = width // dim
    groups = candidate.queries_per_key
    while heads % groups:
        groups -= 1
    return shape(
        vocab_size,
        width,
        max(1, round(width / candidate.aspect)),
        head_dim=dim,
        num_key_value_heads=heads // groups,
        intermediate_size=max(32, round(width * candidate.mlp_ratio / 32) * 32),
        max_position_embeddings=context,
    )
