"""A thousand tiny models with senseless values: none crashes, hangs or ends in words of Python."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from autogpt_desktop.engine import native
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from tests.engine import fuzz_values

ROOT = Path(__file__).parents[2]
SECONDS = 2.0  # of the processor, for a case; the tiny models take hundredths
WAIT = 120.0  # for a line of the child, on a busy machine


def failures(folder: Path, first: int, last: int, most: int = 3) -> list[str]:
    """The cases of ``fuzz_values.py`` that went wrong, each with the end of what its process said."""
    found: list[str] = []
    while first < last and len(found) < most:
        place = folder / f"from {first}"
        place.mkdir()
        case, tail = _run(place, first, last)
        if case is None:
            break
        found.append(f"{case}: {tail}")
        first = int(case.split()[1]) + 1 if case != "start" else last
    return found


def _run(folder: Path, first: int, last: int) -> tuple[str | None, str]:
    """The case at which the child ended, or None when it went through all; and why."""
    command = [sys.executable, "-W", "ignore", "-X", "faulthandler", "-m", "tests.engine.fuzz_values"]
    child = subprocess.Popen(
        [*command, str(folder), str(first), str(last)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", cwd=ROOT,
    )  # fmt: skip
    assert child.stdout
    lines: queue.SimpleQueue[str] = queue.SimpleQueue()
    reader = threading.Thread(target=lambda out: [*map(lines.put, out), lines.put("")], args=(child.stdout,))
    reader.start()
    case, tail = "start", ""
    try:
        while True:
            try:
                line = lines.get(timeout=WAIT)
            except queue.Empty:
                return case, "it hangs"
            if line == "end\n":
                return None, ""
            if line.startswith("case "):
                case, tail = line.strip(), ""
            elif line.startswith(("loaded ", "refused ")) and float(line.split()[1]) > SECONDS:
                return case, f"it takes {line.split()[1]} s"
            elif not line:
                return case, f"{tail[-3000:]}\nexit code {child.wait()}"
            tail += line
    finally:
        child.kill()
        child.wait()
        reader.join()
        child.stdout.close()


@pytest.mark.slow
@pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
def test_some_senseless_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process, for they are few."""
    monkeypatch.setattr(ChatTemplate, "for_tokenizer", lambda tokenizer: ChatTemplate("", "", ""))
    fuzz_values.prepare(tmp_path)
    assert {fuzz_values.run_case(number, tmp_path) for number in range(1000, 1024)} == {True, False}


@pytest.mark.slow
@pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built")
def test_a_thousand_senseless_models(tmp_path: Path) -> None:
    assert not failures(tmp_path, 0, 1000)
