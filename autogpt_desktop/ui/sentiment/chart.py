"""How many rows each label has: bars that filter when pressed, and a picture of them."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.sentiment.labels import percent
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.widgets.basic import plain_tooltip
from autogpt_desktop.ui.widgets.theme import theme

GAP = 6  # pixels between bars
_STEPS: dict[int, int] = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
PICTURE = QSize(960, 360)  # of an exported chart, before it is doubled for print; more labels make it higher
_PICTURE_ROW = 44  # pixels of a label in it, at the least
_NAME_SHARE = 0.35  # of a row's width that a label's name takes at the most


class Chart(QWidget):
    """``pressed`` carries the label of a bar that was clicked or chosen with Space."""

    pressed = Signal(str)
    row_focused = Signal(int, int)  # from and to which pixel the bar reaches that the arrow keys came to

    def __init__(self) -> None:
        super().__init__()
        self.scheme = SENTIMENT
        self.counts: dict[str, int] = {}
        self.two_way = False
        self.chosen: str | None = None  # the label that is filtered by
        self._focused = 0
        self._hovered = -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.restyle()

    def labels(self) -> tuple[str, ...]:
        return self.scheme.shown(self.two_way)

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels."""
        self.scheme, self.counts, self._focused, self._hovered = scheme, {}, 0, -1
        self.restyle()

    def total(self) -> int:
        """Rows with a text."""
        return sum(self.counts.get(label, 0) for label in self.scheme.labels)

    def show_counts(self, counts: dict[str, int], two_way: bool) -> None:
        changed = two_way != self.two_way
        self.counts, self.two_way = counts, two_way
        self._focused = min(self._focused, len(self.labels()) - 1)
        if changed:
            self.restyle()
        self.setAccessibleName(self.in_words())
        self.update()

    def choose(self, label: str | None) -> None:
        self.chosen = label
        self.update()

    def in_words(self) -> str:
        parts = [self._line(label) for label in self.labels()]
        return tr("Shares: {parts}", parts=", ".join(parts))

    def _line(self, label: str) -> str:
        number = self.counts.get(label, 0)
        return f"{self.scheme.word(label)} {number:,} ({percent(number / max(1, self.total()))})"

    def restyle(self) -> None:
        self.setFixedHeight(self.height_of(len(self.labels())))
        self.updateGeometry()
        self.update()

    def height_of(self, bars: int) -> int:
        """Pixels of so many bars."""
        return bars * (self.fontMetrics().height() + 8 + GAP) - GAP + 4

    # --- painting ---------------------------------------------------------------------------

    def _rows(self, area: QRect) -> list[QRect]:
        count = len(self.labels())
        height = (area.height() - (count - 1) * GAP) // count
        return [
            QRect(area.left(), area.top() + number * (height + GAP), area.width(), height)
            for number in range(count)
        ]

    def _area(self) -> QRect:
        return self.rect().adjusted(2, 2, -2, -2)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setFont(self.font())
        for number, row in enumerate(self._rows(self._area())):
            label = self.labels()[number]
            if self.chosen == label:
                painter.fillRect(row.adjusted(-2, -2, 2, 2), theme().color("accent_soft"))
            elif number == self._hovered:
                painter.fillRect(row.adjusted(-2, -2, 2, 2), theme().color("raised"))
            self._paint_row(painter, row, label)
            if self.hasFocus() and number == self._focused:
                painter.setPen(theme().color("accent"))
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.drawRect(row.adjusted(-2, -2, 1, 1))
        painter.end()

    def _paint_row(self, painter: QPainter, row: QRect, label: str) -> None:
        metrics = painter.fontMetrics()
        side = metrics.height() + 4
        widest = max(metrics.horizontalAdvance(self.scheme.word(each)) for each in self.scheme.labels)
        name = min(widest, int(_NAME_SHARE * row.width())) + 12
        count = self.counts.get(label, 0)
        share = count / max(1, self.total())
        figures = f"{count:,} · {percent(share)}"
        wide = metrics.horizontalAdvance(f"{max(self.total(), 100):,} · >99 %") + 8
        self.scheme.paint_icon(painter, QRect(row.left(), row.top(), side, row.height()), label)
        painter.setPen(theme().color("text"))
        left = row.left() + side + 6
        middle = Qt.AlignmentFlag.AlignVCenter
        shown = metrics.elidedText(self.scheme.word(label), Qt.TextElideMode.ElideRight, name - 8)
        painter.drawText(QRect(left, row.top(), name, row.height()), middle, shown)
        painter.drawText(
            QRect(row.right() - wide, row.top(), wide, row.height()),
            Qt.AlignmentFlag.AlignRight | middle,
            figures,
        )
        room = row.right() - wide - 8 - (left + name)
        track = QRectF(left + name, row.top() + row.height() * 0.2, max(8, room), row.height() * 0.6)
        painter.fillRect(track, theme().color("hover"))
        if count:
            track.setWidth(max(2.0, track.width() * share))
            self.scheme.paint_part(painter, track, label)

    def picture(self, title: str) -> QImage:
        """The chart alone, with a title and what it counts, for a file."""
        size = PICTURE.expandedTo(QSize(0, 148 + _PICTURE_ROW * len(self.labels())))
        image = QImage(size * 2, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(2)
        image.fill(theme().color("surface"))
        painter = QPainter(image)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        font = theme().font("heading", bold=True)
        painter.setFont(font)
        painter.setPen(theme().color("text"))
        width = PICTURE.width() - 64
        shown = painter.fontMetrics().elidedText(title, Qt.TextElideMode.ElideMiddle, width)
        painter.drawText(QRect(32, 24, width, 40), Qt.AlignmentFlag.AlignVCenter, shown)
        painter.setFont(theme().font("body"))
        painter.setPen(theme().color("muted"))
        total = tr("{n} texts", n=f"{self.total():,}")
        painter.drawText(QRect(32, 64, width, 28), Qt.AlignmentFlag.AlignVCenter, total)
        painter.setFont(theme().font("heading"))
        for number, row in enumerate(self._rows(QRect(32, 116, width, size.height() - 148))):
            self._paint_row(painter, row, self.labels()[number])
        painter.end()
        return image

    # --- mouse and keys ---------------------------------------------------------------------

    def _bar_at(self, y: float) -> int:
        rows = self._rows(self._area())
        return next((number for number, row in enumerate(rows) if row.top() <= y <= row.bottom() + GAP), -1)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        at = self._bar_at(event.position().y())
        if at != self._hovered:
            self._hovered = at
            if at >= 0:
                line = self._line(self.labels()[at])
                self.setToolTip(plain_tooltip(tr("Show these rows alone: {line}", line=line)))
            self.update()

    def leaveEvent(self, event: object) -> None:
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        at = self._bar_at(event.position().y())
        if at >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._focused = at
            self.pressed.emit(self.labels()[at])

    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = _STEPS.get(event.key())
        if step is not None:
            self._focused = min(max(self._focused + step, 0), len(self.labels()) - 1)
            row = self._rows(self._area())[self._focused]
            self.row_focused.emit(row.top(), row.bottom())
            self.update()
        elif event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.pressed.emit(self.labels()[self._focused])
        else:
            super().keyPressEvent(event)
