"""What a reasoning model thinks, in the terminal: no answer, and on standard error where asked for."""

from __future__ import annotations

import pytest

from autogpt_desktop.cli.chat import _Shown, sampling
from autogpt_desktop.cli.main import parser
from autogpt_desktop.settings import Settings

PIECES = ["<", "thinking>", "one ", "two", "</thinking", ">\n\nYes", "."]


@pytest.mark.parametrize("thoughts", [False, True])
def test_a_thought_is_no_answer(thoughts: bool, capsys: pytest.CaptureFixture[str]) -> None:
    shown = _Shown(thoughts)
    for piece in PIECES:
        shown.push(piece)
    shown.finish(stopped=False)
    said = capsys.readouterr()
    assert said.out == "Yes.\n"
    assert said.err == ("Thinking …\none two\n\n" if thoughts else "Thinking …\n")


def test_a_thought_without_an_answer(capsys: pytest.CaptureFixture[str]) -> None:
    shown = _Shown(True)
    for piece in PIECES[:4]:
        shown.push(piece)
    shown.finish(stopped=False)
    said = capsys.readouterr()
    assert said.out == "\n"
    assert said.err == "Thinking …\none two\n\nThe answer is empty.\n"


def test_the_switch() -> None:
    assert sampling(parser().parse_args(["chat", "Hi"]), Settings.load()).thinking
    assert not sampling(parser().parse_args(["chat", "Hi", "--no-thinking"]), Settings.load()).thinking
