"""The constants of ``resources/calibration/answer.json``: how candidates are weighed, and when to refuse."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autogpt_desktop import paths
from autogpt_desktop.bench.quality.xquad import Item, Outcome, f1, figures
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.tasks.answer.filters import is_possible
from autogpt_desktop.tasks.answer.rank import FEATURES, SIGNALS, Weights, candidate_features, passage_signals
from autogpt_desktop.tasks.answer.reader import Proposals, Reader, best_answer

COMMAND = "autogpt-desktop bench quality --task answer --fit"
ANSWERING = 0.97  # of the answerable questions that are to be answered; refusals are sure enough for it
FOLDS = 8  # of whole articles, for cross-validation


@dataclass(frozen=True, slots=True)
class Observation:
    """What a model proposed for a question over its paragraph (``answerable``) or over the other one."""

    item: Item
    answerable: bool
    proposals: Proposals


def observe(reader: Reader, items: Sequence[Item]) -> list[Observation]:
    """The questions with their paragraph and with one that does not answer them. Slow: the model reads."""
    return [
        Observation(item, answerable, run_to_end(reader.propose(item.question, text)))
        for item in items
        for text, answerable in ((item.context, True), (item.other, False))
    ]


def fit(observations: Sequence[Observation], cjk: bool = False) -> dict[str, Any]:
    """What ``answer.json`` holds of one kind, from observations of it."""
    weights = fit_weights(observations, cjk)
    names = ("bias", *SIGNALS)
    return {
        "fitted": f"{COMMAND}: {len(observations)} XQuAD pairs",
        "rank": {name: round(value, 4) for name, value in zip(FEATURES, weights.rank, strict=True)},
        "answered": {name: round(value, 4) for name, value in zip(names, weights.answered, strict=True)},
        "least": round(weights.threshold, 4),
    }


def cross_validated(observations: Sequence[Observation], cjk: bool = False) -> dict[str, Any]:
    """The figures with constants that were fitted on other articles than the ones they are measured on."""
    outcomes = []
    for fold in range(FOLDS):
        weights = fit_weights([one for one in observations if one.item.article % FOLDS != fold], cjk)
        for one in observations:
            if one.item.article % FOLDS == fold:
                outcomes.append(outcome(one, weights))
    return figures(outcomes, cjk)


def outcome(observation: Observation, weights: Weights) -> Outcome:
    """What would be said with these constants."""
    item, proposals = observation.item, observation.proposals
    best = best_answer(item.question, proposals, weights)
    given = best.probability >= best.threshold
    given = given and is_possible(item.question, proposals.passage.text, best.text)
    return Outcome(item, observation.answerable, best.text, given)


def fit_weights(observations: Sequence[Observation], cjk: bool = False) -> Weights:
    """First the weights of the features, then, from the phrases that win under these, the rest."""
    seen = [one for one in observations if one.proposals.candidates]
    features = [
        torch.tensor(
            candidate_features(one.item.question, one.proposals.passage, one.proposals.candidates),
            dtype=torch.float32,
        )
        for one in seen
    ]
    answerable = torch.tensor([float(one.answerable) for one in seen])
    scores = [_scores(one, cjk) for one in seen if one.answerable]
    rank = fit_rank([rows for rows, one in zip(features, seen, strict=True) if one.answerable], scores)
    signals = []
    for one, rows in zip(seen, features, strict=True):
        weighed = rows @ rank
        best, proposals = int(weighed.argmax()), one.proposals
        signals.append(
            passage_signals(
                one.item.question,
                proposals.passage,
                proposals.candidates[best],
                proposals.copy_logprob,
                float(weighed[best]),
            )
        )
    table = torch.tensor(signals)
    answered = fit_answered(table, answerable)
    probabilities = torch.sigmoid(table @ answered[1:] + answered[0])
    least = threshold(probabilities[answerable > 0])
    return Weights(tuple(rank.tolist()), tuple(answered.tolist()), least)


def _scores(observation: Observation, cjk: bool) -> Tensor:
    """The F1 of each candidate."""
    text, answers = observation.proposals.passage.text, observation.item.answers
    return torch.tensor([f1(text[c.start : c.end], answers, cjk) for c in observation.proposals.candidates])


def fit_rank(rows: Sequence[Tensor], scores: Sequence[Tensor], penalty: float = 0.02) -> Tensor:
    """Weights [features] under which a softmax over each question's candidates (rows [n, features]) prefers
    those of high F1 (``scores`` [n]): cross-entropy with an L2 penalty on standardized features."""
    every = torch.cat(list(rows))
    mean, scale = every.mean(0), every.std(0) + 1e-6
    pairs = [
        ((row - mean) / scale, score) for row, score in zip(rows, scores, strict=True) if score.max() > 0
    ]
    weights = torch.zeros(every.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = penalty * weights.square().sum()
        for row, score in pairs:
            target = score.square() / score.square().sum()
            loss = loss - (target * (row @ weights).log_softmax(0)).sum() * score.max() / len(pairs)
        loss.backward()
        return loss

    optimizer.step(closure)
    return (weights / scale).detach()


def fit_answered(rows: Tensor, answers: Tensor, penalty: float = 0.01) -> Tensor:
    """Logistic regression: bias and weights [1 + signals] of rows [n, signals]; ``answers`` [n]: 0 or 1."""
    mean, scale = rows.mean(0), rows.std(0) + 1e-6
    standardized = (rows - mean) / scale
    weights = torch.zeros(rows.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(standardized @ weights + bias, answers)
        loss = loss + penalty * weights.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    scaled = (weights / scale).detach()
    return torch.cat([bias.detach() - (scaled * mean).sum(), scaled])


def threshold(probabilities: Tensor, answering: float = ANSWERING) -> float:
    """The probability that this share of the answerable questions reaches."""
    return float(probabilities.quantile(1 - answering))


def write(kinds: dict[str, Any]) -> None:
    """Put what was fitted into the file; other kinds stay."""
    file = paths.resources() / "calibration" / "answer.json"
    every = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(every | kinds, indent=2) + "\n", encoding="utf-8")
