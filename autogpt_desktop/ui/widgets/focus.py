"""Where the focus goes: the order of the Tab key, and what has it when the widget that had it is gone.

A panel, an overlay, the window: each has a method ``focus_input()``, to where its user types or reads.
"""

from __future__ import annotations

from typing import TypeGuard

import shiboken6
from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtWidgets import QApplication, QStackedWidget, QWidget

from autogpt_desktop.ui.widgets.basic import application


def tab_chain(window: QWidget) -> list[QWidget]:
    """Every widget of a window in the order of the Tab key, without the window itself.

    PySide takes what ``nextInFocusChain`` returns for a child of the widget that was asked. When that one
    is deleted, all that was made in C++ behind it (documents, layouts, line edits of boxes) would be
    "already deleted" for Python. So each widget is given back to its parent, and the window, which has
    none, is never asked for.
    """
    last = window.previousInFocusChain()
    chain: list[QWidget] = []
    while (chain[-1] if chain else window) is not last:
        after = (chain[-1] if chain else window).nextInFocusChain()
        assert after is not None  # the chain is a ring
        chain.append(after)
    for parent in {each.parentWidget() for each in chain}:
        if parent is not None:  # what is found is its child
            parent.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
    return chain


def hand_on(widget: QWidget) -> None:
    """Give the focus to the place where one types, of the nearest thing around ``widget`` that has one."""
    around: QWidget | None = widget
    while around is not None:
        focus_input = getattr(around, "focus_input", None)
        if focus_input is not None and around.isVisible():
            focus_input()
            return
        around = around.parentWidget()


def can_focus(widget: QWidget | None) -> TypeGuard[QWidget]:
    """Whether one that had the focus before can have it again."""
    return widget is not None and shiboken6.isValid(widget) and widget.isVisible() and widget.isEnabled()


def show_page(stack: QStackedWidget, page: QWidget) -> None:
    """Turn to ``page``. A focus that was on the page before goes on to the panel's input.

    Qt would choose the first control of the new page, whatever that does.
    """
    focused, before = QApplication.focusWidget(), stack.currentWidget()
    lost = before is not page and before is not None and focused is not None and before.isAncestorOf(focused)
    if lost:
        stack.setFocus()
    stack.setCurrentWidget(page)
    if lost:
        hand_on(page)


class FocusKeeper(QObject):
    """A control that hides or is disabled while it has the focus hands it on, and never to its neighbor."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._last: QWidget | None = None  # had the focus in this window
        self._handing = False
        application().focusChanged.connect(self._on_focus)

    def _on_focus(self, old: QWidget | None, now: QWidget | None) -> None:
        if self._handing or not shiboken6.isValid(self._window) or not self._window.isVisible():
            return
        before = old if old is not None else self._last
        if now is not None and self._window.isAncestorOf(now):
            self._last = now
        elif now is not None or not self._window.isActiveWindow():
            return  # a menu or a dialog has it, or another window
        if now is None:  # it is being deleted: this is no time to ask it anything
            QTimer.singleShot(0, self, self._recover)
            return
        if before is None or before is now:
            return
        if not shiboken6.isValid(before):
            before = self._window
        elif can_focus(before) or not self._window.isAncestorOf(before):
            return
        self._handing = True
        hand_on(before)
        self._handing = False
        self._last = QApplication.focusWidget()

    def _recover(self) -> None:
        window = self._window
        if QApplication.focusWidget() is None and window.isVisible() and window.isActiveWindow():
            hand_on(window)
