"""The window and what is behind it, on a virtual screen and an empty home."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths, runtime
from autogpt_desktop.catalog import machine
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.main_window import MainWindow
from tests.ui.answer.kit import answer_context, answer_panel, answer_script  # noqa: F401
from tests.ui.chat.kit import chat_context, panel, script  # noqa: F401  (fixtures of the chat tests)
from tests.ui.contexts import opened_context
from tests.ui.shell.panel import make_panel
from tests.ui.windows import window  # noqa: F401  all panels


@pytest.fixture(autouse=True)
def widgets_end_in_qt_first() -> Iterator[None]:
    """Delete what qtbot closed now, not in the middle of a later test.

    A window that Python's collector finds before Qt has deleted it can crash PySide 6.11: the wrappers
    of its layout items may outlive the items.
    """
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def machine_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading hundreds of megabytes, for every window: only tests of that do it."""
    monkeypatch.setattr(machine, "measure_bandwidth", machine.processor)
    monkeypatch.setattr(machine, "graphics_cards", list)


@pytest.fixture
def no_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A computer without models: the catalog is there, the weights of the checkout are not."""
    folder = tmp_path / "bundled"
    folder.mkdir()
    for name in ("catalog.toml", "packs.toml"):
        shutil.copy(paths.bundled_models() / name, folder)
    monkeypatch.setattr(paths, "bundled_models", lambda: folder)
    return paths.models_dir()


@pytest.fixture
def shell_context(qtbot: QtBot) -> Iterator[AppContext]:
    """With the models of this checkout; English and light."""
    with opened_context(Path(":memory:"), runtime.make_models) as context:
        yield context


@pytest.fixture
def shell_window(shell_context: AppContext, no_models: Path, qtbot: QtBot) -> Iterator[MainWindow]:
    """The window without a model, shown at 900 × 600."""
    made = MainWindow(shell_context, make_panel)
    qtbot.addWidget(made)
    made.resize(900, 600)
    with qtbot.waitSignal(made.first_painted):
        made.show()
    yield made
    made.close()
    assert made.downloads.stop(10_000)
