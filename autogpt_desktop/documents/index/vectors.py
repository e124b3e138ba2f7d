"""The passages' vectors in memory, and which of them are nearest to a question's."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.documents.index.fusion import NOTHING, Scores

_ROWS = 1024  # that are multiplied at once, as float32: they stay in the cache

Vector = NDArray[np.float32]


def pack(vector: Vector) -> bytes:
    """A vector of length 1 as float16: half the room, and the order of neighbours stays."""
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm else vector).astype("<f2").tobytes()


class Matrix:
    """All vectors of an index [passages, dimensions], searched by brute force.

    200,000 passages with 384 dimensions take 154 MB.
    """

    def __init__(self, rows: Iterable[tuple[int, bytes]], count: int) -> None:
        """``rows``: (passage id, vector), by id."""
        ids: list[int] = []
        self._vectors: NDArray[np.float16] = np.zeros((0, 0), np.float16)
        for passage_id, blob in rows:
            if not ids:
                self._vectors = np.zeros((count, len(blob) // 2), np.float16)
            self._vectors[len(ids)] = np.frombuffer(blob, "<f2")
            ids.append(passage_id)
        self._ids = np.array(ids, np.int64)

    def __len__(self) -> int:
        return len(self._ids)

    def scores(self, vector: Vector) -> Scores:
        """The cosine of every passage's vector with this one."""
        if not len(self) or len(vector) != self._vectors.shape[1]:
            return NOTHING
        query = vector.astype(np.float32)
        query = query / (float(np.linalg.norm(query)) or 1.0)
        parts = [
            self._vectors[at : at + _ROWS].astype(np.float32) @ query for at in range(0, len(self), _ROWS)
        ]
        return Scores(self._ids, np.concatenate(parts).astype(np.float64), len(self))
