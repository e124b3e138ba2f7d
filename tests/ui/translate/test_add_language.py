"""Adding a language: the card, the offer for a pair, the ways to translate one."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.catalog import packs
from autogpt_desktop.catalog.entries import CatalogModel
from autogpt_desktop.catalog.pack_index import index_path
from autogpt_desktop.catalog.packs import of_language
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models import add_language
from autogpt_desktop.ui.models.add_language import AddLanguageCard
from autogpt_desktop.ui.models.downloads import Downloads
from autogpt_desktop.ui.models.language_row import packs_size
from autogpt_desktop.ui.models.picker import ModelPicker
from autogpt_desktop.ui.translate.language_row import MORE
from autogpt_desktop.ui.translate.panel import TranslatePanel
from tests.catalog.test_pack_folder import write_pack
from tests.catalog.test_pack_index import entry, index
from tests.tiny import write_tiny_gguf


class Network:
    """What a download is here: a folder with the names of a pack, once it may go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.asked: list[str] = []
        self.fails = False

    def fetch(self, pack: CatalogModel) -> Iterator[Progress]:
        self.asked.append(pack.name)
        yield Progress("stage.downloading", pack.download_size // 2, pack.download_size)
        while not self.go_on.wait(0.01):
            yield Progress("stage.downloading", pack.download_size // 2, pack.download_size)
        if self.fails:
            raise KnownError("download-no-network", name=pack.title)
        write_pack(paths.models_dir() / pack.name, "".join(pack.pair))


@pytest.fixture
def network(shell_context: AppContext, no_models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Network]:
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir()])
    made = Network()
    downloads = shell_context.follow(Downloads(shell_context, made.fetch))
    shell_context.__dict__["downloads"] = downloads
    yield made
    made.go_on.set()
    assert downloads.stop(20_000)


@pytest.fixture
def card(shell_context: AppContext, network: Network, qtbot: QtBot) -> AddLanguageCard:
    window = TranslatePanel(shell_context)
    qtbot.addWidget(window)
    window.resize(900, 600)
    window.show()
    made = AddLanguageCard(shell_context, shell_context.downloads, window)
    made.open()
    return made


@pytest.mark.slow
def test_a_language_is_found_and_both_directions_come_in_one_click(
    card: AddLanguageCard, network: Network, qtbot: QtBot, shell_context: AppContext
) -> None:
    assert card.search.hasFocus()
    assert len(card.rows) == 50
    qtbot.keyClicks(card.search, "japan")
    (row,) = [row for row in card.rows.values() if row.isVisible()]
    assert row.code == "ja"
    assert packs_size(of_language("ja")) == "2 × 37 MB"
    assert row.add_button.accessibleName() == "Add Japanese (2 × 37 MB)"
    qtbot.keyClick(card.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: row.progress.value() > 0, timeout=20_000)
    assert row.cancel_button.isVisible()
    assert not row.add_button.isVisible()
    network.go_on.set()
    qtbot.waitUntil(lambda: row.remove_button.isVisible() and not row.running(), timeout=20_000)
    assert network.asked == ["firefox-en-ja", "firefox-ja-en"]
    assert {model.name for model in shell_context.installed_models()} == set(network.asked)
    assert not row.add_button.isVisible()


@pytest.mark.slow
def test_a_download_is_cancelled_and_a_failure_is_told(
    card: AddLanguageCard, network: Network, qtbot: QtBot
) -> None:
    row = card.rows["ja"]
    row.add_button.click()
    qtbot.waitUntil(lambda: bool(network.asked), timeout=20_000)
    row.cancel_button.click()
    qtbot.waitUntil(lambda: not row.running(), timeout=20_000)
    assert row.add_button.isVisible()
    network.fails = True
    network.go_on.set()
    row.add_button.click()
    qtbot.waitUntil(lambda: not row.running() and bool(row._state.text()), timeout=20_000)
    assert "internet connection" in row._state.text()


@pytest.mark.slow
def test_what_is_not_in_the_list_is_said(card: AddLanguageCard, qtbot: QtBot) -> None:
    qtbot.keyClicks(card.search, "klingon")
    assert card._nothing.isVisible()
    assert "from" not in card.rows["vi"]._facts.whole_text()
    assert "into English only" in card.rows["vi"]._facts.whole_text()
    assert card.rows["zh"].name == "Chinese (Simplified)"


