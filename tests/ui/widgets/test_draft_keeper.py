"""Texts of the task panels come back after a restart."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.drafts import TextDrafts
from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.sentiment.panel import SentimentPanel
from autogpt_desktop.ui.translate.panel import TranslatePanel
from autogpt_desktop.ui.widgets.draft_keeper import DraftKeeper
from autogpt_desktop.ui.widgets.text_field import TextField


def kept(name: str) -> str:
    return TextDrafts().get(name)


def closed(panel: TranslatePanel | SentimentPanel | AnswerPanel) -> None:
    panel.shutdown()
    panel.close()


@pytest.mark.slow
def test_who_never_pauses_is_kept_too(shell_context: AppContext, qtbot: QtBot) -> None:
    field = TextField(shell_context, "translate")
    qtbot.addWidget(field)
    draft = DraftKeeper("note", field, shell_context.show_error, field)
    assert draft.restored == ""
    until = time.monotonic() + 5
    while not kept("note") and time.monotonic() < until:
        qtbot.keyClicks(field, "word ")
        qtbot.wait(40)
    assert kept("note").startswith("word word ")
    assert time.monotonic() < until
    field.clear()
    draft.keep()
    assert kept("note") == ""


def test_a_damaged_file_is_said_once(shell_context: AppContext, qtbot: QtBot) -> None:
    (paths.data_dir() / "drafts.db").parent.mkdir(parents=True, exist_ok=True)
    (paths.data_dir() / "drafts.db").write_bytes(b"no database at all " * 100)
    field, told = TextField(shell_context, "translate"), list[KnownError]()
    qtbot.addWidget(field)
    draft = DraftKeeper("note", field, told.append, field)
    for text in ("one", "two"):
        field.setPlainText(text)
        draft.keep()
    assert [error.key for error in told] == ["history-corrupt"]
    (paths.data_dir() / "drafts.db").unlink()
    field.setPlainText("three")
    draft.keep()
    assert kept("note") == "three"
    assert len(told) == 1


@pytest.mark.slow
def test_what_a_lock_kept_from_the_disk_comes_there_by_itself(
    shell_context: AppContext, qtbot: QtBot
) -> None:
    field, told = TextField(shell_context, "translate"), list[KnownError]()
    qtbot.addWidget(field)
    draft = DraftKeeper("note", field, told.append, field)
    field.setPlainText("one")
    draft.keep()
    with closing(sqlite3.connect(paths.data_dir() / "drafts.db", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        field.setPlainText("two")
        draft.keep()
        draft.keep()
        assert [error.key for error in told] == ["history-locked"]
    qtbot.waitUntil(lambda: kept("note") == "two", timeout=20_000)  # and nothing more was typed


def test_a_text_comes_back_with_its_translation(
    shell_context: AppContext, gemma_gguf: Path, qtbot: QtBot
) -> None:
    shell_context.settings.translate_pair = ["auto", "fr"]
    shell_context.settings.translate_recent = ["fr"]
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    qtbot.keyClicks(panel.view.pair.source, "The train leaves at noon. We ate at home.")
    qtbot.waitUntil(lambda: panel.live.complete and len(panel.view.pair.map.pairs) == 2, timeout=60_000)
    said = panel.view.pair.target.text()
    panel.saver.save_now()
    closed(panel)
    again = TranslatePanel(shell_context)
    qtbot.addWidget(again)
    assert again.view.pair.source.text() == "The train leaves at noon. We ate at home."
    assert again.view.pair.target.text() == said
    assert len(again.view.pair.map.pairs) == 2
    assert again.view.languages.source_box.shown == "Detected: English"
    assert again.live.complete
    assert not again.view.pair.source.document().isUndoAvailable()
    assert not again.live.running
    qtbot.keyClicks(again.view.pair.source, "Good night. ")
    qtbot.waitUntil(lambda: again.live.complete and len(again.view.pair.map.pairs) == 3, timeout=60_000)
    again.sides.show("history")
    again.sides.history().keep.click()  # from now on nothing is kept, and nothing of what was
    assert kept("translate") == ""
    closed(again)
    third = TranslatePanel(shell_context)
    qtbot.addWidget(third)
    assert third.view.pair.source.text() == ""
    closed(third)


def test_a_text_that_was_not_translated_yet_is_so_once_it_is_seen(
    shell_context: AppContext, gemma_gguf: Path, qtbot: QtBot
) -> None:
    shell_context.settings.translate_pair = ["en", "fr"]
    TextDrafts().keep("translate", "The train leaves at noon.")
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    qtbot.wait(600)  # longer than the pause behind a key
    assert panel.view.pair.source.text()
    assert not panel.live.running
    assert not panel.view.pair.target.text()
    panel.show()
    qtbot.waitUntil(lambda: "train" in panel.view.pair.target.text(), timeout=60_000)
    closed(panel)


@pytest.mark.slow
def test_questions_come_back_with_what_they_are_about(answer_context: AppContext, qtbot: QtBot) -> None:
    def made() -> AnswerPanel:
        panel = AnswerPanel(answer_context, prepare=lambda *_: iter(()))
        qtbot.addWidget(panel)
        return panel

    panel = made()
    panel.receive_text("The mill was built in 1782.")
    panel.view.ask_bar.set_text("When was the mi")
    closed(panel)
    again = made()
    assert again.view.pasting
    assert again.view.pasted.text() == "The mill was built in 1782."
    assert again.view.ask_bar.field.text() == "When was the mi"
    assert not again.conversation.turns
    assert again.view.pages.currentWidget() is again.view.split
    again.toggle_mode()
    again.view.ask_bar.set_text("")
    closed(again)
    third = made()
    assert not third.view.pasting
    assert third.view.pasted.text()
    assert not third.view.ask_bar.field.text()
    closed(third)


def test_a_text_to_judge_comes_back(shell_context: AppContext, gemma_gguf: Path, qtbot: QtBot) -> None:
    panel = SentimentPanel(shell_context)
    qtbot.addWidget(panel)
    panel.text_page.set_text("What a wonderful evening!")
    closed(panel)
    again = SentimentPanel(shell_context)
    qtbot.addWidget(again)
    assert again.text_page.field.text() == "What a wonderful evening!"
    again.show()
    qtbot.waitUntil(lambda: again.text_page.job.text == "What a wonderful evening!", timeout=90_000)
    closed(again)
