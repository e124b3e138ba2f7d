"""``--stop`` of the terminal, down to a model that is loaded and writes."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from autogpt_desktop.cli.chat import sampling
from autogpt_desktop.cli.main import main, parser
from autogpt_desktop.engine.config import write_stop_text
from autogpt_desktop.settings import Settings
from tests.tiny import write_tiny_gguf


def test_stop_texts_are_read_as_typed() -> None:
    typed = ["--stop", r"\n\nUser:", "--stop", "END", "--stop", r"C:\\new", "--stop", ""]
    options = parser().parse_args(["chat", "Hi", *typed])
    assert sampling(options, Settings.load()).stop == ("\n\nUser:", "END", r"C:\new")


def test_without_the_option_the_preset_counts() -> None:
    settings = Settings.load()
    settings.presets[0]["sampling"]["stop"] = ["preset"]
    assert sampling(parser().parse_args(["chat", "Hi"]), settings).stop == ("preset",)
    given = parser().parse_args(["chat", "Hi", "--stop", r"\n"])
    assert sampling(given, settings).stop == ("\n",)


@pytest.mark.slow
def test_the_answer_ends_before_the_first_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = write_tiny_gguf(tmp_path / "tiny.gguf").path
    monkeypatch.setattr(sys, "stdin", io.StringIO())

    def answer(*options: str) -> str:
        assert main(["chat", "Hi", "--model", str(model), "--device", "cpu", "--temperature", "0",
                     "--max-tokens", "60", *options]) == 0  # fmt: skip
        return capsys.readouterr().out.removesuffix("\n")

    whole = answer()
    assert len(whole) > 12
    early, late = whole[4:9], whole[8:12]  # each is of several tokens, and they overlap
    stops = [option for text in ("nowhere", late, early) for option in ("--stop", write_stop_text(text))]
    assert answer(*stops) == whole[: whole.index(early)]
