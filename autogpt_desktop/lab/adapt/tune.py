"""The last layers of an encoder, tuned together with a small head: for labels, and for pairs of texts.

Howard and Ruder, 2018 (the head first, then the upper layers, with a rate that falls); van den Oord et al.,
2018 and Henderson et al., 2017 (pairs: the other texts of a batch are what each must be told from).
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

_SMOOTHING = 0.05  # of the labels: few examples make a head too sure
_PAIR_SCALE = 20.0  # of the cosine, as sentence-transformers has it


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """``layers``: how many of the last are tuned."""

    layers: int = 2
    epochs: int = 6
    batch: int = 16
    learning_rate: float = 2e-4
    head_rate: float = 2e-3
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


def tune_labels(
    engine: EncoderEngine,
    texts: Sequence[str],
    numbers: NDArray[np.int64],
    weights: NDArray[np.float32],
    bias: NDArray[np.float32],
    settings: TuneSettings,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[dict[str, Tensor], NDArray[np.float32], NDArray[np.float32]]:
    """The changed layers, and a head that begins as ``weights`` and ``bias`` on the mean of the last layer's
    tokens. Classes count alike."""
    tensors = trainable(engine, settings.layers)
    head = [torch.from_numpy(one.copy()).requires_grad_() for one in (weights, bias)]
    target = torch.from_numpy(numbers)
    counts = torch.bincount(target, minlength=len(bias)).clamp(min=1).float()
    balance = len(target) / (len(bias) * counts)

    def loss(rows: NDArray[np.int64]) -> Tensor:
        y = mean_states(engine, [texts[at] for at in rows]) @ head[0].t() + head[1]
        return F.cross_entropy(y, target[rows], balance, label_smoothing=_SMOOTHING)

    _descend(list(tensors.values()), head, loss, len(texts), settings, stop)
    plain = settle(engine, tensors)
    return plain, head[0].detach().numpy(), head[1].detach().numpy()


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

    _descend(list(tensors.values()), [], loss, len(pairs), settings, stop)
    return settle(engine, tensors)


def _descend(
    layers: list[Tensor],
    head: list[Tensor],
    loss: Callable[[NDArray[np.int64]], Tensor],
    count: int,
    settings: TuneSettings,
    stop: Callable[[], bool],
) -> None:
    """AdamW; the rate warms up over a tenth of the steps and falls to nothing."""
    groups = [{"params": layers, "lr": settings.learning_rate}]
    if head:
        groups.append({"params": head, "lr": settings.head_rate})
    optimizer = torch.optim.AdamW(groups, weight_decay=settings.weight_decay, fused=True)
    rates = [group["lr"] for group in optimizer.param_groups]
    random = np.random.default_rng(settings.seed)
    total = settings.epochs * math.ceil(count / settings.batch)
    step = 0
    for _ in range(settings.epochs):
        order = random.permutation(count)
        for start in range(0, count, settings.batch):
            if stop():
                return
            share = min((step + 1) / max(1, total // 10), 1 - step / total)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * share
            value = loss(order[start : start + settings.batch])
            value.backward()
            torch.nn.utils.clip_grad_norm_([*layers, *head], 1.0)
            if torch.isfinite(value):
                optimizer.step()
            optimizer.zero_grad()
            step += 1
