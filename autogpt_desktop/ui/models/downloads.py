"""Downloads of models, on a worker of their own so that a slow network never delays an answer.

Nothing is fetched unless ``start`` is called, which only a click does.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.worker import Job, Worker

if TYPE_CHECKING:
    from autogpt_desktop.catalog.entries import CatalogModel

Fetch = Callable[["CatalogModel"], Iterator[object]]


@dataclass
class Download:
    """One model's way to this computer."""

    job: Job | None  # None: not under way
    progress: Progress
    error: BaseException | None = None
    first: tuple[float, int] = (0.0, 0)  # when and at how many bytes this run began to move

    def rate(self) -> float:
        """Bytes a second since this run began; 0: not known yet."""
        seconds = time.monotonic() - self.first[0]
        moved = self.progress.done - self.first[1]
        return moved / seconds if self.first[0] and seconds > 0.5 and moved > 0 else 0.0

    def seconds_left(self) -> float:
        rate = self.rate()
        return (self.progress.total - self.progress.done) / rate if rate and self.progress.total else 0.0


class Downloads(QObject):
    """Starts, cancels and follows downloads and the registration of files of one's own."""

    changed = Signal(str)  # a model's name
    finished = Signal(str)  # it is here now
    added = Signal(object)  # InstalledModel that was opened from a file
    queue_changed = Signal(object)  # as of Worker
    packs_updated = Signal(object)  # NewerPacks, a KnownError, or None: it was cancelled
    models_changed = Signal()  # what is installed has changed
    failed = Signal(object)  # an exception that nothing else shows
    machine_measured = Signal()  # what models can run on here, and how fast, is known

    def __init__(self, parent: QObject | None = None, fetch: Fetch | None = None) -> None:
        super().__init__(parent)
        self._fetch = fetch
        self._worker: Worker | None = None
        self._downloads: dict[str, Download] = {}
        self._measured = False

    def measure_machine(self) -> None:
        """Ask for graphics cards and measure how fast memory is; ``machine_measured`` follows, once."""
        if self._measured:
            return
        self._measured = True

        def run(_cancel: threading.Event) -> Iterator[object]:
            from autogpt_desktop.catalog import machine

            machine.measure_bandwidth()
            machine.devices()
            return iter(())

        job = self._thread().submit(run, title=tr("Measuring this computer"), key="machine")
        job.finished.connect(self._on_machine)

    def _on_machine(self, _state: str, error: BaseException | None) -> None:
        if error is not None:
            self.failed.emit(error)
        self.machine_measured.emit()

    def get(self, name: str) -> Download | None:
        """The download of that name in this run of the application, under way or ended badly."""
        return self._downloads.get(name)

    def is_running(self, name: str) -> bool:
        download = self._downloads.get(name)
        return download is not None and download.job is not None

    def start(self, model: CatalogModel) -> None:
        """Fetch ``model``, or go on where it stopped."""
        if self.is_running(model.name):
            return
        fetch = self._fetch or _fetch

        def run(_cancel: threading.Event) -> Iterator[object]:
            return iter(fetch(model))

        title = tr("Downloading {model}", model=model.title)
        job = self._thread().submit(run, title=title, key=f"download:{model.name}")
        job.event.connect(partial(self._on_progress, model.name))
        job.finished.connect(partial(self._on_finished, model.name))
        self._downloads[model.name] = Download(job, Progress("stage.waiting", 0, model.download_size))
        self.changed.emit(model.name)

    def cancel(self, name: str) -> None:
        """Stop; what has arrived stays for the next time."""
        download = self._downloads.get(name)
        if download is not None and download.job is not None:
            download.job.cancel()

    def cancel_job(self, job_id: int) -> None:
        if self._worker is not None:
            self._worker.cancel(job_id)

    def add_file(self, path: Path) -> None:
        """Read and register a model file; ``added`` follows, or a notice that says what is wrong."""

        def run(_cancel: threading.Event) -> Iterator[object]:
            from autogpt_desktop.catalog import installed

            yield Result(installed.add(path))

        job = self._thread().submit(run, title=tr("Reading {file}", file=path.name))
        job.event.connect(self._on_added)
        job.finished.connect(self._on_add_finished)

    def update_packs(self) -> None:
        """Ask for the newest list of translation packs; ``packs_updated`` follows."""

        def run(_cancel: threading.Event) -> Iterator[object]:
            from autogpt_desktop.catalog import packs

            yield from packs.update()

        job = self._thread().submit(run, title=tr("Looking for newer packs"), key="packs-index")
        job.event.connect(self._on_packs)
        job.finished.connect(self._on_update_finished)

    def stop(self, timeout_ms: int = 3000) -> bool:
        return self._worker is None or self._worker.stop(timeout_ms)

    def _thread(self) -> Worker:
        if self._worker is None:  # most runs of the application never download
            self._worker = Worker(self)
            self._worker.queue_changed.connect(self.queue_changed)
        return self._worker

    def _on_added(self, event: object) -> None:
        if isinstance(event, Result):
            self.models_changed.emit()
            self.added.emit(event.value)

    def _on_add_finished(self, _state: str, error: BaseException | None) -> None:
        if error is not None:
            self.failed.emit(error)

    def _on_packs(self, event: object) -> None:
        if isinstance(event, Result):
            self.packs_updated.emit(event.value)

    def _on_update_finished(self, state: str, error: BaseException | None) -> None:
        if error is not None and not isinstance(error, KnownError):
            self.failed.emit(error)
        elif error is not None or state != "done":
            self.packs_updated.emit(error)

    def _on_progress(self, name: str, event: object) -> None:
        if isinstance(event, Progress):
            download = self._downloads[name]
            if not download.first[0] and event.done:
                download.first = (time.monotonic(), event.done)
            download.progress = event
            self.changed.emit(name)

    def _on_finished(self, name: str, state: str, error: BaseException | None) -> None:
        download = self._downloads[name]
        download.job, download.error, download.first = None, error, (0.0, 0)
        if state == "done":
            del self._downloads[name]
            self.models_changed.emit()
            self.finished.emit(name)
        elif error is not None and not isinstance(error, KnownError):
            self.failed.emit(error)  # known ones are said beside the button
        self.changed.emit(name)


def _fetch(model: CatalogModel) -> Iterator[object]:
    from autogpt_desktop.catalog import download

    return download.fetch(model)
