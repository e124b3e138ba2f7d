"""Spreadsheets of OpenDocument (ODS 1.3), read as a stream: for a child process only, as XLSX is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, BinaryIO

from lxml import etree

from autogpt_desktop.documents.read.formats.archive import Archive, Collect, broken_xml, repeat_count
from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.tables.types import MOST_COLUMNS, MOST_ROWS
from autogpt_desktop.documents.tables.workbook import DAMAGE, Cells, Counted, Steps, cell_text
from autogpt_desktop.documents.types import Limits

_CONTENT = "content.xml"
_MOST_REPEATED = 20_000_000  # cells that stand for others, where these have texts
_TIME = re.compile(r"PT(\d{1,9})H(\d{1,2})M(\d{1,2})(?:[.,](\d{1,9}))?S")
_BLANK, _BREAK = "\0", "\1"  # that are meant, unlike those of the file; XML has no such characters
_UNREAD = frozenset({"annotation", "shapes", "tracked-changes", "forms"})


class OpenSpreadsheet:
    """As ``workbook.Workbook``: ``sheets`` by their titles. Raises ``Unreadable``: document-damaged,
    document-encrypted, document-unsafe, document-bomb."""

    def __init__(self, file: BinaryIO, limits: Limits) -> None:
        self.archive = Archive(file, limits)
        if "META-INF/manifest.xml" in self.archive:
            locked = Collect({"encryption-data"})
            self.archive.parse("META-INF/manifest.xml", locked)
            if locked.found:
                raise Unreadable("document-encrypted")
        names = _Sheets()
        self.archive.parse(_CONTENT, names)  # which refuses a document type too
        self.sheets = {name: str(at) for at, name in enumerate(names.found)}

    def rows(self, sheet: str) -> Steps:
        """As ``Workbook.rows``; what is a number, a date or a truth value comes as (kind, text)."""
        wanted, blank, given, repeated = int(self.sheets[sheet]), 0, 0, 0
        try:
            for element in self._elements(wanted):
                cells = _cells(element)
                times = repeat_count(element.get(_attribute(element, "number-rows-repeated"), ""))
                if not cells:
                    blank += times
                    yield None
                    continue
                repeated += (times - 1) * len(cells)
                if given + blank + times > MOST_ROWS or repeated > _MOST_REPEATED:
                    raise Unreadable("document-bomb")
                for _ in range(blank):
                    yield ()
                for _ in range(times):
                    yield cells
                given, blank = given + blank + times, 0
        except DAMAGE as error:
            raise broken_xml(error) from error

    def _elements(self, wanted: int) -> Iterator[Any]:
        """The rows of the sheet of a number, each cleared when the next one is asked for."""
        at, depth = -1, 0
        with self.archive.zip.open(_CONTENT) as source:
            for event, element in etree.iterparse(
                Counted(source, b"<table:table-row", b":table-row"), ("start", "end"),
                tag=["{*}table", "{*}table-row"],
                resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False,
                remove_comments=True, remove_pis=True,
            ):  # fmt: skip
                if element.tag.endswith("}table"):
                    depth += 1 if event == "start" else -1
                    at += event == "start" and depth == 1 and _is_sheet(element)
                    if event == "end" and depth == 0 and at == wanted:
                        return
                elif event == "end" and depth == 1:
                    if at == wanted:
                        yield element
                    element.clear()
                    while element.getprevious() is not None:
                        del element.getparent()[0]


def _is_sheet(element: Any) -> bool:
    parent = element.getparent()
    return parent is not None and bool(etree.QName(parent).localname == "spreadsheet")


def _cells(row: Any) -> Cells:
    cells: list[Any] = []
    blank = 0
    for cell in row:
        name = etree.QName(cell).localname
        if name not in ("table-cell", "covered-table-cell"):
            continue
        times = repeat_count(cell.get(_attribute(cell, "number-columns-repeated"), ""))
        value = "" if name == "covered-table-cell" else _value(cell)
        if value == "":
            blank += times
            continue
        if len(cells) + blank + times > MOST_COLUMNS:
            raise Unreadable("document-too-many-columns", most=f"{MOST_COLUMNS:,}")
        cells += [""] * blank + [value] * times
        blank = 0
    return tuple(cells)


def _value(cell: Any) -> Any:
    """A cell as a user reads it, with its kind where it is no text; None: a formula without a result."""
    said = {etree.QName(key).localname: value for key, value in cell.attrib.items()}
    kind, text = said.get("value-type", ""), ""
    if kind in ("float", "percentage", "currency") and "value" in said:
        return "number", cell_text(float(said["value"]))
    if kind == "date" and "date-value" in said:
        return "date", said["date-value"].replace("T", " ").removesuffix(" 00:00:00")
    if kind == "boolean":
        return "truth", "TRUE" if said.get("boolean-value") == "true" else "FALSE"
    if kind == "time" and (found := _TIME.fullmatch(said.get("time-value", ""))):
        return f"{int(found[1]):02}:{int(found[2]):02}:{int(found[3]):02}"
    if kind == "string" and "string-value" in said:
        return said["string-value"]
    text = "\n".join(_text(part) for part in cell if etree.QName(part).localname == "p")
    return None if not kind and not text and "formula" in said else text.strip()


def _text(part: Any) -> str:
    """What a paragraph says: white space is one blank, blanks that are meant come as elements."""
    said = re.sub(r"[ \n\t]+", " ", _joined(part))
    return said.replace(_BLANK, " ").replace(_BREAK, "\n").strip()


def _joined(part: Any) -> str:
    found = [part.text or ""]
    for inner in part:
        name = etree.QName(inner).localname
        if name == "s":
            count = inner.get(_attribute(inner, "c"), "")
            found.append(_BLANK * min(repeat_count(count), 1000))
        elif name in ("tab", "line-break"):
            found.append(_BLANK if name == "tab" else _BREAK)
        elif name not in _UNREAD:
            found.append(_joined(inner))
        found.append(inner.tail or "")
    return "".join(found)


def _attribute(element: Any, name: str) -> str:
    """An attribute in the name space of its element."""
    return f"{{{etree.QName(element).namespace}}}{name}"


class _Sheets:
    """Takes the names of the sheets, as they are shown: each once."""

    def __init__(self) -> None:
        self.found: list[str] = []
        self._around: list[str] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "table" and self._around[-1:] == ["spreadsheet"]:
            name = attributes.get("name", "") or f"Sheet{len(self.found) + 1}"
            while name in self.found:
                name += "'"
            self.found.append(name)
        self._around.append(tag)

    def end(self, tag: str) -> None:
        self._around.pop()

    def data(self, text: str) -> None: ...

    def close(self) -> None: ...
