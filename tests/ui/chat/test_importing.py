"""Files of conversations come in while the window is used: whole, or nothing of them."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QTimer
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.ui.chat.panel import ChatPanel
from tests.ui.chat.kit import Script, ask, shown

pytestmark = pytest.mark.slow  # each starts a child process


def message(text: str, parent: int | None, **more: object) -> dict[str, Any]:
    role = "user" if parent is None or parent % 2 else "assistant"
    return {"parent": parent, "role": role, "text": text, "created": 1.0} | more


def conversation(title: str, count: int, **more: object) -> dict[str, Any]:
    messages = [message(f"text {place} of {title}", place - 1 if place else None) for place in range(count)]
    return {"title": title, "created": 1.0, "updated": 1.0, "messages": messages} | more


def write(path: Path, *conversations: dict[str, Any]) -> Path:
    document = {"format": "autogpt-desktop-conversations", "version": 1, "conversations": conversations}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def titles(panel: ChatPanel) -> list[str]:
    return sorted(item.title for item in panel.context.history.conversations())


def read(panel: ChatPanel, qtbot: QtBot, path: Path) -> None:
    with qtbot.waitSignal(panel.files.importing.ended, timeout=60_000):
        panel.files.read(path)


def test_all_of_a_file_comes(panel: ChatPanel, qtbot: QtBot, tmp_path: Path) -> None:
    branches = conversation("branches", 3)
    branches["messages"] += [message("another answer", 0), message("to that", 3)]
    branches["messages"][0]["active_child"] = 1
    branches["active_child"] = 0
    long = conversation("long", 230, draft="half a thought", pinned=True)
    read(panel, qtbot, write(tmp_path / "all.json", long, branches))
    assert titles(panel) == ["branches", "long"]
    assert panel.conversation.title == "long"
    assert [text for _, text in shown(panel)] == [one["text"] for one in long["messages"]]
    assert panel.composer.text() == "half a thought"
    panel.open_conversation(panel.list.neighbor(panel.conversation.id, 1))
    assert [text for _, text in shown(panel)] == [f"text {n} of branches" for n in range(3)]
    assert len(panel.context.history.conversations("text 229 of long")) == 1
    assert panel.list.import_row.isHidden()


def test_the_window_lives_while_a_large_file_comes(panel: ChatPanel, qtbot: QtBot, tmp_path: Path) -> None:
    """Whatever the file has, some messages are added at a time, and other events come in between."""
    path = write(tmp_path / "many.json", *(conversation(f"number {number}", 400) for number in range(10)))
    done, beats = [0], []
    panel.files.importing.advanced.connect(lambda progress: done.append(progress.done))
    timer = QTimer()
    timer.timeout.connect(lambda: beats.append(done[-1]))
    timer.start(0)
    read(panel, qtbot, path)
    timer.stop()
    assert len(titles(panel)) == 10
    assert max(after - before for before, after in itertools.pairwise(done)) <= 51
    assert len(set(beats)) > 5
    assert panel.list.import_row.bar.maximum() == 1000  # it said how far it was


@pytest.mark.parametrize("how", ["cancel", "close", "crash"])
def test_what_does_not_come_whole_leaves_nothing(
    panel: ChatPanel, qtbot: QtBot, tmp_path: Path, how: str
) -> None:
    ask(panel, qtbot, "mine")
    path = write(tmp_path / "many.json", *(conversation(f"number {n}", 120) for n in range(40)))
    history = panel.context.history
    panel.files.read(path)
    qtbot.waitUntil(lambda: len(history.rows("SELECT 1 FROM conversations")) > 3, timeout=60_000)
    assert titles(panel) == ["mine"]
    assert history.conversations("text 5 of number") == []
    if how == "crash":
        copy = History(history.file)
        assert [item.title for item in copy.conversations()] == ["mine"]
        copy.close()
        panel.files.importing.cancel()
    elif how == "close":
        assert panel.context.worker.stop(20_000)
    else:
        panel.list.import_row.cancel_button.click()
    qtbot.waitUntil(lambda: not panel.files.importing.running, timeout=60_000)
    assert panel.list.import_row.isHidden()
    history.purge_deleted()
    assert titles(panel) == ["mine"]
    assert len(history.rows("SELECT 1 FROM messages")) == 2


def test_a_disk_that_fills_up_meanwhile(panel: ChatPanel, qtbot: QtBot, tmp_path: Path) -> None:
    ask(panel, qtbot, "mine")
    history = panel.context.history
    pages = history.rows("PRAGMA page_count")[0][0]
    history.rows(f"PRAGMA max_page_count = {pages + 20}")
    read(panel, qtbot, write(tmp_path / "many.json", *(conversation(f"number {n}", 120) for n in range(40))))
    assert panel.context.toasts[-1].error  # type: ignore[attr-defined]
    history.rows("PRAGMA max_page_count = 1000000")
    history.purge_deleted()
    assert len(history.rows("SELECT 1 FROM messages")) == 2


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"title": "x" * 100_000}, "import-damaged"),
        ({"model": "x" * 100_000}, "import-damaged"),
        ({"messages": [message("x", None, attachments=[{"name": "a", "text": "b"}] * 1000)]}, "damaged"),
        ({"messages": [message("x", None, attachments=[{"name": "a" * 9999, "text": "b"}])]}, "damaged"),
        ({"messages": [message("x", 1)]}, "import-damaged"),
        ({"created": "yesterday"}, "import-damaged"),
    ],
)
def test_what_would_break_the_window_is_refused_whole(
    panel: ChatPanel, qtbot: QtBot, tmp_path: Path, change: dict[str, Any], key: str
) -> None:
    read(panel, qtbot, write(tmp_path / "x.json", conversation("good", 2), conversation("bad", 2) | change))
    (told,) = panel.context.toasts  # type: ignore[attr-defined]
    assert (told.error, "damaged" in told.text) == (True, "damaged" in key)
    assert panel.context.history.rows("SELECT 1 FROM conversations") == []


def test_files_that_are_none_of_ours(panel: ChatPanel, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "image.json").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
    (tmp_path / "half.json").write_text('{"format": "autogpt-desktop-conversations", "ver', encoding="utf-8")
    (tmp_path / "empty.json").write_bytes(b"")
    (tmp_path / "folder.json").mkdir()
    os.symlink(tmp_path / "nowhere", tmp_path / "link.json")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.json")
    for path in sorted(tmp_path.glob("*.json")):
        panel.context.toasts.clear()  # type: ignore[attr-defined]
        read(panel, qtbot, path)
        (told,) = panel.context.toasts  # type: ignore[attr-defined]
        assert told.error, path
        assert titles(panel) == []
    read(panel, qtbot, write(tmp_path / "good.json", conversation("good", 2)))  # and the next one comes
    assert titles(panel) == ["good"]


def test_who_works_on_is_not_led_away(panel: ChatPanel, script: Script, qtbot: QtBot, tmp_path: Path) -> None:
    ask(panel, qtbot, "mine")
    path = write(tmp_path / "x.json", conversation("theirs", 2))
    QTest.keyClicks(panel.composer.edit, "something else")
    panel.composer.flush()
    read(panel, qtbot, path)
    assert panel.conversation.title == "mine"
    told = panel.context.toasts[-1]  # type: ignore[attr-defined]
    assert (told.text, told.action_text) == ("1 conversation imported", "Open")
    told.undo()
    assert panel.conversation.title == "theirs"
    panel.new_conversation()
    panel.toggle_temporary()
    ask(panel, qtbot, "secret")
    read(panel, qtbot, path)
    assert panel.conversation.temporary is not None
    assert shown(panel)[0][1] == "secret"


def test_two_files_come_one_after_the_other(panel: ChatPanel, qtbot: QtBot, tmp_path: Path) -> None:
    for name in ("one", "two"):
        panel.files.read(write(tmp_path / f"{name}.json", conversation(name, 2)))
    qtbot.waitUntil(lambda: titles(panel) == ["one", "two"], timeout=60_000)


def test_a_draft_that_looks_like_ours_and_is_not(panel: ChatPanel, qtbot: QtBot, tmp_path: Path) -> None:
    for draft in (
        '{"autogpt-desktop-draft": ',
        '{"autogpt-desktop-draft": 5, "attachments": []}',
        '{"autogpt-desktop-draft": "x", "attachments": 7}',
        '{"autogpt-desktop-draft": "x", "attachments": [1]}',
    ):
        read(panel, qtbot, write(tmp_path / "x.json", conversation("x", 2, draft=draft)))
        assert panel.composer.text() == draft
        panel.new_conversation()
