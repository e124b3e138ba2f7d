"""Reading a Markdown text from its middle on: a few lines stand for all that is open there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

from autogpt_desktop.ui.chat.messages.block_lines import Mark, Open, OpenList

GUARD = "x"  # stands for what is settled of a container or a paragraph
_MARKER = re.compile(r"[-+*]|\d{1,9}[.)]")


class _Place(NamedTuple):
    """A container's mark, ">" or that of a list's item, in columns from where its parent's content begins."""

    mark: str
    before: int
    width: int  # of the mark with the blanks behind it


@dataclass(frozen=True)
class Resumed:
    """What stands before the rest of the source."""

    head: str
    lists: tuple[OpenList, ...]  # that the head opens, as they were
    guard: str = ""  # where a paragraph goes on, what stands for its beginning
    rows: int = 0  # of the table that goes on, or lines of the code

    @property
    def lines(self) -> int:
        """Lines of the source that stand for settled ones, or begin so."""
        return self.head.count("\n") + (not self.head.endswith("\n"))

    @property
    def guard_line(self) -> int:
        """That of ``guard``, -1: there is none."""
        return self.lines - 1 if self.guard else -1


def resume(mark: Mark, source: str) -> Resumed | None:
    """What is to stand before the source from ``mark`` on; None: nothing is open there."""
    if not mark.opens and mark.kind == "between":
        return None
    lines = source.split("\n", max([mark.table + 1, mark.line, *(each.line for each in mark.opens)]) + 1)
    places = _places(mark.opens, lines)
    rows: list[str] = []
    prefix = ""
    for each, place in zip(mark.opens, places, strict=True):
        if rows:
            rows.append(prefix)
        row = prefix + " " * place.before + place.mark
        width = 2 if place.mark == ">" else place.width  # ">" takes the blank behind it, if there is one
        rows.append(row if each.empty else row + " " * (width - len(place.mark)) + GUARD)
        shown = place.mark if place.mark == ">" else ""
        prefix += " " * place.before + shown.ljust(width)
    lists = mark.lists
    if mark.kind == "paragraph":
        guard = GUARD if mark.rest else f"{GUARD}\n"
        return Resumed("\n".join(rows or [GUARD]) + guard[1:], lists, guard)
    if rows:
        rows.append(prefix)
    if mark.kind == "heading":
        return Resumed("\n".join([*rows, f"{prefix}{'#' * mark.level} {GUARD}"]), lists, GUARD)
    if mark.kind == "code_block":
        rows.append(f"{prefix}    {GUARD}")
    if mark.kind in ("table", "fence"):
        for number in (mark.table, mark.table + 1)[: 2 if mark.kind == "table" else 1]:
            line = lines[number].expandtabs(4)
            rows.append(prefix + line[_content(places, mark.opens, line, number) :])
    return Resumed("".join(f"{row}\n" for row in rows), lists, rows=mark.rows)


def _places(opens: tuple[Open, ...], lines: list[str]) -> list[_Place]:
    places: list[_Place] = []
    for depth, each in enumerate(opens):
        line = lines[each.line].expandtabs(4)
        column = _content(places, opens[:depth], line, each.line)
        at = len(line) - len(line[column:].lstrip(" "))
        found = _MARKER.match(line, at)
        mark = ">" if each.mark == ">" else found[0] if found else each.mark
        rest = line[at + len(mark) :]
        blanks = len(rest) - len(rest.lstrip(" "))
        if mark == ">":
            blanks = min(blanks, 1)
        elif not rest.strip() or blanks > 4:
            blanks = 1
        places.append(_Place(mark, at - column, len(mark) + blanks))
    return places


def _content(places: list[_Place], opens: tuple[Open, ...], line: str, number: int) -> int:
    """The column behind the marks of ``places`` in a line of the source, which may have fewer blanks."""
    column = 0
    for place, each in zip(places, opens, strict=False):
        if each.line == number or place.mark != ">":
            column += place.before + place.width
            continue
        at = len(line) - len(line[column:].lstrip(" "))
        if line[at : at + 1] == ">":
            column = at + 1 + (line[at + 1 : at + 2] == " ")
    return column
