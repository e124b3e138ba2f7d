"""The chat in the terminal, on a real one: what is typed, pasted, piped in and shown. No model is needed."""

from __future__ import annotations

import ast
import codecs
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.cli import chat, output
from autogpt_desktop.errors import KnownError
from autogpt_desktop.storage.conversations.store import History
from tests.cli.kit import run_here, scripted_answer

if sys.platform == "win32":
    pytest.skip("the terminals of POSIX", allow_module_level=True)

import fcntl
import pty
import struct
import termios

pytestmark = pytest.mark.slow  # together they take seconds

ROOT = Path(__file__).parents[2]
# torch is not loaded for it: test_main.py has conversations with a real model
SCRIPTED = """
import sys
from unittest.mock import Mock
from autogpt_desktop.cli import chat, main
from tests.cli.kit import scripted_answer

chat.answer, chat.open_models = scripted_answer, Mock()
sys.exit(main.main(sys.argv[1:]))
"""


class Terminal:
    """A pseudo terminal with the chat in it."""

    def __init__(self, **streams: Any) -> None:
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        self.before = termios.tcgetattr(self.slave)
        ends = {"stdin": self.slave, "stdout": self.slave, "stderr": self.slave} | streams
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPTED, "chat"],
            start_new_session=True,
            cwd=ROOT,
            **ends,
        )
        self.seen = ""

    def read(self, seconds: float = 0.2) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            self.seen += os.read(self.master, 65536).decode("utf-8", "replace")

    def expect(self, text: str, seconds: float = 30.0) -> str:
        """What came before the text."""
        ends = time.monotonic() + seconds
        while text not in self.seen and time.monotonic() < ends:
            self.read()
        assert text in self.seen, self.seen[-2000:]
        before, self.seen = self.seen.split(text, 1)
        return before

    def write(self, text: str) -> None:
        """As a terminal does: as much as there is room for, reading what comes meanwhile."""
        data = text.encode()
        while data:
            if select.select([], [self.master], [], 0.1)[1]:
                data = data[os.write(self.master, data[:1000]) :]
            self.read(0)

    def ends(self) -> int:
        """The exit status; the terminal is as it was, with nothing left in it for the shell."""
        ends = time.monotonic() + 30
        while self.process.poll() is None and time.monotonic() < ends:
            self.read(0.05)
        assert termios.tcgetattr(self.slave) == self.before
        assert struct.unpack("i", fcntl.ioctl(self.slave, termios.FIONREAD, bytes(4))) == (0,)
        assert self.process.returncode is not None
        return self.process.returncode

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Terminal]]:
    monkeypatch.setenv("TERM", "xterm-256color")
    opened: list[Terminal] = []

    def make(**streams: Any) -> Terminal:
        opened.append(Terminal(**streams))
        return opened[-1]

    yield make
    for one in opened:
        one.close()


def questions() -> list[str]:
    history = History()
    try:
        (conversation,) = history.conversations()
        return [one.text for one in history.path(conversation.id) if one.role == "user"]
    finally:
        history.close()


PASTED = "First line\n\n\tthird line, behind an empty one\nrm -rf nothing"


@pytest.mark.slow
def test_what_is_typed_is_edited_and_what_is_pasted_is_one_question(
    open_terminal: Callable[..., Terminal],
) -> None:
    terminal = open_terminal()
    terminal.expect("\x1b[?2004h")
    terminal.expect("> ")
    terminal.write("Pais\x1b[D\x1b[Dr\x1b[C\x1b[C?\r")  # two to the left, one letter, to the end
    terminal.expect("<6>")
    terminal.write("\r  \r")  # says nothing, ends nothing
    terminal.write(f"\x1b[200~{PASTED.replace(chr(10), chr(13))}\x1b[201~")
    time.sleep(0.3)
    terminal.write("\r")
    terminal.expect(f"<{len(PASTED)}>")
    terminal.write("a" * 5_000 + "\r")  # more than a line of a terminal is
    terminal.expect("<5000>")
    terminal.write("one\\\r")
    time.sleep(0.1)
    terminal.write("two\x1b\rthree\r")
    terminal.expect("<13>")
    terminal.write("\x1b[A\r")  # the question before, from memory
    terminal.expect("<13>")
    terminal.write("/quit\r")
    assert terminal.ends() == 0
    assert questions() == ["Paris?", PASTED, "a" * 5_000, "one\ntwo\nthree", "one\ntwo\nthree"]


@pytest.mark.slow
def test_a_paste_that_no_terminal_marks_is_one_question_too(open_terminal: Callable[..., Terminal]) -> None:
    """Also while the program starts and while an answer is written; and what is left is no command."""
    terminal = open_terminal()
    terminal.expect("> ")
    terminal.write(PASTED + "\n")
    terminal.expect(f"<{len(PASTED)}>")
    terminal.write("slow\r")
    terminal.expect("wait")
    terminal.write("b" * 5_000 + "\n\nend")  # typed ahead
    terminal.process.send_signal(signal.SIGINT)  # Ctrl+C stops the answer
    terminal.expect("end")
    terminal.write("\n")
    shown = terminal.expect("<5005>")
    assert "wait" not in shown
    terminal.write("slow\n/quit\n")
    terminal.expect("wait")
    terminal.write("echo left for the shell\n")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.ends() == 0
    assert questions() == [PASTED, "slow", "b" * 5_000 + "\n\nend", "slow"]


