"""How a CSV file is written: its delimiter, quotes and escapes, by which reading makes the most even table.

Every candidate reads the sample; it gets the share of rows that have the usual width, times how much its
cells look like whole cells (after van den Burg et al. 2019, "Wrangling messy CSV files by detecting row
and type patterns").
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice

from autogpt_desktop.documents.tables.cells import kind_of

DELIMITERS = (",", "\t", ";", "|")
LOOK = 200  # rows that tell delimiter, header and width
SAMPLE = 256 << 10  # characters
_NO_DELIMITER = "\x1e"  # stands in no text: a line is one cell
_ONE_COLUMN = 0.62  # what a reading in several columns has to beat
_SEPARATOR = re.compile(r'"?sep=(.)"?[ \t]*+(?:\r\n?|\n|$)', re.IGNORECASE)
_BLANK_QUOTE = re.compile(r"[,;\t|][ ]++\"")
_INNER_QUOTE = re.compile(r"\\\"(?![,;\t|\r\n\"]|$)")  # one that does not end a cell
_QUOTED_WORD = re.compile(r"(?:^|[,;\t|])\"[^\"\n]++\"[ ]?+[^\s\",;\t|]", re.MULTILINE)
_QUOTED_CELL = re.compile(r"(?:^|[,;\t|])\"(?:[^\"]|\"\")*+\"(?=[,;\t|\r\n]|$)", re.MULTILINE)
_CELLS = 40  # of a row that are looked at


@dataclass(frozen=True)
class Dialect:
    """``delimiter``: "" where a line is one cell. ``quote``: "" where quotes are nothing special."""

    delimiter: str = ","
    quote: str = '"'
    escaped: bool = False  # a quote inside is \\" instead of two
    backslashes: bool = False  # and a backslash is two
    blanks: bool = False  # before a cell's opening quote
    width: int = 0  # of a table whose last cells are prose with commas and no quotes; 0: of any other
    first_line: bool = False  # "sep=;" which is no row

    def reader(self, lines: Iterator[str]) -> Iterator[list[str]]:
        """Rows of cells; of an empty line none. Raises csv.Error."""
        rows = csv.reader(
            map(self._unescaped, lines) if self.escaped else lines,
            delimiter=self.delimiter or _NO_DELIMITER,
            quotechar=self.quote or None,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            skipinitialspace=self.blanks,
        )
        return map(self._joined, rows) if self.width else rows

    def _joined(self, row: list[str]) -> list[str]:
        last = self.width - 1
        return [*row[:last], self.delimiter.join(row[last:])] if len(row) > self.width else row

    def _unescaped(self, line: str) -> str:
        if self.backslashes:
            return re.sub(r"\\([\\\"'])", lambda found: found[1] * (2 if found[1] == self.quote else 1), line)
        return line.replace("\\" + self.quote, self.quote * 2)


def find_dialect(sample: str, delimiter: str | None = None) -> Dialect:
    """The dialect of a file that begins so. ``delimiter``: what a user says that it is."""
    start = _SEPARATOR.match(sample)
    if start is not None:
        found = find_dialect(sample[start.end() :], start[1] if delimiter is None else delimiter)
        return replace(found, first_line=True)
    if len(sample) >= SAMPLE:  # the last row may be cut
        sample = sample[: sample.rfind("\n", 0, len(sample) - 1) + 1] or sample
    best, best_score = Dialect(delimiter or ""), -1.0
    for found, bonus in _candidates(sample, delimiter):
        score = _score(found, sample) * bonus
        if score > best_score + 1e-9:
            best, best_score = found, score
    return best


def _candidates(sample: str, delimiter: str | None) -> Iterator[tuple[Dialect, float]]:
    """Dialects that the sample has signs of, the usual ones first, each with how likely it is beforehand."""
    delimiters = ("", *DELIMITERS) if delimiter is None else (delimiter,)
    for each in delimiters:
        if each not in sample and delimiter is None:
            continue
        plain = Dialect(each)
        yield plain, 1.0
        width = _prose_width(plain, sample) if each else 0
        if width:
            yield replace(plain, width=width), 0.97
        if '"' not in sample:
            if each and sample.count("'" + each) > 1:
                yield Dialect(each, "'"), 0.97
            continue
        if '\\"' in sample:
            escaped = replace(plain, escaped=True, backslashes=_doubles_backslashes(sample))
            yield escaped, 1.02 if _INNER_QUOTE.search(sample) else 0.98
        if each and _BLANK_QUOTE.search(sample):
            yield replace(plain, blanks=True), 0.98
        yield Dialect(each, ""), 1.03 if _has_stray_quotes(sample) else 0.95


def _prose_width(dialect: Dialect, sample: str) -> int:
    """How many columns the first row names, where all that rows have beyond them goes on with a blank, as
    prose does behind a comma; else 0."""
    rows = [row for row in _rows(dialect, sample) if any(row)]
    width = len(rows[0]) if rows else 0
    if width < 2 or any(cell[:1] in ("", " ") for cell in rows[0]) or min(map(len, rows)) < width:
        return 0
    beyond = [cell for row in rows for cell in row[width:]]
    return width if beyond and all(cell[:1] == " " for cell in beyond) else 0


def _has_stray_quotes(sample: str) -> bool:
    """Whether more cells begin with a quoted word than stand in quotes as a whole."""
    return len(_QUOTED_WORD.findall(sample)) > len(_QUOTED_CELL.findall(sample))


def _doubles_backslashes(sample: str) -> bool:
    return not re.search(r"\\[^\\\"']", re.sub(r"\\\\", "", sample))


def _rows(dialect: Dialect, sample: str) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        rows.extend(islice(dialect.reader(iter(io.StringIO(sample, newline=""))), LOOK))
    except csv.Error:  # a cell that has no end: what was read until there counts
        rows.append([sample[:1000]])
    return rows


def _score(dialect: Dialect, sample: str) -> float:
    rows = [row for row in _rows(dialect, sample) if any(map(str.strip, row))]
    if not rows:
        return 0.0
    widths, first = Counter(map(len, rows)), len(rows[0])
    width = max(widths, key=lambda each: (widths[each] * each**0.2, each))
    if width > 1:  # titles above the table and a total below it are narrower, and say nothing
        filled = [sum(map(bool, map(str.strip, row))) for row in rows]
        while len(rows) > 2 and (filled[0] <= 1 or len(rows[0]) == 1):
            rows, filled = rows[1:], filled[1:]
    even = sum(len(row) == width for row in rows) / len(rows)
    cells = [cell for row in rows for cell in row[:_CELLS]]
    if width == 1:
        return _ONE_COLUMN * even * (1.0 if dialect.delimiter == "" else 0.99) * _whole_lines(cells)
    # "name, city" over "Ann, Bonn": a blank behind every delimiter, and as many in the first row
    spaced = first == width and even == 1 and len(rows) > 3 and all(
        cell[:1] == " " and cell[1:2] != '"' for row in rows for cell in row[1:]
    )  # fmt: skip
    likeness = sum(_likeness(cell.lstrip() if spaced else cell, dialect) for cell in cells) / len(cells)
    words = sum(" " in cell.strip() for cell in cells) / max(1, len(cells))
    return float(even ** (0.5 + 2 * min(0.75, words)) * likeness)  # a missing cell among words says more


def _whole_lines(cells: list[str]) -> float:
    """Of one column: quotes that are left open or over say that they are read wrongly."""
    odd = sum(cell.count('"') % 2 or cell.count("\n") > 20 for cell in cells)
    return 1 - 0.5 * odd / max(1, len(cells))


def _likeness(cell: str, dialect: Dialect) -> float:
    """How much it looks like a whole cell rather than a piece of one, or of several."""
    kind = kind_of(cell)
    if kind == "empty":
        return 0.9
    if kind != "text":
        return 1.0
    score = 1.0
    if cell[0] == " " and dialect.delimiter != " ":
        score = 0.2  # "Bad, bad, bad"
    if (
        cell.count("\n") > 20
        or _BLANK_QUOTE.search(cell[:200])
        or (not dialect.quote and cell[0] == cell[-1] == '"')
    ):
        score = min(score, 0.3)
    elif dialect.quote and not dialect.escaped and "\\" + dialect.quote in cell:
        score = min(score, 0.5)
    elif dialect.quote and cell.count('"') % 2 and cell.count(dialect.quote) < 3:
        score = min(score, 0.6)
    head = cell[:200]
    for other in DELIMITERS:
        if other != dialect.delimiter and other in head:
            at = head.find(other)
            if other == "\t" or not head[at + 1 : at + 2].isspace():
                score = min(score, 0.5)
    return score
