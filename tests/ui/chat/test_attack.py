"""A user who does everything at once while answers are written, in many conversations."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.ui.chat.panel import ChatPanel
from tests.ui.chat.kit import Script, ask, shown, wait_quiet

pytestmark = pytest.mark.slow


def fill(panel: ChatPanel, count: int) -> None:
    history = panel.context.history
    with history.write():
        for number in range(count):
            one = history.create(f"talk {number} about mills")
            first = history.add_message(one, None, "user", f"question {number}")
            history.add_message(one, first, "assistant", f"answer {number} with a **mill**")
    panel.list.reload()


@pytest.mark.parametrize("seed", range(2))
def test_everything_at_once(panel: ChatPanel, script: Script, qtbot: QtBot, seed: int) -> None:
    """Whatever is done, nothing raises, and what the window shows is what the history has."""
    rng = random.Random(seed)
    fill(panel, 8)
    script.pieces = [f"word{number} " for number in range(60)]
    history, conversation = panel.context.history, panel.conversation

    def messages() -> list[int]:
        return [item.id for item in conversation.messages]

    def any_message(*roles: str) -> int:
        found = [item.id for item in conversation.messages if item.role in roles]
        return rng.choice(found) if found else -1

    def act(name: str, *roles: str) -> None:
        if (number := any_message(*roles)) >= 0:
            panel.view.action.emit(name, number)

    def open_any() -> None:
        panel.open_conversation(rng.choice([0, *(item.id for item in history.conversations())]))

    def delete_any() -> None:
        if items := history.conversations():
            panel.list_actions.delete(rng.choice(items).id)

    def undo_any() -> None:
        if undos := [toast.undo for toast in panel.context.toasts if toast.undo]:  # type: ignore[attr-defined]
            rng.choice(undos[-4:])()

    def send() -> None:
        panel.composer.set_text(f"message {rng.randrange(1000)}")
        panel.send()

    def search() -> None:
        panel.list.search.setText(rng.choice(["mill", "word1", "", "question 3"]))
        panel.list.history.search_now()

    actions = [
        send, send, open_any, delete_any, undo_any, search,
        panel.toggle_temporary, panel.new_conversation, conversation.stop, panel.find_bar.open,
        panel.composing.edit_last, panel.composing.cancel_editing, panel.message_actions.regenerate_last,
        panel.purge.begin, panel.list_actions.open_next, panel.list_actions.open_previous,
        lambda: act("edit", "user"), lambda: act("previous", "user", "assistant"),
        lambda: act("next", "user", "assistant"), lambda: act("regenerate", "assistant"),
        lambda: act("delete", "user", "assistant"), lambda: act("continue", "assistant"),
        lambda: panel.context.set_zoom(rng.choice([0.8, 1.0, 1.5])),
        lambda: panel.resize(rng.choice([480, 900, 1400]), rng.choice([400, 700])),
    ]  # fmt: skip
    for _ in range(150):
        rng.choice(actions)()
        for _ in range(rng.randrange(4)):
            QApplication.processEvents()
    wait_quiet(panel, qtbot)
    if panel.find_bar.isVisible():
        panel.find_bar.close_bar()
    if conversation.id:
        stored = [(item.role, item.text) for item in conversation.history.path(conversation.id)]
        assert shown(panel) == stored
    assert all(item.state != "streaming" for item in conversation.messages)
    assert messages() == [item.message.id for item in panel.view.column.items] or not messages()
    assert history.rows("SELECT count(*) FROM messages WHERE state = 'streaming'") == [(0,)]
    assert history.rows("PRAGMA foreign_key_check") == []
    panel.context.set_zoom(1.0)


def test_two_hundred_conversations(panel: ChatPanel, qtbot: QtBot) -> None:
    fill(panel, 450)  # more than a page of the list
    listed = panel.list
    for _ in range(4):
        listed.view.scrollToBottom()
        QApplication.processEvents()
    assert len(listed.model.items()) == 450
    place = listed.view.verticalScrollBar().value()
    last = listed.model.items()[-1].value.id
    listed.view.setCurrentIndex(listed.model.index(listed.model.row_of(last)))
    listed.view.setFocus()
    for count in range(3):
        QTest.keyClick(listed.view, Qt.Key.Key_Delete)
        assert len(listed.model.items()) == 449 - count
        assert listed.view.hasFocus()
    assert listed.view.verticalScrollBar().value() >= place - 200  # it does not jump
    for toast in panel.context.toasts[-3:]:  # type: ignore[attr-defined]
        toast.undo()
    assert len(panel.context.history.conversations()) == 450
    listed.search.setText("mills 44")
    listed.history.search_now()
    assert 0 < len(listed.model.items()) < 60
    QTest.keyClick(listed.search, Qt.Key.Key_Return)
    assert panel.conversation.id == listed.model.items()[0].value.id


def compose(panel: ChatPanel, preedit: str, commit: str = "") -> None:
    event = QInputMethodEvent(preedit, [])
    if commit:
        event.setCommitString(commit)
    QApplication.sendEvent(panel.composer.edit, event)


def test_an_input_method_is_not_disturbed(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    """Enter, arrows and Send while letters are being composed: nothing is sent by halves."""
    ask(panel, qtbot, "first")
    edit = panel.composer.edit
    edit.setFocus()
    compose(panel, "ni")
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Up, Qt.Key.Key_Enter):
        QTest.keyClick(edit, key)
    assert (len(script.asked), panel.conversation.editing) == (1, None)
    compose(panel, "", "你")
    compose(panel, "hao")
    panel.composer._debounce.timeout.emit()  # the draft is saved meanwhile
    assert edit.textCursor().block().layout().preeditAreaText() == "hao"
    compose(panel, "", "好")
    assert panel.composer.text() == "你好"
    QTest.keyClick(edit, Qt.Key.Key_Return)
    wait_quiet(panel, qtbot)
    assert shown(panel)[2] == ("user", "你好")


def test_an_answer_goes_on_beside_what_is_composed(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pause_at = 1
    panel.composer.set_text("first")
    panel.send()
    qtbot.waitUntil(lambda: bool(panel.generation.running[0].text), timeout=20_000)
    panel.composer.edit.setFocus()
    compose(panel, "zhong")
    script.go.set()
    wait_quiet(panel, qtbot)
    layout = panel.composer.edit.textCursor().block().layout()
    assert layout.preeditAreaText() == "zhong"
    compose(panel, "", "中")
    assert panel.composer.text() == "中"


def test_quit_in_the_middle_and_start_again(
    panel: ChatPanel, script: Script, qtbot: QtBot, tmp_path: Path
) -> None:
    """Two answers are under way, a draft and an edit are open: all is there again."""
    script.pause_at = 2
    for text in ("one", "two"):
        panel.new_conversation()
        panel.composer.set_text(text)
        panel.send()
    qtbot.waitUntil(lambda: panel.generation.running[0].text == "Paris is", timeout=20_000)
    QTest.keyClicks(panel.composer.edit, "a draft")
    for finish in panel.context.before_close:
        finish()
    assert panel.context.worker.stop(20_000)
    panel.shutdown()
    again = History(panel.context.history.file)
    titles = {item.title: item.id for item in again.conversations()}
    texts = {title: [m.text for m in again.path(number)] for title, number in titles.items()}
    assert texts["one"] == ["one", "Paris is"]
    states = [m.state for number in titles.values() for m in again.path(number) if m.role == "assistant"]
    assert states == ["interrupted", "interrupted"]
    assert again.draft(titles["two"]) == "a draft"
    again.close()
