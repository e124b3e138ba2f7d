"""What a reasoning model thought before its answer: a labelled fold above it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.chat.messages.rich_text import RichText
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import ToolButton
from autogpt_desktop.ui.widgets.reading_style import ChatStyle

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

_ROW = 28  # px of the button
_STEP = 18  # px that the text stands in


class Thought(QWidget):
    """``show_thought`` fills it, ``arrange`` lays it out; hidden where there is none."""

    toggled = Signal(bool)  # unfolded: its height is another

    def __init__(self, context: AppContext, style: ChatStyle, parent: QWidget) -> None:
        super().__init__(parent)
        self._text, self._thinks, self._seconds = "", False, 0.0
        self.button = ToolButton(self)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.button.setAutoRaise(True)
        self.button.setCheckable(True)
        self.button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.button.setIconSize(QSize(14, 14))
        self.button.toggled.connect(self._toggle)
        self.body = RichText(context, style, self)
        self.body.hide()
        self.hide()

    def show_thought(self, text: str, thinks: bool, seconds: float) -> None:
        """``thinks``: it goes on; ``seconds`` that it took, 0: not known."""
        self._text, self._thinks, self._seconds = text, thinks, seconds
        self.setVisible(bool(text) or thinks)
        self.retranslate()
        if self.button.isChecked():
            self.body.writer.grow_plain(text)

    def unfold(self, unfolded: bool) -> None:
        """As it was left; nothing is emitted."""
        if unfolded != self.button.isChecked():
            self.button.blockSignals(True)
            self.button.setChecked(unfolded)
            self.button.blockSignals(False)
            self._show_body(unfolded)

    def restyle(self, style: ChatStyle) -> None:
        self.body.restyle(style)
        if self.button.isChecked():
            self.body.writer.write_plain(self._text)

    def retranslate(self) -> None:
        if self._thinks:
            name = tr("Thinking …")
        elif self._seconds:
            name = tr("Thought for {n} s", n=max(1, round(self._seconds)))
        else:
            name = tr("Thoughts")
        self.button.setText(name)
        self.button.setAccessibleName(name)
        self.button.setIcon(
            icons.icon("chevron-down" if self.button.isChecked() else "chevron-right", "muted")
        )
        self.body.setAccessibleName(name)
        self.body.retranslate()

    def arrange(self, width: int) -> int:
        """Lay it out; the height it takes."""
        if self.isHidden():
            return 0
        self.button.setGeometry(0, 0, self.button.sizeHint().width(), _ROW)
        if not self.button.isChecked():
            return _ROW + 4
        height = self.body.height_for(width - _STEP)
        self.body.setGeometry(_STEP, _ROW + 4, width - _STEP, max(1, height))
        return _ROW + height + 16

    def tab_stops(self) -> list[QWidget]:
        return [] if self.isHidden() else [self.button, *([self.body] if self.button.isChecked() else [])]

    def _toggle(self, unfolded: bool) -> None:
        self._show_body(unfolded)
        self.toggled.emit(unfolded)

    def _show_body(self, unfolded: bool) -> None:
        self.body.setVisible(unfolded)
        if unfolded:
            self.body.writer.write_plain(self._text)
        self.retranslate()
