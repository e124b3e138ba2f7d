"""Beneath the history: one connection, its transactions, the search index and the tree's pointers."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autogpt_desktop.database import MEMORY, WAIT_MS, Patience, clean, known_errors, transaction
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.schema import ERRORS, damaged, open_database
from autogpt_desktop.storage.conversations.search import segment


class Store:
    """An open conversation database. Belongs to the thread that made it."""

    def __init__(self, file: Path | str, busy_ms: int) -> None:
        """Open, migrate, recover. Raises the KnownErrors of ``open_database``."""
        self.file = file
        self.db = open_database(file, busy_ms)
        self._patience = Patience(min(busy_ms, WAIT_MS))
        try:
            self.recover()
        except BaseException:
            self.db.close()
            raise

    @property
    def lasting(self) -> bool:
        """Is it written to disk?"""
        return str(self.file) != MEMORY

    def close(self) -> None:
        with known_errors(self.file, ERRORS):
            self.db.close()

    def recover(self) -> None:
        """Messages that were being written when the app ended are "interrupted", and findable."""
        streaming = self.rows("SELECT 1 FROM messages WHERE state = 'streaming' LIMIT 1")
        if not streaming and not self.rows("SELECT 1 FROM messages WHERE indexed = 0 LIMIT 1"):
            return
        with self.write() as db:
            db.execute("UPDATE messages SET state = 'interrupted' WHERE state = 'streaming'")
            for row in db.execute("SELECT id, text FROM messages WHERE indexed = 0").fetchall():
                self.index(*row)

    def rows(self, query: str, *values: Any) -> list[Any]:
        with known_errors(self.file, ERRORS):
            return self.db.execute(query, values).fetchall()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """What is no JSON, or no number where one was written, comes of a damaged file."""
        try:
            yield
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise damaged(self.file) from error

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it or, whatever goes wrong, nothing. Within another one, a part of that."""
        if self.db.in_transaction:
            yield self.db
            return
        with self._patience.waiting(ERRORS), known_errors(self.file, ERRORS):
            self._patience.apply(self.db)
            with transaction(self.db) as db:
                yield db

    # The search index, inside a transaction

    def index(self, message_id: int, text: str) -> None:
        self.db.execute("INSERT INTO search (rowid, text) VALUES (?, ?)", (message_id, segment(text)))
        self.db.execute("UPDATE messages SET indexed = 1 WHERE id = ?", (message_id,))

    def unindex(self, message_id: int) -> None:
        """Take a message out of the index; a contentless index must be shown the text again."""
        query = "SELECT text FROM messages WHERE id = ? AND indexed = 1"
        for (text,) in self.db.execute(query, (message_id,)).fetchall():
            self.db.execute(
                "INSERT INTO search (search, rowid, text) VALUES ('delete', ?, ?)",
                (message_id, segment(text)),
            )
            self.db.execute("UPDATE messages SET indexed = 0 WHERE id = ?", (message_id,))

    # The tree

    def place(self, message_id: int) -> tuple[int, int | None]:
        """A message's conversation and parent. Raises KnownError("conversation-missing")."""
        rows = self.rows("SELECT conversation_id, parent_id FROM messages WHERE id = ?", message_id)
        if not rows:
            raise KnownError("conversation-missing")
        return rows[0]

    def point(self, conversation_id: int, parent_id: int | None, child_id: int) -> None:
        """Make a message the one of its siblings that is shown; inside a transaction."""
        if parent_id is None:
            update, key = "UPDATE conversations SET active_child = ? WHERE id = ?", conversation_id
        else:
            update, key = "UPDATE messages SET active_child = ? WHERE id = ?", parent_id
        self.db.execute(update, (child_id, key))

    def set_draft_row(self, key: int, text: str) -> None:
        """``key`` as for ``History.draft``, 0 for the conversation that does not exist yet; inside a
        transaction."""
        if text:
            row = (key, clean(text))
            self.db.execute("REPLACE INTO drafts (conversation_id, text) VALUES (?, ?)", row)
        else:
            self.db.execute("DELETE FROM drafts WHERE conversation_id = ?", (key,))


def to_column(value: Any) -> str:
    """JSON for a column; numbers that JSON does not know become null."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    if "NaN" in text or "Infinity" in text:
        text = json.dumps(json.loads(text, parse_constant=lambda _: None), ensure_ascii=False)
    return clean(text)


def new_id(cursor: sqlite3.Cursor) -> int:
    """The id that an INSERT just gave."""
    assert cursor.lastrowid is not None
    return cursor.lastrowid
