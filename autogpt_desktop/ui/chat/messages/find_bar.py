"""Find in the conversation: counts in every message, also in those that are not in sight."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.thinking import without_thinking
from autogpt_desktop.ui.chat.messages.markdown_parse import plain_text
from autogpt_desktop.ui.widgets.basic import icon_button, label, name_button, name_field

if TYPE_CHECKING:
    from autogpt_desktop.ui.chat.messages.view import MessageView
    from autogpt_desktop.ui.context import AppContext

SLICE = 0.008  # seconds of counting before the window gets its turn


class FindBar(QWidget):
    """Works on a MessageView. Places are (message id, number within it)."""

    closed = Signal()

    def __init__(self, context: AppContext, view: MessageView) -> None:
        super().__init__()
        self.view = view
        self.places: list[tuple[int, int]] = []
        self.at = -1
        self._texts: dict[int, tuple[str, str]] = {}  # message id: its source, how it reads
        self._next_item = 0
        self.field = QLineEdit()
        self.field.setClearButtonEnabled(True)
        self.field.textChanged.connect(self._start)
        self.count = label(size="small", tone="muted")
        self.count.setMinimumWidth(88)
        self.up = icon_button("chevron-up")
        self.up.clicked.connect(self.find_previous)
        self.down = icon_button("chevron-down")
        self.down.clicked.connect(self.find_next)
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_bar)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 8, 6)
        row.setSpacing(8)
        row.addStretch(1)
        self.field.setMaximumWidth(360)
        row.addWidget(self.field, 2)
        for widget in (self.count, self.up, self.down, self.close_button):
            row.addWidget(widget)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._count_some)
        view.marked.connect(self._on_marked)
        context.language_changed.connect(self.retranslate)
        self.retranslate()
        self.hide()

    def open(self) -> None:
        self.show()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.field.selectAll()
        self._start()

    def close_bar(self) -> None:
        self._timer.stop()
        self.hide()
        self._texts.clear()
        self.view.set_find("")
        self.closed.emit()

    def refresh(self) -> None:
        """The conversation changed."""
        if self.isVisible():
            self._start()

    def find_next(self) -> None:
        self._go(self.at + 1)

    def find_previous(self) -> None:
        self._go(self.at - 1)

    def _start(self) -> None:
        self.places, self.at, self._next_item = [], -1, 0
        words = self.field.text()
        self.view.set_find(words)
        if words:
            self._timer.start()
        else:
            self._timer.stop()
        self._show_count()

    def _count_some(self) -> None:
        until = time.perf_counter() + SLICE
        words = self.field.text().casefold()
        items = self.view.column.items
        while self._next_item < len(items):
            item = items[self._next_item]
            self._next_item += 1
            number = item.message.id
            known = self._texts.get(number)
            if known is None or known[0] != item.text:
                shown = item.text if item.message.role == "user" else plain_text(without_thinking(item.text))
                known = self._texts[number] = (item.text, shown.casefold())
            self.places.extend((number, place) for place in range(known[1].count(words)))
            if time.perf_counter() > until:
                break
        if self._next_item >= len(items):
            self._timer.stop()
            if self.at < 0 and self.places:
                self._go(self._first_in_sight())
        self._show_count()

    def _on_marked(self, message_id: int, count: int) -> None:
        """An answer that is being written has other places by now."""
        known = sum(number == message_id for number, _ in self.places)
        if self._timer.isActive() or count == known or message_id != self.view.column.items[-1].message.id:
            return
        others = self.places[: len(self.places) - known]
        self.places = [*others, *((message_id, place) for place in range(count))]
        self.at = min(self.at, len(self.places) - 1)
        if self.at < 0 and self.places:
            self._go(self._first_in_sight())
        self._show_count()

    def _first_in_sight(self) -> int:
        """Begin where the user is looking."""
        for at, (number, _) in enumerate(self.places):
            area = self.view.visible_rect(number)
            if not area.isEmpty() and area.bottom() > 0:
                return at
        return 0

    def _go(self, at: int) -> None:
        if self.places:
            self.at = at % len(self.places)
            self.view.set_find(self.field.text(), *self.places[self.at])
            self._show_count()

    def _show_count(self) -> None:
        if not self.field.text():
            text = ""
        elif not self.places:
            text = "…" if self._timer.isActive() else tr("Not found")
        else:
            text = tr("{n} of {count}", n=self.at + 1, count=len(self.places))
        self.count.setText(text)
        self.count.setAccessibleName(text)
        for widget in (self.up, self.down):
            widget.setEnabled(bool(self.places))

    def retranslate(self) -> None:
        name_field(self.field, tr("Find in this conversation"))
        name_button(self.up, tr("Previous place"), "Shift+F3")
        name_button(self.down, tr("Next place"), "F3")
        name_button(self.close_button, tr("Close"), "Esc")
        self._show_count()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_bar()
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            backwards = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            (self.find_previous if backwards else self.find_next)()
        else:
            super().keyPressEvent(event)
