"""ODT, ODS and ODP (OpenDocument 1.3): text with its notes and comments, tables, sheets, slides."""

from __future__ import annotations

from autogpt_desktop.documents.read.formats.archive import OPENDOCUMENT, Archive, Collect, repeat_count
from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.read.formats.sheets import add_rows
from autogpt_desktop.documents.read.formats.table_text import TableGrid

_UNREAD = frozenset(["tracked-changes", "note-citation", "ruby-text", "creator", "date", "initials", "forms"])
_MOST_COLUMNS = 16_384
_MOST_REPEATED = 1_000  # of rows that are alike


def read_opendocument(archive: Archive, parts: Parts) -> None:
    """Headers, the content, footers. Each sheet and each slide is a page."""
    if "META-INF/manifest.xml" in archive:
        locked = Collect({"encryption-data"})
        archive.parse("META-INF/manifest.xml", locked)
        if locked.found:
            raise Unreadable("document-encrypted")
    if "meta.xml" in archive:
        titles = Collect({"title"})
        archive.parse("meta.xml", titles)
        parts.title = titles.found[0][2].strip() if titles.found else ""
    kind = archive.read("mimetype").strip().removeprefix(OPENDOCUMENT)
    if kind.startswith(b"spreadsheet"):
        archive.parse("content.xml", _Sheets(parts))
        return
    edges = _Content(Parts(parts.budget))
    if "styles.xml" in archive and kind.startswith(b"text"):
        archive.parse("styles.xml", edges)
    for text in edges.headers:
        parts.add(text + "\n\n")
    archive.parse("content.xml", _Content(parts, slides=kind.startswith(b"presentation")))
    for text in edges.footers:
        parts.add(text + "\n\n")


class _Content:
    """Takes the events of a text or a show: paragraphs, tables, notes behind their paragraphs."""

    def __init__(self, parts: Parts, slides: bool = False) -> None:
        self.headers: dict[str, None] = {}  # of the pages, each text once, in order
        self.footers: dict[str, None] = {}
        self._parts = parts
        self._slides = 0 if slides else -1
        self._skip = 0
        self._paragraphs: list[list[str]] = []
        self._body = slides  # whether the document's own text has begun
        self._edge: dict[str, None] | None = None  # where the text of a header or footer goes
        self._aside: list[list[str]] = []  # the notes that are open, one in another
        self._notes: list[str] = []  # that are due
        self._tables: list[TableGrid] = []
        self._cells: list[list[str]] = []
        self._spans: list[tuple[int, int]] = []

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._skip or tag in _UNREAD:
            self._skip += 1
        elif tag in ("p", "h"):
            self._paragraphs.append([])
        elif tag in ("note", "annotation"):
            self._aside.append([])
        elif tag in ("header", "header-left", "header-first", "footer", "footer-left", "footer-first"):
            self._edge = self.headers if tag.startswith("header") else self.footers
        elif tag in ("text", "presentation", "drawing"):
            self._body = True
        elif tag == "page" and self._slides >= 0:
            self._slides += 1
            self._parts.page(f"Slide {self._slides}")
        elif tag == "table":
            self._tables.append(TableGrid())
        elif self._tables and tag == "table-row":
            self._tables[-1].start_row()
        elif self._tables and tag == "table-cell":
            self._cells.append([])
            across = repeat_count(attributes.get("number-columns-spanned", ""))
            self._spans.append((across, repeat_count(attributes.get("number-rows-spanned", ""))))
        elif self._tables and tag == "table-header-rows":
            self._tables[-1].marked = -1  # until it ends
        elif self._paragraphs:
            if tag == "s":
                self._paragraphs[-1].append(" " * min(repeat_count(attributes.get("c", "")), 1000))
            elif tag in ("tab", "line-break"):
                self._paragraphs[-1].append("\t" if tag == "tab" else "\n")

    def data(self, text: str) -> None:
        if self._paragraphs and not self._skip:
            self._paragraphs[-1].append(text)

    def end(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
        elif tag in ("p", "h") and self._paragraphs:
            self._paragraph(_one_spaced("".join(self._paragraphs.pop())))
        elif tag in ("note", "annotation") and self._aside:
            note = " ".join(self._aside.pop())
            self._notes += [note] if note else []
        elif tag.startswith(("header", "footer")):
            self._edge = None
        elif tag == "table-header-rows" and self._tables:
            self._tables[-1].marked = len(self._tables[-1].rows)
        elif tag == "table-cell" and self._tables and self._cells:
            grid, (across, down) = self._tables[-1], self._spans.pop()
            grid.add(" ".join(self._cells.pop()), across, down, heading=grid.marked < 0)
        elif tag == "table" and self._tables:
            self._table(self._tables.pop())

    def _paragraph(self, text: str) -> None:
        if self._aside:
            self._aside[-1] += [text] if text else []
            return
        if text:
            self._put([text])
        if not self._tables:
            notes, self._notes = self._notes, []
            self._put(notes)

    def _table(self, grid: TableGrid) -> None:
        lines = grid.lines()
        if self._tables:  # inside of a cell
            lines = [line.replace(" | ", " ") for line in lines]
        self._put(lines)
        if not self._tables:
            notes, self._notes = self._notes, []
            self._put(notes)

    def _put(self, texts: list[str]) -> None:
        if self._tables and self._cells:
            self._cells[-1] += texts
        elif self._edge is not None:
            self._edge |= dict.fromkeys(texts)
        elif self._body:
            for text in texts:
                self._parts.add(text + "\n\n")

    def close(self) -> None:
        pass


class _Sheets:
    """Takes the events of a spreadsheet."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._rows: list[tuple[str, ...]] = []
        self._row: list[str] = []
        self._cell: list[str] = []
        self._in_cell = self._in_text = False
        self._times = self._row_times = 1
        self._name = ""
        self._skip = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._skip or tag in _UNREAD or tag == "annotation":
            self._skip += 1
        elif tag == "table":
            self._name, self._rows = attributes.get("name", ""), []
        elif tag == "table-row":
            self._row, self._row_times = [], repeat_count(attributes.get("number-rows-repeated", ""))
        elif tag in ("table-cell", "covered-table-cell"):
            self._cell, self._in_cell = [], True
            self._times = repeat_count(attributes.get("number-columns-repeated", ""))
        elif tag == "p" and self._in_cell:
            self._in_text = True
            if self._cell:
                self._cell.append(" ")
        elif tag == "s" and self._in_text:
            self._cell.append(" ")

    def data(self, text: str) -> None:
        if self._in_text and not self._skip:
            self._cell.append(text)

    def end(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
        elif tag == "p":
            self._in_text = False
        elif tag in ("table-cell", "covered-table-cell"):
            text = "".join(self._cell).strip()
            room = _MOST_COLUMNS - len(self._row)
            self._row += [text] * min(self._times, room if text else min(room, 1024))
            self._in_cell = False
        elif tag == "table-row":
            while self._row and not self._row[-1]:
                self._row.pop()
            if self._row:
                self._rows += [tuple(self._row)] * min(self._row_times, _MOST_REPEATED)
        elif tag == "table":
            self._add_sheet()

    def _add_sheet(self) -> None:
        before, at = self._parts.length, len(self._parts.pages)
        self._parts.page(self._name)
        add_rows(self._rows, self._parts)
        self._rows = []
        if self._parts.length == before:
            self._parts.pages.pop(at)

    def close(self) -> None:
        pass


def _one_spaced(text: str) -> str:
    """White space of the file is one blank; blanks that are meant come as elements."""
    return "\n".join(" ".join(line.split(" ")).strip() for line in text.split("\n")).strip()
