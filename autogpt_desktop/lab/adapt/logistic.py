"""Multinomial logistic regression on fixed features, its strength chosen by cross-validation.

Convex, so every start ends at the same weights; fitted by L-BFGS (Liu and Nocedal, 1989). Classes count
alike, however many examples each has. Probabilities are calibrated by one temperature on the folds that
were held out (Guo et al., 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from autogpt_desktop.engine.torch_backend.transformer import threads

STRENGTHS = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)  # C: the larger, the closer to the examples
FOLDS = 5
_TEMPERATURES = tuple(float(t) for t in np.geomspace(0.25, 4, 41))


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Logits = (x - ``mean``) / ``spread`` · ``weights``ᵀ + ``bias``, over ``temperature``."""

    weights: NDArray[np.float32]  # [classes, features]
    bias: NDArray[np.float32]  # [classes]
    mean: NDArray[np.float32]  # [features]
    spread: float
    temperature: float
    strength: float
    accuracy: float  # mean of the classes' own, on held-out folds
    loss: float  # nats, on held-out folds, calibrated

    def logits(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """[texts, features] → [texts, classes]"""
        y = ((x - self.mean) / np.float32(self.spread)) @ self.weights.T + self.bias
        return np.asarray(y / np.float32(self.temperature), np.float32)


def fit(x: NDArray[np.float32], labels: NDArray[np.int64], classes: int, seed: int = 0) -> Fitted:
    """``x`` [texts, features], ``labels`` 0 … classes - 1, each at least twice."""
    mean = x.mean(0)
    spread = max(1e-6, float(np.sqrt(((x - mean) ** 2).mean())))
    centered = torch.from_numpy((x - mean) / np.float32(spread))
    target = torch.from_numpy(labels)
    # the weights lie in the space of the examples: with few of them there are few numbers to find
    features, basis = centered, None
    if len(x) < x.shape[1]:
        u, s, basis = torch.linalg.svd(centered, full_matrices=False)
        features = u * s  # centered = features · basis
    with threads(1):  # products this small are over before a second thread has woken up
        strength, loss, held = _choose(features, target, labels, classes, seed)
        whole = _minimize(features, target, classes, strength, None)
    weights = whole[:, :-1] if basis is None else whole[:, :-1] @ basis
    right = (held.argmax(1) == target).numpy()
    return Fitted(
        weights.numpy(),
        whole[:, -1].numpy(),
        mean,
        spread,
        _temperature(held, target),
        strength,
        float(np.mean([right[labels == one].mean() for one in range(classes)])),
        loss,
    )


def _choose(
    features: Tensor, target: Tensor, labels: NDArray[np.int64], classes: int, seed: int
) -> tuple[float, float, Tensor]:
    """(strength, its calibrated loss, logits of every example when it was held out)."""
    folds = stratified_folds(labels, FOLDS, seed)
    starts: dict[int, Tensor] = {}
    best: tuple[float, float, Tensor] | None = None
    for strength in STRENGTHS:
        held = torch.zeros(len(labels), classes)
        for fold in range(int(folds.max()) + 1):
            out = torch.from_numpy(folds == fold)
            found = _minimize(features[~out], target[~out], classes, strength, starts.get(fold))
            starts[fold] = found
            held[out] = features[out] @ found[:, :-1].t() + found[:, -1]
        loss = float(F.cross_entropy(held / _temperature(held, target), target, _balance(target, classes)))
        if best is None or loss < best[1] - 1e-6:
            best = (strength, loss, held)
    assert best is not None
    return best


def stratified_folds(labels: Sequence[int] | NDArray[np.int64], folds: int, seed: int) -> NDArray[np.int64]:
    """The fold of each example: every class is spread over all of them, as far as it goes."""
    labels = np.asarray(labels)
    random = np.random.default_rng(seed)
    found = np.zeros(len(labels), np.int64)
    smallest = min(np.bincount(labels)[np.unique(labels)])
    folds = max(2, min(folds, int(smallest)))
    start = 0
    for one in np.unique(labels):
        members = random.permutation(np.flatnonzero(labels == one))
        found[members] = (np.arange(len(members)) + start) % folds
        start += len(members)
    return found


def _balance(target: Tensor, classes: int) -> Tensor:
    counts = torch.bincount(target, minlength=classes).clamp(min=1)
    return len(target) / (classes * counts.float())


def _minimize(x: Tensor, target: Tensor, classes: int, strength: float, start: Tensor | None) -> Tensor:
    """Weights and bias [classes, features + 1] at the least of mean loss + |W|² / (2 · strength · texts)."""
    with torch.enable_grad():
        weights = torch.zeros(classes, x.shape[1] + 1) if start is None else start.clone()
        weights.requires_grad_()
        balance, penalty = _balance(target, classes), 1 / (2 * strength * len(target))
        optimizer = torch.optim.LBFGS(
            [weights], max_iter=40, tolerance_grad=1e-4, tolerance_change=1e-6, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(x @ weights[:, :-1].t() + weights[:, -1], target, balance)
            loss = loss + penalty * (weights[:, :-1] ** 2).sum()
            loss.backward()
            return loss

        optimizer.step(closure)
    return weights.detach()


def _temperature(logits: Tensor, target: Tensor) -> float:
    return min(_TEMPERATURES, key=lambda t: float(F.cross_entropy(logits / t, target)))
