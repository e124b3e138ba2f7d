"""What the task panels share: a job with one owner, the text field, progress in place."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.widgets.progress_row import ProgressRow
from autogpt_desktop.ui.widgets.text_field import PASTE_LIMIT, TextField


@pytest.fixture
def owner(qtbot: QtBot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    return widget


@pytest.fixture
def field(shell_context: AppContext, owner: QWidget) -> TextField:
    made = TextField(shell_context, "translate", owner)
    owner.resize(300, 200)
    made.resize(300, 200)
    owner.show()
    return made


class Heard:
    def __init__(self, job: PanelJob) -> None:
        self.events: list[Any] = []
        self.ends: list[tuple[str, Any]] = []
        job.yielded.connect(self.events.append)
        job.ended.connect(self.on_ended)

    def on_ended(self, state: str, error: Any) -> None:
        self.ends.append((state, error))


def test_a_newer_start_silences_the_older(shell_context: AppContext, owner: QWidget, qtbot: QtBot) -> None:
    job = PanelJob(shell_context, owner)
    heard = Heard(job)
    began = threading.Event()

    def old(cancel: threading.Event) -> Iterator[Any]:
        began.set()
        while not cancel.wait(0.002):
            yield Result("old")

    def new(_cancel: threading.Event) -> Iterator[Any]:
        yield Result("new")

    job.start_plain(old, title="old")
    assert began.wait(10)
    qtbot.waitUntil(lambda: bool(heard.events), timeout=10_000)
    job.start_plain(new, title="new")
    del heard.events[:]
    qtbot.waitUntil(lambda: bool(heard.ends), timeout=10_000)
    assert heard.events == [Result("new")]
    assert heard.ends == [("done", None)]
    assert not job.running


def test_cancel_is_heard_and_drop_is_not(shell_context: AppContext, owner: QWidget, qtbot: QtBot) -> None:
    job = PanelJob(shell_context, owner)
    heard = Heard(job)

    def endless(cancel: threading.Event) -> Iterator[Any]:
        while True:
            cancel.wait(0.002)
            yield Progress("stage.loading")

    job.start_plain(endless, title="endless")
    assert job.running
    assert job.id
    job.cancel()
    qtbot.waitUntil(lambda: bool(heard.ends), timeout=10_000)
    assert heard.ends == [("cancelled", None)]
    job.start_plain(endless, title="endless")
    job.detach()
    assert not job.running
    qtbot.waitUntil(lambda: not shell_context.worker.jobs(), timeout=10_000)
    qtbot.wait(20)
    assert len(heard.ends) == 1


def test_a_role_without_a_model_fails_with_a_sentence(
    shell_context: AppContext, no_models: Path, owner: QWidget, qtbot: QtBot
) -> None:
    job = PanelJob(shell_context, owner)
    heard = Heard(job)

    def never(_models: Any, _cancel: threading.Event) -> Iterator[Any]:
        raise AssertionError("there is no model")
        yield

    job.start(never, title="sentiment", role="sentiment")
    qtbot.waitUntil(lambda: bool(heard.ends), timeout=10_000)
    [(state, error)] = heard.ends
    assert state == "failed"
    assert isinstance(error, KnownError)


def test_tab_leaves_the_text_field(shell_context: AppContext, owner: QWidget, qtbot: QtBot) -> None:
    column = QVBoxLayout(owner)
    text, after = TextField(shell_context, "translate"), QLineEdit()
    column.addWidget(text)
    column.addWidget(after)
    with qtbot.waitActive(owner):
        owner.show()
    text.setFocus()
    QTest.keyClick(text, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is after
    assert text.text() == ""


def test_a_paste_that_is_too_long_changes_nothing(field: TextField, qtbot: QtBot) -> None:
    field.insertPlainText("kept")
    data = QMimeData()
    data.setText("x" * (PASTE_LIMIT + 1))
    with qtbot.waitSignal(field.paste_refused) as refused:
        field.insertFromMimeData(data)
    assert refused.args == [PASTE_LIMIT + 1]
    assert not field.replace_text("x" * (PASTE_LIMIT + 1))
    assert field.text() == "kept"


def test_replaced_text_comes_back_with_undo(field: TextField) -> None:
    field.insertPlainText("first")
    assert field.replace_text("second")
    assert field.text() == "second"
    field.undo()
    assert field.text() == "first"


def test_dropped_files_are_a_signal(field: TextField, qtbot: QtBot, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / name)) for name in ("a.txt", "b.gguf")])
    with qtbot.waitSignal(field.files_dropped) as dropped:
        field.insertFromMimeData(data)
    assert dropped.args == [[tmp_path / "a.txt"]]
    assert field.text() == ""


def test_a_right_to_left_text_stands_at_the_right(field: TextField) -> None:
    def left() -> float:
        return field.document().firstBlock().layout().lineAt(0).naturalTextRect().left()

    field.setPlainText("مرحبا بالعالم")
    assert field.document().firstBlock().textDirection() == Qt.LayoutDirection.RightToLeft
    assert left() > field.viewport().width() / 3
    field.setPlainText("Hello")
    assert left() < 16


def test_it_knows_that_an_input_method_is_composing(field: TextField) -> None:
    QApplication.sendEvent(field, QInputMethodEvent("ni", []))
    assert field.composing
    done = QInputMethodEvent()
    done.setCommitString("你")
    QApplication.sendEvent(field, done)
    assert not field.composing
    assert field.text() == "你"


def test_the_menu_sends_the_selection(field: TextField, shell_context: AppContext) -> None:
    field.setPlainText("one\ntwo")
    field.selectAll()
    assert field.selected_or_all() == "one\ntwo"
    menu = field.make_menu()
    assert len(menu.actions()) >= 5
    menu.deleteLater()


def test_zoom_makes_the_text_larger(field: TextField, shell_context: AppContext) -> None:
    before = field.fontMetrics().height()
    shell_context.set_zoom(2.0)
    assert field.fontMetrics().height() >= 1.8 * before


def test_progress_in_place(qtbot: QtBot) -> None:
    row = ProgressRow(can_pause=True)
    qtbot.addWidget(row)
    assert row.isHidden()
    row.begin("Reading a.csv")
    assert not row.isHidden()
    assert row.bar.maximum() == 0
    row.advance(Progress("stage.loading", 3 * 10**9, 4 * 10**9))
    assert row.bar.value() == 750
    assert row.count.text() == "3,000,000,000 / 4,000,000,000"
    with qtbot.waitSignal(row.paused):
        row.pause_button.click()
    assert row.pause_button.text() == "Go on"
    with qtbot.waitSignal(row.resumed):
        row.pause_button.click()
    with qtbot.waitSignal(row.cancelled):
        row.cancel_button.click()
    row.end()
    assert row.isHidden()
