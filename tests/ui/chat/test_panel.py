"""Sending, streaming, stopping, branches, the list: the panel as a user meets it."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.engine.generation.prompt_cache import PromptCacheFiles
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Done, Event, Text
from autogpt_desktop.storage.conversations.store import History
from autogpt_desktop.tasks.chat import is_kept
from autogpt_desktop.ui.chat import purge
from autogpt_desktop.ui.chat.engine_cache import cache_name
from autogpt_desktop.ui.chat.generation import REPAINT_MS
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.context import AppContext
from tests.ui.chat.kit import CONTEXT, Script, ask, body, shown, wait_quiet


def widget_of(panel: ChatPanel, place: int = -1):
    return panel.view.widgets[panel.conversation.messages[place].id]


def titles(panel: ChatPanel) -> list[str]:
    return [item.value.title for item in panel.list.model.items()]


def begin(panel: ChatPanel, script: Script, qtbot: QtBot, pieces: list[str], pause_at: int) -> None:
    """Send, and wait until the answer is held before a piece."""
    script.pieces, script.pause_at = pieces, pause_at
    panel.composer.set_text("Tell me")
    panel.send()
    text = "".join(pieces[:pause_at])
    qtbot.waitUntil(lambda: panel.conversation.answer is not None and panel.conversation.answer.text == text)


@pytest.mark.slow
def test_a_question_and_its_answer(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = ["The capital", " is **Paris**."]
    qtbot.keyClicks(panel.composer.edit, "What is the capital of France?")
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Return)
    wait_quiet(panel, qtbot)
    assert shown(panel) == [
        ("user", "What is the capital of France?"),
        ("assistant", "The capital is **Paris**."),
    ]
    assert body(panel) == "The capital is Paris."
    assert panel.composer.text() == ""
    assert titles(panel) == ["What is the capital of France?"]
    stats = panel.conversation.messages[-1].stats
    assert panel.conversation.messages[-1].state == "complete"
    assert stats["tokens_per_second"] == 50.0
    assert "50.0 tokens/s" in widget_of(panel).stats.text()
    assert panel.header.meter.used == stats["context_used"]
    assert panel.header.meter.length == CONTEXT
    turns, _sampling, _ = script.asked[0]
    assert [(turn.role, turn.content) for turn in turns] == [("user", "What is the capital of France?")]


@pytest.mark.slow
def test_the_second_turn_carries_the_first(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    panel.drawer.prompt.setPlainText("Be brief.")
    ask(panel, qtbot, "one")
    ask(panel, qtbot, "two")
    assert [turn.role for turn in script.asked[1][0]] == ["system", "user", "assistant", "user"]
    assert panel.conversation.history.get(panel.conversation.id).system_prompt == "Be brief."


@pytest.mark.slow
def test_an_example_sends(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    assert panel.views.stack.currentWidget() is panel.empty
    text = panel.empty.examples[0].text()
    panel.empty.examples[0].click()
    wait_quiet(panel, qtbot)
    assert panel.conversation.messages[0].text == text
    assert panel.views.stack.currentWidget() is panel.view


@pytest.mark.slow
def test_stop_keeps_what_came_and_continue_goes_on(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    begin(panel, script, qtbot, ["Once", " upon", " a time"], 2)
    assert panel.composer.send_button.accessibleName() == "Stop"
    assert panel.list.running == {panel.conversation.id}
    started = time.perf_counter()
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_Escape)
    wait_quiet(panel, qtbot)
    assert time.perf_counter() - started < 2
    last = panel.conversation.messages[-1]
    assert (last.text, last.state) == ("Once upon", "stopped")
    assert panel.composer.send_button.accessibleName() == "Send"
    widget = widget_of(panel)
    assert not widget.main_button.isHidden()
    assert widget.main_button.text() == "Continue"
    script.pieces, script.pause_at = [" a time."], -1
    widget.main_button.click()
    wait_quiet(panel, qtbot)
    last = panel.conversation.messages[-1]
    assert (last.text, last.state) == ("Once upon a time.", "complete")
    turns, _, continued = script.asked[-1]
    assert continued
    assert turns[-1].content == "Once upon"
    assert len(panel.conversation.messages) == 2


@pytest.mark.slow
def test_an_answer_cut_by_its_length_can_go_on(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.finish_reason = "length"
    ask(panel, qtbot, "long")
    assert widget_of(panel).main_button.text() == "Continue"


@pytest.mark.slow
def test_streaming_saves_twice_a_second_and_repaints_rarely(
    panel: ChatPanel, script: Script, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    saves: list[float] = []
    real = History.set_text

    def counted(self, *args, **kwargs):
        saves.append(time.perf_counter())
        return real(self, *args, **kwargs)

    monkeypatch.setattr(History, "set_text", counted)
    paints: list[float] = []
    panel.generation.grew.connect(lambda answer: paints.append(time.perf_counter()))
    original = script.__call__

    def slowly(*args, **kwargs):
        for event in original(*args, **kwargs):
            time.sleep(0.004)
            yield event

    panel.generation.generate = slowly
    script.pieces = ["word "] * 300
    ask(panel, qtbot, "go")
    gaps = [b - a for a, b in itertools.pairwise(paints)]
    assert len(paints) > 8
    assert sorted(gaps)[len(gaps) // 20] > REPAINT_MS / 1000 * 0.6
    took = paints[-1] - paints[0]
    assert 2 <= len(saves) <= took * 2 + 3
    assert panel.conversation.messages[-1].text == "word " * 300


@pytest.mark.slow
def test_another_conversation_while_one_is_answered(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    begin(panel, script, qtbot, ["slow", " answer"], 1)
    first = panel.conversation.id
    panel.new_conversation()
    assert panel.composer.send_button.accessibleName() == "Send"
    panel.open_conversation(first)
    assert panel.composer.send_button.accessibleName() == "Stop"
    assert body(panel) == "slow"
    script.go.set()
    wait_quiet(panel, qtbot)
    assert body(panel) == "slow answer"


@pytest.mark.slow
def test_regenerate_makes_branches(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    ask(panel, qtbot, "one")
    script.pieces = ["Other."]
    widget_of(panel).buttons["regenerate"].click()
    wait_quiet(panel, qtbot)
    widget = widget_of(panel)
    assert body(panel) == "Other."
    assert widget.branch.text() == "2/2"
    widget.buttons["previous"].click()
    assert body(panel) == "Paris is the capital."
    assert widget_of(panel).branch.text() == "1/2"
    assert not widget_of(panel).buttons["previous"].isEnabled()
    panel.message_actions.regenerate_last()
    wait_quiet(panel, qtbot)
    assert widget_of(panel).branch.text() == "3/3"


@pytest.mark.slow
def test_editing_an_earlier_message_keeps_the_old_branch(
    panel: ChatPanel, script: Script, qtbot: QtBot
) -> None:
    ask(panel, qtbot, "first")
    ask(panel, qtbot, "second")
    widget_of(panel, 0).buttons["edit"].click()
    assert panel.composer.text() == "first"
    panel.composer.set_text("better")
    panel.send()
    wait_quiet(panel, qtbot)
    assert [text for role, text in shown(panel) if role == "user"] == ["better"]
    widget_of(panel, 0).buttons["previous"].click()
    assert [text for role, text in shown(panel) if role == "user"] == ["first", "second"]


@pytest.mark.slow
def test_delete_a_message_and_undo(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "first")
    ask(panel, qtbot, "second")
    before = shown(panel)
    widget_of(panel, 2).buttons["delete"].click()
    assert shown(panel) == before[:2]
    panel.context.toasts[-1].undo()
    assert shown(panel) == before


@pytest.mark.slow
def test_a_question_without_an_answer_can_get_one(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "first")
    widget_of(panel).buttons["delete"].click()
    button = widget_of(panel).main_button
    assert button.text() == "Answer this"
    button.click()
    wait_quiet(panel, qtbot)
    assert body(panel) == "Paris is the capital."


@pytest.mark.slow
def test_copy(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = ["**bold**"]
    ask(panel, qtbot, "x")
    widget_of(panel).buttons["copy"].click()
    assert QApplication.clipboard().text() == "**bold**"


def test_known_errors_stand_in_place_with_retry(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces, script.error = [], KnownError("message-too-long", tokens=3000, context=2048)
    ask(panel, qtbot, "too long")
    widget = widget_of(panel)
    assert "3000" in widget.status.text()
    assert widget.main_button.text() == "Retry"
    assert panel.conversation.messages[0].text == "too long"  # kept
    script.pieces, script.error = ["Now it works."], None
    widget.main_button.click()
    wait_quiet(panel, qtbot)
    assert [text for _, text in shown(panel)] == ["too long", "Now it works."]
    last = panel.conversation.messages[-1]
    assert last.state == "complete"
    assert "error" not in last.stats


def test_bugs_are_shown_and_the_text_kept(
    panel: ChatPanel, script: Script, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught: list[BaseException] = []
    monkeypatch.setattr(panel.context, "show_error", caught.append)
    script.pieces, script.error = ["Half"], ZeroDivisionError("boom")
    ask(panel, qtbot, "x")
    assert [type(error) for error in caught] == [ZeroDivisionError]
    assert panel.conversation.messages[-1].text == "Half"
    assert panel.conversation.messages[-1].state == "error"
    assert widget_of(panel).main_button.text() == "Retry"


def test_a_crash_leaves_an_answer_to_go_on_with(
    qtbot: QtBot, chat_context: AppContext, script: Script, tmp_path: Path
) -> None:
    number = chat_context.history.create("broken off")
    question = chat_context.history.add_message(number, None, "user", "Tell me")
    chat_context.history.add_message(number, question, "assistant", "Once upon", state="streaming")
    chat_context.history.close()
    chat_context.history = History(tmp_path / "history.db")
    chat_context.settings.last_conversation = number
    panel = ChatPanel(chat_context, script)
    qtbot.addWidget(panel)
    panel.resize(900, 600)
    panel.show()
    assert body(panel) == "Once upon"
    assert widget_of(panel).main_button.text() == "Continue"
    panel.shutdown()


def test_closing_while_an_answer_is_written(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    begin(panel, script, qtbot, ["kept", " lost"], 1)
    panel.shutdown()
    message = panel.conversation.history.path(panel.conversation.id)[-1]
    assert (message.text, message.state) == ("kept", "interrupted")


def test_closing_the_window_does_not_count_as_stop(
    panel: ChatPanel, chat_context: AppContext, script: Script, qtbot: QtBot
) -> None:
    begin(panel, script, qtbot, ["kept", " lost"], 1)
    for finish in chat_context.before_close:  # as the window does
        finish()
    chat_context.worker.stop()
    wait_quiet(panel, qtbot)
    message = panel.conversation.history.path(panel.conversation.id)[-1]
    assert (message.text, message.state) == ("kept", "interrupted")


def test_what_is_cancelled_behind_the_end_of_an_answer_leaves_it_complete(
    chat_context: AppContext, qtbot: QtBot
) -> None:
    """A job goes on a little behind its answer: it keeps what was computed."""
    ended, go = threading.Event(), threading.Event()

    def generate(*_: object, **__: object) -> Iterator[Event]:
        yield Text("Rome")
        yield Done("stop", 12, 0, 1, 0.01, 50.0, 13, 2048)
        ended.set()
        go.wait(20)

    panel = ChatPanel(chat_context, generate)
    qtbot.addWidget(panel)
    panel.composer.set_text("And of Italy?")
    panel.send()
    qtbot.waitUntil(ended.is_set, timeout=20_000)
    panel.conversation.stop()
    go.set()
    wait_quiet(panel, qtbot)
    assert (panel.conversation.messages[-1].text, panel.conversation.messages[-1].state) == (
        "Rome",
        "complete",
    )
    panel.shutdown()


@pytest.mark.slow
def test_while_an_answer_is_written_nothing_is_offered_that_would_take_it_away(
    panel: ChatPanel, script: Script, qtbot: QtBot
) -> None:
    ask(panel, qtbot, "first")
    begin(panel, script, qtbot, ["one", " two"], 1)
    for place, name in ((0, "edit"), (0, "delete"), (1, "regenerate"), (1, "delete"), (2, "edit")):
        assert not widget_of(panel, place).buttons[name].isEnabled()
    assert widget_of(panel, 1).buttons["copy"].isEnabled()
    script.go.set()
    wait_quiet(panel, qtbot)
    assert all(button.isEnabled() for button in widget_of(panel, 0).buttons.values() if button.isVisible())


@pytest.mark.slow
def test_finding_counts_in_an_answer_while_it_is_written(
    panel: ChatPanel, script: Script, qtbot: QtBot
) -> None:
    ask(panel, qtbot, "An apple?")
    begin(panel, script, qtbot, ["apple", " **apple**", " pear", " apple"], 2)
    panel.find_bar.open()
    panel.find_bar.field.setText("apple")
    qtbot.waitUntil(lambda: panel.find_bar.count.text() == "1 of 3", timeout=20_000)
    panel.find_bar.find_next()
    script.pause_at = -1
    script.go.set()
    qtbot.waitUntil(lambda: len(panel.find_bar.places) == 4, timeout=20_000)
    wait_quiet(panel, qtbot)
    qtbot.waitUntil(lambda: panel.find_bar.count.text().endswith(" of 4"), timeout=20_000)


@pytest.mark.slow
def test_a_temporary_chat_is_never_written(
    panel: ChatPanel, script: Script, qtbot: QtBot, tmp_path: Path
) -> None:
    ask(panel, qtbot, "kept")
    panel.header.temporary.click()
    ask(panel, qtbot, "zebra secret")
    assert shown(panel)[0] == ("user", "zebra secret")
    assert titles(panel) == ["kept"]
    panel.header.temporary.click()
    assert panel.conversation.temporary is None
    assert not panel.conversation.messages
    data = b"".join(
        path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and not path.is_symlink()
    )
    assert b"kept" in data
    assert b"zebra" not in data


@pytest.mark.slow
def test_the_list_searches_renames_pins_and_deletes(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = ["二分查找很快"]
    ask(panel, qtbot, "about searching")
    panel.new_conversation()
    script.pieces = ["nothing"]
    ask(panel, qtbot, "about cooking")
    first = panel.conversation.history.conversations("searching")[0].id
    panel.list.search.setText("查找")
    qtbot.waitUntil(lambda: titles(panel) == ["about searching"])
    row = panel.list.model.rows[-1].item
    assert "查找" in row.snippet
    panel.list.open_index(panel.list.model.index(len(panel.list.model.rows) - 1))
    assert panel.conversation.id == first
    assert panel.find_bar.isVisible()
    qtbot.waitUntil(lambda: panel.find_bar.count.text() == "1 of 1")
    panel.list.search.clear()
    qtbot.waitUntil(lambda: len(titles(panel)) == 2)
    index = panel.list.model.index(panel.list.model.row_of(first))
    assert panel.list.model.setData(index, "  Search  trees ")
    assert "Search trees" in titles(panel)
    assert panel.header.title.whole_text() == "Search trees"
    panel.list.action.emit("pin", first)
    assert panel.list.model.rows[0].heading == "Pinned"
    assert titles(panel)[0] == "Search trees"
    panel.list.action.emit("delete", first)
    assert titles(panel) == ["about cooking"]
    assert panel.conversation.id == 0
    panel.context.toasts[-1].undo()
    assert len(titles(panel)) == 2
    assert panel.conversation.id == first


@pytest.mark.slow
def test_rename_in_place(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "old")
    panel.list.edit_title(panel.conversation.id)

    editor = panel.list.view.viewport().findChild(QLineEdit)
    editor.selectAll()
    qtbot.keyClicks(editor, "new")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: titles(panel) == ["new"])


@pytest.mark.slow
def test_export_and_import(panel: ChatPanel, qtbot: QtBot, tmp_path: Path) -> None:
    ask(panel, qtbot, "save me")
    for kind in ("md", "txt", "json"):
        path = tmp_path / f"x.{kind}"
        assert panel.files.write(panel.conversation.history, panel.conversation.id, kind, path)
        assert "Paris is the capital." in path.read_text(encoding="utf-8")
    json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    first = panel.conversation.id
    panel.files.read(tmp_path / "x.json")
    qtbot.waitUntil(lambda: len(titles(panel)) == 2, timeout=20_000)
    assert panel.conversation.id > first
    assert [text for _, text in shown(panel)] == ["save me", "Paris is the capital."]
    (tmp_path / "bad.json").write_text("{", encoding="utf-8")
    panel.files.read(tmp_path / "bad.json")
    qtbot.waitUntil(lambda: panel.context.toasts[-1].error, timeout=20_000)
    assert len(titles(panel)) == 2
    history, number = panel.conversation.history, panel.conversation.id
    assert not panel.files.write(history, number, "md", tmp_path / "no" / "x.md")


@pytest.mark.slow
def test_sampling_belongs_to_the_conversation(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    ask(panel, qtbot, "one")
    first = panel.conversation.id
    panel.drawer.temperature.setValue(0.05)
    panel.drawer.stop.setPlainText("END")
    panel.new_conversation()
    assert panel.drawer.temperature.value() == pytest.approx(0.4)
    panel.open_conversation(first)
    assert panel.drawer.temperature.value() == pytest.approx(0.05)
    panel.message_actions.regenerate_last()
    wait_quiet(panel, qtbot)
    assert script.asked[-1][1].temperature == 0.05
    assert script.asked[-1][1].stop == ("END",)


@pytest.mark.slow
def test_a_language_the_model_was_not_made_for_is_said(panel: ChatPanel, qtbot: QtBot) -> None:
    qtbot.keyClicks(panel.composer.edit, "Hello, how are you?")
    panel.composer.flush()
    assert panel.banner.isHidden()
    panel.composer.set_text("请介绍一下北京")
    panel.send()
    assert not panel.banner.isHidden()
    assert "English" in panel.banner.text.text()
    wait_quiet(panel, qtbot)
    assert not panel.banner.isHidden()


@pytest.mark.slow
def test_a_long_answer_is_announced(
    panel: ChatPanel, script: Script, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, str]] = []
    panel.context.attention_requested.connect(lambda title, text: told.append((title, text)))
    ask(panel, qtbot, "short")
    assert not told
    begin(panel, script, qtbot, ["a", "b"], 1)
    panel.conversation.answer.started -= 20
    script.go.set()
    wait_quiet(panel, qtbot)
    assert told == [("The answer is ready", "short")]


@pytest.mark.slow
def test_the_drawer_makes_room_in_a_small_window(panel: ChatPanel, qtbot: QtBot) -> None:
    panel.resize(900, 600)
    qtbot.keyClick(panel.composer.edit, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    assert panel.drawer.isVisible()
    assert panel.list.isHidden()
    panel.drawer.close_button.click()
    assert panel.drawer.isHidden()
    assert not panel.list.isHidden()


@pytest.mark.slow
def test_an_answer_cut_before_its_first_word_can_be_tried_again(
    panel: ChatPanel, script: Script, qtbot: QtBot
) -> None:
    script.pause_at = 0
    panel.composer.set_text("Hello")
    panel.send()
    qtbot.waitUntil(lambda: bool(script.asked))
    panel.conversation.stop()
    wait_quiet(panel, qtbot)
    widget = widget_of(panel)
    assert widget.status.text() == "Stopped."
    assert widget.main_button.text() == "Retry"
    script.pause_at = -1
    widget.main_button.click()
    wait_quiet(panel, qtbot)
    assert shown(panel)[-1] == ("assistant", "Paris is the capital.")


@pytest.mark.slow
def test_a_stopped_answer_tells_its_speed(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces, script.pause_at = ["one "] * 5, 4
    panel.composer.set_text("Count")
    panel.send()
    qtbot.waitUntil(lambda: any(answer.pieces == 4 for answer in panel.generation.running))
    qtbot.wait(350)  # before that it is too early to say
    panel.generation._tick()
    assert "tokens/s" in panel.conversation.answer.speed_text()
    panel.conversation.stop()
    wait_quiet(panel, qtbot)
    assert panel.conversation.messages[-1].stats["tokens_per_second"] > 0
    assert "tokens/s" in widget_of(panel).stats.text()
    assert widget_of(panel).stats.isHidden()  # until its “i” is pressed
    widget_of(panel).info.click()
    assert widget_of(panel).stats.isVisible()


@pytest.mark.slow
def test_deleted_conversations_are_purged_in_steps(panel: ChatPanel, qtbot: QtBot, monkeypatch) -> None:
    ask(panel, qtbot, "Something secret")
    history, number = panel.context.history, panel.conversation.id
    panel.list_actions.delete(number)
    panel.list_actions.delete_for_ever([number])
    monkeypatch.setattr(purge, "PURGE_AFTER", 1)  # older than 0 s
    panel.purge.begin()
    assert history.rows("SELECT 1 FROM messages")  # nothing yet: the window comes first
    qtbot.waitUntil(lambda: not panel.purge.is_running())
    assert not history.rows("SELECT 1 FROM messages")
    assert not panel.purge._step_timer.isActive()


@pytest.mark.slow
def test_a_purge_takes_the_saved_state_along_at_once(panel: ChatPanel, qtbot: QtBot) -> None:
    files = PromptCacheFiles(paths.states_dir())
    for question in ("Something secret", "Something to keep"):
        panel.new_conversation()
        ask(panel, qtbot, question)
        name = cache_name(panel.conversation.history, panel.conversation.id)
        assert files.save("m", name, range(60), {"a": np.zeros(8)}, alone=True)
    panel.toggle_temporary()
    ask(panel, qtbot, "Never written")
    assert not is_kept(cache_name(panel.conversation.history, panel.conversation.id))
    panel.toggle_temporary()
    history = panel.context.history
    secret = next(c.id for c in history.conversations() if "secret" in c.title)
    panel.list_actions.delete(secret)
    panel.list_actions.delete_for_ever([secret])
    assert len(list(files.folder.iterdir())) == 2, "it can still be undone"
    history.purge_deleted()
    assert len(list(files.folder.iterdir())) == 1


@pytest.mark.slow
def test_what_is_purged_while_the_window_closes_is_not_saved_behind_it(
    panel: ChatPanel, qtbot: QtBot
) -> None:
    ask(panel, qtbot, "Something secret")
    name = cache_name(panel.conversation.history, panel.conversation.id)
    number = panel.conversation.id
    panel.list_actions.delete(number)
    panel.list_actions.delete_for_ever([number])
    panel.shutdown()
    assert panel.context.worker.stop(5000)
    models = panel.context._models._models
    kept, forgotten = {name, "another"}, []
    memory = {"chat": SimpleNamespace(forget=kept.discard)}
    engine = SimpleNamespace(prompt_cache=SimpleNamespace(forget=forgotten.append))
    models.loaded = [SimpleNamespace(memory=memory, engine=engine)]
    saved: list[str] = []
    models.unload = lambda: saved.extend(kept)
    panel.context.unload_models()
    assert saved == ["another"]
    assert name in forgotten


@pytest.mark.slow
def test_the_banner_leads_to_the_models(panel: ChatPanel, qtbot: QtBot) -> None:
    panel.composer.edit.setPlainText("请用中文写一首诗")
    qtbot.waitUntil(panel.banner.isVisible)
    assert "中文" in panel.banner.text.text()
    with qtbot.waitSignal(panel.context.models_requested):
        panel.banner.action.click()
