"""The editor of a message or a question: Enter sends, files and long texts are handed on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFontMetricsF,
    QInputMethodEvent,
    QKeyEvent,
    QResizeEvent,
    QTextOption,
)
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QWidget

from autogpt_desktop.ui.widgets.basic import parent_of
from autogpt_desktop.ui.widgets.raw_text import raw_text, selection_data
from autogpt_desktop.ui.widgets.text_field import local_files

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

PASTE_LIMIT = 20_000  # characters; a longer paste becomes an attachment


class ComposerText(QPlainTextEdit):
    """Enter sends unless an input method is composing."""

    send_requested = Signal()
    edit_last_requested = Signal()
    pasted_long = Signal(str)
    files_dropped = Signal(list)
    resized = Signal()  # its lines may break elsewhere; one that was hidden hears of it when it is shown

    def __init__(self, context: AppContext, parent: QWidget) -> None:
        super().__init__(parent)
        self.context = context
        self._composing = False
        self.setTabChangesFocus(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setStyleSheet(
            "QPlainTextEdit, QPlainTextEdit:focus { background: transparent; border: none; padding: 0; }"
        )
        self.document().setDocumentMargin(0)

    def text(self) -> str:
        return raw_text(self)

    def createMimeDataFromSelection(self) -> QMimeData:
        return selection_data(self)

    def fit(self, x: int, y: int, width: int, lines: int) -> int:
        """Take a place as tall as the text, up to ``lines`` of its lines, and give that height.

        Lines are measured, not counted: those in Chinese are taller than the font says.
        """
        self.setGeometry(x, y, width, self.height())  # breaks the lines anew
        height, left = 0.0, lines
        block = self.document().begin()
        while block.isValid() and left > 0:
            self.blockBoundingRect(block)  # lays it out
            layout = block.layout()
            for number in range(min(layout.lineCount(), left)):
                height += layout.lineAt(number).height()
            left -= layout.lineCount()
            block = block.next()
        scrolls = block.isValid() or left < 0
        bars = Qt.ScrollBarPolicy
        self.setVerticalScrollBarPolicy(bars.ScrollBarAsNeeded if scrolls else bars.ScrollBarAlwaysOff)
        whole = math.ceil(max(height, QFontMetricsF(self.font()).lineSpacing())) + 1
        self.setGeometry(x, y, width, whole)
        return whole

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:
        self._composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        parent_of(self).update()  # the box around it shows the focus

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._composing = False
        super().focusOutEvent(event)
        parent_of(self).update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key, modifiers = event.key(), event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        plain = modifiers == Qt.KeyboardModifier.NoModifier
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self._composing:  # belongs to the input method, whatever a platform passes on
                event.ignore()
                return
            control = modifiers == Qt.KeyboardModifier.ControlModifier
            if control or (plain and self.context.settings.send_with_enter):
                self.send_requested.emit()
            else:
                self.textCursor().insertBlock()
                self.ensureCursorVisible()
        elif key == Qt.Key.Key_Up and plain and self.document().isEmpty() and not self._composing:
            self.edit_last_requested.emit()
        elif key == Qt.Key.Key_Escape:
            event.ignore()  # the panel knows what there is to stop
        else:
            super().keyPressEvent(event)

    def insertFromMimeData(self, source: QMimeData) -> None:
        files = local_files(source)
        if files:
            self.files_dropped.emit(files)
        elif source.hasText():
            text = source.text()  # once: it may have millions of characters
            if len(text) > PASTE_LIMIT:
                self.pasted_long.emit(text)
            else:
                self.insertPlainText(text)

    def canInsertFromMimeData(self, source: QMimeData) -> bool:
        return bool(local_files(source)) if source.hasUrls() else super().canInsertFromMimeData(source)
