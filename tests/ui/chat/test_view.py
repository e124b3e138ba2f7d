"""The virtualized conversation: few widgets, anchors that hold, finding, keyboard."""

from __future__ import annotations

import time

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QFontMetricsF, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.ui.chat.messages.link_popup import LinkPopup
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.widgets.reading_style import COLUMN, chat_style
from tests.ui.chat.kit import Script, ask, body, wait_quiet

LONG = "## Part\n\nSome **prose** with `code` in it, and more words that fill a line or two.\n\n- a\n- b\n\n"


def fill(history: History, count: int) -> int:
    """A conversation of ``count`` messages, every one a bit different."""
    number, parent = history.create("long"), None
    for n in range(count):
        role, text = (
            ("user", f"Question {n}?") if n % 2 == 0 else ("assistant", LONG * (n % 7 + 1) + f"End of {n}.")
        )
        parent = history.add_message(number, parent, role, text)
    return number


@pytest.fixture
def long_panel(panel: ChatPanel) -> ChatPanel:
    panel.open_conversation(fill(panel.conversation.history, 120))
    QApplication.processEvents()
    return panel


def top_of(panel: ChatPanel) -> tuple[int, int]:
    """The first message in sight and where it stands."""
    for item in panel.view.column.items:
        area = panel.view.visible_rect(item.message.id)
        if not area.isEmpty() and area.bottom() > 0:
            return item.message.id, area.top()
    raise AssertionError("nothing in sight")


@pytest.mark.slow
def test_three_thousand_messages_open_fast(panel: ChatPanel, qtbot: QtBot) -> None:
    panel.conversation.history.db.execute("PRAGMA synchronous = OFF")
    number = fill(panel.conversation.history, 3000)
    started = time.perf_counter()
    panel.open_conversation(number)
    QApplication.processEvents()
    assert time.perf_counter() - started < 5
    assert len(panel.view.column.items) == 3000
    assert len(panel.view.widgets) < 40
    bar = panel.view.verticalScrollBar()
    assert bar.value() == bar.maximum()
    assert body(panel).endswith("End of 2999.")
    slowest = 0.0
    for _ in range(60):
        started = time.perf_counter()
        bar.setValue(bar.value() - 120)
        QApplication.processEvents()
        slowest = max(slowest, time.perf_counter() - started)
    assert slowest < 1
    bar.setValue(0)
    assert body(panel, 0) == "Question 0?"
    assert len(panel.view.widgets) < 40


