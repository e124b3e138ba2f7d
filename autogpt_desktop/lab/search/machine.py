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
from autogpt_desktop.lab.runs.memory import PROCESS, new_model_bytes
from autogpt_desktop.lab.runs.shape import CONTEXT as _CONTEXT
from autogpt_desktop.lab.runs.shape import shape as shape
from autogpt_desktop.lab.train.memory import held_bytes
from autogpt_desktop.lab.train.optimizer import Optimizer
from autogpt_desktop.lab.train.settings import TrainSettings

WIDTHS = (128, 256, 512)
_TOKENS = 2048  # of the steps that are timed
_TURNS = 2
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
    base: int = PROCESS  # bytes that the process holds before it has a model

    def seconds_per_token(self, config: ModelConfig, tokens_per_step: int) -> float:
        """Of training, the optimizer's share included."""
        d = config.hidden_size
        usual = _layer_parameters(shape(self.vocab_size, d, 1))
        layer = self._at(self.layer, d) * _layer_parameters(config) / usual
        step = self.optimizer * parameter_count(config) / max(1, tokens_per_step)
        return layer * config.num_hidden_layers + self._at(self.rest, d) + step

    def _at(self, values: tuple[float, ...], width: int) -> float:
        """On the line through the logarithms; outside of the grid as steep as at its end. What was measured
        while another program took its time does not make a wider layer quicker."""
        x, y = np.log(self.widths), np.log(np.maximum(values, 1e-9))
        if len(x) == 1:
            return float(math.exp(y[0] + math.log(width) - x[0]))
        place = int(np.clip(np.searchsorted(x, math.log(width)) - 1, 0, len(x) - 2))
        slope = float(np.clip((y[place + 1] - y[place]) / (x[place + 1] - x[place]), 0.0, 2.0))
        return float(math.exp(y[place] + slope * (math.log(width) - x[place])))

    def values(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, values: dict[str, Any]) -> Machine:
        lists = {key: tuple(one) for key, one in values.items() if isinstance(one, list)}
        return cls(**(values | lists))


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
    budget: float = math.inf,
) -> Iterator[Measured | Machine]:
    """Each shape that was timed, then the machine. Once ``budget`` seconds are over no other width begins."""
    began, precision, base = time.monotonic(), "", 0
    layer, rest, moving = [], [], 0.0
    for number, width in enumerate(widths):
        if number and time.monotonic() - began > budget:
            widths = widths[:number]
            break
        seconds = {}
        for layers in (1, 3):
            config = shape(vocab_size, width, layers)
            precision = precision or _quicker(config, device, tokens)
            per_token, per_step = timed(config, device, precision, optimizer, tokens)
            base = base or held_bytes()  # with the libraries that a step wants, without its tensors
            seconds[layers] = per_token
            moving = per_step / parameter_count(config)
            speed = 1 / (per_token + per_step / tokens)
            yield Measured(
                parameter_count(config),
                speed,
                memory_bytes(config, tokens, _CONTEXT, precision, base=base),
                {"hidden_size": width, "num_hidden_layers": layers, "precision": precision},
            )
        one = max(1e-9, (seconds[3] - seconds[1]) / 2)
        layer.append(one)
        rest.append(max(1e-9, seconds[1] - one))
    memory = int(physical_memory() * _RESERVE)
    yield Machine(precision, vocab_size, widths, tuple(layer), tuple(rest), moving, memory, base or PROCESS)


def _quicker(config: ModelConfig, device: torch.device, tokens: int) -> str:
    """Of the two, by one small shape; in turns, since other programs take time at any moment."""
    seconds = dict.fromkeys(_DTYPES, math.inf)
    for _ in range(_TURNS):
        for name in _DTYPES:
            seconds[name] = min(seconds[name], timed(config, device, name, "adamw", tokens)[0])
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
    config: ModelConfig,
    tokens: int,
    context: int,
    precision: str = "float32",
    *,
    recompute: bool = False,
    base: int = PROCESS,
    accumulates: bool = False,
) -> int:
    """Bytes of the process while ``tokens`` go through at a time; ``base``: what it holds anyway."""
    return base + new_model_bytes(
        config,
        context=context,
        micro_batch=max(1, tokens // context),
        precision=precision,
        recompute=recompute,
        accumulates=accumulates,
    )


def parts_that_fit(
    config: ModelConfig, batch: int, context: int, precision: str, memory: int, base: int = PROCESS
) -> tuple[int, bool]:
    """How many sequences may go through at a time, and whether layers must be computed again."""
    for recompute in (False, True):
        part = batch
        while part >= 1:
            more: dict[str, Any] = {"recompute": recompute, "base": base, "accumulates": part < batch}
            if not memory or memory_bytes(config, part * context, context, precision, **more) <= memory:
                return part, recompute
            part //= 2
    return 0, True
