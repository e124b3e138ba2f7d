"""The trash: out of sight, brought back, emptied by itself, and then overwritten."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.recover import recover
from autogpt_desktop.storage.conversations.schema import VERSION
from autogpt_desktop.storage.conversations.store import History

DAY = 86_400


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.db"


def fill(history: History) -> tuple[int, int]:
    keep, one = history.create("keep"), history.create("about a pangolin")
    history.add_message(keep, None, "user", "ordinary words")
    history.add_message(one, None, "user", "the pangolin password")
    return keep, one


def test_what_is_in_the_trash_is_neither_listed_nor_found(path: Path) -> None:
    with closing(History(path)) as history:
        keep, one = fill(history)
        history.trash(one)
        assert [item.id for item in history.conversations()] == [keep]
        assert history.conversations("pangolin") == []
        assert not history.has(one)
        with pytest.raises(KnownError, match="conversation-missing"):
            history.get(one)
        with pytest.raises(KnownError, match="conversation-missing"):
            history.add_message(one, None, "user", "more")
        assert "pangolin" not in history.export_all()
        ((item, since),) = history.trashed()
        assert (item.id, item.title) == (one, "about a pangolin")
        assert since > 0
        assert history.purge_deleted() == 0
    with closing(History(path)) as history:  # it outlives a restart, and a purge
        assert [item.id for item, _since in history.trashed()] == [one]
        assert history.restore(one)
        assert not history.restore(one)
        assert len(history.conversations()) == 2
        assert [message.text for message in history.path(one)] == ["the pangolin password"]
        assert history.trashed() == []


def test_after_thirty_days_it_is_emptied_and_overwritten(path: Path) -> None:
    with closing(History(path)) as history:
        keep, one = fill(history)
        history.trash(one)
        history.trash(keep)
        assert history.expire_trash() == 0
        history.db.execute("UPDATE trash SET since = since - ? WHERE conversation_id = ?", (31 * DAY, one))
        assert history.expire_trash() == 1
        assert [item.id for item, _since in history.trashed()] == [keep]
        assert history.purge_deleted() == 1
        assert history.rows("SELECT conversation_id FROM trash") == [(keep,)]
        history.close()
    assert b"pangolin" not in b"".join(file.read_bytes() for file in path.parent.glob("history*"))


def test_deleting_for_ever_can_be_undone_until_it_is_purged(path: Path) -> None:
    with closing(History(path)) as history:
        _keep, one = fill(history)
        history.trash(one)
        undo = history.delete(one)
        assert history.trashed() == []
        assert history.undo(undo)
        assert len(history.trashed()) == 1
        history.delete(one)
        assert history.purge_deleted() == 1
        assert history.rows("SELECT * FROM trash") == []


def test_a_database_without_a_trash_gets_one_and_keeps_its_version(path: Path) -> None:
    with closing(History(path)) as history:
        fill(history)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE trash")
        db.commit()
    with closing(History(path)) as history:
        assert history.trashed() == []
        assert len(history.conversations()) == 2
        assert history.rows("PRAGMA user_version") == [(VERSION,)]


def test_what_is_recovered_of_a_damaged_history_stays_in_the_trash(path: Path, tmp_path: Path) -> None:
    with closing(History(path)) as history:
        keep, one = fill(history)
        history.trash(one)
    with closing(History(tmp_path / "new.db")) as history:
        assert recover(path, history) == 2
        assert [item.id for item in history.conversations()] == [keep]
        assert [item.id for item, _since in history.trashed()] == [one]
