"""The switch that lets other programs use the models, and what is answered beside the window's own work."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.server.access import kept_key
from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.settings.server_section import ServerSection
from autogpt_desktop.ui.shell.main_window import MainWindow
from tests.tiny import write_tiny_gguf
from tests.ui.settings.test_drawer import drawer

pytestmark = pytest.mark.slow
SECONDS = 20_000


@pytest.fixture
def section(shell_window: MainWindow, qtbot: QtBot) -> Iterator[ServerSection]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        shell_window.context.settings.server_port = free.getsockname()[1]
    yield drawer(shell_window).server
    shell_window.context.server.stop()


def test_it_is_off_until_it_is_switched_on_and_off_again(section: ServerSection, qtbot: QtBot) -> None:
    context = section._context
    assert not Settings.load().server
    assert not section.switch.isChecked()
    assert not section.copy_key.isVisible()
    assert kept_key() == ""
    section.switch.click()
    qtbot.waitUntil(lambda: bool(context.server.address), timeout=SECONDS)
    address = context.server.address
    assert section.state.text() == address == f"http://127.0.0.1:{context.settings.server_port}/v1"
    assert Settings.load().server
    section.copy_address.click()
    assert QGuiApplication.clipboard().text() == address
    section.copy_key.click()
    key = QGuiApplication.clipboard().text()
    assert key == kept_key() != ""
    section.renew.click()
    assert kept_key() != key
    qtbot.waitUntil(lambda: bool(context.server.address), timeout=SECONDS)
    section.switch.click()
    assert not section.copy_key.isVisible()
    qtbot.waitUntil(lambda: not context.server._working, timeout=SECONDS)
    with socket.socket() as gone:
        assert gone.connect_ex(("127.0.0.1", context.settings.server_port)) != 0


def test_a_port_that_is_taken_is_said(section: ServerSection, qtbot: QtBot) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", section._context.settings.server_port))
        other.listen()
        section.switch.click()
        qtbot.waitUntil(lambda: section.problem.isVisible(), timeout=SECONDS)
    assert str(section._context.settings.server_port) in section.problem.text()
    section.port.setValue(section.port.value() + 1)  # and another one is tried by itself
    qtbot.waitUntil(lambda: bool(section._context.server.address), timeout=SECONDS)
    assert not section.problem.isVisible()


def test_other_programs_are_answered_by_the_window_s_worker(section: ServerSection, qtbot: QtBot) -> None:
    context = section._context
    write_tiny_gguf(paths.models_dir() / "tiny.gguf", quant="Q8_0")
    section.switch.click()
    qtbot.waitUntil(lambda: bool(context.server.address), timeout=SECONDS)
    heard: list[Any] = []
    titles: set[str] = set()
    context.worker.queue_changed.connect(lambda jobs: titles.update(job.title for job in jobs))

    def ask() -> None:
        with openai.OpenAI(base_url=context.server.address, api_key=kept_key(), max_retries=0) as client:
            pieces = client.completions.create(model="tiny", prompt="the rain", max_tokens=5, stream=True)
            heard.append("".join(piece.choices[0].text for piece in pieces))
            heard.append(client.completions.create(model="tiny", prompt="the rain", max_tokens=5).usage)

    thread = threading.Thread(target=ask)
    thread.start()
    qtbot.waitUntil(lambda: len(heard) == 2, timeout=SECONDS)
    thread.join()
    assert heard[1].completion_tokens <= 5
    assert titles == {"Answering other programs"}
    qtbot.waitUntil(lambda: not context.worker.jobs(), timeout=SECONDS)


def test_who_waits_is_told_when_the_job_is_taken_away(section: ServerSection, qtbot: QtBot) -> None:
    context = section._context
    write_tiny_gguf(paths.models_dir() / "tiny.gguf", quant="Q8_0")
    section.switch.click()
    qtbot.waitUntil(lambda: bool(context.server.address), timeout=SECONDS)
    held = threading.Event()

    def busy(cancel: threading.Event) -> Iterator[int]:
        while not held.is_set() and not cancel.is_set():
            yield 1

    blocking = context.worker.submit(busy, title="Typed in the window")  # goes before
    heard: list[Any] = []

    def ask() -> None:
        try:
            with openai.OpenAI(base_url=context.server.address, api_key=kept_key(), max_retries=0) as client:
                heard.append(client.completions.create(model="tiny", prompt="x", max_tokens=2))
        except openai.APIStatusError as error:
            heard.append(error.status_code)

    thread = threading.Thread(target=ask)
    thread.start()

    def waiting() -> list[int]:
        return [job.id for job in context.worker.jobs() if job.lane == "serving"]

    qtbot.waitUntil(lambda: bool(waiting()), timeout=SECONDS)
    context.worker.cancel(waiting()[0])
    qtbot.waitUntil(lambda: bool(heard), timeout=SECONDS)
    assert heard == [503]
    held.set()
    blocking.cancel()
    thread.join()
