"""The list of conversations at the left: search, date groups, rename in place, pin, export, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QPoint,
    QPointF,
    QRect,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFrame,
    QHBoxLayout,
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
from autogpt_desktop.ui.chat.conversation_model import ROW_ROLE, ConversationModel, Row, shown_title
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, icon_button, label, name_button, name_field
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Conversation
    from autogpt_desktop.ui.context import AppContext

Index = QModelIndex | QPersistentModelIndex
SIDE = 16


class _Delegate(QStyledItemDelegate):
    """Paints headings, titles with a pin or a running mark, and what a search found."""

    def __init__(self, parent: ConversationList) -> None:
        super().__init__(parent)
        self.list = parent

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        row: Row = index.data(ROW_ROLE)
        body = QFontMetrics(theme().font("body")).height()
        small = QFontMetrics(theme().font("small")).height()
        if row.conversation is None:
            return QSize(100, small + (12 if index.row() == 0 else 24))
        return QSize(100, body + 14 + (2 * small + 2 if row.conversation.snippet else 0))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row: Row = index.data(ROW_ROLE)
        color = theme().color
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row.conversation is None:
            painter.setFont(theme().font("small", bold=True))
            painter.setPen(color("muted"))
            area = option.rect.adjusted(SIDE, 0, -SIDE, -5)
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, row.heading)
            painter.restore()
            return
        item = row.conversation
        area = option.rect.adjusted(8, 1, -8, -1)
        chosen = item.id == self.list.current
        over = bool(option.state & QStyle.StateFlag.State_MouseOver)
        focused = bool(option.state & QStyle.StateFlag.State_HasFocus) and self.list.view.hasFocus()
        painter.setPen(Qt.PenStyle.NoPen)
        if chosen or over:
            painter.setBrush(color("accent_soft" if chosen else "hover"))
            painter.drawRoundedRect(area, 6, 6)
        if focused:
            pen = painter.pen()
            painter.setPen(color("accent"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(area.adjusted(0, 0, -1, -1), 6, 6)
            painter.setPen(pen)
        font = theme().font("body")
        metrics = QFontMetrics(font)
        right = area.right() - 8
        if item.pinned:
            icons.icon("pin", "muted").paint(painter, QRect(right - 14, area.top() + 6, 14, metrics.height()))
            right -= 20
        if item.id in self.list.running:
            painter.setBrush(color("accent"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(QPoint(right - 4, area.top() + 6 + metrics.height() // 2), 4, 4)
            right -= 16
        line = QRect(area.left() + 8, area.top() + 6, right - area.left() - 8, metrics.height())
        painter.setFont(font)
        painter.setPen(color("text"))
        title = metrics.elidedText(shown_title(item.title), Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, title)
        if item.snippet:
            small = theme().font("small")
            painter.setFont(small)
            painter.setPen(color("muted"))
            height = QFontMetrics(small).height()
            self._snippet(
                painter,
                QRect(line.left(), line.bottom() + 2, area.right() - 8 - line.left(), 2 * height),
                item,
            )
        painter.restore()

    def _snippet(self, painter: QPainter, area: QRect, item: Conversation) -> None:
        """Two lines of what was found, the found words bold."""
        layout = QTextLayout(item.snippet.replace("\n", " "), theme().font("small"))
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        marks = []
        for start, end in item.snippet_matches:
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


class _View(QListView):
    """Keys of the list: Enter opens, F2 renames, Delete deletes."""

    def __init__(self, parent: ConversationList) -> None:
        super().__init__(parent)
        self.list = parent

    def keyPressEvent(self, event: QKeyEvent) -> None:
        index = self.currentIndex()
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.list.open_index(index)
        elif event.key() == Qt.Key.Key_Delete and index.isValid():
            self.list.act("delete", index)
        elif event.key() == Qt.Key.Key_F2 and index.isValid():
            self.edit(index)
        else:
            super().keyPressEvent(event)


class ConversationList(QWidget):
    """Tells what is wanted; the panel does it."""

    opened = Signal(int, object)  # conversation id, id of the message a search found or None
    new_requested = Signal()
    renamed = Signal(int, str)
    action = Signal(str, int)  # "pin", "delete", "export-md", "export-json", "export-txt"
    import_requested = Signal()
    trash_requested = Signal()

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.current = 0
        self.running: set[int] = set()
        self.setObjectName("page")
        self.setMinimumWidth(200)
        self.new_button = button(icon="plus")
        self.new_button.clicked.connect(self.new_requested)
        self.more_button = icon_button("more")
        self.more_button.clicked.connect(self._more_menu)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._search_soon)
        self.search.installEventFilter(self)
        self.model = ConversationModel(context.history, self)
        self.model.rename = self.renamed.emit
        self.view = _View(self)
        self.view.setModel(self.model)
        self.view.setItemDelegate(_Delegate(self))
        self.view.setFrameShape(QFrame.Shape.NoFrame)
        self.view.setStyleSheet("QListView { background: transparent; border: none; outline: none; }")
        self.view.setMouseTracking(True)
        self.view.viewport().setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.view.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.view.customContextMenuRequested.connect(self._menu)
        self.view.clicked.connect(self.open_index)
        self.empty = label(size="small", tone="muted", wrap=True)
        self.empty.setContentsMargins(SIDE, 8, SIDE, 8)
        top = QHBoxLayout()
        top.setContentsMargins(12, 12, 8, 0)
        top.addWidget(self.new_button, 1)
        top.addWidget(self.more_button)
        search_row = QHBoxLayout()
        search_row.setContentsMargins(12, 0, 12, 4)
        search_row.addWidget(self.search)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addLayout(search_row)
        column.addWidget(self.empty)
        column.addWidget(self.view, 1)
        self.trash_button = button(kind="quiet", icon="delete")
        self.trash_button.clicked.connect(self.trash_requested)
        self.trash_button.hide()
        self._in_trash = 0
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 0, 8, 8)
        foot.addWidget(self.trash_button)
        foot.addStretch(1)
        column.addLayout(foot)
        self._debounce = QTimer(self)
        self._debounce.setSingleShot(True)
        self._debounce.setInterval(120)
        self._debounce.timeout.connect(self._search)
        context.language_changed.connect(self.retranslate)
        context.theme_changed.connect(self.view.viewport().update)
        self.retranslate()

    # -- content

    def reload(self) -> None:
        """The history changed. The scroll position and the keyboard's row stay."""
        bar = self.view.verticalScrollBar()
        value = bar.value()
        row = self.view.currentIndex().data(ROW_ROLE)
        self.model.reload()
        place = self.model.row_of(row.conversation.id) if row and row.conversation else -1
        if place >= 0:
            self.view.setCurrentIndex(self.model.index(place))
        bar.setValue(value)
        nothing = not self.model.rows
        self.empty.setVisible(nothing)
        # an empty list would be a stop where the focus cannot be seen
        self.view.setFocusPolicy(Qt.FocusPolicy.NoFocus if nothing else Qt.FocusPolicy.StrongFocus)
        self.empty.setText(
            tr("Nothing found.") if self.model.query else tr("Your conversations will be listed here.")
        )

    def show_trash(self, count: int) -> None:
        """How many conversations are in the trash; its entry is there while it holds any."""
        self._in_trash = count
        self.trash_button.setText(tr("Trash ({n})", n=count))
        self.trash_button.setVisible(count > 0)

    def set_current(self, conversation_id: int) -> None:
        self.current = conversation_id
        self.view.viewport().update()

    def set_running(self, conversations: set[int]) -> None:
        """Conversations in which an answer is being written."""
        self.running = set(conversations)
        self.view.viewport().update()

    def focus_search(self) -> None:
        self.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.search.selectAll()

    def edit_title(self, conversation_id: int) -> None:
        row = self.model.row_of(conversation_id)
        if row >= 0:
            self.view.edit(self.model.index(row))

    def neighbor(self, conversation_id: int, step: int) -> int:
        """The conversation before or behind one, 0 where there is none."""
        ids = [row.conversation.id for row in self.model.rows if row.conversation is not None]
        if conversation_id not in ids:
            return ids[0] if ids else 0
        place = ids.index(conversation_id) + step
        return ids[place] if 0 <= place < len(ids) else 0

    # -- slots

    def open_index(self, index: Index) -> None:
        row = index.data(ROW_ROLE) if index.isValid() else None
        if row is not None and row.conversation is not None:
            self.opened.emit(row.conversation.id, row.conversation.match_id if self.model.query else None)

    def act(self, name: str, index: Index) -> None:
        row = index.data(ROW_ROLE)
        if row is not None and row.conversation is not None:
            self.action.emit(name, row.conversation.id)

    def _search_soon(self) -> None:
        self._debounce.start()

    def _search(self) -> None:
        self._debounce.stop()
        query = self.search.text().strip()
        if query != self.model.query:
            self.model.query = query
            self.reload()
            self.view.scrollToTop()

    def _menu(self, place: QPoint) -> None:
        index = self.view.indexAt(place)
        row = index.data(ROW_ROLE) if index.isValid() else None
        if row is None or row.conversation is None:
            return
        menu = QMenu(self)
        rename = menu.addAction(icons.icon("edit"), tr("Rename"))
        pin = menu.addAction(icons.icon("pin"), tr("Unpin") if row.conversation.pinned else tr("Pin"))
        export = menu.addMenu(icons.icon("export"), tr("Export"))
        kinds = {export.addAction(text): kind for kind, text in export_kinds()}
        menu.addSeparator()
        delete = menu.addAction(icons.icon("delete"), tr("Delete"))
        chosen = menu.exec(self.view.viewport().mapToGlobal(place))
        if chosen is rename:
            self.view.edit(index)
        elif chosen is pin:
            self.act("pin", index)
        elif chosen is delete:
            self.act("delete", index)
        elif chosen in kinds:
            self.act(f"export-{kinds[chosen]}", index)
        menu.deleteLater()

    def _more_menu(self) -> None:
        menu = QMenu(self)
        entry = menu.addAction(icons.icon("import"), tr("Import conversations…"))
        entry.triggered.connect(self.import_requested)
        menu.exec(self.more_button.mapToGlobal(QPoint(0, self.more_button.height())))
        menu.deleteLater()

    def retranslate(self) -> None:
        self.new_button.setText(tr("New chat"))
        self.new_button.setToolTip("Ctrl+N")
        name_button(self.more_button, tr("More"))
        name_field(self.search, tr("Search conversations"))
        self.view.setAccessibleName(tr("Conversations"))
        self.trash_button.setText(tr("Trash ({n})", n=self._in_trash))
        self.reload()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = event.type() == QEvent.Type.KeyPress
        if watched is self.search and pressed and isinstance(event, QKeyEvent):
            key = event.key()
            if key == Qt.Key.Key_Escape and self.search.text():
                self.search.clear()
                return True
            if key in (Qt.Key.Key_Down, Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._search()
                first = next((n for n, row in enumerate(self.model.rows) if row.conversation is not None), -1)
                if first >= 0:
                    self.view.setCurrentIndex(self.model.index(first))
                    self.view.setFocus()
                    if key != Qt.Key.Key_Down:
                        self.open_index(self.model.index(first))
                return True
        return super().eventFilter(watched, event)


def export_kinds() -> list[tuple[str, str]]:
    """Formats of an export and what they are called."""
    return [("md", tr("Markdown")), ("json", tr("JSON (can be imported again)")), ("txt", tr("Plain text"))]
