"""The conversation database: its tables, its migrations, how it is opened and what can go wrong."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

from autogpt_desktop import atomic, database, paths
from autogpt_desktop.database import MEMORY
from autogpt_desktop.errors import KnownError

ERRORS = database.ErrorKeys("history-locked", "history-readonly", "history-corrupt", "history-io")
APPLICATION_ID = 0x41474454  # "AGDT", in the file's header

# MIGRATIONS[n] takes a database of version n to n + 1. Never edit one that was released: add one.
MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,  -- never given twice
            title TEXT NOT NULL DEFAULT '',
            system_prompt TEXT NOT NULL DEFAULT '',
            sampling TEXT NOT NULL DEFAULT '{}',   -- JSON
            preset TEXT NOT NULL DEFAULT '',
            model TEXT NOT NULL DEFAULT '',
            pinned INTEGER NOT NULL DEFAULT 0,
            created REAL NOT NULL,                 -- seconds since 1970
            updated REAL NOT NULL,
            active_child INTEGER,                  -- the first message of the branch that is shown
            deleted INTEGER NOT NULL DEFAULT 0     -- 0, or the undo token
        )
        """,
        """
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            conversation_id INTEGER NOT NULL
                REFERENCES conversations (id) DEFERRABLE INITIALLY DEFERRED,
            parent_id INTEGER REFERENCES messages (id) DEFERRABLE INITIALLY DEFERRED,
            active_child INTEGER,
            deleted INTEGER NOT NULL DEFAULT 0,
            indexed INTEGER NOT NULL DEFAULT 0,    -- 1: its text is in the search index
            role TEXT NOT NULL,
            state TEXT NOT NULL,
            created REAL NOT NULL,
            model TEXT NOT NULL DEFAULT '',
            stats TEXT NOT NULL DEFAULT '{}',      -- JSON
            text TEXT NOT NULL
        )
        """,
        "CREATE INDEX messages_conversation ON messages (conversation_id, id)",
        "CREATE INDEX messages_parent ON messages (parent_id)",
        "CREATE INDEX messages_lookup ON messages (id, deleted, conversation_id)",
        "CREATE INDEX messages_streaming ON messages (id) WHERE state = 'streaming'",
        "CREATE INDEX messages_unindexed ON messages (id) WHERE indexed = 0",
        "CREATE INDEX messages_deleted ON messages (deleted) WHERE deleted != 0",
        # Contentless: the index holds words and positions, the text itself is stored once.
        """
        CREATE VIRTUAL TABLE search USING fts5 (
            text, content = '', columnsize = 0, tokenize = "unicode61 remove_diacritics 2"
        )
        """,
    ),
    (
        "CREATE TABLE drafts (conversation_id INTEGER PRIMARY KEY, text TEXT NOT NULL)",  # 0: a new one
        "CREATE TABLE unfinished (task TEXT PRIMARY KEY)",  # what to go on with after a crash
        "ALTER TABLE messages ADD COLUMN attachments TEXT NOT NULL DEFAULT '[]'",  # JSON
    ),
)
VERSION = len(MIGRATIONS)
# Made where it is missing, with no new version: what knows nothing of it still opens the database, and lists
# what is in the trash as before.
TRASH = (
    "CREATE TABLE IF NOT EXISTS trash"
    " (conversation_id INTEGER PRIMARY KEY, since REAL NOT NULL)"  # seconds since 1970
)
TABLES = {"conversations", "messages", "search", "drafts", "unfinished"}
TABLES_AT = {1: {"conversations", "messages", "search"}}  # of older versions


def open_database(path: Path | str, busy_ms: int = 1000) -> sqlite3.Connection:
    """Open, check and migrate a database; ``":memory:"`` for one that is never written.

    Raises KnownError: history-newer (the file is then untouched, byte for byte), history-corrupt,
    history-locked, history-readonly, history-io, disk-full.
    """
    with database.known_errors(path, ERRORS), _all_known(path):
        if path != MEMORY:
            path = Path(path)
            paths.make_private(path.parent)
            _refuse_foreign(path, busy_ms)
        db = database.connect(path, busy_ms)
        try:
            _prepare(db, path)
        except BaseException:
            db.close()
            raise
    return db


@contextmanager
def _all_known(path: Path | str) -> Iterator[None]:
    """While a database is opened nothing is asked that a sound one could not answer."""
    try:
        yield
    except sqlite3.Error as error:
        known = database.known_error(error, path, ERRORS)
        if known is not None or path == MEMORY or isinstance(error, database.MigrationFailed):
            raise
        raise damaged(path) from error


def damaged(path: Path | str) -> KnownError:
    """What to raise for a database with values in it that we did not write."""
    return KnownError(ERRORS.damaged, path=str(path), folder=str(Path(path).parent))


