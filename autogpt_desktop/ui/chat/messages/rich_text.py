"""A read-only rich text that is as tall as its content, with code headers and found words marked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QPointF, QRectF, Qt, QTimer, QTimerEvent, Signal, SignalInstance
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextBlock,
    QTextCursor,
    QTextDocument,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QMenu,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.chat.messages.markdown import (
    CODE,
    HEADER,
    PAD,
    QUOTES,
    RULE,
    STEP,
    CodeBlock,
    MarkdownWriter,
)
from autogpt_desktop.ui.widgets.basic import button, label
from autogpt_desktop.ui.widgets.reading_style import ChatStyle, QuietButton
from autogpt_desktop.ui.widgets.send_menu import add_send_actions

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

OPENABLE = ("http://", "https://", "mailto:")


class RichText(QTextEdit):
    """``write`` or ``grow`` a text, then ask ``height_for(width)``."""

    link_clicked = Signal(str, QPoint)  # address, global position

    def __init__(self, context: AppContext, style: ChatStyle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.chat_style = context, style
        self.writer = MarkdownWriter(self.document(), style)
        self._headers: list[CodeHeader] = []
        self._pressed: tuple[str, QPoint] | None = None
        self.setObjectName("chatText")
        self.setReadOnly(True)
        self.setUndoRedoEnabled(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setLineWrapMode(QTextEdit.LineWrapMode.FixedPixelWidth)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.setTabChangesFocus(True)
        self.setStyleSheet(
            "QTextEdit, QTextEdit:focus { background: transparent; border: none; padding: 0; }"
        )
        self.viewport().setAutoFillBackground(False)
        self.viewport().setMouseTracking(True)
        self._coloring = QTimer(self)  # of code that is too long to be colored at once
        self._coloring.timeout.connect(self._color_more)

    def restyle(self, style: ChatStyle) -> None:
        self.chat_style = style
        self.writer.restyle(style)

    def write(self, text: str) -> None:
        """Show this Markdown instead of what is shown."""
        self.writer.write(text)
        self._coloring.start(0)

    def _color_more(self) -> None:
        if not self.writer.color_more():
            self._coloring.stop()

    def height_for(self, width: int) -> int:
        """Lay the text out at ``width`` and say how tall it is."""
        if self.width() != width:
            self.resize(width, max(1, self.height()))
        if self.lineWrapColumnOrWidth() != width:  # fixed, so that growing taller lays out nothing again
            self.setLineWrapColumnOrWidth(width)
            self.writer.tables.set_room(width)
        return ceil(self.document().size().height())

    def code_blocks(self) -> list[QTextBlock]:
        """The first line of each."""
        return [self.writer.block_of(code.first) for code in self.writer.code_blocks()]

    def place_headers(self) -> None:
        """Put a label and a copy button above every code block; after the height is settled."""
        blocks = self.writer.code_blocks()
        while len(self._headers) < len(blocks):
            self._headers.append(CodeHeader(self.viewport()))
        for header in self._headers[len(blocks) :]:
            header.hide()
        for header, code in zip(self._headers, blocks, strict=False):
            area = self._area(code)
            header.show_code(code.language, partial(self.writer.code_text, code))
            header.setGeometry(int(area.left()), int(area.top()), int(area.width()), HEADER)
            header.show()

    def copy_buttons(self) -> list[QWidget]:
        """One for each code block."""
        return [header.copy for header in self._headers]

    def retranslate(self) -> None:
        for header in self._headers:
            header.retranslate()

    # -- finding

    def mark(self, words: str, current: int = -1) -> list[QTextCursor]:
        """Highlight every ``words``, the one numbered ``current`` more strongly; "" takes it away."""
        places = find_all(self.document(), words) if words else []
        marks = []
        for index, cursor in enumerate(places):
            mark = QTextEdit.ExtraSelection()
            color = self.context.color("warning" if index == current else "accent")
            color.setAlpha(130 if index == current else 60)
            mark.format.setBackground(color)
            mark.format.setForeground(self.chat_style.text)
            mark.cursor = cursor
            marks.append(mark)
        self.setExtraSelections(marks)
        return places

    # -- painting

    def _code_area(self, block: QTextBlock) -> QRectF:
        """The frame of the code block whose first line is ``block``."""
        number = block.blockFormat().property(CODE)
        return self._area(next(code for code in self.writer.code_blocks() if code.number == number))

    def _area(self, code: CodeBlock) -> QRectF:
        layout = self.document().documentLayout()
        first = self.writer.block_of(code.first)
        rect = layout.blockBoundingRect(first)
        bottom = layout.blockBoundingRect(self.writer.block_of(code.last)).bottom()
        left = max(0.0, first.blockFormat().leftMargin() - PAD - 2)
        left += first.blockFormat().indent() * self.document().indentWidth()
        top = rect.top() - HEADER - PAD + 8
        return QRectF(left, top, self.width() - left, bottom + PAD - top)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        style = self.chat_style
        painter.setPen(style.border)
        painter.setBrush(style.code_bg)
        for code in self.writer.code_blocks():
            area = self._area(code).adjusted(0.5, 0.5, -0.5, -0.5)
            if area.intersects(event.rect()):
                painter.drawRoundedRect(area, 8, 8)
        layout = self.document().documentLayout()
        top = layout.hitTest(QPointF(0, event.rect().top()), Qt.HitTestAccuracy.FuzzyHit)
        block = self.document().findBlock(max(0, top)).previous()
        if not block.isValid():
            block = self.document().begin()
        while block.isValid():
            rect = layout.blockBoundingRect(block)
            if rect.top() > event.rect().bottom():
                break
            self._paint_marks(painter, block, rect)
            block = block.next()
        painter.end()
        super().paintEvent(event)

    def _paint_marks(self, painter: QPainter, block: QTextBlock, rect: QRectF) -> None:
        """The bars beside a quotation, and a rule."""
        form = block.blockFormat()
        if form.hasProperty(QUOTES):
            joined = block.previous().isValid() and block.previous().blockFormat().hasProperty(QUOTES)
            top = rect.top() - (form.topMargin() if joined else 0)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self.chat_style.border)
            for depth in range(int(form.property(QUOTES))):
                painter.drawRect(QRectF(depth * STEP, top, 3, rect.bottom() - top))
        if form.hasProperty(RULE):
            middle = int(rect.center().y())
            painter.setPen(self.chat_style.border)
            painter.drawLine(0, middle, self.width(), middle)

    # -- input

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()  # the conversation scrolls, not the message

    def keyPressEvent(self, event: QKeyEvent) -> None:
        scrolls = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Escape)
        arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.key() in scrolls or (event.key() in arrows and not self.textCursor().hasSelection()):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        address = self.anchorAt(event.position().toPoint())
        left = event.button() == Qt.MouseButton.LeftButton
        self._pressed = (address, event.position().toPoint()) if address and left else None
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = bool(self.anchorAt(event.position().toPoint()))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.IBeamCursor)
        super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if self._pressed and (event.position().toPoint() - self._pressed[1]).manhattanLength() < 4:
            self.link_clicked.emit(self._pressed[0], event.globalPosition().toPoint())
        self._pressed = None

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        if self.textCursor().hasSelection():
            menu = self.make_menu()
            menu.exec(event.globalPos())
            menu.deleteLater()
        else:
            event.ignore()

    def make_menu(self) -> QMenu:
        """What can be done with the part that is selected."""
        menu = self.createStandardContextMenu()
        add_send_actions(menu, self.context, "chat", self._selected)
        return menu

    def _selected(self) -> str:
        return self.textCursor().selection().toPlainText()


class CodeHeader(QWidget):
    """The language of a code block and the button that copies it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._code: Callable[[], str] = str
        self.label = label(size="small", tone="muted")  # plain text: the language is the model's word
        self.copy = QuietButton("copy", self)
        self.copy.clicked.connect(self._copy)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        row = QHBoxLayout(self)
        row.setContentsMargins(PAD + 2, 1, 4, 1)
        row.addWidget(self.label)
        row.addStretch()
        row.addWidget(self.copy)
        self.retranslate()

    def retranslate(self) -> None:
        self.copy.name(tr("Copy code"))

    def show_code(self, language: str, code: Callable[[], str]) -> None:
        """``code`` is asked for when it is copied."""
        self._code = code
        self.label.setText(language)

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self._code())
        self.copy.set_icon("check")
        self.startTimer(1500)

    def timerEvent(self, event: QTimerEvent) -> None:
        self.killTimer(event.timerId())
        self.copy.set_icon("copy")


