"""Tables opened: CSV of any delimiter and encoding here, XLSX and ODS in a child process."""

from __future__ import annotations

import csv
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TextIO, TypeVar

from autogpt_desktop.documents.files import check, file_error
from autogpt_desktop.documents.tables.dialect import LOOK, SAMPLE, Dialect, find_dialect
from autogpt_desktop.documents.tables.header import column_names, find_header_row
from autogpt_desktop.documents.tables.process import exchange
from autogpt_desktop.documents.tables.types import (
    MOST_COLUMNS,
    TYPED,
    Row,
    Steps,
    Table,
    TableOptions,
    UnsavedFormula,
)
from autogpt_desktop.documents.text.encoding import find_encoding, fits
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular, open_regular_text

LONGEST_LINE = 32 << 20  # characters
LONGEST_CELL = 16 << 20
TABLES = frozenset({".csv", ".tsv", ".tab", ".xlsx", ".xlsm", ".ods"})
OTHER_TABLES = frozenset({".xls", ".xlsb", ".fods", ".numbers"})  # refused with what to do
_UNSAVED = UnsavedFormula()
T = TypeVar("T")


def read_table(
    path: Path,
    sheet: str = "",
    *,
    header: bool | None = None,
    options: TableOptions | None = None,
    limits: Limits | None = None,
) -> Table:
    """``open_table`` in one go. ``header``: whether the first row is one."""
    if options is None:
        options = TableOptions(sheet, header_row=None if header is None else int(header))
    return result_of(open_table(path, options, limits))


def result_of(steps: Generator[object, None, T]) -> T:
    """What a generator returns in the end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def open_table(
    path: Path, options: TableOptions | None = None, limits: Limits | None = None
) -> Generator[None, None, Table]:
    """Open a CSV (any delimiter, any encoding), XLSX or ODS file, in steps; left early it ends what runs.

    Raises KnownError: what ``files.check`` raises, document-kind, document-encrypted, document-bomb,
    document-damaged, document-unsafe, document-slow, document-memory, document-empty,
    document-too-many-columns, table-no-sheet, table-other-program, table-cell-long. ``rows()`` may raise
    them later on.
    """
    options = options or TableOptions()
    limits = limits or Limits(file_bytes=2 << 30)  # it is never in memory as a whole
    if check(path, limits).st_size == 0:
        raise KnownError("document-empty", name=path.name)
    try:
        with open_regular(path) as file:
            head = file.read(8)
            if head.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0")):
                return (yield from _workbook(path, options, limits))
            if path.suffix.lower() in OTHER_TABLES:
                raise KnownError("table-other-program", name=path.name)
            encoding = yield from _encoding_of(file, path)
        with open_regular_text(path, encoding, "replace", newline="") as text:
            sample = text.read(SAMPLE)
    except OSError as error:
        raise file_error(path, error) from error
    dialect = find_dialect(sample.replace("\0", ""), options.delimiter)

    def rows() -> Steps:
        try:
            with open_regular_text(path, encoding, "replace", newline="") as text:
                yield from csv_rows(text, dialect, path.name)
        except OSError as error:
            raise file_error(path, error) from error

    yield
    header_row, columns = _header(path, _beginning(row for row in rows() if row is not None), options)
    return Table(path, columns, rows, "", (), header_row, encoding, dialect.delimiter)


def _beginning(rows: Iterable[Row]) -> list[Row]:
    """As many rows as have LOOK ones among them that are not blank."""
    first: list[Row] = []
    filled = 0
    for row in rows:
        first.append(row)
        filled += any(row)
        if filled == LOOK:
            break
    return first


def _header(path: Path, first: list[Row], options: TableOptions) -> tuple[int, Row]:
    """The header's row and the columns' names."""
    if not any(map(any, first)):
        raise KnownError("document-empty", name=path.name)
    found = find_header_row(first) if options.header_row is None else options.header_row
    if found > len(first):
        raise KnownError("table-no-header-row", name=path.name, row=f"{found:,}", most=f"{len(first):,}")
    return found, column_names(first, found)


def _encoding_of(file: BinaryIO, path: Path) -> Generator[None, None, str]:
    """UTF-8 is only believed when it fits to the end of the file."""
    file.seek(0)
    head = file.read(1 << 20)
    if 0 < head.count(0) < len(head) // 100 + 3 and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        head = head.replace(b"\0", b"")  # a stray one here and there; UTF-16 has many
    encoding = find_encoding(head, complete=False)
    if encoding == "utf-8":
        rest = head
        while block := file.read(1 << 20):
            yield
            tail = rest[-4:] if not fits(rest[-4:], "utf-8") else b""
            rest = tail.lstrip(bytes(range(0x80, 0xC0))) + block  # a character may lie across
            if not fits(rest, "utf-8", complete=False):
                encoding = find_encoding(rest + head, complete=False)
                break
    if encoding is None:
        raise KnownError("document-kind", name=path.name)
    return encoding


@dataclass
class _Lines:
    """A file's lines, which refuse to become a row that fills the memory."""

    text: TextIO
    delimiter: str
    name: str
    length: int = 0  # characters and delimiters since the last row
    delimiters: int = 0
    row: int = 0

    def __iter__(self) -> Iterator[str]:
        while line := self.text.readline(LONGEST_LINE):
            self.length += len(line)
            self.delimiters += line.count(self.delimiter) if self.delimiter else 0
            if self.delimiters > 50 * MOST_COLUMNS:  # before millions of texts are made of it
                raise self.too_wide()
            if self.length >= LONGEST_LINE:
                raise self.too_long()
            yield line.replace("\0", "")

    def next_row(self) -> None:
        self.length = self.delimiters = 0
        self.row += 1

    def too_wide(self) -> KnownError:
        return KnownError("document-too-many-columns", name=self.name, most=f"{MOST_COLUMNS:,}")

    def too_long(self) -> KnownError:
        if self.delimiters > MOST_COLUMNS:
            return self.too_wide()
        return KnownError("table-cell-long", name=self.name, row=f"{self.row + 1:,}")


