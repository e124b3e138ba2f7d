"""A command with streams of its own, in this process: to start Python and torch takes longer than to answer.

One test of each file starts the real program, and so do those that need signals, a terminal or descriptors.
"""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from unittest import mock

from autogpt_desktop.cli.main import main
from autogpt_desktop.events import Done, Text
from autogpt_desktop.tasks.chat import Turn


def run_here(*arguments: str, stdin: str | bytes = "") -> subprocess.CompletedProcess[str]:
    """The command's exit status and what it wrote, as ``subprocess.run`` would tell."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    typed = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)), encoding="utf-8")  # type: ignore[type-var]
    said, told = io.BytesIO(), io.BytesIO()
    out, err = (io.TextIOWrapper(written, encoding="utf-8", write_through=True) for written in (said, told))
    try:
        with mock.patch.multiple(sys, stdin=typed, stdout=out, stderr=err):
            status = main(arguments)
    except SystemExit as error:  # as argparse ends
        status = error.code if isinstance(error.code, int) else 1
    return subprocess.CompletedProcess(arguments, status, said.getvalue().decode(), told.getvalue().decode())


def scripted_answer(
    _models: object,
    turns: Sequence[Turn],
    _sampling: object,
    *,
    conversation: str = "",
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Text | Done]:
    """In place of ``tasks.chat.chat``: says how long the question is, "Echo …" again; "slow" takes until it
    is stopped, "colors" steers the terminal."""
    text = turns[-1].content
    if text == "slow":
        yield Text("wait")
        while not cancelled():
            time.sleep(0.01)
        yield Done("cancelled", 1, 1)
        return
    if text == "colors":
        yield from map(Text, ["a\x1b", "[31mred", "\x9b0m\r\n", "\tend"])
    elif text.startswith("Echo"):
        yield Text(ascii(text))
    else:
        yield Text(f"<{len(text)}>")
    yield Done("stop", 1, 1)
