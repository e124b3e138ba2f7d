"""The Lab: a run is set up and followed, listed, compared; a model is looked into."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs import launch
from autogpt_desktop.lab.runs.events import Eval, Failed, Finished, Growth, Resumed, Sample, Train, Trial
from autogpt_desktop.lab.runs.log import LogReader, LogWriter
from autogpt_desktop.ui.lab.export import content
from autogpt_desktop.ui.lab.follower import EVERY_MS, HIDDEN_MS
from autogpt_desktop.ui.lab.inside.page import ATTENTION, NEXT, SURPRISE
from autogpt_desktop.ui.lab.panel import INSIDE, RUN, SETUP, LabPanel
from autogpt_desktop.ui.lab.record import read_record
from autogpt_desktop.ui.lab.run_page import DATA, TRIALS
from autogpt_desktop.ui.lab.words import ADAPT, ANSWER, EMBED, HEAD, NEW
from tests.engine.tiny_folders import write_encoder
from tests.ui.lab.kit import EVENTS, FOUND, WAIT, lab_panel, make_run  # noqa: F401  a fixture


@pytest.fixture
def panel(lab_panel: LabPanel) -> LabPanel:  # noqa: F811
    return lab_panel


@pytest.mark.slow
def test_nothing_starts_without_data_and_the_dial_says_the_time(panel: LabPanel, tmp_path: Path) -> None:
    setup = panel.setup
    assert panel.modes.choice == SETUP
    assert not setup.start_button.isEnabled()
    assert QApplication.focusWidget() is not setup.start_button
    setup.set_kind(NEW)
    assert setup.minutes == 20
    assert setup.time.text() == "20 minutes"
    setup.dial.setValue(setup.dial.maximum())
    assert setup.time.text() == "8 hours"
    text = tmp_path / "text.txt"
    text.write_text("In the beginning. " * 500, encoding="utf-8")
    panel.drop([text, text])
    assert setup.data.paths() == (str(text),)
    assert setup.start_button.isEnabled()
    setup.data.list.selectAll()
    setup.data.remove_selected()
    assert not setup.start_button.isEnabled()


@pytest.mark.slow
def test_the_forecast_tells_what_the_time_buys(panel: LabPanel, tmp_path: Path, qtbot: QtBot) -> None:
    setup = panel.setup
    setup.set_kind(NEW)
    text = tmp_path / "text.txt"
    text.write_text("In the beginning was the word. " * 40_000, encoding="utf-8")
    panel.drop([text])
    qtbot.waitUntil(lambda: "1.2 MB" in setup.expected.text(), timeout=WAIT)
    assert "parameters" in setup.expected.text()


@pytest.mark.slow
def test_a_table_gives_its_columns(panel: LabPanel, tmp_path: Path, qtbot: QtBot) -> None:
    setup = panel.setup
    setup.set_kind(HEAD)
    text = tmp_path / "text.txt"
    text.write_text("no table", encoding="utf-8")
    panel.drop([text])
    assert not setup.start_button.isEnabled()
    setup.data.list.selectAll()
    setup.data.remove_selected()
    table = tmp_path / "mail.csv"
    rows = [f"{n},a message about thing number {n},{'bill' if n % 2 else 'order'}" for n in range(20)]
    table.write_text("id,message,kind\n" + "\n".join(rows), encoding="utf-8")
    panel.drop([table])
    qtbot.waitUntil(lambda: setup.text_column.count() == 3, timeout=WAIT)
    spec = setup.spec()
    assert (spec.kind, spec.task, spec.data.text_column, spec.data.label_column) == (
        HEAD, "classify", "message", "kind"
    )  # fmt: skip
    assert setup.start_button.isEnabled()
    setup.set_kind(ADAPT)
    assert setup.spec().base == "tiny"


@pytest.mark.slow
def test_all_that_the_terminal_makes_can_be_made_here(
    panel: LabPanel, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup = panel.setup
    for kind in (EMBED, ANSWER):
        setup.set_kind(kind)
        assert setup.base.count() == 0, "a language model is no base for it"
    table = tmp_path / "asked.csv"
    rows = [f"{n},Parcel {n} lies in room {n} of the house.,Where is parcel {n}?,room {n}" for n in range(20)]
    table.write_text("id,passage,question,answer\n" + "\n".join(rows), encoding="utf-8")
    panel.drop([table])
    assert "finds texts by meaning" in setup.expected.text()
    assert not setup.start_button.isEnabled()
    write_encoder(paths.models_dir() / "finder", "bert")
    panel.context.refresh_models()
    qtbot.waitUntil(lambda: setup.text_column.count() == 4, timeout=WAIT)
    spec = setup.spec()
    assert (spec.kind, spec.task, spec.base) == ("head", "answer", "finder")
    data = spec.data
    assert (data.text_column, data.question_column, data.answer_column) == ("passage", "question", "answer")
    assert setup.question_column.isVisible()
    qtbot.waitUntil(lambda: "of memory" in setup.expected.text(), timeout=WAIT)
    setup.set_kind(EMBED)
    spec = setup.spec()
    assert (spec.kind, spec.task) == ("head", "embed")
    assert (spec.data.text_column, spec.data.answer_column, spec.data.label_column) == (
        "question", "answer", ""
    )  # fmt: skip
    assert not setup.question_column.isVisible()
    began: list[runs.Run] = []
    monkeypatch.setattr(launch, "start", began.append)
    setup.start()
    assert [run.spec.task for run in began] == ["embed"]


@pytest.mark.slow
def test_data_is_looked_at_by_a_real_process(panel: LabPanel, tmp_path: Path, qtbot: QtBot) -> None:
    text = tmp_path / "text.txt"
    text.write_text(
        "\n\n".join(f"Paragraph {n} of a text about {n * n}." for n in range(900)), encoding="utf-8"
    )
    panel.setup.set_kind(NEW)
    panel.drop([text])
    panel.setup.look_button.click()
    assert panel.modes.choice == RUN
    page = panel.run_page
    qtbot.waitUntil(lambda: page.follower.record.data is not None, timeout=3 * WAIT)
    qtbot.waitUntil(lambda: not page.follower.running, timeout=WAIT)
    qtbot.waitUntil(lambda: page.resume_button.isVisible(), timeout=WAIT)
    assert page.parts.choice == DATA
    assert "tokens" in page.data.toPlainText()
    assert page.resume_button.text() == "Start training"
    launch.wait(60)


@pytest.mark.slow
def test_a_run_is_shown_with_its_curves_trials_and_samples(panel: LabPanel) -> None:
    panel.open_run(make_run())
    page = panel.run_page
    shown = [figure.value.text() for figure in page.figures if not figure.isHidden()]
    assert shown == ["0.960", "2.500", "5,200"]
    assert "beginning" in page.samples.toPlainText()
    page.parts.buttons[TRIALS].click()
    assert [page.trials.item(row, 0).text() for row in range(3)] == ["3", "1", "2"]
    assert "no memory" in page.trials.item(2, 5).text()
    assert page.curves.in_bits
    assert "from 1.443 to 0.962" in page.curves.accessibleName()
    rows = list(csv.DictReader(io.StringIO(page.curves.table())))
    assert [row["curve"] for row in rows] == ["train", "train", "held-out", "held-out"]
    assert float(rows[-1]["bits_per_byte"]) == pytest.approx(0.9618, abs=1e-3)
    picture = QImage.fromData(content(page.curves, ".png"))
    assert picture.width() >= 800
    assert not picture.isNull()


@pytest.mark.slow
def test_labels_that_were_learned_in_one_go_show_what_was_tried(panel: LabPanel) -> None:
    tried = Trial(1, 500, {"model": "finder", "layers": [4]}, "done", loss=0.1)
    run = make_run((FOUND, tried, Eval(1, 0, 0.1, accuracy=0.9, best=True), Finished("converged", "result")))
    panel.open_run(run)
    page = panel.run_page
    assert not page.curves.isVisible()
    assert page.parts.choice == TRIALS
    assert page.trials.isColumnHidden(1), "no bits per byte"
    panel.open_run(make_run(name="Other"))
    assert page.curves.isVisible()
    assert not page.trials.isColumnHidden(1)


@pytest.mark.slow
def test_what_a_model_said_before_and_after_stands_together(panel: LabPanel) -> None:
    said = [Sample(0, "Which city?", "I am a bot.", "before"), Sample(0, "And you?", "No.", "before"),
            Sample(9, "Which city?", "Oslo", "after"), Sample(9, "And you?", "Yes.", "after")]  # fmt: skip
    panel.open_run(make_run([*EVENTS[:1], *said]))
    assert panel.run_page.samples.toPlainText() == (
        "Which city?\nBefore → I am a bot.\nAfter → Oslo\n\nAnd you?\nBefore → No.\nAfter → Yes."
    )


@pytest.mark.slow
def test_an_embedding_model_may_carry_labels_and_is_no_base_to_adapt(panel: LabPanel) -> None:
    write_encoder(paths.models_dir() / "finder", "bert")
    panel.context.refresh_models()
    setup = panel.setup
    offered = []
    for kind in (HEAD, ADAPT):
        setup.set_kind(kind)
        offered.append([setup.base.itemData(at) for at in range(setup.base.count())])
    assert offered[0] == ["", "finder", "tiny"]
    assert offered[1] == ["tiny"]
    setup.set_kind(HEAD)
    assert setup.base.currentData() == "", "what is adapted is not what carries labels, unless it is chosen"
    setup.base.setCurrentIndex(1)
    setup.set_kind(ADAPT)
    setup.set_kind(HEAD)
    assert setup.base.currentData() == "finder"


@pytest.mark.slow
def test_a_run_that_was_cut_is_offered_and_can_be_resumed(
    no_models: Path, panel: LabPanel, qtbot: QtBot
) -> None:
    make_run(EVENTS[:6], name="Cut")
    panel._offer_unfinished()
    page = panel.run_page
    assert panel.modes.choice == RUN
    assert "Was cut" in page.state.text()
    assert page.resume_button.isVisible()
    assert not page.stop_button.isVisible()


@pytest.mark.slow
def test_a_run_that_is_over_is_not_polled_and_one_that_goes_on_again_is(
    panel: LabPanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, page = make_run(), panel.run_page
    panel.open_run(run)
    follower = page.follower
    assert not follower.polls
    built: list[int] = []
    monkeypatch.setattr(page, "_samples_text", lambda: built.append(1) or "")
    monkeypatch.setattr(page, "_data_text", lambda: built.append(1) or "")
    with run.lock():  # as `train resume` does in a terminal
        writer = LogWriter(run.log)
        writer.write(11.0, Resumed(20))
        qtbot.waitUntil(lambda: follower.polls and page.stop_button.isVisible(), timeout=WAIT)
        for step in range(30, 35):
            writer.write(11.0 + step, Train(step, 100 * step, 1.0, 1e-3, 10.0))
        qtbot.waitUntil(lambda: page.follower.record.train[-1].step == 34, timeout=WAIT)
        assert not built, "neither samples nor data have changed"
        writer.write(60.0, Sample(34, "In the ", "end"))
        qtbot.waitUntil(lambda: len(built) == 2, timeout=WAIT)
        panel.show_mode(SETUP)
        assert follower._timer.interval() == HIDDEN_MS
        writer.write(61.0, Finished("time", "result", 1.0, 0.5))
        writer.close()
        panel.show_mode(RUN)
        assert follower._timer.interval() == EVERY_MS
    qtbot.waitUntil(lambda: not follower.polls and not page.stop_button.isVisible(), timeout=WAIT)


@pytest.mark.slow
def test_a_finished_run_can_be_given_more_minutes(panel: LabPanel, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[runs.Run] = []
    monkeypatch.setattr(launch, "start", started.append)
    run, page = make_run(), panel.run_page
    panel.open_run(run)
    assert page.more_button.isVisible()
    assert not page.resume_button.isVisible()
    menu = page.more_button.menu()
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()][:2] == ["2 minutes more", "5 minutes more"]
    menu.actions()[1].trigger()
    assert [one.spec.minutes for one in started] == [pytest.approx(run.seconds / 60 + 5, abs=0.01)]
    assert runs.again(run).spec.minutes == started[0].spec.minutes
    with run.lock():
        page.extend(5)
    assert "another process" in panel.problem_text.text()


@pytest.mark.slow
def test_why_a_run_failed_is_told(panel: LabPanel) -> None:
    panel.open_run(make_run((*EVENTS[:1], Failed("run-disk-full", {"name": "Genesis"}))))
    assert "Genesis" in panel.run_page.state.text()
    assert "room" in panel.run_page.state.text() or "disk" in panel.run_page.state.text()


@pytest.mark.slow
def test_runs_are_listed_compared_renamed_and_deleted_with_undo(panel: LabPanel, qtbot: QtBot) -> None:
    first, second = make_run(name="First"), make_run(name="Second")
    panel.open_run(first)
    panel.show_runs()
    card = panel.runs_card
    assert card is not None
    items = card.list.model.items()
    assert {item.title for item in items} == {"First", "Second"}
    assert "0.960 bits per byte" in items[0].note
    card.list.renamed.emit(next(item for item in items if item.title == "First"), "Renamed")
    assert runs.again(first).name == "Renamed"
    assert panel.run_page.title.text() == "Renamed"
    card.compared.emit(second)
    assert [other.name for other in panel.run_page.curves.others] == ["Second"]
    undo = []
    panel.context.toast_requested.connect(undo.append)
    card.list.deleted.emit(next(item for item in card.list.model.items() if item.title == "Renamed"))
    assert panel.modes.choice == SETUP
    assert [run.name for run in runs.all_runs()] == ["Second"]
    undo[-1].undo()
    assert {run.name for run in runs.all_runs()} == {"Renamed", "Second"}


def test_a_resumed_run_draws_no_step_twice() -> None:
    run = make_run(
        (*EVENTS[:9], Resumed(10), Train(20, 2000, 1.9, 1e-3, 1.0), Eval(20, 2000, 1.9), EVENTS[-1])
    )
    record = read_record(LogReader(run.log).read_all())
    assert [point.step for point in record.train] == [10, 20]
    assert [point.value for point in record.held_out] == [3.0, 1.9]
    assert isinstance(record.finished, Finished)
    grown = read_record(LogReader(make_run((Growth(10, "deeper", 5, 9, 0.0),)).log).read_all())
    assert len(grown.growths) == 1


@pytest.mark.slow
def test_what_comes_next_surprise_and_attention(panel: LabPanel, qtbot: QtBot) -> None:
    page = panel.inside
    panel.show_mode(INSIDE)
    assert QApplication.focusWidget() is page.field
    qtbot.keyClicks(page.field, "the other thing")
    qtbot.waitUntil(lambda: len(page.likely.tokens) == 20, timeout=WAIT)
    before = page.field.text()
    qtbot.keyClick(page.likely, Qt.Key.Key_Down)
    written = page.likely.tokens[1].text
    qtbot.keyClick(page.likely, Qt.Key.Key_Return)
    assert page.field.text() == before + ("" if "\\x" in written else written)
    page.modes.buttons[SURPRISE].click()
    qtbot.waitUntil(lambda: page.surprise.toPlainText() == page.field.text(), timeout=WAIT)
    assert "Perplexity" in page.figures.text()
    page.modes.buttons[ATTENTION].click()
    qtbot.waitUntil(lambda: page.attention is not None, timeout=WAIT)
    assert page.layer.count() == 2
    assert page.head.itemText(0) == "All (mean)"
    page.layer.setCurrentIndex(1)
    qtbot.waitUntil(lambda: page.attention is not None and page.attention.layer == 1, timeout=WAIT)
    page.modes.buttons[NEXT].click()
    page.field.clear()
    qtbot.waitUntil(lambda: not page._job.running, timeout=WAIT)


@pytest.mark.slow
def test_a_text_of_another_panel_is_looked_at(panel: LabPanel, qtbot: QtBot) -> None:
    panel.receive_text("the rest")
    assert panel.modes.choice == INSIDE
    qtbot.waitUntil(lambda: panel.inside.reading is not None, timeout=WAIT)
