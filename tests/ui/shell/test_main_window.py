"""The window: start, keyboard, notices, languages, files, closing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QTimer, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop import app, display
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.i18n import message
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.quit_signals import QuitSignals
from tests.ui.shell.panel import Panel, make_panel

SNIPPET = """
import sys
from autogpt_desktop import app
application = app.make_application()
context, window = app.make_window()
window.show()
while not window._painted:
    application.processEvents()
print("torch" in sys.modules)
window.close()
assert context.worker.stop(20_000)
context.history.close()
"""


@pytest.mark.slow
def test_torch_is_not_imported_before_the_window_is_painted(isolated_home: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-c", SNIPPET], capture_output=True, text=True, timeout=60, env={**os.environ}
    )
    assert result.stdout.strip() == "False", result.stderr


@pytest.mark.slow
def test_importing_the_window_loads_neither_torch_nor_sqlite() -> None:
    code = (
        "import autogpt_desktop.ui.shell.main_window, sys\n"
        "print('torch' in sys.modules, 'sqlite3' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert result.stdout.split() == ["False", "False"], result.stderr


def test_model_loads_after_the_first_paint_without_stalls(
    shell_context: AppContext, starter_gguf: Path, qtbot: QtBot
) -> None:
    """The real model, the real panel: the window stays alive while torch comes in and the model loads."""
    shell_context.settings.default_model = "smollm2-135m-instruct"
    window = MainWindow(shell_context, app.make_chat)
    qtbot.addWidget(window)
    gaps: list[float] = []
    last = time.perf_counter()

    def tick() -> None:
        nonlocal last
        now = time.perf_counter()
        gaps.append(now - last)
        last = now

    seen: list[Progress] = []
    shell_context.model_loading.connect(seen.append)
    with qtbot.waitSignal(window.first_painted, timeout=10_000):
        window.show()
    assert shell_context.is_loading()
    assert window.model_button.text().startswith("Loading")
    ticker = QTimer()
    ticker.setInterval(5)
    ticker.timeout.connect(tick)
    last = time.perf_counter()
    ticker.start()
    with qtbot.waitSignal(shell_context.model_changed, timeout=60_000) as loaded:
        pass
    ticker.stop()
    info = loaded.args[0]
    assert info is not None
    assert info.name == "smollm2-135m-instruct"
    assert info.weight_bytes > 0
    assert seen[0].stage == "stage.engine"
    assert len(seen) > 1
    assert window.model_button.text() == info.title
    assert info.title in window.queue_view.model_label.whole_text()
    assert max(gaps) < 1, sorted(gaps)[-5:]
    window.close()


def test_closing_while_a_job_runs_stops_it(shell_window: MainWindow, qtbot: QtBot) -> None:
    closed = threading.Event()

    def job(cancel: threading.Event) -> Iterator[int]:
        try:
            while True:
                time.sleep(0.005)
                yield 1
        finally:
            closed.set()

    with qtbot.waitSignal(shell_window.context.worker.submit(job, title="endless").event):
        pass
    assert shell_window.queue_view.stop_button.isVisible()
    panel = shell_window.chat
    shell_window.close()
    assert closed.is_set()
    assert not shell_window.isVisible()
    assert isinstance(panel, Panel)
    assert panel.was_shut_down


@pytest.mark.slow
def test_end_of_session_closes_the_window(shell_window: MainWindow, qtbot: QtBot) -> None:
    signals = QuitSignals(shell_window)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        qtbot.waitUntil(lambda: not shell_window.isVisible())
    finally:
        signals.release()


@pytest.mark.slow
def test_queue_lists_jobs_and_stops_them(shell_window: MainWindow, qtbot: QtBot) -> None:
    worker = shell_window.context.worker

    def job(cancel: threading.Event) -> Iterator[int]:
        while not cancel.is_set():
            time.sleep(0.005)
            yield 1

    with qtbot.waitSignal(worker.submit(job, title="First job").event):
        pass
    worker.submit(job, title="Second job")
    qtbot.waitUntil(lambda: len(shell_window.queue_view.rows()) == 2)
    assert "First job" in shell_window.queue_view.button.text()
    shell_window.queue_view.button.click()
    texts = {widget.accessibleName() for widget in shell_window.queue_view.popup.findChildren(QWidget)}
    assert {"First job", "Second job", "Stop Second job"} <= texts
    buttons = shell_window.queue_view.popup.findChildren(QAbstractButton)
    next(button for button in buttons if button.accessibleName() == "Stop Second job").click()
    qtbot.waitUntil(lambda: len(shell_window.queue_view.rows()) == 1)
    shell_window.queue_view.stop_button.click()
    qtbot.waitUntil(lambda: not shell_window.queue_view.rows())
    assert shell_window.queue_view.button.text() == "Ready"


@pytest.mark.slow
def test_every_control_has_a_name(shell_window: MainWindow) -> None:
    for show in (shell_window.show_models, shell_window.show_settings, shell_window.show_shortcuts,
                 shell_window.show_about):  # fmt: skip
        show()
    shell_window.context.toast("Something was removed.", undo=lambda: None)
    kinds = (QAbstractButton, QComboBox, QLineEdit)
    nameless = []
    for kind in kinds:
        for widget in shell_window.findChildren(kind):
            inner = widget.objectName().startswith("qt_")
            spoken = widget.accessibleName() or (widget.text() if isinstance(widget, QAbstractButton) else "")
            owner = widget.parentWidget()
            if not spoken and not inner and not (owner is not None and owner.inherits("QAbstractSpinBox")):
                nameless.append((type(widget).__name__, type(owner).__name__))
    assert not nameless


@pytest.mark.slow
def test_keyboard_opens_and_escape_closes(shell_window: MainWindow, qtbot: QtBot) -> None:
    for key, modifier, name in (
        (Qt.Key.Key_M, Qt.KeyboardModifier.ControlModifier, "models"),
        (Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier, "settings"),
        (Qt.Key.Key_F1, Qt.KeyboardModifier.NoModifier, "shortcuts"),
        (Qt.Key.Key_Slash, Qt.KeyboardModifier.ControlModifier, "shortcuts"),
    ):
        before = shell_window.focusWidget()
        qtbot.keyClick(shell_window, key, modifier)
        overlay = shell_window.overlay(name)
        assert overlay is not None, name
        assert overlay.isVisible(), name
        focused = QApplication.focusWidget()
        assert focused is not None, name
        assert overlay.isAncestorOf(focused), name
        qtbot.keyClick(focused, Qt.Key.Key_Escape)
        assert not overlay.isVisible(), name
        assert shell_window.focusWidget() is before


@pytest.mark.slow
def test_tab_stays_inside_an_open_drawer(shell_window: MainWindow, qtbot: QtBot) -> None:
    shell_window.show_settings()
    drawer = shell_window.overlay("settings")
    assert drawer is not None
    seen = set()
    for _ in range(60):
        focused = QApplication.focusWidget()
        assert focused is not None
        assert drawer.isAncestorOf(focused)
        seen.add(focused)
        qtbot.keyClick(focused, Qt.Key.Key_Tab)
    assert len(seen) > 10


def test_shortcut_list_names_those_of_the_window(shell_window: MainWindow) -> None:
    shell_window.show_shortcuts()
    overlay = shell_window.overlay("shortcuts")
    assert overlay is not None
    names = {widget.accessibleName() for widget in overlay.findChildren(QWidget)}
    assert any("Ctrl+M" in name and "Models" in name for name in names)


def test_text_zoom_by_keyboard(shell_window: MainWindow, qtbot: QtBot) -> None:
    zooms: list[float] = []
    shell_window.context.zoom_changed.connect(zooms.append)
    qtbot.keyClick(shell_window, Qt.Key.Key_Equal, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(shell_window, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(shell_window, Qt.Key.Key_Minus, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(shell_window, Qt.Key.Key_0, Qt.KeyboardModifier.ControlModifier)
    assert zooms == [1.1, 1.0, 0.9, 1.0]


@pytest.mark.slow
def test_language_switches_everywhere_without_restart(shell_window: MainWindow, qtbot: QtBot) -> None:
    shell_window.show_settings()
    with qtbot.waitSignal(shell_window.context.language_changed):
        shell_window.context.set_language("zh_CN")
    assert shell_window.settings_button.accessibleName() == "设置"
    assert shell_window.queue_view.button.text() == "就绪"
    assert shell_window.model_button.text() == "没有模型"
    assert QGuiApplication.translate("QPlatformTheme", "Cancel") == "取消"  # Qt's own texts
    shell_window.context.set_language("en")
    assert shell_window.settings_button.accessibleName() == "Settings"
    assert QGuiApplication.translate("QPlatformTheme", "Cancel") == "Cancel"
    assert shell_window.context.settings.language == "en"


def test_notice_with_undo(shell_window: MainWindow) -> None:
    undone: list[int] = []
    shell_window.context.toast("It was removed.", undo=lambda: undone.append(1))
    (toast,) = shell_window.toasts.toasts()
    assert toast.action is not None
    assert toast.action.text() == "Undo"
    toast.action.click()
    assert undone == [1]
    assert not shell_window.toasts.toasts()


def test_notices_pile_up_to_three_and_do_not_repeat(shell_window: MainWindow) -> None:
    for number in (1, 2, 2, 3, 4):
        shell_window.context.toast(f"Notice {number}")
    shown = [toast.request.text for toast in shell_window.toasts.toasts()]
    assert shown == ["Notice 2", "Notice 3", "Notice 4"]
    area = shell_window.toasts.geometry()
    assert shell_window.rect().contains(area)


def test_known_error_is_a_sentence_in_the_window(shell_window: MainWindow) -> None:
    shell_window.context.show_error(KnownError("no-model"))
    (toast,) = shell_window.toasts.toasts()
    assert toast.request.error
    assert toast.request.text
    assert "no-model" not in toast.request.text


def test_bug_shows_its_traceback_and_can_be_copied(
    shell_window: MainWindow, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "excepthook", shell_window.bugs.catch)
    try:
        raise ZeroDivisionError("on purpose")
    except ZeroDivisionError as error:
        shell_window.context.show_error(error)
    dialog = shell_window.bugs.dialog
    assert dialog is not None
    assert dialog.isVisible()
    assert not dialog.isModal()
    assert "on purpose" in dialog.text()
    dialog.copy_button.click()
    assert "on purpose" in QGuiApplication.clipboard().text()
    assert "on purpose" in capsys.readouterr().err
    dialog.close()


def test_a_known_error_that_nobody_expected_is_a_sentence(
    shell_window: MainWindow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk is no bug, whatever is saved there."""
    monkeypatch.setattr(sys, "excepthook", shell_window.bugs.catch)
    error = KnownError("disk-full")
    sys.excepthook(type(error), error, None)
    assert shell_window.bugs.dialog is None
    (toast,) = shell_window.toasts.toasts()
    assert toast.request.error
    assert toast.request.text == message(error)


