"""What a history that is locked, or whose disk is full, does not take: kept until it does."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

AGAIN_MS = 1000
LONGEST = 60.0  # seconds that a closed window waits for another program's lock
PAUSE = 0.1  # seconds between tries then


class Unsaved(QObject):
    """``save`` it now, or as soon as it can be; the reason is said once, and that all is saved, too."""

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._waiting: dict[Hashable, tuple[Callable[[], object], Any]] = {}
        self._told = False
        self._timer = QTimer(self)
        self._timer.setInterval(AGAIN_MS)
        self._timer.timeout.connect(self.try_again)

    def save(self, key: Hashable, save: Callable[[], object], value: object = None) -> bool:
        """``value``: what is saved, for ``value_of`` while it waits. What waits under the key is dropped."""
        self._waiting.pop(key, None)
        try:
            save()
        except KnownError as error:
            self._waiting[key] = save, value
            if not self._told:
                self._context.show_error(error)
            self._told = True
            self._timer.start()
            return False
        return True

    def drop(self, key: Hashable) -> None:
        self._waiting.pop(key, None)

    def value_of(self, key: Hashable) -> Any:
        """What waits under a key; None: nothing."""
        return self._waiting[key][1] if key in self._waiting else None

    def try_again(self) -> KnownError | None:
        """Save what waits; why some of it still does."""
        problem = None
        for key, (save, _value) in list(self._waiting.items()):
            try:
                save()
            except KnownError as error:
                problem = error
            else:
                self._waiting.pop(key, None)
        if problem is None:
            self._timer.stop()
            if self._told:
                self._told = False
                self._context.toast(tr("Everything is saved again."))
        return problem

    def finish(self) -> None:
        """The window is closed: wait for a lock to go, but not for a full disk."""
        until = time.monotonic() + LONGEST
        while (problem := self.try_again()) is not None and problem.key == "history-locked":
            if time.monotonic() > until:
                break
            time.sleep(PAUSE)
        self._timer.stop()
