"""CSV and XLSX as text: a row is a line of "column: value", so that a passage can be understood alone."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from autogpt_desktop.documents import tables
from autogpt_desktop.documents.read.formats.archive import Archive
from autogpt_desktop.documents.read.formats.office import core_title
from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.text.encoding import decode
from autogpt_desktop.documents.types import Limits

_LOOK = 200


def read_csv(data: bytes, name: str, parts: Parts) -> None:
    decoded = decode(data)
    if decoded is None:
        raise Unreadable("document-kind")
    text = decoded[0].removeprefix("\ufeff")
    delimiter = tables.find_delimiter(text[: 256 << 10])
    _add(tables.csv_rows(io.StringIO(text, newline=""), delimiter, name), parts)


def read_xlsx(data: bytes, parts: Parts, limits: Limits) -> None:
    """Every sheet is a page."""
    parts.title = core_title(Archive(data, limits))
    book = tables.open_workbook(io.BytesIO(data), limits)
    for sheet in book.worksheets:
        before, at = parts.length, len(parts.pages)
        parts.page(sheet.title)
        _add(tables.sheet_rows(sheet), parts)
        if parts.length == before:
            parts.pages.pop(at)


def _add(rows: Iterable[tables.Row], parts: Parts) -> None:
    """Rows, each a paragraph: passages are made of whole ones."""
    rows = iter(rows)
    first = list(islice(rows, _LOOK))
    if not first:
        return
    named = tables.find_header(first)
    columns = tables.column_names(first, named)
    for line in _lines(chain(first[1:] if named else first, rows), columns if named else ()):
        parts.add(line + "\n\n")


def _lines(rows: Iterable[tables.Row], columns: tables.Row) -> Iterator[str]:
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        if columns:
            names = columns + ("",) * (len(cells) - len(columns))
            pairs = zip(names, cells, strict=False)
            yield "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
        else:
            yield " | ".join(cell for cell in cells if cell)
