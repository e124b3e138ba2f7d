"""The constants of ``resources/calibration/translate.json``: how likely a translated sentence is of use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import torch

from autogpt_desktop import paths
from autogpt_desktop.tasks.translate.confidence import SIGNS

# chrF from which a sentence counts as of use: most of it is understood, and right. Chinese and Japanese
# have so many characters that equally good translations share fewer of them.
USABLE = {"zh": 20.0, "ja": 20.0}
USABLE_ELSEWHERE = 45.0
FLAG = -0.3  # at least so much for a flag of cost 1, of which a sample has too few


def usable(chrf: float, target: str) -> bool:
    return chrf >= USABLE.get(target, USABLE_ELSEWHERE)


def fit(
    rows: Sequence[Mapping[str, float]], useful: Sequence[bool], penalty: float = 0.01
) -> dict[str, float]:
    """Logistic regression with the signs of SIGNS: "bias" and a weight for each signal of ``rows``."""
    names = list(rows[0])
    inside = torch.tensor([[row[name] for name in names] for row in rows])
    mean, scale = inside.mean(0), inside.std(0) + 1e-6
    inside = (inside - mean) / scale
    signs = torch.tensor([float(SIGNS[name]) for name in names])
    wanted = torch.tensor([float(one) for one in useful])
    roots = torch.full((len(names),), 0.5, requires_grad=True)  # their squares are the weights' sizes
    bias = torch.zeros(1, requires_grad=True)
    optimiser = torch.optim.LBFGS([roots, bias], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        weights = signs * roots.square()
        loss = torch.nn.functional.binary_cross_entropy_with_logits(inside @ weights + bias, wanted)
        loss = loss + penalty * weights.square().sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    found = (signs * roots.square() / scale).detach()
    total = float(bias.detach() - (found * mean).sum())
    weights = {name: round(float(value), 4) for name, value in zip(names, found, strict=True)}
    if "flags" in weights:
        weights["flags"] = min(weights["flags"], FLAG)
    return {"bias": round(total, 4)} | weights


def error(probabilities: Sequence[float], useful: Sequence[bool], bins: int = 10) -> float:
    """Expected calibration error: mean distance of probability and share that is of use, by bins."""
    held: list[list[tuple[float, bool]]] = [[] for _ in range(bins)]
    for probability, one in zip(probabilities, useful, strict=True):
        held[min(int(probability * bins), bins - 1)].append((probability, one))
    return sum(abs(sum(p for p, _ in some) - sum(u for _, u in some)) for some in held) / max(len(useful), 1)


def write(weights: Mapping[str, Mapping[str, float]], fitted: str) -> None:
    """Put them into the file that ships; weights of other models stay."""
    file = paths.resources() / "calibration" / "translate.json"
    old: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    value = old | {"usable": USABLE | {"": USABLE_ELSEWHERE}, "weights": old["weights"] | dict(weights)}
    value["fitted seq2seq" if "seq2seq" in weights else "fitted"] = fitted
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
