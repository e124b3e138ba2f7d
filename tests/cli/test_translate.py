"""``autogpt-desktop translate`` with the real Gemma file, once as a person runs it: as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.kit import run_here

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("kept_models")]

TRANSLATE = ["translate", "--quality", "quick", "--device", "cpu"]


def run(model: Path, *arguments: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
    return run_here(*TRANSLATE, "--model", str(model), *arguments, stdin=stdin)


def test_a_line_in_is_a_line_out(gemma_gguf: Path, tmp_path: Path) -> None:
    glossary = tmp_path / "terms.csv"
    glossary.write_text("computer,calculateur\n", encoding="utf-8")
    lines = "The weather is very good today.\n\n42\nShe bought a new computer.\n"
    command = [sys.executable, "-m", "autogpt_desktop", *TRANSLATE, "--model", str(gemma_gguf)]
    done = subprocess.run(
        [*command, "--to", "fr", "--json", "--glossary", str(glossary)], input=lines,
        capture_output=True, text=True, timeout=120, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["source"] for item in found] == lines.splitlines()
    assert all(set(item) == {"source", "target", "from", "to", "confidence", "flags"} for item in found)
    assert "aujourd'hui" in found[0]["target"]
    assert found[0]["from"] == "en"
    assert found[1]["target"] == ""
    assert found[2]["target"] == "42"
    assert "calculateur" in found[3]["target"]


def test_a_file_becomes_another_beside_it(gemma_gguf: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.srt"
    text = "1\n00:00:01,000 --> 00:00:02,500\nGood morning.\n\n2\n00:00:03,000 --> 00:00:04,000\n- 42 -\n"
    film.write_text(text, encoding="utf-8")
    done = run(gemma_gguf, "--from", "en", "--to", "de", str(film))
    assert done.returncode == 0, done.stderr
    out = tmp_path / "film.de.srt"
    assert done.stdout.strip() == str(out)
    assert out.read_text(encoding="utf-8") == text.replace("Good morning.", "Guten Morgen.")
    assert film.read_text(encoding="utf-8") == text
    assert sorted(path.name for path in tmp_path.glob("film*")) == ["film.de.srt", "film.srt"]


def test_what_cannot_be_done_is_said(tmp_path: Path, gemma_gguf: Path) -> None:
    picture = tmp_path / "a.png"
    picture.write_bytes(b"\x89PNG")
    done = run(gemma_gguf, "--to", "fr", str(picture))
    assert done.returncode == 1
    assert "a.png" in done.stderr
    assert done.stdout == ""
    done = run(gemma_gguf, "--from", "en", "--to", "tlh", stdin="Hello.\n")
    assert done.returncode == 1
    assert "tlh" in done.stderr
    assert "Traceback" not in done.stderr


def test_input_in_another_encoding_is_read_and_noise_is_refused(gemma_gguf: Path) -> None:
    options = ["--from", "en", "--to", "fr", "--json"]
    done = run(gemma_gguf, *options, stdin="Good morning.\r\n".encode("utf-16"))
    assert done.returncode == 0
    assert json.loads(done.stdout)["source"] == "Good morning."
    done = run(gemma_gguf, *options, stdin=bytes(range(256)) * 64)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Standard input is not text")


def test_a_language_that_the_model_does_not_know_has_to_be_wanted(starter_gguf: Path) -> None:
    done = run(starter_gguf, "--from", "en", "--to", "fr", stdin="Good morning.\n")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "does not know French" in done.stderr
    assert "--anyway" in done.stderr
    done = run(starter_gguf, "--from", "en", "--to", "fr", "--anyway", stdin="Good morning.\n")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 1


def test_files_are_looked_at_before_the_first_is_translated(gemma_gguf: Path, tmp_path: Path) -> None:
    good = tmp_path / "a.txt"
    good.write_text("Good morning.\n", encoding="utf-8")
    ways: list[list[str]] = [[], [], ["--bilingual", "under"], ["--bilingual", "beside"]]
    for other, way in zip(("b.png", "gone.txt", "c.json", "a.txt"), ways, strict=True):
        done = run(gemma_gguf, "--to", "fr", *way, str(good), str(tmp_path / other))
        assert done.returncode == 1
        assert other in done.stderr
    assert [path.name for path in tmp_path.glob("*.*")] == ["a.txt"]


def test_a_file_that_says_the_same_is_told_apart_and_columns_stay(gemma_gguf: Path, tmp_path: Path) -> None:
    same, table = tmp_path / "same.txt", tmp_path / "table.txt"
    same.write_text("42\n", encoding="utf-8")
    table.write_text("Name\tTown\tAge\nRosa\tBonn\t41\n", encoding="utf-8")
    done = run(gemma_gguf, "--from", "en", "--to", "fr", str(table), str(same))
    assert done.returncode == 1
    assert "same.txt: nothing was translated: there are no words in it." in done.stderr
    assert len(done.stdout.splitlines()) == 2
    lines = (tmp_path / "table.fr.txt").read_text(encoding="utf-8").splitlines()
    assert [line.count("\t") for line in lines] == [2, 2]
    assert lines[1].endswith("\t41")