@pytest.mark.slow
def test_scrolling_moves_by_what_was_asked(long_panel: ChatPanel) -> None:
    bar = long_panel.view.verticalScrollBar()
    bar.setValue(bar.maximum() // 2)
    for _ in range(40):  # upwards, where heights are corrected above what is read
        before = top_of(long_panel)
        bar.setValue(bar.value() - 60)
        after = long_panel.view.visible_rect(before[0])
        assert abs(after.top() - (before[1] + 60)) <= 2


@pytest.mark.slow
def test_columns_are_readable(long_panel: ChatPanel) -> None:
    style = chat_style(long_panel.context)
    width = next(iter(long_panel.view.widgets.values())).body.width()
    sample = "the quick brown fox jumps over a lazy dog and reads a book at home now, "
    assert len(sample) == COLUMN
    assert width <= QFontMetricsF(style.font).horizontalAdvance(sample) * 1.08


@pytest.mark.slow
def test_view_follows_only_from_the_end(long_panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    panel, bar = long_panel, long_panel.view.verticalScrollBar()
    script.pieces = ["A line.\n\n"] * 60
    script.pause_at = 30
    panel.composer.set_text("go on")
    panel.send()
    answer = panel.conversation.answer
    qtbot.waitUntil(lambda: answer.text.count("\n\n") >= 30 and answer.shown == len(answer.text))
    assert bar.value() == bar.maximum()
    assert panel.view.jump.isHidden()
    bar.setValue(bar.value() - 900)
    place = top_of(panel)
    assert not panel.view.jump.isHidden()
    script.go.set()
    wait_quiet(panel, qtbot)
    assert top_of(panel) == place
    panel.view.jump.click()
    assert bar.value() == bar.maximum()
    assert panel.view.jump.isHidden()


@pytest.mark.slow
def test_zoom_keeps_the_place(long_panel: ChatPanel) -> None:
    panel, bar = long_panel, long_panel.view.verticalScrollBar()
    bar.setValue(bar.maximum() // 3)
    place, before = top_of(panel)[0], panel.view.chat_style.font.pixelSize()
    event = QWheelEvent(
        QPointF(200, 200), QPointF(200, 200), QPoint(), QPoint(0, 120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.ControlModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    panel.view.wheelEvent(event)
    assert panel.context.settings.zoom > 1
    assert panel.view.chat_style.font.pixelSize() > before
    assert top_of(panel)[0] == place


@pytest.mark.slow
def test_themes_and_languages_are_taken_on(long_panel: ChatPanel, qtbot: QtBot) -> None:
    context = long_panel.context
    context.set_theme("dark")
    context.set_language("zh_CN")
    widget = next(iter(long_panel.view.widgets.values()))
    assert widget.chat_style.dark
    assert widget.buttons["copy"].accessibleName() == "复制"
    assert long_panel.list.new_button.text() == "新对话"


@pytest.mark.slow
def test_finding_counts_what_is_not_in_sight(long_panel: ChatPanel, qtbot: QtBot) -> None:
    panel = long_panel
    qtbot.keyClick(panel.view, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    assert panel.find_bar.isVisible()
    qtbot.keyClicks(panel.find_bar.field, "question 1")
    qtbot.waitUntil(lambda: not panel.find_bar._timer.isActive() and bool(panel.find_bar.places))
    expected = sum("Question 1" in item.text for item in panel.conversation.messages)
    assert len(panel.find_bar.places) == expected
    for _ in range(expected):  # all the way round
        qtbot.keyClick(panel.find_bar.field, Qt.Key.Key_F3)
        number = panel.find_bar.places[panel.find_bar.at][0]
        area = panel.view.visible_rect(number)
        assert 0 <= area.top() < panel.view.viewport().height()
        marks = panel.view.widgets[number].body.extraSelections()
        assert [mark.cursor.selectedText() for mark in marks] == ["Question 1"]
    qtbot.keyClick(panel.find_bar.field, Qt.Key.Key_Escape)
    assert not panel.find_bar.isVisible()
    assert not any(widget.body.extraSelections() for widget in panel.view.widgets.values())


@pytest.mark.slow
def test_words_across_markup_are_found(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = ["This is **very** important. Very `important`."]
    ask(panel, qtbot, "x")
    panel.find_bar.open()
    panel.find_bar.field.setText("very important")
    qtbot.waitUntil(lambda: len(panel.find_bar.places) == 2)
    assert panel.find_bar.count.text() == "1 of 2"


@pytest.mark.slow
def test_keyboard_walks_the_messages(long_panel: ChatPanel, qtbot: QtBot) -> None:
    panel = long_panel
    for back in (1, 2, 3):
        qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Up, Qt.KeyboardModifier.AltModifier)
        assert panel.view.current_message() == panel.conversation.messages[-back].id
        widget = panel.view.widgets[panel.view.current_message()]
        assert widget.body.hasFocus()
        assert widget.current
    qtbot.keyClick(widget.body, Qt.Key.Key_Down, Qt.KeyboardModifier.AltModifier)
    assert panel.view.current_message() == panel.conversation.messages[-2].id
    assert "Question" in panel.view.widgets[panel.conversation.messages[-2].id].accessibleName()


@pytest.mark.slow
def test_selected_text_survives_scrolling(long_panel: ChatPanel) -> None:
    panel, bar = long_panel, long_panel.view.verticalScrollBar()
    widget = panel.view.widgets[panel.conversation.messages[-1].id]
    widget.body.selectAll()
    bar.setValue(0)
    bar.setValue(bar.maximum())
    assert panel.view.widgets[panel.conversation.messages[-1].id] is widget
    assert widget.has_selection()


@pytest.mark.slow
def test_links_ask_before_they_open(panel: ChatPanel, script: Script, qtbot: QtBot, monkeypatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(panel, "_open_link", opened.append)
    script.pieces = ["[click](https://a.example/very)"]
    ask(panel, qtbot, "x")
    text = panel.view.widgets[panel.conversation.messages[-1].id].body
    qtbot.mouseClick(text.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(12, 8))
    popup = panel.findChild(LinkPopup)
    assert popup is not None
    assert popup.address == "https://a.example/very"
    assert not opened
    assert popup.copy_button.hasFocus()
    popup.open_button.click()
    assert opened == ["https://a.example/very"]
    assert popup.isHidden()


def test_a_file_address_cannot_be_opened(qtbot: QtBot) -> None:
    parent = QWidget()
    parent.resize(500, 400)
    qtbot.addWidget(parent)
    parent.show()
    popup = LinkPopup("file:///etc/passwd", parent)
    popup.open_at(parent.mapToGlobal(QPoint(490, 390)))
    assert parent.rect().contains(popup.geometry())
    assert not popup.open_button.isEnabled()
    popup.copy_button.click()
    assert QApplication.clipboard().text() == "file:///etc/passwd"


@pytest.mark.slow
def test_code_has_a_label_and_a_copy_button(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = ["Look:\n\n```python\nprint(1)\n```\n\nand\n\n```\nplain\n```\n"]
    ask(panel, qtbot, "x")
    headers = panel.view.widgets[panel.conversation.messages[-1].id].body._headers
    assert [header.label.text() for header in headers] == ["python", ""]
    headers[0].copy.click()
    assert QApplication.clipboard().text() == "print(1)"


@pytest.mark.slow
def test_code_at_both_ends_is_shown_whole(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = ["```python\nprint(1)\n```"]
    ask(panel, qtbot, "x")
    text = panel.view.widgets[panel.conversation.messages[-1].id].body
    area = text._code_area(text.code_blocks()[0])
    assert area.top() >= 0
    assert area.bottom() <= text.height()
    assert text._headers[0].y() >= 0


@pytest.mark.slow
def test_escape_gives_the_focus_back_from_a_link(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = ["[click](https://a.example/very)"]
    ask(panel, qtbot, "x")
    text = panel.view.widgets[panel.conversation.messages[-1].id].body
    text.setFocus()
    qtbot.mouseClick(text.viewport(), Qt.MouseButton.LeftButton, pos=QPoint(12, 8))
    popup = panel.findChild(LinkPopup)
    assert popup is not None
    qtbot.keyClick(popup.copy_button, Qt.Key.Key_Escape)
    assert popup.isHidden()
    assert text.hasFocus()
