"""Words of a translation: those that somebody clicked or selected, and the glossary's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from PySide6.QtCore import QTextBoundaryFinder

from autogpt_desktop.documents.text.glossary import Glossary, says
from autogpt_desktop.ui.translate.sentence_map import SentenceMap, SentencePair, Span, utf16_length


@dataclass(frozen=True, slots=True)
class TargetWords:
    """``text`` is to become something else behind ``prefix``, with which its sentence begins."""

    prefix: str
    text: str
    start: int  # in the target
    end: int


def words_between(pairs: SentenceMap, index: int, start: int, end: int) -> TargetWords | None:
    """The whole words of a sentence that a span of the target reaches into. None: there are none, or it
    goes on into the next sentence, or all of the sentence is meant."""
    first, last = pairs.target_span(index)
    if not first <= start < end <= last:
        return None
    text = pairs.pairs[index].text
    touched = [(a, b) for a, b in _words(pairs, index) if a < end and start < b]
    found = [(a, b) for a, b in touched if _has_letters(_cut(text, a - first, b - first))]
    if not found:
        return None
    start, end = found[0][0], found[-1][1]
    prefix, words = _cut(text, 0, start - first), _cut(text, start - first, end - first)
    rest = _cut(text, end - first, last - first)
    return TargetWords(prefix, words, start, end) if _has_letters(prefix + rest) else None


def terms_in(glossary: Glossary, pair: SentencePair) -> list[tuple[int, int]]:
    """Where the glossary's terms stand in a translation: start and length, in UTF-16 units."""
    found = []
    for one in glossary.found(pair.source) if glossary else ():
        place = next(says(pair.text, one.target, one.case, glossary.target), None)
        if place is not None:
            found.append((utf16_length(pair.text[: place[0]]), utf16_length(pair.text[slice(*place)])))
    return found


def _words(pairs: SentenceMap, index: int) -> list[Span]:
    """In order: as the model put them together, else as the characters tell."""
    pair, first = pairs.pairs[index], pairs.target_span(index)[0]
    linked = sorted({(link.start, link.end) for link in pair.links})
    finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Word, pair.text)
    ends, at = [0], finder.toNextBoundary()
    while at > 0:
        ends.append(at)
        at = finder.toNextBoundary()
    inside = iter(linked)
    now = next(inside, None)
    found = list(linked)
    for start, end in pairwise(ends):
        while now is not None and now[1] <= start:
            now = next(inside, None)
        if now is None or end <= now[0]:
            found.append((start, end))
    return [(first + start, first + end) for start, end in sorted(found)]


def _has_letters(text: str) -> bool:
    return any(map(str.isalnum, text))


def _cut(text: str, start: int, end: int) -> str:
    """A part of a text by UTF-16 units."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[2 * start : 2 * end].decode("utf-16-le", "surrogatepass")