class LinkPopup(QFrame):
    """Shows where a link leads; only its button opens it. Goes when the focus goes, or with Esc."""

    open_requested = Signal(str)

    def __init__(self, address: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.address = address
        self._parent = parent
        self._before: QWidget | None = None  # had the focus
        self.setObjectName("card")
        self.setAccessibleName(tr("Open this link?"))
        shown = label(_breakable(address), wrap=True)
        shown.setFixedWidth(min(420, parent.width() - 80))
        shown.setAccessibleName(address)
        self.open_button = button(tr("Open in browser"))
        self.open_button.setEnabled(address.lower().startswith(OPENABLE))
        self.open_button.clicked.connect(self._open)
        self.copy_button = button(tr("Copy address"))
        self.copy_button.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.copy_button)
        row.addWidget(self.open_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(12)
        column.addWidget(shown)
        column.addLayout(row)

    def open_at(self, place: QPoint) -> None:
        """Show it below a global position, inside the parent."""
        self.adjustSize()
        room = self._parent.rect().adjusted(8, 8, -8, -8)
        corner = self._parent.mapFromGlobal(place) + QPoint(-16, 14)
        if corner.y() + self.height() > room.bottom():
            corner.setY(corner.y() - self.height() - 36)
        corner.setX(max(room.left(), min(corner.x(), room.right() - self.width())))
        self.move(corner)
        self.show()
        self.raise_()
        self._before = QApplication.focusWidget()
        self.copy_button.setFocus(Qt.FocusReason.PopupFocusReason)  # Enter must not open by accident
        _focus_changed().connect(self._on_focus)

    def leave(self) -> None:
        _focus_changed().disconnect(self._on_focus)
        now = QApplication.focusWidget()
        if self._before is not None and now is not None and self.isAncestorOf(now):
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.hide()
        self.deleteLater()

    def _on_focus(self, _old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and not self.isAncestorOf(new):
            self.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    def _open(self) -> None:
        self.open_requested.emit(self.address)
        self.leave()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address)
        self.leave()


def _focus_changed() -> SignalInstance:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application.focusChanged


def _breakable(address: str) -> str:
    """The address with places to wrap, cut where nobody would read it."""
    shown = address if len(address) <= 600 else address[:600] + "…"
    return "\u200b".join(shown[i : i + 24] for i in range(0, len(shown), 24))


def find_all(document: QTextDocument, words: str) -> list[QTextCursor]:
    """Every place of ``words``, whatever its case, at most 2,000."""
    places: list[QTextCursor] = []
    cursor = document.find(words, 0)
    while not cursor.isNull() and len(places) < 2000:
        places.append(cursor)
        cursor = document.find(words, cursor)
    return places
