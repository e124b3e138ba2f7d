"""The text editor of the task panels: plain text in every script, files by drop, nothing that stutters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QMimeData, QPoint, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QFocusEvent, QInputMethodEvent, QKeyEvent, QTextOption
from PySide6.QtWidgets import QMenu, QPlainTextEdit, QWidget

from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.raw_text import raw_text, selected_text, selection_data
from autogpt_desktop.ui.widgets.send_menu import add_send_actions
from autogpt_desktop.ui.widgets.theme import theme

PASTE_LIMIT = 1_000_000  # characters; a QPlainTextEdit takes about a second for two million


class TextField(QPlainTextEdit):
    """Tab leaves it, a text that begins right to left stands at the right, the zoom of texts applies.

    ``panel_key`` is the panel's, for "send to" in the menu. A paste that is longer than PASTE_LIMIT is not
    inserted: ``paste_refused`` carries its length, and the panel says what to do instead.
    """

    paste_refused = Signal(int)  # characters
    files_dropped = Signal(list)  # of Path, no folder excluded

    def __init__(self, context: AppContext, panel_key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.menu_extras: list[Callable[[QMenu], None]] = []  # each may append its entries
        self._panel_key = panel_key
        self._composing = False
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.textChanged.connect(self._align)
        context.zoom_changed.connect(self.restyle)
        context.theme_changed.connect(self.restyle)
        self.restyle()

    @property
    def composing(self) -> bool:
        """An input method has not finished a word yet: do not work on what is there."""
        return self._composing

    def text(self) -> str:
        return raw_text(self)

    def createMimeDataFromSelection(self) -> QMimeData:
        return selection_data(self)

    def replace_text(self, text: str) -> bool:
        """Put ``text`` in place of all, so that Ctrl+Z brings back what was there.

        Returns False, and says so with ``paste_refused``, if it is longer than PASTE_LIMIT.
        """
        if len(text) > PASTE_LIMIT:
            self.paste_refused.emit(len(text))
            return False
        cursor = self.textCursor()
        cursor.beginEditBlock()
        cursor.select(cursor.SelectionType.Document)
        cursor.insertText(text)
        cursor.endEditBlock()
        cursor.setPosition(0)
        self.setTextCursor(cursor)
        return True

    def selected_or_all(self) -> str:
        """The selection with plain line ends, else the whole text."""
        return selected_text(self.textCursor()) or raw_text(self)

    def restyle(self) -> None:
        """Theme or zoom changed; the line on top stays there."""
        points = theme().points("body") * 1.1 * self.context.settings.zoom
        sheet = f"TextField {{ font-size: {points:.1f}pt; }}"
        if sheet == self.styleSheet():
            return
        top = self.cursorForPosition(QPoint(0, 0)).position()
        scrolled = self.verticalScrollBar().value() > 0
        self.setStyleSheet(sheet)
        if scrolled:
            self._scroll_to_position(top)

    def _scroll_to_position(self, position: int) -> None:
        """The line with that character on top: the bar of a plain text counts lines."""
        block = self.document().findBlock(position)
        self.blockBoundingRect(block)  # lays it out
        line = block.layout().lineForTextPosition(position - block.position())
        number = line.lineNumber() if line.isValid() else 0
        self.verticalScrollBar().setValue(block.firstLineNumber() + number)

    def _align(self) -> None:
        """To the side where its first paragraph begins: the layout of plain text knows no other way."""
        block = self.document().begin()
        while block.isValid() and not block.text().strip() and block.next().isValid():
            block = block.next()
        right = block.textDirection() == Qt.LayoutDirection.RightToLeft
        alignment = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
        option = self.document().defaultTextOption()
        if option.alignment() != alignment:
            option.setAlignment(alignment)
            self.document().setDefaultTextOption(option)

    # --- Qt ---------------------------------------------------------------------------------

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._composing = False
        super().focusOutEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            event.ignore()  # the panel knows what there is to stop
        else:
            super().keyPressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        menu = self.make_menu()
        menu.exec(event.globalPos())
        menu.deleteLater()

    def make_menu(self) -> QMenu:
        """Qt's own entries, the panel's, and where the text can be sent."""
        menu = self.createStandardContextMenu()
        for extra in self.menu_extras:
            extra(menu)
        add_send_actions(menu, self.context, self._panel_key, self.selected_or_all)
        return menu

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return bool(local_files(source)) or source.hasText()

    def insertFromMimeData(self, source: QMimeData) -> None:
        files = local_files(source)
        if files:
            self.files_dropped.emit(files)
        elif source.hasText():
            text = source.text()
            if len(text) + self.document().characterCount() > PASTE_LIMIT:
                self.refuse_paste(text)
            else:
                self.insertPlainText(text)

    def refuse_paste(self, text: str) -> None:
        """It is too long to be put here."""
        self.paste_refused.emit(len(text))


def local_files(source: QMimeData) -> list[Path]:
    """The files and folders of a drag or a paste; models are the window's."""
    paths = [Path(url.toLocalFile()) for url in source.urls() if url.isLocalFile()]
    return [path for path in paths if path.suffix.lower() != ".gguf"]
