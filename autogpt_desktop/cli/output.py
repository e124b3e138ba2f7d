"""What goes to the terminal: answers, progress and notices, Ctrl+C; and no text that steers it."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any
from unicodedata import category

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.i18n import message

_STEERS = ("Cc", "Zl", "Zp")  # categories: control characters, other ends of lines


def terminal_line(text: str) -> str:
    """Without what would break the line or steer the terminal, as names of files may have it."""
    return "".join("\ufffd" if category(letter) in _STEERS else letter for letter in text)


def for_terminal(text: str) -> str:
    """The same for a text of several lines. Each character counts for itself: a text may come in pieces."""
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r", "").split("\n")
    return "\n".join("\t".join(terminal_line(part) for part in line.split("\t")) for line in lines)


def say(text: str, end: str = "\n") -> None:
    """To standard output at once: made safe where that is a terminal, as it is where a program reads."""
    if sys.stdout is not None:  # None: closed by whoever started us
        print(for_terminal(text) if sys.stdout.isatty() else text, end=end, flush=True)


def tell(text: str, end: str = "\n") -> None:
    """To standard error: what is no result."""
    if sys.stderr is not None:
        print(for_terminal(text), file=sys.stderr, end=end, flush=True)


def overwrite(width: int) -> None:
    """Take a line of ``width`` characters that ``tell`` left without its end away again."""
    if sys.stderr is not None:
        print(f"\r{' ' * width}\r", end="", file=sys.stderr, flush=True)


def error_text(error: KnownError) -> str:
    """The error's sentence. No value of it, such as a file's name, makes a line of its own."""
    values = {
        key: terminal_line(str(value)) if isinstance(value, str | PurePath) else value
        for key, value in error.values.items()
    }
    return for_terminal(message(KnownError(error.key, **values)))


class Reporter:
    """Progress and notices on standard error: a line that changes, only on a terminal; each notice once."""

    def __init__(self) -> None:
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.shown = 0
        self.said: set[str] = set()

    def __call__(self, event: object) -> None:
        if isinstance(event, Notice):
            text = terminal_line(message(event.key, **event.values))
            if text not in self.said:
                self.clear()
                tell(text)
                self.said.add(text)
        elif isinstance(event, Progress) and self.live:
            share = f" {100 * event.done // event.total} %" if event.total else ""
            line = f"{terminal_line(message(event.stage))}{share}"
            self.add(f"\r{line:<{self.shown}}")
            self.shown = max(self.shown, len(line))

    def add(self, text: str) -> None:
        """Behind what the line has."""
        print(text, end="", file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Take the line away."""
        if self.shown:
            self.add(f"\r{' ' * (2 * self.shown)}\r")
            self.shown = 0


def drive(events: Iterator[Any], report: Reporter) -> Iterator[Any]:
    """Hand on what is not progress."""
    for event in events:
        if isinstance(event, Progress | Notice):
            report(event)
        else:
            report.clear()
            yield event


class Interrupt:
    """Ctrl+C while an answer is written stops the answer, not the program."""

    def __init__(self) -> None:
        self.pressed = False

    def __call__(self) -> bool:
        return self.pressed

    def __enter__(self) -> Interrupt:
        self.pressed = False
        self.before = signal.signal(signal.SIGINT, self._press)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, self.before)

    def _press(self, *_: object) -> None:
        if self.pressed:  # a second time: the user means it
            raise KeyboardInterrupt
        self.pressed = True
