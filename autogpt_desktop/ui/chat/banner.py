"""The line above the composer that warns of a language the model was not made for."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, label


class LanguageBanner(QWidget):
    """One quiet sentence, and a button that leads to other models."""

    def __init__(self) -> None:
        super().__init__()
        self.picture = QLabel()
        self.text = label(size="small", tone="muted", wrap=True)
        self.action = button(kind="quiet")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(8)
        row.addWidget(self.picture)
        row.addWidget(self.text, 1)
        row.addWidget(self.action)
        self.retranslate()
        self.hide()

    def show_text(self, text: str) -> None:
        """Show a sentence; "" hides it."""
        self.setVisible(bool(text))
        if text and text != self.text.text():
            picture = icons.icon("info", "muted").pixmap(QSize(16, 16), self.devicePixelRatioF())
            self.picture.setPixmap(picture)
            self.text.setText(text)
            self.setAccessibleName(text)

    def retranslate(self) -> None:
        self.action.setText(tr("Choose a model"))
