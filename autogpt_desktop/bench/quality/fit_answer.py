"""The constants of ``resources/calibration/answer.json``: how candidates are weighed, and when to refuse."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from autogpt_desktop import paths
from autogpt_desktop.bench.quality.xquad import Item, Outcome, f1, figures
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.tasks.answer.filters import is_possible
from autogpt_desktop.tasks.answer.rank import (
    FEATURES,
    FEATURES_OF_KIND,
    SIGNALS,
    Weights,
)
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


def fit(observations: Sequence[Observation], kind: str) -> dict[str, Any]:
    """What ``answer.json`` holds of one kind (of ``FEATURES_OF_KIND``), from observations of it."""
    weights = fit_weights(observations, kind)
    rank = dict(zip(FEATURES, weights.rank, strict=True))
    answered = dict(zip(("bias", *SIGNALS), weights.answered, strict=True))
    return {
        "fitted": f"{COMMAND}: {len(observations)} XQuAD pairs",
        "rank": {name: round(rank[name], 4) for name in FEATURES_OF_KIND[kind]},
        "answered": {name: round(value, 4) for name, value in answered.items()},
        "least": round(weights.threshold, 4),
    }


def cross_validated(observations: Sequence[Observation], kind: str) -> dict[str, Any]:
    """The figures with constants that were fitted on other articles than the ones they are measured on."""
    outcomes = []
    for fold in range(FOLDS):
        weights = fit_weights([one for one in observations if one.item.article % FOLDS != fold], kind)
        outcomes += [outcome(one, weights) for one in observations if one.item.article % FOLDS == fold]
    return figures(outcomes, kind.endswith("wide"))


def outcome(observation: Observation, weights: Weights) -> Outcome:
    """What would be said with these constants."""
    item, proposals = observation.item, observation.proposals
    best = best_answer(proposals, weights)
    given = best.probability >= best.threshold
    given = given and is_possible(item.question, proposals.passage.text, best.text)
    return Outcome(item, observation.answerable, best.text, given)


def fit_weights(observations: Sequence[Observation], kind: str) -> Weights:
    """The features' weights from the answerable questions, the signals' from all."""
    rows, scores, signals, answerable = [], [], [], []
    used = [FEATURES.index(name) for name in FEATURES_OF_KIND[kind]]
    for one in observations:
        text, candidates = one.proposals.passage.text, one.proposals.candidates
        if not candidates:
            continue
        signals.append(one.proposals.signals)
        answerable.append(float(one.answerable))
        if one.answerable:
            rows.append(torch.tensor(one.proposals.features)[:, used])
            phrases = [text[candidate.start : candidate.end] for candidate in candidates]
            scores.append(
                torch.tensor([f1(phrase, one.item.answers, kind.endswith("wide")) for phrase in phrases])
            )
    rank = torch.zeros(len(FEATURES))
    rank[used] = fit_rank(rows, scores)
    table, right = torch.tensor(signals), torch.tensor(answerable)
    answered = fit_answered(table, right)
    probabilities = torch.sigmoid(table @ answered[1:] + answered[0])
    least = threshold(probabilities[right > 0])
    return Weights(tuple(rank.tolist()), tuple(answered.tolist()), least)


def fit_rank(rows: Sequence[Tensor], scores: Sequence[Tensor], penalty: float = 0.02) -> Tensor:
    """Weights [features] under which a softmax over each question's candidates (rows [n, features]) prefers
    those of high F1 (``scores`` [n]): cross-entropy with an L2 penalty on standardized features."""
    every = torch.cat(list(rows))
    mean, scale = every.mean(0), every.std(0) + 1e-6
    right = [at for at, score in enumerate(scores) if score.max() > 0]
    table = pad_sequence([(rows[at] - mean) / scale for at in right], batch_first=True)
    inside = pad_sequence([torch.ones(len(rows[at])) for at in right], batch_first=True) > 0  # [questions, n]
    f1s = pad_sequence([scores[at] for at in right], batch_first=True)
    targets = f1s.square() / f1s.square().sum(1, keepdim=True)
    share = f1s.max(1).values / len(right)
    weights = torch.zeros(every.shape[1], requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=80, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        logprobs = (table @ weights).masked_fill(~inside, -math.inf).log_softmax(1).masked_fill(~inside, 0.0)
        loss = penalty * weights.square().sum() - (share * (targets * logprobs).sum(1)).sum()
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
