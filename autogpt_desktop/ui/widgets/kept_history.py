"""A history that its panel keeps in a store: search, open, delete one or all with Undo, or keep none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QMenu, QVBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button
from autogpt_desktop.ui.widgets.history_list import HistoryList
from autogpt_desktop.ui.widgets.history_model import HistoryItem
from autogpt_desktop.ui.widgets.late_saves import LOCKED, RETRY_MS

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

UNDO_MS = 30_000  # in which a deletion can be undone


class Store(Protocol):
    """Entries have a number, ``id``. Every method may raise KnownError, which is shown."""

    def entries(self, query: str = "") -> list[Any]: ...

    def delete(self, entry: int) -> Any: ...

    def clear(self) -> list[Any]: ...

    def restore(self, kept: Sequence[Any]) -> None: ...


@dataclass(frozen=True)
class HistoryTexts:
    """What is said of a history, in the language of now."""

    name: str
    search: str
    empty: str  # as long as there is nothing
    off: str  # the same where the user wants nothing kept
    keep: str  # the switch
    clear: str
    deleted: str
    all_deleted: Callable[[int], str]


class KeptHistory(QWidget):
    """``opened`` carries the entry's number. ``setting``: the switch's name in the settings."""

    opened = Signal(int)

    def __init__(
        self,
        context: AppContext,
        store: Store,
        item: Callable[[Any], HistoryItem],
        texts: Callable[[], HistoryTexts],
        setting: str,
    ) -> None:
        super().__init__()
        self._context, self._store, self._item, self._texts = context, store, item, texts
        self._setting = setting
        self.list = HistoryList(self._read, reload=self.reload)
        self._is_locked = False  # another program holds the file
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(RETRY_MS)
        self._again.timeout.connect(self.reload)
        self.list.model.failed.connect(self._on_failed)
        self.list.add_actions = self._add_actions
        self.list.opened.connect(self._on_opened)
        self.list.deleted.connect(self._on_deleted)
        self.keep = QCheckBox()
        self.keep.setChecked(self._is_kept())
        self.keep.toggled.connect(self._on_keep)
        self.clear_button = button(kind="quiet", icon="delete")
        self.clear_button.clicked.connect(self.delete_all)
        self.foot = QVBoxLayout()
        self.foot.setSpacing(8)
        self.foot.addWidget(self.keep)
        self.foot.addWidget(self.clear_button, 0, Qt.AlignmentFlag.AlignLeft)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.list, 1)
        column.addLayout(self.foot)
        self.retranslate()

    def retranslate(self) -> None:
        texts = self._texts()
        self.keep.setText(texts.keep)
        self.clear_button.setText(texts.clear)
        self._show_texts()

    def reload(self) -> None:
        self._again.stop()
        try:
            self.list.reload()
        except KnownError as error:
            self._on_failed(error)
        else:
            self._is_locked = False
            self._show_texts()

    def _on_failed(self, error: KnownError) -> None:
        was_told, self._is_locked = self._is_locked, error.key == LOCKED
        if not (was_told and self._is_locked):
            self._context.show_error(error)
        if self._is_locked and self.isVisible():
            self._again.start()
        self._show_texts()

    def delete_all(self) -> None:
        try:
            entries = self._store.clear()
        except KnownError as error:
            self._context.show_error(error)
            return
        self.reload()
        self.list.search.setFocus()
        if entries:
            self._offer_undo(self._texts().all_deleted(len(entries)), entries)

    def delete(self, entry: int) -> None:
        try:
            deleted = self._store.delete(entry)
        except KnownError as error:
            self._context.show_error(error)
            return
        self.reload()
        if deleted is not None:
            self._offer_undo(self._texts().deleted, [deleted])

    def _offer_undo(self, text: str, entries: list[Any]) -> None:
        self._context.toast(text, undo=partial(self._restore, entries), milliseconds=UNDO_MS)

    def _restore(self, entries: list[Any]) -> None:
        try:
            self._store.restore(entries)
        except KnownError as error:
            self._context.show_error(error)
        self.reload()

    def _read(self, query: str, limit: int, offset: int) -> Sequence[HistoryItem]:
        return [self._item(one) for one in self._store.entries(query)[offset : offset + limit]]

    def _on_opened(self, item: HistoryItem) -> None:
        self.opened.emit(item.value.id)

    def _on_deleted(self, item: HistoryItem) -> None:
        self.delete(item.value.id)

    def _add_actions(self, menu: QMenu, item: HistoryItem) -> None:
        again = menu.addAction(icons.icon("history"), tr("Open again"))
        again.triggered.connect(partial(self._open_again, item))

    def _open_again(self, item: HistoryItem, _checked: bool = False) -> None:
        self.opened.emit(item.value.id)

    def _is_kept(self) -> bool:
        return bool(getattr(self._context.settings, self._setting))

    def _on_keep(self, keep: bool) -> None:
        setattr(self._context.settings, self._setting, keep)
        self._context.save_settings()
        self._show_texts()

    def _show_texts(self) -> None:
        texts, model = self._texts(), self.list.model
        self.clear_button.setEnabled(bool(model.rows) or bool(model.query))
        self.list.set_texts(texts.name, texts.search, texts.empty if self._is_kept() else texts.off)


def goes_on(before: str, now: str) -> bool:
    """Whether ``now`` is the text ``before`` written on or changed, not another one in its place."""
    start = _shared(before, now)
    end = _shared(before[start:][::-1], now[start:][::-1])
    return 2 * (start + end) >= min(len(before), len(now))


def _shared(one: str, other: str) -> int:
    """How many characters both begin with, by halves: a text may have a million."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
