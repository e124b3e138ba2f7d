"""Tells running trainings that somebody works with the window, so that they leave it a core."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QMetaObject, QObject, QTimer
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from autogpt_desktop.lab.runs.window import mark_busy
from autogpt_desktop.ui.widgets.basic import application
from autogpt_desktop.worker import Worker

EVERY = 1.0  # seconds between two words


class BusyMark(QObject):
    """Busy is: the worker has a job, or somebody types. Idle it costs nothing: no timer runs then."""

    def __init__(
        self, worker: Worker, parent: QObject, mark: Callable[[], None] = mark_busy,
        now: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        super().__init__(parent)
        self._worker, self._mark, self._now = worker, mark, now
        self._marked = -EVERY
        self._field: QWidget | None = None  # that has the focus, if one types in it
        self._link: QMetaObject.Connection | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(int(EVERY * 1000))
        self._timer.timeout.connect(self._on_timer)
        worker.queue_changed.connect(self._on_queue)
        application().focusChanged.connect(self._on_focus)

    def _on_queue(self, jobs: object) -> None:
        if jobs and not self._timer.isActive():
            self._timer.start()
            self._say()

    def _on_timer(self) -> None:
        if self._worker.jobs():
            self._say()
        else:
            self._timer.stop()

    def _on_focus(self, _old: QWidget | None, now: QWidget | None) -> None:
        """Only the field that has the focus is listened to."""
        field = now if isinstance(now, QTextEdit | QPlainTextEdit | QLineEdit) else None
        if field is self._field:
            return
        if self._link is not None:
            QObject.disconnect(self._link)  # False, and no more, of a field that is being deleted
        self._field = field
        self._link = field.textChanged.connect(self._say) if field is not None else None

    def _say(self) -> None:
        now = self._now()
        if now - self._marked >= EVERY:
            self._marked = now
            self._mark()
