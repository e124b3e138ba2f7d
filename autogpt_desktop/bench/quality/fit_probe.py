"""Linear heads fitted by logistic regression, calibrated on what they were not fitted on."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import softplus

from autogpt_desktop.tasks.sentiment.calibration import fit_platt

FOLDS = 5


def logistic(x: Tensor, truth: Tensor, weight: Tensor, penalty: float) -> tuple[Tensor, float]:
    """Coefficients [n] and bias that make ``truth`` [rows] the likeliest under σ(x · coefficients + bias).

    ``x`` [rows, n]; ``weight`` [rows]; ``penalty`` / 2 times the squared coefficients is added to the loss
    (a normal prior). By L-BFGS (Liu and Nocedal 1989) in float64.
    """
    x, truth, weight = x.double(), truth.double(), weight.double()
    found = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [found], max_iter=300, history_size=20, tolerance_grad=1e-7, line_search_fn="strong_wolfe"
    )

    def loss() -> Tensor:
        optimizer.zero_grad()
        z = x @ found[:-1] + found[-1]
        every = (weight * (softplus(z) - truth * z)).sum() + penalty / 2 * found[:-1].square().sum()
        every = every / weight.sum()
        every.backward()
        return every

    optimizer.step(loss)
    answer = found.detach()
    return answer[:-1], float(answer[-1])


def calibrated(
    x: Tensor, truth: Tensor, weight: Tensor, penalty: float, counted: Tensor, seed: int = 0
) -> tuple[list[float], float, list[float]]:
    """A head on ``x`` as it comes: its weights and bias, so that σ of its output is a probability.

    The columns are brought to mean 0 and deviation 1 for the fit. Each row's output is also found by a
    head that was fitted without its fold; Platt's constants for those of ``counted`` (bool [rows]) go into
    the head. The third result are the outputs of all rows, each without its own fold, calibrated.
    """
    mean, deviation = x.mean(0), x.std(0) + 1e-6
    even = (x - mean) / deviation
    fold = torch.randperm(len(x), generator=torch.Generator().manual_seed(seed)) % FOLDS
    outside = torch.zeros(len(x), dtype=torch.float64)
    for at in range(FOLDS):
        inside = fold != at
        coefficients, bias = logistic(even[inside], truth[inside], weight[inside], penalty)
        outside[~inside] = even[~inside].double() @ coefficients + bias
    slope, offset = fit_platt(outside[counted].tolist(), [bool(one) for one in truth[counted]])
    coefficients, bias = logistic(even, truth, weight, penalty)
    weights = slope * coefficients / deviation.double()
    whole = slope * bias + offset - float(weights @ mean.double())
    return weights.tolist(), whole, (slope * outside + offset).tolist()


def heads(
    train: Tensor, positive: Sequence[bool], own: Tensor, labels: Sequence[str]
) -> dict[str, tuple[list[float], float, list[float]]]:
    """The two heads of ``tasks.sentiment_heads``, as ``calibrated`` gives them.

    ``train`` [rows, n] with its two-way ``positive``; ``own`` [rows, n] with three-way ``labels``. Of
    "positive": the outputs of ``train``, then of the own sentences that are not neutral; of "neutral":
    those of the own sentences, then of ``train``.
    """
    polar = torch.tensor([label != "neutral" for label in labels])
    right = torch.tensor([label == "positive" for label in labels])
    truth = torch.cat([torch.tensor(list(positive)), right[polar]])
    counted = torch.arange(len(truth)) < len(train)
    first = calibrated(torch.cat([train, own[polar]]), truth, torch.ones(len(truth)), 300.0, counted)
    # the train split's are opinions, if terse ones: together they count for a quarter of ours
    rest = torch.full((len(train),), 0.25 * len(own) / len(train))
    truth = torch.cat([~polar, torch.zeros(len(train), dtype=torch.bool)])
    counted = torch.arange(len(truth)) < len(own)
    weight = torch.cat([torch.ones(len(own)), rest])
    second = calibrated(torch.cat([own, train]), truth, weight, 600.0, counted)
    return {"positive": first, "neutral": second}
