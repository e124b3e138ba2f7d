"""The fold above an answer that was thought about."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.jobs.model_jobs import ModelInfo
from tests.ui.chat.kit import Script, ask, wait_quiet

PIECES = ["<think>", "\nFrance", " is a country.", "\n</think>", "\n\nParis", "."]


def last(panel: ChatPanel):
    return panel.view.widgets[panel.conversation.messages[-1].id]


@pytest.mark.slow
def test_a_thought_is_folded_and_left_out(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = PIECES
    ask(panel, qtbot, "Capital?")
    widget = last(panel)
    assert widget.body.toPlainText() == "Paris."
    assert panel.conversation.messages[-1].text == "".join(PIECES)
    assert "thinking_seconds" in panel.conversation.messages[-1].stats
    assert widget.thought.button.text().startswith("Thought for")
    assert not widget.thought.body.isVisible()
    before = widget.height()
    widget.thought.button.setFocus()
    qtbot.keyClick(widget.thought.button, Qt.Key.Key_Return)
    assert widget.thought.body.isVisible()
    assert widget.thought.body.toPlainText() == "France is a country."
    assert widget.height() > before
    panel.message_actions.copy_last()
    assert QGuiApplication.clipboard().text() == "Paris."
    history, number = panel.conversation.history, panel.conversation.id
    assert "country" not in history.export(number, "md")
    assert "country" not in history.export(number, "txt")
    assert "country" in history.export(number, "json")


@pytest.mark.slow
def test_it_says_that_it_is_thinking(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces, script.pause_at = PIECES, 3
    panel.composer.set_text("Capital?")
    panel.send()
    qtbot.waitUntil(lambda: last(panel).thought.button.text() == "Thinking …", timeout=5000)
    assert last(panel).thought.button in last(panel).tab_stops()
    assert not last(panel).text
    script.go.set()
    wait_quiet(panel, qtbot)
    assert last(panel).text == "Paris."


@pytest.mark.slow
def test_a_thought_that_never_ends_is_no_answer(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = PIECES[:3]
    ask(panel, qtbot, "Capital?")
    assert last(panel).status.text() == "The answer is empty."
    assert last(panel).thought.button.text() == "Thoughts"
    script.pieces = ["Paris"]
    ask(panel, qtbot, "Again?")
    assert not any("country" in turn.content for turn in script.asked[-1][0])


@pytest.mark.slow
def test_the_switch_is_there_where_the_template_knows_it(panel: ChatPanel, qtbot: QtBot) -> None:
    drawer = panel.drawer
    drawer.show_values("", Sampling(thinking=False), "")
    assert drawer.values().sampling.thinking is False
    assert drawer.thinking.isHidden()
    info = ModelInfo("m", "m", (), 1, 1, "cpu", 0.0, can_switch_thinking=True)
    drawer.context._model = info
    drawer.context.model_changed.emit(info)
    assert not drawer.thinking.isHidden()


@pytest.mark.slow
@pytest.mark.parametrize(
    "pieces",
    [
        ["<", "thinking", ">\n", "France", " is a country.", "</thin", "king>", "\n\nPar", "is."],
        ["[THINK]", "France is a country.", "[/THINK]", "Paris."],
        ["<|channel|>", "analysis", "<|message|>", "France is a country.", "<|end|>", "<|start|>",
         "assistant", "<|channel|>", "final", "<|message|>", "Paris", "."],
        ["<seed:think>France is a country.</seed:think>", "Paris."],
        ["<|START_THINKING|>", "France is a country.", "<|END_THINKING|>", "<|START_RESPONSE|>", "Paris.",
         "<|END_RESPONSE|>"],
    ],
)  # fmt: skip
def test_thoughts_of_other_models(panel: ChatPanel, script: Script, qtbot: QtBot, pieces: list[str]) -> None:
    shown: list[str] = []
    panel.generation.grew.connect(lambda _: shown.append(last(panel).text))
    script.pieces = pieces
    ask(panel, qtbot, "Capital?")
    assert last(panel).body.toPlainText() == "Paris."
    assert all("Paris.".startswith(text) for text in shown)  # no half mark is ever seen
    assert last(panel).thought.button.text().startswith("Thought for")
    last(panel).thought.button.click()
    assert last(panel).thought.body.toPlainText() == "France is a country."


@pytest.mark.slow
def test_an_unfolded_thought_stays_so_far_away_and_back(
    panel: ChatPanel, script: Script, qtbot: QtBot
) -> None:
    history, parent = panel.context.history, None
    conversation = history.create(title="long")
    for number in range(40):
        text = f"<think>Thought {number}</think>" + f"Answer {number}.\n\n" * 20
        parent = history.add_message(conversation, parent, "user", "Next?")
        parent = history.add_message(conversation, parent, "assistant", text)
    panel.open_conversation(conversation)
    first, wanted = panel.conversation.messages[1].id, panel.conversation.messages[-1].id
    panel.view.widgets[wanted].thought.button.click()
    panel.view.scroll_to(first)
    assert wanted not in panel.view.widgets
    assert not panel.view.widgets[first].thought.body.isVisible()  # though its widget may be the other's
    panel.view.scroll_to_end()
    again = panel.view.widgets[wanted]
    assert again.thought.body.isVisible()
    assert again.thought.body.toPlainText() == "Thought 39"
    again.thought.button.click()
    panel.view.scroll_to(first)
    panel.view.scroll_to_end()
    assert not panel.view.widgets[wanted].thought.body.isVisible()


@pytest.mark.slow
def test_a_thought_stays_unfolded_while_it_grows_and_after(
    panel: ChatPanel, script: Script, qtbot: QtBot
) -> None:
    script.pieces, script.pause_at = PIECES, 2
    panel.composer.set_text("Capital?")
    panel.send()
    qtbot.waitUntil(lambda: last(panel).thought.button.text() == "Thinking …", timeout=20_000)
    last(panel).thought.button.click()
    script.go.set()
    qtbot.waitUntil(lambda: not panel.generation.running, timeout=20_000)
    assert last(panel).thought.body.isVisible()
    assert last(panel).thought.body.toPlainText() == "France is a country."
