"""Rows of a sheet that move up where others are left out, with what refers to them by their numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from lxml import etree

from autogpt_desktop.documents.tables.workbook import column_number

Span = Callable[[int, int], tuple[int, int] | None]

_RANGE = re.compile(r"\$?([A-Z]{1,3})\$?(\d{1,7})(?::\$?([A-Z]{1,3})\$?(\d{1,7}))?")
_RANGES = {"autoFilter": "ref", "conditionalFormatting": "sqref", "dataValidation": "sqref",
           "hyperlink": "ref", "mergeCell": "ref"}  # fmt: skip
_LISTS = frozenset({"dataValidations", "hyperlinks", "mergeCells"})
# What names rows in other parts or other ways: it would be wrong.
_DROPPED = frozenset(["extLst", "ignoredErrors", "legacyDrawing", "protectedRanges", "rowBreaks", "scenarios",
                      "sortState", "tableParts"])  # fmt: skip


def move_row(row: Any, number: int) -> None:
    """The row and its cells under another number; formulas become their results."""
    row.set("r", str(number))
    at = 0
    for cell in row:
        at = column_number(cell, at)
        cell.set("r", f"{letters(at)}{number}")
        for formula in cell.findall("{*}f"):
            cell.remove(formula)
            cell.attrib.pop("cm", None)  # of a formula with many results


def move_ranges(element: Any, span: Span) -> bool:
    """Change the ranges that something behind the rows names; False: there is nothing left of it."""
    name = etree.QName(element).localname
    if name in _DROPPED:
        return False
    if name in _LISTS:
        for inner in list(element):
            if not move_ranges(inner, span):
                element.remove(inner)
        if "count" in element.attrib:
            element.set("count", str(len(element)))
        return len(element) > 0
    key = _RANGES.get(name)
    if key is None:
        return True
    moved = [_moved(place, span, whole=name == "mergeCell") for place in element.get(key, "").split()]
    element.set(key, " ".join(filter(None, moved)))
    return any(moved)


def _moved(place: str, span: Span, whole: bool) -> str:
    """A range as it is now, "" for none. ``whole``: none either where a row of it was left out."""
    found = _RANGE.fullmatch(place)
    if found is None:  # whole columns
        return place
    first, last = int(found[2]), int(found[4] or found[2])
    now = span(first, last)
    if now is None or (whole and now[1] - now[0] != last - first):
        return ""
    begin = f"{found[1]}{now[0]}"
    return f"{begin}:{found[3]}{now[1]}" if found[3] else begin


def letters(column: int) -> str:
    """The name of a column, counted from 1."""
    found = ""
    while column:
        column, rest = divmod(column - 1, 26)
        found = chr(65 + rest) + found
    return found
