"""The card that lists the conversations of earlier."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.questions import KeptQuestions
from autogpt_desktop.ui.widgets.basic import icon_button, label, name_button
from autogpt_desktop.ui.widgets.history_list import HistoryList
from autogpt_desktop.ui.widgets.history_model import HistoryItem
from autogpt_desktop.ui.widgets.overlay import Overlay

WIDTH, HEIGHT = 440, 480  # pixels at most


class QuestionHistoryCard(Overlay):
    """The list; what is done with it is the panel's."""

    opened = Signal(object)  # KeptQuestions
    removed = Signal(object)
    renamed = Signal(object, str)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window, placement="anchor", width=WIDTH)
        self._kept: Sequence[KeptQuestions] = ()
        self.title = label(size="heading")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_overlay)
        self.list = HistoryList(self._read, renames=True)
        self.list.opened.connect(self._on_opened)
        self.list.deleted.connect(self._on_deleted)
        self.list.renamed.connect(self._on_renamed)
        head = QHBoxLayout()
        head.setContentsMargins(16, 0, 8, 0)
        head.addWidget(self.title, 1)
        head.addWidget(self.close_button)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(0, 12, 0, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.list, 1)
        self.retranslate()

    def show_rows(self, rows: Sequence[KeptQuestions]) -> None:
        self._kept = rows
        self.list.reload()
        if not self.list.view.currentIndex().isValid() and self.list.model.rows:
            self.list.view.setCurrentIndex(self.list.model.index(1))  # below its heading
        if self.isVisible() and not self.list.search.text():
            self.focus_first()

    def retranslate(self) -> None:
        self.title.setText(tr("Earlier questions"))
        name_button(self.close_button, tr("Close"), "Esc")
        self.list.set_texts(
            tr("Earlier questions"), tr("Search questions"), tr("Nothing has been asked yet.")
        )

    def place(self) -> None:
        self._width = min(WIDTH, self.width() - 16)
        self.card.setMinimumHeight(min(HEIGHT, self.height() - 120))
        super().place()

    def focus_first(self) -> None:
        (self.list.view if self.list.model.rows else self.list.search).setFocus()

    def _read(self, query: str, limit: int, offset: int) -> list[HistoryItem]:
        words = query.casefold().split()
        wanted = [
            one
            for one in self._kept
            if all(word in f"{one.title}\n{one.source}".casefold() for word in words)
        ]
        return [
            HistoryItem(one.id, one.title, one.changed, note=one.source or tr("Pasted text"), value=one)
            for one in wanted[offset : offset + limit]
        ]

    def _on_opened(self, item: HistoryItem) -> None:
        if self.isVisible():  # a click that also activates comes twice
            self.close_overlay()
            self.opened.emit(item.value)

    def _on_deleted(self, item: HistoryItem) -> None:
        self.removed.emit(item.value)

    def _on_renamed(self, item: HistoryItem, title: str) -> None:
        self.renamed.emit(item.value, title)
