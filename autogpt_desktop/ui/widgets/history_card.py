"""A card with the history of a panel, under the button that opens it."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import icon_button, label, name_button
from autogpt_desktop.ui.widgets.history_list import HistoryList
from autogpt_desktop.ui.widgets.overlay import Overlay

WIDTH, HEIGHT = 440, 480  # pixels at most


class HistoryCard(Overlay):
    """``content`` is the list, or has it with what belongs to it; the focus begins in the list."""

    def __init__(self, window: QWidget, history: HistoryList, content: QWidget | None = None) -> None:
        super().__init__(window, placement="anchor", width=WIDTH)
        self.list = history
        self.title = label(size="heading")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_overlay)
        head = QHBoxLayout()
        head.setContentsMargins(16, 0, 8, 0)
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(0, 12, 0, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(content or history, 1)

    def show_rows(self) -> None:
        """Read the entries again; the keyboard begins at the first one."""
        self.list.reload()
        if not self.list.view.currentIndex().isValid() and self.list.model.rows:
            self.list.view.setCurrentIndex(self.list.model.index(1))  # below its heading
        if self.isVisible() and not self.list.search.text():
            self.focus_first()

    def set_title(self, text: str) -> None:
        self.title.setText(text)
        name_button(self.close_button, tr("Close"), "Esc")

    def place(self) -> None:
        self._width = min(WIDTH, self.width() - 16)
        self.card.setMinimumHeight(min(HEIGHT, self.height() - 120))
        super().place()

    def focus_first(self) -> None:
        (self.list.view if self.list.model.rows else self.list.search).setFocus()
