"""The real app on a virtual X display with the real starter model: keys in, an answer on the screen.

What it shows is read off its widgets, what it kept out of its database.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.storage.conversations.store import History

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Xvfb and xdotool belong to Linux")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    """A screen of our own, with a window manager that hands out the focus."""
    missing = [tool for tool in ("Xvfb", "xdotool", "openbox") if not shutil.which(tool)]
    if missing:
        pytest.fail(
            f"missing: {missing}. Install them with: python3 packaging/bootstrap.py test", pytrace=False
        )
    read, write = os.pipe()
    screen = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x900x24", "-nolisten", "tcp"],
        pass_fds=[write], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(write)
    with os.fdopen(read) as pipe:
        name = f":{pipe.readline().strip()}"
    manager = subprocess.Popen(["openbox"], env=os.environ | {"DISPLAY": name}, stderr=subprocess.DEVNULL)
    yield name
    for process in (manager, screen):
        process.terminate()
        process.wait()


class App:
    """One running app and what it shows."""

    def __init__(self, display: str, home: Path) -> None:
        self.home, self.file = home, home / "probe.json"
        self.file.unlink(missing_ok=True)
        self.environment = os.environ | {"DISPLAY": display, "QT_QPA_PLATFORM": "xcb", "LANG": "C.UTF-8"}
        self.environment |= {"AUTOGPT_DESKTOP_HOME": str(home), "PYTHONPATH": str(ROOT)}
        self.environment.pop("OMP_NUM_THREADS", None)  # all threads, as on a user's machine
        self.errors = home / "stderr.txt"
        with self.errors.open("a") as errors:
            command = [sys.executable, "-m", "tests.probe_app", str(self.file)]
            self.process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stderr=errors)

    def widgets(self) -> list[dict[str, Any]]:
        try:
            return json.loads(self.file.read_text(encoding="utf-8"))["widgets"]
        except FileNotFoundError:
            return []

    def texts(self) -> str:
        return "\n".join(widget["text"] for widget in self.widgets() if widget["text"])

    def wait(self, what: str, until: Callable[[], bool], seconds: float = 60.0) -> None:
        ends = time.monotonic() + seconds
        while not until():
            if self.process.poll() is not None:
                pytest.fail(f"the app ended while waiting for {what}: {self.errors.read_text()[-3000:]}")
            if time.monotonic() > ends:
                pytest.fail(f"waited in vain for {what}; the screen shows:\n{self.texts()[-3000:]}")
            time.sleep(0.05)

    def x(self, *arguments: str) -> str:
        command = ["xdotool", *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=True
        ).stdout

    def focus(self) -> None:
        """Click into the composer as a person does."""
        self.wait("the composer", lambda: any(w["class"] == "ComposerText" for w in self.widgets()))
        self.x("search", "--sync", "--onlyvisible", "--name", "AutoGPT Desktop")
        centre = next(w["centre"] for w in self.widgets() if w["class"] == "ComposerText")
        self.x("mousemove", str(centre[0]), str(centre[1]), "click", "1")
        self.wait(
            "the focus", lambda: any(w["focus"] and w["class"] == "ComposerText" for w in self.widgets()), 10
        )

    def is_quiet(self) -> bool:
        """No answer is being written."""
        return any("Send" in (widget["name"], widget["text"]) for widget in self.widgets())

    def type(self, text: str) -> None:
        self.x("type", "--delay", "15", text)


@pytest.fixture
def home(isolated_home: Path) -> Path:
    (isolated_home / "config").mkdir(exist_ok=True)
    settings = {"default_model": "smollm2-135m-instruct", "language": "en", "device": "cpu"}
    presets = [
        {
            "name": "Exact",
            "system_prompt": "",
            "sampling": {"temperature": 0.0, "repetition_penalty": 1.0, "max_tokens": 900},
        }
    ]
    file = isolated_home / "config" / "settings.json"
    file.write_text(json.dumps(settings | {"presets": presets}), encoding="utf-8")
    return isolated_home


@pytest.fixture
def app(display: str, home: Path, starter_gguf: Path) -> Iterator[App]:
    app = App(display, home)
    yield app
    if app.process.poll() is None:
        app.process.kill()
        app.process.wait()


def kept() -> list[list[tuple[str, str, str]]]:
    """(role, text, state) of every message of every conversation, by a second reader."""
    history = History()
    found = [[(m.role, m.text, m.state) for m in history.path(c.id)] for c in history.conversations()]
    history.close()
    return found


def test_a_question_is_typed_answered_shown_and_kept(app: App, home: Path) -> None:
    app.focus()
    app.type("What is the capital of France?")
    app.wait("the question", lambda: "What is the capital of France?" in app.texts())
    app.x("key", "Return")
    app.wait("the answer", lambda: "The capital of France is Paris." in app.texts())
    app.type("And of Italy")
    app.x("key", "shift+Return")
    app.type("in one word?")
    app.x("key", "Return")
    app.wait("the second answer", lambda: "Rome" in app.texts())
    app.wait("its end", app.is_quiet)
    app.x("key", "ctrl+q")
    assert app.process.wait(30) == 0
    (conversation,) = kept()
    assert conversation[:2] == [
        ("user", "What is the capital of France?", "complete"),
        ("assistant", "The capital of France is Paris.", "complete"),
    ]
    assert conversation[2][:2] == ("user", "And of Italy\nin one word?")
    assert "Rome" in conversation[3][1]
    assert conversation[3][2] == "complete"


def test_a_kill_in_mid_answer_loses_at_most_the_last_second(app: App, home: Path, display: str) -> None:
    app.focus()
    app.type("Write a very long story about the sea and a lighthouse.")
    app.x("key", "Return")

    def answer() -> str:
        bodies = [w["text"] for w in app.widgets() if "lighthouse" in w["text"] or "sea" in w["text"]]
        return max(bodies, key=len, default="")

    app.wait("some of the story", lambda: len(answer()) > 300)
    seen = answer()
    time.sleep(1.0)  # what was on the screen a second ago must be there
    app.process.send_signal(signal.SIGKILL)
    app.process.wait()
    again = App(display, home)
    try:
        again.wait("the half answer", lambda: any(seen[:200] in w["text"] for w in again.widgets()))
        again.wait(
            "the offer to go on", lambda: any("Continue" in w["text"] + w["name"] for w in again.widgets())
        )
    finally:
        again.process.kill()
        again.process.wait()
    (conversation,) = kept()
    assert conversation[1][2] == "interrupted"
    assert conversation[1][1].startswith(seen.strip()[:200])


def test_stop_keeps_what_was_written_and_drafts_come_back(app: App, home: Path, display: str) -> None:
    app.focus()
    app.type("Write a very long story about the sea.")
    app.x("key", "Return")
    app.wait("some of the story", lambda: any(len(w["text"]) > 200 for w in app.widgets()))
    app.x("key", "Escape")
    app.wait("quiet", app.is_quiet)
    app.type("a draft that was not sent")
    time.sleep(0.8)
    app.x("key", "ctrl+q")
    assert app.process.wait(30) == 0
    (conversation,) = kept()
    assert conversation[1][2] == "stopped"
    assert len(conversation[1][1]) > 150
    again = App(display, home)
    try:
        again.wait("the draft", lambda: "a draft that was not sent" in again.texts())
    finally:
        again.process.kill()
        again.process.wait()


def test_closing_while_it_writes_keeps_what_was_written(app: App, home: Path) -> None:
    app.focus()
    app.type("Write a very long story about the sea.")
    app.x("key", "Return")
    app.wait("some of the story", lambda: any(len(w["text"]) > 200 for w in app.widgets()))
    app.x("key", "ctrl+q")
    assert app.process.wait(30) == 0
    (conversation,) = kept()
    assert len(conversation[1][1]) > 150
    assert conversation[1][2] == "interrupted"
