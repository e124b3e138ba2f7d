"""``autogpt-desktop train``: what goes to standard output, what to standard error, and the runs it leaves."""

from __future__ import annotations

import json
import sys
import types
from pathlib import Path

import pytest

from autogpt_desktop.cli.main import main
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.runtime import resolver
from autogpt_desktop.settings import Settings
from tests.lab import tiny_result
from tests.lab.data.test_prepare import prose


@pytest.fixture(autouse=True)
def quick_training(monkeypatch: pytest.MonkeyPatch) -> None:
    module = types.ModuleType("autogpt_desktop.lab.train.run")
    module.train_new = tiny_result.train_new  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "autogpt_desktop.lab.train.run", module)
    monkeypatch.setattr("autogpt_desktop.lab.process.lower_priority", lambda: None)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "words.txt"
    path.write_text(prose(1, 3000))
    return path


@pytest.mark.slow
def test_a_new_model(text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "out"
    assert main(["train", "new", str(text), "--minutes", "1", "--out", str(out), "--name", "Words"]) == 0
    said = capsys.readouterr()
    assert said.out == f"{out / 'result'}\n"
    assert "bits per byte (xz -9: " in said.err
    names = {path.name for path in (out / "result").iterdir()}
    settings = {"config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"}
    assert names == settings | {"model.safetensors", "model.gguf", "README.md"}
    assert main(["train", "list"]) == 0
    cells = capsys.readouterr().out.rstrip("\n").split("\t")
    assert [*cells[:3], *cells[4:]] == ["out", "Words", "finished", "1.333", str(out / "result")]
    assert main(["train", "resume", str(out)]) == 1
    assert "nothing to resume" in capsys.readouterr().err
    assert main(["models", "list"]) == 0
    assert f"\t{out / 'result'}\ttrained here\n" in capsys.readouterr().out
    assert main(["train", "use", "Words"]) == 0
    assert resolver(Settings.load())("autogpt") == out / "result"
    assert main(["train", "new", str(text), "--minutes", "1", "--out", str(out)]) == 1
    assert "Choose a new folder" in capsys.readouterr().err
    assert main(["train", "remove", "Words"]) == 0
    assert not out.exists()


@pytest.mark.slow
def test_json_has_every_event(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["train", "new", str(text), "--minutes", "1", "--json", "--option", "steps=2"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    kinds = [line["event"] for line in lines]
    assert kinds[-2:] == ["stage", "finished"]
    assert kinds.count("train") == 2
    assert "datafound" in kinds
    run = runs.all_runs()[0]
    assert [json.loads(line) for line in run.log.read_text("utf-8").splitlines()] == lines


@pytest.mark.slow
def test_stop_then_resume(text: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from autogpt_desktop.lab import process

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(process.Stop, "__call__", lambda self: self._run.folder.joinpath("checkpoint").exists())

        def stopping(*given: object, **named: object) -> object:
            for event in tiny_result.train_new(*given, **named):  # type: ignore[arg-type]
                Path(given[3], "checkpoint").touch()  # type: ignore[arg-type]
                yield event

        patch.setattr(sys.modules["autogpt_desktop.lab.train.run"], "train_new", stopping)
        assert main(["train", "new", str(text), "--minutes", "1", "--name", "w"]) == 0
    run = runs.find("w")
    said = capsys.readouterr()
    assert said.out.strip() == str(run.result)
    assert f"autogpt-desktop train resume {run.id}" in said.err
    assert run.state == "stopped"
    text.unlink()  # the token ids are in the run's folder
    assert main(["train", "resume", "w"]) == 0
    assert runs.again(run).state == "finished"
    assert main(["train", "stop", "w"]) == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["train", "new", "GONE"], "no longer there|not there|cannot be found"),
        (["train", "resume", "nothing"], "There is no training run"),
        (["train", "use", "nothing"], "There is no training run"),
        (["train", "adapt", "no-such-model", "TEXT"], "no-such-model"),
        (["train", "new", "EMPTY", "--minutes", "1"], "nothing to learn from"),
        (["train", "new", "TEXT", "--minutes", "0.01"], "too short"),
        (["train", "head", "TEXT"], "--label"),
        (["train", "head", "TEXT", "--context", "a", "--answer", "b"], "--question"),
    ],
)
def test_plain_words(
    arguments: list[str], words: str, text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    (tmp_path / "empty").mkdir()
    names = {"TEXT": str(text), "EMPTY": str(tmp_path / "empty"), "GONE": str(tmp_path / "gone")}
    assert main([names.get(word, word) for word in arguments]) == 1
    said = capsys.readouterr()
    assert re.search(words, said.err), said.err
    assert said.out == ""
    assert "Traceback" not in said.err


@pytest.mark.parametrize("minutes", ["0", "-1", "nan", "inf", "many"])
def test_minutes_are_a_number(minutes: str, text: Path) -> None:
    with pytest.raises(SystemExit):
        main(["train", "new", str(text), "--minutes", minutes])
