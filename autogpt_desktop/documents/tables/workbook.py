"""XLSX workbooks, read as a stream: strangers' work, which the app reads in a child process only.

What cells hold is all that is read (ECMA-376 part 1, 18.3 and 18.4), so that no style sheet, however large,
costs anything. Formats of dates are openpyxl's to tell.
"""

from __future__ import annotations

import datetime
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from lxml import etree

from autogpt_desktop.documents.read.formats.archive import (
    Archive,
    broken_xml,
    check_workbook,
    encrypted_office,
    main_part,
)
from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.tables.types import MOST_COLUMNS, MOST_ROWS
from autogpt_desktop.documents.types import Limits

MOST_ELEMENTS = 400_000  # of one row, and above the first; a full row has half of them
_MOST_STYLES = 1_000_000  # elements; Excel's largest style sheet has a third of them
_PLAIN_FORMATS = frozenset([*range(14), *range(37, 41), 48, 49])  # numbers and texts, of the built-in ones
DAMAGE = (KeyError, ValueError, TypeError, IndexError, OSError, EOFError, RuntimeError, OverflowError,
           zipfile.BadZipFile, zlib.error, etree.XMLSyntaxError)  # fmt: skip
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")  # ST_Xstring: a character that XML cannot hold
_COLUMN = re.compile(r"\$?([A-Z]{1,3})\$?\d")

Cells = tuple[str | None, ...]  # None: a formula whose result is not in the file
Steps = Iterator[Cells | None]  # None: a row without texts; they come back as () where some follow them


class Workbook:
    """``sheets``: the part of each by its title. Raises ``Unreadable``: what ``check_workbook`` raises,
    table-other-program, document-damaged."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        _refuse_other_programs(file, limits)
        check_workbook(file, limits)
        self.archive = Archive(file, limits)
        self._strings: list[str] | None = None
        book = _Book()
        try:
            main = main_part(self.archive)
            self.archive.parse(main, book)
            related = self.archive.relations(main)
            parts = dict(related.values())
            self.sheets = {
                title: related[number][1]
                for title, number in book.sheets
                if related.get(number, ("", ""))[0] == "worksheet"
            }
            self._string_part = parts.get("sharedStrings", "")
            self._epoch = datetime.datetime(1904, 1, 1) if book.is_1904 else datetime.datetime(1899, 12, 30)
            self._dates, self._spans = self._date_styles(parts.get("styles", ""))
        except DAMAGE as error:
            raise broken_xml(error) from error

    def rows(self, sheet: str) -> Steps:
        """A sheet's rows as texts, those that are missing in the file too, but none behind the last text.

        Raises ``Unreadable``: document-damaged, document-too-many-columns, document-bomb.
        """
        given = last = 0
        try:
            for element in self.elements(sheet):
                last = row_number(element, last)
                row = self._texts(element) if len(element) else ()
                if row:
                    for _ in range(given + 1, last):
                        yield ()
                    given = last
                yield row or None
        except DAMAGE as error:
            raise broken_xml(error) from error

    def elements(self, sheet: str) -> Iterator[Any]:
        """A sheet's rows as elements, each cleared when the next one is asked for."""
        for event, element in self.events(sheet, "row", "sheetData"):
            if event == "end" and element.tag.endswith("}sheetData"):
                return
            if event == "end":
                yield element
                element.clear()
                while element.getprevious() is not None:  # or a million empty rows stay in memory
                    del element.getparent()[0]

    def events(self, sheet: str, *tags: str) -> Iterator[tuple[str, Any]]:
        """lxml's events of the sheet, its rows and what holds them."""
        with self.archive.zip.open(self.sheets[sheet]) as source:
            yield from etree.iterparse(
                Counted(source), ("start", "end"), resolve_entities=False, no_network=True, load_dtd=False,
                tag=[f"{{*}}{tag}" for tag in tags or ("worksheet", "sheetData", "row")], huge_tree=False,
                remove_comments=True, remove_pis=True,
            )  # fmt: skip

    def _texts(self, row: Any) -> Cells:
        texts: list[str | None] = []
        at = 0
        for cell in row:
            at = column_number(cell, at)
            if at > MOST_COLUMNS:
                raise Unreadable("document-too-many-columns", most=f"{MOST_COLUMNS:,}")
            text = self._text(cell)
            if text != "":
                texts += [""] * (at - len(texts))
                texts[at - 1] = text
        return tuple(texts)

    def _text(self, cell: Any) -> str | None:
        """A cell as a user reads it."""
        kind = cell.get("t", "n")
        value = cell.find("{*}v")
        if kind == "inlineStr":
            inline = cell.find("{*}is")
            return "" if inline is None else string_text(inline)
        text = "" if value is None else value.text or ""
        if not text:
            is_saved = value is not None and kind == "str"  # an empty text
            return "" if is_saved or cell.find("{*}f") is None else None
        if kind == "s":
            return self._shared(int(text))
        if kind == "b":
            return "TRUE" if text.strip() not in ("0", "false") else "FALSE"
        if kind == "d":
            return _iso_text(text)
        if kind != "n" or len(text) > 40:
            return _unescaped(text)
        style = int(cell.get("s", 0))
        return self._date_text(text, style) if style in self._dates else _number_text(text)

    def _date_text(self, text: str, style: int) -> str:
        from openpyxl.utils.datetime import from_excel

        try:
            return cell_text(from_excel(float(text), self._epoch, timedelta=style in self._spans))
        except (OverflowError, ValueError):  # no date: what it is as a number
            return _number_text(text)

    def _shared(self, number: int) -> str:
        if self._strings is None:
            self._strings = list(self._read_strings())
        return self._strings[number]

    def _read_strings(self) -> Iterator[str]:
        with self.archive.zip.open(self._string_part) as source:
            for _, element in etree.iterparse(source, tag="{*}si", resolve_entities=False, no_network=True,
                                              load_dtd=False, huge_tree=False):  # fmt: skip
                yield string_text(element)
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]

    def _date_styles(self, part: str) -> tuple[set[int], set[int]]:
        """The numbers of the styles that show a number as a date, and of those that show a span of time."""
        if part not in self.archive:
            return set(), set()
        if sum(block.count(b"<") for block in self.archive.blocks(part)) > _MOST_STYLES:
            raise Unreadable("document-bomb")
        styles = _Styles()
        self.archive.parse(part, styles)
        if _PLAIN_FORMATS.issuperset(styles.cells):
            return set(), set()
        from openpyxl.styles.numbers import builtin_format_code, is_date_format, is_timedelta_format

        formats = {
            number: styles.custom.get(number) or builtin_format_code(number) for number in set(styles.cells)
        }
        dates = {number for number, code in formats.items() if is_date_format(code)}
        spans = {number for number, code in formats.items() if is_timedelta_format(code)}
        return (
            {at for at, number in enumerate(styles.cells) if number in dates | spans},
            {at for at, number in enumerate(styles.cells) if number in spans},
        )


