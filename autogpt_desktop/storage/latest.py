"""The latest things that a user did in a panel, a row each in a database of its own.

``LatestRows`` belongs to the thread that made it (the GUI thread).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.database import Patience, clean, keep_private, known_errors, make_file
from autogpt_desktop.storage.conversations.schema import ERRORS

Stored = tuple[Any, ...]  # id, time.time() of the latest change, and the texts


class LatestRows:
    """Rows of ``columns``, which hold texts, in the table ``kept``. Made when first used; every method may
    raise the KnownErrors of ``storage.conversations.schema``.
    """

    def __init__(self, name: str, columns: Sequence[str], path: Path | None = None) -> None:
        self._name, self._columns, self._given = name, tuple(columns), path
        self._db: sqlite3.Connection | None = None
        self._patience = Patience()

    @property
    def path(self) -> Path:
        return self._given or paths.data_dir() / self._name

    def put(self, texts: Sequence[str], *, entry: int, same: Sequence[str], most: int) -> int:
        """Keep a row in place of ``entry`` where that is still there, else of the one that has the same in
        the columns ``same``; the ``most`` latest stay. Its number.
        """
        row = dict(zip(self._columns, map(clean, texts), strict=True))
        values = (time.time(), *row.values())
        with self._open() as db:
            if entry:
                assigned = ", ".join(f"{name} = ?" for name in ("changed", *self._columns))
                cursor = db.execute(f"UPDATE kept SET {assigned} WHERE id = ?", (*values, entry))
                if cursor.rowcount:
                    return entry
            found = self._find(db, {name: row[name] for name in same})
            db.executemany("DELETE FROM kept WHERE id = ?", [(one[0],) for one in found])
            names = ", ".join(("changed", *self._columns))
            marks = ", ".join("?" * len(values))
            cursor = db.execute(f"INSERT INTO kept ({names}) VALUES ({marks})", values)
            db.execute(
                "DELETE FROM kept WHERE id NOT IN"
                " (SELECT id FROM kept ORDER BY changed DESC, id DESC LIMIT ?)", (most,),
            )  # fmt: skip
            return int(cursor.lastrowid or 0)

    def all(self) -> list[Stored]:
        """The last first."""
        return self.find({})

    def find(self, wanted: Mapping[str, str]) -> list[Stored]:
        """Those that have just these texts in these columns, the last first."""
        with self._open() as db:
            return self._find(db, {name: clean(text) for name, text in wanted.items()})

    def search(self, query: str, columns: Sequence[str]) -> list[Stored]:
        """Those that hold all words of ``query`` in ``columns``, the last first."""
        words = query.casefold().split()
        places = [2 + self._columns.index(name) for name in columns]
        found = []
        for row in self.all():
            text = "\n".join(row[place] for place in places).casefold() if words else ""
            if all(word in text for word in words):
                found.append(row)
        return found

    def get(self, entry: int) -> Stored | None:
        """None: it is gone."""
        with self._open() as db:
            row: Stored | None = db.execute("SELECT * FROM kept WHERE id = ?", (entry,)).fetchone()
        return row

    def delete(self, entry: int) -> Stored | None:
        """Take one away, for good unless it is given to ``restore``."""
        row = self.get(entry)
        with self._open() as db:
            db.execute("DELETE FROM kept WHERE id = ?", (entry,))
        return row

    def clear(self) -> list[Stored]:
        """Take all away; what was there, for ``restore``."""
        with self._open() as db:
            rows = db.execute("SELECT * FROM kept").fetchall()
            db.execute("DELETE FROM kept")
        return rows

    def restore(self, rows: Sequence[Stored]) -> None:
        """Undo ``delete`` or ``clear``."""
        marks = ", ".join("?" * (2 + len(self._columns)))
        with self._open() as db:
            db.executemany(f"INSERT OR REPLACE INTO kept VALUES ({marks})", rows)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    @staticmethod
    def _find(db: sqlite3.Connection, wanted: Mapping[str, str]) -> list[Stored]:
        where = " AND ".join(f"{name} = ?" for name in wanted) or "1"
        query = f"SELECT * FROM kept WHERE {where} ORDER BY changed DESC, id DESC"
        return db.execute(query, tuple(wanted.values())).fetchall()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction, in a database that overwrites what is deleted."""
        path = self.path
        with self._patience.waiting(ERRORS), known_errors(path, ERRORS):
            if self._db is None:
                paths.make_private(path.parent)
                make_file(path)
                db = sqlite3.connect(path)
                try:
                    self._patience.apply(db)
                    keep_private(db)
                    db.execute("PRAGMA journal_mode = TRUNCATE")
                    texts = ", ".join(f"{name} TEXT NOT NULL" for name in self._columns)
                    db.execute(
                        "CREATE TABLE IF NOT EXISTS kept"
                        f" (id INTEGER PRIMARY KEY AUTOINCREMENT, changed REAL NOT NULL, {texts})"
                    )
                except BaseException:
                    db.close()
                    raise
                self._db = db
            self._patience.apply(self._db)
            with self._db:
                yield self._db
