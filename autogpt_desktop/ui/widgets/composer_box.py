"""What messages and questions are written in: a box that grows with its text, Send that becomes Stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import name_button
from autogpt_desktop.ui.widgets.composer_text import ComposerText

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

LOWEST = 52  # pixels of a box with one line
BUTTON = 36  # pixels of a side of the button


class ComposerBox(QWidget):
    """Has a ``field``. ``lay_out`` places what is in it for a width, and says how tall it is then."""

    def __init__(self, context: AppContext, parent: QWidget, lay_out: Callable[[int], int]) -> None:
        super().__init__(parent)
        self._context, self._lay_out = context, lay_out
        self._fitting = True  # until there is something to fit
        self.setFixedHeight(LOWEST)
        self.field = ComposerText(context, self)
        self.field.document().documentLayout().documentSizeChanged.connect(self.refit)
        self.field.resized.connect(self.refit)

    def begin(self) -> None:
        """All that ``lay_out`` places is there."""
        self._fitting = False
        self.refit()

    def refit(self) -> None:
        """As tall as its text, up to some lines."""
        if self._fitting:  # the field asks again when its lines break anew
            return
        self._fitting = True
        height = self._lay_out(self.width())
        if self.height() != height:
            self.setFixedHeight(height)
        self._fitting = False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.refit()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color, focused = self._context.color, self.field.hasFocus()
        painter.setBrush(color("surface"))
        pen = painter.pen()
        pen.setColor(color("accent" if focused else "control"))
        pen.setWidthF(1.5 if focused else 1.0)
        painter.setPen(pen)
        painter.drawRoundedRect(self.rect().toRectF().adjusted(1, 1, -1, -1), 14, 14)
        painter.end()


class SendButton(QPushButton):
    """Sends what is written; while something is being answered it stops that."""

    def __init__(self, context: AppContext, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self.setProperty("kind", "primary")
        self.setAutoDefault(True)  # Enter presses it, not only Space
        self.setIconSize(QSize(18, 18))
        self.setFixedSize(BUTTON, BUTTON)
        self.setStyleSheet("QPushButton { padding: 0; min-height: 0; }")

    def show_state(self, word: str, *, busy: bool, has_text: bool) -> None:
        """``word``: what it does where nothing is to be stopped."""
        usable = busy or has_text
        self.setIcon(icons.icon("stop" if busy else "send", "on_accent" if usable else "control"))
        self.setEnabled(usable)
        enter = "Enter" if self._context.settings.send_with_enter else "Ctrl+Enter"
        name_button(self, tr("Stop") if busy else word, "Esc" if busy else enter)
