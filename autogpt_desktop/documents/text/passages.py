"""Text in parts: sentences, languages, and the passages that are searched and quoted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from autogpt_desktop.documents.text.languages import detect
from autogpt_desktop.documents.text.scripts import HALF_KANA, WIDE, WIDE_LETTERS
from autogpt_desktop.documents.text.sentences import sentences
from autogpt_desktop.documents.types import Document, Passage

__all__ = ["detect", "each_passage", "passages", "sentences"]

SIZE = 900  # of a passage, as Latin letters; an encoder of 256 tokens sees all of it
OVERLAP = 150
STRETCH = 50_000  # characters of a paragraph whose sentences are looked for at a time
_WIDE = re.compile(f"[{WIDE}{HALF_KANA}]")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")


def passages(document: Document, size: int = SIZE, overlap: int = OVERLAP) -> list[Passage]:
    """The document in pieces of about ``size`` letters (a Chinese character counts as three).

    A piece holds whole paragraphs of one page where they fit, else whole sentences, where the last
    ``overlap`` letters' sentences stand again in the next piece. Only a sentence longer than ``size``
    is cut inside. All that is not white space is in some piece.
    """
    return list(each_passage(document, size, overlap))


def each_passage(document: Document, size: int = SIZE, overlap: int = OVERLAP) -> Iterator[Passage]:
    """``passages`` one by one: a text of many million characters takes its time."""
    for start, end in _pieces(document, size, overlap):
        text = document.text[start:end]
        yield Passage(document.path, document.page_at(start), start, end, text, document.title)


def _pieces(document: Document, size: int, overlap: int) -> Iterator[tuple[int, int]]:
    text = document.text
    starts = [page.start for page in document.pages]
    edges = sorted({0, *(start for start in starts if 0 < start < len(text)), len(text)})
    for begin, finish in itertools.pairwise(edges):
        held: tuple[int, int] | None = None  # paragraphs that go together
        for start, end in _paragraphs(text, begin, finish):
            if held and _letters(text, held[0], end) <= size:
                held = held[0], end
                continue
            if held:
                yield from _cut(text, *held, size, overlap, document.language)
            held = start, end
        if held:
            yield from _cut(text, *held, size, overlap, document.language)


def _paragraphs(text: str, begin: int, finish: int) -> Iterator[tuple[int, int]]:
    at = begin
    for gap in _PARAGRAPH.finditer(text, begin, finish):
        if span := _trimmed(text, at, gap.start()):
            yield span
        at = gap.end()
    if span := _trimmed(text, at, finish):
        yield span


def _cut(
    text: str, start: int, end: int, size: int, overlap: int, language: str
) -> Iterator[tuple[int, int]]:
    """One paragraph, or sentences of one that is too long."""
    if _letters(text, start, end) <= size * 1.2:  # rather a bit too long than a tail of a few words
        yield start, end
        return
    if end - start > STRETCH:
        for first, last in _stretches(text, start, end):
            yield from _cut(text, first, last, size, overlap, language)
        return
    parts: list[tuple[int, int]] = []
    for first, last in sentences(text[start:end], language):
        parts += _chopped(text, start + first, start + last, size)
    begin = 0
    while begin < len(parts):
        stop = begin + 1
        while stop < len(parts) and _letters(text, parts[begin][0], parts[stop][1]) <= size:
            stop += 1
        yield parts[begin][0], parts[stop - 1][1]
        if stop == len(parts):
            return
        again = stop
        while again - 1 > begin and _letters(text, parts[again - 1][0], parts[stop - 1][1]) <= overlap:
            again -= 1
        begin = again


def _stretches(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """A paragraph as long as a book, in parts that end at a line's end where there is one."""
    while start < end:
        stop = min(end, start + STRETCH)
        if stop < end:
            edge = max(text.rfind(mark, start + STRETCH // 2, stop) for mark in ("\n", "。", ". "))
            stop = edge + 1 if edge > 0 else stop
        if span := _trimmed(text, start, stop):
            yield span
        start = stop


def _chopped(text: str, start: int, end: int, size: int) -> Iterator[tuple[int, int]]:
    """A sentence, cut at white space (or anywhere, if there is none) where it is longer than ``size``."""
    # a letter counts as one at least: what is much longer need not be counted again and again
    while end - start > size or (end - start > size // WIDE_LETTERS and _letters(text, start, end) > size):
        stop, used = start, 0
        while stop < end and used < size:
            used += WIDE_LETTERS if _WIDE.match(text, stop) else 1
            stop += 1
        space = max(text.rfind(mark, start + (stop - start) // 2, stop) for mark in (" ", "\n", "，", "、"))
        stop = space + 1 if space > start else stop
        if span := _trimmed(text, start, stop):
            yield span
        start = stop
    if span := _trimmed(text, start, end):
        yield span


def _trimmed(text: str, start: int, end: int) -> tuple[int, int] | None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    right = len(piece.rstrip())
    return (start + left, start + right) if left < right else None


def _letters(text: str, start: int, end: int) -> int:
    piece = text[start:end]
    return len(piece) if piece.isascii() else len(piece) + (WIDE_LETTERS - 1) * len(_WIDE.findall(piece))
