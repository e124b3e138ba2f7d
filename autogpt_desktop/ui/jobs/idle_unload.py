"""Models that nobody has used for a while give their memory back; the next message loads them again."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from autogpt_desktop.ui.context import AppContext

MINUTE = 60_000  # milliseconds
_LONGEST = 24 * 60  # minutes; a timer cannot count weeks


class IdleUnload(QObject):
    """Counts from the end of the last job, for as long as the setting says; 0: models stay loaded."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(context)
        self._context = context
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.timeout.connect(self._unload)
        context.worker.queue_changed.connect(self._on_queue)
        context.memory_changed.connect(self.restart)

    def restart(self) -> None:
        """From now, where models are loaded and nothing works with them."""
        minutes = min(self._context.settings.unload_minutes, _LONGEST)
        if minutes and self._context.in_memory:
            self.timer.start(minutes * MINUTE)
        else:
            self.timer.stop()

    def _on_queue(self, jobs: tuple[object, ...]) -> None:
        if jobs:
            self.timer.stop()
        else:
            self.restart()

    def _unload(self) -> None:
        self._context.unload_idle()
