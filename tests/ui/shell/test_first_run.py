"""What the window shows while there is no model."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.catalog import fit
from autogpt_desktop.catalog.entries import CatalogModel, starter
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.chat.empty_state import EmptyState
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.models.offer import ModelOffer
from autogpt_desktop.ui.models.terms_card import TermsCard
from autogpt_desktop.ui.shell.first_run import FirstRun
from autogpt_desktop.ui.shell.main_window import MainWindow
from tests.ui.chat.kit import Script


def first_run(window: MainWindow) -> FirstRun:
    page = window.first_run
    assert isinstance(page, FirstRun)
    assert window.pages.currentWidget() is page
    return page


def test_explains_itself_and_offers_one_button(shell_window: MainWindow) -> None:
    page = first_run(shell_window)
    assert page.download_button.text() == "Download the starter model (98 MB)"
    assert page.download_button.hasFocus()  # Enter is enough
    assert not page.progress.isVisible()
    assert not page.cancel_button.isVisible()


def test_reads_chinese_after_a_switch(shell_window: MainWindow) -> None:
    shell_window.context.set_language("zh_CN")
    assert "98 MB" in first_run(shell_window).download_button.text()
    assert "下载" in first_run(shell_window).download_button.text()


def test_download_ends_in_the_chat(
    shell_window: MainWindow, starter_gguf: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(model: CatalogModel) -> Iterator[Progress]:
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
        assert page.cancel_button.isVisible()
        assert page.cancel_button.hasFocus()
    assert shell_window.pages.currentWidget() is shell_window.columns
    assert shell_window.chat.hasFocus()
    assert shell_window.context.settings.default_model == starter().name
    assert loads


def test_failure_is_said_in_place(
    shell_window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(model: CatalogModel) -> Iterator[Progress]:
        raise KnownError("download-no-network", name=model.title)
        yield

    monkeypatch.setattr(shell_window.downloads, "_fetch", fetch)
    page = first_run(shell_window)
    page.download_button.click()
    qtbot.waitUntil(lambda: not shell_window.downloads.is_running(starter().name))
    assert page.download_button.isVisible()
    assert page._state.isVisible()
    assert starter().title in page._state.text()


def test_unfinished_download_goes_on(shell_window: MainWindow) -> None:
    folder = paths.models_dir() / starter().name
    folder.mkdir()
    (folder / f"{starter().files[0].name}.part").write_bytes(bytes(2_000_000))
    page = first_run(shell_window)
    page.retranslate()
    assert page.download_button.text() == "Continue the download (2 MB of 98 MB)"


@pytest.mark.slow
def test_one_click_accepts_the_terms_and_fetches_the_model_for_tasks(
    shell_window: MainWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def fetch(model: CatalogModel) -> Iterator[Progress]:
        asked.append(model.name)
        raise KnownError("download-no-network", name=model.title)
        yield

    monkeypatch.setattr(shell_window.downloads, "_fetch", fetch)
    offer = first_run(shell_window).tasks_offer
    assert "Accept terms" in offer.fetch_button.text()
    assert "253 MB" in offer.fetch_button.text()
    offer.terms_button.click()
    card = shell_window.findChild(TermsCard)
    assert card is not None
    assert card.isVisible()
    assert "Gemma is provided under and subject to the Gemma Terms of Use" in card.text.toPlainText()
    assert "3.2 Use Restrictions" in card.text.toPlainText()
    card.close_button.click()
    assert shell_window.context.settings.acknowledged == []
    offer.fetch_button.click()
    qtbot.waitUntil(lambda: asked == ["gemma-3-270m"] and not shell_window.downloads.is_running(asked[0]))
    assert Settings.load().acknowledged == ["gemma"], "remembered"
    assert offer.model.title in offer._state.text()
    assert offer._state.isVisible()
    assert offer.fetch_button.text() == "Download (253 MB)"
    assert offer.fetch_button.accessibleName() == "Download (253 MB): Gemma 3 270M"


def test_the_offer_leaves_when_the_model_is_here(shell_window: MainWindow, minilm_folder: Path) -> None:
    offer = ModelOffer(shell_window.context, shell_window.downloads, "embed")
    assert not offer.isHidden()
    assert not offer.terms_button.isVisibleTo(offer)
    (paths.models_dir() / minilm_folder.name).symlink_to(minilm_folder)
    shell_window.context.refresh_models()
    assert offer.isHidden()
    shell_window.context.on_fetched(minilm_folder.name)
    assert shell_window.context.chosen_model() is None
    assert first_run(shell_window)
    assert shell_window.context.settings.default_model == ""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("free", "name", "accepted"),
    [(8e9, "qwen2.5-coder-1.5b-instruct", []), (1e9, "gemma-3-270m", ["gemma"])],
)
def test_the_first_chat_offers_the_best_model_that_fits(
    free: float,
    name: str,
    accepted: list[str],
    request: pytest.FixtureRequest,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Set-up has fetched the starter, so the view without a model is never seen."""
    monkeypatch.setattr(fit, "memory_free", lambda: int(free))
    panel: ChatPanel = request.getfixturevalue("panel")
    asked: list[str] = []

    def fetch(model: CatalogModel) -> Iterator[Progress]:
        asked.append(model.name)
        yield Progress("stage.downloading", 1, model.size)

    monkeypatch.setattr(panel.context.downloads, "_fetch", fetch)
    offer = panel.empty.offer
    assert offer is not None
    assert offer.isVisible()
    panel.resize(900, 480)
    button = offer.fetch_button
    qtbot.waitUntil(lambda: button.visibleRegion().boundingRect() == button.rect())  # in a small window too
    panel.resize(340, 480)  # beside another panel
    qtbot.wait(50)
    assert panel.empty.horizontalScrollBar().maximum() == 0
    offer.fetch_button.click()
    qtbot.waitUntil(lambda: asked == [name] and not panel.context.downloads.is_running(name))
    assert panel.context.settings.acknowledged == accepted
    assert panel.context.downloads.stop(10_000)


@pytest.mark.slow
def test_the_queue_says_what_is_answered(panel: ChatPanel, script: Script, qtbot: QtBot) -> None:
    script.pause_at = 1
    panel.composer.edit.setPlainText("Which river\nruns through Paris?")
    panel.composer.send_button.click()
    titles = lambda: [job.title for job in panel.context.worker.jobs()]  # noqa: E731
    qtbot.waitUntil(lambda: "Chat: Which river runs through Paris?" in titles())
    script.go.set()
    qtbot.waitUntil(lambda: titles() == [])
    assert EmptyState(panel.context).offer is None, "only before the first conversation"
