"""What a table is once it is open, and what a user may say about how to read it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.errors import KnownError

MOST_COLUMNS = 16_384  # what a spreadsheet can have
MOST_ROWS = 1_048_576

Row = tuple[str, ...]
Steps = Iterator[Row | None]


class UnsavedFormula(str):
    """An empty cell: a formula whose result the file does not hold."""

    __slots__ = ()


class NumberText(str):
    """A cell that is a number, as a text that ``float`` reads."""

    __slots__ = ()


class DateText(str):
    """A cell that is a date, perhaps with a time (ISO 8601)."""

    __slots__ = ()


class TruthText(str):
    """A cell that is TRUE or FALSE."""

    __slots__ = ()


TYPED: dict[str, type[str]] = {"number": NumberText, "date": DateText, "truth": TruthText}


@dataclass(frozen=True)
class TableOptions:
    """How to read a file; what is not given is guessed.

    ``sheet``: of a workbook, "" for the first one. ``delimiter``: of CSV, "" where a line is one cell.
    ``header_row``: counted from 1, 0 for a table without names; titles may stand above it.
    """

    sheet: str = ""
    delimiter: str | None = None
    header_row: int | None = None


@dataclass(frozen=True)
class Table:
    """A table in a file. ``rows()`` reads it from the beginning each time, from behind the header."""

    path: Path
    columns: Row  # names, each once; "Column 3" where there is none
    _open: Callable[[], Steps]
    sheet: str = ""  # "" for CSV
    sheets: Row = ()  # of the file
    header_row: int = 0  # counted from 1; 0: it has none
    encoding: str = ""  # "" for XLSX
    delimiter: str = ""  # "" for XLSX, and where a line is one cell
    kind: str = ""  # "xlsx", "ods", or "" for text

    @property
    def has_header(self) -> bool:
        return self.header_row > 0

    def rows(self) -> Iterator[Row]:
        """Each row as texts: as many as there are columns, or more where a row is longer."""
        return (row for row in self.steps() if row is not None)

    def steps(self) -> Steps:
        """The same, and None whenever the next row is still being waited for."""
        width, skipped = len(self.columns), 0
        with contextlib.closing(self._open()) as rows:  # type: ignore[type-var]
            for row in rows:
                if row is None:
                    yield None
                elif skipped < self.header_row:
                    skipped += 1
                else:
                    yield row + ("",) * (width - len(row))

    def column(self, name: str) -> int:
        """The number of the column of that name, or of that number counted from 1.

        Raises KnownError("table-no-column").
        """
        if name in self.columns:
            return self.columns.index(name)
        folded = [column.strip().casefold() for column in self.columns]
        if name.strip().casefold() in folded:
            return folded.index(name.strip().casefold())
        if name.isdigit() and 1 <= int(name) <= len(self.columns):
            return int(name) - 1
        raise KnownError("table-no-column", column=name, columns=", ".join(self.columns[:20]))
