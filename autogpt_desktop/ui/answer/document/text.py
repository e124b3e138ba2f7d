"""The text of a document in a readable column: a part of it at a time, so that twenty million
characters cost no more than twenty thousand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QResizeEvent,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import QTextEdit

from autogpt_desktop.ui.answer.document.rows_edit import WINDOW, RowsEdit
from autogpt_desktop.ui.widgets.reading_style import chat_style

if TYPE_CHECKING:
    from autogpt_desktop.documents.read.rows import Rows
    from autogpt_desktop.ui.context import AppContext

MARKS = 1_000  # that are painted

Span = tuple[int, int]


class DocumentText(RowsEdit):
    """Shows ``Rows``. Offsets count characters of the document's text."""

    page_changed = Signal(str)  # the label of the page at the top
    zoom_requested = Signal(int)

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._spans: Sequence[Span] = ()
        self._current: Span | None = None
        self._current_found = False  # the current span are words that were looked for
        self._found: Sequence[Span] = ()
        self._page = ""
        self._changing = False
        self.setStyleSheet("DocumentText { border: none; padding: 0; background: transparent; }")
        self._anchor_offset = 0  # the offset at the top that a change of looks leaves there
        self._restyle = QTimer(self)
        self._restyle.setSingleShot(True)
        self._restyle.setInterval(0)
        self._restyle.timeout.connect(self._redraw)
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
        self._emit_page(row)

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
        self._emit_page(row)

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

    def _mark(self) -> None:
        """Paint passages and found words as far as they are there."""
        if self.rows is None:
            self.setExtraSelections([])
            return
        first, last = self.rows.start(self._first), self.rows.start(self._last)
        color = self.context.color
        marks: list[QTextEdit.ExtraSelection] = []
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
            self._anchor_offset = self.top_offset()
            self._restyle.start()

    def _redraw(self) -> None:
        if self.rows is not None:
            self._margins()
            self._open_at(self.rows.row_at(self._anchor_offset))
            self.go_to_offset(self._anchor_offset)

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
        self._emit_page(self._row_at(near // 3))

    def _emit_page(self, row: int) -> None:
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
        elif event.matches(QKeySequence.StandardKey.SelectAll):
            self.select_all()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)
