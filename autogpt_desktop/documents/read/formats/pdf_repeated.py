"""Running headers and footers: lines that stand at the edge of page after page, but for the page's number."""

from __future__ import annotations

import re
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

_EDGE = 0.12  # of a page's height, at its top and at its bottom
_LINES = 3  # at each edge
_GAP = 1.35  # times the usual distance of two lines: what is that far away is no part of the text
_PITCH = 0.025  # of the height: the usual distance is hardly more
_SAME = 0.004  # of the height: two places of one line
_LONGEST = 200  # characters
_NUMBER = re.compile(r"\d{1,6}")


@dataclass(slots=True)
class Line:
    text: str
    place: float | None  # of the page's height, from its top; None: not known
    behind: str = "\n"


def without_repeated(pages: Sequence[Sequence[Line]]) -> list[list[Line]]:
    """The pages' lines, of those that are on three pages or on all only the first; of bare numbers none."""
    keys = [[set(_keys(line, number)) if line is not None else set() for line in _at_edges(lines)]
            for number, lines in enumerate(pages)]  # fmt: skip
    counts = Counter(key for page in keys for key in set().union(*page, set()))
    least = min(3, max(2, len(pages)))
    repeated = {key for key, count in counts.items() if count >= least}
    seen: set[str] = set()
    kept = []
    for lines, page_keys in zip(pages, keys, strict=True):
        rest = []
        for line, line_keys in zip(lines, page_keys, strict=True):
            common = line_keys & repeated
            if not common or not (common & seen or line.text.strip(" -–—|/.[]()").isdigit()):
                rest.append(line)
            seen |= common
        kept.append(rest)
    return kept


def _at_edges(lines: Sequence[Line]) -> Iterator[Line | None]:
    """The lines at the page's edges, set apart from what is between them; None in place of the others."""
    edges = _edges([line.place for line in lines if line.place is not None and line.text.strip()])
    for at, line in enumerate(lines):
        in_order = at < _LINES - 1 or at >= len(lines) - _LINES + 1
        edge = in_order if line.place is None else line.place in edges
        yield line if edge and line.text.strip() and len(line.text) <= _LONGEST else None


def _edges(places: Sequence[float]) -> set[float]:
    """Of the lines' places those in front of the first gap and behind the last, within the edges."""
    levels: list[float] = []
    for place in sorted(places):
        if not levels or place - levels[-1] > _SAME:
            levels.append(place)
    steps = [below - above for above, below in pairwise(levels)]
    if not steps:
        return {place for place in places if not _EDGE < place < 1 - _EDGE}
    gap = _GAP * min(statistics.median(steps), _PITCH)
    head = next((levels[at] for at, step in enumerate(steps[:_LINES]) if step > gap), 0.0)
    foot = next((levels[-1 - at] for at, step in enumerate(steps[: -_LINES - 1 : -1]) if step > gap), 1.0)
    head, foot = min(head, _EDGE) + _SAME, max(foot, 1 - _EDGE) - _SAME
    return {place for place in places if not head < place < foot}


def _keys(line: Line, page: int) -> Iterator[str]:
    """What a line has in common with those of other pages: its text, or that with a number that counts
    the pages."""
    text = " ".join(line.text.split())
    side = "" if line.place is None else "top " if line.place < 0.5 else "bottom "
    yield side + text
    for number in _NUMBER.finditer(text):
        count = int(number[0]) - page
        yield f"{side}{text[: number.start()]}\0{count}\0{text[number.end() :]}"
