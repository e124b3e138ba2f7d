"""Choosing, downloading, adding and removing models."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.catalog.entries import CatalogModel, catalog
from autogpt_desktop.catalog.hub.kept import keep_started
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models import picker as picker_module
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.models.language_row import PackLanguageRow
from autogpt_desktop.ui.models.picker import ModelPicker
from autogpt_desktop.ui.models.rows import CatalogRow, InstalledRow
from autogpt_desktop.ui.panel import WorkingModels
from autogpt_desktop.ui.shell.main_window import MainWindow
from tests.ui.shell.panel import make_panel

STARTER, GEMMA = "smollm2-135m-instruct", "gemma-3-270m"


class Source:
    """A network that the test turns on and off: it writes the .part file as the real one does."""

    def __init__(self, weights: Path) -> None:
        self.weights = weights
        self.go_on = threading.Event()
        self.fail: KnownError | None = None
        self.asked: list[str] = []

    def fetch(self, model: CatalogModel) -> Iterator[Progress]:
        self.asked.append(model.name)
        folder = paths.models_dir() / model.name
        folder.mkdir(exist_ok=True)
        part = folder / f"{model.files[0].name}.part"
        with part.open("ab") as file:
            file.write(bytes(1_000_000))
        while not self.go_on.is_set():
            yield Progress("stage.downloading", 40_000_000, model.size)
            time.sleep(0.01)
        if self.fail is not None:
            raise self.fail
        part.unlink()
        shutil.copy(self.weights, folder / model.files[0].name)
        yield Progress("stage.checking", model.size, model.size)


@pytest.fixture
def source(starter_gguf: Path) -> Source:
    return Source(starter_gguf)


@pytest.fixture
def window(
    shell_context: AppContext, no_models: Path, source: Source, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MainWindow]:
    # loading is tested with the real engine in test_main_window; here only what is asked for counts
    loads: list[str] = []
    monkeypatch.setattr(shell_context, "load_chosen_model", lambda: loads.append("load") or 0)
    window = MainWindow(shell_context, make_panel, downloads=Downloads(shell_context, source.fetch))
    window.loads = loads  # type: ignore[attr-defined]
    qtbot.addWidget(window)
    window.resize(900, 600)
    with qtbot.waitSignal(window.first_painted):
        window.show()
    yield window
    source.go_on.set()
    window.close()
    assert window.downloads.stop(10_000)


@pytest.fixture
def cut(isolated_home: Path) -> CatalogModel:
    """A download from a hub that was cut in an earlier run."""
    begun = replace(catalog()[STARTER], name="cut", title="Cut", repository="maker/cut", starter=False)
    folder = paths.models_dir() / "cut"
    folder.mkdir()
    keep_started(begun, folder)
    (folder / f"{begun.files[0].name}.part").write_bytes(bytes(1000))
    return begun


def test_a_download_from_a_hub_that_was_cut_goes_on(
    cut: CatalogModel, window: MainWindow, source: Source, qtbot: QtBot
) -> None:
    row = picker(window).row(cut.name)
    assert isinstance(row, CatalogRow)
    assert row.download_button.text() == "Continue"
    row.download_button.click()
    qtbot.waitUntil(lambda: source.asked == [cut.name], timeout=20_000)


def picker(window: MainWindow) -> ModelPicker:
    overlay = window.overlay("models")
    if overlay is None or not overlay.isVisible():
        window.show_models()
    overlay = window.overlay("models")
    assert isinstance(overlay, ModelPicker)
    return overlay


def installed_row(window: MainWindow, name: str) -> InstalledRow:
    row = picker(window).row(name)
    assert isinstance(row, InstalledRow)
    return row


def catalog_row(window: MainWindow, name: str) -> CatalogRow:
    row = picker(window).row(name)
    assert isinstance(row, CatalogRow)
    return row


def texts(widget: QWidget) -> str:
    return " | ".join(
        child.text() for child in widget.findChildren(QWidget) if hasattr(child, "text") and child.isVisible()
    )


def install(weights: Path, name: str = STARTER) -> None:
    folder = paths.models_dir() / name
    folder.mkdir()
    shutil.copy(weights, folder / catalog()[name].files[0].name)


def test_offers_the_catalog_with_size_license_and_memory(window: MainWindow) -> None:
    text = texts(catalog_row(window, STARTER))
    assert "98 MB" in text
    assert "English" in text
    assert "of memory" in text
    assert "Apache-2.0" in text


def test_nothing_is_fetched_without_a_click(window: MainWindow, source: Source) -> None:
    picker(window)
    assert source.asked == []


def test_download_shows_progress_cancels_and_goes_on(
    window: MainWindow, source: Source, qtbot: QtBot
) -> None:
    row = catalog_row(window, STARTER)
    row.download_button.click()
    qtbot.waitUntil(lambda: row.progress.isVisible() and row.progress.value() == 406)
    assert "40 MB of 98 MB" in texts(row)
    assert row.cancel_button.isVisible()
    assert "Downloading" in window.queue_view.button.text()
    row.cancel_button.click()
    qtbot.waitUntil(lambda: not window.downloads.is_running(STARTER))
    assert row.download_button.text() == "Continue"
    assert "1 MB of 98 MB are here" in texts(row)
    source.go_on.set()
    with qtbot.waitSignal(window.downloads.finished, timeout=10_000):
        row.download_button.click()
    assert source.asked == [STARTER, STARTER]
    assert installed_row(window, STARTER).state.isVisible()
    assert window.context.settings.default_model == STARTER
    assert window.loads  # type: ignore[attr-defined]


def test_failed_download_says_why_and_offers_again(window: MainWindow, source: Source, qtbot: QtBot) -> None:
    source.fail = KnownError("download-no-network", name="SmolLM2")
    source.go_on.set()
    row = catalog_row(window, STARTER)
    row.download_button.click()
    qtbot.waitUntil(lambda: source.asked == [STARTER] and not window.downloads.is_running(STARTER))
    assert "SmolLM2" in texts(row)
    assert row.download_button.isVisible()


def test_terms_have_to_be_accepted_first(window: MainWindow) -> None:
    row = catalog_row(window, GEMMA)
    assert not row.download_button.isEnabled()
    assert row.accept.isVisible()
    row.accept.setChecked(True)
    assert row.download_button.isEnabled()
    assert "gemma" in window.context.settings.acknowledged
    assert not catalog_row(window, STARTER).accept.isVisible()


def test_installed_model_says_what_it_is(window: MainWindow, starter_gguf: Path) -> None:
    install(starter_gguf)
    window.context.refresh_models()
    row = installed_row(window, STARTER)
    assert "98 MB" in texts(row)
    assert "Q4_1" in texts(row)
    assert "English" in texts(row)
    assert window.model_button.text() == row.model.title
    assert window.pages.currentWidget() is window.columns


def test_choosing_saves_and_loads(window: MainWindow, starter_gguf: Path, gemma_gguf: Path) -> None:
    install(starter_gguf)
    install(gemma_gguf, GEMMA)
    window.context.refresh_models()
    chosen = window.context.chosen_model()
    assert chosen is not None
    other = GEMMA if chosen.name == STARTER else STARTER
    window.loads.clear()  # type: ignore[attr-defined]
    installed_row(window, other).use_button.click()
    assert window.context.settings.default_model == other
    assert not picker_is_open(window)
    assert installed_row(window, other).state.isVisible()


def picker_is_open(window: MainWindow) -> bool:
    overlay = window.overlay("models")
    return overlay is not None and overlay.isVisible()


def test_unusable_file_shows_its_sentence_and_is_not_chosen(window: MainWindow) -> None:
    (paths.models_dir() / "broken.gguf").write_bytes(b"GGUF" + bytes(40))
    window.context.refresh_models()
    broken = next(model for model in window.context.installed_models() if model.problem)
    row = installed_row(window, broken.name)
    assert not row.use_button.isVisible()
    assert row._problem.isVisible()
    assert broken.problem
    assert broken.problem not in row._problem.text()
    assert window.context.chosen_model() is None


def test_removal_can_be_undone(window: MainWindow, starter_gguf: Path) -> None:
    install(starter_gguf)
    window.context.refresh_models()
    file = paths.models_dir() / STARTER / catalog()[STARTER].files[0].name
    installed_row(window, STARTER).remove_button.click()
    assert window.context.chosen_model() is None
    assert file.is_file()
    toast = window.toasts.toasts()[0]
    assert toast.action is not None
    toast.action.click()
    assert window.context.chosen_model() is not None
    assert file.is_file()


def test_removal_is_done_when_it_can_no_longer_be_undone(
    window: MainWindow, starter_gguf: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picker_module, "REMOVAL_DELAY", 50)
    install(starter_gguf)
    window.context.refresh_models()
    file = paths.models_dir() / STARTER / catalog()[STARTER].files[0].name
    installed_row(window, STARTER).remove_button.click()
    qtbot.waitUntil(lambda: not file.exists())
    assert isinstance(picker(window).row(STARTER), CatalogRow)


def test_closing_the_window_finishes_a_removal(window: MainWindow, starter_gguf: Path) -> None:
    install(starter_gguf)
    window.context.refresh_models()
    file = paths.models_dir() / STARTER / catalog()[STARTER].files[0].name
    installed_row(window, STARTER).remove_button.click()
    window.close()
    assert not file.exists()


def test_opened_file_is_registered_where_it_lies(
    window: MainWindow, starter_gguf: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    file = tmp_path / "mine.gguf"
    shutil.copy(starter_gguf, file)
    with qtbot.waitSignal(window.downloads.added, timeout=10_000):
        window.add_model(file)
    chosen = window.context.chosen_model()
    assert chosen is not None
    assert chosen.path == file
    assert not list(paths.models_dir().rglob("*.gguf"))


def test_the_packed_copy_of_one_model_can_be_deleted_beside_it(
    window: MainWindow, starter_gguf: Path, gemma_gguf: Path, qtbot: QtBot
) -> None:
    for name, weights in ((STARTER, starter_gguf), (GEMMA, gemma_gguf)):
        install(weights, name)
        window.context.refresh_models()
        (model,) = [each for each in window.context.installed_models() if each.name == name]
        copy = paths.packed_file(model.path, paths.packed_dir())
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(bytes(2_000_000))
    row = installed_row(window, STARTER)
    assert row.copy_button.text() == "Delete the packed copy (2 MB)"
    row.copy_button.click()
    assert not installed_row(window, STARTER).copy_button.isVisible()
    assert installed_row(window, GEMMA).copy_button.isVisible()
    assert {model.name: model.packed_bytes for model in window.context.installed_models()} == {
        STARTER: 0,
        GEMMA: 2_000_000,
    }
    assert "2 MB" in window.toasts.toasts()[-1].request.text


def test_what_works_in_the_panel_in_front_is_marked(
    window: MainWindow, starter_gguf: Path, pack_en_pt: Path
) -> None:
    install(starter_gguf)
    shutil.copytree(pack_en_pt, paths.models_dir() / pack_en_pt.name)
    context = window.context
    context.settings.roles["translate"] = STARTER
    context.refresh_models()
    context.panels.show_role("translate", False)
    row = installed_row(window, STARTER)
    language = picker(window).row("language:pt")
    assert isinstance(language, PackLanguageRow)
    assert row.state.text() == "Chosen"
    assert language.working.isHidden()
    context.panels.show_working("translate", WorkingModels("A pack", (pack_en_pt.name,)))
    row, language = installed_row(window, STARTER), picker(window).row("language:pt")
    assert isinstance(language, PackLanguageRow)
    assert (row.state.text(), language.working.text()) == ("For other languages", "In use")
    assert language.working.isVisible()
    assert not row.use_button.isVisible()
    context.panels.show_working("translate", None)
    assert installed_row(window, STARTER).state.text() == "Chosen"
