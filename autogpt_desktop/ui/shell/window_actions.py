"""The window's menu and its keys: models, the size of messages, settings, help, the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets import icons

MENU = ("models open popup", "larger smaller normal full", "settings shortcuts about", "quit")


class WindowActions:
    """``slots``: what each action of MENU does; the sizes of text are done here."""

    def __init__(
        self, window: QWidget, context: AppContext, slots: Mapping[str, Callable[[], object]]
    ) -> None:
        self._window = window
        self._actions: dict[str, QAction] = {}
        sizes = {"larger": 1, "smaller": -1, "normal": 0}
        slots = {**slots, **{name: partial(context.step_zoom, step) for name, step in sizes.items()}}
        for name, keys, icon in (
            ("models", ["Ctrl+M"], "model"),
            ("open", ["Ctrl+O"], "folder"),
            ("popup", [], "translate"),
            ("settings", ["Ctrl+,"], "settings"),
            ("larger", ["Ctrl++", "Ctrl+="], "text-zoom"),
            ("smaller", ["Ctrl+-"], "text-zoom"),
            ("normal", ["Ctrl+0"], "text-zoom"),
            ("full", ["F11"], ""),
            ("notice", ["F6"], ""),
            ("shortcuts", ["F1", "Ctrl+/"], "keyboard"),
            ("about", [], "info"),
            ("quit", ["Ctrl+Q"], ""),
        ):
            action = QAction(window)
            action.setShortcuts([QKeySequence(key) for key in keys])
            if icon:
                action.setIcon(icons.icon(icon, "muted"))
            action.triggered.connect(partial(_call, slots[name]))
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
            ("popup", tr("Quick translation")),
            ("settings", tr("Settings")),
            ("larger", tr("Larger messages")),
            ("smaller", tr("Smaller messages")),
            ("normal", tr("Messages at normal size")),
            ("full", tr("Full screen")),
            ("notice", tr("Go to the newest notice, and back")),
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


def _call(slot: Callable[[], object], _checked: bool = False) -> None:
    slot()
