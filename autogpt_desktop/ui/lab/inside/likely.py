"""The tokens that may come next, as bars; one that is pressed is written."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.tasks.look_inside import LikelyToken

_NAME, _SHARE = 150, 64  # pixels of the columns beside the bar
_STEPS: dict[int, int] = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
_SEEN = {" ": "␣", "\n": "↵", "\t": "⇥", "\r": "␍"}


def visible(text: str) -> str:
    """A token with its blanks and line ends shown."""
    return "".join(_SEEN.get(letter, letter) for letter in text)


class LikelyTokens(QWidget):
    """``pressed`` carries the text of the token that was clicked or chosen with Enter or Space."""

    pressed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.tokens: tuple[LikelyToken, ...] = ()
        self._at, self._hovered = 0, -1
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_tokens(())

    def show_tokens(self, tokens: Sequence[LikelyToken]) -> None:
        self.tokens = tuple(tokens)
        self._at = min(self._at, max(0, len(self.tokens) - 1))
        parts = [f"{visible(token.text)} {100 * token.probability:.1f} %" for token in self.tokens[:5]]
        self.setAccessibleName(tr("What comes next: {tokens}", tokens=", ".join(parts)))
        self.setFixedHeight(self._row() * len(self.tokens) + 4)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus if self.tokens else Qt.FocusPolicy.NoFocus)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, self._row() * len(self.tokens) + 4)

    def restyle(self) -> None:
        self.show_tokens(self.tokens)

    def _row(self) -> int:
        return QFontMetrics(theme().font("body")).height() + 8

    def _row_at(self, y: float) -> int:
        row = int(y - 2) // self._row()
        return row if 0 <= row < len(self.tokens) else -1

    # --- events

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(theme().font("body"))
        height, most = self._row(), max((token.probability for token in self.tokens), default=1.0)
        metrics = QFontMetrics(theme().font("body"))
        name, share = min(_NAME, self.width() // 3), max(_SHARE, metrics.horizontalAdvance("100.00 %"))
        for number, token in enumerate(self.tokens):
            area = QRect(0, 2 + number * height, self.width(), height)
            if number == self._hovered or (number == self._at and self.hasFocus()):
                painter.setPen(theme().color("accent") if self.hasFocus() else Qt.GlobalColor.transparent)
                painter.setBrush(theme().color("hover"))
                painter.drawRoundedRect(area.adjusted(1, 0, -1, -1), 4, 4)
            left = area.adjusted(8, 0, 0, 0)
            left.setWidth(name - 8)
            painter.setPen(theme().color("text"))
            text = metrics.elidedText(visible(token.text), Qt.TextElideMode.ElideRight, left.width())
            painter.drawText(left, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)
            room = area.width() - name - share - 24
            width = max(2, int(room * token.probability / most))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("accent"))
            painter.drawRoundedRect(QRect(name + 8, area.top() + 5, width, height - 10), 3, 3)
            painter.setPen(theme().color("muted"))
            right = QRect(area.right() - share - 8, area.top(), share, height)
            percent = f"{100 * token.probability:.2f} %"
            painter.drawText(right, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, percent)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hovered = self._row_at(event.position().y())
        shape = Qt.CursorShape.PointingHandCursor if self._hovered >= 0 else Qt.CursorShape.ArrowCursor
        self.setCursor(shape)
        self.update()

    def leaveEvent(self, event: object) -> None:
        self._hovered = -1
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        row = self._row_at(event.position().y())
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._at = row
            self.pressed.emit(self.tokens[row].text)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in _STEPS and self.tokens:
            self._at = min(max(self._at + _STEPS[event.key()], 0), len(self.tokens) - 1)
            self.update()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space) and self.tokens:
            self.pressed.emit(self.tokens[self._at].text)
        else:
            super().keyPressEvent(event)
