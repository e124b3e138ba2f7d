"""The window as people get it, shown, for tests that go through all of its controls."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop import app
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.panel_registry import more_panels


@pytest.fixture
def window(
    shell_context: AppContext,
    starter_gguf: Path,
    gemma_gguf: Path,
    minilm_folder: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MainWindow]:
    """All panels; no model is loaded."""
    monkeypatch.setattr(shell_context, "load_chosen_model", lambda: 0)
    window = MainWindow(shell_context, app.make_chat, panels=more_panels(shell_context))
    yield from shown(window, qtbot)


def shown(window: MainWindow, qtbot: QtBot) -> Iterator[MainWindow]:
    qtbot.addWidget(window)
    window.resize(1100, 760)
    with qtbot.waitSignal(window.first_painted):
        window.show()
    qtbot.waitUntil(window.isActiveWindow, timeout=20_000)
    yield window
    window.close()
    assert window.downloads.stop(10_000)
