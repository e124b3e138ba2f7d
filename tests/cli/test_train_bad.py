"""What can go wrong with ``autogpt-desktop train``: said in plain words, and nothing is lost."""

from __future__ import annotations

import itertools
import json
import random
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from safetensors import SafetensorError

from autogpt_desktop.cli.main import main
from autogpt_desktop.lab import process
from autogpt_desktop.lab.clock import WorkClock
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.events import DataFound, Event, Logged, Notice, Train
from autogpt_desktop.lab.runs.log import LogReader
from autogpt_desktop.lab.train import model_files
from tests.engine.tiny_folders import write_encoder
from tests.lab.data.test_prepare import prose
from tests.tiny import write_tiny_gguf

SHAPE = {
    "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 16, "context": 32, "batch": 8, "precision": "float32",
    "warmup_steps": 2, "log_steps": 1, "checkpoint_seconds": 0.0,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _usual_priority(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autogpt_desktop.lab.process.lower_priority", lambda: None)


def train(*arguments: str, steps: int = 12, **options: Any) -> int:
    """A real run of a tiny model, which is called "w"."""
    chosen = [f"--option={name}={json.dumps(value)}" for name, value in (SHAPE | options).items()]
    usual = ["--minutes", "5", "--no-search", "--no-grow", "--name", "w", "--steps", str(steps)]
    return main(["train", "new", *arguments, *usual, *chosen])


def events() -> list[Event]:
    return [logged.event for logged in LogReader(runs.find("w").log).read_all()]


def seen(see: Callable[[Event], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Have ``see`` look at each event of a run while it goes on."""
    real = process._Log.__call__

    def looking(self: Any, event: Event) -> None:
        real(self, event)
        see(event)

    monkeypatch.setattr(process._Log, "__call__", looking)


def refused(code: int, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = capsys.readouterr()
    assert code == 1
    assert re.search(words, said.err), said.err
    assert said.out == ""
    assert "Traceback" not in said.err


# --- the data


def test_a_folder_of_programs_and_pictures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    noise = random.Random(0)
    for name in ("a.bin", "b.png", "c.txt"):
        (tmp_path / name).write_bytes(bytes([0, *noise.randbytes(3000)]))
    refused(train(str(tmp_path)), "None of the 3 files could be used", capsys)


@pytest.mark.slow
def test_one_enormous_line_is_learned_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "line.txt").write_text(prose(1, 60_000).replace("\n", " "))
    assert train(str(tmp_path)) == 0
    found = next(event for event in events() if isinstance(event, DataFound))
    assert found.tokens > 50_000
    assert found.held_out_tokens > 0


@pytest.mark.slow
def test_ten_files_that_are_the_same_count_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(10):
        (tmp_path / f"{number}.md").write_text(prose(1, 3000))
    assert train(str(tmp_path)) == 0
    assert "9 copies out" in capsys.readouterr().err


def test_two_labels_with_one_example_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, table = tmp_path / "base.gguf", tmp_path / "two.csv"
    write_tiny_gguf(base)
    table.write_text("text,label\ngood day,yes\nbad day,no\n")
    columns = ["--text", "text", "--label", "label", "--base", str(base)]
    refused(main(["train", "head", str(table), *columns]), r"no \(1\), yes \(1\)", capsys)


def test_cells_without_a_value_are_no_labels(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    base, table = tmp_path / "base.gguf", tmp_path / "empty.csv"
    write_tiny_gguf(base)
    table.write_text("text,label\n" + "".join(f"day number {n},\n" for n in range(9)))
    columns = ["--text", "text", "--label", "label", "--base", str(base)]
    refused(main(["train", "head", str(table), *columns]), "each of these columns: text, label", capsys)


@pytest.mark.slow
def test_data_that_vanishes_while_it_is_learned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    (folder / "words.txt").write_text(prose(1, 3000))

    def see(event: Event) -> None:
        if isinstance(event, Train) and event.step == 3:
            shutil.rmtree(folder)

    seen(see, monkeypatch)
    assert train(str(folder)) == 0
    assert not folder.exists()
    assert runs.find("w").state == "finished"


# --- the model


def test_a_base_that_cannot_be_adapted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_encoder(tmp_path / "finder", "bert")
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("".join(json.dumps({"prompt": f"{n}?", "response": f"{n}!"}) + "\n" for n in range(20)))
    refused(main(["train", "adapt", str(tmp_path / "finder"), str(pairs)]), "finder", capsys)
    columns = ["--text", "prompt", "--answer", "response"]
    write_tiny_gguf(tmp_path / "chat.gguf")
    base = ["--base", str(tmp_path / "chat.gguf")]
    refused(main(["train", "embed", str(pairs), *columns, *base]), "chat", capsys)


# --- the machine


@pytest.mark.slow
def test_numbers_that_run_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.txt").write_text(prose(1, 3000))
    assert train(str(tmp_path), learning_rate=1e38, optimizer="adamw") == 1
    said = capsys.readouterr()
    assert "Traceback" not in said.err
    run = runs.find("w")
    assert run.error is not None
    assert run.error.key == "training-diverged"
    assert run.can_resume


@pytest.mark.slow
def test_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text(prose(1, 3000))
    real, count = model_files.save_file, itertools.count()

    def full(*given: Any) -> None:
        if next(count) >= 9:
            raise SafetensorError("No space left on device (os error 28)")
        real(*given)

    monkeypatch.setattr(model_files, "save_file", full)
    assert train(str(tmp_path)) == 1
    run = runs.find("w")
    assert f"There is no room left in {run.folder}," in capsys.readouterr().err
    assert run.step > 0
    assert run.can_resume
    monkeypatch.setattr(model_files, "save_file", real)  # room was made
    assert main(["train", "resume", "w"]) == 0
    assert runs.find("w").state == "finished"


@pytest.mark.slow
def test_a_computer_that_sleeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "words.txt").write_text(prose(1, 3000))
    now = [0.0]

    def tick() -> float:
        now[0] += 0.001
        return now[0]

    def see(event: Event) -> None:
        if isinstance(event, Train) and event.step == 5:
            now[0] += 7200

    seen(see, monkeypatch)
    monkeypatch.setattr(process, "WorkClock", lambda start: WorkClock(start, now=tick, ticking=False))
    assert train(str(tmp_path)) == 0
    slept = [one for one in events() if isinstance(one, Notice) and one.key == "notice.run-slept"]
    assert [one.values["minutes"] for one in slept] == ["120"]
    logged: list[Logged] = LogReader(runs.find("w").log).read_all()
    assert logged[-1].seconds < 300, "a night is no time for training"
    assert max(one.event.step for one in logged if isinstance(one.event, Train)) == 12


@pytest.mark.slow
def test_steps_are_kept_whatever_the_clock_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.txt").write_text(prose(1, 3000))
    assert train(str(tmp_path), steps=7) == 0
    assert [event.step for event in events() if isinstance(event, Train)] == list(range(1, 8))
    with pytest.raises(SystemExit):
        main(["train", "new", str(tmp_path), "--steps", "0"])
