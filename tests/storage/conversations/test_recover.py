"""A damaged history: the window opens, the file is set aside, what can be read is there."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from autogpt_desktop import app, paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.store import History

CHATS, MESSAGES = 12, 20


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("sound") / "history.db"
    history = History(file)
    for number in range(CHATS):
        one = history.create(f"Chat {number} café")
        parent = None
        for turn in range(MESSAGES):
            role = "user" if turn % 2 == 0 else "assistant"
            parent = history.add_message(one, parent, role, f"Message {number}.{turn} über 中文 " * 8)
    history.set_draft(None, "a draft")
    history.close()
    return file


def open_damaged(sound: Path, content: bytes) -> tuple[History, KnownError | None, Path]:
    file = paths.data_dir() / "history.db"
    file.write_bytes(content)
    history, problem = app.open_history()
    return history, problem, file


def texts(history: History) -> list[str]:
    return [message.text for chat in history.conversations() for message in history.path(chat.id)]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (16, b"\x00\x03"),  # the size of a page
        (18, b"\x09"),  # "unsupported file format"
        (19, b"\x09"),
        (0, b"xQLite"),
        (44, b"\x00\x00\x00\x77"),  # the format of the schema: the same words
        (56, b"\x00\x00\x00\x02"),  # UTF-16, which it is not
    ],
)
def test_a_damaged_header_costs_nothing(isolated_home: Path, sound: Path, at: int, value: bytes) -> None:
    content = bytearray(sound.read_bytes())
    content[at : at + len(value)] = value
    history, problem, file = open_damaged(sound, bytes(content))
    if problem is None:  # SQLite does not mind
        assert len(texts(history)) == CHATS * MESSAGES
    else:
        assert problem.key == "history-recovered"
        assert problem.values["n"] == CHATS * MESSAGES
        assert len(texts(history)) == CHATS * MESSAGES
        assert history.draft(None) == "a draft"
        assert history.conversations("über")  # the search index is there
        kept = Path(str(problem.values["path"]))
        assert kept.parent == file.parent
        assert kept.read_bytes() == bytes(content)
        assert sorted(path.name for path in file.parent.glob("*.recover*")) == []
    assert history.lasting
    history.close()
    history, problem = app.open_history()
    assert problem is None
    assert len(texts(history)) == CHATS * MESSAGES
    history.close()


def test_a_broken_letter_in_the_schema(isolated_home: Path, sound: Path) -> None:
    content = bytearray(sound.read_bytes())
    place = content.index(b"messages_conversation")
    content[place] = 0xC0
    history, problem, _ = open_damaged(sound, bytes(content))
    assert problem is not None
    assert problem.key == "history-recovered"
    assert len(texts(history)) == CHATS * MESSAGES
    history.close()


def test_a_page_of_messages_is_lost_the_others_are_not(isolated_home: Path, sound: Path) -> None:
    content = bytearray(sound.read_bytes())
    place = content.index("Message 5.10 über".encode()) // 4096 * 4096
    content[place : place + 4096] = b"\x5a" * 4096
    file = paths.data_dir() / "history.db"
    file.write_bytes(content)
    from autogpt_desktop.storage.conversations.recover import start_anew

    history, problem = start_anew(file)
    assert problem.values["n"] > 0.8 * CHATS * MESSAGES
    history.close()


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_damaged_the_window_has_a_history(isolated_home: Path, sound: Path, seed: int) -> None:
    chance = random.Random(seed)
    content = bytearray(sound.read_bytes())
    for _ in range(chance.choice((1, 4, 40))):
        limit = chance.choice((100, 4096, len(content)))
        at = chance.randrange(limit)
        length = chance.choice((1, 2, 16, 300))
        content[at : at + length] = chance.randbytes(length)
    content = content[: sound.stat().st_size]
    history, problem, _ = open_damaged(sound, bytes(content))
    assert problem is None or isinstance(problem, KnownError)
    for chat in history.conversations():
        try:
            history.path(chat.id)
        except KnownError as error:  # damage that opening did not meet
            assert error.key == "history-corrupt"
    history.close()


def test_a_newer_history_is_left_alone(isolated_home: Path, sound: Path) -> None:
    content = bytearray(sound.read_bytes())
    content[60:64] = (99).to_bytes(4, "big")
    history, problem, file = open_damaged(sound, bytes(content))
    assert problem is not None
    assert problem.key == "history-newer"
    assert not history.lasting
    assert file.read_bytes() == bytes(content)
    history.close()
    shutil.rmtree(file.parent)
