"""Header, footer and list of models speak of the panel that was used last."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop.events import Result
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.models.picker import ModelPicker
from autogpt_desktop.ui.models.rows import InstalledRow
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.panel_registry import kind
from tests.ui.shell.panel import make_panel

STARTER, GEMMA = "smollm2-135m-instruct", "gemma-3-270m"


@pytest.fixture
def window(
    shell_context: AppContext,
    starter_gguf: Path,
    gemma_gguf: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MainWindow]:
    """Starter and Gemma are installed, and the window loads nothing by itself."""
    monkeypatch.setattr(shell_context, "load_chosen_model", lambda: 0)
    window = MainWindow(
        shell_context, make_panel, panels=[kind("translate", partial(make_panel, shell_context))]
    )
    qtbot.addWidget(window)
    window.resize(1200, 700)
    with qtbot.waitSignal(window.first_painted):
        window.show()
    qtbot.waitUntil(window.isActiveWindow)
    yield window
    window.close()
    assert window.downloads.stop(10_000)


def open_picker(window: MainWindow) -> ModelPicker:
    window.model_button.click()
    picker = window.overlay("models")
    assert isinstance(picker, ModelPicker)
    assert picker.isVisible()
    return picker


def installed_row(picker: ModelPicker, name: str) -> InstalledRow:
    row = picker.row(name)
    assert isinstance(row, InstalledRow)
    return row


def test_the_header_names_the_model_of_the_panel_in_front(window: MainWindow) -> None:
    assert window.model_button.text().startswith("SmolLM2")
    window.columns.show_panel("translate")
    assert window.model_button.text().startswith("Gemma")
    assert window.model_button.accessibleName().startswith("Model for Translate: Gemma")
    assert "Gemma" in window.queue_view.model_label.whole_text()
    window.columns.show_panel("chat")
    assert window.model_button.text().startswith("SmolLM2")
    assert "SmolLM2" in window.queue_view.model_label.whole_text()


def test_with_two_columns_the_header_says_whose_model_it_is(window: MainWindow) -> None:
    window.columns.move_panel("translate", 1)
    assert window.model_button.text().startswith("Translate: Gemma")
    window.columns.panel("chat").setFocus()
    assert window.model_button.text().startswith("Chat: SmolLM2")
    window.columns.move_panel("translate", -1)
    assert window.model_button.text().startswith("Gemma")


def test_a_click_changes_the_model_of_that_panel_alone(window: MainWindow) -> None:
    settings = window.context.settings
    window.columns.show_panel("translate")
    picker = open_picker(window)
    assert installed_row(picker, GEMMA).state.isVisible()
    assert not installed_row(picker, STARTER).state.isVisible()
    installed_row(picker, STARTER).use_button.click()
    assert settings.roles == {"translate": STARTER}
    assert settings.default_model == ""
    assert window.model_button.text().startswith("SmolLM2")
    window.columns.show_panel("chat")
    picker = open_picker(window)
    installed_row(picker, GEMMA).use_button.click()
    assert settings.roles == {"translate": STARTER}
    assert settings.default_model == GEMMA


def test_the_footer_tells_loaded_models_from_those_that_wait(window: MainWindow, qtbot: QtBot) -> None:
    context, heard = window.context, list[object]()
    window.columns.show_panel("translate")
    assert "loaded when needed" in window.queue_view.model_label.whole_text()

    def job(models: Any, _cancel: threading.Event) -> Iterator[Any]:
        engine = yield from models.get("translate")
        yield Result(engine.name)

    work = PanelJob(context, window)
    work.yielded.connect(heard.append)
    with qtbot.waitSignal(context.memory_changed, timeout=60_000):
        work.start(job, title="Loading", role="translate")
    qtbot.waitUntil(lambda: not work.running, timeout=60_000)
    assert "in memory" in window.queue_view.model_label.whole_text()
    assert [type(event).__name__ for event in heard if not hasattr(event, "stage")] == ["Result"]
    window.columns.show_panel("chat")
    assert "loaded when needed" in window.queue_view.model_label.whole_text()
