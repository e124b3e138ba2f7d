"""CSV and XLSX as text: a row is a line of "column: value", so that a passage can be understood alone."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from itertools import chain, islice

from autogpt_desktop.documents.read.formats.archive import Archive
from autogpt_desktop.documents.read.formats.office import core_title
from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.tables.dialect import LOOK, SAMPLE, find_dialect
from autogpt_desktop.documents.tables.header import column_names, find_header_row
from autogpt_desktop.documents.tables.read import csv_rows
from autogpt_desktop.documents.tables.types import Row
from autogpt_desktop.documents.tables.workbook import Workbook
from autogpt_desktop.documents.text.encoding import decode
from autogpt_desktop.documents.types import Limits


def read_csv(data: bytes, name: str, parts: Parts) -> None:
    decoded = decode(data)
    if decoded is None:
        raise Unreadable("document-kind")
    text = decoded[0].removeprefix("\ufeff")
    add_rows(csv_rows(io.StringIO(text, newline=""), find_dialect(text[:SAMPLE]), name), parts)


def read_xlsx(data: bytes, parts: Parts, limits: Limits) -> None:
    """Every sheet is a page."""
    parts.title = core_title(Archive(data, limits))
    book = Workbook(io.BytesIO(data), limits)
    for title in book.sheets:
        before, at = parts.length, len(parts.pages)
        parts.page(title)
        rows = (tuple(cell or "" for cell in row) for row in book.rows(title) if row is not None)
        add_rows(rows, parts)
        if parts.length == before:
            parts.pages.pop(at)


def add_rows(rows: Iterable[Row], parts: Parts) -> None:
    """Rows, each a paragraph: passages are made of whole ones."""
    rows = iter(rows)
    first = list(islice(rows, LOOK))
    if not first:
        return
    header_row = find_header_row(first)
    columns = column_names(first, header_row)
    for line in _lines(first[: max(0, header_row - 1)], ()):  # titles
        parts.add(line + "\n\n")
    for line in _lines(chain(first[header_row:], rows), columns if header_row else ()):
        parts.add(line + "\n\n")


def _lines(rows: Iterable[Row], columns: Row) -> Iterator[str]:
    for row in rows:
        cells = [" ".join(cell.split()) for cell in row]
        if not any(cells):
            continue
        if columns:
            names = columns + ("",) * (len(cells) - len(columns))
            pairs = zip(names, cells, strict=False)
            yield "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
        else:
            yield " | ".join(cell for cell in cells if cell)
