"""The translations of before: search, open again, delete with Undo."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QMenu

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.translations import Kept, TranslateHistory
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.labels import language_name
from autogpt_desktop.ui.translate.side_panel import SidePanel
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button
from autogpt_desktop.ui.widgets.history_list import HistoryList
from autogpt_desktop.ui.widgets.history_model import HistoryItem

UNDO_MS = 30_000  # in which a deletion can be undone


class HistoryView(SidePanel):
    """Tells what is to be opened; deletes by itself."""

    opened = Signal(int)  # the entry

    def __init__(self, context: AppContext, history: TranslateHistory) -> None:
        super().__init__()
        self._context, self._history = context, history
        self.list = HistoryList(self._read, reload=self.reload)
        self.list.search_row.setContentsMargins(0, 0, 0, 0)
        self.list.add_actions = self._add_actions
        self.list.opened.connect(self._on_opened)
        self.list.deleted.connect(self._on_deleted)
        self.search, self.view, self.model = self.list.search, self.list.view, self.list.model
        self.keep = QCheckBox()
        self.keep.setChecked(context.settings.keep_translations)
        self.keep.toggled.connect(self._on_keep)
        self.clear_button = button(kind="quiet", icon="delete")
        self.clear_button.clicked.connect(self.delete_all)
        foot = QHBoxLayout()
        foot.addWidget(self.clear_button)
        foot.addStretch(1)
        self.column.addWidget(self.list, 1)
        self.column.addWidget(self.keep)
        self.column.addLayout(foot)
        self.retranslate()

    def retranslate(self) -> None:
        super().retranslate()
        self.title.setText(tr("History"))
        self.clear_button.setText(tr("Delete all translations"))
        self.keep.setText(tr("Keep translations on this computer"))
        self._show_texts()

    def reload(self) -> None:
        try:
            self.list.reload()
        except KnownError as error:
            self._context.show_error(error)
        self._show_texts()

    def focus_first(self) -> None:
        self.search.setFocus()

    def delete_all(self) -> None:
        try:
            entries = self._history.clear()
        except KnownError as error:
            self._context.show_error(error)
            return
        self.reload()
        self.focus_first()
        if entries:
            text = tr("{n} translations deleted", n=len(entries))
            self._context.toast(text, undo=partial(self._restore, entries), milliseconds=UNDO_MS)

    def delete(self, entry: int) -> None:
        try:
            deleted = self._history.delete(entry)
        except KnownError as error:
            self._context.show_error(error)
            return
        self.reload()
        if deleted is not None:
            undo = partial(self._restore, [deleted])
            self._context.toast(tr("Translation deleted"), undo=undo, milliseconds=UNDO_MS)

    def _restore(self, entries: list[Kept]) -> None:
        try:
            self._history.restore(entries)
        except KnownError as error:
            self._context.show_error(error)
        self.reload()

    def _read(self, query: str, limit: int, offset: int) -> Sequence[HistoryItem]:
        return [_item(one) for one in self._history.entries(query)[offset : offset + limit]]

    def _on_opened(self, item: HistoryItem) -> None:
        self.opened.emit(item.value.id)

    def _on_deleted(self, item: HistoryItem) -> None:
        self.delete(item.value.id)

    def _add_actions(self, menu: QMenu, item: HistoryItem) -> None:
        again = menu.addAction(icons.icon("translate"), tr("Open again"))
        again.triggered.connect(partial(self._open_again, item))

    def _open_again(self, item: HistoryItem, _checked: bool = False) -> None:
        self.opened.emit(item.value.id)

    def _on_keep(self, keep: bool) -> None:
        self._context.settings.keep_translations = keep
        self._context.save_settings()
        self._show_texts()

    def _show_texts(self) -> None:
        self.clear_button.setEnabled(bool(self.model.rows) or bool(self.model.query))
        kept = self._context.settings.keep_translations
        self.list.set_texts(
            tr("Earlier translations"),
            tr("Search translations"),
            tr("What you translate will be listed here. It stays on this computer.")
            if kept
            else tr("Translations are not kept."),
        )


def _item(one: Kept) -> HistoryItem:
    note = f"{language_name(one.target)}: {_line(one.translation)}"
    return HistoryItem(one.id, _line(one.text), one.changed, note=note, value=one)


def _line(text: str) -> str:
    return " ".join(text.split())
