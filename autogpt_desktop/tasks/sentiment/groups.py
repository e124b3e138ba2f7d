"""The shares of the labels in groups of rows: those of one value in another column, or of one month."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.documents.tables import write_rows
from autogpt_desktop.tasks.sentiment.export import unused_name

LABELS = ("positive", "neutral", "negative")
NO_DATE = ""
_YEAR_FIRST = re.compile(r"(\d{4})\s?[-/.年]\s?(\d{1,2})(?!\d)")
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})\d{2}(?!\d)")
_NUMBERS = re.compile(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4}|\d{2})(?!\d)")
_MONTH_YEAR = re.compile(r"(\d{1,2})[-/.](\d{4})(?!\d)")
_WORD = re.compile(r"[^\W\d_]{3,12}")
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d{2}(?!\d)")
_LONGEST = 60  # characters of a cell that are looked at
# the beginnings of the months' names in English, German, French, Spanish, Italian and Portuguese
_MONTHS = (
    *(
        "jan ene gen",
        "feb fév fev",
        "mar mär mrz",
        "apr avr abr",
        "may mai mag",
        "jun juin giu",
        "jul juil lug",
    ),
    *("aug aoû ago", "sep set", "oct okt ott out", "nov", "dec dez déc dic"),
)
_NAMES = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}


@dataclass(frozen=True)
class Group:
    """``counts``: rows by label; "" are those without a text, which no share counts."""

    name: str
    counts: dict[str, int]

    @property
    def texts(self) -> int:
        return sum(count for label, count in self.counts.items() if label)

    def share(self, label: str) -> float:
        return self.counts.get(label, 0) / max(1, self.texts)


@dataclass(frozen=True)
class Groups:
    """``unclear``: a date that may be read in two ways, and was read with the day first; else ""."""

    groups: tuple[Group, ...]
    column: str
    by_month: bool = False
    unclear: str = ""
    labels: tuple[str, ...] = LABELS


def group_rows(
    rows: Iterable[tuple[str, str]], column: str, by_month: bool = False, labels: tuple[str, ...] = LABELS
) -> Groups:
    """Groups of (cell, label) pairs; the largest first, months in their order."""
    counted: dict[str, Counter[str]] = {}
    for cell, label in rows:
        counted.setdefault(cell.strip(), Counter())[label] += 1
    if not by_month:
        order = sorted(counted, key=lambda cell: (-counted[cell].total(), cell))
        groups = tuple(Group(cell, dict(counted[cell])) for cell in order)
        return Groups(groups, column, labels=labels)
    day_first, unclear = find_day_first(counted)
    months: dict[str, Counter[str]] = {}
    for cell, counts in counted.items():
        months.setdefault(month_of(cell, day_first), Counter()).update(counts)
    order = sorted(months, key=lambda month: (month == NO_DATE, month))
    return Groups(tuple(Group(month, dict(months[month])) for month in order), column, True, unclear, labels)


def find_day_first(cells: Iterable[str]) -> tuple[bool, str]:
    """Whether 3/4/2024 is in April, by what the other dates of the column cannot be; and where nothing
    tells, such a date."""
    unclear = ""
    for first, second, cell in _pairs(cells):
        if first > 12 >= second or "." in cell:
            return True, ""
        if second > 12 >= first:
            return False, ""
        unclear = unclear or (cell if first != second else "")
    return True, unclear


def _pairs(cells: Iterable[str]) -> Iterator[tuple[int, int, str]]:
    for cell in cells:
        found = _NUMBERS.match(cell.strip())
        if found is not None:
            yield int(found[1]), int(found[3]), cell.strip()[:_LONGEST]


def month_of(cell: str, day_first: bool = True) -> str:
    """The month of a date as "2024-03", NO_DATE where there is none."""
    text = cell.strip()[:_LONGEST]
    if found := _YEAR_FIRST.match(text) or _COMPACT.match(text):
        return _month(int(found[1]), int(found[2]))
    if found := _NUMBERS.match(text):
        first, second = int(found[1]), int(found[3])
        year = int(found[4])
        if len(found[4]) == 2:
            year += 2000 if year < 70 else 1900
        month = second if (day_first and second <= 12) or first > 12 else first
        return _month(year, month)
    if found := _MONTH_YEAR.match(text):
        return _month(int(found[2]), int(found[1]))
    year_found = _YEAR.search(text)
    for word in _WORD.findall(text.casefold()) if year_found else ():
        number = _NAMES.get(word[:4]) or _NAMES.get(word[:3])
        if number and year_found:
            return _month(int(year_found[0]), number)
    return NO_DATE


def _month(year: int, month: int) -> str:
    return f"{year:04}-{month:02}" if 1 <= month <= 12 and year >= 1000 else NO_DATE


def write_groups(path: Path, found: Groups, two_way: bool, no_value: str) -> Iterator[int]:
    """The table of groups as CSV or XLSX, in steps; raises as ``documents.tables.write_rows`` does."""
    yield from write_rows(path, *group_table(found, two_way, no_value))


def group_table(found: Groups, two_way: bool, no_value: str) -> tuple[list[str], list[list[str | float]]]:
    """Names and rows of a table of the groups: the counts, then the shares."""
    labels = [label for label in found.labels if not (two_way and label == "neutral")]
    names = [found.column]
    for name in ("texts", *labels, *(f"{label} share" for label in labels)):
        names.append(unused_name(name, names))
    rows: list[list[str | float]] = [
        [
            *(group.name or no_value, group.texts),
            *(group.counts.get(label, 0) for label in labels),
            *(round(group.share(label), 4) for label in labels),
        ]
        for group in found.groups
    ]
    return names, rows
