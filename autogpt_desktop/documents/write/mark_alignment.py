"""Where the words of a phrase stand in a longer text that says them in about the same way."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from operator import add

from autogpt_desktop.documents.text.scripts import CJK, SOUTHEAST_ASIAN

Span = tuple[int, int]

ALIKE = 0.55  # of 1: below, the words are others
_NEAR = 0.15  # what the right place is worth beside likeness
_UNSPACED = SOUTHEAST_ASIAN + CJK  # without Korean, whose words stand apart
_PLACEHOLDER = r"\{\{?[\w.:-]{1,60}\}?\}|%(?:\d\$)?[sdif@](?![^\W_])|%\(\w{1,60}\)[sd]"  # of a program's text
_WORDS = re.compile(rf"{_PLACEHOLDER}|[{_UNSPACED}]|[^\W_{_UNSPACED}]+(?:['’.-][^\W_{_UNSPACED}]+)*")
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_NEITHER = re.compile(r"[^\w\s]|_")  # a letter, a digit nor a space
_MOST = 600  # characters that are searched for likeness


def words(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """The words of ``text[start:end]``; each character of Chinese, Japanese and Thai is one."""
    return [match.span() for match in _WORDS.finditer(text, start, len(text) if end is None else end)]


def trimmed(text: str, start: int = 0, end: int | None = None) -> Span:
    """``start`` and ``end`` without the white space inside at both ends."""
    end = len(text) if end is None else end
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    return (start + left, start + len(piece.rstrip())) if left < len(piece) else (start, start)


def is_unspaced(character: str) -> bool:
    """Of a script whose words do not stand apart."""
    return bool(_UNSPACED_CHARACTER.match(character))


def middle_gap(text: str, wish: float, limits: Span) -> int:
    """The end of the word that is nearest to ``wish``."""
    return min((end for _, end in words(text, *limits)), key=lambda end: abs(end - wish), default=limits[1])


def find_words(
    text: str, limits: Span, phrases: Sequence[str], wish: float, taken: Sequence[Span] = ()
) -> Span | None:
    """The words of ``text`` within ``limits`` that are most like one of ``phrases``, or None.

    Alike are those that share pairs of letters (Dice's coefficient), the ones nearest to ``wish`` first.
    """
    found = words(text, *limits)
    best, chosen = 0.0, None
    for phrase in phrases:
        wanted, size = _pairs(phrase), len(words(phrase))
        if not size or not wanted:
            continue
        for first, (start, _) in enumerate(found):
            if start - limits[0] > _MOST:
                break
            growing = _Growing(wanted)
            shortest = first + max(size * 2 // 3, 1) - 1
            for last in range(first, min(first + size * 3 // 2 + 1, len(found))):
                end = found[last][1]
                growing.add(text[found[last - 1][1] if last > first else start : end])
                if last < shortest:
                    continue
                if any(start < other and begin < end for begin, other in taken):
                    break
                alike = growing.dice()
                if alike < ALIKE:
                    continue
                value = alike - _NEAR * abs(start - wish) / max(limits[1] - limits[0], 1)
                if chosen is None or value > best:
                    best, chosen = value, (start, end)
    return chosen


def _pairs(text: str) -> Counter[str]:
    """Pairs of neighbouring letters, without case and accents; the ends count as neighbours. Of writing
    without spaces also single characters, as they say as much."""
    plain = f" {' '.join(_plain(text).split())} "
    if not plain.strip():
        return Counter()
    pairs = Counter(map(add, plain, plain[1:]))
    pairs.update(_UNSPACED_CHARACTER.findall(plain))
    return pairs


@lru_cache(maxsize=4096)  # the words of a text are looked at again for each phrase and each start
def _plain(text: str) -> str:
    return _NEITHER.sub("", unicodedata.normalize("NFD", text.casefold()))


class _Growing:
    """How alike a phrase and words are, while word follows word: what came before is not counted again."""

    def __init__(self, wanted: Counter[str]) -> None:
        self._wanted, self._all = wanted, wanted.total()
        self._counts: dict[str, int] = {}
        self._shared = self._total = 0
        self._last = " "  # the character before; a blank where the words begin

    def add(self, text: str) -> None:
        """The next word, with what stands before it."""
        plain, last = _plain(text), self._last
        for character in plain:
            character = " " if character.isspace() else character
            if character != " " or last != " ":
                self._count(last + character)
                last = character
        for single in _UNSPACED_CHARACTER.findall(plain):
            self._count(single)
        self._last = last

    def dice(self) -> float:
        """Twice what they share, of what both have: 0 to 1."""
        shared, total = self._shared, self._total
        if self._last != " ":  # the blank behind the last word
            pair = f"{self._last} "
            shared += self._counts.get(pair, 0) < self._wanted.get(pair, 0)
            total += 1
        return 2 * shared / max(self._all + total, 1)

    def _count(self, pair: str) -> None:
        now = self._counts.get(pair, 0)
        self._shared += now < self._wanted.get(pair, 0)
        self._counts[pair] = now + 1
        self._total += 1
