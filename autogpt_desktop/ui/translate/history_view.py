"""The translations of before: search, open again, delete with Undo."""

from __future__ import annotations

from PySide6.QtCore import Signal

from autogpt_desktop.i18n import tr
from autogpt_desktop.one_line import one_line
from autogpt_desktop.storage.translations import Kept, TranslateHistory
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.labels import language_name
from autogpt_desktop.ui.translate.side_panel import SidePanel
from autogpt_desktop.ui.widgets.history_model import HistoryItem
from autogpt_desktop.ui.widgets.kept_history import HistoryTexts, KeptHistory


class HistoryView(SidePanel):
    """Tells what is to be opened; deletes by itself."""

    opened = Signal(int)  # the entry

    def __init__(self, context: AppContext, history: TranslateHistory) -> None:
        super().__init__()
        self.history = KeptHistory(context, history, _item, _texts, "keep_translations")
        self.list = self.history.list
        self.list.search_row.setContentsMargins(0, 0, 0, 0)
        self.search, self.view, self.model = self.list.search, self.list.view, self.list.model
        self.keep, self.clear_button = self.history.keep, self.history.clear_button
        self.history.opened.connect(self.opened)
        self.column.addWidget(self.history, 1)
        self.retranslate()

    def retranslate(self) -> None:
        super().retranslate()
        self.title.setText(tr("History"))
        self.history.retranslate()

    def reload(self) -> None:
        self.history.reload()

    def focus_first(self) -> None:
        self.search.setFocus()


def _item(one: Kept) -> HistoryItem:
    note = f"{language_name(one.target)}: {one_line(one.translation)}"
    return HistoryItem(one.id, one_line(one.text), one.changed, note=note, value=one)


def _texts() -> HistoryTexts:
    return HistoryTexts(
        name=tr("Earlier translations"),
        search=tr("Search translations"),
        empty=tr("What you translate will be listed here. It stays on this computer."),
        off=tr("Translations are not kept."),
        keep=tr("Keep translations on this computer"),
        clear=tr("Delete all translations"),
        deleted=tr("Translation deleted"),
        all_deleted=_all_deleted,
    )


def _all_deleted(count: int) -> str:
    return tr("{n} translations deleted", n=count)