@pytest.mark.slow
def test_a_language_is_removed_with_undo(
    card: AddLanguageCard, network: Network, qtbot: QtBot, shell_context: AppContext,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(add_language, "REMOVAL_DELAY", 60_000)
    network.go_on.set()
    row = card.rows["ja"]
    row.add()
    qtbot.waitUntil(
        lambda: len(shell_context.installed_models()) == 2 and not card.rows["ja"].running(), timeout=20_000
    )
    undo = []
    shell_context.toast_requested.connect(lambda toast: undo.append(toast.undo))
    row.remove_button.click()
    assert shell_context.installed_models() == []
    assert row.add_button.isVisible()
    undo[-1]()
    assert len(shell_context.installed_models()) == 2
    row.remove_button.click()
    for finish in shell_context.before_close:  # the window closes
        finish()
    assert not list(paths.models_dir().glob("firefox-*"))
    assert not shell_context.pending_removal


@pytest.mark.slow
def test_the_list_of_models_has_languages_for_packs(
    card: AddLanguageCard, network: Network, qtbot: QtBot, shell_context: AppContext
) -> None:
    network.go_on.set()
    card.rows["ja"].add()
    qtbot.waitUntil(
        lambda: len(shell_context.installed_models()) == 2 and not card.rows["ja"].running(), timeout=20_000
    )
    picker = ModelPicker(shell_context, shell_context.downloads, card.window())
    picker.open()
    assert picker.row("language:ja") is not None
    assert picker.row("firefox-en-ja") is None


@pytest.fixture
def panel(network: Network, shell_context: AppContext, qtbot: QtBot) -> TranslatePanel:
    write_tiny_gguf(paths.models_dir() / "mine.gguf")
    shell_context.settings.roles = {"translate": "mine"}
    shell_context.settings.translate_pair = ["en", "ja"]
    made = TranslatePanel(shell_context)
    qtbot.addWidget(made)
    made.show()
    return made


@pytest.mark.slow
def test_a_pair_without_a_pack_is_offered_one(panel: TranslatePanel, network: Network, qtbot: QtBot) -> None:
    notice = panel.view.notice
    offer = panel.offer.button
    assert offer.isVisible()
    assert "translates here" in offer.toolTip()
    assert offer.text() == "Add Japanese (2 × 37 MB)"
    offer.click()
    assert not offer.isVisible()
    qtbot.waitUntil(lambda: bool(network.asked), timeout=20_000)
    assert notice.action.text() == "Cancel"
    network.go_on.set()
    qtbot.waitUntil(lambda: not notice.isVisible(), timeout=20_000)
    assert panel.models.way("en", "ja").kind == "pack"
    assert panel.way.button.isVisible()  # the language model is there too
    assert panel.way.button.text() == "Translation pack"
    panel.way.choose("model")
    assert panel.models.way("en", "ja").kind == "model"
    assert not offer.isVisible()


@pytest.mark.slow
def test_the_offer_is_that_of_the_pair(panel: TranslatePanel) -> None:
    panel.view.languages.set_pair("de", "ja")
    assert panel.offer.button.text().startswith("Add German + Japanese (4 × ")
    panel.view.languages.set_pair("en", "de")
    assert panel.offer.button.text().startswith("Add German (2 × ")


@pytest.mark.slow
def test_a_failure_is_told_and_tried_again(panel: TranslatePanel, network: Network, qtbot: QtBot) -> None:
    network.fails = True
    network.go_on.set()
    panel.offer.fetch()
    notice = panel.view.notice
    qtbot.waitUntil(lambda: notice.action.text() == "Try again", timeout=20_000)
    assert "internet connection" in notice.text.text()


@pytest.mark.slow
def test_the_drop_downs_lead_to_the_card(panel: TranslatePanel, qtbot: QtBot) -> None:
    row = panel.view.languages
    box = row.target_box
    box.setCurrentIndex(box.findData(MORE))
    with qtbot.waitSignal(row.more_requested):
        box.activated.emit(box.currentIndex())
    assert row.target == "ja"
    assert box.code() == "ja"
    assert panel.findChildren(AddLanguageCard)


@pytest.mark.slow
def test_a_way_by_english_is_named(panel: TranslatePanel, shell_context: AppContext) -> None:
    for pair in ("deen", "enja"):
        write_pack(paths.models_dir() / f"firefox-{pair[:2]}-{pair[2:]}", pair)
    shell_context.refresh_models()
    panel.view.languages.set_pair("de", "ja")
    assert panel.way.button.text() == "via English"


@pytest.mark.slow
def test_newer_packs_are_looked_for_in_one_click(
    card: AddLanguageCard, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = len(card.rows)

    def fetch() -> Iterator[Progress]:
        yield Progress("stage.downloading")
        address = "https://example.org/packs"
        newer = {**index(address, entry("en-ga")), "fetchedFrom": f"{address}/models.json"}
        index_path().write_text(json.dumps(newer), encoding="utf-8")

    monkeypatch.setattr(packs, "fetch_index", fetch)
    assert not card.found.isVisible()
    card.update_button.click()
    assert not card.update_button.isEnabled()
    qtbot.waitUntil(card.update_button.isEnabled, timeout=20_000)
    assert card.found.text() == "New or changed: English → ga"
    assert len(card.rows) == before + 1
    assert card.rows["ga"].isVisible()
    card.update_button.click()
    qtbot.waitUntil(card.update_button.isEnabled, timeout=20_000)
    assert card.found.text() == "There are no newer packs."


@pytest.mark.slow
def test_a_list_that_cannot_be_had_is_told(
    card: AddLanguageCard, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch() -> Iterator[Progress]:
        yield Progress("stage.downloading")
        raise KnownError("packs-index-unreachable", url="x", reason="no network")

    monkeypatch.setattr(packs, "fetch_index", fetch)
    card.update_button.click()
    qtbot.waitUntil(card.update_button.isEnabled, timeout=20_000)
    assert "could not be fetched (no network)" in card.found.text()
    assert card.update_button.isVisible()
