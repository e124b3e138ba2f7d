"""The collections of this user: which one is chosen, what is done with them, what is read of them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.documents.index.collection import Collection, Collections
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.answer.collections.file_watcher import FileWatcher
from autogpt_desktop.ui.answer.collections.indexing import FileListing, Indexing, Status

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

DELETE_DELAY = 30_000  # milliseconds in which a deletion can be undone; its notice leaves before


class CollectionController(QObject):
    """Collections are read when they are new, when a run was cut short, and when watched files change."""

    changed = Signal(object)  # Collection | None: the chosen one is another, or has other files or a name
    indexed = Signal(object)  # Collection: its files were read
    updated = Signal()  # there is something else to show

    def __init__(self, context: AppContext, parent: QObject) -> None:
        super().__init__(parent)
        self.context = context
        self.collections = Collections()
        self.indexing = Indexing(context, self.collections, self)
        self.file_watcher = FileWatcher(self)
        self._pending_removal: dict[str, QTimer] = {}
        self._current = ""
        self._items: dict[str, Collection] = {}
        self.indexing.changed.connect(self._on_status)
        self.indexing.saved.connect(self._on_saved)
        self.indexing.indexed.connect(self._on_indexed)
        self.file_watcher.updated.connect(self._on_files)
        context.models_listed.connect(self._on_models)
        self.collections.sweep()
        self._reload()
        last = context.settings.last_collection
        self._current = last if last in self._items else next(iter(self._items), "")
        for each in self._items.values():
            self.indexing.look(each, lane="interactive" if each.id == self._current else "background")

    def items(self) -> list[Collection]:
        """By name."""
        return sorted(self._items.values(), key=lambda item: (item.name.casefold(), item.id))

    def current(self) -> Collection | None:
        return self._items.get(self._current)

    def status(self) -> Status:
        """How far the chosen one is."""
        return self.indexing.status(self._current)

    def reading(self) -> bool:
        """Whether the files of the chosen one are being read."""
        return self.indexing.reading(self._current)

    def choose(self, collection_id: str) -> None:
        """Make another one the chosen one; remembered."""
        if collection_id == self._current or collection_id not in self._items:
            return
        self._set_current(collection_id)
        self.indexing.look(self._items[collection_id])

    def create(self, paths: Iterable[Path], name: str = "") -> Collection | None:
        """A new collection of files and folders, which is chosen and read."""
        paths = self._there(paths)
        if not paths:
            return None
        try:
            made = self.collections.create(self._free_name(name or _name_for(paths)), paths)
        except KnownError as error:
            self.context.show_error(error)
            return None
        self._items[made.id] = made
        self._set_current(made.id)
        self.indexing.start(made)
        return made

    def add_paths(self, paths: Iterable[Path]) -> None:
        """Files and folders were dropped: into the chosen collection, or a new one where there is none."""
        now = self.current()
        if now is None:
            self.create(paths)
            return
        fresh = self._there(path for path in map(Path.absolute, paths) if path not in now.roots)
        if fresh:
            before = now.roots
            self._set_roots(now, (*now.roots, *fresh))
            text = tr("{n} added to “{name}”", n=len(fresh), name=now.name)
            self.context.toast(text, undo=partial(self._undo_roots, now.id, before))

    def _there(self, paths: Iterable[Path]) -> list[Path]:
        """Those that can be found; of the others it is said that they cannot."""
        there = []
        for path in paths:
            if os.path.exists(path):
                there.append(path)
            else:
                self.context.show_error(KnownError("document-missing", name=path.name))
        return there

    # -- changing one

    def rename(self, name: str) -> None:
        now = self.current()
        if now is not None and name.strip():
            self._save(dataclasses.replace(now, name=name.strip()))

    def remove_root(self, root: Path) -> None:
        """Take a file or folder out, with Undo."""
        now = self.current()
        if now is None:
            return
        before = now.roots
        self._set_roots(now, tuple(each for each in before if each != root))
        text = tr("“{name}” was taken out", name=root.name or str(root))
        self.context.toast(text, undo=partial(self._undo_roots, now.id, before))

    def _undo_roots(self, collection_id: str, roots: tuple[Path, ...]) -> None:
        if collection_id in self._items:
            self._set_roots(self._items[collection_id], roots)

    def _set_roots(self, collection: Collection, roots: tuple[Path, ...]) -> None:
        saved = self._save(dataclasses.replace(collection, roots=roots))
        if saved is not None:
            self.indexing.start(saved)

    def set_watch(self, watch: bool) -> None:
        """Read the chosen collection's files again by itself when they change."""
        now = self.current()
        if now is None:
            return
        saved = self._save(dataclasses.replace(now, watch=watch))
        if saved is None:
            return
        if watch:
            self.indexing.run_again(saved)
        self._watch(saved)

    def read_again(self) -> None:
        """Read what is new or changed."""
        now = self.current()
        if now is not None:
            self.indexing.start(now)

    def delete(self) -> None:
        """Delete the chosen collection, with Undo; from the disk when it can no longer be undone."""
        now = self.current()
        if now is None:
            return
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(DELETE_DELAY)
        timer.timeout.connect(partial(self._delete_now, now))
        timer.start()
        self._pending_removal[now.id] = timer
        self.indexing.forget(now.id)
        self.file_watcher.unwatch(now.id)
        del self._items[now.id]
        self._set_current(next(iter(self._items), ""))
        text = tr("“{name}” was deleted. Its files are as they were.", name=now.name)
        self.context.toast(text, undo=partial(self._undo_delete, now))

    def _undo_delete(self, collection: Collection) -> None:
        timer = self._pending_removal.pop(collection.id, None)
        if timer is not None:
            timer.stop()
            self._reload()
            self.choose(collection.id)

    def _delete_now(self, collection: Collection) -> None:
        timer = self._pending_removal.pop(collection.id, None)
        if timer is None:
            return
        timer.stop()
        timer.deleteLater()
        try:
            self.collections.remove(collection)
        except KnownError as error:
            self.context.show_error(error)

    def _save(self, collection: Collection) -> Collection | None:
        """Save and show it; None if it could not be saved."""
        try:
            self.collections.save(collection)
        except KnownError as error:
            self.context.show_error(error)
            return None
        self._items[collection.id] = collection
        self.updated.emit()
        if collection.id == self._current:
            self.changed.emit(collection)
        return collection

    def _set_current(self, collection_id: str) -> None:
        self._current = collection_id
        if self.context.settings.last_collection != collection_id:
            self.context.settings.last_collection = collection_id
            self.context.save_settings(by_user=False)
        self.updated.emit()
        self.changed.emit(self.current())

    def _reload(self) -> None:
        self._items = {
            each.id: each for each in self.collections.all() if each.id not in self._pending_removal
        }

    def _free_name(self, name: str) -> str:
        taken = {each.name for each in self._items.values()}
        free, number = name, 2
        while free in taken:
            free, number = f"{name} {number}", number + 1
        return free

    # -- what the jobs tell

    def _on_status(self, collection_id: str) -> None:
        collection = self._items.get(collection_id)
        if collection is None:
            return
        status = self.indexing.status(collection_id)
        listed = status.listed
        if listed is not None and status.error is None and not self.indexing.reading(collection_id):
            outdated = listed.unfinished or (collection.watch and listed.stale) or self._lacks_meaning(listed)
            if outdated and not collection.paused:
                self.indexing.start(collection)
            elif collection.watch:
                self._watch(collection)
        if collection_id == self._current:
            self.updated.emit()

    def _lacks_meaning(self, listed: FileListing) -> bool:
        """Its words are indexed and its meaning is not, although there is a model for it now."""
        return not listed.by_meaning and self.context.model_for("embed") is not None

    def _on_models(self) -> None:
        for collection_id in list(self._items):
            self._on_status(collection_id)

    def _on_saved(self, collection: Collection) -> None:
        if collection.id in self._items:
            self._items[collection.id] = collection
            self.updated.emit()

    def _on_indexed(self, collection: Collection) -> None:
        self._watch(collection)
        self.indexed.emit(collection)

    def _on_files(self, collection_id: str) -> None:
        collection = self._items.get(collection_id)
        if collection is not None and collection.watch:
            self.indexing.run_again(collection)

    def _watch(self, collection: Collection) -> None:
        listed = self.indexing.status(collection.id).listed
        if not collection.watch:
            self.file_watcher.unwatch(collection.id)
        elif listed is not None:
            files = [row.path for row in listed.rows if row.state in ("read", "aside", "changed")]
            self.file_watcher.watch(collection.id, listed.folders, files)

    def shutdown(self) -> None:
        """Before the window closes: deletions become final, reading stops until the next time."""
        for collection_id in list(self._pending_removal):
            gone = next((each for each in self.collections.all() if each.id == collection_id), None)
            if gone is not None:
                self._delete_now(gone)
        self.indexing.shutdown()


def _name_for(paths: list[Path]) -> str:
    """The folder's name, the file's, or that of the folder they lie in."""
    if len(paths) == 1:
        return (paths[0].name if os.path.isdir(paths[0]) else paths[0].stem) or str(paths[0])
    return paths[0].parent.name or str(paths[0].parent)
