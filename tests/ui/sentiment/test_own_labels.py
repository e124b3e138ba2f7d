"""Texts, lists and tables by the labels of a head that the user trained; only the head is a small script."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop.engine.formats.adapter_files import Base
from autogpt_desktop.engine.formats.head_file import Head, write_head
from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.lab.words import HEAD
from autogpt_desktop.ui.sentiment import verdict_job
from autogpt_desktop.ui.sentiment.label_choice import TRAIN, LabelChoice
from autogpt_desktop.ui.sentiment.panel import SentimentPanel
from autogpt_desktop.ui.sentiment.run_control import FINISHED
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.panel_registry import more_panels
from tests.tiny import write_tiny_gguf
from tests.ui.chat.kit import ScriptModels
from tests.ui.contexts import opened_context
from tests.ui.sentiment.kit import WAIT, scored
from tests.ui.shell.panel import make_panel

LABELS = ("bill", "delivery", "fault", "order", "praise", "refund & return")
LINES = ["the bill is wrong", "a refund please", "praise for the crew", "my bill again"]
ROWS = [*zip(LINES, ("Bonn", "Bonn", "Ulm", "Ulm"), strict=True), ("", "Ulm")]


class HeadScript:
    """Shaped like ``engine.text_head.HeadEngine``: a label is what the text names."""

    name, labels, context_length = "mine on tiny", LABELS, 64

    def __init__(self, head: Head) -> None:
        self.head = head

    def tokens(self, text: str) -> int:
        return len(text.split())

    def classify(self, texts: Sequence[str], cancelled: Callable[[], bool]) -> Iterator[Any]:
        for number, text in enumerate(texts):
            yield number, [4.0 if label.split()[0] in text else 0.0 for label in LABELS]


@pytest.fixture
def head(no_models: Path) -> Head:
    write_tiny_gguf(no_models / "tiny.gguf")
    weights, bias = np.zeros((len(LABELS), 8), np.float32), np.zeros(len(LABELS), np.float32)
    made = Head(LABELS, Base("tiny", path=str(no_models / "tiny.gguf")), (1,), weights, bias, "mine")
    write_head(no_models / "mine", made)
    return made


@pytest.fixture
def window(head: Head, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    class Models(ScriptModels):
        def get(self, role: str = "chat") -> Iterator[Any]:
            if role == "mine":
                return HeadScript(head)
            return (yield from super().get(role))

    monkeypatch.setattr(verdict_job, "look", lambda _models, text, **_options: iter([scored(0, text)]))
    monkeypatch.setattr(verdict_job, "sentiment", lambda *_given, **_options: iter(()))
    with opened_context(tmp_path / "history.db", lambda *_given: Models()) as context:
        monkeypatch.setattr(context, "load_chosen_model", lambda: None)
        kinds = [kind for kind in more_panels(context) if kind.key in ("sentiment", "lab")]
        made = MainWindow(context, make_panel, panels=kinds)
        qtbot.addWidget(made)
        made.resize(900, 640)
        with qtbot.waitSignal(made.first_painted):
            made.show()
        made.columns.show_panel("sentiment")
        yield made
        made.close()
        assert made.downloads.stop(10_000)


@pytest.fixture
def panel(window: MainWindow) -> SentimentPanel:
    found: SentimentPanel = window.columns.panel("sentiment")
    return found


def choose(panel: SentimentPanel, name: str) -> None:
    """As the mouse does in the list."""
    combo = panel.bar.choice.combo
    combo.setCurrentIndex(combo.findData(name))
    combo.activated.emit(combo.currentIndex())


@pytest.mark.slow
def test_a_text_and_a_list_get_the_labels_of_the_head_that_was_chosen(
    panel: SentimentPanel, qtbot: QtBot
) -> None:
    combo, page = panel.bar.choice.combo, panel.text_page
    assert [combo.itemText(at) for at in range(combo.count())] == [
        "Sentiment", "mine", "", "Train your own labels…"
    ]  # fmt: skip
    choose(panel, "mine")
    assert Settings.load().sentiment_labels == "mine"
    assert not panel.bar.two_way.isVisible()
    assert panel.bar.corrections_button not in panel.bar.actions_row.offered()
    page.field.setPlainText("The bill is wrong")
    qtbot.waitUntil(lambda: page.verdict.title.text().startswith("bill · 9"), timeout=WAIT)
    assert page.verdict.bar.accessibleName().startswith("92 % bill, 2 % delivery")
    assert not page.verdict.correct.isVisible()
    assert not page.verdict.explain_button.isVisible()
    page.field.setPlainText("\n".join(f"{at}. {line}" for at, line in enumerate(LINES, 1)))
    control, rows = page.run_view.control, page.run_view.rows
    qtbot.waitUntil(lambda: control.state == FINISHED, timeout=WAIT)
    assert rows.counts() == dict.fromkeys((*LABELS, ""), 0) | {"bill": 2, "refund & return": 1, "praise": 1}
    results = page.run_view.results
    qtbot.waitUntil(lambda: "bill 2 (50 %)" in results.chart.accessibleName(), timeout=WAIT)
    assert results.chart_area.height() <= max(results.chart.height_of(3), results.height() // 3)
    results.chart.pressed.emit("bill")
    assert rows.rowCount() == 2
    assert [results.kinds.itemText(at) for at in range(results.kinds.count())][-2:] == [
        "Uncertain: below 60 %", "Without a text"
    ]  # fmt: skip
    results.table.open_row(3)
    qtbot.waitUntil(lambda: results.detail.verdict.title.text().startswith("bill"), timeout=WAIT)
    menu = results.table.make_menu(3)
    assert "What it really is:" not in [action.text() for action in menu.actions()]
    panel.saver.save_now()
    (kept,) = panel.saver.history.entries()
    assert (kept.model, kept.labels, kept.outcome) == ("mine", LABELS, (2, 0, 0, 0, 1, 1))
    panel.show_history()
    assert panel.history_card is not None
    assert panel.history_card.list.model.items()[0].note == "List · bill 2, praise 1, refund & return 1"


@pytest.mark.slow
def test_a_table_is_labeled_grouped_exported_and_opened_again(
    panel: SentimentPanel, qtbot: QtBot, tmp_path: Path
) -> None:
    choose(panel, "mine")
    path, page = tmp_path / "mails.csv", panel.table_page
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "city"), *ROWS])
    panel.open(path)
    qtbot.waitUntil(lambda: page.card.preview is not None, timeout=WAIT)
    page.card.start_button.click()
    view, control = page.run_view, page.run_view.control
    qtbot.waitUntil(lambda: control.state == FINISHED, timeout=WAIT)
    assert [view.rows.label_of(row) for row in range(5)] == ["bill", "refund & return", "praise", "bill", ""]
    assert view.rows.cell(4, 1) == "Empty"
    grouping = view.grouping
    grouping.combo.setCurrentIndex(1)
    grouping.combo.activated.emit(1)
    qtbot.waitUntil(lambda: grouping.table.rows.rowCount() == 2, timeout=WAIT)
    names = [grouping.table.rows.headerData(at, grouping.table.horizontalHeader().orientation())
             for at in range(grouping.table.rows.columnCount())]  # fmt: skip
    assert names == ["city", "Texts", *LABELS, ""]
    assert [grouping.table.rows.index(0, at).data() for at in (0, 1, 2, 7)] == ["Ulm", "2", "50 %", "0 %"]
    view.exporter.write_groups(tmp_path / "groups.csv")
    qtbot.waitUntil(lambda: (tmp_path / "groups.csv").is_file(), timeout=WAIT)
    assert view.exporter.suggested(".csv").name == "mails labels.csv"
    view.exporter.write(tmp_path / "out.csv")
    qtbot.waitUntil(lambda: (tmp_path / "out.csv").is_file(), timeout=WAIT)
    with open(tmp_path / "out.csv", encoding="utf-8-sig", newline="") as file:
        written = list(csv.reader(file))
    assert written[0] == ["text", "city", "label", "probability", *LABELS]
    assert written[1][2:4] == ["bill", "0.9161"]
    assert written[5][2:] == [""] * 8
    view.exporter.write(tmp_path / "chart.png")
    assert (tmp_path / "chart.png").read_bytes().startswith(b"\x89PNG")

    page.card.close_file()
    choose(panel, "")
    (kept,) = panel.saver.history.entries()
    panel.open_entry(kept)
    assert panel.bar.choice.scheme.model == "mine", "it is judged as it was then"
    qtbot.waitUntil(lambda: control.state == FINISHED and view.rows.count() == 5, timeout=WAIT)


@pytest.mark.slow
def test_the_choice_is_remembered_and_a_head_that_is_gone_leaves_sentiment(
    panel: SentimentPanel, no_models: Path, qtbot: QtBot
) -> None:
    choose(panel, "mine")
    panel.text_page.field.setPlainText("praise")
    qtbot.waitUntil(lambda: panel.text_page.verdict.title.text().startswith("praise"), timeout=WAIT)
    panel.saver.save_now()
    again = LabelChoice(panel.context)
    qtbot.addWidget(again)
    again.refresh()
    assert (again.scheme.model, again.scheme.labels) == ("mine", LABELS)
    assert panel.text_page.scheme == panel.table_page.scheme == again.scheme
    assert panel.context.panels.working["sentiment"].names == ("mine",)
    shutil.rmtree(no_models / "mine")
    panel.context.refresh_models()
    assert panel.bar.choice.scheme.model == ""
    assert panel.bar.two_way.isVisible()
    assert "sentiment" not in panel.context.panels.working
    (kept,) = panel.saver.history.entries()
    panel.open_entry(kept)
    assert "not installed any more" in panel.problem_text.text()
    assert panel.text_page.field.text() == "praise"


@pytest.mark.slow
def test_a_head_without_its_base_is_listed_and_cannot_be_chosen(
    panel: SentimentPanel, no_models: Path
) -> None:
    (no_models / "tiny.gguf").unlink()
    panel.context.refresh_models()
    combo = panel.bar.choice.combo
    assert not combo.model().item(1).isEnabled()
    assert not panel.bar.choice.choose("mine")


@pytest.mark.slow
def test_the_way_to_the_lab_and_back(window: MainWindow, panel: SentimentPanel) -> None:
    choose(panel, TRAIN)
    lab = window.columns.panel("lab")
    assert lab.isVisible()
    assert lab.setup.kind == HEAD
    assert panel.bar.choice.combo.currentText() == "Sentiment"
    window.context.panels.ask("sentiment", "mine")
    assert panel.isVisible()
    assert panel.bar.choice.scheme.model == "mine"
