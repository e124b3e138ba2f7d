"""The quick translation: a small window that takes what is selected, and what opens it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QSystemTrayIcon
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.panel_registry import more_panels
from autogpt_desktop.ui.shell.windows import Windows
from autogpt_desktop.ui.translate.quick_translate import QuickTranslate
from autogpt_desktop.ui.widgets.text_field import PASTE_LIMIT
from tests.catalog.test_pack_folder import write_pack
from tests.ui.shell.panel import make_panel
from tests.ui.translate.test_pair_models import packs_only  # noqa: F401  (a fixture)

WAIT_MS = 20_000
ENGLISH = "My grandfather sold the old mill to the people of the next village."
PORTUGUESE = "O meu avô vendeu o velho moinho às pessoas da aldeia vizinha."


@pytest.fixture
def popup(packs_only: None, shell_context: AppContext, qtbot: QtBot) -> QuickTranslate:  # noqa: F811
    shell_context.settings.translate_pair = ["auto", "pt"]
    shell_context.settings.translate_recent = ["en", "pt"]
    made = QuickTranslate(shell_context)
    qtbot.addWidget(made)
    return made


def wait_for(popup: QuickTranslate, text: str, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: popup.live.complete and popup.pair.target.text() == text, timeout=WAIT_MS)


def test_what_was_copied_is_translated_and_copied_back(popup: QuickTranslate, qtbot: QtBot) -> None:
    QGuiApplication.clipboard().setText(f"{ENGLISH}\n")
    popup.open()
    assert popup.windowFlags() & Qt.WindowType.WindowStaysOnTopHint
    assert popup.pair.source.text() == ENGLISH
    wait_for(popup, f"{ENGLISH.upper()} pt", qtbot)
    assert popup.languages.source_box.shown == "Detected: English"
    popup._copied.setInterval(10)
    qtbot.mouseClick(popup.copy_button, Qt.MouseButton.LeftButton)
    assert QGuiApplication.clipboard().text() == f"{ENGLISH.upper()} pt"
    assert popup.copy_button.text() == "Copied"
    qtbot.waitUntil(lambda: popup.copy_button.text() == "Copy", timeout=WAIT_MS)
    popup.activateWindow()
    qtbot.waitUntil(popup.isActiveWindow, timeout=WAIT_MS)
    qtbot.keyClick(
        popup.pair.source,
        Qt.Key.Key_C,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    assert popup.copy_button.text() == "Copied"
    qtbot.keyClick(popup, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: not popup.isVisible(), timeout=WAIT_MS)


def test_a_text_in_the_language_of_the_reader_goes_into_the_other_one(
    popup: QuickTranslate, qtbot: QtBot, shell_context: AppContext
) -> None:
    QGuiApplication.clipboard().setText(PORTUGUESE)
    popup.open()
    wait_for(popup, f"{PORTUGUESE.upper()} en", qtbot)
    assert shell_context.settings.translate_pair == ["auto", "pt"]  # for this text alone
    QGuiApplication.clipboard().setText(ENGLISH)
    popup.open()
    wait_for(popup, f"{ENGLISH.upper()} pt", qtbot)


@pytest.mark.slow
def test_one_script_of_chinese_is_said_to_be_converted(popup: QuickTranslate, qtbot: QtBot) -> None:
    write_pack(paths.models_dir() / "firefox-en-zh", "enzh")
    popup.context.refresh_models()
    popup.show()
    row = popup.languages
    qtbot.waitUntil(lambda: row.target_box.findText("Chinese (Traditional)") >= 0, timeout=WAIT_MS)
    row.set_pair("en", "zh-Hant")
    assert (popup.note.isVisible(), popup.note.whole_text()) == (True, "converted from simplified")
    row.set_pair("en", "zh")
    assert not popup.note.isVisible()


def test_languages_that_are_chosen_are_remembered(
    popup: QuickTranslate, shell_context: AppContext, qtbot: QtBot
) -> None:
    QGuiApplication.clipboard().setText(ENGLISH)
    popup.open("en", "pt")
    wait_for(popup, f"{ENGLISH.upper()} pt", qtbot)
    assert shell_context.settings.translate_pair == ["auto", "pt"]  # the command asked, not the user
    popup.languages.set_pair("pt", "en")
    wait_for(popup, f"{ENGLISH.upper()} en", qtbot)
    assert shell_context.settings.translate_pair == ["pt", "en"]
    popup.open("no such language", "neither")
    assert (popup.languages.source, popup.languages.target) == ("pt", "en")


def test_a_text_that_is_too_long_is_refused_and_what_was_there_stays(
    popup: QuickTranslate, qtbot: QtBot
) -> None:
    QGuiApplication.clipboard().setText(ENGLISH)
    popup.open()
    wait_for(popup, f"{ENGLISH.upper()} pt", qtbot)
    QGuiApplication.clipboard().setText("long " * PASTE_LIMIT)
    popup.open()
    assert popup.pair.source.text() == ENGLISH
    assert popup.notice.isVisible()
    assert "too long" in popup.notice.text.text()


def test_without_a_model_it_says_so(shell_context: AppContext, no_models: object, qtbot: QtBot) -> None:
    popup = QuickTranslate(shell_context)
    qtbot.addWidget(popup)
    QGuiApplication.clipboard().setText(ENGLISH)
    popup.open()
    assert "model has to be fetched" in popup.notice.text.text()
    assert popup.pair.source.text() == ENGLISH  # it waits
    assert not popup.live.running


@pytest.mark.slow
def test_it_goes_on_in_the_panel_and_closes_with_the_window(
    packs_only: None,  # noqa: F811
    shell_context: AppContext,
    qtbot: QtBot,
) -> None:
    def make_main(context: AppContext) -> MainWindow:
        window = MainWindow(context, make_panel, panels=more_panels(context))
        qtbot.addWidget(window)
        return window

    windows = Windows(shell_context, make_main)
    QGuiApplication.clipboard().setText(ENGLISH)
    windows.show_popup("en", "pt")
    qtbot.addWidget(windows.popup)
    assert windows._main is None  # nothing but the small window
    wait_for(windows.popup, f"{ENGLISH.upper()} pt", qtbot)
    windows.popup.open_panel()
    assert not windows.popup.isVisible()
    panel = windows.main.columns.panel("translate")
    assert panel.view.pair.source.text() == ENGLISH
    assert (panel.view.languages.source, panel.view.languages.target) == ("en", "pt")
    shell_context.popup_requested.emit()
    assert windows.popup.isVisible()
    windows.main.close()
    assert not windows.popup.isVisible()
    assert windows.stop(WAIT_MS)


@pytest.mark.qt_log_ignore("systemTrayWindowChanged")  # of a platform without a tray
def test_the_icon_in_the_tray_is_there_only_when_it_is_wanted(
    shell_window: MainWindow, shell_context: AppContext, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    assert not shell_context.settings.tray
    assert shell_window.tray.icon is None
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: False)
    shell_context.set_tray(True)
    assert shell_window.tray.icon is None
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", lambda: True)
    shell_context.set_tray(True)
    icon, menu = shell_window.tray.icon, shell_window.tray.menu
    assert icon is not None
    assert icon.isVisible()
    assert menu is not None
    assert [action.text() for action in menu.actions()] == ["Quick translation", "Show the window", "Quit"]
    with qtbot.waitSignal(shell_context.popup_requested):
        menu.actions()[0].trigger()
    with qtbot.waitSignal(shell_context.popup_requested):
        icon.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)
    shell_context.set_tray(False)
    assert not icon.isVisible()
