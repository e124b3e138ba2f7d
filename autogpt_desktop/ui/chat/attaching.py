"""Reads documents that are attached, one after the other, while the composer can be used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.attachment import read_attached
from autogpt_desktop.ui.jobs.panel_job import PanelJob

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class DocumentReading(QObject):
    """``read`` carries an AttachedText, ``failed`` a KnownError; ``changed``: another one is read now."""

    read = Signal(object)
    failed = Signal(object)
    changed = Signal()

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._waiting: list[Path] = []
        self.now: Path | None = None
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_yielded)
        self._job.ended.connect(self._on_ended)

    def add(self, path: Path) -> None:
        self._waiting.append(path)
        if self.now is None:
            self._next()

    def cancel(self) -> None:
        """What is attached belongs to another message now."""
        self._waiting = []
        self._job.detach()
        if self.now is not None:
            self.now = None
            self.changed.emit()

    def _next(self) -> None:
        path = self.now = self._waiting.pop(0) if self._waiting else None
        if path is not None:

            def job(_cancel: threading.Event) -> Iterator[object]:
                yield from read_attached(path)

            self._job.start_plain(job, title=tr("Reading {name}", name=path.name))
        self.changed.emit()

    def _on_yielded(self, event: object) -> None:
        if isinstance(event, Result):
            self.read.emit(event.value)

    def _on_ended(self, _state: str, error: BaseException | None) -> None:
        if isinstance(error, KnownError):
            self.failed.emit(error)
        elif error is not None:
            self._context.show_error(error)
        self._next()
