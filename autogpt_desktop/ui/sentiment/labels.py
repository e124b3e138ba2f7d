"""How positive, neutral and negative look: a word, a face, a color and a pattern, never color alone."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import plain_tooltip
from autogpt_desktop.ui.widgets.theme import theme

LABELS = ("positive", "neutral", "negative")
PATTERNS = {  # over the color
    "positive": Qt.BrushStyle.NoBrush,
    "neutral": Qt.BrushStyle.Dense6Pattern,
    "negative": Qt.BrushStyle.BDiagPattern,
}

Shares = Sequence[float]  # of positive, neutral and negative


def word(label: str) -> str:
    """A label as people read it; "" is a row without a text."""
    words = {
        "positive": tr("Positive"),
        "neutral": tr("Neutral"),
        "negative": tr("Negative"),
        "": tr("Empty"),
    }
    return words[label]


def face(label: str) -> str:
    """The name of a label's icon."""
    return f"face-{label}"


def color(label: str) -> QColor:
    return theme().color(label)


def percent(share: float) -> str:
    """A probability in words; never a certainty that nobody has."""
    if 0 < share < 0.005:
        return "<1 %"
    if 0.995 <= share < 1:
        return ">99 %"
    return f"{share * 100:.0f} %"


def shares_text(shares: Shares, two_way: bool) -> str:
    """All three in a sentence, for tooltips and screen readers."""
    positive, neutral, negative = map(percent, shares)
    if two_way:
        return tr("{positive} positive, {negative} negative", positive=positive, negative=negative)
    return tr(
        "{positive} positive, {neutral} neutral, {negative} negative",
        positive=positive,
        neutral=neutral,
        negative=negative,
    )


def paint_part(painter: QPainter, area: QRectF, label: str) -> None:
    """A filled area in a label's color and pattern."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color(label))
    painter.drawRect(area)
    if PATTERNS[label] != Qt.BrushStyle.NoBrush:
        light = theme().color("surface")
        light.setAlpha(150)
        painter.setBrush(QBrush(light, PATTERNS[label]))
        painter.drawRect(area)


def paint_shares(painter: QPainter, area: QRectF, shares: Shares) -> None:
    """Three parts beside each other, a hair apart; what is too small to be seen is left out."""
    left, gap = area.left(), 1.0
    parts = [(label, share) for label, share in zip(LABELS, shares, strict=True) if share * area.width() >= 1]
    for number, (label, share) in enumerate(parts):
        width = share * area.width()
        end = area.right() if number == len(parts) - 1 else left + width
        paint_part(painter, QRectF(left, area.top(), max(1.0, end - left - gap), area.height()), label)
        left = end


class ShareBar(QWidget):
    """The three probabilities of one text as a bar, with their percentages below it."""

    def __init__(self) -> None:
        super().__init__()
        self.shares: tuple[float, float, float] = (0.0, 0.0, 0.0)
        self._two_way = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.restyle()

    def restyle(self) -> None:
        self.setFixedHeight(12 + 4 + self.fontMetrics().height() + 2)
        self.update()

    def show_shares(self, shares: tuple[float, float, float], two_way: bool) -> None:
        self.shares, self._two_way = shares, two_way
        self.setAccessibleName(shares_text(shares, two_way))
        self.setToolTip(plain_tooltip(shares_text(shares, two_way)))
        self.update()

    def paintEvent(self, _event: object) -> None:
        painter = QPainter(self)
        area = QRectF(0, 0, self.width(), 12)
        if sum(self.shares) <= 0:
            painter.fillRect(area, theme().color("hover"))
            painter.end()
            return
        paint_shares(painter, area, self.shares)
        painter.setFont(theme().font("small"))
        third = self.width() / 3
        places = (Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignHCenter, Qt.AlignmentFlag.AlignRight)
        for number, (label, share) in enumerate(zip(LABELS, self.shares, strict=True)):
            if label == "neutral" and self._two_way:
                continue
            painter.setPen(QPen(color(label)))
            text = tr("{label} {share}", label=word(label), share=percent(share))
            box = QRectF(number * third, 16, third, self.height() - 16)
            painter.drawText(box, places[number] | Qt.AlignmentFlag.AlignVCenter, text)
        painter.end()
