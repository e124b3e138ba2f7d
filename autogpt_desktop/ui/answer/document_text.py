"""The text of a document in a readable column: a part of it at a time, so that twenty million
characters cost no more than twenty thousand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, Qt, QTimer, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QResizeEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextOption,
    QWheelEvent,
)
from PySide6.QtWidgets import QFrame, QTextEdit

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.chat.style import chat_style
from autogpt_desktop.ui.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.documents.reading import Rows
    from autogpt_desktop.ui.context import AppContext

CHUNK = 6_000  # characters that are laid out at once: a few milliseconds
MARKS = 1_000  # that are painted
WINDOW = 60_000  # characters that are there at a time; what is far away goes
# Signs that Qt takes for the end of a paragraph or of a frame: one for one, so that offsets stay.
_SIGNS = dict.fromkeys([0x2028, 0x2029, 0xFDD0, 0xFDD1, 0x0B, 0x0C, 0x0D], " ") | {0: "\ufffd"}

Span = tuple[int, int]


def page_title(label: str) -> str:
    """What is said of a page: "Page 3", or its own name ("Slide 2", "Sheet1")."""
    return tr("Page {page}", page=label) if label.isdigit() else label


class DocumentText(QTextEdit):
    """Shows ``Rows``. Offsets count characters of the document's text."""

    page_changed = Signal(str)  # the label of the page at the top
    zoom_requested = Signal(int)

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self.rows: Rows | None = None
        self._first = self._last = 0  # rows that are there: [first, last)
        self._spans: Sequence[Span] = ()
        self._current: Span | None = None
        self._current_found = False  # the current span are words that were looked for
        self._found: Sequence[Span] = ()
        self._page = ""
        self._changing = False
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setStyleSheet("DocumentText { border: none; padding: 0; background: transparent; }")
        self._kept = 0  # the offset at the top that a change of looks leaves there
        self._restyle = QTimer(self)
        self._restyle.setSingleShot(True)
        self._restyle.setInterval(0)
        self._restyle.timeout.connect(self._draw_anew)
        self._fill = QTimer(self)
        self._fill.setInterval(0)
        self._fill.timeout.connect(self._fill_some)
        self.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        context.zoom_changed.connect(self.restyle)
        context.theme_changed.connect(self.restyle)

    # -- what is shown

    def show_rows(self, rows: Rows | None, spans: Sequence[Span] = ()) -> None:
        """Another document, at its beginning; ``spans`` are the passages that are marked in it."""
        self._restyle.stop()
        self._page = ""
        self.rows, self._spans, self._current, self._found = rows, spans, None, ()
        self._open_at(0)

    def set_spans(self, spans: Sequence[Span]) -> None:
        self._spans = spans
        self._mark()

    def set_found(self, spans: Sequence[Span], current: Span | None) -> None:
        """Places of words that are looked for, and the one of them that is shown."""
        self._found = spans
        if current is not None:
            self.go_to(current, found=True)
        else:
            if self._current_found:
                self._current = None
            self._mark()

    def go_to(self, span: Span, *, found: bool = False) -> None:
        """Show a passage in the middle, as the current one; ``found``: it is words that were looked for."""
        self._current, self._current_found = span, found
        if self.rows is None:
            return
        row = self.rows.row_at(span[0])
        if not self._first <= row < self._last or self.rows.row_at(span[1]) > self._last:
            self._open_at(row)
        self._mark()
        self._center(span)
        self._tell_page(row)

    def go_to_offset(self, offset: int) -> None:
        """Show an offset at the top."""
        if self.rows is None:
            return
        row = self.rows.row_at(offset)
        if row and row - 1 in self.rows.labels:
            row -= 1  # the label of the page that begins here
        if not self._first <= row < self._last:
            self._open_at(row)
        block = self.document().findBlockByNumber(row - self._first)
        self.verticalScrollBar().setValue(int(self._top(block)) - 8 if row else 0)
        self._tell_page(row)

    def _open_at(self, row: int) -> None:
        self._fill.stop()
        with self._change():
            self.clear()
            self._first = self._last = row
            if self.rows is None:
                return
            self._append()
            self._prepend()
        self._fill.start()
        self._on_scrolled()

    @contextmanager
    def _change(self) -> Iterator[None]:
        """The text changes; what the scroll bar tells meanwhile means nothing. Marks it at the end."""
        self._changing = True
        try:
            yield
        finally:
            self._changing = False
        self._mark()

    def is_whole(self) -> bool:
        """Whether all of the document is there."""
        return self.rows is not None and self._first == 0 and self._last == len(self.rows)

    def held(self) -> int:
        """How many characters are laid out."""
        return 0 if self.rows is None else self.rows.start(self._last) - self.rows.start(self._first)

    # -- a part at a time

    def _fill_some(self) -> None:
        rows = self.rows
        if rows is None or self.held() >= WINDOW or self.is_whole():
            self._fill.stop()
            return
        middle = rows.start(self._row_at(4))
        before, behind = middle - rows.start(self._first), rows.start(self._last) - middle
        forward = behind <= before if self._first > 0 else True
        with self._change():
            if self._first > 0 and not (forward and self._last < len(rows)):
                self._prepend()
            else:
                self._append()

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
        kept_block, kept_char = cursor.blockFormat(), cursor.blockCharFormat()
        self._insert(cursor, range(begin, end), fresh=True)
        cursor.insertBlock(kept_block, kept_char)
        cursor.endEditBlock()
        self._first = begin
        moved = self.document().findBlockByNumber(end - begin)
        bar.setValue(int(self._top(moved) - before))

    def _trim(self) -> None:
        """Take away what is far above or below of what is seen."""
        rows = self.rows
        if rows is None or self.held() <= WINDOW + 2 * CHUNK or self._fill.isActive():
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
            kept_block, kept_char = block.blockFormat(), block.charFormat()
            cursor.setPosition(block.position(), QTextCursor.MoveMode.KeepAnchor)
            cursor.removeSelectedText()
            cursor.setBlockFormat(kept_block)
            cursor.setBlockCharFormat(kept_char)
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
        start, end = self.offset_of(cursor.selectionStart()), self.offset_of(cursor.selectionEnd())
        return self.rows.text[start:end]

    def _mark(self) -> None:
        """Paint passages and found words as far as they are there."""
        if self.rows is None:
            self.setExtraSelections([])
            return
        first, last = self.rows.start(self._first), self.rows.start(self._last)
        color = self.context.color
        marks = []
        for spans, role in ((self._spans, "accent_soft"), (self._found, "selection")):
            for start, end in spans:
                if start < last and end > first and len(marks) < MARKS:
                    marks.append(self._selection((start, end), role))
        if self._current is not None:
            mark = self._selection(self._current, "accent" if self._current_found else "selection")
            mark.format.setForeground(color("on_accent" if self._current_found else "text"))
            marks.append(mark)
        self.setExtraSelections(marks)

    def _selection(self, span: Span, role: str) -> QTextEdit.ExtraSelection:
        mark = QTextEdit.ExtraSelection()
        cursor = QTextCursor(self.document())
        cursor.setPosition(self.position_of(span[0]))
        cursor.setPosition(self.position_of(span[1]), QTextCursor.MoveMode.KeepAnchor)
        mark.cursor = cursor
        mark.format.setBackground(self.context.color(role))
        return mark

    def _center(self, span: Span) -> None:
        bar = self.verticalScrollBar()
        edges = []
        for offset in span:
            cursor = QTextCursor(self.document())
            cursor.setPosition(self.position_of(offset))
            edges.append(self.cursorRect(cursor))
        top, bottom = edges[0].top() + bar.value(), edges[1].bottom() + bar.value()
        room = self.viewport().height()
        margin = max((room - (bottom - top)) // 2, room // 6)
        bar.setValue(top - margin)
        caret = self.textCursor()
        caret.setPosition(self.position_of(span[0]))
        self.setTextCursor(caret)  # so that the keyboard goes on from here
        bar.setValue(top - margin)

    # -- Qt

    def restyle(self) -> None:
        """Theme, zoom or language changed: the same place, drawn anew when all of them are through."""
        if self.rows is not None and not self._restyle.isActive():
            self._kept = self.top_offset()
            self._restyle.start()

    def _draw_anew(self) -> None:
        if self.rows is not None:
            self._margins()
            self._open_at(self.rows.row_at(self._kept))
            self.go_to_offset(self._kept)

    def _on_scrolled(self) -> None:
        rows, bar = self.rows, self.verticalScrollBar()
        if rows is None or self._changing:
            return
        near = self.viewport().height()
        if not self._fill.isActive():
            if bar.value() > bar.maximum() - near and self._last < len(rows):
                with self._change():
                    self._append()
                    self._trim()
            elif bar.value() < near and self._first > 0:
                with self._change():
                    self._prepend()
                    self._trim()
        self._tell_page(self._row_at(near // 3))

    def _tell_page(self, row: int) -> None:
        assert self.rows is not None
        page = self.rows.page_of(row)
        if page != self._page:
            self._page = page
            self.page_changed.emit(page)

    def _margins(self) -> None:
        style = chat_style(self.context)
        side = max(16, (self.width() - style.column_width) // 2)
        self.setViewportMargins(side, 0, max(8, side - self.verticalScrollBar().width()), 0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._margins()
        super().resizeEvent(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_requested.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        control = event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if self.rows is not None and control and event.key() == Qt.Key.Key_Home:
            self.go_to_offset(0)
        elif self.rows is not None and control and event.key() == Qt.Key.Key_End:
            self.go_to_offset(len(self.rows.text))
            self.verticalScrollBar().setValue(self.verticalScrollBar().maximum())
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def createMimeDataFromSelection(self) -> QMimeData:
        data = QMimeData()
        data.setText(self.selected_text())
        return data


def _units(text: str) -> int:
    """UTF-16 units, as Qt counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
