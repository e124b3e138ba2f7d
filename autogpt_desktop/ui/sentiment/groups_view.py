"""Groups of rows as a table: how many texts each has, the share of each label, and a bar of the shares."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import QHeaderView, QMenu, QStyledItemDelegate, QStyleOptionViewItem, QTableView

from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.groups import Group, Groups
from autogpt_desktop.ui.sentiment.labels import LABELS, percent
from autogpt_desktop.ui.sentiment.row_table import add_sort_menu, menu_place, set_up_rows
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.widgets import icons

NAME, TEXTS, FIRST = range(3)  # columns; from the third on a label each, the bar behind the last
POSITIVE, NEUTRAL, NEGATIVE, BAR = range(FIRST, FIRST + len(LABELS) + 1)  # with Sentiment's labels

_WIDEST = 160  # pixels of a label's column
_FEW = 4  # labels whose columns have room beside a bar in a small window

Index = QModelIndex | QPersistentModelIndex


def group_name(group: Group, by_month: bool) -> str:
    """What a group is called where its cells are empty."""
    return group.name or (tr("No date") if by_month else tr("(blank)"))


class GroupRows(QAbstractTableModel):
    """Sorted by any column; as they come, the largest first and months in their order."""

    def __init__(self) -> None:
        super().__init__()
        self.found = Groups((), "")
        self.scheme = SENTIMENT
        self.two_way = False
        self._order: list[Group] = []
        self._sort: tuple[int, bool] | None = None

    @property
    def bar(self) -> int:
        """The column of the bars."""
        return FIRST + len(self.scheme.labels)

    def set_scheme(self, scheme: Scheme) -> None:
        self.beginResetModel()
        self.scheme, self.found, self._order = scheme, Groups((), ""), []
        self._sort = None
        self.endResetModel()

    def is_numeric(self, column: int) -> bool:
        return TEXTS <= column < self.bar

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
        return replace(self.found, groups=tuple(self._order))

    def _sorted(self) -> list[Group]:
        if self._sort is None:
            return list(self.found.groups)
        column, descending = self._sort
        return sorted(self.found.groups, key=lambda group: self._sort_key(group, column), reverse=descending)

    def _sort_key(self, group: Group, column: int) -> Any:
        if column == NAME:
            return group.name.casefold()
        if column == TEXTS:
            return group.texts
        return group.share(self.scheme.labels[column - FIRST if column < self.bar else 0])

    def shares(self, group: Group) -> tuple[float, ...]:
        return tuple(group.share(label) for label in self.scheme.labels)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self._order)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else self.bar + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        numeric = self.is_numeric(section) and orientation == Qt.Orientation.Horizontal
        if role == Qt.ItemDataRole.TextAlignmentRole and numeric:
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        if section in (NAME, TEXTS):
            return self.found.column[:60] if section == NAME else tr("Texts")
        return "" if section == self.bar else self.scheme.word(self.scheme.labels[section - FIRST])

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        group, column = self._order[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            if column == NAME:
                return " ".join(group_name(group, self.found.by_month)[:200].split())
            if column == TEXTS:
                return f"{group.texts:,}"
            return "" if column == self.bar else percent(group.share(self.scheme.labels[column - FIRST]))
        if role == Qt.ItemDataRole.AccessibleTextRole and column == self.bar:
            return self.scheme.shares_text(self.shares(group), self.two_way)
        if role == Qt.ItemDataRole.TextAlignmentRole and self.is_numeric(column):
            return int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        return None


class _Bar(QStyledItemDelegate):
    """The shares as a bar of parts."""

    def __init__(self, rows: GroupRows, parent: QTableView) -> None:
        super().__init__(parent)
        self._rows = rows

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        super().paint(painter, option, index)
        group = self._rows.group(index.row())
        area = option.rect.adjusted(8, 0, -8, 0)
        if group.texts:
            bar = QRectF(area.left(), area.center().y() - 4, area.width(), 9)
            self._rows.scheme.paint_shares(painter, bar, self._rows.shares(group))

    def sizeHint(self, option: QStyleOptionViewItem, _index: Index) -> QSize:
        return QSize(80, option.fontMetrics.height() + 12)


class GroupTable(QTableView):
    """The groups; a click on a column's name sorts by it."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = GroupRows()
        self.setModel(self.rows)
        self._bar = _Bar(self.rows, self)
        self.setItemDelegateForColumn(BAR, self._bar)
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
        scheme = self.rows.scheme
        widest = max(metrics.horizontalAdvance(scheme.word(label)) for label in scheme.labels) + 40
        for column in range(TEXTS, self.rows.bar):
            self.setColumnWidth(column, min(widest, _WIDEST))

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels: other columns."""
        self.setItemDelegateForColumn(self.rows.bar, None)  # type: ignore[arg-type]
        head = self.horizontalHeader()
        head.setSectionResizeMode(self.rows.bar, QHeaderView.ResizeMode.Interactive)
        head.moveSection(head.visualIndex(self.rows.bar), self.rows.bar)
        self.setColumnHidden(NEUTRAL, False)
        self.rows.set_scheme(scheme)
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        self.setItemDelegateForColumn(self.rows.bar, self._bar)
        # few labels leave the bar the room that is left; many want to be scrolled through, with the bar
        # in front of them, where it is seen
        few = len(scheme.labels) <= _FEW
        mode = QHeaderView.ResizeMode.Stretch if few else QHeaderView.ResizeMode.Interactive
        head.setSectionResizeMode(self.rows.bar, mode)
        self.restyle()
        if not few:
            self.setColumnWidth(self.rows.bar, _WIDEST)
            head.moveSection(head.visualIndex(self.rows.bar), FIRST)

    def show_groups(self, found: Groups, two_way: bool) -> None:
        self.rows.show_groups(found, two_way)
        self.setColumnHidden(NEUTRAL, two_way and not self.rows.scheme.is_own)
