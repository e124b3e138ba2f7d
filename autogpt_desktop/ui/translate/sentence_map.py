"""Which sentence of a text became which of its translation, while both change under one's hands.

Places are counted as Qt counts them, in UTF-16 units: an emoji is two.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import accumulate
from typing import Any

from autogpt_desktop.tasks.translate.translate import Translated
from autogpt_desktop.tasks.translate.translator import Link

Span = tuple[int, int]
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


def utf16_length(text: str) -> int:
    """The length of ``text`` in UTF-16 units."""
    return len(text) if text.isascii() else len(text) + len(_ASTRAL.findall(text))


class Utf16Offsets:
    """From characters of one text to UTF-16 units."""

    def __init__(self, text: str) -> None:
        self._astral = [] if text.isascii() else [match.start() for match in _ASTRAL.finditer(text)]

    def __call__(self, character: int) -> int:
        return character + bisect_right(self._astral, character - 1)


@dataclass(slots=True)
class SentencePair:
    """A sentence and its translation. ``start`` and ``end`` are its place in the source."""

    start: int
    end: int
    source: str
    before: str  # what stands in front of its translation, behind the one before
    text: str
    confidence: float
    flags: tuple[str, ...]
    chosen: bool = False  # by the user
    links: tuple[Link, ...] = ()  # which word became which; places in ``source`` and ``text``

    @property
    def size(self) -> int:
        """Of what it takes in the target."""
        return utf16_length(self.before) + utf16_length(self.text)


@dataclass(frozen=True, slots=True)
class Edit:
    """Put ``text`` in place of ``[start:end]`` of the target; edits are to be made in their order."""

    start: int
    end: int
    text: str


class SentenceMap:
    """The pairs in order. ``begin`` starts a run of results, which replace what they overlap."""

    def __init__(self) -> None:
        self.pairs: list[SentencePair] = []
        self.after = ""  # behind the last translation
        self._done = 0  # pairs of the run so far
        self._at = 0  # where they end in the target
        self._run: _Run | None = None
        self._starts: tuple[list[int], list[int]] | None = None  # in source and target

    # --- the source changes -----------------------------------------------------------------

    def source_changed(self, at: int, removed: int, added: int) -> None:
        """``removed`` units at ``at`` made way for ``added``: what stands behind moves along."""
        if self._run is not None:
            self._run.edits.append((at, removed, added))
        for pair in self.pairs:
            if pair.links and _touches(pair.start, pair.end, at, removed):
                pair.links = ()
            pair.start, pair.end = _moved(pair.start, pair.end, at, removed, added)
        self._starts = None

    def clear(self) -> Edit:
        """Forget all; the edit that empties the target."""
        size = self.target_size()
        self.pairs, self.after, self._run, self._starts = [], "", None, None
        self._done = self._at = 0
        return Edit(0, size, "")

    def dump(self) -> str:
        """All pairs as JSON, for ``load``."""
        return json.dumps([self.after, *map(astuple, self.pairs)], ensure_ascii=False)

    def load(self, dumped: str, text: str, translation: str) -> Edit | None:
        """Take pairs that ``dump`` gave for this text; the edit that shows them. None: they do not fit."""
        try:
            after, *rows = json.loads(dumped)
            pairs = [_loaded(row) for row in rows]
        except (ValueError, TypeError, IndexError):
            return None
        edit = self.clear()
        self.pairs, self.after = pairs, str(after)
        if self.target_text() != translation or any(pair.end > utf16_length(text) for pair in pairs):
            self.clear()
            return None
        return Edit(0, edit.end, translation)

    # --- results come -----------------------------------------------------------------------

    def begin(self, text: str) -> list[Edit]:
        """Results for ``text``, which is the source now, are to come, in order. The edits that take away
        what was translated from sentences that are wholly gone."""
        edits, at, pairs = [], 0, []
        for pair in self.pairs:
            if pair.end > pair.start:
                pairs.append(pair)
                at += pair.size
            else:
                edits.append(Edit(at, at + pair.size, ""))
        if not pairs and self.after:
            edits.append(Edit(at, at + utf16_length(self.after), ""))
            self.after = ""
        self.pairs, self._starts = pairs, None
        self._done = self._at = 0
        self._run = _Run(Utf16Offsets(text))
        return edits

    def add(self, results: Iterable[Translated], finish: Callable[[SentencePair], None]) -> list[Edit]:
        """Take the next results, each changed by ``finish`` if need be: the edits that show them."""
        if self._run is None:
            return []
        edits = []
        for result in results:
            start, end, touched = self._run.place(result)
            stop = self._done
            while stop < len(self.pairs) and self.pairs[stop].start < end:
                stop += 1
            if touched:  # that sentence is another one by now: what stands for it stays, for the next run
                while self._done < stop:
                    self._at += self.pairs[self._done].size
                    self._done += 1
                continue
            pair = SentencePair(
                start, end, result.source, result.before, result.text, result.confidence, result.flags,
                links=utf16_links(result.links, result.source, result.text),
            )  # fmt: skip
            finish(pair)
            edits += self._replace(stop, [pair])
        return edits

    def end(self, after: str) -> list[Edit]:
        """The run is complete: what it did not speak of is gone. Not where the source changed meanwhile."""
        if self._run is None or self._run.edits:
            return []
        edits = self._replace(len(self.pairs), [])
        if after != self.after:
            edits.append(Edit(self._at, self._at + utf16_length(self.after), after))
            self.after = after
        self._run = None
        return edits

    def replace(
        self, index: int, text: str, confidence: float, flags: tuple[str, ...], links: Sequence[Link] = ()
    ) -> Edit:
        """Another translation of one sentence. ``links``: between ``SentencePair.source`` and ``text``."""
        pair = self.pairs[index]
        start = self.target_start(index) + utf16_length(pair.before)
        edit = Edit(start, start + utf16_length(pair.text), text)
        if index < self._done:
            self._at += utf16_length(text) - utf16_length(pair.text)
        pair.text, pair.confidence, pair.flags = text, confidence, flags
        pair.links = utf16_links(links, pair.source, text)
        self._starts = None
        return edit

    def _replace(self, stop: int, new: list[SentencePair]) -> list[Edit]:
        """``new`` in place of the pairs from the last of this run to ``stop``."""
        old = self.pairs[self._done : stop]
        before = "".join(pair.before + pair.text for pair in old)
        text = "".join(pair.before + pair.text for pair in new)
        edit = Edit(self._at, self._at + utf16_length(before), text)
        self.pairs[self._done : stop] = new
        self._done += len(new)
        self._at += utf16_length(text)
        self._starts = None
        return [edit] if text != before else []

    # --- what is where ----------------------------------------------------------------------

    def target_text(self) -> str:
        return "".join(pair.before + pair.text for pair in self.pairs) + self.after

    def target_size(self) -> int:
        return sum(pair.size for pair in self.pairs) + utf16_length(self.after)

    def source_span(self, index: int) -> tuple[int, int]:
        pair = self.pairs[index]
        return pair.start, pair.end

    def target_start(self, index: int) -> int:
        """Where the pair begins, with what stands before it."""
        return self._places()[1][index]

    def target_span(self, index: int) -> tuple[int, int]:
        pair = self.pairs[index]
        start = self.target_start(index) + utf16_length(pair.before)
        return start, start + utf16_length(pair.text)

    def at_source(self, place: int) -> int:
        """The pair whose sentence holds this place of the source, else -1."""
        index = bisect_right(self._places()[0], place) - 1
        return index if index >= 0 and place <= self.pairs[index].end else -1

    def at_target(self, place: int) -> int:
        """The pair whose translation holds this place of the target, else -1."""
        index = bisect_right(self._places()[1], place) - 1
        if index < 0 or index >= len(self.pairs):
            return -1
        start, end = self.target_span(index)
        return index if start <= place <= end else -1

    def linked_words(self, index: int, place: int, in_source: bool) -> tuple[list[Span], list[Span]]:
        """The word at a place of the source, or of the target, and what it became or came from: spans of the
        source, and of the target. None where the model does not tell."""
        pair = self.pairs[index]
        source, target = pair.start, self.target_span(index)[0]
        inside = place - (source if in_source else target)
        found = [
            link
            for link in pair.links
            for start, end in [link[:2] if in_source else link[2:]]
            if start <= inside < end
        ]
        return (
            _joined((source + link.source_start, source + link.source_end) for link in found),
            _joined((target + link.start, target + link.end) for link in found),
        )

    def from_target(self, place: int) -> int:
        """The first pair that begins at this place or behind it; the number of pairs where none does."""
        return max(0, bisect_right(self._places()[1], place) - 1)

    def _places(self) -> tuple[list[int], list[int]]:
        if self._starts is None:
            sizes = accumulate((pair.size for pair in self.pairs), initial=0)
            self._starts = [pair.start for pair in self.pairs], list(sizes)[:-1]
        return self._starts


def _loaded(row: Sequence[Any]) -> SentencePair:
    """What ``dump`` wrote of a pair. ValueError, TypeError: it did not."""
    start, end, source, before, text, confidence, flags, *rest = row
    pair = SentencePair(start, end, source, before, text, confidence, tuple(flags), *rest)
    pair.links = tuple(Link(*map(int, link)) for link in pair.links)
    return pair


class _Run:
    """One translation of the whole text: where its results belong now, after what was typed meanwhile."""

    def __init__(self, places: Utf16Offsets) -> None:
        self.places = places
        self.edits: list[tuple[int, int, int]] = []

    def place(self, result: Translated) -> tuple[int, int, bool]:
        """Start and end in the source of now, and whether it was touched."""
        start, end = self.places(result.start), self.places(result.end)
        touched = False
        for at, removed, added in self.edits:
            touched = touched or _touches(start, end, at, removed)
            start, end = _moved(start, end, at, removed, added)
        return start, end, touched


def utf16_links(links: Sequence[Link], source: str, text: str) -> tuple[Link, ...]:
    """Links between characters of two texts, in UTF-16 units."""
    if source.isascii() and text.isascii():
        return tuple(links)
    of, to = Utf16Offsets(source), Utf16Offsets(text)
    return tuple(Link(of(a), of(b), to(c), to(d)) for a, b, c, d in links)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """In order, each once; those that overlap or touch are one."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], end)
        else:
            found.append((start, end))
    return found


def _touches(start: int, end: int, at: int, removed: int) -> bool:
    """Does an edit change what stands in a span?"""
    return (at < end and at + removed > start) or start < at < end


def _moved(start: int, end: int, at: int, removed: int, added: int) -> tuple[int, int]:
    """Where a span is after an edit; typing in the middle of it makes it longer."""
    gone = at + removed
    if end <= at:
        return start, end
    if start >= gone:
        return start + added - removed, end + added - removed
    left = min(start, at) if start < at else at + added
    right = end + added - removed if end > gone else at
    return left, max(left, right)
