"""A part of a document's rows in an editor: laid out when they come near, taken away when they are far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt
from PySide6.QtGui import QTextBlock, QTextBlockFormat, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QTextEdit

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.raw_text import copied_data
from autogpt_desktop.ui.widgets.reading_style import chat_style
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.documents.read.rows import Rows
    from autogpt_desktop.ui.context import AppContext

CHUNK = 6_000  # characters that are laid out at once: a few milliseconds
WINDOW = 60_000  # characters that are there at a time; what is far away goes
# Signs that Qt takes for the end of a paragraph or of a frame: one for one, so that offsets stay.
_SIGNS = dict.fromkeys([0x2028, 0x2029, 0xFDD0, 0xFDD1, 0x0B, 0x0C, 0x0D], " ") | {0: "\ufffd"}


def page_title(label: str) -> str:
    """What is said of a page: "Page 3", or its own name ("Slide 2", "Sheet1")."""
    return tr("Page {page}", page=label) if label.isdigit() else label


class RowsEdit(QTextEdit):
    """Holds rows ``[first, last)``. Offsets count characters of the document's text."""

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.rows: Rows | None = None
        self._first = self._last = 0  # rows that are there: [first, last)
        self._all = False  # the selection is meant to be all of the document
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.selectionChanged.connect(self._on_selected)

    def is_whole(self) -> bool:
        """Whether all of the document is there."""
        return self.rows is not None and self._first == 0 and self._last == len(self.rows)

    def held(self) -> int:
        """How many characters are laid out."""
        return 0 if self.rows is None else self.rows.start(self._last) - self.rows.start(self._first)

    def _append(self) -> None:
        rows = self.rows
        assert rows is not None
        begin = self._last
        end, size = begin, 0
        while end < len(rows) and size < CHUNK:
            size += rows.start(end + 1) - rows.start(end)
            end += 1
        if end == begin:
            return
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        self._insert(cursor, range(begin, end), fresh=self._first == self._last)
        cursor.endEditBlock()
        self._last = end

    def _prepend(self) -> None:
        rows = self.rows
        assert rows is not None
        end = begin = self._first
        size = 0
        while begin > 0 and size < CHUNK:
            begin -= 1
            size += rows.start(begin + 1) - rows.start(begin)
        if begin == end:
            return
        bar = self.verticalScrollBar()
        anchor = self.document().firstBlock()
        before = self._top(anchor) - bar.value()
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        block_format, char_format = cursor.blockFormat(), cursor.blockCharFormat()
        self._insert(cursor, range(begin, end), fresh=True)
        cursor.insertBlock(block_format, char_format)
        cursor.endEditBlock()
        self._first = begin
        moved = self.document().findBlockByNumber(end - begin)
        bar.setValue(int(self._top(moved) - before))

    def _trim(self) -> None:
        """Take away what is far above or below of what is seen."""
        rows = self.rows
        if rows is None or self.held() <= WINDOW + 2 * CHUNK:
            return
        seen = rows.start(self._row_at(4))
        if seen - rows.start(self._first) > rows.start(self._last) - seen:
            last = self._first
            while rows.start(last) - rows.start(self._first) < CHUNK:
                last += 1
            bar = self.verticalScrollBar()
            block = self.document().findBlockByNumber(last - self._first)
            before = self._top(block) - bar.value()
            cursor = QTextCursor(self.document())
            block_format, char_format = block.blockFormat(), block.charFormat()
            cursor.setPosition(block.position(), QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            cursor.setBlockFormat(block_format)
            cursor.setBlockCharFormat(char_format)
            self._first = last
            bar.setValue(int(self._top(self.document().firstBlock()) - before))
        else:
            last = self._last
            while rows.start(self._last) - rows.start(last) < CHUNK:
                last -= 1
            block = self.document().findBlockByNumber(last - self._first)
            cursor = QTextCursor(self.document())
            cursor.setPosition(block.position() - 1)
            cursor.movePosition(QTextCursor.MoveOperation.End, QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            self._last = last

    def _insert(self, cursor: QTextCursor, which: range, *, fresh: bool) -> None:
        """Rows at the cursor; ``fresh``: the first of them goes into the block where it stands."""
        rows = self.rows
        assert rows is not None
        body, head = self._formats()
        for row in which:
            label = rows.labels.get(row)
            block_format, char_format = body if label is None else head
            if fresh:
                fresh = False
                cursor.setBlockFormat(block_format)
                cursor.setBlockCharFormat(char_format)
                cursor.setCharFormat(char_format)
            else:
                cursor.insertBlock(block_format, char_format)
            text = rows.row_text(row) if label is None else page_title(label)
            if text:
                cursor.insertText(text.translate(_SIGNS), char_format)

    def _formats(self) -> tuple[tuple[QTextBlockFormat, QTextCharFormat], ...]:
        style = chat_style(self.context)
        body = QTextBlockFormat()
        body.setLineHeight(130, QTextBlockFormat.LineHeightTypes.ProportionalHeight.value)
        letters = QTextCharFormat()
        letters.setFont(style.font)
        letters.setForeground(style.text)
        head = QTextBlockFormat(body)
        head.setTopMargin(24)
        head.setBottomMargin(8)
        small = QTextCharFormat()
        small.setFont(theme().font("small", bold=True))
        small.setForeground(style.muted)
        return (body, letters), (head, small)

    # -- places

    def _top(self, block: QTextBlock) -> float:
        """Pixels from the top of what is laid out."""
        return self.document().documentLayout().blockBoundingRect(block).top()

    def _row_at(self, y: int) -> int:
        cursor = self.cursorForPosition(QPoint(self.viewport().width() // 2, y))
        return self._first + cursor.blockNumber()

    def top_offset(self) -> int:
        """Where the part that is seen begins."""
        return 0 if self.rows is None else self.rows.start(self._row_at(4))

    def position_of(self, offset: int) -> int:
        """A character's place in the part that is there, as Qt counts; its ends for what is not."""
        rows = self.rows
        assert rows is not None
        row = rows.row_at(offset)
        if row < self._first:
            return 0
        if row >= self._last:
            return max(0, self.document().characterCount() - 1)
        block = self.document().findBlockByNumber(row - self._first)
        inside = rows.text[rows.start(row) : offset].rstrip("\n")
        return block.position() + min(_units(inside), max(0, block.length() - 1))

    def offset_of(self, position: int) -> int:
        """The other way round."""
        rows = self.rows
        assert rows is not None
        block = self.document().findBlock(position)
        row = min(self._first + block.blockNumber(), len(rows) - 1)
        if row in rows.labels:
            return rows.start(row)
        line = rows.row_text(row)
        inside = position - block.position()
        if not line.isascii():
            inside = len(line.encode("utf-16-le")[: 2 * inside].decode("utf-16-le", "ignore"))
        return rows.start(row) + min(inside, len(line))

    def selected_text(self) -> str:
        """As it stands in the document: without the labels of pages."""
        cursor = self.textCursor()
        if self.rows is None or not cursor.hasSelection():
            return ""
        if self._all:
            return self.rows.text
        start, end = self.offset_of(cursor.selectionStart()), self.offset_of(cursor.selectionEnd())
        return self.rows.text[start:end]

    def select_all(self) -> None:
        """All of the document, also what is not laid out."""
        self.selectAll()
        self._all = True

    def _on_selected(self) -> None:
        self._all = False

    def createMimeDataFromSelection(self) -> QMimeData:
        return copied_data(self.selected_text())


def _units(text: str) -> int:
    """UTF-16 units, as Qt counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
