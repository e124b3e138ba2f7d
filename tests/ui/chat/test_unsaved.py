"""Another program holds the history, or its disk is full, while the window is used: nothing is lost."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from autogpt_desktop import settings
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.ui.chat.panel import ChatPanel
from tests.ui.chat.kit import Script, ask, shown, wait_quiet

pytestmark = pytest.mark.slow  # they wait for the next try, a second


@contextmanager
def locked(panel: ChatPanel) -> Iterator[None]:
    with closing(sqlite3.connect(panel.context.history.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


@contextmanager
def full(panel: ChatPanel) -> Iterator[None]:
    """As SQLite says it of a disk without room."""
    history = panel.context.history
    pages = history.rows("PRAGMA page_count")[0][0]
    history.rows(f"PRAGMA max_page_count = {pages}")
    yield
    history.rows("PRAGMA max_page_count = 1000000")


def told(panel: ChatPanel) -> list[str]:
    return [toast.text for toast in panel.context.toasts if toast.error]  # type: ignore[attr-defined]


def stored(panel: ChatPanel, conversation_id: int) -> list[tuple[str, str, str]]:
    with closing(History(panel.context.history.file)) as history:
        return [(one.role, one.text, one.state) for one in history.path(conversation_id)]


LONG = "word " * 40_000  # needs pages of its own


@pytest.mark.parametrize("trouble", [locked, full])
def test_an_answer_that_ends_meanwhile_is_kept(
    panel: ChatPanel, script: Script, qtbot: QtBot, trouble: Callable[[ChatPanel], object]
) -> None:
    script.pieces, script.pause_at = ["Paris", LONG, "end."], 1
    panel.composer.set_text("What is the capital of France?")
    panel.send()
    qtbot.waitUntil(lambda: bool(panel.generation.running[0].text), timeout=20_000)
    with trouble(panel):  # type: ignore[attr-defined]
        script.go.set()
        wait_quiet(panel, qtbot)
        assert shown(panel)[-1] == ("assistant", f"Paris{LONG}end.")
        number = panel.conversation.id
        panel.new_conversation()
        panel.open_conversation(number)
        assert shown(panel)[-1] == ("assistant", f"Paris{LONG}end.")
        assert panel.conversation.messages[-1].state == "complete"
        assert len(told(panel)) == 1
    qtbot.waitUntil(lambda: stored(panel, number)[-1][2] == "complete", timeout=20_000)
    assert stored(panel, number)[-1][1] == f"Paris{LONG}end."
    qtbot.waitUntil(
        lambda: panel.context.toasts[-1].text == "Everything is saved again.",  # type: ignore[attr-defined]
        timeout=20_000,
    )


def test_what_is_typed_meanwhile_is_kept_in_every_conversation(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "one")
    first = panel.conversation.id
    panel.new_conversation()
    ask(panel, qtbot, "two")
    second = panel.conversation.id
    with locked(panel):
        QTest.keyClicks(panel.composer.edit, "about two")
        panel.open_conversation(first)
        QTest.keyClicks(panel.composer.edit, "about one")
        panel.composing.edit_last()
        QTest.keyClicks(panel.composer.edit, " or three")
        panel.open_conversation(second)
        assert panel.composer.text() == "about two"
        assert len(told(panel)) == 1
    qtbot.waitUntil(lambda: panel.generation.unsaved.try_again() is None, timeout=20_000)
    with closing(History(panel.context.history.file)) as history:
        assert (history.draft(first), history.draft(second)) == ("about one", "about two")
    panel.open_conversation(first)
    assert panel.composer.text() == "about one"
    panel.composing.edit_last()
    assert panel.composer.text() == "one or three"


def test_a_message_is_sent_whole_or_not_at_all(
    panel: ChatPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = panel.context.history
    for name in ("create", "add_message", "set_draft"):
        panel.composer.set_text("Where is the mill?")
        original = getattr(history, name)

        def refuse(*_given: object, **_more: object) -> None:
            raise sqlite3.OperationalError("database or disk is full")

        monkeypatch.setattr(history, name, refuse)
        with pytest.raises(sqlite3.OperationalError):
            panel.send()
        monkeypatch.setattr(history, name, original)
        assert panel.composer.text() == "Where is the mill?"
        assert (panel.conversation.id, history.conversations(), shown(panel)) == (0, [], [])
    with locked(panel):
        panel.send()
        assert "Another program is using" in panel.composer.notice.text()
        assert panel.composer.text() == "Where is the mill?"
    panel.send()
    wait_quiet(panel, qtbot)
    assert [text for _role, text in shown(panel)] == ["Where is the mill?", "Paris is the capital."]
    assert (panel.composer.text(), panel.composer.notice.isHidden()) == ("", True)


def test_a_lock_is_waited_for_once(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "one")
    with locked(panel):
        panel.composer.set_text("first")
        panel.composing.save_draft()
        began = time.monotonic()
        for number in range(20):
            panel.composer.set_text(f"text {number}")
            panel.composing.save_draft()
        assert time.monotonic() - began < 20 * 0.2  # each would wait a quarter of a second


def test_the_window_closes_when_all_is_saved(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    ask(panel, qtbot, "one")
    number = panel.conversation.id
    other = sqlite3.connect(panel.context.history.file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    QTest.keyClicks(panel.composer.edit, "half a thought")
    tries: list[float] = []
    history, original = panel.context.history, panel.context.history.set_draft

    def set_draft(*given: object) -> None:
        tries.append(time.monotonic())
        if len(tries) == 4:
            other.execute("ROLLBACK")
        original(*given)  # type: ignore[arg-type]

    history.set_draft = set_draft  # type: ignore[method-assign, assignment]
    panel.shutdown()
    other.close()
    assert history.draft(number) == "half a thought"


def test_an_edit_that_is_open_when_the_window_closes_is_there_again(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "one")
    QTest.keyClicks(panel.composer.edit, "a draft")
    panel.composing.edit_last()
    QTest.keyClicks(panel.composer.edit, " and two")
    panel.shutdown()
    later = ChatPanel(panel.context, panel.generation.generate)
    qtbot.addWidget(later)
    assert later.composer.text() == "a draft"
    later.composing.edit_last()
    assert later.composer.text() == "one and two"
    later.send()
    wait_quiet(later, qtbot)
    assert later.composer.text() == "a draft"
    assert shown(later)[0] == ("user", "one and two")
    history = panel.context.history
    history.delete(later.conversation.id)
    history.purge_deleted()
    assert history.rows("SELECT * FROM drafts") == []
    later.shutdown()


def test_settings_that_cannot_be_saved_are_said_once(
    panel: ChatPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window remembers which conversation is open; who only turns pages is not told with each of them."""
    for text in ("one", "two", "three"):
        panel.new_conversation()
        ask(panel, qtbot, text)

    def refuse(*_given: object, **_more: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(settings.atomic, "write_text", refuse)
        for _ in range(4):
            panel.list_actions.open_next()
            panel.new_conversation()
        assert len(told(panel)) == 1
        panel.context.set_zoom(1.5)  # what the user changes is said
        assert len(told(panel)) == 2
    panel.context.set_zoom(1.0)
    assert panel.context.settings.load(panel.context.settings.path).zoom == 1.0
