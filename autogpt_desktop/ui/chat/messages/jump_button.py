"""The round button that floats over the text and leads to its end."""

from __future__ import annotations

from PySide6.QtGui import QPainter, QPaintEvent, QPen

from autogpt_desktop.ui.widgets.reading_style import QuietButton
from autogpt_desktop.ui.widgets.theme import theme


class JumpButton(QuietButton):
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = theme().color
        painter.setBrush(color("hover" if self.underMouse() else "surface"))
        focused = self.hasFocus()
        painter.setPen(QPen(color("accent" if focused else "control"), 2 if focused else 1))
        painter.drawEllipse(self.rect().adjusted(1, 1, -2, -2))
        self.icon().paint(painter, self.rect().adjusted(9, 9, -9, -9))
        painter.end()
