"""Reads the files of collections in the background, and knows how far each of them is."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop import i18n
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.answer import indexing
from autogpt_desktop.ui.answer.collections.file_list import PROBLEM_STATES, ListedFile, rows_of, skipped_rows
from autogpt_desktop.ui.jobs.panel_job import PanelJob

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.collection import Collection, Collections
    from autogpt_desktop.engine.model_pool import JobModels
    from autogpt_desktop.ui.context import AppContext

REPAINT = 60  # milliseconds at least between two changes of what is shown
TRY_AGAIN = 5000  # milliseconds after another program was found to use an index


@dataclass(frozen=True)
class FileListing:
    """A Listing as the window needs it."""

    rows: list[ListedFile]
    problems: int  # of them set aside, changed or gone
    stale: int  # new, changed or gone since they were read
    unfinished: bool
    by_meaning: bool
    folders: tuple[Path, ...]
    skipped: list[ListedFile] = field(default_factory=list)  # left out of the folders, the first of them
    skipped_count: int = 0  # of all of them


@dataclass
class Status:
    """How far one collection is."""

    progress: Progress | None = None  # of the run that goes on
    listed: FileListing | None = None  # None: not looked at yet
    error: KnownError | None = None  # that ended the last run or look
    again: bool = False  # files changed while they were read: once more


class Indexing(QObject):
    """One job at a time for a collection: ``start`` reads its files, ``look`` lists them.

    Reading begins where it stopped before: what was read is known by its content.
    """

    changed = Signal(str)  # the id of a collection whose status did
    indexed = Signal(object)  # Collection: its files were read, all of them
    saved = Signal(object)  # Collection: it was paused, or goes on

    def __init__(self, context: AppContext, collections: Collections, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._collections = collections
        self._runs: dict[str, _Run] = {}
        self._looked_at = Event()  # somebody sees the list of files
        self._stale: set[str] = set()  # ids to tell about
        self._repaint = QTimer(self)
        self._repaint.setSingleShot(True)
        self._repaint.setInterval(REPAINT)
        self._repaint.timeout.connect(self._emit_changes)

    def status(self, collection_id: str) -> Status:
        run = self._runs.get(collection_id)
        return run.status if run else Status()

    def reading(self, collection_id: str) -> bool:
        """Its files are being read, or wait for it."""
        run = self._runs.get(collection_id)
        return run is not None and run.read.running

    def set_looked_at(self, looked_at: bool) -> None:
        """Whether the list of files is in sight and wants news while files are read."""
        (self._looked_at.set if looked_at else self._looked_at.clear)()

    def start(self, collection: Collection) -> Collection:
        """Bring the index up to date; one that is paused goes on. Returns the collection as it is now."""
        if collection.paused:
            collection = self._save(dataclasses.replace(collection, paused=False))
        run = self._run(collection)
        run.look.detach()
        run.status.progress, run.status.error, run.status.again = Progress("stage.files-looking"), None, False
        looked_at = self._looked_at.is_set

        def job(models: JobModels | None, cancel: Event) -> Iterator[object]:
            steps = indexing.bring_up_to_date(
                models, collection, cancelled=cancel.is_set, looked_at=looked_at
            )
            return _listed(steps, collection)

        def plain(cancel: Event) -> Iterator[object]:
            return job(None, cancel)

        title = tr("Reading the files of “{name}”", name=collection.name)
        if self._context.model_for("embed") is not None:
            run.read.start(job, title=title, role="embed", lane="background")
        else:
            run.read.start_plain(plain, title=title, lane="background")
        self._changed(collection.id)
        return collection

    def pause(self, collection: Collection) -> Collection:
        """Stop reading until the user says to go on; also after a restart."""
        collection = self._save(dataclasses.replace(collection, paused=True))
        run = self._run(collection)
        if run.read.running:
            run.read.cancel()
        return collection

    def look(self, collection: Collection, *, lane: str = "interactive") -> None:
        """List the files and what changed since, unless they are being read."""
        run = self._run(collection)
        if run.read.running:
            return

        def job(cancel: Event) -> Iterator[object]:
            return _listed(indexing.look(collection, cancelled=cancel.is_set), collection)

        title = tr("Looking at the files of “{name}”", name=collection.name)
        run.look.start_plain(job, title=title, lane=lane)

    def forget(self, collection_id: str) -> None:
        """The collection is to go: stop what runs for it."""
        run = self._runs.pop(collection_id, None)
        if run is not None:
            run.read.detach()
            run.look.detach()
            run.deleteLater()

    def shutdown(self) -> None:
        """The window closes. What was not finished goes on when it is opened again."""
        self._repaint.stop()
        for collection_id in list(self._runs):
            self.forget(collection_id)

    def run_again(self, collection: Collection) -> None:
        """Files changed: read them, now or when the run that goes on is over."""
        run = self._run(collection)
        if run.read.running:
            run.status.again = True
        elif not collection.paused:
            self.start(collection)

    def _save(self, collection: Collection) -> Collection:
        try:
            self._collections.save(collection)
        except KnownError as error:
            self._context.show_error(error)
        self.saved.emit(collection)
        return collection

    def _run(self, collection: Collection) -> _Run:
        run = self._runs.get(collection.id)
        if run is None:
            run = self._runs[collection.id] = _Run(self._context, self, collection)
        run.collection = collection
        return run

    def _changed(self, collection_id: str) -> None:
        self._stale.add(collection_id)
        if not self._repaint.isActive():
            self._repaint.start()

    def _emit_changes(self) -> None:
        stale, self._stale = self._stale, set()
        for collection_id in stale:
            self.changed.emit(collection_id)


class _Run(QObject):
    """The jobs of one collection."""

    def __init__(self, context: AppContext, parent: Indexing, collection: Collection) -> None:
        super().__init__(parent)
        self._context, self._indexing = context, parent
        self.collection = collection
        self.status = Status()
        self.read, self.look = PanelJob(context, self), PanelJob(context, self)
        self.read.yielded.connect(self._on_yielded)
        self.look.yielded.connect(self._on_yielded)
        self.read.ended.connect(self._on_read)
        self.look.ended.connect(self._on_looked)
        self._was_reading = False  # when the index was in use
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(TRY_AGAIN)
        self._again.timeout.connect(self._try_again)

    def _on_yielded(self, event: object) -> None:
        if isinstance(event, Progress):
            if self.read.running:
                self.status.progress = event
        elif isinstance(event, FileListing):
            self.status.listed = event
        elif isinstance(event, Notice):
            self._context.toast(i18n.message(event.key, **event.values))
        self._indexing._changed(self.collection.id)

    def _on_read(self, state: str, error: BaseException | None) -> None:
        status = self.status
        status.progress = None
        if state == "failed":
            self._failed(error, reading=True)
        elif state == "cancelled":  # in the queue, or by pause
            if not self.collection.paused:
                self.collection = self._indexing.pause(self.collection)
            self._indexing.look(self.collection)
        else:
            self._indexing.indexed.emit(self.collection)
            if status.again and not self.collection.paused:
                self._indexing.start(self.collection)
        self._indexing._changed(self.collection.id)

    def _on_looked(self, state: str, error: BaseException | None) -> None:
        if state == "failed":
            self._failed(error, reading=False)
        elif state == "done":
            self.status.error = None
        self._indexing._changed(self.collection.id)

    def _failed(self, error: BaseException | None, reading: bool) -> None:
        if isinstance(error, KnownError):
            self.status.error = error
            if error.key == "index-locked":
                self._was_reading = reading
                self._again.start()
        elif error is not None:
            self._context.show_error(error)

    def _try_again(self) -> None:
        """What another program's use of the index has ended."""
        if self.status.error is None or self.read.running or self.look.running:
            return
        if self._was_reading and not self.collection.paused:
            self._indexing.start(self.collection)
        else:
            self._indexing.look(self.collection)


def _listed(steps: Generator[object, None, None], collection: Collection) -> Iterator[object]:
    """The job's events; listings made ready for the window on the worker's thread."""
    with closing(steps):
        for event in steps:
            if isinstance(event, indexing.Listing):
                rows = rows_of(event, collection.roots)
                problems = sum(row.state in PROBLEM_STATES for row in rows)
                event = FileListing(
                    rows, problems, len(event.since), event.unfinished, event.by_meaning, event.folders,
                    skipped_rows(event, collection.roots), event.skipped_count,
                )  # fmt: skip
            yield event
