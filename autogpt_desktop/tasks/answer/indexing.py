"""A collection's files as jobs: bring the index up to date, and look what has become of the files."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.index.collection import Collection
from autogpt_desktop.documents.index.types import FileEntry
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.answer.index import embedder

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.index import Index

FOLDERS = 512  # that are named in a listing, and can be watched
EVERY = 3.0  # seconds between two listings while files are read
_WAIT = 0.2  # seconds between two tries for an index that another program is writing
_TRIES = 50


@dataclass(frozen=True, slots=True)
class Listing:
    """What the index of a collection holds."""

    files: tuple[FileEntry, ...]
    since: dict[Path, str]  # what became of files since they were read: "new", "changed", "missing"
    unfinished: bool  # the last run was cut short, or there was none yet
    by_meaning: bool  # there are vectors, so that meaning can be searched too
    folders: tuple[Path, ...]  # where the files lie; more than FOLDERS: there are too many to name


def bring_up_to_date(
    models: Any,
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
    embed = (yield from embedder(models, cancelled)) if models is not None else None
    index = yield from _opened(collection, cancelled)
    if index is None:
        return
    try:
        next_listing = time.monotonic() + EVERY
        for event in index.index(embed, cancelled=cancelled):
            if isinstance(event, Result):
                yield _listing(index, {})
            yield event
            if looked_at() and time.monotonic() > next_listing:
                began = time.monotonic()
                yield _listing(index, {})
                ended = time.monotonic()
                next_listing = ended + max(EVERY, 10 * (ended - began))
    finally:
        index.close()


def look(
    collection: Collection, *, cancelled: Callable[[], bool] = lambda: False
) -> Generator[Progress | Notice | Listing, None, None]:
    """The Listing of a collection, with what changed on the disk since. Raises as above."""
    index = yield from _opened(collection, cancelled)
    if index is None:
        return
    try:
        yield from index.notices
        yield _listing(index, {})
        yield _listing(index, _since(index))
    finally:
        index.close()


def _opened(collection: Collection, cancelled: Callable[[], bool]) -> Generator[Progress, None, Index | None]:
    """The index; waits for another program that is writing to it, a few seconds long."""
    from autogpt_desktop.documents.index.index import Index

    for number in range(_TRIES):
        try:
            return Index(collection, busy_ms=int(_WAIT * 1000))
        except KnownError as error:
            if error.key != "index-locked" or number == _TRIES - 1:
                raise
        yield Progress("stage.index-waiting")
        if cancelled():
            return None
    raise AssertionError("the last try raises")


def _since(index: Index) -> dict[Path, str]:
    known = {entry.path for entry in index.files()}
    found = {}
    for path in index.stale():
        if path not in known:
            found[path] = "new"
        else:
            found[path] = "changed" if path.exists() else "missing"
    return found


def _listing(index: Index, since: dict[Path, str]) -> Listing:
    files = tuple(index.files())
    return Listing(files, since, index.unfinished(), bool(index.embedder()), _folders(index, files))


def _folders(index: Index, files: tuple[FileEntry, ...]) -> tuple[Path, ...]:
    """The folders of a collection's files, and those between them and its roots."""
    roots = [root for root in index.collection.roots if root.is_dir()]
    found = set(roots)
    for folder in {entry.path.parent for entry in files}:
        inside = next((root for root in roots if folder.is_relative_to(root)), None)
        while folder not in found:
            found.add(folder)
            if inside is None or len(found) > FOLDERS:
                break
            folder = folder.parent
        if len(found) > FOLDERS:
            break
    return tuple(found)
