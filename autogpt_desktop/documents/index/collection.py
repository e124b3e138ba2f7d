"""Collections: files and folders under a name, each with an index of its own beside it."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from autogpt_desktop import atomic, paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import is_missing

_INDEX = "index"  # how the names of an index, its log and one that was set aside begin


@dataclass(frozen=True, slots=True)
class Collection:
    """What is searched together."""

    folder: Path  # where the collection itself is kept
    name: str
    roots: tuple[Path, ...]  # files and folders
    watch: bool = False  # read again by itself when files change
    paused: bool = False  # reading was stopped by the user, and goes on when they say so

    @property
    def id(self) -> str:
        return self.folder.name

    @property
    def database(self) -> Path:
        return self.folder / "index.db"


class Collections:
    """Every collection of this user. Methods that write raise KnownError("collection-not-written")."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or paths.data_dir() / "collections"

    def all(self) -> list[Collection]:
        """By name. A folder whose description is damaged is left out, and left alone."""
        found = [self._read(file.parent) for file in self.folder.glob("*/collection.json")]
        return sorted((item for item in found if item), key=lambda item: (item.name.casefold(), item.id))

    def get(self, collection_id: str) -> Collection:
        """Raises KnownError("collection-missing")."""
        found = next((item for item in self.all() if collection_id in (item.id, item.name)), None)
        if found is None:
            raise KnownError("collection-missing", name=collection_id)
        return found

    def create(self, name: str, roots: Iterable[Path]) -> Collection:
        return self.save(Collection(self.folder / secrets.token_hex(6), name.strip(), _clean(roots)))

    def rename(self, collection: Collection, name: str) -> Collection:
        return self.save(replace(collection, name=name.strip()))

    def set_roots(self, collection: Collection, roots: Iterable[Path]) -> Collection:
        """Other files and folders; what is gone leaves the index when it is brought up to date."""
        return self.save(replace(collection, roots=_clean(roots)))

    def save(self, collection: Collection) -> Collection:
        value = {
            "name": collection.name,
            "roots": [str(root) for root in collection.roots],
            "watch": collection.watch,
            "paused": collection.paused,
        }
        file = collection.folder / "collection.json"
        try:
            paths.make_private(collection.folder)
            atomic.write_text(
                file, json.dumps(value, indent=2), private=True
            )  # ASCII: names may be any bytes
        except OSError as error:
            reason = error.strerror or str(error)
            raise KnownError("collection-not-written", folder=str(self.folder), reason=reason) from error
        return collection

    def remove(self, collection: Collection) -> None:
        """Delete the collection and its index; never the files in it. Its index must be closed."""
        try:
            (collection.folder / "collection.json").unlink(missing_ok=True)  # first: half a one is none
            self._remove_index(collection.folder)
        except FileNotFoundError:
            return
        except OSError as error:
            reason = error.strerror or str(error)
            raise KnownError("collection-not-written", folder=str(self.folder), reason=reason) from error

    def sweep(self) -> None:
        """Delete what is left of collections whose removal was cut short."""
        for folder in self.folder.glob("*"):
            if os.path.isdir(folder) and is_missing(folder / "collection.json"):
                with suppress(OSError):  # the next time, then
                    self._remove_index(folder)

    def _remove_index(self, folder: Path) -> None:
        """An index, and its folder if nothing else lies in it; of a link, the link. Raises OSError."""
        if os.path.islink(folder):
            folder.unlink()
            return
        for path in folder.iterdir():
            if path.name.startswith(_INDEX) or path.name.endswith(atomic.SUFFIX):
                path.unlink()
        if not any(folder.iterdir()):
            folder.rmdir()

    def _read(self, folder: Path) -> Collection | None:
        try:
            value = json.loads((folder / "collection.json").read_text(encoding="utf-8"))
            roots = tuple(Path(root) for root in value["roots"])
            watch, paused = value.get("watch") is True, value.get("paused") is True
            return Collection(folder, str(value["name"]), roots, watch, paused)
        except (OSError, ValueError, KeyError, TypeError):
            return None


def collection_of(roots: Iterable[Path]) -> Collection:
    """The nameless collection of some paths, as the terminal asks about; its index is a cache."""
    cleaned = _clean(roots)
    key = hashlib.sha256("\0".join(map(str, cleaned)).encode("utf-8", "surrogateescape")).hexdigest()[:24]
    return Collection(paths.cache_dir() / "collections" / key, "", cleaned)


def _clean(roots: Iterable[Path]) -> tuple[Path, ...]:
    """Absolute, each once, in order."""
    return tuple(dict.fromkeys(Path(os.path.abspath(root)) for root in roots))
