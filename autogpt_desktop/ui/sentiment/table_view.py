"""The table of results: rows of one height, painted without a widget for any of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING
from unicodedata import bidirectional

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QKeyEvent, QKeySequence, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.sentiment.result_rows import (
    CERTAINTY,
    EMPTY,
    LABEL,
    NUMBER,
    TEXT,
    ResultRows,
)
from autogpt_desktop.ui.sentiment.row_table import add_sort_menu, menu_place, set_up_rows
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.sentiment.verdict import fill_correct_menu
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.send_menu import add_send_actions
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

_WIDEST = 200  # pixels of a label's name
_KEYS: dict[int, str] = {Qt.Key.Key_Plus: "positive", Qt.Key.Key_0: "neutral", Qt.Key.Key_Minus: "negative"}


def is_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction goes to the left (UAX 9, P2)."""
    for character in text[:80]:
        kind = bidirectional(character)
        if kind in ("L", "R", "AL"):
            return kind != "L"
    return False


class _Delegate(QStyledItemDelegate):
    """A sign and a word for the label, a bar of parts for the probabilities.

    It asks the model in Python: through Qt's indexes a page takes a third longer.
    """

    def __init__(self, rows: ResultRows, parent: QTableView) -> None:
        super().__init__(parent)
        self._rows = rows

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        column = index.column()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        area: QRect = option.rect
        if chosen:
            painter.fillRect(area, theme().color("accent_soft"))
        inner = area.adjusted(8, 0, -8, 0)
        rows, row = self._rows, self._rows.row_of(index)
        text, code = rows.cell(row, column), rows.code_of(row)
        painter.setPen(theme().color("text"))
        if column == NUMBER:
            painter.setPen(theme().color("muted"))
            painter.drawText(inner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, text)
        elif column == LABEL:
            self._label(painter, inner, text, row)
        elif column == CERTAINTY:
            if text:
                self._shares(painter, inner, text, row)
        else:
            self._text(painter, inner, text, code == EMPTY)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme().color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(area.adjusted(0, 0, -1, -1))

    def _label(self, painter: QPainter, area: QRect, text: str, row: int) -> None:
        scheme, label = self._rows.scheme, self._rows.label_of(row)
        if not label:
            painter.setPen(theme().color("muted"))
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, text)
            return
        scheme.paint_icon(painter, QRect(area.left(), area.top(), 18, area.height()), label)
        painter.setPen(theme().color("text") if scheme.is_own else scheme.color(label))
        place = area.adjusted(24, 0, 0, 0)
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, place.width())
        painter.drawText(place, Qt.AlignmentFlag.AlignVCenter, shown)
        if self._rows.is_corrected(row):
            icons.icon("edit", "muted").paint(painter, area.right() - 16, area.top(), 16, area.height())

    def _shares(self, painter: QPainter, area: QRect, text: str, row: int) -> None:
        wide = painter.fontMetrics().horizontalAdvance(">99 %") + 4
        painter.drawText(
            QRect(area.left(), area.top(), wide, area.height()),
            Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter,
            text,
        )
        bar = QRectF(area.left() + wide + 8, area.center().y() - 4, area.width() - wide - 8, 9)
        if bar.width() >= 16:
            self._rows.scheme.paint_shares(painter, bar, self._rows.shares_of(row))

    @staticmethod
    def _text(painter: QPainter, area: QRect, text: str, empty: bool) -> None:
        if empty:
            painter.setPen(theme().color("muted"))
        left, right = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
        side = right if is_right_to_left(text) else left
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, area.width())
        painter.drawText(area, side | Qt.AlignmentFlag.AlignVCenter, shown)

    def sizeHint(self, option: QStyleOptionViewItem, _index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(80, option.fontMetrics.height() + 12)


class ResultTable(QTableView):
    """``row_opened`` carries the number of a row that is clicked or chosen with Enter, and while
    ``follows`` that of every row that the arrow keys come to. ``corrected`` carries a row and a label,
    "" to take it back."""

    row_opened = Signal(int)
    corrected = Signal(int, str)

    def __init__(self, context: AppContext, rows: ResultRows, panel_key: str) -> None:
        super().__init__()
        self.rows = rows
        self.follows = False  # a row is looked at already
        self.clicked.connect(self._on_clicked)
        self._context, self._panel_key = context, panel_key
        self.setModel(rows)
        self.setItemDelegate(_Delegate(rows, self))
        set_up_rows(self, TEXT)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setCornerButtonEnabled(False)
        head = self.horizontalHeader()
        head.setMinimumSectionSize(40)
        head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        head.setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        context.zoom_changed.connect(self.restyle)
        self.restyle()
        self.retranslate()

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Results"))
        self.viewport().update()

    def restyle(self) -> None:
        """Widths and heights from the font, which follows theme and scale."""
        metrics = self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 12)
        self.fit_numbers(self.rows.count())
        self.setColumnWidth(LABEL, self._widest_label() + 24 + 40)
        self.setColumnWidth(CERTAINTY, metrics.horizontalAdvance(">99 %") + 28 + 64)

    def _widest_label(self) -> int:
        scheme = self.rows.scheme
        if not scheme.is_own:
            return self.fontMetrics().horizontalAdvance("Negative")
        names = (self.fontMetrics().horizontalAdvance(scheme.word(label)) for label in scheme.labels)
        return min(max(names), _WIDEST)

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels: the rows go."""
        self.rows.set_scheme(scheme)
        self.restyle()

    def fit_numbers(self, count: int) -> None:
        """The first column as wide as its largest number."""
        widest = "0" * max(3, len(f"{max(1, count):,}"))
        self.setColumnWidth(NUMBER, self.fontMetrics().horizontalAdvance(widest) + 20)

    def current_row(self) -> int:
        index = self.currentIndex()
        return self.rows.row_of(index) if index.isValid() else -1

    def open_row(self, row: int) -> None:
        """Look at a row and bring it in sight; nothing where the filter hides it."""
        place = self.rows.place_of(row)
        if place >= 0:
            self.setCurrentIndex(self.rows.index(place, TEXT))
            self.row_opened.emit(row)

    def step(self, by: int) -> None:
        """To the next row (1) or the one before (-1)."""
        place = self.currentIndex().row() + by
        if 0 <= place < self.rows.rowCount():
            self.setCurrentIndex(self.rows.index(place, TEXT))

    # --- Qt ---------------------------------------------------------------------------------

    def currentChanged(
        self, current: QModelIndex | QPersistentModelIndex, previous: QModelIndex | QPersistentModelIndex
    ) -> None:
        super().currentChanged(current, previous)
        if self.follows and current.isValid():
            self.row_opened.emit(self.rows.row_of(current))

    def _on_clicked(self, index: QModelIndex) -> None:
        self.row_opened.emit(self.rows.row_of(index))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.current_row()
        corrects = not self.rows.scheme.is_own and event.key() in _KEYS
        if row >= 0 and corrects and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.corrected.emit(row, _KEYS[event.key()])
        elif row >= 0 and event.matches(QKeySequence.StandardKey.Copy):  # all of the text, not a cell
            self._copy(row)
        elif row >= 0 and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.row_opened.emit(row)
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        row = self.current_row()
        if row >= 0:
            menu = self.make_menu(row)
            menu.exec(menu_place(self, event))
            menu.deleteLater()

    def make_menu(self, row: int) -> QMenu:
        """Correct it, copy it, send it to another panel."""
        menu = QMenu(self)
        if not self.rows.scheme.is_own:
            title = menu.addAction(tr("What it really is:"))
            title.setEnabled(False)
            own = self.rows.corrected_labels().get(row, "")
            fill_correct_menu(menu, own, partial(self.corrected.emit, row))
            menu.addSeparator()
        copy = menu.addAction(icons.icon("copy"), tr("Copy the text"))
        copy.triggered.connect(partial(self._copy, row))
        add_sort_menu(menu, self)
        add_send_actions(menu, self._context, self._panel_key, partial(self.rows.text_of, row))
        return menu

    def _copy(self, row: int, _checked: bool = False) -> None:
        from PySide6.QtGui import QGuiApplication

        QGuiApplication.clipboard().setText(self.rows.text_of(row))
