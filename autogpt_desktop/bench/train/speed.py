"""Training steps of the same shape, precision and tokens: ours and those of ``transformers``, in turn.

Steps alternate and the best of each counts: what else the machine does falls on both. Both have fused
AdamW; the losses of the first step show that they compute the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.torch_backend.training import (
    new_tensors,
    next_token_loss,
    parameter_count,
    set_precision,
    trainable,
)
from autogpt_desktop.lab.search.machine import shape
from autogpt_desktop.lab.train.optimizer import Optimizer
from autogpt_desktop.lab.train.settings import TrainSettings

SHAPES = {"4M": (192, 6), "12M": (384, 6), "30M": (512, 9)}  # width and layers
_VOCAB, _CONTEXT, _TOKENS = 4096, 256, 2048
_DTYPES = {"bfloat16": torch.bfloat16, "float32": torch.float32}
Step = Callable[[], float]  # one step of the optimizer; the loss before it


def measure_speed(limit: int, rounds: int = 4) -> dict[str, Any]:
    """Of ``limit`` shapes, 0: all. "ratio": our tokens/s / the peer's; without the peer only ours."""
    result: dict[str, Any] = {}
    for name, (hidden, layers) in list(SHAPES.items())[: limit or None]:
        config = shape(_VOCAB, hidden, layers, max_position_embeddings=_CONTEXT)
        for precision, dtype in _DTYPES.items():
            result[f"{name} {precision}"] = _measure(config, dtype, rounds)
    return result


def _measure(config: ModelConfig, dtype: torch.dtype, rounds: int) -> dict[str, float]:
    random = torch.Generator().manual_seed(0)
    ids = torch.randint(0, config.vocab_size, (_TOKENS // _CONTEXT, _CONTEXT + 1), generator=random)
    tensors = new_tensors(config, 0)
    steps = {"ours": _ours(config, tensors, ids, dtype)}
    try:
        from autogpt_desktop.bench.speed.transformers_peer import training_step

        steps["transformers"] = training_step(config, tensors, ids, dtype)
    except ImportError:
        pass
    first = {name: step() for name, step in steps.items()}
    seconds = dict.fromkeys(steps, float("inf"))
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.perf_counter()
            step()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    found: dict[str, float] = {"parameters": parameter_count(config)}
    found |= {f"{name} tokens/s": round(_TOKENS / took) for name, took in seconds.items()}
    if "transformers" in steps:
        found["ratio"] = round(seconds["transformers"] / seconds["ours"], 2)
        found["difference of the first loss"] = abs(first["ours"] - first["transformers"])
    return found


def _ours(config: ModelConfig, tensors: dict[str, Tensor], ids: Tensor, dtype: torch.dtype) -> Step:
    decoder = trainable(config, tensors, torch.device("cpu"))
    set_precision(decoder, dtype)
    optimizer = Optimizer(decoder, TrainSettings(optimizer="adamw"), dtype)

    def step() -> float:
        optimizer.zero_grad()
        loss = next_token_loss(decoder, ids[:, :-1].contiguous(), ids[:, 1:].contiguous())
        loss.backward()
        optimizer.step(1e-3)
        return float(loss.detach())

    return step
