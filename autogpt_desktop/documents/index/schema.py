"""The index's database: its tables, how it is opened, and what can go wrong with it.

An index can be made again from the files, so there are no migrations: one that is damaged, or of
another version, is put aside and begun anew.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autogpt_desktop.documents.index.terms import TOKENIZER
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice

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


@contextmanager
def known_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite reports about the disk, locks and damage into known errors."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        known = _known(error, path)
        if known is None:
            raise
        raise known from error


def _known(error: sqlite3.Error | OSError, path: Path) -> KnownError | None:
    folder = str(path.parent)
    full = path.parent.is_dir() and shutil.disk_usage(path.parent).free < 2**20
    if isinstance(error, OSError):
        return KnownError("disk-full", folder=folder) if full else KnownError("index-readonly", folder=folder)
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF  # the primary one of an extended code
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return KnownError("index-locked")
    if code == sqlite3.SQLITE_FULL or (code == sqlite3.SQLITE_IOERR and full):
        return KnownError("disk-full", folder=folder)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_IOERR):
        return KnownError("index-readonly", folder=folder)
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return KnownError("index-damaged")
    return None


def open_index(path: Path, busy_ms: int = 2000) -> tuple[sqlite3.Connection, list[Notice]]:
    """Open or begin an index. One that cannot be used is put aside, which a notice tells.

    Raises KnownError: index-locked, index-readonly, disk-full.
    """
    with known_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            return _open(path, busy_ms), []
        except _Unusable as error:
            reason = error
        except sqlite3.DatabaseError as error:
            known = _known(error, path)
            if known is None or known.key != "index-damaged":
                raise
            reason = _Unusable("notice.index-damaged")
        put_aside(path)
        return _open(path, busy_ms), [Notice(str(reason))]


class _Unusable(Exception):
    """The key of the notice that says why."""


def _open(path: Path, busy_ms: int) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None)
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
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA temp_store = MEMORY")  # no text in temporary files
        db.execute("PRAGMA secure_delete = ON")  # a file that left the collection leaves no text behind
        db.execute("BEGIN IMMEDIATE")  # finds out now that it cannot write
        if not db.execute("SELECT 1 FROM sqlite_master").fetchone():  # nor did another program meanwhile
            for statement in _TABLES:
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
    except BaseException:
        db.close()
        raise
    return db


def put_aside(path: Path) -> Path:
    """Rename a database and its log; the last one put aside is replaced."""
    target = path.with_name(f"{path.stem}-old{path.suffix}")
    if target.exists() and time.time() - target.stat().st_mtime < 1:
        target = path.with_name(f"{path.stem}-old-{time.time_ns()}{path.suffix}")
    for ending in ("-wal", "-shm", ""):
        source = path.with_name(path.name + ending)
        if source.exists():
            os.replace(source, target.with_name(target.name + ending))
    return target
