"""Groups of rows as a table: how many texts each has, the share of each label, and a bar of the shares."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QMenu, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.groups import Group, Groups
from autogpt_desktop.ui.sentiment.labels import LABELS, paint_shares, percent, shares_text, word
from autogpt_desktop.ui.sentiment.row_table import add_sort_menu, menu_place, set_up_rows
from autogpt_desktop.ui.widgets import icons

NAME, TEXTS, POSITIVE, NEUTRAL, NEGATIVE, BAR = range(6)
_NUMERIC = (TEXTS, POSITIVE, NEUTRAL, NEGATIVE)

Index = QModelIndex | QPersistentModelIndex


def group_name(group: Group, by_month: bool) -> str:
    """What a group is called where its cells are empty."""
    return group.name or (tr("No date") if by_month else tr("(blank)"))


class GroupRows(QAbstractTableModel):
    """Sorted by any column; as they come, the largest first and months in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.found = Groups((), "")
        self.two_way = False
        self._order: list[Group] = []
        self._sort: tuple[int, bool] | None = None

    def show_groups(self, found: Groups, two_way: bool) -> None:
        self.beginResetModel()
        self.found, self.two_way = found, two_way
        self._order = self._sorted()
        self.endResetModel()

    def group(self, row: int) -> Group:
        return self._order[row]

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        self._sort = None if column < 0 else (column, order == Qt.SortOrder.DescendingOrder)
        self.beginResetModel()
        self._order = self._sorted()
        self.endResetModel()

    def sorted_groups(self) -> Groups:
        """As they are shown."""
        return Groups(tuple(self._order), self.found.column, self.found.by_month, self.found.unclear)

    def _sorted(self) -> list[Group]:
        if self._sort is None:
            return list(self.found.groups)
        column, descending = self._sort
        return sorted(self.found.groups, key=lambda group: _sort_key(group, column), reverse=descending)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else 6

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        numeric = section in _NUMERIC and orientation == Qt.Orientation.Horizontal
        if role == Qt.ItemDataRole.TextAlignmentRole and numeric:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        if section in (NAME, TEXTS):
            return self.found.column[:60] if section == NAME else tr("Texts")
        return "" if section == BAR else word(LABELS[section - POSITIVE])

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        group, column = self._order[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            if column == NAME:
                return " ".join(group_name(group, self.found.by_month)[:200].split())
            if column == TEXTS:
                return f"{group.texts:,}"
            return "" if column == BAR else percent(group.share(LABELS[column - POSITIVE]))
        if role == Qt.ItemDataRole.AccessibleTextRole and column == BAR:
            return shares_text(_shares(group), self.two_way)
        if role == Qt.ItemDataRole.TextAlignmentRole and column in _NUMERIC:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None


def _shares(group: Group) -> tuple[float, float, float]:
    return group.share("positive"), group.share("neutral"), group.share("negative")


def _sort_key(group: Group, column: int) -> Any:
    if column == NAME:
        return group.name.casefold()
    if column == TEXTS:
        return group.texts
    return group.share(LABELS[column - POSITIVE]) if column != BAR else group.share("positive")


class _Bar(QStyledItemDelegate):
    """The shares as a bar of three parts."""

    def __init__(self, rows: GroupRows, parent: QTableView) -> None:
        super().__init__(parent)
        self._rows = rows

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        group = self._rows.group(index.row())
        area = option.rect.adjusted(8, 0, -8, 0)
        if group.texts:
            bar = QRectF(area.left(), area.center().y() - 4, area.width(), 9)
            paint_shares(painter, bar, _shares(group))

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(80, option.fontMetrics.height() + 12)


class GroupTable(QTableView):
    """The groups; a click on a column's name sorts by it."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = GroupRows()
        self.setModel(self.rows)
        self.setItemDelegateForColumn(BAR, _Bar(self.rows, self))
        set_up_rows(self, BAR)
        head = self.horizontalHeader()
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setSortingEnabled(True)
        self.restyle()

    def make_menu(self) -> QMenu:
        """Copy the row, sort the groups."""
        menu = QMenu(self)
        copy = menu.addAction(icons.icon("copy"), tr("Copy the row"))
        copy.setEnabled(self.currentIndex().isValid())
        copy.triggered.connect(self.copy_row)
        add_sort_menu(menu, self)
        return menu

    def copy_row(self) -> None:
        """With tabs between its cells, as spreadsheets paste them."""
        row, columns = self.currentIndex().row(), range(self.rows.columnCount())
        cells = [str(self.rows.index(row, at).data()) for at in columns if not self.isColumnHidden(at)]
        QGuiApplication.clipboard().setText("\t".join(cells).rstrip())  # the bar says nothing new

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu()
        menu.exec(menu_place(self, event))
        menu.deleteLater()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy) and self.currentIndex().isValid():
            self.copy_row()
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Shares by group"))
        self.rows.show_groups(self.rows.found, self.rows.two_way)

    def restyle(self) -> None:
        metrics = self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 12)
        self.setColumnWidth(NAME, 180)
        widest = max(metrics.horizontalAdvance(word(label)) for label in LABELS) + 40
        for column in _NUMERIC:
            self.setColumnWidth(column, widest)

    def show_groups(self, found: Groups, two_way: bool) -> None:
        self.rows.show_groups(found, two_way)
        self.setColumnHidden(NEUTRAL, two_way)
