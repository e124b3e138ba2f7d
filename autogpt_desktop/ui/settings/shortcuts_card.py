"""The list of keyboard shortcuts (F1) and the card that says what this program is."""

from __future__ import annotations

import sys

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.basic import icon_button, label, name_button
from autogpt_desktop.ui.widgets.overlay import Overlay


class ShortcutsCard(Overlay):
    """Made anew each time it opens, from what the panels list."""

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window, placement="center", width=520)
        self._context = context
        column = QVBoxLayout(self.card)
        column.setContentsMargins(24, 16, 16, 16)
        column.setSpacing(8)
        head = QHBoxLayout()
        self._title = label(size="heading")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_overlay)
        head.addWidget(self._title, 1)
        head.addWidget(self.close_button)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the arrow keys scroll it from anywhere
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addLayout(head)
        column.addWidget(self._scroll, 1)
        context.language_changed.connect(self._on_language)

    def open(self, anchor: QWidget | None = None) -> None:
        self._fill()
        super().open(anchor)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self._scroll.verticalScrollBar()
        steps = {Qt.Key.Key_Up: -40, Qt.Key.Key_Down: 40, Qt.Key.Key_PageUp: -200, Qt.Key.Key_PageDown: 200}
        if event.key() in steps:
            bar.setValue(bar.value() + steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def _on_language(self) -> None:
        if self.isVisible():
            self._fill()
            self.place()

    def _fill(self) -> None:
        self._title.setText(tr("Keyboard shortcuts"))
        name_button(self.close_button, tr("Close"), "Esc")
        page = QWidget()
        page.setObjectName("page")
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 16, 0)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(0, 1)
        line = 0
        for rows in self._context.shortcut_lists:
            heading, pairs = rows()
            title = label(heading, size="small", tone="accent")
            title.setContentsMargins(0, 8 if line else 0, 0, 0)
            grid.addWidget(title, line, 0, 1, 2)
            line += 1
            for keys, text in pairs:
                grid.addWidget(label(text, wrap=True), line, 0)
                cap = label(key_text(keys))
                cap.setObjectName("keycap")
                cap.setAccessibleName(f"{text}: {cap.text()}")
                grid.addWidget(cap, line, 1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                line += 1
        grid.setRowStretch(line, 1)
        self._scroll.setWidget(page)
        page.show()
        self._scroll.setMinimumHeight(min(page.sizeHint().height() + 4, max(160, self.height() - 120)))


def key_text(keys: str) -> str:
    """``Ctrl+M`` as this system writes it (⌘M on a Mac)."""
    if sys.platform == "darwin":
        for word, sign in (("Ctrl+", "⌘"), ("Alt+", "⌥"), ("Shift+", "⇧")):
            keys = keys.replace(word, sign)
    return keys
