"""A map of what each token looks at: rows look at columns, stronger is darker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QHelpEvent, QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.lab.inside.likely import visible
from autogpt_desktop.ui.widgets.basic import plain_tooltip
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.tasks.look_inside import Attention

_LABEL = 110  # pixels for the tokens' names at most
_LARGEST = 72.0  # pixels of a cell
_SMALLEST = 11  # pixels of a cell whose token is named
MEAN = 0  # the number of the map that is all heads together; those of the heads follow


class AttentionView(QWidget):
    """One head, or the mean of all."""

    def __init__(self) -> None:
        super().__init__()
        self.attention: Attention | None = None
        self.number = MEAN
        self.setMinimumSize(220, 200)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_attention(self, attention: Attention | None, number: int) -> None:
        """``number``: of the map."""
        self.attention, self.number = attention, max(0, number)
        if attention is not None:
            text = tr("Attention of {n} tokens in layer {layer}", n=len(attention.tokens),
                      layer=attention.layer + 1)  # fmt: skip
            self.setAccessibleName(text)
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(480, 480)

    def _frame(self) -> tuple[QRectF, float]:
        """Where the cells are, and how large one is."""
        count = len(self.attention.tokens) if self.attention else 1
        names = [visible(token) for token in self.attention.tokens] if self.attention else []
        metrics = QFontMetrics(theme().font("small"))
        label = min(_LABEL, max((metrics.horizontalAdvance(name) for name in names), default=0) + 12)
        label = min(label, self.width() // 3)
        side = max(1.0, min(self.width() - label - 8, self.height() - label - 8))
        cell = min(side / count, _LARGEST)
        return QRectF(label, label, cell * count, cell * count), cell

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.attention is None or self.number >= len(self.attention.maps):
            return
        painter = QPainter(self)
        frame, cell = self._frame()
        count = len(self.attention.tokens)
        image = QImage(self.attention.maps[self.number], count, count, count, QImage.Format.Format_Indexed8)
        image.setColorTable(_shades(theme().color("surface"), theme().color("accent")))
        painter.drawImage(frame, image)
        painter.setPen(theme().color("border"))
        painter.drawRect(frame)
        if cell < _SMALLEST:
            return
        painter.setFont(theme().font("small"))
        painter.setPen(theme().color("muted"))
        metrics = QFontMetrics(theme().font("small"))
        for number, token in enumerate(self.attention.tokens):
            name = metrics.elidedText(visible(token), Qt.TextElideMode.ElideRight, int(frame.left()) - 10)
            row = QRectF(0, frame.top() + number * cell, frame.left() - 6, cell)
            painter.drawText(row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, name)
            painter.save()
            painter.translate(QPointF(frame.left() + (number + 0.5) * cell, frame.top() - 6))
            painter.rotate(-90)
            column = QRectF(0, -cell / 2, frame.top() - 6, cell)
            painter.drawText(column, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
            painter.restore()

    def event(self, event: object) -> bool:
        if isinstance(event, QHelpEvent):
            frame, cell = self._frame()
            if self.attention is not None and frame.contains(event.pos()):
                row = int((event.pos().y() - frame.top()) / cell)
                column = int((event.pos().x() - frame.left()) / cell)
                tokens = self.attention.tokens
                if row < len(tokens) and column <= row:
                    one, other = visible(tokens[row]), visible(tokens[column])
                    share = f"{100 * self.attention.weight(self.number, row, column):.1f}"
                    told = tr("“{one}” looks at “{other}”: {share} %", one=one, other=other, share=share)
                    QToolTip.showText(event.globalPos(), plain_tooltip(told), self)
                    return True
            QToolTip.hideText()
            return True
        return super().event(event)  # type: ignore[arg-type]


def _shades(low: QColor, high: QColor) -> list[int]:
    """256 colors between two."""
    ends = [(color.red(), color.green(), color.blue()) for color in (low, high)]
    mixed = [
        [one + (other - one) * step // 255 for one, other in zip(*ends, strict=True)] for step in range(256)
    ]
    return [QColor(*parts).rgb() for parts in mixed]
