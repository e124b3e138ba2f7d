"""Esc closes what was opened last or stops what runs; what was typed stays, the focus is where one types."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.events import Progress
from autogpt_desktop.ui.chat import attaching
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.translate.review_view import ReviewItem, ReviewView
from autogpt_desktop.ui.widgets.focus import tab_chain
from autogpt_desktop.ui.widgets.overlay import Overlay
from tests.ui.chat.kit import Script, ask, wait_quiet
from tests.ui.test_focus import PANELS, assert_good_place

pytestmark = pytest.mark.slow  # together they take seconds

WRITES = (QLineEdit, QPlainTextEdit, QTextEdit)


def stops(part: QWidget) -> list[QWidget]:
    """Where the Tab key stops within ``part``."""
    return [
        each
        for each in tab_chain(part.window())
        if part.isAncestorOf(each)
        and each.isVisible()
        and each.isEnabled()
        and each.focusPolicy() & Qt.FocusPolicy.TabFocus
        and each.focusProxy() is None
    ]


def text_of(field: QWidget) -> str:
    return field.text() if isinstance(field, QLineEdit) else field.toPlainText()  # type: ignore[attr-defined]


def is_open_to_typing(field: QWidget) -> bool:
    inner = isinstance(field.parentWidget(), QAbstractSpinBox)
    return isinstance(field, WRITES) and not field.isReadOnly() and not inner


@pytest.mark.parametrize("key", PANELS)
def test_escape_in_every_place_of_a_panel(window: MainWindow, key: str, qtbot: QtBot) -> None:
    window.columns.show_panel(key)
    panel = window.columns.panel(key)
    places = stops(panel)
    assert len(places) >= 4
    for place in places:
        if not place.isVisible() or not place.isEnabled():
            continue
        place.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(place, Qt.Key.Key_Escape)
        now = QApplication.focusWidget()
        assert now is not None, place
        panel.focus_input()
        assert now is QApplication.focusWidget(), (place, place.accessibleName(), now)
        assert_good_place()


@pytest.mark.parametrize("key", PANELS)
def test_what_is_typed_in_a_panel_stays(window: MainWindow, key: str, qtbot: QtBot) -> None:
    window.columns.show_panel(key)
    panel = window.columns.panel(key)
    searches = ("search", "find")
    for field in filter(is_open_to_typing, stops(panel)):
        field.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClicks(field, "typed")
        typed = text_of(field)
        assert "typed" in typed
        QTest.keyClick(field, Qt.Key.Key_Escape)
        if not field.accessibleName().lower().startswith(searches):
            assert text_of(field) == typed, field.accessibleName()


def overlays(window: MainWindow) -> dict[str, object]:
    return {
        "models": window.show_models, "settings": window.show_settings,
        "shortcuts": window.show_shortcuts, "about": window.show_about,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["models", "settings", "shortcuts", "about"])
def test_escape_in_every_place_of_an_overlay(window: MainWindow, name: str, qtbot: QtBot) -> None:
    window.columns.show_panel("chat")
    window.columns.panel("chat").focus_input()
    before = QApplication.focusWidget()
    show = overlays(window)[name]
    show()  # type: ignore[operator]
    overlay = window.overlay(name)
    assert isinstance(overlay, Overlay)
    for place in stops(overlay):
        if not overlay.isVisible():
            show()  # type: ignore[operator]
        if not place.isVisible() or not place.isEnabled():
            continue
        place.setFocus(Qt.FocusReason.TabFocusReason)
        QTest.keyClick(place, Qt.Key.Key_Escape)
        assert not overlay.isVisible(), (place, place.accessibleName())
        assert QApplication.focusWidget() is before, (place, place.accessibleName())


# --- a chat with what can be open in it ---------------------------------------------------------------------


@pytest.fixture
def chat(panel: ChatPanel, script: Script, qtbot: QtBot) -> ChatPanel:
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow, timeout=20_000)
    ask(panel, qtbot, "Where is the mill?")
    panel.composer.edit.setFocus()
    return panel


def escape(qtbot: QtBot) -> None:
    now = QApplication.focusWidget()
    assert now is not None
    QTest.keyClick(now, Qt.Key.Key_Escape)


def test_an_edit_that_is_left_is_there_again(chat: ChatPanel, qtbot: QtBot) -> None:
    field = chat.composer.edit
    QTest.keyClicks(field, "a draft")
    chat.composing.edit_last()
    QTest.keyClicks(field, " And who built it?")
    escape(qtbot)
    assert chat.conversation.editing is None
    assert (field.text(), field.hasFocus()) == ("a draft", True)
    chat.composing.edit_last()
    assert field.text() == "Where is the mill? And who built it?"
    chat.new_conversation()  # leaves it too
    chat.open_conversation(chat.context.history.conversations()[0].id)
    chat.composing.edit_last()
    assert field.text() == "Where is the mill? And who built it?"
    chat.send()
    wait_quiet(chat, qtbot)
    chat.composing.edit_last()
    assert field.text() == "Where is the mill? And who built it?"


def test_escape_stops_the_answer_before_it_closes_anything(
    chat: ChatPanel, script: Script, qtbot: QtBot
) -> None:
    chat.views.toggle_drawer()
    script.pause_at = 1
    chat.composer.set_text("more")
    chat.send()
    qtbot.waitUntil(lambda: len(script.asked) > 1, timeout=20_000)
    chat.composer.edit.setFocus()
    QTest.keyClicks(chat.composer.edit, "typed meanwhile")
    escape(qtbot)
    wait_quiet(chat, qtbot)
    assert chat.drawer.isVisible()
    escape(qtbot)
    assert not chat.drawer.isVisible()
    assert (chat.composer.text(), chat.composer.edit.hasFocus()) == ("typed meanwhile", True)


def test_escape_in_the_settings_of_a_chat_keeps_what_was_typed(chat: ChatPanel, qtbot: QtBot) -> None:
    chat.views.toggle_drawer()
    chat.drawer.prompt.setFocus()
    QTest.keyClicks(chat.drawer.prompt, "Be brief.")
    escape(qtbot)
    assert not chat.drawer.isVisible()
    assert chat.composer.edit.hasFocus()
    chat.new_conversation()
    chat.open_conversation(chat.context.history.conversations()[0].id)
    assert chat.conversation.settings.system_prompt == "Be brief."


def test_escape_ends_the_reading_of_a_file(
    chat: ChatPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    go = Event()

    def read(_path: Path) -> Iterator[object]:
        while not go.wait(0.01):
            yield Progress("stage.loading")

    monkeypatch.setattr(attaching, "read_attached", read)
    paper = tmp_path / "paper.pdf"
    paper.write_bytes(b"%PDF-1.4")
    QTest.keyClicks(chat.composer.edit, "about it")
    chat.composer.attach_files([paper])
    assert chat.composer.reading_row.isVisible()
    escape(qtbot)
    go.set()
    assert not chat.composer.reading_row.isVisible()
    assert (chat.composer.text(), chat.composer.edit.hasFocus()) == ("about it", True)


def test_escape_in_the_list_of_conversations(chat: ChatPanel, qtbot: QtBot) -> None:
    listed = chat.list
    listed.search.setFocus()
    QTest.keyClicks(listed.search, "mill")
    escape(qtbot)
    assert (listed.search.text(), listed.search.hasFocus()) == ("", True)
    escape(qtbot)
    assert chat.composer.edit.hasFocus()
    listed.view.setCurrentIndex(listed.model.index(1))
    listed.view.setFocus()
    QTest.keyClick(listed.view, Qt.Key.Key_F2)
    editor = QApplication.focusWidget()
    assert isinstance(editor, QLineEdit)
    QTest.keyClicks(editor, "another name")
    escape(qtbot)
    qtbot.waitUntil(listed.view.hasFocus, timeout=20_000)
    assert chat.context.history.conversations()[0].title == "Where is the mill?"
    escape(qtbot)
    assert chat.composer.edit.hasFocus()


def test_escape_closes_what_finds_in_a_conversation(chat: ChatPanel, qtbot: QtBot) -> None:
    chat.find_bar.open()
    for place in (chat.find_bar.field, chat.composer.edit):
        chat.find_bar.open()
        place.setFocus()
        escape(qtbot)
        assert not chat.find_bar.isVisible()
        assert chat.composer.edit.hasFocus()


def test_a_correction_that_is_not_saved_is_there_again(chat_context: AppContext, qtbot: QtBot) -> None:
    view = ReviewView(chat_context)
    qtbot.addWidget(view)
    view.show()
    items = [ReviewItem(f"Source {n}.", f"Quelle {n}.", ("unsure",), number=n) for n in (1, 2)]
    view.show_items(items, "a.docx")
    view.edit.setFocus()
    QTest.keyClicks(view.edit, "Typed ")
    view.list.setCurrentRow(1)
    assert view.edit.text() == "Quelle 2."
    view.list.setCurrentRow(0)
    assert view.edit.text() == "Typed Quelle 1."
    with qtbot.waitSignal(view.closed):
        QTest.keyClick(view.edit, Qt.Key.Key_Escape)
    view.show_items([], "b.docx")
    view.show_items(items, "a.docx")
    assert view.edit.text() == "Typed Quelle 1."
    view.show_items([replace(items[0], text="Typed Quelle 1."), items[1]], "a.docx")  # it was saved
    view.show_items(items, "a.docx")
    assert view.edit.text() == "Quelle 1."
