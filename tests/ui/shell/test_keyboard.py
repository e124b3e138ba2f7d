"""The whole window without a mouse: Tab, Enter, Esc, shortcuts."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.queue_view import _JobRow
from autogpt_desktop.ui.widgets.overlay import Overlay
from tests.ui.chat.kit import Script, ask


def test_tab_goes_round_the_whole_window(shell_window: MainWindow, qtbot: QtBot) -> None:
    shell_window.pages.setCurrentWidget(shell_window.columns)
    shell_window.model_button.setFocus()
    seen: list[QWidget] = []
    while (now := shell_window.focusWidget()) is not None and now not in seen:
        seen.append(now)
        qtbot.keyClick(now, Qt.Key.Key_Tab)
    assert shell_window.focusWidget() is shell_window.model_button  # no trap on the way
    assert shell_window.settings_button in seen
    assert shell_window.menu_button in seen
    assert shell_window.queue_view.button in seen


@pytest.mark.slow
def test_enter_presses_what_has_the_focus(shell_window: MainWindow, qtbot: QtBot) -> None:
    qtbot.keyClick(shell_window.settings_button, Qt.Key.Key_Return)
    settings = shell_window.overlay("settings")
    assert settings is not None
    assert settings.isVisible()
    settings.close_overlay()
    assert shell_window.first_run is not None
    qtbot.keyClick(shell_window.first_run.models_button, Qt.Key.Key_Enter)
    models = shell_window.overlay("models")
    assert models is not None
    assert models.isVisible()


@pytest.mark.slow
def test_the_job_list_stays_and_leaves(shell_window: MainWindow, qtbot: QtBot) -> None:
    view = shell_window.queue_view
    view.button.click()
    height = view.popup.card.height()
    qtbot.waitUntil(lambda: view.popup.hasFocus())
    qtbot.wait(1200)  # its clock fills it anew each second
    assert view.popup.card.height() == height
    qtbot.keyClick(shell_window.focusWidget(), Qt.Key.Key_Escape)
    assert view.popup.isHidden()


def test_a_job_row_keeps_the_focus_while_the_clock_runs(shell_window: MainWindow, qtbot: QtBot) -> None:
    worker, view = shell_window.context.worker, shell_window.queue_view

    def job(cancel: threading.Event) -> Iterator[int]:
        while not cancel.is_set():
            time.sleep(0.005)
            yield 1

    worker.submit(job, title="Long job")
    qtbot.waitUntil(lambda: [row[1].state for row in view.rows()] == ["running"])
    view.button.click()
    before = shell_window.focusWidget()
    assert before is not None
    assert before.accessibleName() == "Stop Long job"
    view.popup.fill()
    assert shell_window.focusWidget() is before
    qtbot.keyClick(before, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not view.rows())


@pytest.mark.slow
def test_the_job_list_tells_what_runs_and_waits_and_stops_each(
    shell_window: MainWindow, qtbot: QtBot
) -> None:
    worker, view = shell_window.context.worker, shell_window.queue_view

    def job(cancel: threading.Event) -> Iterator[int]:
        while not cancel.is_set():
            time.sleep(0.005)
            yield 1

    worker.submit(job, title="Behind", lane="background")
    qtbot.waitUntil(lambda: [row[1].state for row in view.rows()] == ["running"])
    worker.submit(job, title="Now")
    for number in range(30):
        worker.submit(job, title=f"Waiting {number}")
    qtbot.waitUntil(lambda: sorted({row[1].state for row in view.rows()}) == ["paused", "running", "waiting"])
    view.button.click()
    texts = [row.findChildren(QLabel)[1].text() for row in view.popup.findChildren(_JobRow)]
    assert texts[0].startswith("running for ")
    assert set(texts[1:]) == {"paused, goes on by itself", "waiting for its turn"}
    rows = view.popup.findChildren(_JobRow)
    assert all(row.height() >= row.sizeHint().height() for row in rows)  # many rows scroll, none is squeezed
    assert view.popup.card.height() < shell_window.height()
    last = next(row for row in rows if row.key[2] == "Waiting 29")
    last.findChildren(QAbstractButton)[0].click()
    qtbot.waitUntil(lambda: "Waiting 29" not in [row[1].title for row in view.rows()])
    assert len(view.rows()) == 31
    worker.cancel_all()
    qtbot.waitUntil(lambda: not view.rows())


@pytest.mark.slow
def test_tab_goes_through_the_panel_as_it_stands(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pieces = ["```python\nx = 1\n```"]
    ask(panel, qtbot, "Code")
    question, answer = (panel.view.widgets[item.id] for item in panel.conversation.messages)
    panel.list.new_button.setFocus()
    seen: list[QWidget] = []
    while (now := panel.window().focusWidget()) is not None and now not in seen:
        seen.append(now)
        qtbot.keyClick(now, Qt.Key.Key_Tab)
    wanted = [
        panel.list.new_button, panel.list.search, panel.header.sidebar, panel.view, question.body,
        question.buttons["edit"], answer.body, answer.body.copy_buttons()[0], answer.buttons["regenerate"],
        panel.composer.attach_button, panel.composer.edit,
    ]  # fmt: skip
    assert [stop for stop in seen if stop in wanted] == wanted


@pytest.mark.slow
def test_shortcuts_work_from_everywhere_but_what_lies_over(panel: ChatPanel, qtbot: QtBot) -> None:
    ask(panel, qtbot, "One")
    over = Overlay(panel, placement="center", width=200)
    field = QLineEdit(over.card)
    over.open()
    field.setFocus()
    qtbot.keyClick(field, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert panel.conversation.id
    over.close_overlay()
    panel.header.find_button.setFocus()
    qtbot.keyClick(panel.header.find_button, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier)
    assert not panel.conversation.id
