"""What stands beside the editors when asked for: a heading, a way to close it, something to look into."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import icon_button, label, name_button


class SidePanel(QWidget):
    """``head`` takes buttons, ``column`` the rest."""

    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.title = label(size="heading")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.closed)
        self.head = QHBoxLayout()
        self.head.setSpacing(4)
        self.head.addWidget(self.title, 1)
        self.head.addWidget(self.close_button)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(8, 0, 0, 0)
        self.column.setSpacing(8)
        self.column.addLayout(self.head)
        self.setMinimumWidth(240)

    def focus_input(self) -> None:
        """What had the focus in here is gone."""
        self.focus_first()

    def focus_first(self) -> None:
        """Where the focus goes when it is shown."""
        self.close_button.setFocus()

    def retranslate(self) -> None:
        name_button(self.close_button, tr("Close"), "Esc")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
        else:
            super().keyPressEvent(event)
