"""The card that lists the conversations of earlier."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.questions import KeptQuestions
from autogpt_desktop.ui.widgets.history_card import HistoryCard
from autogpt_desktop.ui.widgets.history_list import HistoryList
from autogpt_desktop.ui.widgets.history_model import HistoryItem


class QuestionHistoryCard(HistoryCard):
    """The list; what is done with it is the panel's."""

    opened = Signal(object)  # KeptQuestions
    removed = Signal(object)
    renamed = Signal(object, str)

    def __init__(self, window: QWidget) -> None:
        self._kept: Sequence[KeptQuestions] = ()
        super().__init__(window, HistoryList(self._read, renames=True))
        self.list.opened.connect(self._on_opened)
        self.list.deleted.connect(self._on_deleted)
        self.list.renamed.connect(self._on_renamed)
        self.retranslate()

    def show_kept(self, rows: Sequence[KeptQuestions]) -> None:
        self._kept = rows
        self.show_rows()

    def retranslate(self) -> None:
        self.set_title(tr("Earlier questions"))
        self.list.set_texts(
            tr("Earlier questions"), tr("Search questions"), tr("Nothing has been asked yet.")
        )

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
