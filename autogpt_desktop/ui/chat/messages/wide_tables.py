"""Tables that are wider than the text scroll sideways, each by a bar of its own below it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QAbstractTextDocumentLayout, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QScrollBar, QTextEdit

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.chat.messages.tables import BAR, Table


@dataclass
class Band:
    """A wide table on the screen."""

    top: float
    bottom: float
    bar: QScrollBar


class WideTables:
    """Places the bars, and paints and points at what they have scrolled to."""

    def __init__(self, text: QTextEdit, tables: Callable[[], Iterable[Table]]) -> None:
        self._text, self._tables = text, tables
        self._bars: list[QScrollBar] = []
        self.bands: list[Band] = []

    def bars(self) -> list[QScrollBar]:
        """Those that are shown, for the Tab key."""
        return [band.bar for band in self.bands]

    def place(self) -> None:
        """After the text is laid out."""
        width = self._text.width()
        wide = [table for table in self._tables() if table.left + table.width > width]
        while len(self._bars) < len(wide):
            self._bars.append(self._new_bar())
        for bar in self._bars[len(wide) :]:
            bar.hide()
        self.bands = [self._place(table, bar) for table, bar in zip(wide, self._bars, strict=False)]

    def _new_bar(self) -> QScrollBar:
        bar = QScrollBar(Qt.Orientation.Horizontal, self._text.viewport())
        bar.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        bar.setCursor(Qt.CursorShape.ArrowCursor)
        bar.setSingleStep(24)
        bar.valueChanged.connect(self._text.viewport().update)
        bar.setAccessibleName(tr("Scroll the table"))
        return bar

    def retranslate(self) -> None:
        for bar in self._bars:
            bar.setAccessibleName(tr("Scroll the table"))

    def _place(self, table: Table, bar: QScrollBar) -> Band:
        layout, width = self._text.document().documentLayout(), self._text.width()
        pieces = [layout.frameBoundingRect(piece) for _, piece in table.pieces]
        bar.setRange(0, table.left + table.width - width)
        bar.setPageStep(width)
        form = table.pieces[-1][1].format()  # Qt's rectangle begins below the upper margin, and counts both
        bottom = pieces[-1].bottom() - form.topMargin() - form.bottomMargin()
        bar.setGeometry(table.left, int(bottom) + 3, width - table.left, BAR - 4)
        bar.show()
        return Band(pieces[0].top(), bottom, bar)

    def at(self, point: QPointF) -> QPointF:
        """The place of the document that is shown at a point of the viewport."""
        for band in self.bands:
            if band.top <= point.y() < band.bottom:
                return QPointF(point.x() + band.bar.value(), point.y())
        return point

    def follow(self, point: QPointF) -> None:
        """A selection is dragged there: beyond an edge more of the table comes into sight."""
        beyond = point.x() - min(max(0.0, point.x()), float(self._text.width()))
        for band in self.bands:
            if beyond and band.top <= point.y() < band.bottom:
                band.bar.setValue(band.bar.value() + round(beyond))

    def shifted(self, event: QMouseEvent) -> QMouseEvent:
        """The event as the text without scrolling would have got it."""
        place = self.at(event.position())
        if place == event.position():
            return event
        return QMouseEvent(
            event.type(), place, event.globalPosition(), event.button(), event.buttons(), event.modifiers()
        )

    def wheel(self, event: QWheelEvent) -> bool:
        """Sideways over a wide table; True: it was."""
        delta = event.angleDelta()
        sideways = delta.x() or (delta.y() if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 0)
        for band in self.bands:
            if sideways and band.top <= event.position().y() < band.bottom + BAR:
                band.bar.setValue(band.bar.value() - sideways)
                return True
        return False

    def paint(self, event: QPaintEvent) -> None:
        """The whole text, with each band where its bar has scrolled it."""
        text = self._text
        painter = QPainter(text.viewport())
        layout = text.document().documentLayout()
        context = QAbstractTextDocumentLayout.PaintContext()
        context.palette = text.palette()
        context.cursorPosition = -1
        selections = []
        for extra in text.extraSelections():
            selection = QAbstractTextDocumentLayout.Selection()
            selection.cursor, selection.format = extra.cursor, extra.format
            selections.append(selection)
        if text.textCursor().hasSelection():
            selection = QAbstractTextDocumentLayout.Selection()
            selection.cursor = text.textCursor()
            selection.format.setBackground(text.palette().highlight())
            selection.format.setForeground(text.palette().highlightedText())
            selections.append(selection)
        context.selections = selections
        top, width = float(event.rect().top()), float(text.width())
        end = float(event.rect().bottom() + 1)
        strips: list[tuple[float, float, int]] = []
        for band in self.bands:
            strips += [
                (top, min(band.top, end), 0),
                (max(top, band.top), min(band.bottom, end), band.bar.value()),
            ]
            top = max(top, band.bottom)
        for begin, stop, shift in [*strips, (top, end, 0)]:
            if stop > begin:
                painter.save()
                painter.setClipRect(QRectF(0, begin, width, stop - begin))
                painter.translate(-shift, 0)
                context.clip = QRectF(shift, begin, width, stop - begin)
                layout.draw(painter, context)
                painter.restore()
        painter.end()
