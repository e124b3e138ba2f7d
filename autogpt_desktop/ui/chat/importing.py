"""Imports files of conversations one after the other, while the window is used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.conversations.importing import Import, Piece, read_pieces
from autogpt_desktop.ui.jobs.panel_job import PanelJob

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class ConversationImport(QObject):
    """``began`` carries the name of a file, ``advanced`` a Progress; ``ended`` the ids of conversations that
    are new, none where the file was refused or the import cancelled: then nothing of it stays.
    """

    began = Signal(str)
    advanced = Signal(object)
    ended = Signal(list)

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._waiting: list[Path] = []
        self._target: Import | None = None  # while one is read
        self._problem: KnownError | None = None
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_yielded)
        self._job.ended.connect(self._on_ended)

    @property
    def running(self) -> bool:
        return self._target is not None

    def add(self, path: Path) -> None:
        self._waiting.append(path)
        if self._target is None:
            self._next()

    def cancel(self) -> None:
        self._waiting = []
        self._job.cancel()

    def _next(self) -> None:
        if not self._waiting:
            return
        path = self._waiting.pop(0)
        self._target, self._problem = Import(self._context.history), None
        self.began.emit(path.name)

        def job(_cancel: threading.Event) -> Iterator[object]:
            yield from read_pieces(path)

        title = tr("Importing {name}", name=path.name)
        self._job.start_plain(job, title=title, lane="background")

    def _on_yielded(self, piece: object) -> None:
        if not isinstance(piece, Piece) or self._target is None or self._problem is not None:
            return
        try:
            self._target.add(piece)
        except KnownError as error:
            self._problem = error
            self._job.cancel()
            return
        self.advanced.emit(Progress("stage.reading", piece.done, piece.total))

    def _on_ended(self, state: str, error: BaseException | None) -> None:
        target, self._target = self._target, None
        ids: list[int] = []
        if target is not None:
            try:
                if state == "done" and self._problem is None:
                    ids = target.finish()
                elif target.ids:
                    target.discard()
            except KnownError as known:
                self._problem = known
        problem = self._problem or error
        if problem is not None:
            self._context.show_error(problem)
        self.ended.emit(ids)
        self._next()
