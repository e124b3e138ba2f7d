"""What the window shows while there is no model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.catalog.catalogue import CatalogueModel, starter
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.ui.first_run import FirstRun
from autogpt_desktop.ui.main_window import MainWindow


def first_run(window: MainWindow) -> FirstRun:
    page = window.first_run
    assert isinstance(page, FirstRun) and window.pages.currentWidget() is page
    return page


def test_explains_itself_and_offers_one_button(shell_window: MainWindow) -> None:
    page = first_run(shell_window)
    assert page.download_button.text() == "Download the starter model (98 MB)"
    assert page.download_button.hasFocus()  # Enter is enough
    assert not page.progress.isVisible() and not page.cancel_button.isVisible()


def test_reads_chinese_after_a_switch(shell_window: MainWindow) -> None:
    shell_window.context.set_language("zh_CN")
    assert "98 MB" in first_run(shell_window).download_button.text()
    assert "下载" in first_run(shell_window).download_button.text()


def test_download_ends_in_the_chat(
    shell_window: MainWindow, starter_gguf: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(model: CatalogueModel) -> Iterator[Progress]:
        yield Progress("stage.downloading", 49_000_000, model.size)
        folder = paths.models_dir() / model.name
        folder.mkdir()
        shutil.copy(starter_gguf, folder / model.files[0].name)

    loads: list[int] = []
    monkeypatch.setattr(shell_window.context, "load_chosen_model", lambda: loads.append(1) or 0)
    monkeypatch.setattr(shell_window.downloads, "_fetch", fetch)
    page = first_run(shell_window)
    with qtbot.waitSignal(shell_window.downloads.finished, timeout=10_000):
        qtbot.keyClick(page.download_button, Qt.Key.Key_Space)
        assert page.cancel_button.isVisible() and page.cancel_button.hasFocus()
    assert shell_window.pages.currentWidget() is shell_window.columns
    assert shell_window.chat.hasFocus()
    assert shell_window.context.settings.default_model == starter().name
    assert loads


def test_failure_is_said_in_place(
    shell_window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(model: CatalogueModel) -> Iterator[Progress]:
        raise KnownError("download-no-network", name=model.title)
        yield

    monkeypatch.setattr(shell_window.downloads, "_fetch", fetch)
    page = first_run(shell_window)
    page.download_button.click()
    qtbot.waitUntil(lambda: not shell_window.downloads.is_running(starter().name))
    assert page.download_button.isVisible() and page._state.isVisible()
    assert starter().title in page._state.text()


def test_unfinished_download_goes_on(shell_window: MainWindow) -> None:
    folder = paths.models_dir() / starter().name
    folder.mkdir()
    (folder / f"{starter().files[0].name}.part").write_bytes(bytes(2_000_000))
    page = first_run(shell_window)
    page.retranslate()
    assert page.download_button.text() == "Continue the download (2 MB of 98 MB)"
