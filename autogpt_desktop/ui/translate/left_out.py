"""What was left out of folders whose files are translated, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from autogpt_desktop.i18n import message, tr
from autogpt_desktop.tasks.translate.folders import Skipped
from autogpt_desktop.ui.widgets.basic import button, icon_button, label, name_button

_NAMED = 3  # that are named without being asked
_LINES = 7  # that the list is high


class LeftOut(QWidget):
    """Hidden until ``add``: how many were left out, the first names, and on demand a sentence for each."""

    def __init__(self) -> None:
        super().__init__()
        self.skipped: list[Skipped] = []
        self.text = label(tone="muted", wrap=True)
        self.show_button = button(kind="quiet")
        self.show_button.setCheckable(True)
        self.show_button.toggled.connect(self._on_toggled)
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.clear)
        self.list = QPlainTextEdit()
        self.list.setReadOnly(True)
        self.list.setTabChangesFocus(True)
        self.list.hide()
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        row.addWidget(self.show_button)
        row.addWidget(self.close_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(row)
        column.addWidget(self.list)
        self.hide()
        self.retranslate()

    def retranslate(self) -> None:
        self.show_button.setText(tr("Show why"))
        name_button(self.close_button, tr("Close this notice"))
        self.list.setAccessibleName(tr("Files that were left out"))
        self._show()

    def add(self, skipped: Sequence[Skipped]) -> None:
        """More that was left out."""
        if skipped:
            self.skipped = list(dict.fromkeys([*self.skipped, *skipped]))
            self._show()
            self.show()

    def clear(self) -> None:
        self.skipped = []
        self.show_button.setChecked(False)
        self.hide()

    def _show(self) -> None:
        names = [error.values["name"] for error in (one.error() for one in self.skipped[:_NAMED])]
        rest = len(self.skipped) - len(names)
        said = ", ".join(map(str, names)) + (" …" if rest else "")
        self.text.setText(tr("{n} left out: {names}", n=f"{len(self.skipped):,}", names=said))
        self._fill()
        lines = min(max(2, len(self.skipped)), _LINES)
        self.list.setFixedHeight(lines * self.list.fontMetrics().lineSpacing() + 24)

    def _fill(self) -> None:
        """A sentence for each, where it is seen: there may be thousands."""
        if self.show_button.isChecked():
            self.list.setPlainText("\n".join(message(one.error()) for one in self.skipped))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.show_button.isChecked():  # what was opened first
            self.show_button.setChecked(False)
            self.show_button.setFocus()
        else:
            super().keyPressEvent(event)

    def _on_toggled(self, shown: bool) -> None:
        self.list.setVisible(shown)
        self._fill()
        if shown:
            self.list.setFocus()
