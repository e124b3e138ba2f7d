"""The words of a stream of WordprocessingML or DrawingML: paragraphs, tables, text boxes, each once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from autogpt_desktop.documents.read.formats.table_text import TableGrid

# What was moved away stands again where it was moved to; how a word is said stands above it.
_UNREAD = frozenset(["moveFrom", "del", "rt", "instrText", "delText"])
_REFERENCES = {"footnoteReference": "footnote", "endnoteReference": "endnote", "commentReference": "comment"}


class Out(Protocol):
    """Takes a text, which may begin a new page."""

    def __call__(self, text: str, new_page: bool = False) -> None: ...


@dataclass(slots=True)
class _Cell:
    texts: list[str] = field(default_factory=list)
    across: int = 1
    goes_on: bool = False  # one with the cell above
    covered: bool = False  # one with the cell at its left


@dataclass(slots=True)
class _Table:
    grid: TableGrid = field(default_factory=TableGrid)
    breaks: set[int] = field(default_factory=set)  # rows that begin a page
    cell: _Cell | None = None
    notes: list[str] = field(default_factory=list)  # that belong behind it


class Words:
    """Takes the parser's events. Both languages name things alike: t (text), p (paragraph), tbl/tr/tc
    (table, row, cell), br, tab. ``notes`` go behind the paragraph that refers to them, and leave the dict.
    """

    def __init__(self, out: Out, notes: dict[tuple[str, str], str] | None = None) -> None:
        self._out = out
        self._notes = {} if notes is None else notes
        self._break = False  # a page begins with what comes next
        self._text = 0  # depth of <t>
        self._skip = 0  # depth of what is shown otherwise, or not at all
        self._paragraphs: list[list[str]] = []  # the one that is open, and those around it
        self._tables: list[_Table] = []
        self._pending: list[str] = []  # notes of the open paragraph
        self._read = 0  # how often text came
        self._alternatives: list[int] = []  # what that was where a choice of several forms began

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._skip or self._is_left_out(tag, attributes):
            self._skip += 1
        elif tag == "AlternateContent":
            self._alternatives.append(self._read)
        elif tag == "t":
            self._text += 1
        elif tag == "p":
            self._paragraphs.append([])
        elif tag == "tbl":
            self._tables.append(_Table())
        elif self._tables and tag in _IN_TABLES:
            self._in_table(tag, attributes)
        elif tag in _REFERENCES:
            if note := self._notes.pop((_REFERENCES[tag], attributes.get("id", "")), ""):
                self._pending.append(note)
        elif self._paragraphs:
            self._in_paragraph(tag, attributes)

    def _is_left_out(self, tag: str, attributes: dict[str, str]) -> bool:
        if tag in {"Choice", "Fallback"}:  # the first form that has words
            return bool(self._alternatives) and self._read > self._alternatives[-1]
        return tag in _UNREAD or (tag == "fld" and attributes.get("type") == "slidenum")

    def _in_paragraph(self, tag: str, attributes: dict[str, str]) -> None:
        if tag in {"br", "cr"} and attributes.get("type") != "page":
            self._paragraphs[-1].append("\n")
        elif tag == "br" or tag == "lastRenderedPageBreak":
            self._break = True
        elif tag == "tab":
            self._paragraphs[-1].append("\t")
        elif tag == "noBreakHyphen":
            self._paragraphs[-1].append("-")

    def _in_table(self, tag: str, attributes: dict[str, str]) -> None:
        table = self._tables[-1]
        if tag == "tr":
            table.grid.start_row()
            if self._break and len(self._tables) == 1:
                table.breaks.add(len(table.grid.rows))
                self._break = False
        elif tag == "tc":
            down = attributes.get("vMerge") in {"1", "true"}
            covered = attributes.get("hMerge") in {"1", "true"}
            table.cell = _Cell([], _number(attributes.get("gridSpan", "")), down, covered)
        elif tag == "tblHeader" and attributes.get("val", "1") not in {"0", "false", "off"}:
            if table.grid.marked == len(table.grid.rows) - 1:
                table.grid.marked += 1
        elif tag == "tblPr" and attributes.get("firstRow") in {"1", "true"}:
            table.grid.marked = 1
        elif table.cell is not None and tag == "gridSpan":
            table.cell.across = _number(attributes.get("val", ""))
        elif table.cell is not None and tag == "vMerge":
            table.cell.goes_on = attributes.get("val") != "restart"

    def data(self, text: str) -> None:
        if self._text and self._paragraphs and not self._skip:
            self._paragraphs[-1].append(text)
            self._read += bool(text.strip())

    def end(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
        elif tag == "AlternateContent" and self._alternatives:
            self._alternatives.pop()
        elif tag == "t":
            self._text -= 1
        elif tag == "p" and self._paragraphs:
            self._paragraph("".join(self._paragraphs.pop()).strip())
        elif tag == "tc" and self._tables and (cell := self._tables[-1].cell) is not None:
            self._add_cell(self._tables[-1].grid, cell)
            self._tables[-1].cell = None
        elif tag == "tbl" and self._tables:
            self._end_table(self._tables.pop())

    @staticmethod
    def _add_cell(grid: TableGrid, cell: _Cell) -> None:
        if cell.covered:
            return  # the cell at its left says how many it covers
        if cell.goes_on and not cell.texts:
            grid.add_from_above(cell.across)
        else:
            grid.add(" ".join(cell.texts), cell.across, heading=len(grid.rows) <= grid.marked)

    def _end_table(self, table: _Table) -> None:
        outer = self._tables[-1].cell if self._tables else None
        if outer is not None:
            outer.texts += [line.replace(" | ", " ") for line in table.grid.lines()]
            self._tables[-1].notes += table.notes
            return
        single = all(len(row) < 2 for row in table.grid.rows)  # a frame around paragraphs
        for number, line in table.grid.numbered_lines():
            self._put(line + ("\n\n" if single or table.grid.has_names else "\n"), number in table.breaks)
        if not single and not table.grid.has_names:
            self._put("\n", False)
        for note in table.notes:
            self._put(note, False)

    def _paragraph(self, text: str) -> None:
        notes, self._pending = self._pending, []
        cell = self._tables[-1].cell if self._tables else None
        if cell is not None:
            cell.texts += [text] if text else []
            self._tables[-1].notes += notes
            return
        for part in ([text + "\n\n"] if text else []) + notes:
            self._put(part, self._break)
            self._break = False

    def _put(self, text: str, new_page: bool) -> None:
        self._out(text, new_page)

    def close(self) -> None:
        for note in self._pending:
            self._put(note, False)


_IN_TABLES = frozenset(["tr", "tc", "tblHeader", "tblPr", "gridSpan", "vMerge"])


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 1
