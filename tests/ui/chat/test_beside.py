"""Chat beside other panels: in a slim column, texts from and to the others."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QTextCursor
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.shell.panel_registry import kind
from tests.ui.chat.kit import ask


@pytest.mark.slow
def test_the_list_makes_way_in_a_slim_column(panel: ChatPanel, qtbot: QtBot) -> None:
    panel.resize(560, 600)
    assert panel.list.isHidden()
    panel.views.toggle_list()
    assert panel.list.isVisible()
    panel.views.toggle_list()
    panel.resize(1000, 600)
    assert panel.list.isVisible()
    panel.views.toggle_list()
    panel.resize(560, 600)
    panel.resize(1000, 600)
    assert panel.list.isHidden()


@pytest.mark.slow
def test_a_text_from_another_panel_goes_under_what_is_written(panel: ChatPanel, qtbot: QtBot) -> None:
    panel.receive_text("  A quoted line.\n")
    assert panel.composer.text() == "A quoted line.\n\n"
    panel.composer.set_text("Look at this:")
    panel.receive_text("Another.")
    assert panel.composer.text() == "Look at this:\n\nAnother.\n\n"
    panel.composer.edit.undo()
    assert panel.composer.text() == "Look at this:"


@pytest.mark.slow
def test_a_message_is_sent_from_its_menu(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "Where?")
    context = panel.context
    answer = panel.view.widgets[panel.conversation.messages[-1].id]
    assert "Translate this" not in [action.text() for action in answer.make_menu().actions()]
    context.panels.kinds["translate"] = kind("translate", lambda: QWidget())
    sent: list[tuple[str, str, str]] = []
    context.panels.sent.connect(lambda *given: sent.append(given))
    cursor = answer.body.textCursor()
    cursor.movePosition(QTextCursor.MoveOperation.Start)
    cursor.movePosition(QTextCursor.MoveOperation.EndOfWord, QTextCursor.MoveMode.KeepAnchor)
    answer.body.setTextCursor(cursor)
    for menu in (answer.make_menu(), answer.body.make_menu()):
        assert menu.actions()[-1].text() == "Translate this"
        menu.actions()[-1].trigger()
    assert sent == [
        ("chat", "translate", "Paris is the capital."),
        ("chat", "translate", "Paris"),
    ]
