"""A collection's files as jobs: bring the index up to date, and look what has become of the files; and the
model that makes the index's vectors."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.index.collection import Collection
from autogpt_desktop.documents.index.types import FileEntry
from autogpt_desktop.documents.scan import Skipped
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.index import Embedder, Index
    from autogpt_desktop.engine.model_pool import Models
    from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine

FOLDERS = 512  # that are named in a listing, and can be watched
LISTING_INTERVAL = 3.0  # seconds between two listings while files are read
_TRY = 0.2  # seconds that a try takes for an index that another program is writing
_WAIT = 60.0  # seconds of tries by whoever has nothing to show without the index
_LOOK_WAIT = 5.0  # by a look at the files, which others wait for


@dataclass(frozen=True, slots=True)
class Listing:
    """What the index of a collection holds."""

    files: tuple[FileEntry, ...]
    since: dict[Path, str]  # what became of files since they were read: "new", "changed", "missing"
    unfinished: bool  # the last run was cut short, or there was none yet
    by_meaning: bool  # there are vectors, so that meaning can be searched too
    folders: tuple[Path, ...]  # where the files lie; more than FOLDERS: there are too many to name
    skipped: tuple[Skipped, ...] = ()  # what was left out of the folders, the first of them
    skipped_count: int = 0  # of all of them


def embedding_model(
    models: Models,
) -> Generator[Progress | Notice, None, EncoderEngine | None]:
    """The embed role's model; None where no model can play the role."""
    try:
        return (yield from models.get("embed"))
    except KnownError as error:
        if error.key not in ("no-model-for-role", "no-model"):
            raise
        return None


def embedder(
    models: Models, cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress | Notice, None, Embedder | None]:
    """The embed role's model for ``Index.index``; None where there is none: words alone are searched."""
    from autogpt_desktop.documents.index.index import Embedder

    engine = yield from embedding_model(models)
    if engine is None:
        return None

    def embed(texts: Sequence[str]) -> Any:  # arrays [dimensions], in the order of the texts
        vectors: list[Any] = [None] * len(texts)
        for step in engine.embed(texts, cancelled):
            if not isinstance(step, Progress):
                vectors[step[0]] = step[1].cpu().numpy()
        return vectors

    return Embedder(engine.name, embed)


def bring_up_to_date(
    models: Models | None,
    collection: Collection,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    looked_at: Callable[[], bool] = lambda: False,
) -> Generator[Progress | Notice | Listing | Result, None, None]:
    """Read what is new or changed, file by file; ends with a Listing and Result(Summary).

    ``models``: a job's engines; None: words alone are indexed. ``looked_at`` says whether somebody sees
    the list of files: then a Listing comes every few seconds too. Closed at any yield, it goes on from
    there the next time. Raises KnownError: index-locked, index-readonly, index-damaged, disk-full, and
    whatever loading the model can raise.
    """
    vectors = (yield from embedder(models, cancelled)) if models is not None else None
    while True:
        index = yield from opened(collection, cancelled)
        if index is None:
            return
        try:
            yield from _read(index, vectors, cancelled, looked_at)
            return
        except KnownError as error:
            if error.key != "index-locked":
                raise
        finally:
            index.close()
        yield Progress("stage.index-waiting")  # what was read by then is there: it goes on from it
        if cancelled():
            return


def _read(
    index: Index, vectors: Embedder | None, cancelled: Callable[[], bool], looked_at: Callable[[], bool]
) -> Generator[Progress | Notice | Listing | Result, None, None]:
    next_listing = time.monotonic() + LISTING_INTERVAL
    for event in index.index(vectors, cancelled=cancelled):
        if isinstance(event, Result):
            yield _listing(index, {})
        yield event
        if looked_at() and time.monotonic() > next_listing:
            began = time.monotonic()
            yield _listing(index, {})
            ended = time.monotonic()
            next_listing = ended + max(LISTING_INTERVAL, 10 * (ended - began))


def look(
    collection: Collection, *, cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress | Notice | Listing, None, None]:
    """The Listing of a collection, with what changed on the disk since. Raises as above."""
    index = yield from opened(collection, cancelled, _LOOK_WAIT)
    if index is None:
        return
    try:
        yield from index.notices
        yield _listing(index, {})
        yield _listing(index, _since(index))
    finally:
        index.close()


def opened(
    collection: Collection, cancelled: Callable[[], bool] = lambda: False, wait: float = 0.0
) -> Generator[Progress, None, Index | None]:
    """The index; None when ``cancelled``. Waits for another program that is writing to it, so many seconds,
    0: _WAIT; then raises KnownError("index-locked")."""
    from autogpt_desktop.documents.index.index import Index

    until = time.monotonic() + (wait or _WAIT)
    while True:
        try:
            return Index(collection, busy_ms=int(_TRY * 1000))
        except KnownError as error:
            if error.key != "index-locked" or time.monotonic() > until:
                raise
        yield Progress("stage.index-waiting")
        if cancelled():
            return None


def _since(index: Index) -> dict[Path, str]:
    known = {entry.path for entry in index.files()}
    changes = {}
    for path in index.stale():
        if path not in known:
            changes[path] = "new"
        else:
            changes[path] = "changed" if os.path.exists(path) else "missing"
    return changes


def _listing(index: Index, since: dict[Path, str]) -> Listing:
    files = tuple(index.files())
    skipped, count = index.skipped()
    by_meaning, folders = bool(index.embedder()), _folders(index, files)
    return Listing(files, since, index.unfinished(), by_meaning, folders, tuple(skipped), count)


def _folders(index: Index, files: tuple[FileEntry, ...]) -> tuple[Path, ...]:
    """The folders of a collection's files, and those between them and its roots."""
    roots = [root for root in index.collection.roots if os.path.isdir(root)]
    folders = set(roots)
    for folder in {entry.path.parent for entry in files}:
        inside = next((root for root in roots if folder.is_relative_to(root)), None)
        while folder not in folders:
            folders.add(folder)
            if inside is None or len(folders) > FOLDERS:
                break
            folder = folder.parent
        if len(folders) > FOLDERS:
            break
    return tuple(folders)
