"""Which of several translations of one sentence is the best, by what they have in common.

Minimum Bayes risk decoding: the one that is most like all the others, as samples of the model stand for
what it believes (Kumar and Byrne 2004; Eikema and Aziz 2020), measured by chrF (Popović 2015).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

ORDER, BETA = 6, 2.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """``logprob``: mean of its tokens' natural logarithms of probability. ``flags``, and what they cost:
    see checks."""

    text: str
    logprob: float
    cost: float = 0.0
    flags: tuple[str, ...] = ()


def chrf(hypothesis: Sequence[Counter[str]], reference: Sequence[Counter[str]]) -> float:
    """chrF of two ``grams``: F₂ of the mean precision and recall of orders that both have; 0 to 1."""
    precision = recall = 0.0
    orders = 0
    for mine, other in zip(hypothesis, reference, strict=True):
        have, want = mine.total(), other.total()
        if not have or not want:
            continue
        same = (mine & other).total()
        precision += same / have
        recall += same / want
        orders += 1
    if not orders or not precision + recall:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return (1 + BETA**2) * precision * recall / (BETA**2 * precision + recall)


def grams(text: str) -> list[Counter[str]]:
    """Its groups of 1 to 6 characters, without white space, with how often they come."""
    text = "".join(text.split())
    return [Counter(text[at : at + n] for at in range(len(text) - n + 1)) for n in range(1, ORDER + 1)]


def expected(candidates: Sequence[Candidate]) -> list[float]:
    """What each candidate's chrF would be on average if one of the others were right, 0 to 100."""
    made = [grams(candidate.text) for candidate in candidates]
    found = []
    for at, mine in enumerate(made):
        others = [chrf(mine, other) for place, other in enumerate(made) if place != at]
        found.append(100 * sum(others) / len(others) if others else 100.0)
    return found


def best(
    candidates: Sequence[Candidate],
    scores: Sequence[float] | None = None,
    weight: float = 10.0,
    likely: float = 20.0,
) -> int:
    """The number of the candidate to take: most like the others (``scores``, else ``expected``), few flags,
    likely to the model."""
    scores = expected(candidates) if scores is None else scores
    values = [
        score - weight * candidate.cost + likely * candidate.logprob
        for score, candidate in zip(scores, candidates, strict=True)
    ]
    return max(range(len(values)), key=values.__getitem__)
