"""The translations of before: search, open again, delete with Undo."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QDateTime,
    QLocale,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QFontMetrics, QKeyEvent, QPainter
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFrame,
    QLineEdit,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
)

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import current_language, tr
from autogpt_desktop.storage.translations import Kept, TranslateHistory
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.labels import language_name
from autogpt_desktop.ui.translate.side_panel import SidePanel
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import icon_button, label, name_button, name_field
from autogpt_desktop.ui.widgets.theme import theme

Index = QModelIndex | QPersistentModelIndex
ROLE = Qt.ItemDataRole.UserRole


class HistoryModel(QAbstractListModel):
    """What was kept, the last first."""

    def __init__(self, history: TranslateHistory) -> None:
        super().__init__()
        self._history = history
        self.query = ""
        self.rows: list[Kept] = []

    def reload(self) -> None:
        """Raises as ``TranslateHistory.entries``."""
        rows = self._history.entries(self.query)
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        row = self.rows[index.row()]
        if role == ROLE:
            return row
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{_line(row.text)} → {_line(row.translation)}"
        return None


class HistoryView(SidePanel):
    """Tells what is to be opened; deletes by itself."""

    opened = Signal(int)  # the entry

    def __init__(self, context: AppContext, history: TranslateHistory) -> None:
        super().__init__()
        self._context, self._history = context, history
        self.clear_button = icon_button("delete")
        self.clear_button.clicked.connect(self.delete_all)
        self.head.insertWidget(1, self.clear_button)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._search_soon)
        self.model = HistoryModel(history)
        self.view = _View(self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(self.view))
        self.view.clicked.connect(self._open)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._show_menu)
        self.empty = label(size="small", tone="muted", wrap=True)
        self.keep = QCheckBox()
        self.keep.setChecked(context.settings.keep_translations)
        self.keep.toggled.connect(self._on_keep)
        self.column.addWidget(self.search)
        self.column.addWidget(self.empty)
        self.column.addWidget(self.view, 1)
        self.column.addWidget(self.keep)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(120)
        self._soon.timeout.connect(self._search)
        self.retranslate()

    def retranslate(self) -> None:
        super().retranslate()
        self.title.setText(tr("History"))
        name_field(self.search, tr("Search translations"))
        name_button(self.clear_button, tr("Delete all translations"))
        self.view.setAccessibleName(tr("Earlier translations"))
        self.keep.setText(tr("Keep translations on this computer"))
        self._show_empty()

    def reload(self) -> None:
        try:
            self.model.reload()
        except KnownError as error:
            self._context.show_error(error)
        self._show_empty()

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
            self._context.toast(
                tr("{n} translations deleted", n=len(entries)), undo=lambda: self._restore(entries)
            )

    def delete(self, entry: int) -> None:
        try:
            deleted = self._history.delete(entry)
        except KnownError as error:
            self._context.show_error(error)
            return
        at = self.view.currentIndex().row()
        self.reload()
        self.view.setCurrentIndex(self.model.index(min(at, self.model.rowCount() - 1)))
        if deleted is not None:
            self._context.toast(tr("Translation deleted"), undo=lambda: self._restore([deleted]))

    def _restore(self, entries: list[Kept]) -> None:
        try:
            self._history.restore(entries)
        except KnownError as error:
            self._context.show_error(error)
        self.reload()

    def _open(self, index: Index) -> None:
        row = index.data(ROLE)
        if row is not None:
            self.opened.emit(row.id)

    def _show_menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        row = index.data(ROLE)
        if row is None:
            return
        menu = QMenu(self)
        open_ = menu.addAction(icons.icon("translate"), tr("Open again"))
        delete = menu.addAction(icons.icon("delete"), tr("Delete"))
        chosen = menu.exec(self.view.viewport().mapToGlobal(place))
        if chosen is open_:
            self.opened.emit(row.id)
        elif chosen is delete:
            self.delete(row.id)
        menu.deleteLater()

    def _on_keep(self, keep: bool) -> None:
        self._context.settings.keep_translations = keep
        self._context.save_settings()
        self._show_empty()

    def _search_soon(self) -> None:
        self._soon.start()

    def _search(self) -> None:
        self.model.query = self.search.text().strip()
        self.reload()

    def _show_empty(self) -> None:
        rows = self.model.rows
        self.empty.setVisible(not rows)
        self.clear_button.setEnabled(bool(rows) or bool(self.model.query))
        if self.model.query:
            self.empty.setText(tr("Nothing found."))
        elif self._context.settings.keep_translations:
            self.empty.setText(tr("What you translate will be listed here. It stays on this computer."))
        else:
            self.empty.setText(tr("Translations are not kept."))


class _View(QListView):
    """Enter opens, Delete deletes."""

    def __init__(self, owner: HistoryView) -> None:
        super().__init__(owner)
        self._owner = owner
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setStyleSheet("QListView { background: transparent; border: none; outline: none; }")
        self.setMouseTracking(True)
        self.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setUniformItemSizes(True)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        row = self.currentIndex().data(ROLE)
        if row is not None and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._owner.opened.emit(row.id)
        elif row is not None and event.key() == Qt.Key.Key_Delete:
            self._owner.delete(row.id)
        elif event.key() == Qt.Key.Key_Escape:
            event.ignore()
        else:
            super().keyPressEvent(event)


class _Delegate(QStyledItemDelegate):
    """The languages and the time, a line of the text, a line of the translation."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        small, body = (QFontMetrics(theme().font(size)).height() for size in ("small", "body"))
        return QSize(100, small + 2 * body + 20)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Kept = index.data(ROLE)
        color, states = theme().color, QStyle.StateFlag
        area = option.rect.adjusted(0, 1, -2, -1)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        focused = bool(option.state & states.State_HasFocus)
        if option.state & states.State_MouseOver or focused:
            painter.setPen(color("accent") if focused else Qt.PenStyle.NoPen)
            painter.setBrush(
                color("hover") if option.state & states.State_MouseOver else Qt.BrushStyle.NoBrush
            )
            painter.drawRoundedRect(area.adjusted(0, 0, -1, -1), 6, 6)
        small, body = theme().font("small"), theme().font("body")
        line = QRect(area.left() + 8, area.top() + 6, area.width() - 16, QFontMetrics(small).height())
        painter.setFont(small)
        painter.setPen(color("muted"))
        when = QDateTime.fromSecsSinceEpoch(int(row.changed))
        today = when.date() == QDateTime.currentDateTime().date()
        locale = QLocale("zh_CN" if current_language() == "zh_CN" else "en_GB")
        short = QLocale.FormatType.ShortFormat
        stamp = locale.toString(when.time(), short) if today else locale.toString(when.date(), short)
        painter.drawText(line, Qt.AlignmentFlag.AlignRight, stamp)
        painter.drawText(
            line, Qt.AlignmentFlag.AlignLeft, f"{language_name(row.source)} → {language_name(row.target)}"
        )
        painter.setFont(body)
        metrics = QFontMetrics(body)
        for text, role in ((row.text, "text"), (row.translation, "muted")):
            line = QRect(line.left(), line.bottom() + 3, line.width(), metrics.height())
            painter.setPen(color(role))
            elided = metrics.elidedText(_line(text), Qt.TextElideMode.ElideRight, line.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, elided)
        painter.restore()


def _line(text: str) -> str:
    return " ".join(text.split())
