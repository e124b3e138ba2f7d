"""What goes to the terminal: progress and notices on standard error, Ctrl+C, lines that steer nothing."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from typing import Any
from unicodedata import category

from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.i18n import message


def one_line(text: str) -> str:
    """Without what would break the line or steer the terminal, as names of files may have it."""
    return "".join("\ufffd" if category(letter) in ("Cc", "Zl", "Zp") else letter for letter in text)


class Reporter:
    """Progress and notices on standard error: a line that changes, only on a terminal; each notice once."""

    def __init__(self) -> None:
        self.live = sys.stderr is not None and sys.stderr.isatty()
        self.shown = 0
        self.said: set[str] = set()

    def __call__(self, event: object) -> None:
        if isinstance(event, Notice):
            text = one_line(message(event.key, **event.values))
            if text not in self.said:
                self.clear()
                print(text, file=sys.stderr)
                self.said.add(text)
        elif isinstance(event, Progress) and self.live:
            share = f" {100 * event.done // event.total} %" if event.total else ""
            line = f"{message(event.stage)}{share}"
            print(f"\r{line:<{self.shown}}", end="", file=sys.stderr, flush=True)
            self.shown = max(self.shown, len(line))

    def clear(self) -> None:
        """Take the line away."""
        if self.shown:
            print(f"\r{' ' * (2 * self.shown)}\r", end="", file=sys.stderr, flush=True)
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
        if self.pressed:  # a second time: the person means it
            raise KeyboardInterrupt
        self.pressed = True
