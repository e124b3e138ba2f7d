"""What a history holds, as rows: headings for days, entries below them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QLocale,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import current_language, tr
from autogpt_desktop.ui.widgets.basic import plain_tooltip

Index = QModelIndex | QPersistentModelIndex
PAGE = 200  # entries read at a time
ROW_ROLE = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class HistoryItem:
    """One entry. ``note``: a line below the title; ``snippet``: what a search found, ``matches``: where."""

    key: Hashable
    title: str
    changed: float  # seconds since 1970
    note: str = ""
    pinned: bool = False
    snippet: str = ""
    matches: tuple[tuple[int, int], ...] = ()
    value: Any = None  # whatever the entry stands for


@dataclass(frozen=True)
class Row:
    """A heading (``item`` is None) or an entry."""

    heading: str = ""
    item: HistoryItem | None = None


Read = Callable[[str, int, int], Sequence[HistoryItem]]  # query, limit, offset: the last first


def group_name(updated: float, now: float | None = None) -> str:
    """The heading that an entry belongs under."""
    today = datetime.fromtimestamp(now if now is not None else time.time()).date()
    day = datetime.fromtimestamp(updated).date()
    if day >= today:
        return tr("Today")
    if day == today - timedelta(days=1):
        return tr("Yesterday")
    if day > today - timedelta(days=7):
        return tr("Previous 7 days")
    return _month(day)


def _month(day: date) -> str:
    locale = QLocale(current_language())
    short = current_language().startswith("zh")  # 10月, not 十月, beside the year's digits
    kind = QLocale.FormatType.ShortFormat if short else QLocale.FormatType.LongFormat
    name = locale.standaloneMonthName(day.month, kind)
    return tr("{month} {year}", month=name[:1].upper() + name[1:], year=day.year)


class HistoryModel(QAbstractListModel):
    """Reads page by page; ``read`` may raise KnownError: ``reload`` passes it on, and what goes wrong where
    Qt asks for more comes by ``failed``."""

    failed = Signal(object)  # KnownError

    def __init__(self, read: Read, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._read_items = read
        self.query = ""
        self.rows: list[Row] = []
        self.rename: Callable[[HistoryItem, str], object] | None = (
            None  # None: they have no titles of their own
        )
        self._read = 0
        self._more = True

    def reload(self) -> None:
        """Read again as many as were shown."""
        wanted = max(PAGE, self._read)
        items = self._read_items(self.query, wanted, 0)
        self.beginResetModel()
        self.rows, self._read = [], 0
        self._append(items, wanted)
        self.endResetModel()

    def _append(self, items: Sequence[HistoryItem], limit: int) -> list[Row]:
        self._read += len(items)
        self._more = len(items) == limit
        added: list[Row] = []
        last = next((row.heading for row in reversed(self.rows) if row.item is None), "")
        for item in items:
            heading = tr("Pinned") if item.pinned else group_name(item.changed)
            if self.query:
                heading = tr("Found")
            if heading != last:
                added.append(Row(heading))
                last = heading
            added.append(Row(item=item))
        self.rows.extend(added)
        return added

    def items(self) -> list[HistoryItem]:
        return [row.item for row in self.rows if row.item is not None]

    def row_of(self, key: Hashable) -> int:
        """-1: it is not there."""
        for number, row in enumerate(self.rows):
            if row.item is not None and row.item.key == key:
                return number
        return -1

    # -- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def canFetchMore(self, parent: Index) -> bool:
        return self._more and not parent.isValid()

    def fetchMore(self, parent: Index) -> None:
        try:
            items = self._read_items(self.query, PAGE, self._read)
        except KnownError as error:
            self._more = False  # until the next reload
            self.failed.emit(error)
            return
        before = len(self.rows)
        added = self._append(items, PAGE)
        if added:
            self.beginInsertRows(QModelIndex(), before, before + len(added) - 1)
            self.endInsertRows()

    def flags(self, index: Index) -> Qt.ItemFlag:
        if self.rows[index.row()].item is None:
            return Qt.ItemFlag.NoItemFlags
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if self.rename is not None else flags

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == ROW_ROLE:
            return row
        title = row.item.title if row.item else row.heading
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return title
        texts = [title, row.item.note, row.item.snippet] if row.item else [title]
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip("\n".join(text for text in texts[:2] if text))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ". ".join(text for text in texts if text)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        item = self.rows[index.row()].item
        title = " ".join(str(value).split())
        if role != Qt.ItemDataRole.EditRole or item is None or not title or self.rename is None:
            return False
        if title != item.title:
            self.rename(item, title)
        return True
