"""Larger and smaller text: what was being read stays in sight."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.text_field import TextField
from tests.ui.answer.kit import ask

STEPS = [(1, 1, 1), (-1, -1), (1, 1, 1, -1, -1, 0)]
LONG = "\n\n".join(
    f"Paragraph {n}: " + "the mill stood by the river until the flood came. " * 6 for n in range(60)
)


@pytest.mark.slow
@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_in_a_long_message(panel: ChatPanel, qtbot: QtBot, steps: tuple[int, ...], share: float) -> None:
    history = panel.conversation.history
    number, parent = history.create("long"), None
    for role, text in (
        ("user", "Tell me all."),
        ("assistant", LONG),
        ("user", "And then?"),
        ("assistant", LONG),
    ):
        parent = history.add_message(number, parent, role, text)
    panel.open_conversation(number)
    QApplication.processEvents()
    view, bar = panel.view, panel.view.verticalScrollBar()
    bar.setValue(round(bar.maximum() * share))
    before = paragraph_on_top(panel)
    for step in steps:
        panel.context.step_zoom(step)
        QApplication.processEvents()
    assert abs(paragraph_on_top(panel) - before) <= 1
    assert view.verticalScrollBar().value() > 0


def paragraph_on_top(panel: ChatPanel) -> int:
    """The number of the paragraph at the upper edge, of all messages."""
    view = panel.view
    for place, item in enumerate(view.column.items):
        area = view.visible_rect(item.message.id)
        if not area.isEmpty() and area.bottom() > 40:
            body = view.widgets[item.message.id].body
            cursor = body.cursorForPosition(body.mapFrom(view.viewport(), QPoint(area.left() + 40, 20)))
            words = cursor.block().text()
            return place * 100 + int(words.split(":")[0].split()[-1]) if ":" in words else place * 100
    raise AssertionError("nothing in sight")


@pytest.mark.parametrize("steps", STEPS)
def test_in_a_text_field(shell_context: AppContext, qtbot: QtBot, steps: tuple[int, ...]) -> None:
    field = TextField(shell_context, "translate")
    qtbot.addWidget(field)
    field.resize(500, 300)
    field.show()
    field.setPlainText(LONG)
    field.verticalScrollBar().setValue(field.verticalScrollBar().maximum() // 2)
    QApplication.processEvents()
    before = field.firstVisibleBlock().blockNumber()
    for step in steps:
        shell_context.step_zoom(step)
        QApplication.processEvents()
    assert abs(field.firstVisibleBlock().blockNumber() - before) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("steps", STEPS)
def test_in_questions_and_answers(answer_panel: AnswerPanel, qtbot: QtBot, steps: tuple[int, ...]) -> None:
    for number in range(9):
        ask(answer_panel, qtbot, f"Who built mill number {number}? " * 8)
    view = answer_panel.view.conversation_view
    view._stop_following()
    qtbot.wait(50)
    view.verticalScrollBar().setValue(view.views[4].y() + 10)
    for step in steps:
        answer_panel.context.step_zoom(step)
        qtbot.wait(20)
    qtbot.wait(250)
    top = view.verticalScrollBar().value()
    on_top = next(number for number, each in enumerate(view.views) if each.geometry().bottom() > top)
    assert on_top == 4
