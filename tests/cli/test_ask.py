"""``autogpt-desktop ask`` treated roughly: damaged indexes, odd names, output that cannot be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autogpt_desktop import paths
from autogpt_desktop.cli.main import main
from autogpt_desktop.documents.read.reader import read
from tests.tasks.answer.test_encoder_reader import write_finder

TEXT = "A dog ran under a tree. The cat sat on the mat. It was very big."


@pytest.fixture
def asking(tmp_path: Path) -> list[str]:
    """Arguments behind the question: a small folder of files, and a model that answers “mat”."""
    write_finder(tmp_path / "finder")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "cat.txt").write_text(TEXT, encoding="utf-8")
    return [str(tmp_path / "files"), "--model", str(tmp_path / "finder"), "--device", "cpu"]


@pytest.mark.slow
def test_a_damaged_index_is_made_again_at_once(asking: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "Where is the cat?", *asking]) == 0
    (index,) = (paths.cache_dir() / "collections").glob("*/index.db")
    data = bytearray(index.read_bytes())
    data[4096 * 2 : 4096 * 6] = os.urandom(4096 * 4)  # behind what is read when it is opened
    index.write_bytes(data)
    capsys.readouterr()
    assert main(["ask", "Where is the cat?", *asking]) == 0
    assert capsys.readouterr().out.startswith("mat [1]")


@pytest.mark.slow
def test_a_notice_is_said_once_and_only_the_answers_are_printed(
    asking: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files" / "empty.txt").touch()
    (tmp_path / "questions").write_text("Where is the cat?\r\n\n在哪里？\n在那里吗？\n", encoding="utf-8")
    with open(tmp_path / "questions", encoding="utf-8") as lines:
        monkeypatch.setattr("sys.stdin", lines)
        assert main(["ask", "-", *asking, "--json"]) == 0
    said = capsys.readouterr()
    assert [line[:14] for line in said.out.splitlines()] == ['{"question": "'] * 3
    told = said.err.splitlines()
    assert len(told) == len(set(told))
    assert "“empty.txt” holds no text" in told[0]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="such names cannot be there")
def test_a_name_cannot_break_the_line(
    asking: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "files" / "cat.txt").rename(tmp_path / "files" / "a\n\x1b[31m😀.txt")
    assert main(["ask", "Where is the cat?", *asking]) == 0
    answer, place = capsys.readouterr().out.splitlines()
    assert answer == "mat [1]"
    assert place.endswith("a\ufffd\ufffd[31m😀.txt")


def test_an_empty_path_is_not_the_folder_one_is_in(
    asking: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "Where is the cat?", "", *asking[1:]]) == 1
    assert "files or folders" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_a_full_disk_behind_standard_output_is_told(asking: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "autogpt_desktop", "ask", "Where is the cat?", *asking],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            cwd=Path(__file__).parents[2],
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.decode().startswith("The results could not be written (No space left on device).")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_citations_count_characters_of_the_text_that_was_read(
    asking: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import json

    file = tmp_path / "files" / "cat.txt"
    file.write_bytes(b"\xef\xbb\xbf" + "Ä 😀 dog ran.\r\n\r\nThe cat sat on the mat.\r\n".encode())
    assert main(["ask", "Where is the cat?", *asking, "--json"]) == 0
    (place,) = json.loads(capsys.readouterr().out)["citations"]
    assert read(file).text[place["start"] : place["end"]] == place["text"] == "mat"


@pytest.mark.slow
def test_what_was_left_out_of_a_folder_is_told(
    asking: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(14):
        (tmp_path / "files" / f"{number}.png").touch()
    (tmp_path / "files" / ".hidden.txt").touch()
    assert main(["ask", "Where is the cat?", *asking]) == 0
    said = capsys.readouterr()
    assert said.out.startswith("mat [1]")
    assert "0.png” was left out: it is not a kind of file that can be read here" in said.err
    assert ".hidden.txt” was left out: it is hidden" in said.err
    assert "4 more files and folders were left out." in said.err
