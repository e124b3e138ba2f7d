"""``autogpt-desktop sentiment`` with the real model, once as a person runs it: as a process."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from autogpt_desktop.cli.main import main
from tests.cli.kit import run_here

pytestmark = pytest.mark.usefixtures("kept_models")

GOOD, BAD = "A wonderful film, I loved it.", "Dull and far too long."


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return run_here("sentiment", *arguments, "--device", "cpu")


def test_a_line_of_json_for_each_line(gemma_gguf: Path) -> None:
    command = [sys.executable, "-m", "autogpt_desktop", "sentiment", "--json", "--model", str(gemma_gguf)]
    done = subprocess.run(
        [*command, "--device", "cpu"], input=f"{GOOD}\n\n{BAD} {GOOD}\n",
        capture_output=True, text=True, timeout=120, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == ""
    first, empty, both = map(json.loads, done.stdout.splitlines())
    assert list(first) == ["text", "label", "positive", "neutral", "negative", "sentences"]
    assert first["text"] == GOOD
    assert first["label"] == "positive"
    assert abs(first["positive"] + first["neutral"] + first["negative"] - 1) < 1e-5
    assert empty["label"] == ""
    assert empty["flags"] == ["empty"]
    assert empty["sentences"] == []
    assert [part["text"] for part in both["sentences"]] == [BAD, GOOD]
    assert both["sentences"][0]["negative"] > 0.5 < both["sentences"][1]["positive"]


def test_the_column_of_a_table_goes_to_a_table(gemma_gguf: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    path.write_text(f'id;words\n=1;"{GOOD}"\n2;{BAD}\n', encoding="utf-8")
    done = run(str(path), "--column", "words", "--out", str(out), "--two-way", "--model", str(gemma_gguf))
    assert done.returncode == 0
    assert done.stdout == ""
    assert "positive 1, neutral 0, negative 1" in done.stderr
    with open(out, encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["id", "words", "sentiment", "positive", "negative", "flags"]
    assert [row[2] for row in rows[1:]] == ["positive", "negative"]
    assert rows[1][0] == "'=1"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["table.csv"], "--column NAME. The columns are: id, words"),
        (["table.csv", "--column", "nothing"], "There is no column “nothing”"),
        (["lines.txt", "--out", "out.csv"], "is not a table"),
        (["missing.txt"], "is no longer there"),
        (["--out", "out.csv"], "Name one CSV or XLSX file"),
        (["picture.txt"], "not a kind of file"),
        (["table.csv", "--column", "words", "--out", "./table.csv"], "would replace “table.csv”"),
    ],
)
def test_errors_are_one_plain_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    (tmp_path / "table.csv").write_text("id,words\n1,some words\n2,other words\n")
    (tmp_path / "lines.txt").write_text("a text\n")
    (tmp_path / "picture.txt").write_bytes(bytes(range(256)) * 64)
    status = main(["sentiment", *[str(tmp_path / one) if "." in one else one for one in arguments]])
    said = capsys.readouterr()
    assert status == 1
    assert said.out == ""
    assert sentence in said.err


@pytest.mark.parametrize(
    ("text", "arguments", "said", "judged"),
    [
        ("Survey,\n,\nid,words\n1,{good}\n", ["--column", "words"], "stand in row 3", 1),
        ("id,words,words\n1,{good},{bad}\n2,{bad},{good}\n", ["--column", "words"], "called “words (2)”", 2),
        ("Title;words\nOne;{good}\n", ["--no-header", "--column", "2"], "have no names", 2),
        ("a,b\nid,words\n1,{good}\n", ["--header-row", "2", "--column", "words"], "in row 2", 1),
        ("words\n{good}\n{bad}\n", ["--delimiter", "none", "--header-row", "1"], "", 2),
    ],
)
def test_how_a_table_is_read_is_said_and_can_be_changed(
    gemma_gguf: Path, tmp_path: Path, text: str, arguments: list[str], said: str, judged: int
) -> None:
    path = tmp_path / "in.csv"
    path.write_text(text.format(good=f'"{GOOD}"', bad=BAD), encoding="utf-8")
    done = run(str(path), *arguments, "--model", str(gemma_gguf))
    assert done.returncode == 0, done.stderr
    assert said in done.stderr
    assert len(done.stdout.splitlines()) == judged


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--delimiter", "ab"], "“ab” cannot stand between cells"),
        (["--header-row", "-1"], "There is no row -1"),
        (["--header-row", "9"], "has no row 9"),
    ],
)
def test_what_cannot_be_read_so_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], sentence: str
) -> None:
    (tmp_path / "table.csv").write_text("id,words\n1,some words\n")
    assert main(["sentiment", str(tmp_path / "table.csv"), *arguments]) == 1
    assert sentence in capsys.readouterr().err


def test_shares_of_groups(gemma_gguf: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "in.csv", tmp_path / "out.csv"
    rows = [["2024-03-01", "Ulm", GOOD], ["2024-03-30", "Bonn", BAD], ["2024-05-02", "Ulm", GOOD]]
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([["visited", "city", "words"], *rows])
    model = ["--column", "words", "--model", str(gemma_gguf)]
    done = run(str(path), "--group-by", "city", *model, "--out", str(out), "--two-way")
    assert done.stdout.splitlines() == [
        "city\ttexts\tpositive\tnegative\tpositive share\tnegative share",
        "Ulm\t2\t2\t0\t1.0\t0.0",
        "Bonn\t1\t0\t1\t0.0\t1.0",
    ]
    assert len(out.read_text(encoding="utf-8-sig").splitlines()) == 4
    done = run(str(path), "--group-by-month", "visited", "--json", *model)
    first, second = map(json.loads, done.stdout.splitlines())
    assert (first["group"], first["texts"], first["negative"], first["positive share"]) == (
        "2024-03",
        2,
        1,
        0.5,
    )
    assert (second["group"], second["texts"]) == ("2024-05", 1)
    done = run(str(path), "--group-by", "country", *model)
    assert "There is no column “country”" in done.stderr
