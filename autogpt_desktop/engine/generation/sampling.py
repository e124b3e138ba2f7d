"""Choosing the next token from the logits."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.errors import KnownError

Sampler = Callable[[Tensor, Sequence[int]], int]
_PENALTY_WINDOW = 256  # latest tokens that the repetition penalty looks at
_MANY = 1000  # tokens: of so many torch draws one in milliseconds
_COLDEST = 1e-4  # temperature; below it only ties are left to draw from, and float32 overflows


def make_sampler(sampling: Sampling) -> Sampler:
    """A function (logits [vocab_size], tokens so far) → token id.

    In this order: repetition penalty (Keskar et al., 2019: CTRL), temperature, top-k, top-p (Holtzman
    et al., 2020), min-p (Nguyen et al., 2024), one draw. The same seed and logits give the same tokens.
    Raises KnownError("model-numbers") for logits that are not numbers: the weights are damaged.
    """
    generator = torch.Generator()
    if sampling.seed is None:
        generator.seed()
    else:
        generator.manual_seed(sampling.seed % (1 << 63))

    def sample(logits: Tensor, previous: Sequence[int]) -> int:
        logits = logits.float()
        if sampling.repetition_penalty != 1.0 and previous:
            logits = _penalize(logits, previous[-_PENALTY_WINDOW:], sampling.repetition_penalty)
        if sampling.temperature <= 0:
            token = argmax(logits)
            _must_be_finite(float(logits[token]))
            return token
        probabilities, ids = candidates(logits, sampling)
        if len(ids) > _MANY:
            share = float(torch.rand(1, generator=generator, dtype=torch.float64))
            cumulative = probabilities.numpy().cumsum(dtype=np.float64)
            drawn = int(np.searchsorted(cumulative, share * cumulative[-1], side="right"))
            return int(ids[min(drawn, len(ids) - 1)])
        return int(ids[torch.multinomial(probabilities, 1, generator=generator)])

    return sample


def argmax(logits: Tensor) -> int:
    """The token of the largest of the logits [vocab_size]; the first of several, or the first NaN.

    numpy does in 20 µs what takes torch 300, and leaves no thread spinning beside the next pass.
    """
    return int(logits.cpu().numpy().argmax())


def logsumexp(logits: Tensor) -> float:
    """ln Σ eˣ of the logits [vocab_size]: a logit less this is its token's log-probability.

    In NumPy: torch adds up a long row in as many parts as it has threads, so that the last bits depend on
    them, and waking the second thread takes longer than the sum.
    """
    row = logits.detach().float().cpu().numpy()
    most = row.max()
    return float(most + np.log(np.exp(row - most).sum()))


def candidates(logits: Tensor, sampling: Sampling) -> tuple[Tensor, Tensor]:
    """The tokens that may be drawn, likeliest first: probabilities (not normalized) and ids, on CPU.

    In NumPy: torch takes thirty times as long for a row that is sorted whole.
    """
    row = logits.detach().float().cpu().numpy()
    _must_be_finite(float(row.max()))  # NaN is the largest of all
    if 0 < sampling.top_k < len(row):
        ids = np.argpartition(row, len(row) - sampling.top_k)[len(row) - sampling.top_k :]
    else:
        ids = np.arange(len(row))
    values = row[ids]
    weights = np.exp((values - values.max()) / np.float32(max(sampling.temperature, _COLDEST)))
    probabilities = weights / weights.sum()
    if sampling.min_p > 0.0:  # those that it leaves are the likeliest, so that the others need no place
        keep = np.flatnonzero(probabilities >= np.float32(sampling.min_p) * probabilities.max())
        ids, probabilities = ids[keep], probabilities[keep]
    order = np.argsort(-probabilities)
    ids, probabilities = ids[order], probabilities[order]
    if sampling.top_p < 1.0:
        before = probabilities.cumsum() - probabilities
        count = max(1, int(np.count_nonzero(before < sampling.top_p)))  # the one that crosses the line stays
        ids, probabilities = ids[:count], probabilities[:count]
    return torch.from_numpy(probabilities), torch.from_numpy(ids)


def _must_be_finite(best: float) -> None:
    """NaN counts as the largest of all, so the largest logit tells."""
    if not math.isfinite(best):
        raise KnownError("model-numbers")


def _penalize(logits: Tensor, previous: Sequence[int], penalty: float) -> Tensor:
    seen = torch.tensor(sorted(set(previous)), dtype=torch.int64, device=logits.device)
    values = logits[seen]
    return logits.index_copy(0, seen, torch.where(values > 0, values / penalty, values * penalty))


def count_penalties(logits: Tensor, previous: Sequence[int], frequency: float, presence: float) -> Tensor:
    """As OpenAI's interface has them: ``frequency`` is taken off a token's logit each time that ``previous``
    has it, ``presence`` once where it has it at all."""
    if not previous:
        return logits
    ids = torch.tensor(list(previous), dtype=torch.int64, device=logits.device)
    seen, counts = ids.unique(return_counts=True)
    return logits.index_copy(0, seen, logits[seen] - counts * frequency - presence)