def csv_rows(text: TextIO, dialect: Dialect, name: str) -> Iterator[Row]:
    """Rows of CSV, blank ones too, but no empty lines at the end of a table of several columns.

    Raises KnownError: document-too-many-columns, table-cell-long, document-damaged.
    """
    csv.field_size_limit(LONGEST_CELL)
    lines = _Lines(text, dialect.delimiter, name)
    if dialect.first_line:
        text.readline(LONGEST_LINE)
    waiting = 0
    try:
        for row in dialect.reader(iter(lines)):
            if len(row) > MOST_COLUMNS:
                raise lines.too_wide()
            lines.next_row()
            if not row and dialect.delimiter:
                waiting += 1
                continue
            for _ in range(waiting):
                yield ()
            waiting = 0
            yield tuple(row)
    except csv.Error as error:
        if "field larger" in str(error):
            raise lines.too_long() from error
        raise KnownError("document-damaged", name=name) from error


def _cell(sent: Any) -> str:
    """A cell as the child process sends it: a text, a kind and a text, or None for an unsaved formula."""
    if isinstance(sent, str):
        return sent
    return _UNSAVED if sent is None else TYPED[sent[0]](sent[1])


def _workbook(path: Path, options: TableOptions, limits: Limits) -> Generator[None, None, Table]:
    def messages(sheet: str) -> Iterator[dict[str, Any] | None]:
        for message in exchange(path, limits, {"sheet": sheet}):
            yield message[0] if message is not None else None

    def rows(sheet: str) -> Steps:
        for message in messages(sheet):
            if message is None or not message.get("rows"):
                yield None
            else:
                for cells in message["rows"]:
                    yield tuple(map(_cell, cells))

    sheet, sheets, kind, filled = "", (), "", 0
    first: list[Row] = []
    for message in messages(options.sheet):
        yield
        if message is not None and "sheets" in message:
            sheet, sheets, kind = message["sheet"], tuple(message["sheets"]), message["kind"]
        elif message is not None:
            some = [tuple(map(_cell, cells)) for cells in message["rows"]]
            first += some
            filled += sum(map(any, some))
            if filled >= LOOK:
                break
    header_row, columns = _header(path, _beginning(first), options)
    return Table(path, columns, lambda: rows(sheet), sheet, sheets, header_row, kind=kind)
