"""The lines of a Markdown text that grows at its end: what has ended is neither parsed nor lexed again.

Of the last top-level block only what may still change is read: of a fence the lines that came, of a list
its last item, of a table its last row. Whether a line begins something is only settled once the line is
whole, so that the last, unfinished line settles nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from autogpt_desktop.ui.chat.messages.block_lines import BlockLines, Counts, Mark, OpenList, fence_language
from autogpt_desktop.ui.chat.messages.lines import Line, Row
from autogpt_desktop.ui.chat.messages.markdown_parse import groups, parser

if TYPE_CHECKING:
    from markdown_it.token import Token

_FENCE = re.compile(r"^(`{3,}+|~{3,}+)([^\n]*+)\n", re.MULTILINE)


@dataclass
class _OpenFence:
    """A top-level fence of which more lines may come."""

    opening: str
    mark: str
    language: str
    number: int
    first: int  # its first line of the message
    code: list[str]  # whole lines so far

    def closes(self, line: str) -> bool:
        indent, text = len(line) - len(line.lstrip(" ")), line.strip(" \t")
        return indent < 4 and text == self.mark[0] * max(len(text), len(self.mark))


@dataclass
class _OpenTable:
    """A table of which more rows may come."""

    head: str  # source of the header and of the row below it
    rows: int  # that stand, the header among them


class GrowingLines:
    """``lines`` of ``text``; ``grow`` says from which line on they are others than before."""

    def __init__(self, gap: float, dark: bool) -> None:
        self.lines: list[Line | Row] = []
        self.text = ""
        self._blocks = BlockLines(gap, dark, self.lines, Counts())
        self._done = 0  # characters of the source that are settled
        self._final = 0  # lines that are
        self._counts = Counts()  # at that point
        self._references: dict[str, Any] = {}
        self._guessed: dict[str, str] = {}  # addresses of links in a line that is not whole
        self._late = False
        self._open: _OpenFence | _OpenTable | OpenList | None = None

    def grow(self, text: str, most: int | None = None) -> int:
        """``text`` begins with the text before. The number of lines that stayed the same.

        Of each code block ``most`` characters are colored, None: all.
        """
        self.text, self._blocks.most = text, most
        kept = self._final
        del self.lines[kept:]
        self._blocks.counts = self._counts.copy()
        while True:
            if isinstance(self._open, _OpenFence) and self._grow_fence(self._open):
                return kept
            opens_fence = self._parse()
            if self._late:
                self._start_again()
                kept = 0
            elif not opens_fence:
                return kept

    def recolor(self, most: int) -> bool:
        """Color ``most`` characters of each code block; True: some have more."""
        blocks: dict[int, list[tuple[int, Line]]] = {}
        for at, line in enumerate(self.lines):
            if isinstance(line, Line) and line.code:
                blocks.setdefault(line.code.number, []).append((at, line))
        missing = False
        for number, places in blocks.items():
            colors = self._blocks.colors[number]
            if colors.missing:
                code = ["".join(run.text for run in line.runs) for _, line in places]
                for (at, line), runs in zip(places, colors.runs(code, most), strict=True):
                    self.lines[at] = line._replace(runs=runs)
                missing = missing or colors.missing
        return missing

    def _start_again(self) -> None:
        self.lines.clear()
        self._done = self._final = 0
        self._counts, self._blocks.counts = Counts(), Counts()
        self._open = None

    def _learn(self, references: dict[str, Any], source: str, before: str) -> None:
        """Keep what is settled of the links' addresses; ``_late``: one that stands already was not known."""
        self._late = False
        lines = source.count("\n")
        for label, reference in references.items():
            if label in self._references:
                continue
            if self._guessed.get(label) != reference["href"]:
                self._late |= f"[{label}]".casefold() in before.casefold()
            if reference["map"][1] < lines:  # the line behind it may still be part of it
                self._references[label] = reference
            else:
                self._guessed[label] = reference["href"]

    # -- a fence

    def _open_fence(self, source: str, at: int) -> _OpenFence | None:
        """The fence that opens at ``source[at]``, if its first line is whole."""
        opening = _FENCE.match(source, at)
        if opening is None:
            return None
        self._done += opening.end() - at
        language = fence_language(opening[2])
        return _OpenFence(
            opening[0].rstrip(), opening[1], language, self._blocks.counts.code, len(self.lines), []
        )

    def _grow_fence(self, fence: _OpenFence) -> bool:
        """Take up what came; False: it is closed now."""
        *lines, partial = self.text[self._done :].split("\n")
        closed = next((at for at, line in enumerate(lines) if fence.closes(line)), None)
        whole = lines if closed is None else lines[:closed]
        fence.code += whole
        self._done += sum(map(len, whole)) + len(whole)
        blocks = self._blocks
        if closed is None:
            shown = [*fence.code, partial] if partial and not fence.closes(partial) else fence.code
            if any(map(str.strip, shown)):
                settled = blocks.code(shown, fence.language, fence.number, self._final - fence.first)
                self._final = fence.first + settled
            elif fence.closes(partial):
                blocks.code(shown or [""], fence.language, fence.number)
            else:
                blocks.empty_fence(fence.opening)
            return True
        blocks.code(fence.code or [""], fence.language, fence.number, self._final - fence.first)
        self._done += len(lines[closed]) + 1
        blocks.counts.code = fence.number + 1
        self._final, self._counts, self._open = len(self.lines), blocks.counts.copy(), None
        return False

    # -- other blocks

    def _parse(self) -> bool:
        """Read all that is not settled, or up to a fence that opens: True."""
        open_, start = self._open, self._done
        head = open_.head if isinstance(open_, _OpenTable) else ""
        source = head + self.text[start:]
        before = self.text[:start]
        start -= len(head)
        references = dict(self._references)
        blocks = list(groups(parser().parse(source, {"references": references})))
        self._learn(references, source, before)
        if self._late:
            return False
        offsets = line_offsets(source, [block[0].map[0] if block[0].map else 0 for block in blocks])
        last = len(blocks) - 1  # the block that is not settled: the last one that surely begins there
        while last >= 0 and not _is_whole(source, offsets[last], 1 + (blocks[last][0].type == "table_open")):
            last -= 1
        for index, block in enumerate(blocks):
            going_on = open_ if index == 0 and _is_part(block[0], open_) else None
            if going_on is None and index <= last:
                self._done, self._final = start + offsets[index], len(self.lines)
                self._counts, self._open = self._blocks.counts.copy(), None
            if index == last and block[0].type == "fence":
                self._open = self._open_fence(source, offsets[index])
                if self._open is not None:
                    return True
            rows = going_on.rows if isinstance(going_on, _OpenTable) else 0
            marks = self._blocks.add(block, going_on if isinstance(going_on, OpenList) else None, rows)
            if index == last and marks:
                self._settle(block, marks, source, start)
        return False

    def _settle(self, block: list[Token], marks: list[Mark], source: str, start: int) -> None:
        """Of a list all items but the last, of a table all rows that are whole, stay as they are."""
        offsets = line_offsets(source, [mark.line for mark in marks])
        whole = [offset for offset in offsets if source.find("\n", offset) >= 0]
        if not whole:
            return
        if block[0].type == "table_open":
            rows = marks[len(whole)].number if len(whole) < len(marks) else marks[-1].number + 1
            if isinstance(self._open, _OpenTable):
                self._open.rows = rows
            else:
                first = block[0].map[0] if block[0].map else 0
                at, end = line_offsets(source, [first, first + 2])
                self._open = _OpenTable(source[at:end], rows)
                self._counts = self._blocks.counts.copy()
            if len(whole) < len(marks):
                self._done, self._final = start + offsets[len(whole)], marks[len(whole)].at
            else:
                self._done = start + source.index("\n", offsets[-1]) + 1
                self._final = len(self.lines)
        else:
            mark = marks[len(whole) - 1]
            self._done, self._final = start + offsets[len(whole) - 1], mark.at
            self._counts, self._open = mark.counts, mark.list


def _is_part(token: Token, open_: _OpenFence | _OpenTable | OpenList | None) -> bool:
    """Does a block go on with the list or the table that is open?"""
    if isinstance(open_, OpenList):
        return token.type == ("ordered_list_open" if open_.ordered else "bullet_list_open")
    return isinstance(open_, _OpenTable) and token.type == "table_open"


def _is_whole(text: str, place: int, lines: int) -> bool:
    """Does ``text`` have so many whole lines from ``place`` on? A table is one by its second line."""
    for _ in range(lines):
        place = text.find("\n", place) + 1
        if not place:
            return False
    return True


def line_offsets(text: str, lines: list[int]) -> list[int]:
    """Where the lines of these numbers, which rise, begin."""
    offsets, line, place = [], 0, 0
    for wanted in lines:
        while line < wanted:
            place = text.find("\n", place) + 1 or len(text)
            line += 1
        offsets.append(place)
    return offsets
