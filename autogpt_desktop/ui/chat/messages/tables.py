"""Tables in a document: written row by row, in pieces, since Qt lays out a whole table for each new row.

The columns' widths are told from the first piece, so that they do not change while rows come.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from math import ceil

from PySide6.QtCore import Qt
from PySide6.QtGui import (
    QFontMetricsF,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableCell,
    QTextTableCellFormat,
    QTextTableFormat,
)

from autogpt_desktop.ui.chat.messages.formats import BARS, Formats
from autogpt_desktop.ui.chat.messages.formulas import LARGER, formulas
from autogpt_desktop.ui.chat.messages.lines import Row, Runs

BAR = 14  # px below a table for the bar that scrolls it
PIECE = 20  # rows of one QTextTable
_SIDE = 10  # px left and right of a cell's text
_COMFORT = 6  # average letters: no column is narrower unless its text is
_EASY = 16  # average letters of a column in a table that scrolls anyway
_LONGEST_WORD = 24  # average letters of a word that is not broken
_ALIGN = {"right": Qt.AlignmentFlag.AlignRight, "center": Qt.AlignmentFlag.AlignHCenter}
_WORD = re.compile(r"[^\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\u2028]++")


@dataclass(eq=False)
class Table:
    """One table of the message, in pieces."""

    first: int  # its first line
    columns: int
    left: int = 0  # px from the left, within a list or a quotation
    easy: int = 0  # px of a column where there is room enough because the table scrolls
    pieces: list[tuple[int, QTextTable]] = field(default_factory=list)  # number of the first line; the rows
    least: dict[int, list[float]] = field(default_factory=dict)  # by row: px of each cell's longest word
    most: dict[int, list[float]] = field(default_factory=dict)  # and of its whole text in one line
    widths: tuple[int, ...] = ()

    def fit(self, room: float) -> None:
        """Columns as wide as their texts if ``room`` is enough, else the widest are narrower."""
        if not self.most:
            return
        most = [ceil(max(column)) + 1 for column in zip(*self.most.values(), strict=True)]
        least = [ceil(max(column)) + 1 for column in zip(*self.least.values(), strict=True)]
        widths = tuple(_shared(least, most, int(room) - self.left, self.easy))
        if widths == self.widths:
            return
        self.widths = widths
        for _, piece in self.pieces:
            form = piece.format()
            self.constrain(form)
            piece.setFormat(form)

    def constrain(self, form: QTextTableFormat) -> None:
        form.setColumnWidthConstraints([QTextLength(QTextLength.Type.FixedLength, n) for n in self.widths])

    @property
    def width(self) -> int:
        return sum(self.widths)


def _shared(least: list[int], most: list[int], room: int, easy: int) -> list[int]:
    """Widths of columns: all up to the same one, short texts in one line; never below ``least``."""

    def widths(level: int) -> list[int]:
        return [min(most_, max(least_, level)) for least_, most_ in zip(least, most, strict=True)]

    if sum(most) <= room:
        return most
    if sum(least) >= room:
        return widths(easy)
    return widths(bisect_right(range(max(most)), room, key=lambda level: sum(widths(level))) - 1)


class TableWriter:
    """Writes rows; ``tables`` by their number in the message."""

    def __init__(self, formats: Formats) -> None:
        self.formats = formats
        self.tables: dict[int, Table] = {}
        self.room = 100_000.0  # px that a table may take without scrolling

    def set_room(self, room: float) -> None:
        self.room = room
        for table in self.tables.values():
            table.fit(room)

    def forget(self, line: int) -> None:
        """Lines from number ``line`` on are gone."""
        for number, table in reversed(self.tables.copy().items()):
            if table.first >= line:
                del self.tables[number]
                continue
            table.pieces = [piece for piece in table.pieces if piece[0] < line]
            rows = line - table.first
            for values in (table.least, table.most):
                for row in [row for row in values if row >= rows]:
                    del values[row]
            table.fit(self.room)
            break  # those before have ended

    def piece(self, row: Row) -> QTextTable:
        """The piece that ``row`` stands in."""
        return self.tables[row.table].pieces[row.number // PIECE][1]

    def leave(self, row: Row, below: float) -> None:
        """Room below the table whose last row is ``row``: Qt ignores the margin of a block behind a table."""
        piece = self.piece(row)
        form = piece.format()
        if form.bottomMargin() != below:
            form.setBottomMargin(below)
            piece.setFormat(form)

    def begin(self, cursor: QTextCursor, row: Row, line: int) -> None:
        """A new piece, of one row, in an empty block; the cursor comes behind it."""
        left = self.formats.left(row) + row.indent * self.formats.indent
        letter = QFontMetricsF(self.formats.style.font).averageCharWidth()
        table = self.tables.setdefault(row.table, Table(line, len(row.cells), left, round(_EASY * letter)))
        self._measure(table, row)
        form = QTextTableFormat()
        form.setBorder(0)
        form.setCellPadding(0)
        form.setCellSpacing(0)
        form.setTopMargin(row.top if row.number == 0 else 0)
        form.setLeftMargin(left)
        if row.quotes:
            form.setProperty(BARS, self.formats.bars(row))
        form.setBorderCollapse(True)
        form.setHeaderRowCount(1 if row.number == 0 else 0)
        table.constrain(form)
        piece = cursor.insertTable(1, table.columns, form)
        table.pieces.append((line, piece))
        self._fill(piece, row)
        cursor.setPosition(piece.lastPosition() + 1)

    def append(self, row: Row) -> None:
        """One more row of the last piece."""
        table = self.tables[row.table]
        self._measure(table, row)
        piece = table.pieces[-1][1]
        piece.appendRows(1)
        self._fill(piece, row)

    def change(self, old: Row | None, row: Row) -> None:
        """Other texts in the cells of a row; without ``old`` all are written again."""
        piece = self.piece(row)
        self._measure(self.tables[row.table], row)
        for column, runs in enumerate(row.cells):
            if old is None or runs != old.cells[column]:
                cell = piece.cellAt(row.number % PIECE, column)
                cursor = cell.firstCursorPosition()
                cursor.setPosition(cell.lastCursorPosition().position(), QTextCursor.MoveMode.KeepAnchor)
                cursor.removeSelectedText()
                self.formats.insert(cursor, runs, bold=row.number == 0)

    def _measure(self, table: Table, row: Row) -> None:
        if row.number >= PIECE:
            return
        head = row.number == 0
        letter = QFontMetricsF(self.formats.style.font).averageCharWidth()
        least, most = [], []
        for column, runs in enumerate(row.cells):
            sides = _SIDE if column == 0 else 2 * _SIDE
            whole, word = self._lengths(runs, head)
            comfort = min(whole, max(min(word, _LONGEST_WORD * letter), _COMFORT * letter))
            least.append(comfort + sides)
            most.append(whole + sides)
        table.least[row.number], table.most[row.number] = least, most
        table.fit(self.room)

    def _lengths(self, runs: Runs, head: bool) -> tuple[float, float]:
        """Px of the text in one line, and of its longest word."""
        whole = longest = word = 0.0
        for run in runs:
            metrics = QFontMetricsF(self.formats.char(run, bold=head).font())
            if run.formula and not run.hidden and (drawing := formulas().find(run.formula)):
                word = drawing.width * self.formats.style.font.pixelSize() * LARGER
                whole, longest, word = whole + word, max(longest, word), 0.0
                continue
            if run.hidden and not (run.formula and formulas().find(run.formula) is None):
                continue
            whole += metrics.horizontalAdvance(run.text)
            end = 0
            for match in _WORD.finditer(run.text):
                joined = match.start() == 0  # a word may go on in another format
                word = metrics.horizontalAdvance(match[0]) + (word if joined else 0.0)
                longest, end = max(longest, word), match.end()
            if end < len(run.text):
                word = 0.0
        return whole, longest

    def _fill(self, piece: QTextTable, row: Row) -> None:
        for column, runs in enumerate(row.cells):
            cell = piece.cellAt(row.number % PIECE, column)
            self._format(cell, row, column)
            self.formats.insert(cell.firstCursorPosition(), runs, bold=row.number == 0)

    def _format(self, cell: QTextTableCell, row: Row, column: int) -> None:
        style = self.formats.style
        form = QTextTableCellFormat()
        form.setLeftPadding(0 if column == 0 else _SIDE)
        form.setRightPadding(_SIDE)
        form.setTopPadding(5)
        form.setBottomPadding(5)
        form.setBottomBorder(1)
        form.setBottomBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_Solid)
        form.setBottomBorderBrush(style.border if row.number else style.muted)
        cell.setFormat(form)
        block = self.formats.paragraph()
        block.setAlignment(_ALIGN.get(row.aligns[column], Qt.AlignmentFlag.AlignLeft))
        cell.firstCursorPosition().setBlockFormat(block)
