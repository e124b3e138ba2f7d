"""A read-only rich text that is as tall as its content, with code headers and found words marked."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QPoint, QPointF, QRectF, Qt, QTimer, QTimerEvent, Signal
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
    QFrame,
    QHBoxLayout,
    QMenu,
    QTextEdit,
    QWidget,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.chat.messages.formats import BARS
from autogpt_desktop.ui.chat.messages.formulas import formulas
from autogpt_desktop.ui.chat.messages.markdown import (
    CODE,
    HEADER,
    PAD,
    RULE,
    CodeBlock,
    MarkdownWriter,
)
from autogpt_desktop.ui.chat.messages.runs import OBJECT
from autogpt_desktop.ui.chat.messages.selection import has_hidden, selection_text
from autogpt_desktop.ui.chat.messages.wide_tables import WideTables
from autogpt_desktop.ui.widgets.basic import label
from autogpt_desktop.ui.widgets.raw_text import copied_data
from autogpt_desktop.ui.widgets.reading_style import ChatStyle, QuietButton
from autogpt_desktop.ui.widgets.send_menu import add_send_actions

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

_MANY = 60  # code blocks from which on only those in sight have a header: each is a widget
DRAWN_MS = 60
_NEAR = 600.0  # px from sight that still count as in it
OPENABLE = ("http://", "https://", "mailto:")


class RichText(QTextEdit):
    """``write`` or ``grow`` a text, then ask ``height_for(width)``."""

    link_clicked = Signal(str, QPoint)  # address, global position
    changed_height = Signal()  # by itself: formulas have been drawn

    def __init__(self, context: AppContext, style: ChatStyle, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context, self.chat_style = context, style
        self.writer = MarkdownWriter(self.document(), style)
        self.wide = WideTables(self, lambda: self.writer.tables.tables.values())
        self._drawing = QTimer(self)  # formulas that were drawn meanwhile, all at once
        self._drawing.setSingleShot(True)
        self._drawing.setInterval(DRAWN_MS)
        self._drawing.timeout.connect(self._draw_formulas)
        formulas().drawn.connect(self._on_drawn)
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

    def _on_drawn(self) -> None:
        if not self._drawing.isActive():
            self._drawing.start()

    def _draw_formulas(self) -> None:
        if self.writer.draw_formulas():
            self.changed_height.emit()

    def height_for(self, width: int) -> int:
        """Lay the text out at ``width`` and say how tall it is."""
        if self.width() != width:
            self.resize(width, max(1, self.height()))
        if self.lineWrapColumnOrWidth() != width:  # fixed, so that growing taller lays out nothing again
            self.setLineWrapColumnOrWidth(width)
            self.writer.tables.set_room(width)
        return ceil(self.document().size().height()) + self.writer.below

    def code_blocks(self) -> list[QTextBlock]:
        """The first line of each."""
        return [self.writer.block_of(code.first) for code in self.writer.code_blocks()]

    def place_headers(self) -> None:
        """Put a label and a copy button above every code block, of many above those in sight; after the
        height is settled."""
        blocks = self._near(self.writer.code_blocks())
        while len(self._headers) < len(blocks):
            self._headers.append(CodeHeader(self.viewport()))
        for header in self._headers[len(blocks) :]:
            header.hide()
        for header, code in zip(self._headers, blocks, strict=False):
            area = self._area(code)
            header.show_code(code.language, partial(self.writer.code_text, code))
            header.setGeometry(int(area.left()), int(area.top()), int(area.width()), HEADER)
            header.show()

        self.wide.place()

    def follow_sight(self) -> None:
        """Another part of the text may be in sight."""
        if len(self.writer.code_blocks()) > _MANY:
            self.place_headers()

    def _near(self, blocks: list[CodeBlock]) -> list[CodeBlock]:
        """Of many code blocks those that are in sight, or nearly so."""
        if len(blocks) <= _MANY:
            return blocks
        layout, seen = self.document().documentLayout(), self.visibleRegion().boundingRect()

        def bottom(code: CodeBlock) -> float:
            return layout.blockBoundingRect(self.writer.block_of(code.last)).bottom()

        first = bisect_left(blocks, seen.top() - _NEAR, key=bottom)
        last = bisect_right(blocks, seen.bottom() + _NEAR, lo=first, key=bottom)
        return blocks[first : last + 1]

    def copy_buttons(self) -> list[QWidget]:
        """One for each code block, and the bars of wide tables."""
        return [*(header.copy for header in self._headers if not header.isHidden()), *self.wide.bars()]

    def retranslate(self) -> None:
        for header in self._headers:
            header.retranslate()
        self.wide.retranslate()

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
        """The frame of the code block that the line ``block`` is of."""
        return self._area(self.writer.code_block(block.blockFormat().property(CODE)))

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
        layout = self.document().documentLayout()
        top = layout.hitTest(QPointF(0, event.rect().top()), Qt.HitTestAccuracy.FuzzyHit)
        block = self.document().findBlock(max(0, top)).previous()
        if not block.isValid():
            block = self.document().begin()
        framed, table = -1, None
        while block.isValid():
            rect = layout.blockBoundingRect(block)
            if rect.top() - HEADER - PAD > event.rect().bottom():
                break
            form = block.blockFormat()
            if form.hasProperty(CODE) and form.property(CODE) != framed:
                framed = form.property(CODE)
                painter.setPen(style.border)
                painter.setBrush(style.code_bg)
                painter.drawRoundedRect(self._code_area(block).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
            if (inside := QTextCursor(block).currentTable()) is None:
                self._paint_marks(painter, block, rect)
            elif inside != table and inside.format().hasProperty(BARS):
                area, margins = layout.frameBoundingRect(inside), inside.format()
                area.setHeight(area.height() - margins.topMargin() - margins.bottomMargin())
                above = inside.firstCursorPosition().block().previous()  # a thin one
                area.setTop(layout.blockBoundingRect(above).top())
                self._paint_bars(painter, str(margins.property(BARS)), area)
            table = inside
            block = block.next()
        painter.end()
        if self.wide.bands:
            self.wide.paint(event)
        else:
            super().paintEvent(event)

    def _paint_marks(self, painter: QPainter, block: QTextBlock, rect: QRectF) -> None:
        """The bars beside a quotation, and a rule."""
        form = block.blockFormat()
        if form.hasProperty(BARS):
            above = block.previous()
            table = QTextCursor(above).currentTable() if above.isValid() else None
            places = (table.format() if table else above.blockFormat()).property(BARS)
            before = str(places or "").split(",")
            bottom = self.document().documentLayout().blockBoundingRect(above).bottom()
            for left in str(form.property(BARS)).split(","):
                area = QRectF(rect)
                if left in before:
                    area.setTop(bottom)
                if block.textDirection() == Qt.LayoutDirection.RightToLeft and not form.hasProperty(CODE):
                    left = str(self.width() - 3 - int(left))
                self._paint_bars(painter, left, area)
        if form.hasProperty(RULE):
            middle = int(rect.center().y())
            painter.setPen(self.chat_style.border)
            begin = form.leftMargin() + form.indent() * self.document().indentWidth()
            painter.drawLine(int(begin), middle, self.width(), middle)

    def _paint_bars(self, painter: QPainter, lefts: str, area: QRectF) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(self.chat_style.border)
        for left in lefts.split(",") if lefts else ():
            painter.drawRect(QRectF(int(left), area.top(), 3, area.height()))

    # -- input

    def wheelEvent(self, event: QWheelEvent) -> None:
        if not self.wide.wheel(event):
            event.ignore()  # the conversation scrolls, not the message

    def keyPressEvent(self, event: QKeyEvent) -> None:
        scrolls = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Escape)
        arrows = (Qt.Key.Key_Up, Qt.Key.Key_Down)
        if event.key() in scrolls or (event.key() in arrows and not self.textCursor().hasSelection()):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def anchorAt(self, pos: QPoint) -> str:
        return super().anchorAt(self.wide.at(QPointF(pos)).toPoint())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        address = self.anchorAt(event.position().toPoint())
        left = event.button() == Qt.MouseButton.LeftButton
        self._pressed = (address, event.position().toPoint()) if address and left else None
        super().mousePressEvent(self.wide.shifted(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        over = bool(self.anchorAt(event.position().toPoint()))
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if over else Qt.CursorShape.IBeamCursor)
        if event.buttons() & Qt.MouseButton.LeftButton:
            self.wide.follow(event.position())
        super().mouseMoveEvent(self.wide.shifted(event))

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        super().mouseDoubleClickEvent(self.wide.shifted(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(self.wide.shifted(event))
        if self._pressed and (event.position().toPoint() - self._pressed[1]).manhattanLength() < 4:
            self.link_clicked.emit(self._pressed[0], event.globalPosition().toPoint())
        self._pressed = None

    def createMimeDataFromSelection(self) -> QMimeData:
        """What is copied: of formulas and tasks their source, which is hidden in the document."""
        selection = self.textCursor().selection()
        plain = OBJECT in selection.toPlainText() or has_hidden(self.textCursor())
        return copied_data(self._selected(), "" if plain else selection.toHtml())

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
        return selection_text(self.textCursor())


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


def find_all(document: QTextDocument, words: str) -> list[QTextCursor]:
    """Every place of ``words``, whatever its case, at most 2,000."""
    places: list[QTextCursor] = []
    cursor = document.find(words, 0)
    while not cursor.isNull() and len(places) < 2000:
        places.append(cursor)
        cursor = document.find(words, cursor)
    return places
