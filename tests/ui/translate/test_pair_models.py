"""Which models the Translate panel asks, and when it asks them."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Progress
from autogpt_desktop.settings import Settings
from autogpt_desktop.tasks.translate import routed
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translator import Answer
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.translate.pair_models import PairModels
from autogpt_desktop.ui.translate.panel import TranslatePanel
from tests.catalog.test_pack_folder import write_pack


class Shouter:
    """Says everything in capitals, and in which model's name."""

    languages: tuple[str, ...] = ()
    immediate = True

    def __init__(self, name: str) -> None:
        self.name = name

    def translates(self, source: str, target: str) -> bool:
        return True

    def answers(
        self, sources: Sequence[SourceSentence], target: str, glossary: Glossary, quality: str, cancelled: Any
    ) -> Generator[Progress, None, list[Answer]]:
        yield Progress("stage.translating", 0, len(sources))
        return [Answer(f"{one.text.upper()} {target}", 0.9, ()) for one in sources]


@pytest.fixture
def packs_only(no_models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for pair in ("enpt", "pten", "deen"):
        write_pack(paths.models_dir() / f"firefox-{pair[:2]}-{pair[2:]}", pair)
    monkeypatch.setattr(paths, "model_dirs", lambda: [paths.models_dir()])

    def load(_models: Any, name: str) -> Generator[Progress, None, Shouter]:
        yield Progress("stage.loading")
        return Shouter(name)

    monkeypatch.setattr(routed, "_load", load)


@pytest.fixture
def panel(packs_only: None, shell_context: AppContext, qtbot: QtBot) -> TranslatePanel:
    shell_context.settings.translate_pair = ["en", "pt"]
    made = TranslatePanel(shell_context)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    return made


@pytest.mark.slow
def test_packs_are_enough_to_translate(panel: TranslatePanel, qtbot: QtBot) -> None:
    assert panel.view.is_ready()
    qtbot.keyClicks(panel.view.pair.source, "Good morning.")
    qtbot.waitUntil(lambda: panel.view.pair.target.text() == "GOOD MORNING. pt", timeout=20_000)
    panel.view.languages.set_pair("de", "pt")  # by way of English
    qtbot.waitUntil(lambda: panel.view.pair.target.text() == "GOOD MORNING. EN pt", timeout=20_000)


def test_languages_are_those_of_the_packs(panel: TranslatePanel) -> None:
    row = panel.view.languages
    assert set(row.choice) == {"en", "pt", "de"}
    assert row.source_box.findData("de") > 0


@pytest.mark.slow
def test_every_key_translates_where_the_packs_are_loaded(
    panel: TranslatePanel, shell_context: AppContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    monkeypatch.setattr(panel.live._pause, "start", lambda wait=-1: started.append(wait))
    panel.view.pair.source.insertPlainText("a")
    assert started.pop() > 100
    place = paths.models_dir() / "firefox-en-pt"
    shell_context.in_memory = {place: (1, "cpu")}
    panel.view.pair.source.insertPlainText("b")
    assert started.pop() == 0
    panel.view.languages.set_pair("de", "pt")  # one of two is loaded
    panel.view.pair.source.insertPlainText("c")
    assert started.pop() > 100


def test_a_preference_is_kept_for_its_pair(packs_only: None, shell_context: AppContext) -> None:
    models = PairModels(shell_context)
    assert models.way("en", "pt").kind == "pack"
    models.prefer("en", "pt", "via")
    assert models.way("en", "pt").kind == "pack"  # there is no other way
    assert Settings.load().translate_models == {"en-pt": "via"}
    models.prefer("en", "pt", "")
    assert Settings.load().translate_models == {}


def test_what_is_missing_is_named(packs_only: None, shell_context: AppContext) -> None:
    models = PairModels(shell_context)
    assert [entry.name for entry in models.missing("ja", "pt")] == ["firefox-ja-en"]
    assert models.missing("en", "pt") == []


@pytest.mark.slow
def test_the_window_names_what_translates_the_pair(
    panel: TranslatePanel, shell_window: MainWindow, shell_context: AppContext
) -> None:
    button, foot = shell_window.model_button, shell_window.queue_view.model_label
    shell_context.panels.show_role("translate", False)
    pack = "Translation pack English → Portuguese"
    assert panel.way.button.isHidden()  # there is no other way
    assert shell_context.panels.working["translate"].title == pack
    assert "Model for Translate" in button.accessibleName()
    assert pack in button.accessibleName()
    assert foot.whole_text() == f"{pack}, loaded when needed"
    assert panel.view.pair.facts.text() == pack
    shell_context.in_memory = {paths.models_dir() / "firefox-en-pt": (20_000_000, "cpu")}
    shell_context.memory_changed.emit()
    assert foot.whole_text() == f"{pack} on the processor, 20 MB in memory"
    panel.view.languages.set_pair("de", "pt")
    assert "Two translation packs, via English" in button.accessibleName()
    assert foot.whole_text() == "Two translation packs, via English, loaded when needed"
    panel.view.languages.set_pair("auto", "pt")
    assert "Translation packs" in button.accessibleName()
    assert foot.whole_text() == ""
    panel.view.languages.set_pair("en", "pt")
    shell_context.set_language("zh_CN")
    assert "翻译包：英语 → 葡萄牙语" in button.accessibleName()
    shell_context.set_language("en")
    shell_context.panels.show_role("chat", False)
    assert "Portuguese" not in button.accessibleName()
    assert foot.whole_text() == ""


@pytest.mark.slow
def test_both_scripts_of_chinese_are_named_and_one_is_converted(panel: TranslatePanel, qtbot: QtBot) -> None:
    write_pack(paths.models_dir() / "firefox-en-zh", "enzh")
    panel.context.refresh_models()
    row, note = panel.view.languages, panel.way.note
    qtbot.waitUntil(lambda: row.target_box.findText("Chinese (Traditional)") >= 0, timeout=20_000)
    assert row.target_box.findText("Chinese (Simplified)") >= 0
    row.set_pair("en", "zh")
    assert not note.isVisible()
    row.set_pair("en", "zh-Hant")
    assert (note.isVisible(), note.whole_text()) == (True, "converted from simplified")
    assert panel.models.way("en", "zh-Hant").models == ("firefox-en-zh",)
    assert panel.models.missing("zh-Hant", "en")[0].name == "firefox-zh-en"
    panel.view.pair.source.replace_text("Good morning.")
    qtbot.waitUntil(lambda: panel.view.pair.target.text() == "GOOD MORNING. zh", timeout=20_000)
