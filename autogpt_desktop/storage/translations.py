"""The translations of a user, the last ones first: kept on this computer, as long as they want that.

``TranslateHistory`` belongs to the thread that made it (the GUI thread).
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop import paths
from autogpt_desktop.database import clean, keep_private, known_errors, make_file
from autogpt_desktop.storage.conversations.schema import ERRORS

MOST = 200
LONGEST = 100_000  # characters of a text that is kept
SHOWN = 200  # characters of it that a list shows
_TABLE = """
CREATE TABLE IF NOT EXISTS kept (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    changed REAL NOT NULL,
    source TEXT NOT NULL,
    target TEXT NOT NULL,
    text TEXT NOT NULL,
    translation TEXT NOT NULL,
    sentences TEXT NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """One translation; in a list ``text`` and ``translation`` are their beginnings."""

    id: int
    changed: float  # time.time()
    source: str  # ISO 639-1
    target: str
    text: str
    translation: str
    sentences: str = "[]"  # which became which, in JSON; a list leaves it out


class TranslateHistory:
    """Made when first used; every method may raise the KnownErrors of ``storage.conversations.schema``."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None

    def keep(
        self,
        source: str,
        target: str,
        text: str,
        translation: str,
        sentences: str = "[]",
        entry: int = 0,
    ) -> int:
        """Keep a translation, in place of ``entry`` where that is still there. Its number; 0: too long."""
        if len(text) > LONGEST or len(translation) > LONGEST:
            return 0
        values = (time.time(), source, target, clean(text), clean(translation), clean(sentences))
        with self._open() as db:
            if entry:
                cursor = db.execute(
                    "UPDATE kept SET changed = ?, source = ?, target = ?, text = ?, translation = ?,"
                    " sentences = ? WHERE id = ?", (*values, entry),
                )  # fmt: skip
                if cursor.rowcount:
                    return entry
            same = db.execute(
                "SELECT id FROM kept WHERE source = ? AND target = ? AND text = ?", values[1:4]
            ).fetchall()
            db.executemany("DELETE FROM kept WHERE id = ?", same)
            cursor = db.execute(
                "INSERT INTO kept (changed, source, target, text, translation, sentences)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                values,
            )
            db.execute(
                "DELETE FROM kept WHERE id NOT IN"
                " (SELECT id FROM kept ORDER BY changed DESC, id DESC LIMIT ?)", (MOST,),
            )  # fmt: skip
            return int(cursor.lastrowid or 0)

    def entries(self, query: str = "") -> list[Kept]:
        """The last first; with a query those that hold all its words, in the text or the translation."""
        words = query.casefold().split()
        with self._open() as db:
            rows = db.execute(
                "SELECT id, changed, source, target, text, translation FROM kept"
                " ORDER BY changed DESC, id DESC"
            ).fetchall()
        found = []
        for number, changed, source, target, text, translation in rows:
            both = f"{text}\n{translation}".casefold() if words else ""
            if all(word in both for word in words):
                found.append(Kept(number, changed, source, target, text[:SHOWN], translation[:SHOWN]))
        return found

    def get(self, entry: int) -> Kept | None:
        """The whole of one; None: it is gone."""
        with self._open() as db:
            row = db.execute("SELECT * FROM kept WHERE id = ?", (entry,)).fetchone()
        return Kept(*row) if row else None

    def find(self, text: str, source: str, target: str) -> Kept | None:
        """The last translation of just this text; ``source`` "": from whatever language."""
        with self._open() as db:
            row = db.execute(
                "SELECT * FROM kept WHERE text = ? AND target = ? AND ? IN ('', source)"
                " ORDER BY changed DESC, id DESC LIMIT 1",
                (clean(text), target, source),
            ).fetchone()
        return Kept(*row) if row else None

    def delete(self, entry: int) -> Kept | None:
        """Take one away, for good unless it is given to ``restore``."""
        kept = self.get(entry)
        with self._open() as db:
            db.execute("DELETE FROM kept WHERE id = ?", (entry,))
        return kept

    def clear(self) -> list[Kept]:
        """Take all away; what was there, for ``restore``."""
        with self._open() as db:
            rows = db.execute("SELECT * FROM kept").fetchall()
            db.execute("DELETE FROM kept")
        return [Kept(*row) for row in rows]

    def restore(self, kept: list[Kept]) -> None:
        """Undo ``delete`` or ``clear``."""
        rows = [
            (one.id, one.changed, one.source, one.target, one.text, one.translation, one.sentences)
            for one in kept
        ]
        with self._open() as db:
            db.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction, in a database that overwrites what is deleted."""
        path = self._path or paths.data_dir() / "translations.db"
        with known_errors(path, ERRORS):
            if self._db is None:
                paths.make_private(path.parent)
                make_file(path)
                db = sqlite3.connect(path, timeout=1)
                try:
                    keep_private(db)
                    db.execute("PRAGMA journal_mode = TRUNCATE")
                    db.execute(_TABLE)
                except BaseException:
                    db.close()
                    raise
                self._db = db
            with self._db:
                yield self._db
