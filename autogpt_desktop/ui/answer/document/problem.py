"""What stands in place of a document that cannot be shown: why, and what can be done."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import button, label


class DocumentProblem(QWidget):
    """Hidden while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.text = label(wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.again_button = button()
        self.own_app_button = button()
        buttons = QHBoxLayout()
        buttons.addStretch(1)
        buttons.addWidget(self.again_button)
        buttons.addWidget(self.own_app_button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(16)
        column.addStretch(1)
        column.addWidget(self.text)
        column.addLayout(buttons)
        column.addStretch(2)
        self.hide()

    def show_text(self, text: str) -> None:
        self.text.setText(text)
        self.setVisible(bool(text))

    def retranslate(self) -> None:
        self.again_button.setText(tr("Try again"))
        self.own_app_button.setText(tr("Open in its own app"))
