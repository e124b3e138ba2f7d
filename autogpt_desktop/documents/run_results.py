"""Results of a run that is long enough to be interrupted: one file for each run, which then goes on.

``Run`` is for rows of a table, by the million: a database of numbers, which is asked for some at a time.
What is kept belongs to a text (by its hash, not by its words), so that equal texts are computed once.
Everything can be computed again: the oldest files go. ``ResultLines`` is for some thousand results of any
kind: lines that are read whole, and go when the run is done.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from autogpt_desktop import database
from autogpt_desktop.errors import KnownError
from autogpt_desktop.paths import make_private

KEPT = 20  # runs whose files stay
_VERSION = 1
_SUFFIX = ".run"

Numbers = tuple[float, ...]
K = TypeVar("K")
V = TypeVar("V")


class Run:
    """The results of one run, named by all that they depend on. Close it, or use it in ``with``.

    Raises KnownError("folder-not-writable").
    """

    def __init__(self, folder: Path, depends_on: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join(depends_on).encode()).hexdigest()[:32]
        self.path = folder / f"{name}{_SUFFIX}"
        try:
            make_private(folder)
            self._tidy(folder)
            try:
                self._open()
            except sqlite3.DatabaseError:  # damaged: it can be made again
                self._db.close()
                database.remove(self.path)
                self._open()
            self.path.touch()
        except (OSError, sqlite3.Error) as error:
            raise KnownError("folder-not-writable", folder=str(folder)) from error

    def _open(self) -> None:
        self._db = database.connect(self.path, 5000)
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError("another layout")
        database.use_log(self._db)
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS results (text BLOB PRIMARY KEY, numbers BLOB NOT NULL,"
            " note TEXT NOT NULL) WITHOUT ROWID"
        )
        self._db.execute(f"PRAGMA user_version = {_VERSION}")

    def __enter__(self) -> Run:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self._db.execute("SELECT count(*) FROM results").fetchone()[0])

    def find(self, texts: Iterable[str]) -> dict[str, tuple[Numbers, str]]:
        """What is known of some texts: numbers and a note each."""
        by_hash = {_hash(text): text for text in texts}
        found: dict[str, tuple[Numbers, str]] = {}
        keys = list(by_hash)
        for at in range(0, len(keys), 500):
            some = keys[at : at + 500]
            marks = ",".join("?" * len(some))
            query = f"SELECT text, numbers, note FROM results WHERE text IN ({marks})"
            for key, numbers, note in self._db.execute(query, some):
                found[by_hash[key]] = struct.unpack(f"<{len(numbers) // 8}d", numbers), note
        return found

    def keep(self, results: Iterable[tuple[str, Numbers, str]]) -> None:
        """Write results of texts (text, numbers, note) in one step."""
        rows = [(_hash(text), struct.pack(f"<{len(n)}d", *n), note) for text, n, note in results]
        try:
            with database.transaction(self._db):
                self._db.executemany("INSERT OR REPLACE INTO results VALUES (?, ?, ?)", rows)
        except sqlite3.OperationalError as error:  # the disk is full, or read-only by now
            raise KnownError("folder-not-writable", folder=str(self.path.parent)) from error

    def close(self) -> None:
        self._db.close()

    def _tidy(self, folder: Path) -> None:
        runs = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: -path.stat().st_mtime)
        for path in [path for path in runs if path != self.path][KEPT - 1 :]:
            database.remove(path)


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:16]


class ResultLines(MutableMapping[K, V], Generic[K, V]):
    """Results in a file of JSON lines, ``[name, *values]`` each. Use it in ``with``.

    ``name``: what a key is called in the file. ``pack`` makes a result a list that JSON knows, ``unpack``
    takes its items; lines that it refuses with ValueError or TypeError are left out, as is the half line
    that a killed run ends with. Raises KnownError("file-not-written").
    """

    def __init__(
        self,
        path: Path,
        name: Callable[[Any], str],
        pack: Callable[[V], Sequence[Any]],
        unpack: Callable[..., V],
    ) -> None:
        self.path = path
        self._name, self._pack, self._unpack = name, pack, unpack
        self._known: dict[str, V] = {}

    def __enter__(self) -> Self:
        self._known.clear()
        try:
            with suppress(FileNotFoundError), self.path.open(encoding="utf-8", errors="replace") as file:
                for line in file:
                    self._read(line)
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise self._not_written(error) from error
        if self._known:
            self._file.write("\n")  # behind half a line of a run that was killed
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()
        if not self._known:
            self.path.unlink(missing_ok=True)

    def _read(self, line: str) -> None:
        with suppress(ValueError, TypeError):
            name, *values = json.loads(line)
            self._known[str(name)] = self._unpack(*values)

    def _not_written(self, error: OSError) -> KnownError:
        return KnownError("file-not-written", name=self.path.name, reason=error.strerror)

    def __getitem__(self, key: K) -> V:
        return self._known[self._name(key)]

    def __contains__(self, key: object) -> bool:
        return self._name(key) in self._known

    def __setitem__(self, key: K, value: V) -> None:
        name = self._name(key)
        self._known[name] = value
        try:
            self._file.write(json.dumps([name, *self._pack(value)], ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._not_written(error) from error

    def __delitem__(self, key: K) -> None:
        del self._known[self._name(key)]

    def __iter__(self) -> Iterator[Any]:
        """Names, not keys."""
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)

    def remove(self) -> None:
        """The run is done: at the end of ``with`` the file goes."""
        self._known.clear()
