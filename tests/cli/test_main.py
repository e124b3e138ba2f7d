"""The command line with the real starter model, where it matters as a person runs it: as a process."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from autogpt_desktop import __version__, paths
from autogpt_desktop.bench.speed import bandwidth
from autogpt_desktop.bench.speed import run as speed
from autogpt_desktop.cli.main import main
from autogpt_desktop.storage.conversations.store import History
from tests.cli.kit import run_here
from tests.tiny import write_tiny_gguf

MODULE = [sys.executable, "-m", "autogpt_desktop"]
MODEL = ["--model", "smollm2-135m-instruct", "--device", "cpu"]


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*MODULE, *arguments], input=stdin, capture_output=True, text=True, timeout=120, encoding="utf-8"
    )


@pytest.mark.slow
def test_version_and_help() -> None:
    version = run("--version")
    assert version.stdout.strip() == f"AutoGPT Desktop {__version__}"
    assert version.returncode == 0
    top = run_here("--help")
    for command in ("chat", "sentiment", "models", "bench"):
        assert command in top.stdout
    options = run_here("chat", "--help").stdout
    for option in ("--model", "--system", "--temperature", "--top-p", "--seed", "--max-tokens", "--device"):
        assert option in options


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def test_version_and_help_work_anywhere(tmp_path: Path) -> None:
    """Where nothing can be written, and in a folder that is gone."""
    gone = tmp_path / "gone"
    gone.mkdir()
    for option, expected in (("--version", __version__), ("--help", "sentiment")):
        script = f"cd {gone} && rmdir {gone} && exec {sys.executable} -m autogpt_desktop {option}"
        home = {"AUTOGPT_DESKTOP_HOME": "/proc/no-folder", "PYTHONPATH": str(Path(__file__).parents[2])}
        done = subprocess.run(
            ["sh", "-c", script], capture_output=True, text=True, timeout=120, env=os.environ | home
        )
        gone.mkdir(exist_ok=True)
        assert expected in done.stdout
        assert not done.stderr
    done = subprocess.run(
        [*MODULE, "models", "list"], capture_output=True, text=True, timeout=120, env=os.environ | home
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_the_answer_alone_goes_to_standard_output(starter_gguf: Path) -> None:
    done = run("chat", "What is the capital of France?", "--temperature", "0", *MODEL)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "The capital of France is Paris.\n"
    assert done.stderr == ""


def test_the_question_comes_from_standard_input(starter_gguf: Path) -> None:
    question = "What is the capital of France?\n"
    done = run_here("chat", "--temperature", "0", "--max-tokens", "12", *MODEL, stdin=question)
    assert "Paris" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["chat", "", *MODEL], "nothing to answer"),
        (["chat", "hi", "--model", "no-such-model"], "no model called"),
        (["chat", "hi", "--model", "x" * 5000], "no model called"),
        (["chat", "hi", "--model", "~nobody-of-that-name/x.gguf"], "no model called"),
        (["chat", "hi", *MODEL, "--json-schema", "/no/such/file"], "“file” is no longer there"),
        (["chat", "hi", *MODEL, "--json-schema", str(Path(__file__))], "JSON schema"),
        (["models", "get", "gemma-3-270m"], "--accept-terms"),
        (["models", "remove", "nothing"], "no model called"),
    ],
)
def test_errors_are_one_plain_sentence(arguments: list[str], sentence: str) -> None:
    done = run_here(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_a_home_that_cannot_be_made_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("AUTOGPT_DESKTOP_HOME", str(tmp_path / "file"))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    done = run_here("models", "list")
    assert done.returncode == 1
    assert "cannot write to the folder" in done.stderr
    for arguments in (["chat", "hi"], []):
        monkeypatch.setenv("QT_QPA_PLATFORM", "" if not arguments else "offscreen")
        done = run(*arguments)
        assert done.returncode == 1
        assert "cannot write to the folder" in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="closes a descriptor the POSIX way")
def test_a_closed_standard_input_asks_nothing(starter_gguf: Path) -> None:
    script = f'exec "{sys.executable}" -m autogpt_desktop chat --device cpu <&-'
    done = subprocess.run(["sh", "-c", script], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "nothing to answer" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("bad", [["--temperature", "-1"], ["--max-tokens", "0"], ["--device", "tpu"]])
def test_options_out_of_range_are_usage_errors(bad: list[str]) -> None:
    done = run_here("chat", "hi", *bad)
    assert done.returncode == 2
    assert "usage:" in done.stderr


def test_a_corrupt_model_file_is_named(tmp_path: Path, starter_gguf: Path) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(starter_gguf.read_bytes()[:2_000_000])
    done = run_here("chat", "hi", "--model", str(broken))
    assert done.returncode == 1
    assert "broken.gguf" in done.stderr
    assert "Traceback" not in done.stderr


def test_models_list_shows_what_is_here_and_what_can_be_had(starter_gguf: Path) -> None:
    lines = run_here("models", "list").stdout.splitlines()
    assert any(line.startswith("smollm2-135m-instruct\t98 MB") for line in lines)
    assert any(line.startswith("gemma-3-270m") for line in lines)


@pytest.mark.slow
def test_bench_prints_json(starter_gguf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where /proc tells nothing of memory: bench's own tests measure that, and what no cache holds."""
    monkeypatch.setattr(speed, "measure_memory", lambda *_: None)
    monkeypatch.setattr(bandwidth, "last_level_cache", lambda: 0)
    threads = str(torch.get_num_threads())  # which it sets
    few = ["--repeat", "1", "--prompt-tokens", "32", "--new-tokens", "4", "--threads", threads]
    done = run_here("bench", "--json", *few, "--contexts", "32", "--batches", "2", *MODEL)
    result = json.loads(done.stdout)
    assert result["model"] == starter_gguf.name
    assert result["device"] == "cpu"
    assert result["prefill_tps"] > 0
    assert result["decode_tps"] > 0
    assert result["load_s"] > 0
    assert 0.5 < result["weights_to_file"] <= 1.6
    assert result["peak_rss_mb"] > 100


