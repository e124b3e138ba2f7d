"""Widgets come and go while an answer is written to one of them: in the whole window, as people have it."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtWidgets import QPushButton, QTextEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.attachments import Attachment
from autogpt_desktop.ui.chat.draft import Draft
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.widgets.focus import tab_chain
from tests.ui.chat.kit import Script, body, wait_quiet

pytestmark = pytest.mark.slow  # together they take seconds

NOTE = Attachment("note.txt", "Buy milk.")


@pytest.fixture
def chat_window(chat_context: AppContext, script: Script, qtbot: QtBot) -> Iterator[MainWindow]:
    """Shown by ``start``, so that a test can first write what an earlier run has left."""

    def make(context: AppContext) -> QWidget:
        return ChatPanel(context, script)

    script.pieces = ["Hello ", "**there** ", "and\n\n", "- good\n", "- bye\n"]
    window = MainWindow(chat_context, make)
    qtbot.addWidget(window)
    window.resize(1100, 760)
    yield window
    script.go.set()
    window.close()
    assert window.downloads.stop(10_000)


def start(window: MainWindow, qtbot: QtBot) -> ChatPanel:
    with qtbot.waitSignal(window.first_painted):
        window.show()
    qtbot.waitUntil(window.isActiveWindow)
    assert isinstance(window.chat, ChatPanel)
    return window.chat


def delete_now() -> None:
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    gc.collect()


def test_an_attachment_of_a_draft_leaves_and_the_answer_is_still_written(
    chat_window: MainWindow, script: Script, qtbot: QtBot
) -> None:
    panel = start(chat_window, qtbot)
    panel.composer.show_draft(Draft("hello", (NOTE,)))
    chat_window._order_tabs()  # as at the start, where the draft is there already
    script.pause_at = 1
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: body(panel) != "", timeout=30_000)
    delete_now()
    script.go.set()
    wait_quiet(panel, qtbot)
    assert body(panel).startswith("Hello there and")


def test_a_message_with_an_attachment_is_recycled(
    chat_window: MainWindow, script: Script, qtbot: QtBot
) -> None:
    panel, history = start(chat_window, qtbot), chat_window.context.history
    number = history.create("With a note")
    question = history.add_message(number, None, "user", "What?", attachments=[NOTE.as_dict()])
    history.add_message(number, question, "assistant", "Milk.")
    panel.open_conversation(number)
    qtbot.waitUntil(lambda: body(panel) == "Milk.")
    chat_window._order_tabs()
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClicks(panel.composer.edit, "hi there")
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Return)
    delete_now()
    qtbot.waitUntil(lambda: bool(script.asked), timeout=30_000)
    wait_quiet(panel, qtbot)
    assert body(panel).startswith("Hello there and")


@pytest.mark.parametrize("what", ["theme", "zoom", "language", "find", "leave", "models", "chips"])
def test_what_happens_while_an_answer_is_written(
    chat_window: MainWindow, script: Script, qtbot: QtBot, what: str
) -> None:
    panel, context = start(chat_window, qtbot), chat_window.context
    panel.composer.show_draft(Draft("hello", (NOTE,)))
    chat_window._order_tabs()
    script.pause_at = 2
    panel.send()
    qtbot.waitUntil(lambda: body(panel) != "", timeout=30_000)
    number = panel.conversation.id
    if what == "theme":
        context.set_theme("dark")
    elif what == "zoom":
        context.step_zoom(1)
    elif what == "language":
        context.set_language("zh_CN")
    elif what == "find":
        panel.find_bar.open()
        panel.find_bar.field.setText("there")
    elif what == "leave":
        panel.new_conversation()
        delete_now()
        panel.open_conversation(number)
    elif what == "models":
        chat_window.show_models()
        qtbot.keyClick(chat_window.focusWidget(), Qt.Key.Key_Tab)
        chat_window.show_models()
    else:
        panel.composer.set_attachments([NOTE, NOTE])
        chat_window._order_tabs()
        panel.composer.set_attachments([])
    delete_now()
    script.go.set()
    wait_quiet(panel, qtbot)
    assert body(panel).startswith("Hello there and")


def test_the_tab_order_is_read_without_making_anybody_a_child(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    column = QVBoxLayout(window)
    button, text = QPushButton("Gone soon"), QTextEdit()
    column.addWidget(button)
    column.addWidget(text)
    document = text.document()
    chain = tab_chain(window)
    assert chain[:2] == [button, text]
    assert window not in chain
    button.deleteLater()
    del button, chain
    delete_now()
    assert shiboken6.isValid(document)
    assert shiboken6.isValid(column)
    assert document is text.document()


def test_nobody_else_reads_the_tab_order() -> None:
    ours = Path(__file__).parents[3] / "autogpt_desktop"
    asking = [path.name for path in ours.rglob("*.py") if "InFocusChain" in path.read_text(encoding="utf-8")]
    assert asking == ["focus.py"]
