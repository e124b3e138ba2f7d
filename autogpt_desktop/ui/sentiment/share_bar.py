"""The probabilities of one text as a bar, with their percentages below it."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.sentiment.labels import LABELS, Shares, percent, word
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.widgets.basic import plain_tooltip
from autogpt_desktop.ui.widgets.theme import theme

_NARROW = 130  # pixels that a label below the bar takes at the least
_BAR = 12  # pixels


class ShareBar(QWidget):
    """Three labels stand below it from the left to the right, of a user's own the likeliest."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: Shares = (0.0, 0.0, 0.0)
        self.scheme = SENTIMENT
        self._two_way = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.restyle()

    def restyle(self) -> None:
        self.setFixedHeight(_BAR + 4 + self.fontMetrics().height() + 2)
        self.update()

    def show_shares(self, shares: Shares, two_way: bool, scheme: Scheme = SENTIMENT) -> None:
        self.shares, self._two_way, self.scheme = shares, two_way, scheme
        text = scheme.shares_text(shares, two_way) if shares else ""
        self.setAccessibleName(text)
        self.setToolTip(plain_tooltip(text))
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        area = QRectF(0, 0, self.width(), _BAR)
        if sum(self.shares) <= 0:
            painter.fillRect(area, theme().color("hover"))
            painter.end()
            return
        self.scheme.paint_shares(painter, area, self.shares)
        painter.setFont(theme().font("small"))
        if self.scheme.is_own:
            self._name_largest(painter)
        else:
            self._name_three(painter)
        painter.end()

    def _name_three(self, painter: QPainter) -> None:
        third = self.width() / 3
        places = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for number, (label, share) in enumerate(zip(LABELS, self.shares, strict=True)):
            if label == "neutral" and self._two_way:
                continue
            painter.setPen(QPen(self.scheme.color(label)))
            text = tr("{label} {share}", label=word(label), share=percent(share))
            box = QRectF(number * third, _BAR + 4, third, self.height() - _BAR - 4)
            painter.drawText(box, places[number] | Qt.AlignmentFlag.AlignVCenter, text)

    def _name_largest(self, painter: QPainter) -> None:
        pairs = self.scheme.largest(self.shares, max(1, self.width() // _NARROW))
        wide, metrics = self.width() / max(1, len(pairs)), painter.fontMetrics()
        for number, (label, share) in enumerate(pairs):
            box = QRectF(number * wide, _BAR + 4, wide - 8, self.height() - _BAR - 4)
            square = QRectF(box.left(), box.center().y() - 4, 8, 8)
            self.scheme.paint_part(painter, square, label)
            painter.setPen(QPen(theme().color("text")))
            figure = percent(share)
            room = int(box.width()) - 14 - metrics.horizontalAdvance(f" {figure}")
            name = metrics.elidedText(self.scheme.word(label), Qt.TextElideMode.ElideRight, room)
            text = tr("{label} {share}", label=name, share=figure)
            painter.drawText(box.adjusted(14, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, text)
