"""Results of a run over a table that is long enough to be interrupted: one small file for each run.

What is kept belongs to a text (by its hash, not by its words), so a killed run continues where it
stopped and equal texts are computed once. Everything can be computed again: the oldest files go.
"""

from __future__ import annotations

import hashlib
import sqlite3
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType

from autogpt_desktop import database
from autogpt_desktop.errors import KnownError

KEPT = 20  # runs whose files stay
_VERSION = 1
_SUFFIX = ".run"

Numbers = tuple[float, ...]


class Run:
    """The results of one run, named by all that they depend on. Close it, or use it in ``with``.

    Raises KnownError("folder-not-writable").
    """

    def __init__(self, folder: Path, depends_on: Sequence[str]) -> None:
        name = hashlib.sha256("\0".join(depends_on).encode()).hexdigest()[:32]
        self.path = folder / f"{name}{_SUFFIX}"
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
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
