"""Conversations of earlier: saved after each answer, listed, opened again, renamed, deleted with Undo."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.questions import KeptQuestions, Questions
from autogpt_desktop.ui.answer.serialize import packed, unpacked
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.worker import Job

if TYPE_CHECKING:
    from autogpt_desktop.ui.answer.turn import QuestionTurn
    from autogpt_desktop.ui.context import AppContext

LONGEST = 120  # characters of a title
UNDO_MS = 30_000  # in which a deletion can be undone


class QuestionHistory(QObject):
    """Files are written and read on the worker. ``opened`` carries the KeptQuestions and its turns."""

    opened = Signal(object, object)
    listed = Signal(object)  # list of KeptQuestions, the latest first
    restored = Signal(str, object, object)  # as opened, for what was asked to be restored

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._store = Questions()
        self._unsaved: dict[str, tuple[KeptQuestions, list[dict[str, Any]]]] = {}
        self._titles: dict[str, str] = {}  # of those that are open: the user may have named them
        self._saving: dict[Job, str] = {}  # the conversation that each writes
        self._restoring: list[PanelJob] = []
        self._list_job, self._load_job = PanelJob(context, self), PanelJob(context, self)
        self._list_job.yielded.connect(self._on_listed)
        self._load_job.yielded.connect(self._on_loaded)

    def save(self, conversation_id: str, source: str, collection: str, turns: Sequence[QuestionTurn]) -> None:
        """Keep a conversation as it is now."""
        if not turns:
            return
        first = " ".join(turns[0].question.split())[:LONGEST]
        title = self._titles.setdefault(conversation_id, first)
        saved = KeptQuestions(conversation_id, title, source, collection, time.time())
        self._put(saved, packed(turns))

    def _put(self, saved: KeptQuestions, values: list[dict[str, Any]]) -> None:
        if not values:
            return
        self._unsaved[saved.id] = saved, values

        def job(_cancel: threading.Event) -> Iterator[object]:
            self._store.save(saved, values)
            yield from ()

        key = f"questions:{saved.id}"
        handle = self._context.worker.submit(job, title=tr("Saving the questions"), key=key)
        self._saving[handle] = saved.id
        handle.finished.connect(partial(self._on_finished, handle))

    def list_saved(self) -> None:
        """``listed`` follows."""

        def job(_cancel: threading.Event) -> Iterator[object]:
            yield Result(self._store.all())

        self._list_job.start_plain(job, title=tr("Looking for earlier questions"))

    def load(self, saved: KeptQuestions) -> None:
        """``opened`` follows, unless it is gone."""

        def job(_cancel: threading.Event) -> Iterator[object]:
            yield Result((saved, unpacked(self._store.load(saved.id) or [])))

        self._load_job.start_plain(job, title=tr("Looking for earlier questions"))

    def restore(self, key: str, conversation_id: str) -> None:
        """``restored`` follows with the key, unless it is gone."""

        def job(_cancel: threading.Event) -> Iterator[object]:
            saved = self._store.get(conversation_id)
            if saved is not None:
                yield Result((saved, unpacked(self._store.load(saved.id) or [])))

        restoring = PanelJob(self._context, self)
        restoring.yielded.connect(partial(self._on_restored, key))
        restoring.start_plain(job, title=tr("Looking for earlier questions"))
        self._restoring.append(restoring)

    def rename(self, saved: KeptQuestions, title: str) -> None:
        """``listed`` follows."""
        self._titles[saved.id] = title

        def job(_cancel: threading.Event) -> Iterator[object]:
            now = self._store.get(saved.id)
            if now is not None:
                renamed = dataclasses.replace(now, title=title)
                self._store.save(renamed, self._store.load(saved.id) or [])
            yield Result(self._store.all())

        self._list_job.start_plain(job, title=tr("Saving the questions"))

    def remove(self, saved: KeptQuestions) -> None:
        """Delete one, with Undo."""

        def job(_cancel: threading.Event) -> Iterator[object]:
            values = self._store.load(saved.id)
            self._store.remove(saved.id)
            if values is not None:
                yield Result((saved, values))

        removal = PanelJob(self._context, self)
        removal.yielded.connect(self._on_removed)
        removal.start_plain(job, title=tr("Deleting questions"))

    def shutdown(self) -> None:
        """The window closes: what still waits for the worker is written now. Raises as Questions.save."""
        self._list_job.detach()
        self._load_job.detach()
        for restoring in self._restoring:
            restoring.detach()
        for saved, values in self._unsaved.values():
            self._store.save(saved, values)
        self._unsaved = {}

    def _on_listed(self, event: object) -> None:
        if isinstance(event, Result):
            self.listed.emit(event.value)

    def _on_loaded(self, event: object) -> None:
        if isinstance(event, Result):
            self._titles[event.value[0].id] = event.value[0].title
            self.opened.emit(*event.value)

    def _on_restored(self, key: str, event: object) -> None:
        if isinstance(event, Result):
            self._titles[event.value[0].id] = event.value[0].title
            self.restored.emit(key, *event.value)

    def _on_removed(self, event: object) -> None:
        if isinstance(event, Result):
            saved, values = event.value
            text = tr("“{title}” deleted", title=saved.title[:40])
            self._context.toast(text, undo=partial(self._undo, saved, values), milliseconds=UNDO_MS)
            self.list_saved()

    def _undo(self, saved: KeptQuestions, values: list[dict[str, Any]]) -> None:
        self._put(dataclasses.replace(saved), values)
        self.list_saved()

    def _on_finished(self, job: Job, state: str, error: BaseException | None) -> None:
        conversation = self._saving.pop(job)
        if state == "done" and conversation not in self._saving.values():
            self._unsaved.pop(conversation, None)
        if error is not None:
            self._unsaved.pop(conversation, None)  # it was said; the next answer tries again
            self._context.show_error(error)