@pytest.fixture
def terminal(starter_gguf: Path) -> object:
    """The conversation on a real terminal: (process, read until a text comes, write)."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [*MODULE, "chat", "--temperature", "0", *MODEL],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        start_new_session=True,
    )
    os.close(slave)
    seen = ""

    def expect(text: str, seconds: float = 60.0) -> str:
        nonlocal seen
        ends = time.monotonic() + seconds
        while text not in seen and time.monotonic() < ends:
            if select.select([master], [], [], 0.2)[0]:
                seen += os.read(master, 4096).decode("utf-8", "replace")
        assert text in seen, seen
        before, seen = seen.split(text, 1)
        return before

    yield process, expect, lambda text: os.write(master, text.encode())
    process.kill()
    process.wait()
    os.close(master)


def test_a_conversation_in_the_terminal_is_kept_in_the_history(terminal: tuple) -> None:  # type: ignore[type-arg]
    process, expect, write = terminal
    expect("> ")
    write("What is the capital of France?\n")
    expect("Paris")
    expect("> ")
    write("Write a very long story about the sea, with many chapters.\n")
    expect("sea")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)  # stops the answer, not the program
    expect("> ", 5)
    write("\n")  # an empty line says nothing, and ends nothing
    write("/quit\n")
    assert process.wait(20) == 0
    history = History()
    (conversation,) = history.conversations()
    messages = history.path(conversation.id)
    history.close()
    assert [m.role for m in messages] == ["user", "assistant", "user", "assistant"]
    assert "Paris" in messages[1].text
    assert messages[1].state == "complete"
    assert messages[3].state == "stopped"
    assert messages[3].text


_INTERRUPTED_WHILE_CLEANING_UP = """
import os, signal, sys, time
from autogpt_desktop.cli import main as cli

class Cleaned:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.01)

def run(options, settings):
    Cleaned()  # gone at once, and the interrupt comes while it goes
    time.sleep(30)
    return 0

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
cli.TASKS["ask"].run = run
sys.exit(cli.main(["ask", "Who?", "."]))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_in_the_middle_of_a_clean_up_is_heard() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_WHILE_CLEANING_UP], capture_output=True, text=True, timeout=20
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


@pytest.mark.slow
def test_packed_copies_are_listed_and_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOGPT_DESKTOP_HOME", str(tmp_path))
    model = write_tiny_gguf(paths.models_dir() / "mine.gguf").path
    copy = paths.packed_file(model, paths.packed_dir())
    copy.parent.mkdir(parents=True)
    copy.write_bytes(bytes(3_000_000))
    assert main(["models", "list"]) == 0
    assert "3 MB of it a packed copy" in capsys.readouterr().out
    assert main(["models", "remove-copies"]) == 0
    assert "3 MB are free again" in capsys.readouterr().out
    assert not copy.exists()
    main(["models", "list"])
    assert "packed copy" not in capsys.readouterr().out


@pytest.mark.slow
def test_a_model_is_used_where_it_is(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOGPT_DESKTOP_HOME", str(tmp_path / "home"))
    (tmp_path / "elsewhere").mkdir()
    model = write_tiny_gguf(tmp_path / "elsewhere" / "mine.gguf").path
    assert main(["models", "add", str(model)]) == 0
    assert capsys.readouterr().out == "mine\n"
    main(["models", "list"])
    assert str(model) in capsys.readouterr().out
    assert main(["models", "add", str(tmp_path)]) == 1
    assert str(tmp_path) in capsys.readouterr().err
    assert main(["models", "remove", "mine"]) == 0
    assert model.is_file()
