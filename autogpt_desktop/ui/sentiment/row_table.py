"""What the tables of this panel share: whole rows are chosen, none is edited, one column takes the room."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView

from autogpt_desktop.i18n import tr


def set_up_rows(table: QTableView, widest: int) -> None:
    """``table`` has its model already; ``widest``: the column that gets the room that is left."""
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setTabKeyNavigation(False)
    table.setShowGrid(False)
    table.setWordWrap(False)
    table.verticalHeader().hide()
    table.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    head = table.horizontalHeader()
    head.setHighlightSections(False)
    head.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
    head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
    head.setSectionResizeMode(widest, QHeaderView.ResizeMode.Stretch)


def add_sort_menu(menu: QMenu, table: QTableView) -> QMenu:
    """What a click on a column's name does, for those who have no mouse in their hand."""
    head, model = table.horizontalHeader(), table.model()
    inner = menu.addMenu(tr("Sort by"))
    for column in range(model.columnCount()):
        name = model.headerData(column, Qt.Orientation.Horizontal)
        if table.isColumnHidden(column) or not name:
            continue
        action = inner.addAction(str(name))
        action.setCheckable(True)
        action.setChecked(head.sortIndicatorSection() == column)
        action.triggered.connect(partial(_sort, table, column))
    return inner


def _sort(table: QTableView, column: int, _checked: bool = False) -> None:
    """Upward; once more, downward."""
    head, orders = table.horizontalHeader(), Qt.SortOrder
    again = head.sortIndicatorSection() == column and head.sortIndicatorOrder() == orders.AscendingOrder
    table.sortByColumn(column, orders.DescendingOrder if again else orders.AscendingOrder)


def menu_place(table: QTableView, event: QContextMenuEvent) -> QPoint:
    """Where a context menu belongs: at the pointer, or by the keyboard below the current row."""
    if event.reason() != QContextMenuEvent.Reason.Keyboard or not table.currentIndex().isValid():
        return event.globalPos()
    area = table.visualRect(table.currentIndex())
    shown = table.viewport().rect()
    place = QPoint(max(area.left(), shown.left()), min(area.bottom(), shown.bottom()))
    return table.viewport().mapToGlobal(place)
