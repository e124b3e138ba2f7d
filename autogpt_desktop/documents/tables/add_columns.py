"""A workbook copied with columns added to one sheet: every other part, and every cell, as it was.

Only the sheet's rows are written anew, one at a time; formats, formulas, charts and other sheets are copied.
Runs in the child process that reads workbooks.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Any

from lxml import etree

from autogpt_desktop.documents.read.formats.archive import broken_xml
from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.tables.moved_rows import letters, move_ranges, move_row
from autogpt_desktop.documents.tables.package import Package
from autogpt_desktop.documents.tables.types import MOST_COLUMNS
from autogpt_desktop.documents.tables.workbook import DAMAGE, Workbook, column_number, row_number

Value = str | float
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BLOCK = 1 << 20  # bytes


class AddedColumns:
    """What is added: ``names`` in the header's row, if there is one, and a row of values for each row below
    it, from the column ``start`` on (counted from 1). A row without values, None, is left out."""

    def __init__(
        self, header_row: int, start: int, names: Sequence[str], rows: Sequence[Sequence[Value] | None]
    ) -> None:
        self.header_row, self.start, self.names, self.rows = header_row, start, names, rows
        self.is_filtered = any(row is None for row in rows)
        self._kept = [0, *accumulate(row is not None for row in rows)]  # above each row
        if start + len(names) - 1 > MOST_COLUMNS:
            raise Unreadable("document-too-many-columns", most=f"{MOST_COLUMNS:,}")

    def values(self, number: int) -> Sequence[Value]:
        """What is added to the row of that number."""
        if number == self.header_row:
            return self.names
        at = number - self.header_row - 1
        return (self.rows[at] or ()) if 0 <= at < len(self.rows) else ()

    def place(self, number: int) -> int:
        """The number that the row of this number has now; 0: it is left out."""
        at = number - self.header_row - 1
        if not self.is_filtered or at < 0:
            return number
        left_out = at >= len(self.rows) or self.rows[at] is None
        return 0 if left_out else self.header_row + 1 + self._kept[at]

    def span(self, first: int, last: int) -> tuple[int, int] | None:
        """Where those of some rows are now that are not left out; None: none of them is there."""
        if not self.is_filtered:
            return first, last
        above, below = self._above(first), self._above(last + 1)
        return (above + 1, below) if below > above else None

    def _above(self, number: int) -> int:
        """How many rows stand above the one of this number now."""
        at = number - self.header_row - 1
        return number - 1 if at < 0 else self.header_row + self._kept[min(at, len(self.rows))]


def copy_workbook(book: Workbook, sheet: str, added: AddedColumns, suffix: str) -> Iterator[int | bytes]:
    """How many rows are written, now and then; then the file, piece by piece. ``suffix``: .xlsx, .xlsm.

    Raises ``Unreadable``, as reading does.
    """
    target = io.BytesIO()
    try:
        package = Package(book, sheet, added.is_filtered, suffix)
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as copy:
            for member in book.archive.zip.infolist():
                if member.filename in package.dropped:
                    continue
                if (changed := package.changed(member.filename)) is not None:
                    copy.writestr(_entry(member), changed)
                    continue
                if member.filename != book.sheets[sheet]:
                    with copy.open(_entry(member), "w") as part:
                        for block in book.archive.blocks(member.filename):
                            part.write(block)
                    continue
                with copy.open(_entry(member), "w") as part:
                    for count, data in enumerate(_sheet(book, sheet, added)):
                        part.write(data)
                        yield count
    except DAMAGE as error:
        raise broken_xml(error) from error
    view = target.getbuffer()
    for at in range(0, len(view), _BLOCK):
        yield bytes(view[at : at + _BLOCK])


def _entry(member: zipfile.ZipInfo) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(member.filename, member.date_time)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, member.external_attr
    return entry


def _sheet(book: Workbook, sheet: str, added: AddedColumns) -> Iterator[bytes]:
    """The sheet's XML, in pieces of about a row."""
    root: Any = None
    data: Any = None
    shared, number = b"", 0
    for event, element in book.events(sheet):
        kind = etree.QName(element).localname
        if kind == "worksheet" and event == "start":
            root = element
            yield b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' + _opening(root)
        elif kind == "sheetData" and event == "start":
            data, shared = element, _declarations(element)
            above = [*data.itersiblings(preceding=True)][::-1]  # what is below may be there already
            yield b"".join(_xml(each) for each in above if not _is_dimension(each))
            yield _opening(data).replace(shared, b"", 1)
        elif kind == "row" and event == "end":
            number = row_number(element, number)
            if place := added.place(number):
                if added.is_filtered:
                    move_row(element, place)
                _add(element, number, place, added)
                yield _xml(element).replace(shared, b"", 1)
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    if data is None:
        raise Unreadable("document-damaged")
    behind = [each for each in data.itersiblings() if not added.is_filtered or move_ranges(each, added.span)]
    yield _closing(data) + b"".join(map(_xml, behind)) + _closing(root)


def _add(row: Any, number: int, place_now: int, added: AddedColumns) -> None:
    """Put the values behind the row's texts; a blank cell that stands there gives way, not its format."""
    values = added.values(number)
    if not any(value != "" for value in values):
        return
    at, place, style, formats = 0, len(row), "", {}
    for index, cell in enumerate(list(row)):
        at = column_number(cell, at)
        if at < added.start:
            style = cell.get("s", "")
        elif at < added.start + len(values):
            formats[at] = cell.get("s", "")
            row.remove(cell)
            place = min(place, index)
        else:
            place = min(place, index)
    row.attrib.pop("spans", None)
    for offset, value in enumerate(values):
        if value != "":
            column = added.start + offset
            own = style if number == added.header_row else ""
            row.insert(place, _cell(row, f"{letters(column)}{place_now}", value, formats.get(column, own)))
            place += 1


def _cell(row: Any, reference: str, value: Value, style: str) -> Any:
    space = f"{{{etree.QName(row).namespace}}}"
    cell = etree.Element(f"{space}c", {"r": reference} | ({"s": style} if style else {}), nsmap=row.nsmap)
    if isinstance(value, str):
        cell.set("t", "inlineStr")
        text = etree.SubElement(etree.SubElement(cell, f"{space}is"), f"{space}t")
        text.text = _ILLEGAL.sub("", value)
    else:
        etree.SubElement(cell, f"{space}v").text = repr(value)
    return cell


def _is_dimension(element: Any) -> bool:
    return bool(etree.QName(element).localname == "dimension")  # it would be too small, and need not be there


def _xml(element: Any) -> bytes:
    return bytes(etree.tostring(element, encoding="UTF-8", xml_declaration=False, with_tail=False))


def _opening(element: Any) -> bytes:
    """The start tag alone, with the name spaces that hold there."""
    empty = etree.Element(element.tag, dict(element.attrib), nsmap=element.nsmap)
    return _xml(empty).removesuffix(b"/>") + b">"


def _closing(element: Any) -> bytes:
    name = etree.QName(element).localname
    return f"</{element.prefix}:{name}>".encode() if element.prefix else f"</{name}>".encode()


def _declarations(element: Any) -> bytes:
    """What every piece repeats and the sheet's beginning has said: xmlns="…" xmlns:r="…"."""
    bare = _xml(etree.Element(element.tag, nsmap=element.nsmap)).removesuffix(b"/>")
    return bare.partition(b" ")[2] and b" " + bare.partition(b" ")[2]
