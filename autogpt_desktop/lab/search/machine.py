"""How quick this machine trains, from a small grid of shapes, and the memory that a shape takes.

One layer and three layers of some widths are timed: the difference is a layer's time, the rest is the
embedding's and the head's. Other widths lie between, on a line through logarithms.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.memory import physical_memory
from autogpt_desktop.engine.torch_backend.training import (
    new_tensors,
    next_token_loss,
    parameter_count,
    set_precision,
    trainable,
)
from autogpt_desktop.lab.runs.events import Measured
from autogpt_desktop.lab.train.optimizer import Optimizer
from autogpt_desktop.lab.train.settings import TrainSettings

WIDTHS = (128, 256, 512)
_CONTEXT, _TOKENS = 256, 2048  # of the steps that are timed
_RESERVE = 0.7  # of the machine's memory: the window and other programs want some
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Machine:
    """Seconds by width: of a layer for a token, of all else for a token, of the optimizer for a parameter."""

    precision: str
    vocab_size: int
    widths: tuple[int, ...]
    layer: tuple[float, ...]
    rest: tuple[float, ...]
    optimizer: float
    memory: int = 0  # bytes that training may take; 0: as much as there is

    def seconds_per_token(self, config: ModelConfig, tokens_per_step: int) -> float:
        """Of training, the optimizer's share included."""
        d = config.hidden_size
        usual = _layer_parameters(shape(self.vocab_size, d, 1))
        layer = self._at(self.layer, d) * _layer_parameters(config) / usual
        step = self.optimizer * parameter_count(config) / max(1, tokens_per_step)
        return layer * config.num_hidden_layers + self._at(self.rest, d) + step

    def _at(self, values: tuple[float, ...], width: int) -> float:
        """On the line through the logarithms; outside of the grid as steep as at its end."""
        x, y = np.log(self.widths), np.log(np.maximum(values, 1e-9))
        if len(x) == 1:
            return float(math.exp(y[0] + math.log(width) - x[0]))
        place = int(np.clip(np.searchsorted(x, math.log(width)) - 1, 0, len(x) - 2))
        slope = (y[place + 1] - y[place]) / (x[place + 1] - x[place])
        return float(math.exp(y[place] + slope * (math.log(width) - x[place])))

    def values(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Machine:
        lists = {key: tuple(one) for key, one in values.items() if isinstance(one, list)}
        return cls(**(values | lists))


def shape(vocab_size: int, hidden: int, layers: int, **changes: Any) -> ModelConfig:
    """A usual shape: heads of 64, two queries to a key, an MLP of 8/3 of the width (Shazeer, 2020)."""
    dim = changes.pop("head_dim", 64 if hidden % 64 == 0 and hidden >= 128 else 32)
    heads = max(1, hidden // dim)
    values: dict[str, Any] = {
        "family": "llama",
        "vocab_size": vocab_size,
        "hidden_size": hidden,
        "intermediate_size": max(32, round(hidden * 8 / 3 / 32) * 32),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": max(1, heads // 2) if heads % 2 == 0 else heads,
        "head_dim": dim,
        "max_position_embeddings": _CONTEXT,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
    }
    return ModelConfig(**(values | changes))


def _layer_parameters(config: ModelConfig) -> int:
    c = config
    heads = (2 * c.num_attention_heads + 2 * c.num_key_value_heads) * c.head_dim
    return c.hidden_size * (heads + 3 * c.intermediate_size)


def layer_parameters(config: ModelConfig) -> int:
    """Of all layers, without the embedding: what learns from each token."""
    return _layer_parameters(config) * config.num_hidden_layers


def measure(
    vocab_size: int,
    device: torch.device,
    *,
    widths: tuple[int, ...] = WIDTHS,
    optimizer: str = "muon",
    tokens: int = _TOKENS,
) -> Iterator[Measured | Machine]:
    """Each shape that was timed, then the machine."""
    precision = ""
    layer, rest, moving = [], [], 0.0
    for width in widths:
        seconds = {}
        for layers in (1, 3):
            config = shape(vocab_size, width, layers)
            precision = precision or _quicker(config, device, tokens)
            per_token, per_step = timed(config, device, precision, optimizer, tokens)
            seconds[layers] = per_token
            moving = max(moving, per_step / parameter_count(config)) if width == widths[-1] else moving
            speed = 1 / (per_token + per_step / tokens)
            yield Measured(
                parameter_count(config),
                speed,
                memory_bytes(config, tokens, _CONTEXT, precision),
                {"hidden_size": width, "num_hidden_layers": layers, "precision": precision},
            )
        one = max(1e-9, (seconds[3] - seconds[1]) / 2)
        layer.append(one)
        rest.append(max(1e-9, seconds[1] - one))
    yield Machine(
        precision, vocab_size, widths, tuple(layer), tuple(rest), moving, int(physical_memory() * _RESERVE)
    )


def _quicker(config: ModelConfig, device: torch.device, tokens: int) -> str:
    """Of the two, by one small shape."""
    seconds = {name: timed(config, device, name, "adamw", tokens)[0] for name in _DTYPES}
    return min(seconds, key=lambda name: seconds[name])


def timed(
    config: ModelConfig, device: torch.device, precision: str, optimizer: str, tokens: int = _TOKENS
) -> tuple[float, float]:
    """Seconds of gradients for a token, and of a step of the optimizer: the better of two."""
    context = config.max_position_embeddings
    decoder = trainable(config, new_tensors(config, 0), device)
    set_precision(decoder, _DTYPES[precision])
    settings = TrainSettings(optimizer="muon" if optimizer == "muon" else "adamw")
    moves = Optimizer(decoder, settings, _DTYPES[precision])
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(0, config.vocab_size, (max(1, tokens // context), context), generator=random)
    ids = ids.to(device)
    gradients, steps = [], []
    for _ in range(3):
        moves.zero_grad()
        began = time.perf_counter()
        next_token_loss(decoder, ids, ids).backward()
        between = time.perf_counter()
        moves.step(1e-3)
        gradients.append(between - began)
        steps.append(time.perf_counter() - between)
    return min(gradients[1:]) / ids.numel(), min(steps[1:])


def memory_bytes(
    config: ModelConfig, tokens: int, context: int, precision: str = "float32", *, recompute: bool = False
) -> int:
    """Bytes of the process while ``tokens`` go through at a time: what it holds anyway, weights with
    their gradients and averages, and what layers keep for the gradients."""
    c = config
    size = 2 if precision == "bfloat16" else 4
    parameters = parameter_count(c)
    # weights, gradients, two averages, and a copy for the products
    fixed = parameters * (16 + (size if size == 2 else 0)) + 4 * max(parameters // 4, 1 << 20)
    heads, shared = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim
    attention = c.num_attention_heads * context // 2 + c.num_attention_heads * 64
    kept = 2 * 4 * c.hidden_size + size * (
        2 * c.hidden_size + 4 * heads + 4 * shared + attention + 3 * c.intermediate_size
    )
    passing = 4 * (4 * c.hidden_size + 4 * c.intermediate_size) + size * 2 * attention
    logits = min(tokens * c.vocab_size, 1 << 21) * 12
    layers = c.num_hidden_layers
    inside = kept + 4 * c.hidden_size * layers if recompute else kept * layers
    return _BASE + fixed + tokens * (inside + passing) + logits


_BASE = 330 << 20  # Python, torch and its libraries


def parts_that_fit(
    config: ModelConfig, batch: int, context: int, precision: str, memory: int
) -> tuple[int, bool]:
    """How many sequences may go through at a time, and whether layers must be computed again."""
    for recompute in (False, True):
        part = batch
        while part >= 1:
            if (
                not memory
                or memory_bytes(config, part * context, context, precision, recompute=recompute) <= memory
            ):
                return part, recompute
            part //= 2
    return 0, True
