"""What SQLite and the system report becomes the known errors of whoever asks."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autogpt_desktop import database
from autogpt_desktop.documents.index import schema as index
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations import schema as history

KEYS = database.ErrorKeys("locked", "readonly", "damaged", "io", "full")


def report(name: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(name)
    error.sqlite_errorcode = getattr(sqlite3, name)  # type: ignore[misc]
    return error


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("SQLITE_BUSY", "locked"),
        ("SQLITE_BUSY_SNAPSHOT", "locked"),
        ("SQLITE_LOCKED", "locked"),
        ("SQLITE_FULL", "full"),
        ("SQLITE_READONLY_DBMOVED", "readonly"),
        ("SQLITE_CANTOPEN", "readonly"),
        ("SQLITE_PERM", "readonly"),
        ("SQLITE_CORRUPT_VTAB", "damaged"),
        ("SQLITE_NOTADB", "damaged"),
        ("SQLITE_IOERR_READ", "io"),
    ],
)
def test_what_sqlite_reports(tmp_path: Path, name: str, key: str) -> None:
    with pytest.raises(KnownError) as caught, database.known_errors(tmp_path / "x.db", KEYS):
        raise report(name)
    assert caught.value.key == key
    assert caught.value.values == {"path": str(tmp_path / "x.db"), "folder": str(tmp_path)}


def test_an_io_error_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room = shutil.disk_usage(tmp_path)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: room)
    known = database.known_error(report("SQLITE_IOERR_SHMSIZE"), tmp_path / "x.db", KEYS)
    assert known is not None
    assert known.key == "full"


def test_what_the_system_reports(tmp_path: Path) -> None:
    for number, key in ((errno.ENOSPC, "full"), (errno.EACCES, "readonly"), (errno.EROFS, "readonly")):
        known = database.known_error(OSError(number, "no"), tmp_path / "x.db", KEYS)
        assert known is not None
        assert known.key == key


@pytest.mark.parametrize("error", [report("SQLITE_MISUSE"), sqlite3.ProgrammingError("closed"), ValueError()])
def test_bugs_stay_bugs(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(type(error)), database.known_errors(tmp_path / "x.db", KEYS):
        raise error


def test_each_kind_keeps_its_own_keys() -> None:
    assert (
        database.ErrorKeys("history-locked", "history-readonly", "history-corrupt", "history-io", "disk-full")
        == history.ERRORS
    )
    assert (
        database.ErrorKeys("index-locked", "index-readonly", "index-damaged", "index-readonly", "disk-full")
        == index.ERRORS
    )


def test_a_transaction_is_all_or_nothing() -> None:
    with closing(database.connect(database.MEMORY)) as db:
        db.execute("CREATE TABLE t (x)")
        with pytest.raises(KeyboardInterrupt), database.transaction(db):  # noqa: PT012  (the block is what fails)
            db.execute("INSERT INTO t VALUES (1)")
            raise KeyboardInterrupt
        assert not db.in_transaction
        assert not db.execute("SELECT * FROM t").fetchall()
        with database.transaction(db):
            db.execute("INSERT INTO t VALUES (2)")
        assert db.execute("SELECT * FROM t").fetchall() == [(2,)]


def test_a_database_moves_and_goes_with_its_log(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    db = database.connect(folder / "x.db")
    database.use_log(db)
    db.execute("CREATE TABLE t (x)")
    files = {path.name: path.read_bytes() for path in folder.iterdir()}  # as a kill leaves them
    db.close()
    for name, data in files.items():
        (folder / name).write_bytes(data)
    database.move(folder / "x.db", folder / "y.db")
    assert sorted(path.name for path in folder.iterdir()) == ["y.db", "y.db-shm", "y.db-wal"]
    with closing(database.connect(folder / "y.db")) as db:
        assert db.execute("SELECT * FROM t").fetchall() == []
    for name, data in files.items():
        (folder / name).write_bytes(data)
    database.remove(folder / "x.db")
    assert {path.name for path in folder.iterdir()} == {"y.db"}