def _prepare(db: sqlite3.Connection, path: Path | str) -> None:
    database.keep_private(db)
    db.execute("PRAGMA foreign_keys = ON")
    database.use_log(db)
    db.execute("BEGIN IMMEDIATE")  # finds out now, not in the middle of an answer, that it cannot write
    db.execute("ROLLBACK")
    _migrate(db, path)
    tables = _tables(db)
    if not tables >= TABLES:
        raise damaged(path)
    if "trash" not in tables:
        db.execute(TRASH)


def _tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def _refuse_foreign(path: Path, busy_ms: int) -> None:
    """Refuse a newer or foreign file before SQLite opens it for writing."""
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return
    with open(path, "rb") as file:
        header = file.read(100)
    # https://www.sqlite.org/fileformat.html: user version at byte 60, application id at byte 68
    version, application = int.from_bytes(header[60:64], "big"), int.from_bytes(header[68:72], "big")
    wal = path.with_name(path.name + "-wal")
    if wal.exists() and wal.stat().st_size > 0:  # the header's latest state may stand in the log
        uri = f"file:{quote(str(path))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=busy_ms / 1000)) as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            application = db.execute("PRAGMA application_id").fetchone()[0]
    values = {"path": str(path), "folder": str(path.parent)}
    if not header.startswith(b"SQLite format 3\0") or len(header) < 100:
        raise KnownError("history-corrupt", **values)
    if version > VERSION:
        raise KnownError("history-newer", **values)
    if application not in (0, APPLICATION_ID) or (version == 0 and application == 0 and _has_tables(path)):
        raise KnownError("history-corrupt", **values)


def _has_tables(path: Path) -> bool:
    uri = f"file:{quote(str(path))}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as db:
        return db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] > 0


def _migrate(db: sqlite3.Connection, path: Path | str) -> None:
    """Bring the database to VERSION, one version at a time, each after a copy of what was there."""
    start = db.execute("PRAGMA user_version").fetchone()[0]
    for version in range(start, VERSION):
        if start > 0 and path != MEMORY:
            _copy(db, backup_path(Path(path), version))
        sound = not start or _tables(db) & TABLES == TABLES_AT[start]
        with database.transaction(db):
            for statement in MIGRATIONS[version]:
                _migrate_by(db, statement, sound)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {version + 1}")


def _migrate_by(db: sqlite3.Connection, statement: str, sound: bool) -> None:
    """``sound``: the database has the tables that its version says; then a failure is a bug of ours."""
    try:
        db.execute(statement)
    except sqlite3.OperationalError as error:
        if not sound or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:
            raise  # the disk, a lock, damage
        raise database.MigrationFailed(str(error)) from error


def backup_path(path: Path, version: int) -> Path:
    """Where the copy of a version-``version`` database is kept."""
    return path.with_name(f"{path.stem}-v{version}.bak")


def _copy(db: sqlite3.Connection, target: Path) -> None:
    with atomic.replacing(target, private=True) as scratch, closing(database.connect(scratch)) as copy:
        db.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it


def scrub_copies(path: Path, conversation_ids: list[int], message_ids: list[int]) -> None:
    """Delete these rows from the copies that migrations left, so that purged text is nowhere.

    The copies lose their search index; a database that is opened again rebuilds it.
    """
    for version in range(1, VERSION):
        copy_path = backup_path(path, version)
        if not copy_path.exists():
            continue
        with database.known_errors(copy_path, ERRORS), closing(database.connect(copy_path)) as copy:
            database.keep_private(copy)
            copy.execute("BEGIN IMMEDIATE")
            copy.executemany(
                "DELETE FROM messages WHERE conversation_id = ?", [(item,) for item in conversation_ids]
            )
            copy.executemany("DELETE FROM messages WHERE id = ?", [(item,) for item in message_ids])
            copy.executemany("DELETE FROM conversations WHERE id = ?", [(item,) for item in conversation_ids])
            if version >= 2:
                drafts = [*conversation_ids, *(-item for item in message_ids)]
                copy.executemany("DELETE FROM drafts WHERE conversation_id = ?", [(item,) for item in drafts])
            copy.execute("INSERT INTO search (search) VALUES ('delete-all')")
            copy.execute("UPDATE messages SET indexed = 0 WHERE indexed != 0")
            copy.execute("COMMIT")


def set_aside(path: Path) -> Path:
    """Rename a damaged database (and its log) so that a new one can be begun; nothing is deleted."""
    name = f"{path.stem}-damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    target, number = path.with_name(name + path.suffix), 1
    while target.exists():
        number += 1
        target = path.with_name(f"{name}-{number}{path.suffix}")
    with database.known_errors(path, ERRORS):
        database.move(path, target)
    return target
