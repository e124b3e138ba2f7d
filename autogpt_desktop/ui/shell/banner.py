"""The line under the header, the application's icon, and what a drag carries."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, label


class WindowBanner(QWidget):
    """A line under the header for what stays true, such as a history that cannot be opened."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("banner")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 8, 6)
        row.setSpacing(8)
        self._icon = QLabel()
        self.text = label(wrap=True)
        self.close_button = button(tr("Close"), kind="quiet")
        self.close_button.clicked.connect(self.clear)
        row.addWidget(self._icon)
        row.addWidget(self.text, 1)
        row.addWidget(self.close_button)
        self._permanent = ""
        self.hide()

    def show_permanent(self, text: str) -> None:
        """Say ``text`` until it is closed."""
        self._permanent = text
        self.restore()

    def show_text(self, text: str, icon: str = "info") -> None:
        self._icon.setPixmap(icons.icon(icon, "accent").pixmap(QSize(20, 20), self.devicePixelRatioF()))
        self.text.setText(text)
        self.text.setAccessibleName(text)
        self.close_button.setText(tr("Close"))
        self.close_button.setVisible(bool(self._permanent))
        self.show()

    def restore(self) -> None:
        if self._permanent:
            self.show_text(self._permanent, "warning")
        else:
            self.hide()

    def clear(self) -> None:
        self._permanent = ""
        self.hide()

    def retranslate(self) -> None:
        self.close_button.setText(tr("Close"))


def dropped_model(event: QDropEvent) -> Path | None:
    """The model file that is being dragged, if it is one."""
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile()) if url.isLocalFile() else None
        if path is not None and (path.suffix.lower() == ".gguf" or os.path.isfile(path / "config.json")):
            return path
    return None
