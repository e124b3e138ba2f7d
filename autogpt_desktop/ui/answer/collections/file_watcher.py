"""Tells when files of a collection change: the system says so, or else a look now and then."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QGuiApplication

from autogpt_desktop.tasks.answer.indexing import FOLDERS

FILES = 512  # of a collection that are watched one by one: a folder does not tell what is written into them
SETTLE = 2_000  # milliseconds without a change before it is told
POLL = 300_000  # milliseconds between two looks at collections that cannot be watched whole


class FileWatcher(QObject):
    """Watched collections, by id."""

    updated = Signal(str)  # the id of a collection whose files changed, or may have

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._on_changed)
        self._watcher.fileChanged.connect(self._on_changed)
        self._paths: dict[str, frozenset[str]] = {}
        self._polled: set[str] = set()  # not all of them is watched
        self._pending: set[str] = set()
        self.settle_timer = QTimer(self)
        self.settle_timer.setSingleShot(True)
        self.settle_timer.setInterval(SETTLE)
        self.settle_timer.timeout.connect(self._emit_changes)
        self.poll_timer = QTimer(self)
        self.poll_timer.setInterval(POLL)
        self.poll_timer.timeout.connect(self._poll)

    def watch(self, collection_id: str, folders: Iterable[Path], files: Iterable[Path]) -> None:
        """Watch these from now on instead of what was before; too many are looked at now and then."""
        folders, files = list(folders), list(files)
        self._polled.discard(collection_id)
        if len(folders) > FOLDERS or len(files) > FILES:
            self._polled.add(collection_id)
        paths = [*folders[:FOLDERS], *(files if len(files) <= FILES else ())]
        self._paths[collection_id] = frozenset(map(str, paths))
        self._apply()
        if not self._paths[collection_id] <= self._watched():
            self._polled.add(collection_id)  # the system has only so many to give
        self.poll_timer.start()

    def unwatch(self, collection_id: str) -> None:
        self._paths.pop(collection_id, None)
        self._polled.discard(collection_id)
        self._pending.discard(collection_id)
        self._apply()
        if not self._paths:
            self.poll_timer.stop()

    def ids(self) -> set[str]:
        return set(self._paths)

    def is_polled(self, collection_id: str) -> bool:
        """Whether it is, wholly or in part, only looked at now and then."""
        return collection_id in self._polled

    def _watched(self) -> set[str]:
        return {*self._watcher.directories(), *self._watcher.files()}

    def _apply(self) -> None:
        paths = frozenset().union(*self._paths.values())
        now = self._watched()
        if gone := now - paths:
            self._watcher.removePaths(list(gone))
        if fresh := paths - now:
            self._watcher.addPaths([path for path in fresh if os.path.exists(path)])

    def _on_changed(self, path: str) -> None:
        self._pending |= {key for key, paths in self._paths.items() if path in paths}
        self.settle_timer.start()

    def _emit_changes(self) -> None:
        pending, self._pending = self._pending, set()
        for key in pending:
            self.updated.emit(key)

    def _poll(self) -> None:
        if QGuiApplication.applicationState() == Qt.ApplicationState.ApplicationActive:
            for key in self._polled & set(self._paths):
                self.updated.emit(key)
