"""By which labels texts are judged, and how those look: Sentiment's three, or the user's own."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPixmap

from autogpt_desktop.tasks.sentiment.judges import MakeJudge, sentiment_judge
from autogpt_desktop.tasks.sentiment.own_labels import head_judge
from autogpt_desktop.ui.sentiment import labels as words
from autogpt_desktop.ui.sentiment.labels import LABELS, PATTERNS, Shares, percent
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.theme import SERIES, theme

MOST_NAMED = 5  # labels of a text that are said in words, the likeliest first
_LONGEST = 60  # characters of a label that are shown
_SERIES_PATTERNS = (  # behind as many labels as there are colors comes the next one
    Qt.BrushStyle.NoBrush,
    Qt.BrushStyle.BDiagPattern,
    Qt.BrushStyle.Dense6Pattern,
    Qt.BrushStyle.CrossPattern,
)


@dataclass(frozen=True)
class Scheme:
    """``model``: the head whose own labels they are; "": Sentiment."""

    labels: tuple[str, ...] = LABELS
    model: str = ""
    title: str = ""  # of the head

    @property
    def is_own(self) -> bool:
        return bool(self.model)

    @property
    def role(self) -> str:
        """Whose model a job needs; "": it asks for the head by name."""
        return "" if self.is_own else "sentiment"

    @property
    def judge(self) -> MakeJudge:
        return head_judge(self.model, self.labels) if self.is_own else sentiment_judge

    def shown(self, two_way: bool) -> tuple[str, ...]:
        """The labels that a verdict can have."""
        left_out = two_way and not self.is_own
        return tuple(label for label in self.labels if not (left_out and label == "neutral"))

    def word(self, label: str) -> str:
        """As people read it; "" is a row without a text."""
        return " ".join(label.split())[:_LONGEST] if label and self.is_own else words.word(label)

    def color(self, label: str) -> QColor:
        if not self.is_own:
            return theme().color(label)
        return theme().color(f"series{self.labels.index(label) % SERIES + 1}")

    def pattern(self, label: str) -> Qt.BrushStyle:
        """Over the color."""
        if not self.is_own:
            return PATTERNS[label]
        return _SERIES_PATTERNS[self.labels.index(label) // SERIES % len(_SERIES_PATTERNS)]

    def shares_text(self, shares: Shares, two_way: bool) -> str:
        """The shares in a sentence, for tooltips and screen readers; of many labels the largest."""
        if not self.is_own:
            return words.shares_text(shares, two_way)
        return ", ".join(f"{percent(share)} {self.word(label)}" for label, share in self.largest(shares))

    def largest(self, shares: Shares, most: int = MOST_NAMED) -> list[tuple[str, float]]:
        pairs = sorted(zip(self.labels, shares, strict=False), key=lambda pair: -pair[1])
        return pairs[:most]

    # --- painting ---------------------------------------------------------------------------

    def paint_icon(self, painter: QPainter, area: QRect, label: str) -> None:
        """A face, or a square in the label's color and pattern."""
        if not self.is_own:
            icons.icon(words.face(label), label).paint(painter, area)
            return
        side = min(12, area.width(), area.height())
        square = QRectF(0, 0, side, side)
        square.moveCenter(QRectF(area).center())
        self.paint_part(painter, square, label)

    def pixmap(self, label: str, size: QSize, ratio: float) -> QPixmap:
        if not self.is_own:
            return icons.icon(words.face(label), label).pixmap(size, ratio)
        made = QPixmap(size * ratio)
        made.setDevicePixelRatio(ratio)
        made.fill(Qt.GlobalColor.transparent)
        painter = QPainter(made)
        self.paint_icon(painter, QRect(0, 0, size.width(), size.height()), label)
        painter.end()
        return made

    def paint_part(self, painter: QPainter, area: QRectF, label: str) -> None:
        """A filled area in a label's color and pattern."""
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.color(label))
        painter.drawRect(area)
        pattern = self.pattern(label)
        if pattern != Qt.BrushStyle.NoBrush:
            light = theme().color("surface")
            light.setAlpha(150)
            painter.setBrush(QBrush(light, pattern))
            painter.drawRect(area)

    def paint_shares(self, painter: QPainter, area: QRectF, shares: Shares) -> None:
        """A part for each label, a hair apart; what is too small to be seen is left out."""
        left, gap = area.left(), 1.0
        pairs = zip(self.labels, shares, strict=False)
        parts = [(label, share) for label, share in pairs if share * area.width() >= 1]
        for number, (label, share) in enumerate(parts):
            width = share * area.width()
            end = area.right() if number == len(parts) - 1 else left + width
            part = QRectF(left, area.top(), max(1.0, end - left - gap), area.height())
            self.paint_part(painter, part, label)
            left = end


SENTIMENT = Scheme()
