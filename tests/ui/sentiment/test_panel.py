"""The Sentiment panel with the real worker and the real model: texts, lists, tables, corrections, export."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QImage
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.panel import PanelKind
from autogpt_desktop.ui.sentiment.panel import SentimentPanel
from autogpt_desktop.ui.sentiment.run_control import FINISHED, PAUSED, RUNNING, STOPPED
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.panel_registry import more_panels
from tests.ui.shell.panel import make_panel

GOOD = "What a wonderful evening, and the food was superb!"
BAD = "A dreadful waste of two hours."
LINES = f"{GOOD}\n{BAD}\nThe meeting is in room twelve on Monday."
LONG_WAIT = 90_000  # the model is loaded once; other work may keep the machine busy


@pytest.fixture
def window(
    shell_context: AppContext, gemma_gguf: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    monkeypatch.setattr(shell_context, "load_chosen_model", lambda: 0)
    kinds: list[PanelKind] = [kind for kind in more_panels(shell_context) if kind.key == "sentiment"]
    window = MainWindow(shell_context, make_panel, panels=kinds)
    qtbot.addWidget(window)
    window.resize(900, 700)
    with qtbot.waitSignal(window.first_painted):
        window.show()
    window.columns.show_panel("sentiment")
    yield window
    window.close()
    assert window.downloads.stop(10_000)


@pytest.fixture
def panel(window: MainWindow) -> SentimentPanel:
    found: SentimentPanel = window.columns.panel("sentiment")
    return found


def write(path: Path, rows: list[list[str]]) -> Path:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def test_a_text_a_list_and_corrections(panel: SentimentPanel, window: MainWindow, qtbot: QtBot) -> None:
    page = panel.text_page
    assert page.open_button.isVisible()
    assert not page.verdict.isVisible()
    panel.context.send_text("chat", "sentiment", f"{GOOD} {BAD}")
    job = page.job
    qtbot.waitUntil(lambda: page.verdict.scored is not None and not job.running, timeout=LONG_WAIT)
    assert len(page.field.sentences) == 2
    assert page.field.extraSelections()
    assert page.field.words
    assert "Words that decided" in page.verdict.words.text()
    assert abs(sum(page.verdict.bar.shares) - 1) < 1e-6

    page.field.setPlainText(GOOD)  # as if typed: the verdict follows by itself
    qtbot.waitUntil(lambda: job.text == GOOD and not job.running, timeout=LONG_WAIT)
    assert page.verdict.title.text().startswith("Positive")
    panel.bar.two_way.click()
    qtbot.waitUntil(lambda: not job.running and page.verdict.bar.shares[1] == 0, timeout=LONG_WAIT)
    panel.bar.two_way.click()

    page.field.setPlainText(LINES)
    run, rows = page.run_view.control, page.run_view.rows
    qtbot.waitUntil(lambda: run.state == FINISHED, timeout=LONG_WAIT)
    assert page.lines_button.isChecked()
    assert not page.verdict.isVisible()
    assert [rows.label_of(row) for row in range(3)] == ["positive", "negative", "neutral"]
    before = rows.shares_of(2)
    for row, label in ((1, "negative"), (2, "positive")):
        page.run_view.results.table.corrected.emit(row, label)
    qtbot.waitUntil(lambda: rows.label_of(2) == "positive" and rows.shares_of(2) != before, timeout=LONG_WAIT)
    assert panel.corrections.moves
    assert panel.bar.corrections_button.text() == "Corrections: 2"
    panel.corrections.clear()
    qtbot.waitUntil(lambda: rows.shares_of(2) == before, timeout=LONG_WAIT)
    toast = window.toasts.toasts()[-1]
    assert toast.action is not None
    toast.action.click()
    qtbot.waitUntil(lambda: panel.corrections.count == 2, timeout=20_000)

    page.whole_button.click()
    qtbot.waitUntil(lambda: page.verdict.scored is not None and not job.running, timeout=LONG_WAIT)
    assert page.verdict.isVisible()
    assert not page.run_view.isVisible()
    panel.new_text()
    assert not page.verdict.isVisible()
    assert page.open_button.isVisible()


def test_a_table_is_previewed_run_paused_filtered_and_exported(
    panel: SentimentPanel, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [GOOD, BAD, "=1+1 is what I paid", "", *[f"{GOOD} Visit {n}." for n in range(100)]]
    file = write(tmp_path / "in.csv", [["n", "what they said"], *[[str(n), t] for n, t in enumerate(texts)]])
    drop(panel, file)
    page = panel.table_page
    qtbot.waitUntil(lambda: page.card.preview is not None, timeout=20_000)
    assert panel.bar.table_button.isChecked()
    assert page.card.columns.currentText() == "what they said"
    run, view = page.run_view.control, page.run_view
    said: list[str] = []
    set_text = view.progress.set_text
    monkeypatch.setattr(view.progress, "set_text", lambda text: (said.append(text), set_text(text)))
    page.card.start_button.click()
    qtbot.waitUntil(lambda: view.rows.count() >= 64, timeout=LONG_WAIT)
    view.progress.pause_button.click()
    assert run.state == PAUSED
    fast = next((at for at, text in enumerate(said) if "rows a second" in text), len(said))
    assert all("rows a second" in text for text in said[fast:])  # it can be read, and does not flicker
    panel.receive_text(GOOD)  # what a person waits for goes on meanwhile
    job = panel.text_page.job
    qtbot.waitUntil(lambda: job.verdict.scored is not None and not job.running, timeout=LONG_WAIT)
    panel.bar.table_button.click()
    view.progress.pause_button.click()
    assert run.state == RUNNING
    view.progress.cancel_button.click()
    assert run.state == STOPPED
    assert view.resume_button.isVisible()
    done = view.rows.count()
    view.resume_button.click()
    qtbot.waitUntil(lambda: run.state == FINISHED, timeout=LONG_WAIT)
    assert view.rows.count() == 104
    assert view.rows.counts()[""] == 1
    assert done < 104

    results = view.results
    results.chart.pressed.emit("negative")
    assert set(map(view.rows.label_of, view.rows.shown_rows())) == {"negative"}
    results.table.open_row(1)
    assert results.detail.isVisible()
    assert results.detail.field.text() == BAD
    view.exporter.write(tmp_path / "some.csv", shown=True)
    qtbot.waitUntil(lambda: (tmp_path / "some.csv").is_file(), timeout=20_000)
    with open(tmp_path / "some.csv", encoding="utf-8-sig", newline="") as opened:
        written = list(csv.reader(opened))
    assert written[0][:3] == ["n", "what they said", "sentiment"]
    assert [row[2] for row in written[1:]] == ["negative"] * view.rows.rowCount()
    results.reset_filter()
    view.exporter.write(tmp_path / "all.csv")
    qtbot.waitUntil(lambda: (tmp_path / "all.csv").is_file(), timeout=20_000)
    with open(tmp_path / "all.csv", encoding="utf-8-sig", newline="") as opened:
        written = list(csv.reader(opened))
    assert len(written) == 105
    assert written[3][1] == "'=1+1 is what I paid"
    view.exporter.write(tmp_path / "chart.png")
    assert QImage(str(tmp_path / "chart.png")).width() > 1000
    (tmp_path / "taken.png").mkdir()
    view.exporter.write(tmp_path / "taken.png", asked=tmp_path / "taken.png")
    assert not list(tmp_path.glob("*.new"))
    view.exporter.write(file)
    assert file.read_text(encoding="utf-8").startswith("n,what they said\n")
    assert view.exporter.suggested(".csv").name == "in sentiment.csv"

    page.card.close_button.click()
    assert view.rows.count() == 0
    assert page.open_button.isVisible()
    panel.open(file)  # all of it is known from before
    qtbot.waitUntil(lambda: page.card.preview is not None, timeout=20_000)
    page.card.start_button.click()
    qtbot.waitUntil(lambda: run.state == FINISHED, timeout=LONG_WAIT)
    assert view.rows.count() == 104


def test_what_cannot_be_judged_is_said_in_place(panel: SentimentPanel, qtbot: QtBot, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    panel.open(tmp_path / "empty.csv")
    qtbot.waitUntil(lambda: panel.problem_text.isVisible(), timeout=20_000)
    assert "empty.csv" in panel.problem_text.text()
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert not panel.problem_text.isVisible()
    mime = QMimeData()
    mime.setText("word " * 400_000)
    panel.text_page.field.insertFromMimeData(mime)
    assert "2,000,000" in panel.problem_text.text()
    assert panel.text_page.field.text() == ""


@pytest.mark.slow
def test_without_a_model_it_offers_one(shell_context: AppContext, no_models: Path, qtbot: QtBot) -> None:
    panel = SentimentPanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    assert panel.offer is not None
    assert panel.offer.isVisible()
    assert not panel.pages.isVisible()


def test_it_is_all_named_and_speaks_chinese(panel: SentimentPanel, qtbot: QtBot) -> None:
    panel.context.set_language("zh_CN")
    assert panel.bar.text_button.text() == "文本"
    assert panel.bar.two_way.text() == "不含中性"
    panel.context.set_language("en")
    _, rows = panel._shortcut_rows()
    assert len(rows) >= 10
    assert all(keys and text for keys, text in rows)


def drop(panel: SentimentPanel, file: Path) -> None:
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(file))])
    action, place = Qt.DropAction.CopyAction, QPointF(QPoint(50, 50))
    event = QDropEvent(place, action, mime, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier)
    panel.dropEvent(event)
