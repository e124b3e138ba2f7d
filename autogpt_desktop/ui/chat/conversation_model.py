"""The rows of the conversation list: headings for pinned ones and dates, conversations below them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QLocale, QModelIndex, QObject, QPersistentModelIndex, Qt

from autogpt_desktop.i18n import current_language, tr
from autogpt_desktop.ui.widgets.basic import plain_tooltip

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Conversation, History

Index = QModelIndex | QPersistentModelIndex
PAGE = 200  # conversations read at a time
ROW_ROLE = Qt.ItemDataRole.UserRole + 1


@dataclass(frozen=True)
class Row:
    """A heading (``conversation`` is None) or a conversation."""

    heading: str = ""
    conversation: Conversation | None = None


def group_name(updated: float, now: float | None = None) -> str:
    """The heading that a conversation belongs under."""
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


def shown_title(title: str) -> str:
    return title or tr("New chat")


class ConversationModel(QAbstractListModel):
    """Reads the history page by page."""

    def __init__(self, history: History, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.history = history
        self.query = ""
        self.rows: list[Row] = []
        self.rename: Callable[[int, str], object] | None = None
        self._read = 0
        self._more = True

    def reload(self) -> None:
        """Read again as many as were shown."""
        wanted = max(PAGE, self._read)
        self.beginResetModel()
        self.rows, self._read = [], 0
        self._append(wanted)
        self.endResetModel()

    def _append(self, limit: int) -> list[Row]:
        items = self.history.conversations(self.query, limit=limit, offset=self._read)
        self._read += len(items)
        self._more = len(items) == limit
        added: list[Row] = []
        last = next((row.heading for row in reversed(self.rows) if row.conversation is None), "")
        for item in items:
            heading = tr("Pinned") if item.pinned else group_name(item.updated)
            if self.query:
                heading = tr("Found")
            if heading != last:
                added.append(Row(heading))
                last = heading
            added.append(Row(conversation=item))
        self.rows.extend(added)
        return added

    def row_of(self, conversation_id: int) -> int:
        for index, row in enumerate(self.rows):
            if row.conversation is not None and row.conversation.id == conversation_id:
                return index
        return -1

    # -- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def canFetchMore(self, parent: Index) -> bool:
        return self._more and not parent.isValid()

    def fetchMore(self, parent: Index) -> None:
        before = len(self.rows)
        added = self._append(PAGE)
        if added:
            self.beginInsertRows(QModelIndex(), before, before + len(added) - 1)
            self.endInsertRows()

    def flags(self, index: Index) -> Qt.ItemFlag:
        row = self.rows[index.row()]
        if row.conversation is None:
            return Qt.ItemFlag.NoItemFlags
        return Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable | Qt.ItemFlag.ItemIsEditable

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == ROW_ROLE:
            return row
        title = shown_title(row.conversation.title) if row.conversation else row.heading
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return title
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(title)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            if row.conversation and row.conversation.snippet:
                return f"{title}. {row.conversation.snippet}"
            return title
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:
        row = self.rows[index.row()]
        title = " ".join(str(value).split())
        if role != Qt.ItemDataRole.EditRole or row.conversation is None or not title:
            return False
        if title != row.conversation.title and self.rename is not None:
            self.rename(row.conversation.id, title)
        return True
