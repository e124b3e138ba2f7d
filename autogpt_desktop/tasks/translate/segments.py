"""A text cut into what is translated piece by piece, and put together again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from autogpt_desktop.documents.text.scripts import UNSPACED
from autogpt_desktop.documents.text.scripts import WIDE as WIDE_LETTERS
from autogpt_desktop.documents.text.sentences import sentences
from autogpt_desktop.tasks.translate.checks import WIDE, apart, has_letters

LONGEST = 320  # characters of a sentence that is translated whole; Chinese and Japanese: a third
ENDLESS = 4 * LONGEST  # characters that have no place to cut them at: no language, and nothing to translate
_SPACE = re.compile(r"\s")
_COLUMN_GAP = re.compile(r"(?<=\S)(?:[^\S\r\n\v\f]{2,}+|\t)(?=\S)")
UNSPACED_LETTER = re.compile(f"[{UNSPACED}{WIDE_LETTERS}]")
_CLAUSE = re.compile(r"[;:،؛,](?=\s)|[，、；：]|[—–](?=\s)|(?<=\s)(?=[—–]\s)")


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence, or a clause of a very long one: ``text[start:end]``.

    Its translation stands between ``head`` and ``tail``, which stay as they are. ``inner`` is "" where
    nothing is to be translated: then ``head`` is all of it.
    """

    part: int  # which of several texts
    index: int  # in its text
    start: int
    end: int
    before: str  # what stands between the piece before and this one
    head: str
    inner: str
    tail: str

    @property
    def source(self) -> str:
        return self.head + self.inner + self.tail


def pieces(text: str, source: str, target: str, part: int = 0) -> tuple[list[Piece], str]:
    """The pieces of a text, and what stands behind the last."""
    found = list(cut(text, source, target, part))
    return found, text[found[-1].end :] if found else text


def cut(text: str, source: str, target: str, part: int = 0) -> Iterator[Piece]:
    """The pieces of a text one by one, as a very long one takes seconds."""
    at = index = 0
    for first, last in sentences(text, source):
        for column in _columns(text, first, last):
            for start, end in _clauses(text, *column, source):
                # what stands between columns stays as it is
                gap = text[at:start]
                before = gap if start == column[0] > first else _between(gap, target, bool(index))
                yield Piece(part, index, start, end, before, *_parts(text[start:end]))
                at, index = end, index + 1


def _parts(text: str) -> tuple[str, str, str]:
    if not has_letters(text) or len(text) > ENDLESS:
        return text, "", ""
    head, inner, tail = apart(text)
    bullet = re.match(r"(?:[-*•‣◦▪·–—+]|#{1,6}|>|\(?\d{1,3}[.)、]|\[[ xX]\])\s+", inner)
    if bullet and has_letters(inner[bullet.end() :]):
        head, inner = head + inner[: bullet.end()], inner[bullet.end() :]
    return head, inner, tail


def _columns(text: str, first: int, last: int) -> Iterator[tuple[int, int]]:
    """The sentence, or parts of one with tabs or runs of blanks in it: these are the cells of a table."""
    for gap in _COLUMN_GAP.finditer(text, first, last):
        yield first, gap.start()
        first = gap.end()
    yield first, last


def _between(gap: str, target: str, inside: bool) -> str:
    """The space between two pieces: line breaks as they are, blanks as the target language has them."""
    if not inside:
        return gap
    if target in WIDE and gap in (" ", "  "):
        return ""
    if target not in WIDE and not gap:
        return " "
    return gap


def _clauses(text: str, first: int, last: int, source: str) -> Iterator[tuple[int, int]]:
    """The sentence, or parts of one that is too long, cut at clause marks nearest to equal lengths."""
    longest = LONGEST // 3 if source in WIDE else LONGEST
    while last - first > longest:
        count = -(-(last - first) // longest)
        ideal = first + (last - first) // count
        low, high = first + longest // 4, min(first + longest, last - longest // 8)
        marks = _CLAUSE.finditer(text, max(first, low - 1), min(last, high + 1))
        ends = [match.end() for match in marks if low <= match.end() <= high]
        if not ends:
            ends = [match.start() for match in _SPACE.finditer(text, low, high)]
        if not ends and UNSPACED_LETTER.match(text, ideal):
            ends = [ideal]
        if not ends:
            space = _SPACE.search(text, high, last)
            if space is None:
                break
            ends = [space.start()]  # behind a word without an end, which is not translated
        cut = min(ends, key=lambda end: abs(end - ideal))
        yield _trim(text, first, cut)
        first = cut
    yield _trim(text, first, last)


def _trim(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end
