"""A column of a table: measured once, killed and gone on with, exported without formulas."""

from __future__ import annotations

import csv
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from autogpt_desktop.documents.tables import read_table
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.storage.corrections import Corrections
from autogpt_desktop.tasks.sentiment.table import RunState, TableRun

GOOD, BAD = "Wonderful, I loved it.", "Terrible, a waste of money."


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    models = ModelPool(lambda role: gemma_gguf, device="cpu", context_length=1024)
    yield models
    models.unload()


def write(path: Path, rows: list[list[str]]) -> Path:
    with open(path, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def states(run: TableRun, models: Any, **options: Any) -> list[RunState]:
    return [state for state in run.run(models, **options) if isinstance(state, RunState)]


def test_texts_are_computed_once_and_again_not_at_all(models: ModelPool, tmp_path: Path) -> None:
    rows = [["id", "text"], *([str(n), [GOOD, BAD, ""][n % 3]] for n in range(9))]
    table = read_table(write(tmp_path / "a.csv", rows))
    with closing(TableRun(table, "text", tmp_path / "runs")) as run:
        last = states(run, models)[-1]
        assert (last.done, last.total, last.computed, last.reused) == (9, 9, 3, 6)
        assert last.labels == {"positive": 3, "negative": 3, "": 3}
        assert last.neutral_share == 0
        assert last.rows_per_second > 0
        assert run._judge is not None
        assert run._judge.scorer.copies == []
        found = list(run.rows())
        assert [(row[0], one.label) for row, one in found[:2]] == [("0", "positive"), ("1", "negative")]
    with closing(TableRun(table, "2", tmp_path / "runs")) as run:
        again = states(run, models, two_way=True)[-1]
        assert again.computed == 0
        assert again.reused == 9
        assert [one.d for _, one in run.rows()] == [one.d for _, one in found]
        assert all(one.neutral == 0 for _, one in run.rows())
    with pytest.raises(KnownError):
        TableRun(table, "no such column")


def test_corrections_judge_again_without_asking_again(models: ModelPool, tmp_path: Path) -> None:
    table = read_table(write(tmp_path / "a.csv", [["text"], [GOOD], [BAD], ["It is what it is."]]))
    corrections = Corrections(tmp_path / "corrections.json")
    with closing(TableRun(table, "text", tmp_path / "runs")) as run:
        states(run, models, two_way=True)
        before = [one.positive for _, one in run.rows()]
        for text in (GOOD, "It is what it is.", "Not bad at all."):
            corrections.add(text, "positive")
        corrections.add("It is a disgrace.", "negative")
        assert states(run, models, two_way=True, corrections=corrections)[-1].computed == 0
        assert [one.positive for _, one in run.rows()][2] > before[2]


@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_export_writes_no_formula_and_loses_no_cell(models: ModelPool, tmp_path: Path, ending: str) -> None:
    evil = ["=1+1", "+cmd|' /C calc'!A0", "-2+3 is fine", "@SUM(A1)", "\tx", "\rx", "plain"]
    rows = [["note", "text", "sentiment"], *([one, GOOD, "mine"] for one in evil), ["a", BAD, "b", "more"]]
    table = read_table(write(tmp_path / "in.csv", rows))
    out = tmp_path / f"out{ending}"
    with closing(TableRun(table, "text", tmp_path / "runs")) as run:
        states(run, models)
        assert run.export(out) == 8
        with pytest.raises(Cancelled):
            run.export(tmp_path / "no.csv", cancelled=lambda: True)
        assert not list(tmp_path.glob("*no*"))
    if ending == ".csv":
        with open(out, encoding="utf-8-sig", newline="") as file:
            written = list(csv.reader(file))
        assert not [cell for row in written for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    else:
        sheet = openpyxl.load_workbook(out).active
        assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
        written = [[str(cell.value or "") for cell in row] for row in sheet.iter_rows()]
        assert written[1][0] == "=1+1"
        assert sheet["E2"].data_type == "s"
        assert sheet["F2"].data_type == "n"
    names = [
        "note",
        "text",
        "sentiment",
        "Column 4",
        "sentiment (2)",
        "positive",
        "neutral",
        "negative",
        "flags",
    ]
    assert written[0] == names
    assert written[8][:5] == ["a", BAD, "b", "more", "negative"]
    assert float(written[1][5]) > 0.5


RUN = """
import sys
from pathlib import Path
from autogpt_desktop.documents.tables import read_table
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.tasks.sentiment.table import RunState, TableRun
models = ModelPool(lambda role: Path(sys.argv[1]), device="cpu", context_length=1024)
run = TableRun(read_table(Path(sys.argv[2])), "text", Path(sys.argv[3]))
for event in run.run(models):
    if isinstance(event, RunState):
        print(event.computed, flush=True)
"""


def test_a_killed_run_goes_on_where_it_was(models: ModelPool, gemma_gguf: Path, tmp_path: Path) -> None:
    texts = [f"{GOOD if n % 2 else BAD} ({n})" for n in range(90)]
    path = write(tmp_path / "a.csv", [["text"], *([text] for text in texts)])
    command = [sys.executable, "-c", RUN, str(gemma_gguf), str(path), str(tmp_path / "runs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "64"
        time.sleep(0.1)  # in the middle of the next ones
        process.send_signal(getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()
    with closing(TableRun(read_table(path), "text", tmp_path / "runs")) as run:
        last = states(run, models)[-1]
        assert last.done == 90
        assert 64 <= last.reused < 90
        assert last.computed == 90 - last.reused
        assert [row[0] for row, _ in run.rows()] == texts
        assert all(one.label == ("positive" if GOOD in row[0] else "negative") for row, one in run.rows())


def test_a_run_that_is_left_is_gone_on_with(models: ModelPool, tmp_path: Path) -> None:
    texts = [[f"Number {n} was nice."] for n in range(70)]
    table = read_table(write(tmp_path / "a.csv", [["text"], *texts]))
    with closing(TableRun(table, "text", tmp_path / "runs")) as run:
        events = run.run(models)
        while not isinstance(next(events), RunState):
            pass
        events.close()
        assert len(list(run.rows())) == 64  # what there is by then
        assert states(run, models)[-1].reused == 64


@pytest.mark.slow
def test_formulas_without_saved_results_are_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Title", "Review", "Note"], ["Great", '=A2&"!"', "nice"], ["Awful", '=A3&"!"', "=A3"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    table = read_table(tmp_path / "a.xlsx")
    with closing(TableRun(table, "Review", tmp_path)) as run, pytest.raises(KnownError) as caught:
        list(run.run(None))  # type: ignore[arg-type]  # it comes before the model is asked for
    assert caught.value.key == "table-formulas"
    assert caught.value.values == {"name": "a.xlsx", "column": "Review", "n": "2"}
    with closing(TableRun(table, "Note", tmp_path)) as run:
        said = [event for event in run._count_rows() if isinstance(event, Notice)]
    assert [(notice.key, notice.values["n"]) for notice in said] == [("notice.table-formulas", "1")]


def test_results_of_a_workbook_are_the_workbook(models: ModelPool, tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in (["Price", "Review"], [19.5, GOOD], [None, None], [7, BAD]):
        book.active.append(row)
    book.active["A2"].number_format = "0.00 €"
    book.create_sheet("Notes").append(["Keep"])
    book.save(tmp_path / "a.xlsx")
    table = read_table(tmp_path / "a.xlsx")
    with closing(TableRun(table, "Review", tmp_path / "runs")) as run:
        assert states(run, models)[-1].labels == {"positive": 1, "negative": 1, "": 1}
        assert run.export(tmp_path / "out.xlsx", own={3: "neutral"}) == 3
        assert run.export(tmp_path / "some.xlsx", only={0}) == 1
    found = openpyxl.load_workbook(tmp_path / "out.xlsx")
    sheet = found.worksheets[0]
    assert (found.sheetnames, sheet["A2"].value, sheet["A2"].number_format) == (
        ["Sheet", "Notes"],
        19.5,
        "0.00 €",
    )
    assert [sheet[f"C{row}"].value for row in range(1, 5)] == ["sentiment", "positive", None, "negative"]
    assert isinstance(sheet["D2"].value, float)
