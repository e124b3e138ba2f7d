"""The lines of a Markdown text that grows at its end: what has ended is neither parsed nor lexed again.

Of the last top-level block only what may still change is read: of a fence the lines that came, of a list
its last item, of a table its last row, of a long paragraph its last segment, however deep they are nested
(``resuming``). Whether a line begins something is only settled once the line is
whole, so that the last, unfinished line settles nothing.
"""

from __future__ import annotations

import re
from collections import ChainMap
from collections.abc import MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from autogpt_desktop.ui.chat.messages.block_lines import BlockLines, Counts, fence_language
from autogpt_desktop.ui.chat.messages.lines import Line, Row
from autogpt_desktop.ui.chat.messages.markdown_parse import groups, labels, parser
from autogpt_desktop.ui.chat.messages.resuming import Resumed, resume
from autogpt_desktop.ui.chat.messages.runs import read_inline, rewritten

if TYPE_CHECKING:
    from markdown_it.token import Token

_REWRITTEN = 16  # lines at once whose links got their addresses
_FENCE = re.compile(r"^(`{3,}+|~{3,}+)([^\n]*+)\n", re.MULTILINE)


# the title of a link, or its beginning, and the rest of the line behind it
_TITLE = re.compile(r"""(?:"(?:[^"\\]|\\.)*+"?+|'(?:[^'\\]|\\.)*+'?+|\((?:[^()\\]|\\.)*+\)?+)""", re.DOTALL)
_LONGEST_TITLE = 1_000  # characters


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
        self._uses: dict[str, dict[int, None]] = {}  # lines that stand, by the labels in them
        self._pieces: dict[int, tuple[str, ...]] = {}  # their sources
        self._stale: dict[int, None] = {}  # those whose links have other addresses by now
        self._late = False
        self._open: _OpenFence | None = None
        self._resumed: Resumed | None = None

    def grow(self, text: str, most: int | None = None, *, whole: bool = False) -> int:
        """``text`` begins with the text before. The number of lines that stayed the same.

        Of each code block ``most`` characters are colored, None: all. ``whole``: nothing is left for later.
        """
        self.text, self._blocks.most = text, most
        kept = self._final
        del self.lines[kept:]
        self._blocks.counts = self._counts.copy()
        kept = self._read(kept)
        first = self._rewrite(None if whole else _REWRITTEN)
        if self._late:
            self._start_again()
            return self._read(0)
        return min(kept, first)

    def _read(self, kept: int) -> int:
        """Read what came; how many of ``kept`` lines stayed."""
        while True:
            if self._open is not None and self._grow_fence(self._open):
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
        self._open = self._resumed = None
        for known in (self._uses, self._pieces, self._stale):
            known.clear()

    # -- links whose addresses come later

    def _learn(self, references: MutableMapping[str, Any], lines: int) -> None:
        """Keep what is settled of the links' addresses, of ``lines`` whole lines; what stands with another
        address is stale."""
        others = [label for label in self._guessed if label not in references]  # it was none
        for label in others:
            del self._guessed[label]
        for label, reference in references.items():
            if self._guessed.get(label) != reference["href"]:
                others.append(label)
            if reference["map"][1] < lines:  # the line behind it may still be part of it
                self._references[label] = reference
                self._guessed.pop(label, None)
            else:
                self._guessed[label] = reference["href"]
        for label in others:
            self._stale.update(self._uses.get(label, {}))

    def _keep_sources(self) -> None:
        """Of lines that are settled now."""
        for at, pieces in self._blocks.sources.items():
            if at < self._final:
                self._pieces[at] = pieces
                for label in {label for piece in pieces for label in labels(piece)}:
                    self._uses.setdefault(label, {})[at] = None
        self._blocks.sources.clear()

    def _rewrite(self, most: int | None) -> int:
        """Give ``most`` stale lines their addresses, None: all; the first of them. ``_late``: one became
        another kind of line."""
        guesses = {label: {"href": href, "title": ""} for label, href in self._guessed.items()}
        references = ChainMap(guesses, self._references)
        first = len(self.lines)
        for at in list(self._stale)[:most]:
            del self._stale[at]
            line = rewritten(self.lines[at], self._pieces[at], partial(read_inline, references=references))
            if line is None:
                self._late = True
                break
            self.lines[at] = line
            first = min(first, at)
        return first

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
        resumed, start = self._resumed, self._done
        head = resumed.head if resumed else ""
        source = head + self.text[start:]
        start -= len(head)
        references = ChainMap[str, Any]({}, self._references)
        env: dict[str, Any] = {"references": references}
        if resumed and resumed.guard:
            env["guard"] = resumed.guard_line, resumed.guard
        tokens = parser().parse(source, env)
        blocks = list(groups(tokens))
        self._late = False
        self._learn(references.maps[0], source.count("\n"))
        offsets = line_offsets(source, [block[0].map[0] if block[0].map else 0 for block in blocks])
        last = len(blocks) - 1  # the last block that surely begins there
        while last >= 0 and not _is_whole(source, offsets[last], 1 + (blocks[last][0].type == "table_open")):
            last -= 1
        lines = self._blocks
        lines.marks, lines.late_heading = [], 0
        lines.sources.clear()
        for index, block in enumerate(blocks):
            if index == last and block[0].type == "fence" and offsets[index] >= len(head):
                self._done, self._final = start + offsets[index], len(self.lines)
                self._counts, self._resumed = lines.counts.copy(), None
                self._keep_sources()
                self._open = self._open_fence(source, offsets[index])
                if self._open is not None:
                    return True
            if resumed and index == 0:
                lines.add(block, resumed.lines, resumed.lists, resumed.rows)
            else:
                lines.add(block)
            if 0 < lines.late_heading <= source.count("\n"):
                self._late = True
                return False
        undecided = env.get("undecided", len(source))
        self._settle(source, start, min(undecided, line_of_open_title(tokens, source)))
        return False

    def _settle(self, source: str, start: int, last: int) -> None:
        """All before the last place where something surely begins, up to line ``last``, stays as it is."""
        for mark in reversed(self._blocks.marks):
            if mark.line > last:
                continue
            place = line_offsets(source, [mark.line])[0]
            if not _is_whole(source, place, mark.whole):
                continue
            if mark.rest:
                end = source.find("\n", place)
                place = source.rfind(mark.rest, place, end if end >= 0 else len(source))
                if place < 0:
                    continue
            self._resumed = resume(mark, source)
            self._done, self._final, self._counts = start + place, mark.at, mark.counts
            self._keep_sources()
            return


def _is_whole(text: str, place: int, lines: int) -> bool:
    """Does ``text`` have so many whole lines from ``place`` on? A table is one by its second line."""
    for _ in range(lines):
        place = text.find("\n", place) + 1
        if not place:
            return False
    return True


def line_of_open_title(tokens: list[Token], source: str) -> int:
    """The line of a link's address of which the title, in lines of its own, may still come; else the end."""
    last = next((token for token in reversed(tokens) if token.type == "definition" and token.map), None)
    if last is None or not last.map:
        return len(source)
    lines = [line.lstrip("> \t") for line in source.split("\n")[last.map[1] :]]
    text = "\n".join(lines)[:_LONGEST_TITLE]
    opening = _TITLE.match(text)
    ended = "" in lines[:-1] or (opening and "\n" in text[opening.end() :])
    return len(source) if opening is None or ended else last.map[0]


def line_offsets(text: str, lines: list[int]) -> list[int]:
    """Where the lines of these numbers, which rise, begin."""
    offsets, line, place = [], 0, 0
    for wanted in lines:
        while line < wanted:
            place = text.find("\n", place) + 1 or len(text)
            line += 1
        offsets.append(place)
    return offsets
