"""Size, state, tabs and columns come back, also where the window was never closed."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.panel_registry import kind, more_panels
from autogpt_desktop.ui.shell.window_place import WindowPlace
from tests.stand_in import install_stand_in
from tests.ui.shell.panel import Panel, make_panel


def make(context: AppContext) -> MainWindow:
    keys = [each.key for each in more_panels(context)]
    return MainWindow(context, make_panel, panels=[kind(key, lambda: Panel(context)) for key in keys])


@pytest.fixture
def window(shell_context: AppContext, no_models: Path, qtbot: QtBot) -> MainWindow:
    install_stand_in(no_models, "smollm2-135m-instruct")  # else there are no panels to see
    made = make(shell_context)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.mark.slow
def test_it_is_saved_without_closing(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(1010, 660)
    qtbot.waitUntil(window.columns.is_wide)
    window.columns.tabs[0].bar.moveTab(0, 2)  # as a mouse does
    window.columns.move_panel("sentiment", 1)

    def saved() -> bool:
        settings = Settings.load()
        return '["sentiment"]' in settings.layout and bool(settings.window_geometry)

    qtbot.waitUntil(saved, timeout=5000)
    again = MainWindow(window.context, make_panel, panels=more_panels(window.context))
    qtbot.addWidget(again)
    assert again.height() == window.height() == 660  # the screen of the tests is narrower than the window
    assert again.columns.arrangement.columns == [["translate", "answer", "chat", "lab"], ["sentiment"]]


@pytest.mark.slow
def test_maximized_comes_back(window: MainWindow, qtbot: QtBot) -> None:
    window.resize(900, 600)
    window.showMaximized()
    qtbot.waitUntil(window.isMaximized)
    window.place.note()
    again = make(window.context)
    qtbot.addWidget(again)
    assert again.windowState() & Qt.WindowState.WindowMaximized


def test_nothing_is_saved_after_the_end(window: MainWindow, qtbot: QtBot) -> None:
    place: WindowPlace = window.place
    place.save_soon()
    window.close()
    assert not place._timer.isActive()
