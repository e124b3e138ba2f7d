"""Tables of Markdown (GitHub Flavored Markdown, 4.10) as text with the headings beside the cells."""

from __future__ import annotations

import re
from collections.abc import Iterator

from autogpt_desktop.documents.read.formats.table_text import TableGrid

_DELIMITER = re.compile(r"[ \t]*+\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_BAR = re.compile(r"(?<!\\)((?:\\\\)*)\|")
_MARKS = re.compile(r"\*\*|__|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)|`")
_LONGEST_LINE = 100_000  # characters; a longer one is no row


def tables_as_lines(text: str) -> str:
    """The text with its tables' rows as "heading: cell; heading: cell"; all else, code too, as it is."""
    return "".join(_pieces(text.splitlines(keepends=True))) if "|" in text else text


def _pieces(lines: list[str]) -> Iterator[str]:
    at, fence = 0, ""
    while at < len(lines):
        line = lines[at]
        if opening := _FENCE.match(line):
            mark = opening[1]
            if not fence:
                fence = mark
            elif mark.startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        end = _table_end(lines, at) if not fence else at
        if end > at:
            yield from _table(lines[at:end])
            at = end
        else:
            yield line
            at += 1


def _table_end(lines: list[str], at: int) -> int:
    """Behind the last row of the table that begins at a line; the line itself where none does."""
    if at + 2 >= len(lines) or "|" not in lines[at] or len(lines[at]) > _LONGEST_LINE:
        return at
    below = lines[at + 1].rstrip("\n")
    if "-" not in below or not _DELIMITER.fullmatch(below) or len(_cells(lines[at])) != len(_cells(below)):
        return at
    end = at + 2
    while end < len(lines) and "|" in lines[end] and lines[end].strip() and len(lines[end]) <= _LONGEST_LINE:
        end += 1
    return end if end > at + 2 else at


def _table(lines: list[str]) -> Iterator[str]:
    grid = TableGrid()
    grid.marked = 1
    for line in [lines[0], *lines[2:]]:
        grid.start_row()
        for cell in _cells(line):
            grid.add(_MARKS.sub("", cell))
    yield "\n\n".join(grid.lines()) + "\n\n"


def _cells(line: str) -> list[str]:
    parts = _BAR.sub("\\1\0", line.strip()).split("\0")
    if len(parts) > 1 and not parts[0].strip():
        parts.pop(0)
    if len(parts) > 1 and not parts[-1].strip():
        parts.pop()
    return [part.replace("\\|", "|").strip() for part in parts]
