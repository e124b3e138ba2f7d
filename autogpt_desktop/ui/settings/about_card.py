"""What this program is, and under which license."""

from __future__ import annotations

import platform

from PySide6.QtCore import QSize, qVersion
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from autogpt_desktop._version import __version__
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.basic import button, label
from autogpt_desktop.ui.widgets.icons import app_icon
from autogpt_desktop.ui.widgets.overlay import Overlay


class AboutCard(Overlay):
    """Opened from the menu."""

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window, placement="center", width=440)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(24, 24, 24, 16)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(16)
        picture = QLabel()
        picture.setPixmap(app_icon().pixmap(QSize(48, 48), self.devicePixelRatioF()))
        titles = QVBoxLayout()
        titles.setSpacing(0)
        titles.addWidget(label("AutoGPT Desktop", size="heading"))
        self._version = label(size="small", tone="muted")
        titles.addWidget(self._version)
        head.addWidget(picture)
        head.addLayout(titles, 1)
        self._text = label(wrap=True)
        self._license = label(size="small", tone="muted", wrap=True)
        self.close_button = button()
        self.close_button.clicked.connect(self.close_overlay)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.close_button)
        column.addLayout(head)
        column.addSpacing(8)
        column.addWidget(self._text)
        column.addWidget(self._license)
        column.addSpacing(8)
        column.addLayout(foot)
        context.language_changed.connect(self.retranslate)
        self.retranslate()

    def retranslate(self) -> None:
        self._version.setText(
            tr("Version {version} · Python {python} · Qt {qt}", version=__version__,
               python=platform.python_version(), qt=qVersion())
        )  # fmt: skip
        self._text.setText(
            tr(
                "Language models on your own computer. Your conversations stay on it; "
                "the network is used only when you download a model."
            )
        )
        self._license.setText(
            tr("Free software under the Apache License 2.0. Each model has its own licence.")
        )
        self.close_button.setText(tr("Close"))
