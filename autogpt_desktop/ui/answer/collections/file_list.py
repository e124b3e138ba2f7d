"""The files of a collection as a list: what became of each, fine with a hundred thousand of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, QRect, Qt
from PySide6.QtGui import QFontMetrics, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import plain_tooltip
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.tasks.answer.indexing import Listing

Index = QModelIndex | QPersistentModelIndex
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
STATES = ("aside", "missing", "changed", "new", "read", "skipped")  # in the order they are listed
PROBLEM_STATES = ("aside", "missing", "changed")


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One file."""

    path: Path
    state: str  # one of STATES
    where: str  # its folder, as short as it is clear
    key: str  # to sort and to look for
    error: KnownError | None = None  # why it was set aside
    notices: tuple[Notice, ...] = ()

    def state_text(self) -> str:
        """What stands at the right; empty for the ordinary."""
        return {
            "aside": tr("set aside"),
            "missing": tr("moved or deleted"),
            "changed": tr("changed since"),
            "new": tr("not read yet"),
            "read": "",
            "skipped": tr("left out"),
        }[self.state]

    def sentence(self) -> str:
        """All that is known about it, for the line under the list."""
        if self.error is not None and self.state in ("aside", "skipped"):
            return i18n.message(self.error)
        if self.state == "read" and self.notices:
            return " ".join(i18n.message(notice.key, **notice.values) for notice in self.notices)
        return {
            "missing": tr("It is no longer where it was read: moved, renamed or deleted."),
            "changed": tr("It changed since it was read. Read the files again to search its new text."),
            "new": tr("It has not been read yet."),
        }.get(self.state, tr("It was read and can be searched."))


def skipped_rows(listing: Listing, roots: Sequence[Path]) -> list[ListedFile]:
    """A row for each file and folder that was left out, as they come. For the worker too."""
    folders = _with_separator(roots)
    return [_row(item.path, "skipped", folders, item.error()) for item in listing.skipped]


def _with_separator(roots: Sequence[Path]) -> list[tuple[Path, str]]:
    return [(root, str(root) + os.sep) for root in roots if root.parent != root]


def rows_of(listing: Listing, roots: Sequence[Path]) -> list[ListedFile]:
    """A row for each file: what needs attention first, then by path. For the worker: it may take a while."""
    folders = _with_separator(roots)
    rows = []
    for entry in listing.files:
        state = listing.since.get(entry.path, "")
        if state not in ("missing", "changed"):
            state = "read" if entry.error is None else "aside"
        rows.append(_row(entry.path, state, folders, entry.error, entry.notices))
    rows += [_row(path, "new", folders) for path, since in listing.since.items() if since == "new"]
    rows.sort(key=lambda row: (STATES.index(row.state), row.key))
    return rows


def _row(
    path: Path,
    state: str,
    roots: Sequence[tuple[Path, str]],
    error: KnownError | None = None,
    notices: tuple[Notice, ...] = (),
) -> ListedFile:
    whole = str(path)
    folder = whole[: max(len(whole) - len(path.name) - 1, 0)]
    for root, inside in roots:
        if whole.startswith(inside):
            folder = os.path.join(root.name, folder[len(inside) :])
            break
    return ListedFile(path, state, folder.rstrip(os.sep) or os.sep, whole.casefold(), error, notices)


class FileModel(QAbstractListModel):
    """The rows, or those of them that hold some letters."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.all: list[ListedFile] = []
        self.rows: list[ListedFile] = []
        self._letters = ""
        self._problems_only = False

    def set_rows(self, rows: list[ListedFile]) -> None:
        self.all = rows
        self._choose()

    def set_filter(self, letters: str, problems_only: bool) -> None:
        """Only files whose path holds ``letters``, only what needs attention."""
        letters = letters.strip().casefold()
        if (letters, problems_only) != (self._letters, self._problems_only):
            self._letters, self._problems_only = letters, problems_only
            self._choose()

    def _choose(self) -> None:
        self.beginResetModel()
        rows = self.all
        if self._problems_only:
            rows = [row for row in rows if row.state in PROBLEM_STATES]
        if self._letters:
            rows = [row for row in rows if self._letters in row.key]
        self.rows = rows
        self.endResetModel()

    # -- Qt

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self.rows):
            return None
        row = self.rows[index.row()]
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.path.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tooltip(f"{row.path}\n{row.sentence()}")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{row.path.name}. {row.sentence()}"
        return None


class _Delegate(QStyledItemDelegate):
    """The name and its state, below them the folder or the reason."""

    @staticmethod
    def height() -> int:
        return sum(QFontMetrics(theme().font(size)).height() for size in ("body", "small")) + 12

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: ListedFile = index.data(ROW_ROLE)
        color = theme().color
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        area = option.rect.adjusted(0, 1, -1, -1)
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(color("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(area, 6, 6)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.toRectF().adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)
        left, right = area.left() + 8, area.right() - 8
        small = theme().font("small")
        metrics = QFontMetrics(small)
        state = row.state_text()
        painter.setFont(small)
        line = QRect(left, area.top() + 4, right - left, QFontMetrics(theme().font("body")).height())
        if state:
            painter.setPen(color("muted" if row.state in ("new", "skipped") else "warning"))
            painter.drawText(line, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, state)
            line.setRight(right - metrics.horizontalAdvance(state) - 12)
        self._line(painter, line, row.path.name, "text", "body", Qt.TextElideMode.ElideMiddle)
        below = QRect(left, line.bottom() + 2, right - left, metrics.height())
        says_why = row.state in ("aside", "skipped")
        under = row.sentence() if says_why else row.where
        mode = Qt.TextElideMode.ElideRight if says_why else Qt.TextElideMode.ElideMiddle
        self._line(painter, below, under, "muted", "small", mode)
        painter.restore()

    @staticmethod
    def _line(
        painter: QPainter, area: QRect, text: str, color: str, size: str, mode: Qt.TextElideMode
    ) -> None:
        font = theme().font(size)
        painter.setFont(font)
        painter.setPen(theme().color(color))
        shown = QFontMetrics(font).elidedText(text, mode, area.width())
        painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)


class FileList(QTableView):
    """The view. A table, for it alone asks nothing about rows that are out of sight."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.files = FileModel(self)
        self.setModel(self.files)
        self.setItemDelegate(_Delegate(self))
        self.setShowGrid(False)
        self.horizontalHeader().hide()
        self.horizontalHeader().setStretchLastSection(True)
        rows = self.verticalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        rows.setDefaultSectionSize(_Delegate.height())
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet(
            "QTableView { background: transparent; border: none; outline: none;"
            " selection-background-color: transparent; }"
        )
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)

    def chosen(self) -> ListedFile | None:
        index = self.currentIndex()
        return index.data(ROW_ROLE) if index.isValid() else None

    def show_rows(self, rows: list[ListedFile]) -> None:
        """Other rows; the chosen one and the place stay."""
        before = self.chosen()
        place = self.verticalScrollBar().value()
        self.files.set_rows(rows)
        if before is not None:
            at = next((n for n, row in enumerate(self.files.rows) if row.key == before.key), -1)
            if at >= 0:
                self.setCurrentIndex(self.files.index(at))
        self.verticalScrollBar().setValue(place)
