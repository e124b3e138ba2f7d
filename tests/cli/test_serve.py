"""``autogpt-desktop serve``: it says where and with which key, answers, and Ctrl+C ends it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import openai
import pytest

from autogpt_desktop import paths
from autogpt_desktop.server.access import kept_key
from tests.cli.kit import run_here
from tests.tiny import write_tiny_gguf


def test_without_a_model_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autogpt_desktop.server.run.served_models", list)
    done = run_here("serve", "--port", "0")
    assert done.returncode == 1
    assert "models get" in done.stderr


@pytest.mark.parametrize("key", ["", "short", "with spaces in it"])
def test_a_key_that_is_none(key: str) -> None:
    done = run_here("serve", "--key", key)
    assert done.returncode == 1
    assert "8 to 200" in done.stderr


@pytest.mark.slow
def test_it_serves_until_ctrl_c(isolated_home: Path) -> None:
    write_tiny_gguf(paths.models_dir() / "tiny.gguf", quant="Q8_0")
    command = [sys.executable, "-m", "autogpt_desktop", "serve", "--port", "0", "--device", "cpu"]
    running = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    try:
        assert running.stdout is not None
        assert running.stderr is not None
        url = running.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/v1", url)
        told = [running.stderr.readline() for _ in range(3)]
        assert kept_key() in told[0]
        with openai.OpenAI(base_url=url, api_key=kept_key(), max_retries=0) as client:
            assert "tiny" in [model.id for model in client.models.list()]
            made = client.completions.create(model="tiny", prompt="the rain", max_tokens=3)
            assert made.usage is not None
            assert made.usage.completion_tokens <= 3
        running.send_signal(signal.SIGINT)
        assert running.wait(60) == 0
        assert "Traceback" not in running.stderr.read()
    finally:
        running.kill()
        running.wait()
        for stream in (running.stdout, running.stderr):
            if stream is not None:
                stream.close()
