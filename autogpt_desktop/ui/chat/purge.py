"""Deletions become final once they can no longer be undone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from autogpt_desktop.ui.chat.known_errors import reports_known_errors

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

PURGE_AFTER = 60  # seconds in which a deletion can be undone
UNDO_MS = 30_000  # in which that is offered
EVERY_HOUR = 3_600_000  # ms: who never closes the window has a trash that empties itself too


class Purge(QObject):
    """``schedule`` it after each deletion, and at the start for what a crash left deleted."""

    def __init__(self, context: AppContext, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self._steps: Iterator[None] | None = None  # of the purge under way
        self._timer = QTimer(self)
        self._timer.setInterval(PURGE_AFTER * 1000)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.begin)
        self._step_timer = QTimer(self)
        self._step_timer.setInterval(0)
        self._step_timer.timeout.connect(self._step)

        self._hourly = QTimer(self)
        self._hourly.setInterval(EVERY_HOUR)
        self._hourly.timeout.connect(self.begin)
        self._hourly.start()

    def schedule(self) -> None:
        self._timer.start()

    def is_running(self) -> bool:
        return self._step_timer.isActive()

    @reports_known_errors
    def begin(self) -> None:
        """Remove for good what can no longer be brought back, a step at a time between other events."""
        if self._steps is not None:
            self.schedule()  # what was deleted meanwhile
            return
        self.context.history.expire_trash()
        self._steps = self.context.history.purge_steps(PURGE_AFTER - 1)
        self._step_timer.start()

    @reports_known_errors
    def _step(self) -> None:
        more = False
        try:
            more = self._steps is not None and next(self._steps, self) is None
        finally:  # also when the disk is full: the next purge goes on with it
            if not more:
                self._step_timer.stop()
                self._steps = None

    @reports_known_errors
    def finish(self) -> None:
        """The window closes: all that is deleted goes now."""
        self._timer.stop()
        self._hourly.stop()
        self._step_timer.stop()
        self.context.history.expire_trash()
        self.context.history.purge_deleted()
