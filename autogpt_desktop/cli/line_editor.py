"""Where questions are typed: with arrow keys, several lines, and pasted text of any length."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING, Protocol, TextIO

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

PROMPT = "> "
_PASTE_ON, _PASTE_OFF = "\x1b[?2004h", "\x1b[?2004l"  # whether the terminal marks what is pasted
_PASTE_GAP = 0.02  # seconds within which a paste without marks goes on, and nobody types


class Editor(Protocol):
    """Used as a context, around all the questions."""

    def __enter__(self) -> Editor: ...

    def __exit__(self, *_: object) -> None: ...

    def read(self) -> str:
        """One question. Raises EOFError at the end, KeyboardInterrupt for Ctrl+C."""


def open_editor() -> Editor:
    """The line editor where standard input's terminal can show one, else plain lines."""
    terminal = _terminal()
    if terminal is None or os.environ.get("TERM") in ("dumb", "unknown"):
        return PlainLines(terminal)
    return LineEditor(terminal)


def _terminal() -> TextIO | None:
    """Where the question is shown: not among the answers, unless they alone go to a terminal."""
    for stream in (sys.stderr, sys.stdout):
        if stream is not None and stream.isatty():
            return stream
    try:
        return open("/dev/tty", "w", encoding="utf-8")
    except OSError:
        return None


class PlainLines:
    """A question a line, as the terminal itself lets one type it."""

    def __init__(self, terminal: TextIO | None) -> None:
        self._terminal = terminal

    def __enter__(self) -> PlainLines:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self) -> str:
        if self._terminal is not None:
            print(PROMPT, end="", file=self._terminal, flush=True)
        line = sys.stdin.readline()
        if not line:
            raise EOFError
        return line.rstrip("\r\n")


class LineEditor:
    """Enter sends; Esc Enter, or a backslash before Enter, begins a new line; nothing is kept on disk.

    Between two questions the terminal neither cuts nor shows what is typed ahead: the next question
    begins with it. What is left at the end is no command for the shell.
    """

    def __init__(self, terminal: TextIO) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.input import create_input
        from prompt_toolkit.output import create_output
        from prompt_toolkit.output.vt100 import Vt100_Output

        self._terminal = terminal
        output = create_output(terminal)
        self._marks = isinstance(output, Vt100_Output)
        if isinstance(output, Vt100_Output):
            output.enable_cpr = False  # a late reply would be taken for typed text
        self._session: PromptSession[str] = PromptSession(
            [("ansidefault", PROMPT)],  # without a color its space would only be skipped
            input=create_input(sys.stdin),
            output=output,
            multiline=True,
            prompt_continuation=" " * len(PROMPT),
            key_bindings=_keys(),
            enable_suspend=True,
            reserve_space_for_menu=0,
        )

    def __enter__(self) -> LineEditor:
        if sys.platform != "win32":
            import termios

            self._before = termios.tcgetattr(sys.stdin)
            typed_ahead = termios.tcgetattr(sys.stdin)
            typed_ahead[3] &= ~(termios.ICANON | termios.ECHO)  # a line of its own would end at 4,095 bytes
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, typed_ahead)
        self._mark_pastes(True)
        return self

    def __exit__(self, *_: object) -> None:
        self._mark_pastes(False)
        if sys.platform != "win32":
            import termios

            termios.tcsetattr(sys.stdin, termios.TCSAFLUSH, self._before)  # drops what nobody read

    def read(self) -> str:
        try:
            text: str = self._session.prompt()
        finally:
            self._mark_pastes(True)  # the session ends that
        # bytes that are no UTF-8 come as lone surrogates
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

    def _mark_pastes(self, on: bool) -> None:
        if self._marks:
            self._terminal.write(_PASTE_ON if on else _PASTE_OFF)
            self._terminal.flush()


def _keys() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    keys = KeyBindings()

    @keys.add("enter")
    def _(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.document.is_cursor_at_the_end and buffer.text.endswith("\\"):
            buffer.delete_before_cursor()
            buffer.insert_text("\n")
        elif _goes_on(event):
            buffer.insert_text("\n")
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    @keys.add("tab")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\t")

    return keys


def _goes_on(event: KeyPressEvent) -> bool:
    """Whether text comes right behind this Enter: a paste of a terminal that does not mark it."""
    from prompt_toolkit.keys import Keys

    for press in event.key_processor.input_queue:  # the first that was read together with this one
        return not isinstance(press.key, Keys) or press.key in (Keys.ControlM, Keys.ControlJ, Keys.ControlI)
    return sys.platform != "win32" and bool(select.select([sys.stdin], [], [], _PASTE_GAP)[0])
