"""The window tells trainings that it is worked with: typing and jobs, and nothing when it is idle."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.shell.busy_mark import EVERY, BusyMark
from autogpt_desktop.worker import Worker


def test_typing_is_said_once_a_second_and_only_of_the_field_in_focus(qtbot: QtBot) -> None:
    page, said, clock = QWidget(), list[int](), [0.0]
    edit, line = QPlainTextEdit(), QLineEdit()
    column = QVBoxLayout(page)
    column.addWidget(edit)
    column.addWidget(line)
    qtbot.addWidget(page)
    worker = Worker()
    mark = BusyMark(worker, page, lambda: said.append(1), lambda: clock[0])
    page.show()
    page.activateWindow()
    edit.setFocus()
    qtbot.waitUntil(edit.hasFocus, timeout=20_000)
    for at in range(10):
        clock[0] = at * EVERY / 4
        qtbot.keyClicks(edit, "a")
    assert len(said) == 3
    clock[0] += EVERY
    line.setText("not by hand, and not in focus")
    assert len(said) == 3
    line.setFocus()
    qtbot.keyClicks(line, "b")
    assert len(said) == 4
    clock[0] += EVERY
    edit.setPlainText("an answer comes")
    assert len(said) == 4
    line.deleteLater()
    qtbot.waitUntil(lambda: mark._field is not line, timeout=20_000)
    assert worker.stop(20_000)


@pytest.mark.slow
def test_jobs_are_said_as_long_as_they_are_there(qtbot: QtBot) -> None:
    page, said, go = QWidget(), list[int](), threading.Event()
    qtbot.addWidget(page)
    worker = Worker()
    mark = BusyMark(worker, page, lambda: said.append(1))

    def job(_cancel: threading.Event) -> Iterator[Any]:
        go.wait(20)
        yield from ()

    worker.submit(job, title="work")
    qtbot.waitUntil(lambda: len(said) >= 2, timeout=20_000)
    go.set()
    qtbot.waitUntil(lambda: not mark._timer.isActive(), timeout=20_000)
    assert worker.stop(20_000)
