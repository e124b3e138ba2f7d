"""What each kind of run hands to those who train, and what it needs of the files."""

from __future__ import annotations

import itertools
import json
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop import paths
from autogpt_desktop.lab.clock import WorkClock
from autogpt_desktop.lab.data.examples import pair, question_about
from autogpt_desktop.lab.process import work
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.events import Event, Finished, Stage
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from tests.lab import tiny_result
from tests.lab.data.test_prepare import prose
from tests.lab.tiny_result import write_result

Given = dict[str, Any]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """What the trainers are called with; in their place something that takes no time."""
    seen: Given = {}

    def train(**values: Any) -> Iterator[Event]:
        seen.update(values)
        yield Stage("stage.lab-training")
        yield Finished("stopped" if seen.pop("cut", False) else "time", "result", 1.0)

    def adapt(spec: Any, base: Any, learned: Any, held_out: Any, folder: Any, **more: Any) -> Iterator[Event]:
        return train(base=base, train=learned, held_out=held_out, folder=folder, **more)

    def train_head(
        spec: Any, learned: Any, held_out: Any, bases: Any, folder: Any, **more: Any
    ) -> Iterator[Event]:
        return train(bases=bases, train=learned, held_out=held_out, folder=folder, **more)

    @dataclass
    class HeadBase:
        name: str
        path: Path

    modules: dict[str, Given] = {
        "run": {"adapt": adapt},
        "head": {"train_head": train_head, "HeadBase": HeadBase},
        "embed": {"train_embedding": adapt},
        "spans": {"train_spans": adapt},
    }
    for name, values in modules.items():
        module = types.ModuleType(f"autogpt_desktop.lab.adapt.{name}")
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return seen


@pytest.fixture
def base(tmp_path: Path) -> Path:
    write_result(tmp_path / "base", 300)
    return tmp_path / "base"


@pytest.mark.slow
def test_reading_much_data_leaves_time_to_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def train_new(*given: Any, clock: Any, **more: Any) -> Iterator[Event]:
        seen.append(clock())
        yield from tiny_result.train_new(*given, clock=clock, **more)

    module = types.ModuleType("autogpt_desktop.lab.train.run")
    vars(module)["train_new"] = train_new
    monkeypatch.setitem(sys.modules, module.__name__, module)
    (tmp_path / "a.txt").write_text(prose(1, 1000))
    run = runs.create(RunSpec("new", DataSpec((str(tmp_path / "a.txt"),)), 0.5))
    seconds = itertools.count(0, 20)  # each look at the clock takes so long
    assert work(run, clock=WorkClock(now=lambda: float(next(seconds)), ticking=False)).state == "finished"
    assert 9 <= seen[0] <= 9 + 3 * 20
    assert runs.again(run).seconds > 100


@pytest.mark.slow
def test_an_adapter_learns_from_examples_that_are_kept(given: Given, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    rows = [{"prompt": f"number {n}", "completion": str(n)} for n in range(40)]
    path.write_text("\n".join(map(json.dumps, rows)))
    run = runs.create(RunSpec("adapt", DataSpec((str(path),)), 1, base=str(base)))
    given["cut"] = True
    assert work(run).state == "stopped"
    assert given["base"] == base.resolve()
    assert (len(given["train"]), len(given["held_out"]), given["folder"]) == (38, 2, run.folder)
    assert {*given["train"], *given["held_out"]} == {pair(row["prompt"], row["completion"]) for row in rows}
    assert (given["stop"](), given["clock"]() > 0) == (False, True)
    before = (given["train"], given["held_out"])
    path.unlink()
    assert work(runs.again(run)).state == "finished"
    assert (given["train"], given["held_out"]) == before


@pytest.mark.slow
def test_a_head_learns_from_a_table(given: Given, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("text,label\n" + "\n".join(f"text {n},{'ab'[n % 2]}" for n in range(20)))
    data = DataSpec((str(path),), "text", "label", held_out=0.2)
    run = runs.create(RunSpec("head", data, 1, base=str(base), task="classify"))
    assert work(run).state == "finished"
    assert [one.path for one in given["bases"]] == [base.resolve()]
    assert (len(given["train"]), len(given["held_out"])) == (16, 4)
    assert ("text 3", "b") in given["train"] + given["held_out"]


def test_an_embedding_learns_from_pairs(given: Given, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("question,answer\n" + "\n".join(f"what is {n},it is {n}" for n in range(20)))
    spec = RunSpec("head", DataSpec((str(path),), held_out=0.2), 1, base=str(base), task="embed")
    assert work(runs.create(spec)).state == "finished"
    assert given["base"] == base.resolve()
    assert (len(given["train"]), len(given["held_out"])) == (16, 4)
    assert pair("what is 3", "it is 3") in given["train"] + given["held_out"]


@pytest.mark.slow
def test_answers_are_learned_from_a_table(given: Given, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    long = " ".join(f"word{n}" for n in range(200))  # questions about it are no copies of each other
    rows = [f"text {n // 2} {long},question {n},{'text' if n % 3 else ''}" for n in [*range(20), 0]]
    path.write_text("context,question,answer\n" + "\n".join(rows))
    data = DataSpec((str(path),), "context", "", "answer", 0.2, question_column="question")
    assert work(runs.create(RunSpec("head", data, 1, base=str(base), task="answer"))).state == "finished"
    assert given["base"] == base.resolve()
    both = [*given["train"], *given["held_out"]]
    assert {one.turns[0][1] for one in both} == {f"question {n}" for n in range(20)}
    assert len(both) == 20
    assert question_about(f"text 0 {long}", "question 0", "") in both
    assert question_about(f"text 0 {long}", "question 1", "text") in both
    assert len(given["held_out"]) == 4
    assert not {one.text for one in given["train"]} & {one.text for one in given["held_out"]}


def test_more_time_is_told_to_the_trainer_once(given: Given, base: Path, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text("question,answer\n" + "\n".join(f"what is {n},it is {n}" for n in range(20)))
    run = runs.create(RunSpec("adapt", DataSpec((str(path),)), 1, base=str(base)))
    assert work(run).state == "finished"
    assert "more" not in given
    more = runs.extend(runs.again(run), 2)
    assert work(more).state == "finished"
    assert given.pop("more") is True
    assert not more.has_more


def test_a_base_that_is_gone_is_said(given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_text("words " * 1000)
    data = DataSpec((str(tmp_path / "a.txt"),))
    failed = work(runs.create(RunSpec("adapt", data, 1, base=str(tmp_path / "gone"))))
    assert failed.error is not None
    assert failed.error.key == "model-missing"
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir()])
    (tmp_path / "t.csv").write_text("text,label\none,a\ntwo,b\n")
    data = DataSpec((str(tmp_path / "t.csv"),), "text", "label")
    failed = work(runs.create(RunSpec("head", data, 1)))
    assert failed.error is not None
    assert failed.error.key in ("no-model", "no-model-for-role")
    assert not given
