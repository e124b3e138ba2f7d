"""A document as people read it: its text in rows, and where a passage stands now."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right

from autogpt_desktop.documents.types import Document

LONGEST = 2_000  # characters of a row; a longer line is cut, at white space where there is some
_WORDS = 12  # of a passage's beginning, by which it is found when the rest of it has changed


class Rows:
    """The lines of a text, cut where they are too long for a window, with a row for each page's label.

    Row ``i`` is ``text[start(i):start(i + 1)]``; that of a label is empty.
    """

    def __init__(self, document: Document) -> None:
        self.text = document.text
        self.labels: dict[int, str] = {}  # row: label of the page that begins there
        self._starts = array("l")
        pages = [page for page in document.pages if page.start < len(self.text)]
        self._cut(0, pages[0].start if pages else len(self.text))
        for page, end in zip(pages, [*(page.start for page in pages[1:]), len(self.text)], strict=False):
            self.labels[len(self._starts)] = page.label
            self._starts.append(page.start)
            self._cut(page.start, end)
        if not self._starts:
            self._starts.append(0)
        self._starts.append(len(self.text))
        self._labelled = list(self.labels)

    def _cut(self, start: int, end: int) -> None:
        text, starts = self.text, self._starts
        while start < end:
            found = text.find("\n", start, end)
            stop = end if found < 0 else found + 1
            while stop - start > LONGEST + 1:
                starts.append(start)
                space = text.rfind(" ", start + LONGEST // 2, start + LONGEST)
                start = space + 1 if space > 0 else start + LONGEST
            starts.append(start)
            start = stop

    def __len__(self) -> int:
        return len(self._starts) - 1

    def start(self, row: int) -> int:
        """The offset where a row begins; of ``len(rows)``: the text's length."""
        return self._starts[row]

    def row_text(self, row: int) -> str:
        """Without its line end."""
        return self.text[self._starts[row] : self._starts[row + 1]].rstrip("\n")

    def page_of(self, row: int) -> str:
        """The label of the page that a row stands on; ``""`` where there are none."""
        found = bisect_right(self._labelled, row) - 1
        return self.labels[self._labelled[found]] if found >= 0 else ""

    def row_at(self, offset: int) -> int:
        """The row that holds a character."""
        inside = min(max(offset, 0), len(self.text))
        return max(0, min(bisect_right(self._starts, inside) - 1, len(self) - 1))


def locate(text: str, start: int, end: int, passage: str) -> tuple[int, int] | None:
    """Where ``passage`` stands in a text: at its old offsets, or nearest to them; None: nowhere.

    White space counts as equal. Of a passage that changed itself, its first words are looked for.
    """
    if not passage.strip() or text[start:end] == passage:
        return start, end
    words = passage.split()
    for some in (words, words[:_WORDS]):
        pattern = re.compile(r"\s+".join(map(re.escape, some)))
        found = [match.span() for match in pattern.finditer(text)]
        if found:
            return min(found, key=lambda span: abs(span[0] - start))
        if len(words) <= _WORDS:
            break
    return None
