"""The history of a panel: a search field, entries under the days they are of; the same in every panel."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import label, name_field
from autogpt_desktop.ui.widgets.history_model import ROW_ROLE, HistoryItem, HistoryModel, Index, Read, Row
from autogpt_desktop.ui.widgets.theme import theme

SIDE = 16


class HistoryList(QWidget):
    """``read`` gives the entries. Arrow keys and Enter open one, F2 renames it where ``renames``, Delete
    deletes it; its owner does what it tells, with Undo, and calls ``reload``.
    """

    opened = Signal(object)  # HistoryItem
    renamed = Signal(object, str)  # HistoryItem, title
    deleted = Signal(object)  # HistoryItem

    def __init__(
        self, read: Read, *, renames: bool = False, reload: Callable[[], None] | None = None
    ) -> None:
        super().__init__()
        self.current: Hashable = None  # key of the one that is open
        self.running: set[Hashable] = set()  # keys of those that are worked on
        self.add_actions: Callable[[QMenu, HistoryItem], None] | None = None  # to an entry's menu
        self._empty_text = ""
        self._reload = reload or self.reload  # what a search calls, for those that report errors
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.installEventFilter(self)
        self.model = HistoryModel(read, self)
        if renames:
            self.model.rename = self.renamed.emit
        self.view = _View(self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(self))
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.clicked.connect(self.open_index)
        self.empty = label(size="small", tone="muted", wrap=True)
        self.empty.setContentsMargins(SIDE, 8, SIDE, 8)
        self.search_row = QVBoxLayout()
        self.search_row.setContentsMargins(12, 0, 12, 4)
        self.search_row.addWidget(self.search)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(self.search_row)
        column.addWidget(self.empty)
        column.addWidget(self.view, 1)
        self._debounce = QTimer(self)
        self._debounce.setSingleShot(True)
        self._debounce.setInterval(120)
        self._debounce.timeout.connect(self.search_now)
        self.search.textChanged.connect(self._debounce.start)
        theme().changed.connect(self.view.viewport().update)

    def set_texts(self, name: str, search: str, empty: str) -> None:
        """What the list is called, what is searched, and what is said as long as there is nothing."""
        self.view.setAccessibleName(name)
        name_field(self.search, search)
        self._empty_text = empty
        self._show_empty()

    # -- content

    def reload(self) -> None:
        """The history changed. The scroll position and the keyboard's row stay."""
        bar = self.view.verticalScrollBar()
        value, at = bar.value(), self.view.currentIndex().row()
        item = self.item_at(self.view.currentIndex())
        self.model.reload()
        place = self.model.row_of(item.key) if item is not None else -1
        if place < 0 and item is not None:  # it was deleted: the next one
            behind = [n for n, row in enumerate(self.model.rows) if row.item is not None]
            place = next((n for n in behind if n >= at), behind[-1] if behind else -1)
        if place >= 0:
            self.view.setCurrentIndex(self.model.index(place))
        bar.setValue(value)
        self._show_empty()

    def _show_empty(self) -> None:
        nothing = not self.model.rows
        self.empty.setVisible(nothing)
        self.empty.setText(tr("Nothing found.") if self.model.query else self._empty_text)
        # an empty list would be a stop where the focus cannot be seen
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus if nothing else Qt.FocusPolicy.StrongFocus)

    def set_current(self, key: Hashable) -> None:
        self.current = key
        self.view.viewport().update()

    def set_running(self, keys: set[Hashable]) -> None:
        self.running = set(keys)
        self.view.viewport().update()

    def focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def item_at(self, index: Index) -> HistoryItem | None:
        row: Row | None = index.data(ROW_ROLE) if index.isValid() else None
        return row.item if row is not None else None

    def edit_title(self, key: Hashable) -> None:
        row = self.model.row_of(key)
        if row >= 0:
            self.view.edit(self.model.index(row))

    # -- slots

    def open_index(self, index: Index) -> None:
        item = self.item_at(index)
        if item is not None:
            self.opened.emit(item)

    def delete_index(self, index: Index) -> None:
        item = self.item_at(index)
        if item is not None:
            self.deleted.emit(item)

    def search_now(self) -> None:
        """At once, without waiting for the next key."""
        self._debounce.stop()
        query = self.search.text().strip()
        if query != self.model.query:
            self.model.query = query
            self._reload()
            self.view.scrollToTop()

    def _menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        item = self.item_at(index)
        if item is None:
            return
        menu = QMenu(self)
        rename = None
        if self.model.rename is not None:
            rename = menu.addAction(icons.icon("edit"), tr("Rename"))
        if self.add_actions is not None:
            self.add_actions(menu, item)
        menu.addSeparator()
        delete = menu.addAction(icons.icon("delete"), tr("Delete"))
        chosen = menu.exec(self.view.viewport().mapToGlobal(place))
        if chosen is not None and chosen is rename:
            self.view.edit(index)
        elif chosen is not None and chosen is delete:
            self.deleted.emit(item)
        menu.deleteLater()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = event.type() == QEvent.Type.KeyPress
        if watched is self.search and pressed and isinstance(event, QKeyEvent):
            key = event.key()
            if key == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self.search_now()
                first = next((n for n, row in enumerate(self.model.rows) if row.item is not None), -1)
                if first >= 0:
                    self.view.setCurrentIndex(self.model.index(first))
                    self.view.setFocus()
                    if key != Qt.Key.Key_Down:
                        self.open_index(self.model.index(first))
                return True
        return super().eventFilter(watched, event)


