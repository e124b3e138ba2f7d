"""“Translate this” and the like: the menu that hands a text to another panel."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QWidget

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


def add_send_actions(
    menu: QMenu, context: AppContext, source_key: str, get_text: Callable[[], str]
) -> list[QAction]:
    """Append "Translate this" and the like for every other panel; ``get_text`` is asked when pressed."""
    others = [kind for kind in context.panels.kinds.values() if kind.key != source_key]
    if others and not menu.isEmpty():
        menu.addSeparator()
    actions = []
    for kind in others:
        action = menu.addAction(context.icon(kind.icon), kind.send_title())
        action.setEnabled(bool(get_text().strip()))
        action.triggered.connect(partial(_send, context, source_key, kind.key, get_text))
        actions.append(action)
    return actions


def send_menu(
    context: AppContext, source_key: str, get_text: Callable[[], str], parent: QWidget | None = None
) -> QMenu:
    """The same as a menu of its own; empty where there is no other panel."""
    menu = QMenu(parent)
    add_send_actions(menu, context, source_key, get_text)
    return menu


def _send(
    context: AppContext, source: str, target: str, get_text: Callable[[], str], _checked: bool = False
) -> None:
    context.send_text(source, target, get_text())
