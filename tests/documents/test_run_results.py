"""Results of long runs: kept by text, there again after a kill, made anew when damaged."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from autogpt_desktop.documents import run_results
from autogpt_desktop.documents.run_results import Run
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
        assert len(run) == 50 and run.find(["text 49"]) == {"text 49": ((49.0,), "")}


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
