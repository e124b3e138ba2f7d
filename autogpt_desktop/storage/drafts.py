"""What stands in the fields of the task panels, kept on this computer until the next start.

``TextDrafts`` belongs to the thread that made it (the GUI thread).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autogpt_desktop import database, paths
from autogpt_desktop.storage.conversations.schema import ERRORS

_TABLE = "CREATE TABLE IF NOT EXISTS drafts (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID"


class TextDrafts:
    """Made when first used; every method may raise the KnownErrors of ``storage.conversations.schema``."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path or paths.data_dir() / "drafts.db"
        self._patience = database.Patience()

    def get(self, name: str) -> str:
        """What was kept under a name; "": nothing."""
        if not self._path.exists():
            return ""
        with self._open() as db:
            row = db.execute("SELECT text FROM drafts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def keep(self, name: str, text: str) -> None:
        """Keep a text in place of the one before; "" takes it away, on the disk too."""
        if not text and not self._path.exists():
            return
        with self._open() as db:
            if text:
                db.execute("REPLACE INTO drafts VALUES (?, ?)", (name, database.clean(text)))
            else:
                db.execute("DELETE FROM drafts WHERE name = ?", (name,))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction, in a database that overwrites what is deleted."""
        with self._patience.waiting(ERRORS), database.known_errors(self._path, ERRORS):
            paths.make_private(self._path.parent)
            database.make_file(self._path)
            db = sqlite3.connect(self._path)
            try:
                self._patience.apply(db)
                database.keep_private(db)
                db.execute("PRAGMA synchronous = OFF")  # a draft need not outlive a power cut
                with db:
                    db.execute(_TABLE)
                    yield db
            finally:
                db.close()
