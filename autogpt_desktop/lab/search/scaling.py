"""A scaling law: held-out loss over parameters and tokens, and what it says of more time.

L(N, D) = E + A / N^α + B / D^β (Hoffmann et al., 2022), fitted to the runs of this text on this machine;
the band comes from leaving runs out by chance (bootstrap: Efron, 1979). For given exponents the rest is
a linear problem, whose numbers may not be negative.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAST_RUNS = 6
_EXPONENTS = np.linspace(0.1, 0.9, 17)
_DRAWS = 100
Run = tuple[int, int, float]  # parameters, tokens, nats per token


@dataclass(frozen=True, slots=True)
class Law:
    """``draws``: the same numbers, of runs drawn by chance."""

    floor: float  # E
    a: float
    alpha: float
    b: float
    beta: float
    draws: tuple[tuple[float, float, float, float, float], ...] = ()

    def loss(self, parameters: float, tokens: float) -> float:
        return _loss((self.floor, self.a, self.alpha, self.b, self.beta), parameters, tokens)

    def band(self, parameters: float, tokens: float) -> tuple[float, float]:
        """Where nine of ten draws lie."""
        losses = [_loss(one, parameters, tokens) for one in self.draws] or [self.loss(parameters, tokens)]
        low, high = np.quantile(losses, (0.05, 0.95))
        return float(low), float(high)


def _loss(law: tuple[float, float, float, float, float], parameters: float, tokens: float) -> float:
    floor, a, alpha, b, beta = law
    return floor + a * parameters**-alpha + b * tokens**-beta


def fit(runs: Sequence[Run], seed: int = 0) -> Law | None:
    """None for fewer than six runs, or all of one size and length."""
    if len(runs) < LEAST_RUNS or len({run[0] for run in runs}) < 2 or len({run[1] for run in runs}) < 2:
        return None
    table = np.array(runs, np.float64)
    random = np.random.default_rng(seed)
    draws = []
    for _ in range(_DRAWS):
        rows = table[random.integers(0, len(table), len(table))]
        if len(np.unique(rows[:, :2], axis=0)) >= 4:
            draws.append(_fit(rows))
    return Law(*_fit(table), tuple(draws))


def _fit(table: NDArray[np.float64]) -> tuple[float, float, float, float, float]:
    parameters, tokens, losses = table.T
    # logarithms weigh all runs alike; close to the losses' mean the line is as good
    weight = 1 / losses
    best, least = (float(losses.min()), 0.0, 0.5, 0.0, 0.5), np.inf
    for alpha, beta in itertools.product(_EXPONENTS, _EXPONENTS):
        columns = np.stack([np.ones_like(losses), parameters**-alpha, tokens**-beta], axis=1)
        numbers, error = _non_negative(columns * weight[:, None], losses * weight)
        if error < least:
            floor, a, b = numbers
            best, least = (float(floor), float(a), float(alpha), float(b), float(beta)), error
    return best


def _non_negative(
    columns: NDArray[np.float64], wanted: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Least squares with no number below zero: of three columns each choice is tried."""
    scale = np.abs(columns).max(0)
    best, least = np.zeros(columns.shape[1]), np.inf
    for count in range(1, columns.shape[1] + 1):
        for chosen in map(list, itertools.combinations(range(columns.shape[1]), count)):
            part = columns[:, chosen] / scale[chosen]
            numbers = np.linalg.lstsq(part, wanted, rcond=None)[0]
            if (numbers < 0).any():
                continue
            error = float(((part @ numbers - wanted) ** 2).sum())
            if error < least:
                best, least = np.zeros(columns.shape[1]), error
                best[chosen] = numbers / scale[chosen]
    return best, least
