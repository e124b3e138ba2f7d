"""Tables written as CSV or XLSX so that no cell becomes a formula."""

from __future__ import annotations

import csv
import datetime
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic
from autogpt_desktop.documents.tables.cells import is_number
from autogpt_desktop.documents.tables.process import exchange
from autogpt_desktop.documents.tables.types import DateText, NumberText, Table, TruthText
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice

LONGEST_CELL = 32_767  # characters in XLSX
_WORKBOOKS = frozenset({".xlsx", ".xlsm"})
_READ_ONLY = frozenset({".ods", ".fods", ".xls", ".xlsb", ".numbers"})
STEP = 500  # rows that are written between two steps


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Write CSV or XLSX, by the ending of ``path``; how many rows there were.

    Numbers stay numbers. A text that a spreadsheet would take for a formula gets an apostrophe in
    front (CSV) or is stored as text (XLSX). A file that is there is replaced at the end, in one step.
    Raises KnownError("table-not-written").
    """
    count = 0
    for count in write_rows(path, columns, rows):  # noqa: B007
        pass
    return count


def check_kind(path: Path) -> None:
    """Raises KnownError("table-not-this-kind") for a name that promises a format that is only read."""
    if path.suffix.lower() in _READ_ONLY:
        raise KnownError("table-not-this-kind", name=path.name)


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[int]:
    """``write_table`` in steps: how many rows are written by now, and at the end how many there were.

    Left before its end it writes nothing. Raises as ``write_table`` and ``check_kind`` do.
    """
    check_kind(path)
    if path.suffix.lower() == ".xlsm":  # a workbook made anew has no macros, and Excel asks for some
        raise KnownError("table-not-this-kind", name=path.name)
    writer = _write_xlsx if path.suffix.lower() == ".xlsx" else _write_csv
    delimiter = "\t" if path.suffix.lower() in {".tsv", ".tab"} else ","
    count = 0
    try:
        with atomic.replacing(path) as scratch:
            for count in writer(scratch, columns, rows, delimiter):
                yield count
    except OSError as error:
        raise KnownError("table-not-written", name=path.name, reason=error.strerror or str(error)) from error
    yield count


def write_copy(
    path: Path,
    table: Table,
    start: int,
    names: Sequence[str],
    rows: Sequence[Sequence[str | float] | None],
    limits: Limits | None = None,
) -> Iterator[int]:
    """Write the workbook of a table with columns added to its sheet from the column ``start`` on, counted
    from 1; all else stays as it is. Steps and raises as ``write_rows``, and as ``open_table`` does."""
    added = {"header_row": table.header_row, "start": start, "names": names, "rows": rows}
    limits = limits or Limits(file_bytes=2 << 30)
    done = 0
    try:
        with atomic.replacing(path) as scratch, open(scratch, "wb") as file:
            request = {"sheet": table.sheet, "add": added, "suffix": path.suffix.lower()}
            for message in exchange(table.path, limits, request):
                if message is not None:
                    done = min(len(rows), message[0].get("done", done))
                    file.write(message[1])
                yield done
    except OSError as error:
        raise KnownError("table-not-written", name=path.name, reason=error.strerror or str(error)) from error
    yield sum(row is not None for row in rows)


def losses(path: Path, table: Table, is_filtered: bool) -> list[Notice]:
    """What of a workbook will not be in its results. ``is_filtered``: rows are left out."""
    source, target = table.path.suffix.lower(), path.suffix.lower()
    names = {"name": table.path.name, "out": path.name}
    if table.kind and target in _WORKBOOKS and not can_copy(path, table):
        return [Notice("notice.table-plain", names)]
    found = []
    if table.kind and (source, target) == (".xlsm", ".xlsx"):
        found.append(Notice("notice.table-macros", names))
    if is_filtered and can_copy(path, table):
        found.append(Notice("notice.table-filtered", names))
    return found


def can_copy(path: Path, table: Table) -> bool:
    """Whether the results can be the table's own workbook with columns added."""
    return table.kind == "xlsx" and path.suffix.lower() in _WORKBOOKS


def escape_formula(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"):
        return value if is_number(value) else "'" + value
    return value


def _write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]], delimiter: str
) -> Iterator[int]:
    last = 0
    with open(path, "w", encoding="utf-8-sig", newline="") as file:  # the mark: Excel asks for it
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerow(map(escape_formula, columns))
        for count, row in enumerate(rows, 1):
            writer.writerow(map(escape_formula, row))
            if count % STEP == 0:
                yield count
            last = count
    yield last


def _typed(text: NumberText | DateText | TruthText) -> Any:
    if isinstance(text, TruthText):
        return text == "TRUE"
    try:
        if isinstance(text, NumberText):
            number = float(text)
            return int(number) if number.is_integer() and abs(number) < 1e15 else number
        date = datetime.datetime.fromisoformat(text)
    except ValueError:
        return str(text)
    if date.year < 1900:  # Excel has no such dates
        return str(text)
    return date.date() if len(text) == len("2024-01-01") else date


def _write_xlsx(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]], _: str) -> Iterator[int]:
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if isinstance(value, NumberText | DateText | TruthText):
            return _typed(value)
        text = ILLEGAL_CHARACTERS_RE.sub("", value)
        if len(text) > LONGEST_CELL:
            text = text[: LONGEST_CELL - 1] + "…"
        made = WriteOnlyCell(sheet, text)
        made.data_type = "s"  # text, whatever it begins with
        if escape_formula(text) is not text:
            made.quotePrefix = True
        return made

    last = 0
    sheet.append([cell(name) for name in columns])
    for count, row in enumerate(rows, 1):
        sheet.append([cell(value) for value in row])
        if count % STEP == 0:
            yield count
        last = count
    book.save(path)
    yield last
