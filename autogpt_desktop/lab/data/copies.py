"""Which texts are copies of others, exact or nearly: MinHash with locality-sensitive hashing.

Broder, 1997 (MinHash of shingles); Li, Owen and Zhang, 2012 (one permutation, whose bins stand for many).
The time is in proportion to the texts' length.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SHINGLE = 12  # characters
_BINS = 128
_ROWS = 4  # bins of a band: two texts that share half of their shingles meet in one of 32 with 0.87
_NEAR = 0.8  # share of equal bins, which estimates the share of common shingles
_LEAST = 64  # shingles; shorter texts are compared as a whole
_BLOCK = 1 << 20  # characters at once
_NONE = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


def find_copies(texts: Sequence[str]) -> list[int]:
    """For each text the number of the first one that it is a copy of; its own where there is none."""
    first_of: dict[bytes, int] = {}
    first = list(range(len(texts)))
    bands: dict[tuple[int, bytes], int] = {}
    signatures: dict[int, NDArray[np.uint64]] = {}
    for number, text in enumerate(texts):
        normal = _normalize(text)
        same = first_of.setdefault(hashlib.sha256(normal.encode("utf-8", "replace")).digest(), number)
        if same != number:
            first[number] = first[same]
            continue
        signature = _signature(normal)
        if signature is None:
            continue
        keys = [(at, signature[at : at + _ROWS].tobytes()) for at in range(0, _BINS, _ROWS)]
        for other in dict.fromkeys(bands[key] for key in keys if key in bands):
            if np.mean(signatures[other] == signature) >= _NEAR:
                first[number] = first[other]
                break
        else:
            signatures[number] = signature
            for key in keys:
                bands.setdefault(key, number)
    return first


def _normalize(text: str) -> str:
    """Case and white space do not make another text."""
    return " ".join(text.casefold().split())


def _signature(text: str) -> NDArray[np.uint64] | None:
    """The smallest hash of a shingle in each of the bins; None for a text that is too short."""
    if len(text) < _SHINGLE + _LEAST:
        return None
    bins = np.full(_BINS, _NONE)
    for start in range(0, len(text) - _SHINGLE + 1, _BLOCK):
        data = text[start : start + _BLOCK + _SHINGLE - 1].encode("utf-32-le", "replace")
        letters = np.frombuffer(data, np.uint32).astype(np.uint64)
        count = len(letters) - _SHINGLE + 1
        hashes = np.zeros(count, np.uint64)
        for at in range(_SHINGLE):
            hashes = hashes * np.uint64(0x100000001B3) + letters[at : at + count]
        # the finalizer of SplitMix64, so that all bits depend on all letters
        hashes = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        hashes ^= hashes >> np.uint64(31)
        np.minimum.at(bins, (hashes % np.uint64(_BINS)).astype(np.intp), hashes)
    if (empty := np.flatnonzero(bins == _NONE)).size:  # those take the next one's
        filled = np.flatnonzero(bins != _NONE)
        bins[empty] = bins[filled[np.searchsorted(filled, empty) % filled.size]]
    return bins
