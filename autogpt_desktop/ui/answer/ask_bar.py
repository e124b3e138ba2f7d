"""Where a question is written: the field, Ask that becomes Stop, and what is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import label
from autogpt_desktop.ui.widgets.composer_box import BUTTON, LOWEST, ComposerBox, SendButton
from autogpt_desktop.ui.widgets.reading_style import chat_style

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

LINES = 5  # the field grows to so many, then it scrolls
MOST = 2000  # characters of a question: what is longer is a text to ask about


class AskBar(QWidget):
    """``asked`` carries the question; the field is empty by then."""

    asked = Signal(str)
    typing_started = Signal()  # the user begins to type; not for what comes back or is set
    stopped = Signal()
    last_requested = Signal()  # ↑ in an empty field
    long_text_pasted = Signal(str)  # a long text was pasted here
    files_dropped = Signal(list)  # of Path

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.context = context
        self._busy = False
        self._placeholder = ""
        self._typed = False  # something of what the field holds was typed, and that was told
        self._setting = False
        self.notice = label(size="small", tone="warning", wrap=True)
        self.notice.hide()
        self.box = ComposerBox(context, self, self._lay_out)
        self.field = self.box.field
        self.button = SendButton(context, self.box)
        self.button.clicked.connect(self._on_button)
        self.tools = QHBoxLayout()
        self.tools.setContentsMargins(4, 0, 4, 0)
        self.tools.setSpacing(8)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.notice)
        column.addWidget(self.box)
        column.addLayout(self.tools)
        self.field.textChanged.connect(self._on_text)
        self.field.send_requested.connect(self._ask)
        self.field.edit_last_requested.connect(self.last_requested)
        self.field.pasted_long.connect(self.long_text_pasted)
        self.field.files_dropped.connect(self.files_dropped)
        self.box.begin()
        self.restyle()

    def set_text(self, text: str) -> None:
        """As a draft that comes back: nobody has typed it now."""
        self._setting, self._typed = True, False
        self.field.setPlainText(text)
        self._setting = False
        self.field.moveCursor(QTextCursor.MoveOperation.End)

    def set_busy(self, busy: bool) -> None:
        self._busy = busy
        self._show_button()

    def set_placeholder(self, text: str) -> None:
        self._placeholder = text
        self.restyle()

    def show_notice(self, text: str) -> None:
        """A plain sentence above the field; "" takes it away."""
        self.notice.setText(text)
        self.notice.setVisible(bool(text))

    def restyle(self) -> None:
        """Zoom or language have changed."""
        self.field.setFont(chat_style(self.context).font)
        self.field.setPlaceholderText("")  # Qt 6.11 keeps the old size of one that stays
        self.field.setPlaceholderText(self._placeholder)
        self.field.setAccessibleName(tr("Question"))
        self.field.setAccessibleDescription(self._placeholder)
        self.box.refit()
        self._show_button()

    def _ask(self) -> None:
        text = self.field.text().strip()
        if not text or not self.isEnabled():
            return
        if len(text) > MOST:
            self.show_notice(tr("This is long for a question. Paste it as a text and ask about it."))
            return
        self.show_notice("")
        self.field.clear()
        self.asked.emit(text)

    def _on_button(self) -> None:
        if self._busy:
            self.stopped.emit()
        else:
            self._ask()
        self.field.setFocus()

    def _on_text(self) -> None:
        if self.field.document().isEmpty():
            self._typed = False
        elif not self._typed and not self._setting:
            self._typed = True
            self.typing_started.emit()
        self.show_notice("")
        self._show_button()

    def _show_button(self) -> None:
        self.button.show_state(tr("Ask"), busy=self._busy, has_text=bool(self.field.text().strip()))

    def _lay_out(self, width: int) -> int:
        """The field, and the button at its end."""
        room = max(10, width - 16 - 56)
        text_height = self.field.fit(16, self.field.y(), room, LINES)
        height = max(LOWEST, text_height + 28)
        inset = (height - text_height) // 2
        self.field.setGeometry(16, inset, room, height - inset - 4)
        self.button.move(width - 8 - BUTTON, height - 8 - BUTTON)
        return height
