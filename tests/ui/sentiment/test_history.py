"""What was judged is listed: texts, lists, tables are kept, opened again, deleted with Undo, or not kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop.storage.drafts import TextDrafts
from autogpt_desktop.storage.verdicts import LIST, TABLE, TEXT, VerdictHistory
from autogpt_desktop.ui.sentiment.history import VerdictHistoryCard
from autogpt_desktop.ui.sentiment.panel import SentimentPanel
from autogpt_desktop.ui.sentiment.run_control import FINISHED
from tests.ui.sentiment.kit import WAIT, sentiment_panel  # noqa: F401  a fixture


@pytest.fixture
def panel(sentiment_panel: SentimentPanel) -> SentimentPanel:  # noqa: F811
    return sentiment_panel


def kept(panel: SentimentPanel) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in panel.saver.history.entries()]


def card_of(panel: SentimentPanel) -> VerdictHistoryCard:
    panel.bar.history_button.click()
    assert panel.history_card is not None
    assert panel.history_card.isVisible()
    return panel.history_card


@pytest.mark.slow
def test_texts_lists_and_tables_are_listed_and_opened_again(
    panel: SentimentPanel, tmp_path: Path, qtbot: QtBot
) -> None:
    page, field = panel.text_page, panel.text_page.field
    field.setPlainText("A good day")
    qtbot.waitUntil(lambda: kept(panel) == [(TEXT, "A good day")], timeout=WAIT)
    field.setPlainText("A good day, all of it.")  # written on: the same entry
    qtbot.waitUntil(lambda: kept(panel) == [(TEXT, "A good day, all of it.")], timeout=WAIT)
    lines = "1. Good soup.\n2. Stale bread.\n3. Good tea."
    panel.receive_text(lines)
    qtbot.waitUntil(lambda: (LIST, lines) in kept(panel), timeout=WAIT)
    table = tmp_path / "reviews.csv"
    table.write_text("id,comment\n1,Good soup indeed\n2,Stale bread again\n", encoding="utf-8")
    panel.open(table)
    run = panel.table_page.run_view.control
    qtbot.waitUntil(lambda: panel.table_page.card.preview is not None, timeout=WAIT)
    panel.table_page.card.start_button.click()
    qtbot.waitUntil(lambda: run.state == FINISHED, timeout=WAIT)
    panel.table_page.card.close_file()

    card = card_of(panel)
    items = card.list.model.items()
    assert [item.title for item in items] == [
        "reviews.csv", "1. Good soup. 2. Stale bread. 3. Good tea.", "A good day, all of it."
    ]  # fmt: skip
    assert [item.note for item in items] == [
        "Table · comment · Positive 1, Negative 1", "List · Positive 2, Negative 1", "Text · Positive 90 %"
    ]  # fmt: skip
    assert QApplication.focusWidget() in (None, card.list.view)
    card.list.open_index(card.list.model.index(1))
    assert not card.isVisible()
    qtbot.waitUntil(lambda: run.state == FINISHED, timeout=WAIT)
    assert panel.bar.table_button.isChecked()
    assert panel.table_page.card.is_folded
    card_of(panel).list.open_index(card.list.model.index(card.list.model.row_of(items[1].key)))
    assert (field.text(), page.is_list) == (lines, True)
    qtbot.waitUntil(lambda: page.run_view.control.state == FINISHED, timeout=WAIT)
    card_of(panel).list.open_index(card.list.model.index(card.list.model.row_of(items[2].key)))
    assert (field.text(), page.is_list) == ("A good day, all of it.", False)
    qtbot.waitUntil(lambda: bool(page.outcome()), timeout=WAIT)
    assert len(kept(panel)) == 3
    table.unlink()
    latest = next(item for item in card_of(panel).list.model.items() if item.title == "reviews.csv")
    card.list.open_index(card.list.model.index(card.list.model.row_of(latest.key)))
    qtbot.waitUntil(lambda: "no longer there" in panel.problem_text.text(), timeout=WAIT)


@pytest.mark.slow
def test_a_text_pasted_over_another_takes_none_away(panel: SentimentPanel, qtbot: QtBot) -> None:
    first, second = "The soup was good.", "Nobody came to the door at all."
    panel.text_page.field.setPlainText(first)
    qtbot.waitUntil(lambda: kept(panel) == [(TEXT, first)], timeout=WAIT)
    panel.text_page.field.setPlainText(second)
    qtbot.waitUntil(lambda: kept(panel) == [(TEXT, second), (TEXT, first)], timeout=WAIT)


@pytest.mark.slow
def test_deleting_can_be_undone_and_keeping_can_be_switched_off(panel: SentimentPanel, qtbot: QtBot) -> None:
    toasts: list[Any] = []
    panel.context.toast_requested.connect(toasts.append)
    panel.text_page.field.setPlainText("A good day")
    qtbot.waitUntil(lambda: len(kept(panel)) == 1, timeout=WAIT)
    card = card_of(panel)
    qtbot.keyClick(card.list.view, Qt.Key.Key_Delete)
    assert kept(panel) == []
    toasts[-1].undo()
    assert kept(panel) == [(TEXT, "A good day")]
    card.kept.clear_button.click()
    assert kept(panel) == []
    toasts[-1].undo()
    assert len(card.list.model.items()) == 1
    panel.text_page.draft.keep()
    assert TextDrafts().get("sentiment") == "A good day"
    card.kept.keep.click()
    assert panel.context.settings.keep_verdicts is False
    assert TextDrafts().get("sentiment") == "", "nor what stands in the field"
    card.close_overlay()
    panel.receive_text("Stale bread and nothing else.")
    page = panel.text_page
    qtbot.waitUntil(lambda: bool(page.outcome()) and not panel.saver._timer.isActive(), timeout=WAIT)
    qtbot.wait(60)
    assert kept(panel) == [(TEXT, "A good day")]


@pytest.mark.slow
def test_a_draft_that_comes_back_is_no_new_entry(panel: SentimentPanel, qtbot: QtBot) -> None:
    """Nobody had it judged today: it stands where it stood."""
    saver = panel.saver
    saver._kept = "Good old text"
    panel.text_page.field.setPlainText("Good old text")
    qtbot.waitUntil(lambda: bool(panel.text_page.outcome()), timeout=WAIT)
    saver.save_now()
    assert kept(panel) == []
    assert not VerdictHistory().entries()


@pytest.mark.slow
def test_what_is_shown_when_the_window_closes_is_kept(
    panel: SentimentPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.saver._timer.setInterval(60_000)
    panel.text_page.field.setPlainText("A good day")
    qtbot.waitUntil(panel.saver._timer.isActive, timeout=WAIT)
    panel.shutdown()
    assert [(one.kind, one.text) for one in VerdictHistory().entries()] == [(TEXT, "A good day")]


@pytest.mark.slow
def test_a_table_that_was_stopped_is_listed(panel: SentimentPanel, tmp_path: Path, qtbot: QtBot) -> None:
    table = tmp_path / "reviews.csv"
    table.write_text("comment\nGood soup indeed\n", encoding="utf-8")
    panel.open(table)
    qtbot.waitUntil(lambda: panel.table_page.card.preview is not None, timeout=WAIT)
    panel.table_page.card.start()
    assert kept(panel) == [(TABLE, "reviews.csv")]
    panel.table_page.stop()
