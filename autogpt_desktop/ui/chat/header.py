"""The bar above a conversation: its title, how full the context is, and buttons for all of it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QToolButton, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.action_row import ActionRow, action_button, name_action
from autogpt_desktop.ui.widgets.basic import ElidedLabel, plain_tooltip
from autogpt_desktop.ui.widgets.theme import theme

TITLE = 160  # px that a conversation's title has at least
HIGH = 0.8  # share of the context from which the meter warns


class ContextMeter(QWidget):
    """How much of the model's context the conversation fills, and what is being written adds."""

    def __init__(self) -> None:
        super().__init__()
        self.used = self.draft = self.length = 0
        self.setFixedSize(48, 20)

    def show_values(self, used: int, draft: int, length: int) -> None:
        """In tokens; ``length`` 0: not known, nothing is drawn."""
        self.used, self.draft, self.length = used, draft, length
        text = tr("Context: about {used} of {length} tokens", used=f"{used + draft:,}", length=f"{length:,}")
        self.setToolTip(plain_tooltip(text) if length else "")
        self.setAccessibleName(text if length else tr("Context"))
        self.update()

    @property
    def share(self) -> float:
        return (self.used + self.draft) / self.length if self.length else 0.0

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.length:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        width, y = self.width(), self.height() // 2 - 2
        painter.setBrush(theme().color("border"))
        painter.drawRoundedRect(0, y, width, 4, 2, 2)
        color = theme().color(
            "danger" if self.draft > self.length else "warning" if self.share > HIGH else "accent"
        )
        for tokens, alpha in ((self.used + self.draft, 110), (self.used, 255)):
            color.setAlpha(alpha)
            painter.setBrush(color)
            filled = int(max(0.0, min(1.0, tokens / self.length) * width))
            painter.drawRoundedRect(0, y, filled, 4, 2, 2)
        painter.end()


class Header(QWidget):
    """Title of the conversation, and the buttons for the whole of it."""

    def __init__(self) -> None:
        super().__init__()
        self.sidebar = action_button("sidebar")
        self.title = ElidedLabel(size="body")
        self.title.setMinimumWidth(40)
        self.meter = ContextMeter()
        self.find_button = action_button("search")
        self.temporary = action_button("temporary")
        self.temporary.setCheckable(True)
        self.export = action_button("export")
        self.export.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.export.setMenu(QMenu(self.export))
        self.drawer = action_button("drawer")
        self.drawer.setCheckable(True)
        self.actions_row = ActionRow((self.drawer, self.temporary, self.find_button, self.export))
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        row.addWidget(self.sidebar)
        row.addSpacing(4)
        row.addWidget(self.title, 1)
        row.addSpacing(8)
        row.addWidget(self.meter)
        row.addSpacing(8)
        row.addWidget(self.actions_row)
        self.retranslate()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self._share()
        super().resizeEvent(event)

    def _share(self) -> None:
        """The title has what the actions leave, and they leave it TITLE at least."""
        others = self.sidebar.sizeHint().width() + self.meter.width() + TITLE + 52
        self.actions_row.setMaximumWidth(self.actions_row.width_for(self.width() - others))

    def retranslate(self) -> None:
        name_action(self.sidebar, tr("Conversations"), shortcut="Ctrl+B")
        name_action(self.find_button, tr("Find"), tr("Find in this conversation"), "Ctrl+F")
        name_action(
            self.temporary, tr("Temporary"), tr("Temporary chat: nothing of it is kept"), "Ctrl+Shift+N"
        )
        name_action(self.export, tr("Export"), tr("Export this conversation"))
        name_action(self.drawer, tr("Instructions"), tr("System prompt and sampling"), "Ctrl+E")
        self.actions_row.retranslate()
        self._share()
