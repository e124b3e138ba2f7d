"""The two editors of the Translate panel: what was written, and its translation, sentence by sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QEvent, QMimeData, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QTextCharFormat,
    QTextCursor,
)
from PySide6.QtWidgets import QTextEdit, QToolTip, QWidget

from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.sentence_map import Edit
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import plain_tooltip
from autogpt_desktop.ui.widgets.text_field import PASTE_LIMIT, TextField

KEY = "translate"
GUTTER = 20  # px at the left, for the marks of sentences to look at
Mark = tuple[int, int, QTextCharFormat]  # start, end, how it looks


class SentenceEdit(TextField):
    """What both editors do: tell where the pointer is, show marks, scroll to a place."""

    pointed = Signal(int)  # the place under the pointer, -1: none

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, KEY, parent)
        self._spans: list[tuple[int, int]] = []
        self.viewport().setMouseTracking(True)

    def visible_range(self) -> tuple[int, int]:
        """The places of the first and the last character that can be seen."""
        corner = QPoint(self.viewport().width() - 1, self.viewport().height() - 1)
        end = self.cursorForPosition(corner).block()
        return self.cursorForPosition(QPoint(0, 0)).position(), end.position() + end.length()

    def show_marks(self, marks: Sequence[Mark]) -> None:
        selections = []
        last = self.document().characterCount() - 1
        for start, end, look in marks:
            selection = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.document())
            cursor.setPosition(min(start, last))
            cursor.setPosition(min(end, last), QTextCursor.MoveMode.KeepAnchor)
            selection.cursor, selection.format = cursor, look
            selections.append(selection)
        self.setExtraSelections(selections)

    def line_of(self, place: int) -> int:
        """The line that a place is on, as the scroll bar counts them."""
        block = self.document().findBlock(min(place, self.document().characterCount() - 1))
        line = block.layout().lineForTextPosition(place - block.position())
        return int(block.firstLineNumber()) + (line.lineNumber() if line.isValid() else 0)

    def place_of_line(self, line: int) -> int:
        """Where a line begins."""
        block = self.document().findBlockByLineNumber(line)
        if not block.isValid():
            return self.document().characterCount() - 1
        inside = block.layout().lineAt(line - block.firstLineNumber())
        return int(block.position()) + (inside.textStart() if inside.isValid() else 0)

    def rect_of(self, place: int) -> QRect:
        """Where a place is, in the viewport."""
        cursor = QTextCursor(self.document())
        cursor.setPosition(min(place, self.document().characterCount() - 1))
        return self.cursorRect(cursor)

    def reveal(self, place: int) -> None:
        """Scroll, if need be, until a place can be seen."""
        first, last = self.visible_range()
        if not first <= place < last:
            self.verticalScrollBar().setValue(max(0, self.line_of(place) - 2))

    # --- Qt ---------------------------------------------------------------------------------

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        super().mouseMoveEvent(event)
        if not event.buttons():
            self.pointed.emit(self._place_under(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.pointed.emit(-1)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self._show_pane_focus()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self._show_pane_focus()

    def _show_pane_focus(self) -> None:
        show_focus = getattr(self.parentWidget(), "show_focus", None)
        if show_focus is not None:
            show_focus(self.hasFocus())

    def _place_under(self, point: QPoint) -> int:
        """The place of the character under the pointer; -1 beside the text. The end where it is behind it."""
        cursor = self.cursorForPosition(point)
        rect = self.cursorRect(cursor)
        below = point.y() > rect.bottom() + 2 or point.y() < rect.top() - 2
        beside = abs(point.x() - rect.center().x()) > 3 * rect.height()
        if below or beside:
            return -1
        before = QTextCursor(cursor)
        if before.movePosition(QTextCursor.MoveOperation.PreviousCharacter):
            other = self.cursorRect(before)
            low, high = sorted((other.center().x(), rect.center().x()))
            if other.y() == rect.y() and low <= point.x() < high:  # on its second half
                return before.position()
        return cursor.position()


class SourceEdit(SentenceEdit):
    """What is to be translated. ``refused``: the text that was too long to be put here, for a file."""

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.refused = ""

    def replace_text(self, text: str) -> bool:
        self.refused = text if len(text) > PASTE_LIMIT else ""
        return super().replace_text(text)

    def refuse_paste(self, text: str) -> None:
        self.refused = text
        super().refuse_paste(text)

    def insertFromMimeData(self, source: QMimeData) -> None:
        self.refused = ""
        super().insertFromMimeData(source)


class TargetEdit(SentenceEdit):
    """The translation: to read, select and copy; a click on a word asks for others, and so does one on what
    is selected, or Enter."""

    sentence_clicked = Signal(int)  # the place, with Enter
    words_clicked = Signal(int, int)  # start and end of what is selected, or of a character
    tip_at: Callable[[int], str]  # what to say of the sentence at a place

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(context, parent)
        self.setReadOnly(True)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.tip_at = lambda _place: ""
        self.menu_place = -1  # where its menu was asked for
        self._pressed: QPoint | None = None
        self._selected = (0, 0)  # what was, where the mouse was pressed
        self.gutter = _Gutter(self)

    def apply(self, edits: Iterable[Edit]) -> None:
        """Change the text in place: what is scrolled to and selected stays, as far as it can."""
        cursor = QTextCursor(self.document())
        bar = self.verticalScrollBar()
        value = bar.value()
        cursor.beginEditBlock()
        for edit in edits:
            end = self.document().characterCount() - 1
            cursor.setPosition(min(edit.start, end))
            cursor.setPosition(min(edit.end, end), QTextCursor.MoveMode.KeepAnchor)
            cursor.insertText(edit.text)
        cursor.endEditBlock()
        bar.setValue(value)

    # --- Qt ---------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._selected = self._selection()
        super().mousePressEvent(event)
        self._pressed = event.position().toPoint() if event.button() == Qt.MouseButton.LeftButton else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        point = event.position().toPoint()
        pressed, self._pressed = self._pressed, None
        if pressed is not None and (point - pressed).manhattanLength() < 4:
            place = self._place_under(point)
            start, end = self._selected
            if start <= place < end:
                self.words_clicked.emit(start, end)
            elif place >= 0 and not self.textCursor().hasSelection():
                self.words_clicked.emit(place, place + 1)

    def _selection(self) -> tuple[int, int]:
        cursor = self.textCursor()
        return cursor.selectionStart(), cursor.selectionEnd()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        self.menu_place = self._place_under(event.pos()) if by_mouse else self.textCursor().position()
        super().contextMenuEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and not event.modifiers():
            start, end = self._selection()
            if start < end:
                self.words_clicked.emit(start, end)
            else:
                self.sentence_clicked.emit(start)
        else:
            super().keyPressEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            place = self._place_under(event.pos())
            text = self.tip_at(place) if place >= 0 else ""
            QToolTip.showText(event.globalPos(), plain_tooltip(text), self)
            return True
        return super().viewportEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.gutter.setGeometry(0, self.viewport().y(), GUTTER, self.viewport().height())


class _Gutter(QWidget):
    """Signs beside the sentences that should be looked at."""

    def __init__(self, edit: TargetEdit) -> None:
        super().__init__(edit)
        self._edit = edit
        self._places: list[int] = []
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)

    def show_places(self, places: list[int]) -> None:
        """Where in the text the signs belong."""
        if places or self._places:
            self._places = places
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        icon = icons.icon("warning", "warning")
        for place in self._places:
            rect = self._edit.rect_of(place)
            size = min(GUTTER - 4, rect.height())
            icon.paint(painter, QRect(QPoint(2, rect.center().y() - size // 2), QSize(size, size)))
        painter.end()


def look(
    *, background: QColor | None = None, underline: QColor | None = None, wave: bool = False
) -> QTextCharFormat:
    """How a marked sentence looks."""
    made = QTextCharFormat()
    if background is not None:
        made.setBackground(background)
    if underline is not None:
        styles = QTextCharFormat.UnderlineStyle
        made.setUnderlineStyle(styles.WaveUnderline if wave else styles.DotLine)
        made.setUnderlineColor(underline)
    return made
