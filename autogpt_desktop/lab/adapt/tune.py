"""The last layers of an encoder, tuned on pairs of texts that belong together.

Henderson et al., 2017, and van den Oord et al., 2018: the other texts of a batch are what each must be told
from. For labels this was tried too: with 50 examples of each it is no better than a linear head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine

_PAIR_SCALE = 20.0  # of the cosine, as sentence-transformers has it


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """``layers``: how many of the last are tuned."""

    layers: int = 2
    epochs: int = 6
    batch: int = 16
    learning_rate: float = 2e-4
    weight_decay: float = 0.01
    seed: int = 0


def trainable(engine: EncoderEngine, layers: int) -> dict[str, Tensor]:
    """The weights of the last ``layers``, replaced in the engine by copies that can be learned."""
    c = engine.config
    first = max(0, c.num_hidden_layers - layers)
    found = {}
    for name, tensor in engine.weights.items():
        if name.startswith("encoder.layer.") and int(name.split(".")[2]) >= first:
            found[name] = tensor.detach().clone().requires_grad_()
    engine.weights.update(found)
    return found


def settle(engine: EncoderEngine, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The end of learning: plain tensors, in the engine too."""
    plain = {name: tensor.detach() for name, tensor in tensors.items()}
    engine.weights.update(plain)
    return plain


def mean_states(engine: EncoderEngine, texts: Sequence[str]) -> Tensor:
    """The mean of each text's tokens behind the last layer, with a gradient. [texts, hidden_size]"""
    encodings = engine.encode(texts)
    width = max(len(one.ids) for one in encodings)
    ids, types = torch.zeros(2, len(texts), width, dtype=torch.int64)
    mask = torch.zeros(len(texts), width, dtype=torch.bool)
    for row, one in enumerate(encodings):
        ids[row, : len(one.ids)] = torch.tensor(one.ids)
        types[row, : len(one.ids)] = torch.tensor(one.type_ids)
        mask[row, : len(one.ids)] = True
    ids, types, mask = (tensor.to(engine.device) for tensor in (ids, types, mask))
    kept = mask.unsqueeze(-1).float()
    return (engine.forward(ids, mask, types) * kept).sum(1) / kept.sum(1).clamp(min=1e-9)


def tune_pairs(
    engine: EncoderEngine,
    pairs: Sequence[tuple[str, str]],
    settings: TuneSettings,
    stop: Callable[[], bool] = lambda: False,
) -> dict[str, Tensor]:
    """The changed layers: the two texts of a pair come near each other, those of others apart."""
    tensors = trainable(engine, settings.layers)

    def loss(rows: NDArray[np.int64]) -> Tensor:
        one, other = (
            F.normalize(mean_states(engine, [pairs[at][side] for at in rows]), dim=-1) for side in (0, 1)
        )
        scores = _PAIR_SCALE * one @ other.t()
        wanted = torch.arange(len(rows))
        return (F.cross_entropy(scores, wanted) + F.cross_entropy(scores.t(), wanted)) / 2

    _descend(list(tensors.values()), loss, len(pairs), settings, stop)
    return settle(engine, tensors)


def _descend(
    layers: list[Tensor],
    loss: Callable[[NDArray[np.int64]], Tensor],
    count: int,
    settings: TuneSettings,
    stop: Callable[[], bool],
) -> None:
    """AdamW; the rate warms up over a tenth of the steps and falls to nothing."""
    rate = settings.learning_rate
    optimizer = torch.optim.AdamW(layers, lr=rate, weight_decay=settings.weight_decay, fused=True)
    random = np.random.default_rng(settings.seed)
    total = settings.epochs * math.ceil(count / settings.batch)
    step = 0
    for _ in range(settings.epochs):
        order = random.permutation(count)
        for start in range(0, count, settings.batch):
            if stop():
                return
            share = min((step + 1) / max(1, total // 10), 1 - step / total)
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            value = loss(order[start : start + settings.batch])
            value.backward()
            torch.nn.utils.clip_grad_norm_(layers, 1.0)
            if torch.isfinite(value):
                optimizer.step()
            optimizer.zero_grad()
            step += 1
