"""A page in a scroll area that is as tall as its wrapped texts are at its width."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QWidget


class ScrollPage(QWidget):
    """What a scroll area shows: as tall as its wrapped texts are at its width, and no taller."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("page")

    def minimumSizeHint(self) -> QSize:
        return QSize(super().minimumSizeHint().width(), 0)  # else as if all were wrapped at their narrowest
