"""Keys that go to a panel and that move one to the other column."""

from __future__ import annotations

import sys

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QMainWindow

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.panel import in_overlay
from autogpt_desktop.ui.shell.columns import Columns

NUMBERED = 9
# On a Mac, Ctrl stands for ⌘, and ⌘Tab is the system's.
NEXT = "Meta+Tab" if sys.platform == "darwin" else "Ctrl+Tab"
PREVIOUS = "Meta+Shift+Tab" if sys.platform == "darwin" else "Ctrl+Shift+Tab"


class PanelActions:
    """They act on what was used last, and on nothing while something lies over the panels."""

    def __init__(self, window: QMainWindow, columns: Columns) -> None:
        self._columns = columns
        self.left = self._add(window, "Ctrl+Shift+PgUp", ("move", -1))
        self.right = self._add(window, "Ctrl+Shift+PgDown", ("move", 1))
        self.next = self._add(window, NEXT, ("step", 1))
        self.previous = self._add(window, PREVIOUS, ("step", -1))
        for number in range(NUMBERED):
            self._add(window, f"Ctrl+{number + 1}", ("show", number))
        self.retranslate()

    def _add(self, window: QMainWindow, keys: str, what: tuple[str, int]) -> QAction:
        action = QAction(window)
        action.setShortcut(QKeySequence(keys))
        action.setData(what)
        action.triggered.connect(lambda: self._do(*what))
        window.addAction(action)
        return action

    def _do(self, what: str, number: int) -> None:
        columns = self._columns
        if not columns.isVisible() or in_overlay(QApplication.focusWidget()):
            return
        if what == "move":
            columns.move_panel(columns.active_key, number)
        elif what == "step":
            columns.step(number)
        else:
            columns.show_number(number)

    def in_menu(self) -> list[QAction]:
        """Empty where there is nothing to go to."""
        return [self.left, self.right] if self._several() else []

    def retranslate(self) -> None:
        self.left.setText(tr("Move the panel to the left column"))
        self.right.setText(tr("Move the panel to the right column"))
        self.next.setText(tr("Next panel"))
        self.previous.setText(tr("Previous panel"))

    def rows(self) -> list[tuple[str, str]]:
        """For the list of shortcuts."""
        if not self._several():
            return []
        actions = (self.next, self.previous, self.left, self.right)
        last = min(NUMBERED, len(self._columns.arrangement.keys()))
        return [
            (f"Ctrl+1 … Ctrl+{last}", tr("Go to a panel")),
            *[(action.shortcut().toString(), action.text()) for action in actions],
        ]

    def _several(self) -> bool:
        return len(self._columns.arrangement.keys()) > 1
