"""The window's menu and its keys: models, the size of messages, settings, help, the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons

if TYPE_CHECKING:
    from autogpt_desktop.ui.shell.main_window import MainWindow

MENU = ("models open", "larger smaller normal full", "settings shortcuts about", "quit")


class WindowActions:
    def __init__(self, window: MainWindow) -> None:
        self._window = window
        self._actions: dict[str, QAction] = {}
        for name, keys, icon, slot in (
            ("models", ["Ctrl+M"], "model", window.show_models),
            ("open", ["Ctrl+O"], "folder", window.open_model_file),
            ("settings", ["Ctrl+,"], "settings", window.show_settings),
            ("larger", ["Ctrl++", "Ctrl+="], "text-zoom", self._larger),
            ("smaller", ["Ctrl+-"], "text-zoom", self._smaller),
            ("normal", ["Ctrl+0"], "text-zoom", self._normal),
            ("full", ["F11"], "", window.toggle_full_screen),
            ("shortcuts", ["F1", "Ctrl+/"], "keyboard", window.show_shortcuts),
            ("about", [], "info", window.show_about),
            ("quit", ["Ctrl+Q"], "", window.close),
        ):
            action = QAction(window)
            action.setShortcuts([QKeySequence(key) for key in keys])
            if icon:
                action.setIcon(icons.icon(icon, "muted"))
            action.triggered.connect(slot)
            window.addAction(action)
            self._actions[name] = action

    def menu(self, before_settings: list[QAction]) -> QMenu:
        menu = QMenu(self._window)
        for line in MENU:
            menu.addActions([self._actions[name] for name in line.split()])
            menu.addSeparator()
        menu.insertActions(self._actions["settings"], before_settings)
        menu.insertSeparator(self._actions["settings"])
        return menu

    def retranslate(self) -> None:
        for name, text in (
            ("models", tr("Models")),
            ("open", tr("Open a model file…")),
            ("settings", tr("Settings")),
            ("larger", tr("Larger messages")),
            ("smaller", tr("Smaller messages")),
            ("normal", tr("Messages at normal size")),
            ("full", tr("Full screen")),
            ("shortcuts", tr("Keyboard shortcuts")),
            ("about", tr("About AutoGPT Desktop")),
            ("quit", tr("Quit")),
        ):
            self._actions[name].setText(text)

    def rows(self) -> list[tuple[str, str]]:
        """For the list of shortcuts: keys, what they do."""
        actions = [action for action in self._actions.values() if action.shortcuts()]
        keys = [" / ".join(key.toString() for key in action.shortcuts()) for action in actions]
        return [(key, action.text()) for key, action in zip(keys, actions, strict=True)]

    def _larger(self) -> None:
        self._window.context.step_zoom(1)

    def _smaller(self) -> None:
        self._window.context.step_zoom(-1)

    def _normal(self) -> None:
        self._window.context.step_zoom(0)
