"""The index's database: its tables, how it is opened, and what can go wrong with it.

An index can be made again from the files, so there are no migrations: one that is damaged, or of
another version, is put aside and begun anew.
"""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

from autogpt_desktop import database, paths
from autogpt_desktop.documents.index.terms import TOKENIZER
from autogpt_desktop.events import Notice

ERRORS = database.ErrorKeys("index-locked", "index-readonly", "index-damaged", "index-readonly")
VERSION = 1  # also when what goes into the tables changes: words, passages, text
APPLICATION_ID = 0x41474449  # "AGDI", in the file's header

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """
    CREATE TABLE files (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        path TEXT NOT NULL UNIQUE,
        size INTEGER NOT NULL,
        mtime INTEGER NOT NULL,              -- nanoseconds
        sha256 TEXT NOT NULL,
        title TEXT NOT NULL DEFAULT '',
        language TEXT NOT NULL DEFAULT '',
        error TEXT NOT NULL DEFAULT '',      -- JSON [key, values]: set aside for this reason
        notices TEXT NOT NULL DEFAULT '[]'   -- JSON [[key, values], …]
    )
    """,
    "CREATE INDEX files_sha256 ON files (sha256)",
    """
    CREATE TABLE passages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        file_id INTEGER NOT NULL REFERENCES files (id),
        page TEXT NOT NULL,
        start INTEGER NOT NULL,              -- characters into the document's text
        end INTEGER NOT NULL,
        text TEXT NOT NULL
    )
    """,
    "CREATE INDEX passages_file ON passages (file_id)",
    "CREATE TABLE vectors (passage_id INTEGER PRIMARY KEY, vector BLOB NOT NULL)",  # float16
    # Contentless: the text stands in passages.
    f"CREATE VIRTUAL TABLE words USING fts5 (text, title, content = '', tokenize = \"{TOKENIZER}\")",
)


def open_index(path: Path, busy_ms: int = 2000) -> tuple[sqlite3.Connection, list[Notice]]:
    """Open or begin an index. One that cannot be used is put aside, which a notice tells.

    Raises KnownError: index-locked, index-readonly, disk-full.
    """
    with database.known_errors(path, ERRORS):
        paths.make_private(path.parent)
        try:
            return _open(path, busy_ms), []
        except _Unusable as error:
            reason = error
        except sqlite3.DatabaseError as error:
            known = database.known_error(error, path, ERRORS)
            if known is None or known.key != ERRORS.damaged:
                raise
            reason = _Unusable("notice.index-damaged")
        put_aside(path)
        return _open(path, busy_ms), [Notice(str(reason))]


class _Unusable(Exception):
    """The key of the notice that says why."""


def _open(path: Path, busy_ms: int) -> sqlite3.Connection:
    db = database.connect(path, busy_ms)
    try:
        application = db.execute("PRAGMA application_id").fetchone()[0]
        version = db.execute("PRAGMA user_version").fetchone()[0]
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and application != APPLICATION_ID:
            raise _Unusable("notice.index-damaged")
        if tables and version != VERSION:
            raise _Unusable("notice.index-other-version")
        if tables and not {"meta", "files", "passages", "vectors", "words"} <= tables:
            raise _Unusable("notice.index-damaged")
        database.use_log(db)
        database.keep_private(db)  # a file that left the collection leaves no text behind
        with database.transaction(db):  # finds out now that it cannot write
            if not db.execute("SELECT 1 FROM sqlite_master").fetchone():  # nor did another program meanwhile
                for statement in _TABLES:
                    db.execute(statement)
                db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                db.execute(f"PRAGMA user_version = {VERSION}")
    except BaseException:
        db.close()
        raise
    return db


def put_aside(path: Path) -> Path:
    """Rename a database and its log; the last one put aside is replaced."""
    target = path.with_name(f"{path.stem}-old{path.suffix}")
    if os.path.exists(target) and time.time() - target.stat().st_mtime < 1:
        target = path.with_name(f"{path.stem}-old-{time.time_ns()}{path.suffix}")
    database.move(path, target)
    return target
