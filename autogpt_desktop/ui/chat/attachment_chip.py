"""A file that goes with a message, as a small rounded box: in the composer and over the message."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.chat.attachments import Attachment
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import label, plain_tooltip
from autogpt_desktop.ui.widgets.reading_style import QuietButton
from autogpt_desktop.ui.widgets.theme import theme


class Chip(QWidget):
    """One attachment: its name and length, and in the composer a button that takes it off."""

    removed = Signal(object)

    def __init__(self, item: Attachment, parent: QWidget | None = None, *, removable: bool = False) -> None:
        super().__init__(parent)
        self.item = item
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.setFixedHeight(32)
        name = item.name if len(item.name) <= 36 else f"{item.name[:18]}…{item.name[-15:]}"
        self.icon = QLabel(self)
        self.icon.setPixmap(icons.icon("attach", "muted").pixmap(QSize(16, 16), self.devicePixelRatioF()))
        self.label = label(name, size="small")
        self.length = label(size="small", tone="muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(10, 2, 4 if removable else 12, 2)
        row.setSpacing(8)
        for widget in (self.icon, self.label, self.length):
            row.addWidget(widget)
        self.remove_button = None
        if removable:
            self.remove_button = QuietButton("close", self, 24)
            self.remove_button.clicked.connect(self._remove)
            row.addWidget(self.remove_button)
        self.setToolTip(plain_tooltip(item.text[:400].strip() + ("…" if len(item.text) > 400 else "")))
        self.retranslate()

    def retranslate(self) -> None:
        self.length.setText(tr("{n} characters", n=f"{len(self.item.text):,}"))
        self.setAccessibleName(tr("Attached: {name}", name=self.item.name))
        if self.remove_button is not None:
            self.remove_button.name(tr("Remove {name}", name=self.item.name))

    def _remove(self) -> None:
        self.removed.emit(self.item)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(theme().color("border"))
        painter.setBrush(theme().color("surface"))
        painter.drawRoundedRect(self.rect().toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        painter.end()


def place_chips(chips: list[Chip], left: int, top: int, width: int) -> int:
    """Lay chips out in rows; the height they take."""
    x, y = left, top
    for chip in chips:
        size = chip.sizeHint()
        if x > left and x + size.width() > left + width:
            x, y = left, y + chip.height() + 6
        chip.setGeometry(x, y, min(size.width(), width), chip.height())
        x += size.width() + 8
    return y + chips[-1].height() - top if chips else 0
