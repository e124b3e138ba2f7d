"""Two rankings into one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

CANDIDATES = 100  # of each ranking


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage's places, from 1; 0: not among the candidates of that ranking."""

    id: int
    score: float
    bm25_rank: int = 0
    vector_rank: int = 0
    bm25: float = 0.0
    similarity: float = 0.0


@dataclass(frozen=True)
class Scores:
    """What one ranking gives to each passage; those that are not listed have 0."""

    ids: NDArray[np.int64]  # sorted
    values: NDArray[np.float64]
    count: int  # of all passages that could have been listed

    def best(self) -> list[int]:
        """The first CANDIDATES ids; ties by id, so that the order is always the same."""
        k = min(CANDIDATES, len(self.ids))
        if not k:
            return []
        chosen = np.argpartition(-self.values, k - 1)[:k]
        chosen = chosen[np.lexsort((self.ids[chosen], -self.values[chosen]))]
        return [int(self.ids[at]) for at in chosen]

    def of(self, passage_id: int) -> float:
        at = int(np.searchsorted(self.ids, passage_id))
        return float(self.values[at]) if at < len(self.ids) and self.ids[at] == passage_id else 0.0

    def among(self, ids: NDArray[np.int64]) -> Scores:
        """Those of some passages, as if there were no others."""
        kept = np.isin(self.ids, ids)
        return Scores(self.ids[kept], self.values[kept], len(ids) if self.count else 0)

    def spread(self) -> tuple[float, float]:
        """Mean and standard deviation over all passages."""
        if not self.count:
            return 0.0, 0.0
        mean = float(self.values.sum()) / self.count
        return mean, max(float((self.values**2).sum()) / self.count - mean * mean, 0.0) ** 0.5


NOTHING = Scores(np.zeros(0, np.int64), np.zeros(0), 0)


def fuse(words: Scores, vectors: Scores) -> list[Ranked]:
    """The best of both, by the sum of standard scores (Montague and Aslam 2001).

    How far a passage stands out from all others says how much a ranking knows about this question.
    Reciprocal rank fusion (Cormack et al. 2009) takes every ranking's first for equally good: on
    Chinese paragraphs with an English encoder, one that guesses took the other down with it.
    """
    by_words, by_vectors = words.best(), vectors.best()
    word_ranks = {item: rank for rank, item in enumerate(by_words, start=1)}
    vector_ranks = {item: rank for rank, item in enumerate(by_vectors, start=1)}
    word_spread, vector_spread = words.spread(), vectors.spread()
    fused = []
    for item in word_ranks.keys() | vector_ranks.keys():
        score = _standard(words.of(item), *word_spread) + _standard(vectors.of(item), *vector_spread)
        places = word_ranks.get(item, 0), vector_ranks.get(item, 0)
        fused.append(Ranked(item, score, *places, words.of(item), vectors.of(item)))
    return sorted(fused, key=lambda ranked: (-ranked.score, ranked.id))


def _standard(value: float, mean: float, deviation: float) -> float:
    return (value - mean) / deviation if deviation > 1e-9 else 0.0
