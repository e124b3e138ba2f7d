"""The constants of ``resources/calibration/answer.json``: how candidates are weighed, and when to refuse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from autogpt_desktop import paths
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.tasks.answer.rank import FEATURES, SIGNALS, features, signals
from autogpt_desktop.tasks.answer.reader import Reader

if TYPE_CHECKING:
    from autogpt_desktop.bench.quality.answer import Item

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


def fit(reader: Reader, asked: Sequence[Item], kind: str) -> dict[str, Any]:
    """Constants from questions with their paragraph and with one that does not answer them, written to the
    file. ``kind``: "meaning", "words" or "wide"; the reader must be one for it."""
    from autogpt_desktop.bench.quality.answer import f1

    wide = kind == "wide"
    seen: list[tuple[Item, Any, list[Any], float, bool]] = []
    rows, scores = [], []
    for item in asked:
        for text, right in ((item.context, True), (item.other, False)):
            passage, found, mass = run_to_end(reader.consider(item.question, text))
            if not found:
                continue
            seen.append((item, passage, found, mass, right))
            if right:
                phrases = [text[one.start : one.end] for one in found]
                rows.append(torch.tensor(features(item.question, passage, found)))
                scores.append(torch.tensor([float(f1(one, item.answers, wide)) for one in phrases]))
    rank = fit_rank(rows, scores)
    table = []
    for item, passage, found, mass, _ in seen:
        weighed = torch.tensor(features(item.question, passage, found)) @ rank
        best = int(weighed.argmax())
        table.append(signals(item.question, passage, found[best], mass, float(weighed[best])))
    inside = torch.tensor(table)
    answers = torch.tensor([float(right) for *_, right in seen])
    answered = fit_answered(inside, answers)
    probabilities = torch.sigmoid(inside @ answered[1:] + answered[0])
    made = entry(rank, answered, threshold(probabilities[answers > 0]), f"{len(seen)} XQuAD pairs")
    write({kind: made})
    return made
