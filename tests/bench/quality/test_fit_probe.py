"""Linear heads on data whose right answer is known."""

from __future__ import annotations

import torch

from autogpt_desktop.bench.quality.fit_probe import calibrated, heads, logistic
from autogpt_desktop.tasks.sentiment.calibration import calibration_error, sigmoid


def drawn(rows: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Rows far from 0 and of unlike sizes, truths, and the coefficients that made them."""
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, 6, generator=chance)
    coefficients = torch.tensor([2.0, -1.0, 0.5, 0.0, 0.0, 1.0])
    truth = torch.rand(rows, generator=chance) < torch.sigmoid(x @ coefficients - 0.5)
    return x, truth, coefficients


def test_the_coefficients_that_made_the_data_are_found() -> None:
    x, truth, coefficients = drawn(20_000)
    found, bias = logistic(x, truth, torch.ones(len(x)), 1e-3)
    assert torch.allclose(found.float(), coefficients, atol=0.12)
    assert abs(bias + 0.5) < 0.1
    strict, _ = logistic(x, truth, torch.ones(len(x)), 1e5)
    assert strict.norm() < 0.3 * found.norm()


def test_what_weighs_nothing_does_not_count() -> None:
    x, truth, _ = drawn(400)
    weight = (torch.arange(400) < 200).float()
    some, bias = logistic(x, truth, weight, 1.0)
    only, same = logistic(x[:200], truth[:200], torch.ones(200), 1.0)
    assert torch.allclose(some, only, atol=1e-3)
    assert abs(bias - same) < 1e-3


def test_a_head_takes_rows_as_they_come_and_gives_probabilities() -> None:
    x, truth, _ = drawn(4000)
    raw = x * torch.tensor([1.0, 10.0, 0.1, 1.0, 1.0, 3.0]) + 7
    weights, bias, outside = calibrated(raw, truth, torch.ones(4000), 300.0, torch.ones(4000).bool())
    z = (raw.double() @ torch.tensor(weights, dtype=torch.float64) + bias).tolist()
    answers = [bool(one) for one in truth]
    for one in (z, outside):
        assert calibration_error([sigmoid(d) for d in one], answers) < 0.03
        assert sum((d > 0) == right for d, right in zip(one, answers, strict=True)) > 0.8 * 4000


def test_two_heads_tell_three_kinds_apart() -> None:
    chance = torch.Generator().manual_seed(3)
    labels = ["positive", "neutral", "negative"] * 60
    places = {"positive": (2.0, 0.0), "neutral": (0.0, 2.0), "negative": (-2.0, 0.0)}
    own = torch.tensor([places[label] for label in labels]) + 0.3 * torch.randn(180, 2, generator=chance)
    positive = [index % 2 == 0 for index in range(200)]
    train = torch.tensor([[1.5 if one else -1.5, 0.0] for one in positive])
    train += 0.3 * torch.randn(200, 2, generator=chance)
    found = heads(train, positive, own, labels)
    for row, label in zip(own.double(), labels, strict=True):
        side, plain = (
            float(row @ torch.tensor(found[head][0], dtype=torch.float64)) + found[head][1]
            for head in ("positive", "neutral")
        )
        assert ("neutral" if plain > 0 else "positive" if side > 0 else "negative") == label
    assert len(found["positive"][2]) == 200 + 120
    assert len(found["neutral"][2]) == 180 + 200
