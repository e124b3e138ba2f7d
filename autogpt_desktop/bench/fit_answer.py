"""The constants of ``resources/calibration/answer.json``: how candidates are weighed, and when to refuse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from autogpt_desktop import paths
from autogpt_desktop.tasks.answer_rank import FEATURES, SIGNALS

ANSWERING = 0.97  # of the answerable questions that are to be answered; refusals are sure enough for it


def fit_rank(rows: Sequence[Tensor], scores: Sequence[Tensor], penalty: float = 0.02) -> Tensor:
    """Weights [features] under which a softmax over each question's candidates (rows [n, features]) prefers
    those of high F1 (``scores`` [n]): cross-entropy with an L2 penalty on standardised features."""
    every = torch.cat(list(rows))
    mean, scale = every.mean(0), every.std(0) + 1e-6
    pairs = [
        ((row - mean) / scale, score) for row, score in zip(rows, scores, strict=True) if score.max() > 0
    ]
    weights = torch.zeros(every.shape[1], requires_grad=True)
    optimiser = torch.optim.LBFGS([weights], max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = penalty * weights.square().sum()
        for row, score in pairs:
            wanted = score.square() / score.square().sum()
            loss = loss - (wanted * (row @ weights).log_softmax(0)).sum() * score.max() / len(pairs)
        loss.backward()
        return loss

    optimiser.step(closure)
    return (weights / scale).detach()


def fit_answered(rows: Tensor, answers: Tensor, penalty: float = 0.01) -> Tensor:
    """Logistic regression: bias and weights [1 + signals] of rows [n, signals]; ``answers`` [n]: 0 or 1."""
    mean, scale = rows.mean(0), rows.std(0) + 1e-6
    inside = (rows - mean) / scale
    weights = torch.zeros(rows.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(inside @ weights + bias, answers)
        loss = loss + penalty * weights.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    found = (weights / scale).detach()
    return torch.cat([bias.detach() - (found * mean).sum(), found])


def threshold(probabilities: Tensor, answering: float = ANSWERING) -> float:
    """The probability that this share of the answerable questions reaches."""
    return float(probabilities.quantile(1 - answering))


def entry(rank: Tensor, answered: Tensor, least: float, fitted: str) -> dict[str, Any]:
    """What ``answer.json`` holds of one kind."""
    names = ("bias", *SIGNALS)
    return {
        "fitted": fitted,
        "rank": {name: round(float(value), 4) for name, value in zip(FEATURES, rank, strict=True)},
        "answered": {name: round(float(value), 4) for name, value in zip(names, answered, strict=True)},
        "least": round(least, 4),
    }


def write(kinds: dict[str, Any]) -> None:
    """Put what was fitted into the file; other kinds stay."""
    file = paths.resources() / "calibration" / "answer.json"
    every = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(every | kinds, indent=2) + "\n", encoding="utf-8")
