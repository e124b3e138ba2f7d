"""What every SQLite database of ours does alike: opening, transactions, known errors for what goes wrong."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.errors import KnownError

MEMORY = ":memory:"
_BESIDE = ("-wal", "-shm", "")  # what SQLite keeps beside a database, and the database itself
# What SQLite and Python's module say, without a code of its own, where bytes of a file changed.
_DAMAGE = re.compile(
    "unsupported file format|could not decode|no such (?:table|column|module)|malformed|vtable constructor"
    "|already another table or index|unrecognized token|has no column|may not be",
    re.IGNORECASE,
)
WAIT_MS = 250  # that a window may stand still for another program's lock
_FULL = 1 << 20  # bytes; with fewer free SQLite may call it an I/O error


class MigrationFailed(sqlite3.OperationalError):
    """A statement of ours does not fit the database: a bug, and no damage to set a file aside for."""


@dataclass(frozen=True, slots=True)
class ErrorKeys:
    """What one kind of database calls its known errors. Each gets the values ``path`` and ``folder``."""

    locked: str
    readonly: str
    damaged: str
    io: str  # the disk reads or writes wrongly
    full: str = "disk-full"


def known_error(
    error: sqlite3.Error | OSError | UnicodeError, path: Path | str, keys: ErrorKeys
) -> KnownError | None:
    """The known error for what SQLite or the system says of ``path``; None: it is a bug."""
    key = _key(error, Path(path).parent, keys)
    return KnownError(key, path=str(path), folder=str(Path(path).parent)) if key else None


def _key(error: sqlite3.Error | OSError | UnicodeError, folder: Path, keys: ErrorKeys) -> str:
    if isinstance(error, OSError):
        return keys.full if error.errno == errno.ENOSPC else keys.readonly
    if isinstance(error, MigrationFailed):
        return ""
    if isinstance(error, UnicodeError) or _DAMAGE.search(str(error)):
        return keys.damaged
    code = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF  # the primary code of an extended one
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return keys.locked
    if code == sqlite3.SQLITE_FULL:
        return keys.full
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return keys.readonly
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return keys.damaged
    if code == sqlite3.SQLITE_IOERR:
        # SQLite says "I/O error" where the -shm file cannot grow on a full disk.
        return keys.full if folder.is_dir() and shutil.disk_usage(folder).free < _FULL else keys.io
    return ""


@contextmanager
def known_errors(path: Path | str, keys: ErrorKeys) -> Iterator[None]:
    """Turn what SQLite reports about the disk, locks and damage into known errors."""
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeDecodeError) as error:
        known = known_error(error, path, keys)
        if known is None:
            raise
        raise known from error


def connect(path: Path | str, busy_ms: int = 1000) -> sqlite3.Connection:
    """Open without Python's own transactions, see ``transaction``; wait so long for another's lock."""
    make_file(path)
    return sqlite3.connect(path, timeout=busy_ms / 1000, isolation_level=None)


def make_file(path: Path | str) -> None:
    """Begin a database that only this user may read; what SQLite puts beside it gets the same mode."""
    if str(path) != MEMORY:
        with suppress(OSError):  # it is there, or SQLite says what is wrong
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def keep_private(db: sqlite3.Connection) -> None:
    """What is deleted is overwritten, not just unlinked, and no text stands in temporary files."""
    db.execute("PRAGMA secure_delete = ON")
    db.execute("PRAGMA temp_store = MEMORY")


def use_log(db: sqlite3.Connection) -> None:
    """A killed process loses nothing that was committed; a power cut at most the last moments."""
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """All of it or, whatever goes wrong, nothing."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


class Patience:
    """How long a database of the window's thread waits for another program's lock: a moment, and not at all
    while the lock that was met is still there, so that the window does not stand still with every try."""

    def __init__(self, most_ms: int = WAIT_MS) -> None:
        self._most = self.milliseconds = most_ms

    @contextmanager
    def waiting(self, keys: ErrorKeys) -> Iterator[None]:
        """Around what may meet a lock and raises known errors."""
        try:
            yield
        except KnownError as error:
            self.milliseconds = 0 if error.key == keys.locked else self._most
            raise
        self.milliseconds = self._most

    def apply(self, db: sqlite3.Connection) -> None:
        db.execute(f"PRAGMA busy_timeout = {self.milliseconds}")


def move(path: Path, target: Path) -> None:
    """Rename a closed database and its log. Raises OSError."""
    for ending in _BESIDE:
        source = path.with_name(path.name + ending)
        if source.exists():
            os.replace(source, target.with_name(target.name + ending))


def remove(path: Path) -> None:
    """Delete a closed database and its log. Raises OSError."""
    for ending in _BESIDE:
        path.with_name(path.name + ending).unlink(missing_ok=True)


def clean(text: str) -> str:
    """Half of a surrogate pair, which a broken paste may hold, cannot be stored as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")