class _View(QListView):
    """Keys of the list: Enter opens, F2 renames, Delete deletes."""

    def __init__(self, parent: HistoryList) -> None:
        super().__init__(parent)
        self.list = parent
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("QListView { background: transparent; border: none; outline: none; }")
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.list.open_index(index)
        elif event.key() == Qt.Key.Key_Delete and index.isValid():
            self.list.delete_index(index)
        elif event.key() == Qt.Key.Key_F2 and index.isValid() and self.list.model.rename is not None:
            self.edit(index)
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)


class _Delegate(QStyledItemDelegate):
    """Paints headings, titles with a pin or a running mark, notes, and what a search found."""

    def __init__(self, parent: HistoryList) -> None:
        super().__init__(parent)
        self.list = parent

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row: Row = index.data(ROW_ROLE)
        body = QFontMetrics(theme().font("body")).height()
        small = QFontMetrics(theme().font("small")).height()
        if row.item is None:
            return QSize(100, small + (12 if index.row() == 0 else 24))
        lines = 2 * bool(row.item.snippet) + bool(row.item.note)
        return QSize(100, body + 14 + (lines * small + 2 if lines else 0))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row = index.data(ROW_ROLE)
        color = theme().color
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row.item is None:
            painter.setFont(theme().font("small", bold=True))
            painter.setPen(color("muted"))
            area = option.rect.adjusted(SIDE, 0, -SIDE, -5)
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, row.heading)
        else:
            self._paint_item(painter, option, row.item)
        painter.restore()

    def _paint_item(self, painter: QPainter, option: QStyleOptionViewItem, item: HistoryItem) -> None:
        color = theme().color
        area = option.rect.adjusted(8, 1, -8, -1)
        chosen = item.key == self.list.current
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus) and self.list.view.hasFocus()
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or option.state & QStyle.StateFlag.State_MouseOver:
            painter.setBrush(color("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(area, 6, 6)
        if focused:
            painter.setPen(color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0, 0, -1, -1), 6, 6)
        font, small = theme().font("body"), theme().font("small")
        metrics, low = QFontMetrics(font), QFontMetrics(small)
        right = area.right() - 8
        if item.pinned:
            icons.icon("pin", "muted").paint(painter, QRect(right - 14, area.top() + 6, 14, metrics.height()))
            right -= 20
        if item.key in self.list.running:
            painter.setBrush(color("accent"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(QPoint(right - 4, area.top() + 6 + metrics.height() // 2), 4, 4)
            right -= 16
        line = QRect(area.left() + 8, area.top() + 6, right - area.left() - 8, metrics.height())
        left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        painter.setFont(font)
        painter.setPen(color("text"))
        painter.drawText(
            line, left, metrics.elidedText(item.title, Qt.TextElideMode.ElideRight, line.width())
        )
        painter.setFont(small)
        painter.setPen(color("muted"))
        line = QRect(line.left(), line.bottom() + 2, area.right() - 8 - line.left(), low.height())
        if item.note:
            painter.drawText(line, left, low.elidedText(item.note, Qt.TextElideMode.ElideRight, line.width()))
            line.translate(0, low.height())
        if item.snippet:
            self._paint_snippet(painter, QRect(line.topLeft(), QSize(line.width(), 2 * low.height())), item)

    def _paint_snippet(self, painter: QPainter, area: QRect, item: HistoryItem) -> None:
        """Two lines of what was found, the found words bold."""
        layout = QTextLayout(item.snippet.replace("\n", " "), theme().font("small"))
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        marks = []
        for start, end in item.matches:
            mark = QTextLayout.FormatRange()
            mark.start, mark.length = start, end - start
            mark.format.setFontWeight(QFont.Weight.Bold)
            mark.format.setForeground(theme().color("text"))
            marks.append(mark)
        layout.setFormats(marks)
        layout.beginLayout()
        y = 0.0
        for _ in range(2):
            line = layout.createLine()
            if not line.isValid():
                break
            line.setLineWidth(area.width())
            line.setPosition(QPointF(0, y))
            y += line.height()
        layout.endLayout()
        layout.draw(painter, area.topLeft().toPointF())

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: Index) -> QWidget:
        editor = QLineEdit(parent)
        editor.setAccessibleName(tr("Title"))
        editor.setMaxLength(200)
        return editor

    def updateEditorGeometry(self, editor: QWidget, option: QStyleOptionViewItem, index: Index) -> None:
        editor.setGeometry(option.rect.adjusted(6, 0, -6, 0))