def row_number(row: Any, last: int) -> int:
    """The number of a row behind the one of number ``last``. Raises ``Unreadable("document-damaged")``."""
    number = int(row.get("r", last + 1))
    if not last < number <= MOST_ROWS:
        raise Unreadable("document-damaged")
    return number


def column_number(cell: Any, last: int) -> int:
    """The number of a cell's column, counted from 1, behind the one of number ``last``."""
    place = cell.get("r")
    if place is None:
        return last + 1
    found = _COLUMN.match(place)
    if found is None:
        raise Unreadable("document-damaged")
    number = 0
    for letter in found[1]:
        number = number * 26 + ord(letter) - 64
    return number


def string_text(element: Any) -> str:
    """The text of a string with its runs, without what is there for pronunciation."""
    texts = [
        part.text or ""
        for part in element.iter("{*}t")
        if not (part.getparent() is not None and etree.QName(part.getparent()).localname == "rPh")
    ]
    return _unescaped("".join(texts))


def _unescaped(text: str) -> str:
    if "_x" not in text:
        return text
    return _ESCAPED.sub(lambda found: _character(int(found[1], 16)), text).replace("\r\n", "\n")


def _character(code: int) -> str:
    return "\ufffd" if code == 0 or 0xD800 <= code < 0xE000 else chr(code)  # half of a pair is no character


def _iso_text(text: str) -> str:
    """A date as Strict workbooks write it."""
    try:
        return cell_text(datetime.datetime.fromisoformat(text.strip().removesuffix("Z")))
    except ValueError:
        return text.replace("T", " ")


def _number_text(text: str) -> str:
    number = float(text)
    return text if text.lstrip("-").isdigit() else cell_text(number)


def cell_text(value: Any) -> str:
    """A value as a user reads it."""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        return str(value.date()) if value.time() == datetime.time() else value.isoformat(" ")
    return str(value)


class _Book:
    """Takes the sheets out of ``workbook.xml``: the title and the relation of each."""

    def __init__(self) -> None:
        self.sheets: list[tuple[str, str]] = []
        self.is_1904 = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "sheet":
            self.sheets.append((attributes.get("name", ""), attributes.get("r:id", "")))
        elif tag == "workbookPr":
            self.is_1904 = attributes.get("date1904", "0") in ("1", "true")

    def end(self, tag: str) -> None: ...

    def data(self, text: str) -> None: ...

    def close(self) -> None: ...


class _Styles:
    """Takes the number formats out of ``styles.xml``."""

    def __init__(self) -> None:
        self.custom: dict[int, str] = {}
        self.cells: list[int] = []
        self._inside = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "cellXfs":
            self._inside = True
        elif tag == "numFmt":
            self.custom[int(attributes.get("numFmtId", 0))] = attributes.get("formatCode", "")
        elif tag == "xf" and self._inside:
            self.cells.append(int(attributes.get("numFmtId", 0)))

    def end(self, tag: str) -> None:
        if tag == "cellXfs":
            self._inside = False

    def data(self, text: str) -> None: ...

    def close(self) -> None: ...


class Counted:
    """A sheet's bytes, which refuse to become a row that fills the memory."""

    def __init__(self, source: Any, *rows: bytes) -> None:
        """``rows``: what a row begins with."""
        self._rows = rows or (b"<row", b":row")
        self._read: Callable[[int], bytes] = source.read
        self._elements = 0

    def read(self, size: int) -> bytes:
        block = self._read(size)
        row = max(map(block.rfind, self._rows))
        self._elements = block.count(b"<", max(row, 0)) + (self._elements if row < 0 else 0)
        if self._elements > MOST_ELEMENTS:
            raise Unreadable("document-bomb")
        return block


def _refuse_other_programs(file: BinaryIO, limits: Limits) -> None:
    """Raises ``Unreadable("table-other-program")`` for spreadsheets that are no XLSX."""
    head = file.read(8)
    if head.startswith(b"\xd0\xcf\x11\xe0") and not encrypted_office(head + file.read()):
        raise Unreadable("table-other-program")
    if head.startswith(b"PK\3\4"):
        archive = Archive(file, limits)
        if "xl/workbook.bin" in archive:
            raise Unreadable("table-other-program")
        if any(name.startswith("Index/") and name.endswith(".iwa") for name in archive.names):
            raise Unreadable("table-other-program")
    file.seek(0)
