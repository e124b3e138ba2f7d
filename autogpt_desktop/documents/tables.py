"""Tables: CSV and XLSX, read row by row and written so that no cell becomes a formula."""

from __future__ import annotations

import contextlib
import csv
import datetime
import io
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO

from autogpt_desktop import atomic
from autogpt_desktop.documents.files import check, file_error
from autogpt_desktop.documents.text.encoding import find_encoding, fits
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular, open_regular_text

MOST_COLUMNS = 16_384  # what a spreadsheet can have
LONGEST_LINE = 32 << 20  # characters
LONGEST_CELL = 32_767  # characters in XLSX
TABLES = frozenset({".csv", ".tsv", ".tab", ".xlsx", ".xlsm"})
_DELIMITERS = (",", "\t", ";", "|")
STEP = 500  # rows that are written between two steps
_LOOK = 200  # rows that tell delimiter, header and width

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table in a file. ``rows()`` reads it from the beginning each time, without the header."""

    path: Path
    columns: Row  # names, each once; "Column 3" where there is none
    sheet: str  # "" for CSV
    sheets: Row  # of the file
    has_header: bool
    encoding: str  # "" for XLSX
    delimiter: str  # "" for XLSX
    _open: Callable[[], Iterator[Row]]

    def rows(self) -> Iterator[Row]:
        """Each row as texts: as many as there are columns, or more where a row is longer."""
        width = len(self.columns)
        with contextlib.closing(self._open()) as rows:  # type: ignore[type-var]
            for row in islice(rows, 1 if self.has_header else 0, None):
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


def read_table(
    path: Path, sheet: str = "", *, header: bool | None = None, limits: Limits | None = None
) -> Table:
    """Open a CSV (any delimiter, any encoding) or XLSX file; ``header=None`` looks for one.

    Raises KnownError: what ``files.check`` raises, document-kind, document-encrypted, document-bomb,
    document-damaged, document-empty, document-too-many-columns, table-no-sheet. ``rows()`` may raise
    document-damaged and document-too-many-columns later on.
    """
    limits = limits or Limits(file_bytes=2 << 30)  # it is never in memory as a whole
    if check(path, limits).st_size == 0:
        raise KnownError("document-empty", name=path.name)
    try:
        with open_regular(path) as file:
            head = file.read(8)
            if head.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0")):
                return _workbook(path, sheet, header, limits)
            encoding = _encoding_of(file, path)
    except OSError as error:
        raise file_error(path, error) from error

    def open_rows(delimiter: str) -> Iterator[Row]:
        try:
            with open_regular_text(path, encoding, "replace", newline="") as text:
                yield from csv_rows(text, delimiter, path.name)
        except OSError as error:
            raise file_error(path, error) from error

    with open_regular_text(path, encoding, "replace", newline="") as text:
        delimiter = find_delimiter(text.read(256 << 10))
    first = list(islice(open_rows(delimiter), _LOOK))
    return _table(path, first, header, ("", ()), encoding, delimiter, lambda: open_rows(delimiter))


def _table(
    path: Path,
    first: list[Row],
    header: bool | None,
    sheets: tuple[str, Row],
    encoding: str,
    delimiter: str,
    open_rows: Callable[[], Iterator[Row]],
) -> Table:
    if not first:
        raise KnownError("document-empty", name=path.name)
    has_header = find_header(first) if header is None else header
    columns = column_names(first, has_header)
    return Table(path, columns, *sheets, has_header, encoding, delimiter, open_rows)


def _encoding_of(file: BinaryIO, path: Path) -> str:
    """UTF-8 is only believed when it fits to the end of the file."""
    file.seek(0)
    head = file.read(1 << 20)
    encoding = find_encoding(head, complete=False)
    if encoding == "utf-8":
        rest = head
        while block := file.read(1 << 20):
            tail = rest[-4:] if not fits(rest[-4:], "utf-8") else b""
            rest = tail.lstrip(bytes(range(0x80, 0xC0))) + block  # a character may lie across
            if not fits(rest, "utf-8", complete=False):
                encoding = find_encoding(rest + head, complete=False)
                break
    if encoding is None:
        raise KnownError("document-kind", name=path.name)
    return encoding


def csv_rows(text: TextIO, delimiter: str, name: str) -> Iterator[Row]:
    """Rows of CSV (RFC 4180, quotes doubled). Raises KnownError: document-too-many-columns, -damaged."""
    csv.field_size_limit(LONGEST_LINE)

    def lines() -> Iterator[str]:
        while line := text.readline(LONGEST_LINE):
            if len(line) >= LONGEST_LINE:
                raise KnownError("document-too-many-columns", name=name, most=f"{MOST_COLUMNS:,}")
            if line.count(delimiter) > 50 * MOST_COLUMNS:  # before millions of texts are made of it
                raise KnownError("document-too-many-columns", name=name, most=f"{MOST_COLUMNS:,}")
            yield line.replace("\0", "")

    try:
        for row in csv.reader(lines(), delimiter=delimiter):
            if len(row) > MOST_COLUMNS:
                raise KnownError("document-too-many-columns", name=name, most=f"{MOST_COLUMNS:,}")
            if any(row):
                yield tuple(row)
    except csv.Error as error:
        raise KnownError("document-damaged", name=name) from error


def find_delimiter(sample: str) -> str:
    """The delimiter that gives most rows the same number of cells, more than one."""
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        rows = []
        with contextlib.suppress(csv.Error):
            for row in islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), _LOOK):
                rows.append(len(row))
        rows = [count for count in rows[:-1] or rows if count]  # the last one may be cut
        if not rows:
            continue
        width, times = Counter(rows).most_common(1)[0]
        score = times / len(rows) if width > 1 else 0.0
        if score > best_score + 0.05:
            best, best_score = delimiter, score
    return best


def find_header(rows: Sequence[Row]) -> bool:
    """Whether the first row names the columns: short texts, all different, unlike what is below."""
    if len(rows) < 2:
        return False
    first, below = rows[0], rows[1:]
    named = [cell.strip() for cell in first if cell.strip()]
    if not named or len(set(named)) < len(named) or any(_number(cell) or len(cell) > 60 for cell in named):
        return False
    for at, cell in enumerate(first):
        values = [row[at].strip() for row in below if at < len(row) and row[at].strip()]
        if values and all(map(_number, values)) and cell.strip():
            return True  # a word over numbers
        if values and len(cell.strip()) * 3 < sum(map(len, values)) / len(values):
            return True  # a word over sentences
    if any(
        cell.strip() in {row[at].strip() for row in below if at < len(row)} for at, cell in enumerate(first)
    ):
        return False
    return len(named) == max(map(len, rows))


def _number(text: str) -> bool:
    try:
        float(text.replace(",", ".").rstrip("%"))
    except ValueError:
        return False
    return True


def column_names(rows: Sequence[Row], has_header: bool) -> Row:
    """A name for each column of the widest row, no two alike."""
    width = max(len(row) for row in rows)
    names: list[str] = []
    taken: set[str] = set()
    for at in range(width):
        given = rows[0][at].strip() if has_header and at < len(rows[0]) else ""
        name = wanted = given or f"Column {at + 1}"
        number = 2
        while name in taken:
            name, number = f"{wanted} ({number})", number + 1
        taken.add(name)
        names.append(name)
    return tuple(names)


def _workbook(path: Path, sheet: str, header: bool | None, limits: Limits) -> Table:
    from autogpt_desktop.documents.read.formats.parts import Unreadable

    def rows(name: str) -> Iterator[Row]:
        with open_regular(path) as file, known(path.name):
            book = open_workbook(file, limits)
            try:
                yield from sheet_rows(book[name])
            finally:
                book.close()

    @contextlib.contextmanager
    def known(name: str) -> Iterator[None]:
        try:
            yield
        except Unreadable as error:
            raise KnownError(error.key, name=name, **error.values) from error

    with open_regular(path) as file, known(path.name):
        book = open_workbook(file, limits)
        names = tuple(found.title for found in book.worksheets)
        book.close()
    if not names:
        raise KnownError("document-empty", name=path.name)
    if sheet and sheet not in names:
        raise KnownError("table-no-sheet", sheet=sheet, sheets=", ".join(names[:20]))
    chosen = sheet or names[0]
    first = list(islice(rows(chosen), _LOOK))
    return _table(path, first, header, (chosen, names), "", "", lambda: rows(chosen))


def open_workbook(file: BinaryIO, limits: Limits) -> Any:
    """An openpyxl workbook that reads as a stream. Raises ``Unreadable``."""
    import warnings

    import openpyxl

    from autogpt_desktop.documents.read.formats.archive import check_workbook
    from autogpt_desktop.documents.read.formats.parts import Unreadable

    check_workbook(file, limits)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about styles and extensions it does not know
            return openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
    except (
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        OSError,
        SyntaxError,
        zipfile.BadZipFile,
    ) as error:
        raise Unreadable("document-damaged") from error


def sheet_rows(sheet: Any) -> Iterator[Row]:
    """A sheet's rows as texts, empty rows left out. Raises ``Unreadable("document-damaged")``."""
    import warnings

    from autogpt_desktop.documents.read.formats.parts import Unreadable

    if hasattr(sheet, "reset_dimensions"):
        sheet.reset_dimensions()  # what the file says of its size need not be so
    values = sheet.iter_rows(values_only=True)
    while True:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about dates that are none
                row = next(values, None)
        except (KeyError, ValueError, TypeError, IndexError, SyntaxError, zipfile.BadZipFile) as error:
            raise Unreadable("document-damaged") from error
        if row is None:
            return
        cells = tuple(map(cell_text, row))
        if any(cells):
            yield cells


def cell_text(value: Any) -> str:
    """A cell as a user reads it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        return str(value.date()) if value.time() == datetime.time() else value.isoformat(" ")
    return str(value)


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


def write_rows(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[int]:
    """``write_table`` in steps: how many rows are written by now, and at the end how many there were.

    Left before its end it writes nothing. Raises as ``write_table`` does.
    """
    writer = _write_xlsx if path.suffix.lower() in {".xlsx", ".xlsm"} else _write_csv
    delimiter = "\t" if path.suffix.lower() in {".tsv", ".tab"} else ","
    count = 0
    try:
        with atomic.replacing(path, private=True) as scratch:
            for count in writer(scratch, columns, rows, delimiter):
                yield count
    except OSError as error:
        raise KnownError("table-not-written", name=path.name, reason=error.strerror or str(error)) from error
    yield count


def escape_formula(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula (OWASP, CSV injection)."""
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠"):
        return value if _number(value) else "'" + value
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


def _write_xlsx(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]], _: str) -> Iterator[int]:
    import openpyxl
    from openpyxl.cell import WriteOnlyCell
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet("Sheet1")

    def cell(value: Any) -> Any:
        if not isinstance(value, str):
            return value
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
