"""Results of long runs: kept by text, there again after a kill, made anew when damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autogpt_desktop.documents import run_results
from autogpt_desktop.documents.run_results import ResultLines, Run
from autogpt_desktop.errors import KnownError

KEPT = [("good", (1.5, -1.0, 7.0), "a,b fi"), ("", (), "empty "), ("\ud800", (0.1,), "")]


def test_what_is_kept_is_there_again(tmp_path: Path) -> None:
    with Run(tmp_path, ("a", "b")) as run:
        run.keep(KEPT)
        run.keep([("good", (2.5,), "new")])
    with Run(tmp_path, ("a", "b")) as run:
        assert len(run) == 3
        found = run.find(["good", "bad", "", "\ud800"])
        assert found == {"good": ((2.5,), "new"), "": ((), "empty "), "\ud800": ((0.1,), "")}
        assert len(run.find(f"text {n}" for n in range(2000))) == 0
    with Run(tmp_path, ("a", "c")) as other:
        assert len(other) == 0
    with Run(tmp_path, ("ab", "")) as other:
        assert len(other) == 0


def test_no_text_stands_in_the_file(tmp_path: Path) -> None:
    with Run(tmp_path, ("a",)) as run:
        assert list(tmp_path.glob("*.run"))
        run.keep([("a very private sentence", (1.0,), "")])
    assert all(b"private" not in file.read_bytes() for file in tmp_path.glob("*.run*"))


def test_a_killed_process_loses_nothing_that_was_kept(tmp_path: Path) -> None:
    code = (
        "import os, sys, signal\nfrom pathlib import Path\n"
        "from autogpt_desktop.documents.run_results import Run\n"
        "run = Run(Path(sys.argv[1]), ('a',))\n"
        "for n in range(50): run.keep([(f'text {n}', (float(n),), '')])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    if os.name == "nt":
        code = code.replace("os.kill(os.getpid(), signal.SIGKILL)", "os._exit(9)")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)])
    assert done.returncode in (-getattr(signal, "SIGKILL", 9), 9)
    with Run(tmp_path, ("a",)) as run:
        assert len(run) == 50
        assert run.find(["text 49"]) == {"text 49": ((49.0,), "")}


def test_a_damaged_file_is_made_anew(tmp_path: Path) -> None:
    run = Run(tmp_path, ("a",))
    run.close()
    run.path.write_bytes(b"this is no database" * 400)
    with Run(tmp_path, ("a",)) as again:
        again.keep(KEPT)
        assert len(again) == 3


def test_old_runs_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_results, "KEPT", 3)
    made = []
    for number in range(5):
        with Run(tmp_path, (str(number),)) as run:
            made.append(run.path)
        os.utime(run.path, (number, number))
    assert [path.exists() for path in made] == [False, False, True, True, True]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(KnownError) as error:
        Run(tmp_path / "file", ("a",))
    assert error.value.key == "folder-not-writable"


def lines(path: Path) -> ResultLines[str, tuple[int, str]]:
    return ResultLines(path, str.upper, list, lambda number, text: (int(number), str(text)))


def test_lines_are_there_again_until_the_run_is_done(tmp_path: Path) -> None:
    file = tmp_path / "a.part"
    with lines(file) as run:
        run["one"] = (1, "eins")
        run["two"] = (2, "zwei")
        run["one"] = (1, "un")
        assert file.read_text(encoding="utf-8").count("\n") == 3, "at once, not at the end"
    with file.open("a", encoding="utf-8") as killed:
        killed.write('["THREE", 3')
    with lines(file) as run:
        assert dict(run.items()) == {"ONE": (1, "un"), "TWO": (2, "zwei")}
        assert "one" in run
        assert "three" not in run
        run["three"] = (3, "trois")
    with lines(file) as run:
        assert run["three"] == (3, "trois")
        assert len(run) == 3
        run.remove()
    assert not file.exists()


def test_lines_that_are_none_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "a.part"
    file.write_bytes(b'["A", 1, "x"]\n[]\n7\n{"A": 1}\n["B"]\n["C", "no", "x"]\n\xff\n')
    with lines(file) as run:
        assert dict(run.items()) == {"A": (1, "x")}


def test_lines_nobody_wrote_leave_no_file(tmp_path: Path) -> None:
    with lines(tmp_path / "a.part"):
        pass
    assert not (tmp_path / "a.part").exists()
    with pytest.raises(KnownError, match="file-not-written"), lines(tmp_path / "none" / "a.part"):
        pass
