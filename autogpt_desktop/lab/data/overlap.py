"""Passages of the held-out text that stand in the training text almost as they are, wherever they begin.

Whole documents, or pieces, that are copies of each other are on one side already (``copies``). This finds
what documents share: the clauses of licenses, the same form filled in again. A passage is known by its
windows of letters, of which one in eight is looked up in the other side (Brown et al., 2020, so tell what a
test has in common with what was learned; the choice by hash: Manber, 1994). The time is in proportion to the
text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.lab.data.split import cut

_WINDOW = 32  # letters: five or six words, which two texts seldom have in common by chance
_EVERY = 8  # which window is looked up
_ALIKE = 0.5  # share of a passage's windows that the other side has too
_LEAST = 120  # characters of a passage; shorter ones may be alike by chance
_PASSAGE = 400  # characters, about, that long paragraphs are cut into
_BLOCK = 1 << 20  # letters at once
_KEPT = 1 / 3  # share of the held-out text that must be left, or the training text gives way …
_LEARNED = 0.8  # … of which so much must be left
_PARAGRAPH = re.compile(r"\n[^\S\n]*+\n\s*+")
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, slots=True)
class Apart:
    """Two sides that share nothing of ``count`` passages. ``side`` is where these were left out: "held_out",
    "train", or "" where both would have lost too much and nothing was; ``share``: of the held-out text."""

    train: list[str]
    held_out: list[str]
    count: int = 0
    share: float = 0.0
    side: str = ""


def set_apart(
    train: Sequence[str], held_out: Sequence[str], check: Callable[[], None] = lambda: None
) -> Apart:
    """Leave out of the held-out text what the training text has too; or, where little would be left to check
    by, the other way round. ``check`` is called now and then and may raise."""
    shared = _shared(held_out, train, check)
    total, alike = (sum(len(text) for text in part) for part in (held_out, shared))
    if not shared:
        return Apart(list(train), list(held_out))
    share = alike / max(1, total)
    if total - alike >= _KEPT * total:
        return Apart(list(train), _without(held_out, shared), len(shared), share, "held_out")
    learned = _shared(train, held_out, check)
    lost = sum(map(len, learned))
    if lost <= (1 - _LEARNED) * sum(map(len, train)):
        return Apart(_without(train, learned), list(held_out), len(learned), share, "train")
    return Apart(list(train), list(held_out), len(shared), share)


def passages(text: str) -> Iterator[str]:
    """Paragraphs with what stands behind them, long ones in parts; together they are the text."""
    start = 0
    for match in _PARAGRAPH.finditer(text):
        yield from cut(text[start : match.end()], _PASSAGE)
        start = match.end()
    yield from cut(text[start:], _PASSAGE)


def _without(texts: Sequence[str], shared: set[str]) -> list[str]:
    left = ("".join(one for one in passages(text) if one not in shared) for text in texts)
    return [text for text in left if text.strip()]


def _shared(texts: Sequence[str], others: Sequence[str], check: Callable[[], None]) -> set[str]:
    """The passages of ``texts`` that stand in ``others`` too."""
    asked: list[str] = []
    hashes: list[NDArray[np.uint64]] = []
    for text in texts:
        check()
        for passage in passages(text):
            if len(passage) >= _LEAST and len(chosen := _hashes(_normal(passage))):
                asked.append(passage)
                hashes.append(chosen)
    if not asked:
        return set()
    known = np.unique(np.concatenate(hashes))
    seen = np.zeros(len(known), np.bool_)
    for text in others:
        check()
        normal = _normal(text)
        for start in range(0, len(normal), _BLOCK):
            found = _hashes(normal[start : start + _BLOCK + _WINDOW - 1])
            at = np.minimum(np.searchsorted(known, found), len(known) - 1)
            seen[at[known[at] == found]] = True
    return {
        passage
        for passage, own in zip(asked, hashes, strict=True)
        if seen[np.searchsorted(known, own)].mean() >= _ALIKE
    }


def _normal(text: str) -> str:
    """Case and white space do not make another text."""
    return " ".join(text.casefold().split())


def _hashes(text: str) -> NDArray[np.uint64]:
    """Of every window, those that are chosen by their value: the same ones wherever a window stands."""
    letters = np.frombuffer(text.encode("utf-32-le", "replace"), np.uint32).astype(np.uint64)
    count = len(letters) - _WINDOW + 1
    if count < 1:
        return np.zeros(0, np.uint64)
    hashes = np.zeros(count, np.uint64)
    for at in range(_WINDOW):
        hashes = hashes * np.uint64(0x100000001B3) + letters[at : at + count]
    mixed = (hashes ^ (hashes >> np.uint64(31))) * _MULTIPLIER
    mixed ^= mixed >> np.uint64(29)
    return np.asarray(mixed[mixed % np.uint64(_EVERY) == 0], np.uint64)