def _drop(window: MainWindow, path: Path) -> bool:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path))])
    buttons, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    with warnings.catch_warnings():  # Qt 6.12 prefers a QPointF, which 6.11 does not take
        warnings.simplefilter("ignore", DeprecationWarning)
        enter = QDragEnterEvent(QPoint(50, 200), Qt.DropAction.CopyAction, data, buttons, modifiers)
    enter.ignore()
    QApplication.sendEvent(window, enter)
    if not enter.isAccepted():
        return False
    assert window.banner.isVisible()
    drop = QDropEvent(QPointF(50, 200), Qt.DropAction.CopyAction, data, buttons, modifiers)
    QApplication.sendEvent(window, drop)
    assert not window.banner.isVisible()
    return True


def test_dropped_file_that_is_no_model_is_explained(
    shell_window: MainWindow, tmp_path: Path, qtbot: QtBot
) -> None:
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"not a model at all")
    assert _drop(shell_window, broken)
    qtbot.waitUntil(lambda: bool(shell_window.toasts.toasts()), timeout=10_000)
    assert shell_window.toasts.toasts()[0].request.error
    assert shell_window.context.chosen_model() is None


def test_other_files_are_not_taken(shell_window: MainWindow, tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello")
    assert not _drop(shell_window, text)


@pytest.mark.slow
def test_geometry_is_restored(shell_context: AppContext, no_models: Path, qtbot: QtBot) -> None:
    first = MainWindow(shell_context, make_panel)
    qtbot.addWidget(first)
    first.show()
    first.setGeometry(40, 50, 733, 544)
    qtbot.waitUntil(lambda: first.width() == 733)
    first.close()
    second = MainWindow(shell_context, make_panel)
    qtbot.addWidget(second)
    assert (second.width(), second.height()) == (733, 544)
    shell_context.settings.window_geometry = "bm90IGEgZ2VvbWV0cnk="
    third = MainWindow(shell_context, make_panel)
    qtbot.addWidget(third)
    assert third.width() >= 480


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh_CN"])
def test_nothing_is_cut_at_900_by_600(shell_window: MainWindow, language: str) -> None:
    shell_window.context.set_language(language)
    for show in (shell_window.show_models, shell_window.show_settings, shell_window.show_shortcuts,
                 shell_window.show_about):  # fmt: skip
        show()
        QApplication.processEvents()
        for button in shell_window.findChildren(QAbstractButton):
            if button.isVisible() and button.text():
                assert button.width() >= button.minimumSizeHint().width(), (button.text(), button.width())
    for overlay in shell_window._overlays.values():
        assert shell_window.rect().contains(overlay.card.geometry())


def test_no_display_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert not display.has_display()
    monkeypatch.setenv("DISPLAY", ":98765")  # nobody listens there
    assert not display.has_display()
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert display.has_display()


def test_history_that_cannot_be_opened_is_replaced_by_a_new_one_or_one_in_memory(isolated_home: Path) -> None:
    history, problem = app.open_history()
    assert problem is None
    history.close()
    database = next(path for path in isolated_home.rglob("*.db") if path.is_file())
    for extra in isolated_home.rglob("*.db-*"):
        extra.unlink()
    database.write_bytes(b"this is no database" * 500)
    history, problem = app.open_history()
    assert isinstance(problem, KnownError)
    assert problem.key == "history-recovered"
    assert history.lasting
    assert Path(str(problem.values["path"])).read_bytes().startswith(b"this is no database")
    history.close()
    database.write_bytes(
        b"SQLite format 3\0".ljust(60, b"\1") + b"\0\0\0\x63".ljust(40, b"\1")
    )  # of a newer version
    history, problem = app.open_history()
    assert isinstance(problem, KnownError)
    assert problem.key == "history-newer"
    assert not history.lasting
    history.close()


def test_events_of_other_jobs_are_not_progress_of_loading(shell_window: MainWindow, qtbot: QtBot) -> None:
    seen: list[Any] = []
    shell_window.context.model_loading.connect(seen.append)

    def job(cancel: threading.Event) -> Iterator[Progress]:
        yield Progress("stage.loading", 1, 2)

    with qtbot.waitSignal(shell_window.context.worker.submit(job).finished):
        pass
    assert not seen
