"""A panel to put into the window; where Chat itself matters, app.make_chat is used."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext


class Panel(QLineEdit):
    """A panel to put into the window; where Chat itself matters, app.make_chat is used."""

    def __init__(self, _context: AppContext) -> None:
        super().__init__()
        self.setAccessibleName(tr("Chat"))
        self.was_shut_down = False

    def focus_input(self) -> None:
        self.setFocus()

    def receive_text(self, text: str) -> None:
        self.setText(text)

    def shutdown(self) -> None:
        self.was_shut_down = True


def make_panel(context: AppContext) -> QWidget:
    return Panel(context)