@pytest.mark.slow
def test_ctrl_c_takes_back_what_is_typed_and_ctrl_d_ends(open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal()
    terminal.expect("> ")
    terminal.write("not this")
    terminal.expect("this")
    terminal.write("\x03")
    terminal.expect("/quit ends.")
    terminal.expect("> ")
    terminal.write("but this\r")
    terminal.expect("<8>")
    terminal.expect("> ")
    terminal.write("\x04")
    assert terminal.ends() == 0
    assert questions() == ["but this"]


@pytest.mark.slow
def test_answers_alone_go_to_standard_output(open_terminal: Callable[..., Terminal], tmp_path: Path) -> None:
    with open(tmp_path / "answers", "wb") as answers:
        terminal = open_terminal(stdout=answers)
        terminal.expect("> ")
        terminal.write("colors\r")
        terminal.expect("> ")
        terminal.write("hello\r")
        ends = time.monotonic() + 30  # a prompt is drawn more than once; an answer tells
        while b"<5>" not in (tmp_path / "answers").read_bytes() and time.monotonic() < ends:
            terminal.read()
        terminal.write("\x04")
        assert terminal.ends() == 0
    # a file gets the text as it is
    assert (tmp_path / "answers").read_bytes() == b"a\x1b[31mred\xc2\x9b0m\r\n\tend\n<5>\n"


@pytest.mark.slow
def test_a_log_of_errors_keeps_the_prompt_in_the_terminal(
    open_terminal: Callable[..., Terminal], tmp_path: Path
) -> None:
    with open(tmp_path / "log", "wb") as log:
        terminal = open_terminal(stderr=log)
        terminal.expect("> ")
        terminal.write("hello\r")
        terminal.expect("<5>")
        terminal.write("/exit\r")
        assert terminal.ends() == 0
    assert b"Ask something" in (tmp_path / "log").read_bytes()


@pytest.mark.slow
def test_a_terminal_that_can_do_nothing_gets_plain_lines(
    open_terminal: Callable[..., Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    terminal = open_terminal()
    terminal.expect("> ")
    terminal.write("hello\n\nagain\n")
    terminal.expect("<5>")
    assert "\x1b" not in terminal.expect("<5>")
    terminal.write("/quit\n")
    assert terminal.ends() == 0
    assert questions() == ["hello", "again"]


@pytest.mark.slow
def test_an_answer_does_not_steer_the_terminal(open_terminal: Callable[..., Terminal]) -> None:
    terminal = open_terminal()
    terminal.expect("> ")
    terminal.write("colors\r")
    terminal.expect("a\ufffd[31mred\ufffd0m\r\n")  # the terminal's own \r for \n
    assert "\tend" in terminal.expect("end") + "end"


Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The chat with these bytes piped in, answered by the script."""
    monkeypatch.setattr(chat, "answer", scripted_answer)
    return lambda data, *arguments: run_here("chat", *arguments, stdin=data)


def test_what_is_piped_in_joins_the_prompt(ask: Ask) -> None:
    text = "one\n\ntwo"
    command = [sys.executable, "-c", SCRIPTED, "chat", "Echo:"]
    done = subprocess.run(command, input=f"{text}\n".encode(), capture_output=True, timeout=60, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode() == ascii(f"Echo:\n\n{text}") + "\n"
    assert ask(f"{text}\n".encode(), "Echo:").stdout == ascii(f"Echo:\n\n{text}") + "\n"
    assert ask(b"", "Echo:").stdout == ascii("Echo:") + "\n"
    assert ask(b"Echo this\n", "--system", "Be short.").stdout == ascii("Echo this") + "\n"


@pytest.mark.parametrize(
    "data",
    [
        "Echo: Grüße aus Köln, schöne Straße".encode("latin-1"),
        codecs.BOM_UTF16_LE + "Echo: Grüße aus Köln, schöne Straße".encode("utf-16-le"),
        "\ufeffEcho: Grüße aus Köln, schöne Straße".encode(),
        "Echo: Grüße aus Köln, schöne Straße".encode(),
    ],
)
def test_what_is_piped_in_may_have_any_encoding(ask: Ask, data: bytes) -> None:
    assert ask(data).stdout == ascii("Echo: Grüße aus Köln, schöne Straße") + "\n"


def test_what_is_no_text_is_said(ask: Ask) -> None:
    done = ask(bytes(range(256)) * 40, "Echo:")
    assert done.returncode == 1
    assert done.stdout == ""
    assert "not text" in done.stderr
    assert "Traceback" not in done.stderr


# --- nothing steers


def test_a_value_of_an_error_neither_breaks_the_line_nor_steers(ask: Ask) -> None:
    text = output.error_text(KnownError("document-missing", name="a\n\x1b[31m\x9b\u2028.txt"))
    assert "a\ufffd\ufffd[31m\ufffd\ufffd.txt" in text
    assert "\n" not in text
    done = ask(b"", "hi", "--no-such\x1b[2J")
    assert "\x1b" not in done.stderr
    assert "--no-such\ufffd[2J" in done.stderr


def test_commands_print_through_what_makes_it_safe() -> None:
    for file in (ROOT / "autogpt_desktop" / "cli").glob("*.py"):
        calls = [
            node.lineno
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        ]
        assert not calls or file.name in ("output.py", "line_editor.py"), (file.name, calls)


def test_the_line_editor_is_loaded_for_a_conversation_alone() -> None:
    code = "import sys; import autogpt_desktop.cli.chat; sys.exit('prompt_toolkit' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
