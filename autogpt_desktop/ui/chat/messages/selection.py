"""What is selected in a message, as it is copied: tables with tabs between their cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from PySide6.QtGui import QTextBlock, QTextBlockFormat, QTextCursor, QTextTable

from autogpt_desktop.ui.chat.messages.formats import JOINED, is_thin
from autogpt_desktop.ui.chat.messages.runs import FILLER, OBJECT
from autogpt_desktop.ui.widgets.raw_text import selected_text


def selection_text(cursor: QTextCursor) -> str:
    """With no-break spaces, which ``toPlainText`` makes blanks of; of formulas their source."""
    parts: list[str] = []
    last: tuple[QTextTable, int, int] | None = None
    for block, place in _blocks(cursor):
        part = QTextCursor(block)
        if not cursor.hasComplexSelection():  # of cells: all that is in them
            part.setPosition(max(part.position(), cursor.selectionStart()))
        end = block.position() + block.length() - 1
        if not cursor.hasComplexSelection():
            end = min(end, cursor.selectionEnd())
        part.setPosition(max(part.position(), end), QTextCursor.MoveMode.KeepAnchor)
        if place is None and is_thin(block):
            last = None
            continue
        text = "" if block.text() == FILLER else selected_text(part)
        if parts:
            same_row = place is not None and last is not None and place[:2] == last[:2]
            same_cell = same_row and place == last
            joined = block.blockFormat().hasProperty(JOINED)
            parts.append("" if joined else "\t" if same_row and not same_cell else "\n")
        parts.append(text.replace("\n", " ") if place is not None else text)
        last = place
    return "".join(parts).replace(OBJECT, "")


def has_hidden(cursor: QTextCursor) -> bool:
    """Is something selected that cannot be seen? (The box of a task stands at the beginning of its item.)"""
    document = cursor.document()
    block = document.findBlock(cursor.selectionStart())
    while block.isValid() and block.position() <= cursor.selectionEnd():
        if block.blockFormat().marker() != QTextBlockFormat.MarkerType.NoMarker:
            return True
        block = block.next()
    return False


def _blocks(cursor: QTextCursor) -> Iterator[tuple[QTextBlock, tuple[QTextTable, int, int] | None]]:
    """Those that are selected, of a table with it, row and column."""
    cells = cast("tuple[int, int, int, int]", cursor.selectedTableCells())
    first_row, rows, first_column, columns = cells
    block = cursor.document().findBlock(cursor.selectionStart())
    end = cursor.selectionEnd()
    if cursor.hasComplexSelection() and (table := cursor.currentTable()) is not None:
        block = table.cellAt(first_row, first_column).firstCursorPosition().block()
        end = table.cellAt(first_row + rows - 1, first_column + columns - 1).lastPosition()
    while block.isValid() and block.position() <= end:
        table = QTextCursor(block).currentTable()
        if table is None:
            yield block, None
        else:
            cell = table.cellAt(block.position())
            inside = first_column <= cell.column() < first_column + columns
            if inside or not cursor.hasComplexSelection():
                yield block, (table, cell.row(), cell.column())
        block = block.next()
