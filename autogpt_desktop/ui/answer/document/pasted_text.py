"""A text to ask about, with the answer marked in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QTextEdit, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import label
from autogpt_desktop.ui.widgets.reading_style import QuietButton
from autogpt_desktop.ui.widgets.text_field import PASTE_LIMIT, TextField

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class PastedText(QWidget):
    """``mark`` shows where an answer stands; the marks go when the text changes."""

    files_dropped = Signal(list)  # of Path

    def __init__(self, context: AppContext, key: str) -> None:
        super().__init__()
        self.context = context
        self._marks: list[tuple[int, int, int, int]] = []  # sentence, phrase
        self._current = -1
        self.title = label(size="small", tone="muted")
        self.clear_button = QuietButton("close")
        self.clear_button.clicked.connect(self._clear)
        keep = self.clear_button.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # else the text moves with its first letter
        self.clear_button.setSizePolicy(keep)
        self.clear_button.hide()
        self.field = TextField(context, key)
        self.notice = label(size="small", tone="warning", wrap=True)
        self.notice.hide()
        head = QHBoxLayout()
        head.addWidget(self.title, 1)
        head.addWidget(self.clear_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 4, 16, 16)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.field, 1)
        column.addWidget(self.notice)
        self.field.files_dropped.connect(self.files_dropped)
        self.field.paste_refused.connect(self._on_refused)
        self.field.textChanged.connect(self._on_text)
        context.theme_changed.connect(self._paint)
        self.retranslate()

    def text(self) -> str:
        return self.field.text()

    def set_text(self, text: str) -> None:
        """Ctrl+Z brings back what was there."""
        self.field.replace_text(text)

    def mark(self, marks: list[tuple[int, int, int, int]], current: int) -> None:
        """Show places: sentence's start and end, phrase's start and end; scroll to number ``current``."""
        self._marks, self._current = marks, current
        self._paint()
        if 0 <= current < len(marks):
            cursor = self.field.textCursor()
            cursor.setPosition(_units(self.text(), marks[current][2]))
            self.field.setTextCursor(cursor)
            self.field.centerCursor()

    def retranslate(self) -> None:
        self.title.setText(tr("Text to ask about"))
        self.clear_button.name(tr("Clear the text"))
        self.field.setPlaceholderText(tr("Paste a text here, then ask about it"))
        self.field.setAccessibleName(tr("Text to ask about"))

    def _paint(self) -> None:
        text = self.text()
        shown = []
        soft, strong = self.context.color("accent_soft"), self.context.color("selection")
        for first, last, start, end in self._marks:
            for a, b, color in ((first, last, soft), (start, end, strong)):
                if a < b:
                    mark = QTextEdit.ExtraSelection()
                    cursor = QTextCursor(self.field.document())
                    cursor.setPosition(_units(text, a))
                    cursor.setPosition(_units(text, b), QTextCursor.MoveMode.KeepAnchor)
                    form = QTextCharFormat()
                    form.setBackground(color)
                    mark.format, mark.cursor = form, cursor
                    shown.append(mark)
        self.field.setExtraSelections(shown)

    def _on_text(self) -> None:
        self.notice.hide()
        self.clear_button.setVisible(not self.field.document().isEmpty())
        if self._marks:
            self._marks = []
            self._paint()

    def _on_refused(self, length: int) -> None:
        self.notice.setText(
            tr(
                "This text has {n} characters, more than the {most} that fit here. Save it as a file and"
                " ask about the file.",
                n=f"{length:,}",
                most=f"{PASTE_LIMIT:,}",
            )
        )
        self.notice.show()

    def _clear(self) -> None:
        self.field.replace_text("")
        self.field.setFocus()


def _units(text: str, offset: int) -> int:
    """A Python offset as a QTextDocument counts it: in UTF-16 units."""
    before = text[:offset]
    return len(before) if before.isascii() else offset + sum(character > "\uffff" for character in before)
