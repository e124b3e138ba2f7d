"""What the window asks of a panel, and what it knows of those it has: who was used last, who gets a text.

A new panel is a ``PanelKind`` in ``ui.shell.panel_registry``; its widget is made when its tab is first shown.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QWidget

from autogpt_desktop.ui.widgets.basic import application
from autogpt_desktop.ui.widgets.overlay import Overlay


class Panel(Protocol):
    """A panel is a QWidget with these methods. ``shutdown()``, where it has one, is called before the
    window closes; ``kept_clear()`` gives the widgets that no notice may cover: titles, where one writes;
    ``open_place(what)`` shows what another panel asks for with ``Panels.ask``."""

    def receive_text(self, text: str) -> None:
        """Another panel hands over a text; the panel is in sight already."""

    def focus_input(self) -> None:
        """Put the focus where a user begins."""


@dataclass(frozen=True)
class PanelKind:
    """A panel before it is built."""

    key: str  # "chat", "translate", "answer", "sentiment"
    icon: str
    title: Callable[[], str]  # in the language of now
    send_title: Callable[[], str]  # "Translate this": what another panel's menu offers
    make: Callable[[], QWidget]  # gives a Panel


@dataclass(frozen=True)
class WorkingModels:
    """What works for a panel in place of the model of its role."""

    title: str  # in the language of now
    names: tuple[str, ...] = ()  # of the models; (): it is not known yet


class Panels(QObject):
    """``context.panels``: the panels of the window."""

    active_changed = Signal()
    role_changed = Signal()  # of ``role`` or ``named``, or of what works for it
    asked = Signal(str, str)  # target's key, what it is to show: the columns hand it over
    sent = Signal(str, str, str)  # source's key, target's key, text: the columns hand it over

    def __init__(self) -> None:
        super().__init__()
        self.kinds: dict[str, PanelKind] = {}
        self.active: QWidget | None = None  # the panel that had the focus last
        self.role = "chat"  # whose model that panel works with
        self.working: dict[str, WorkingModels] = {}  # by role, where that is not the role's model
        self.named = False  # whether that has to be said, because two panels are in sight

    def activate(self, panel: QWidget | None) -> None:
        if panel is not self.active:
            self.active = panel
            self.active_changed.emit()

    def show_role(self, role: str, named: bool) -> None:
        """The panel that was used last works with the model for ``role``."""
        if (role, named) != (self.role, self.named):
            self.role, self.named = role, named
            self.role_changed.emit()

    def show_working(self, role: str, models: WorkingModels | None) -> None:
        """``models`` work for the panel of a role; None: the role's model does."""
        if models == self.working.get(role):
            return
        self.working.pop(role, None)
        if models is not None:
            self.working[role] = models
        self.role_changed.emit()

    def send(self, source: str, target: str, text: str) -> None:
        """Open the panel ``target`` and give it ``text``. KeyError: there is no such panel."""
        self.sent.emit(source, self.kinds[target].key, text)

    def ask(self, target: str, what: str) -> None:
        """Open the panel ``target`` at what it calls so. KeyError: there is no such panel."""
        self.asked.emit(self.kinds[target].key, what)


class PanelShortcuts(QObject):
    """Shortcuts of one panel: on while it is the one that was used last, off under what lies over it."""

    def __init__(self, panels: Panels, panel: QWidget, pairs: dict[str, Callable[[], object]]) -> None:
        super().__init__(panel)
        self._panels, self._panel = panels, panel
        self._covered = False
        self._shortcuts: list[QShortcut] = []
        for keys, slot in pairs.items():
            shortcut = QShortcut(QKeySequence(keys), panel)
            shortcut.activated.connect(slot)
            self._shortcuts.append(shortcut)
        panels.active_changed.connect(self._apply)
        application().focusChanged.connect(self._on_focus)
        self._on_focus(None, QApplication.focusWidget())

    def _on_focus(self, _old: QWidget | None, now: QWidget | None) -> None:
        if now is not None and self._panel.isAncestorOf(now):
            self._panels.activate(self._panel)
        self._covered = in_overlay(now)
        self._apply()

    def _apply(self) -> None:
        mine = self._panels.active in (None, self._panel)
        for shortcut in self._shortcuts:
            shortcut.setEnabled(mine and not self._covered)


def in_overlay(widget: QWidget | None) -> bool:
    """Whether it belongs to something that lies over the panels."""
    while widget is not None and not isinstance(widget, Overlay):
        widget = widget.parentWidget()
    return widget is not None
