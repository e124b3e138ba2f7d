"""The Translate panel with a real worker, and with Gemma where words matter."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible, QGuiApplication
from PySide6.QtWidgets import QApplication, QListView, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.live import LiveMemory
from autogpt_desktop.tasks.translate.segments import pieces
from autogpt_desktop.tasks.translate.translate import Translated
from autogpt_desktop.tasks.translate.translator import Answer
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.editor_pair import EditorPair
from autogpt_desktop.ui.translate.panel import TranslatePanel
from autogpt_desktop.ui.translate.sentence_map import Utf16Offsets


@pytest.fixture
def panel(shell_context: AppContext, gemma_gguf: Path, qtbot: QtBot) -> TranslatePanel:
    shell_context.settings.translate_pair = ["auto", "fr"]
    shell_context.settings.translate_recent = ["fr"]
    made = TranslatePanel(shell_context)
    qtbot.addWidget(made)
    made.resize(900, 560)
    made.show()
    qtbot.waitExposed(made)
    return made


def fill(pair: EditorPair, source: str, target: list[str], flags: tuple[str, ...] = ()) -> None:
    """Sentences, and what each became, without a model."""
    pair.source.replace_text(source)
    pair.map.begin(source)
    at, found = 0, []
    for index, (sentence, other) in enumerate(zip(source.split("\n"), target, strict=True)):
        before = "\n" if index else ""
        found.append(
            Translated(0, index, at, at + len(sentence), sentence, before, other, 0.1, flags if index else ())
        )
        at += len(sentence) + 1
    pair.apply(pair.map.add(found, lambda _pair: None) + pair.map.end(""))


def test_typing_is_translated_swapped_copied_and_said_differently(
    panel: TranslatePanel, qtbot: QtBot, shell_context: AppContext
) -> None:
    qtbot.keyClicks(panel.view.pair.source, "The train leaves at noon. We ate at home.")
    qtbot.waitUntil(lambda: panel.live.complete and bool(panel.view.pair.map.pairs), timeout=60_000)
    assert panel.view.languages.found == "en"
    assert panel.view.languages.source_box.shown == "Detected: English"
    first = panel.view.pair.target.text()
    assert "train" in first
    assert first == panel.view.pair.map.target_text()
    assert len(panel.view.pair.map.pairs) == 2
    assert len(panel.live.memory) >= 2

    panel.copy_translation()
    assert QGuiApplication.clipboard().text() == first

    panel.sentences.show_alternatives(1)
    card = panel.sentences.card
    assert card is not None
    qtbot.waitUntil(lambda: card.list.count() > 0, timeout=60_000)
    wanted = card.list.item(0).text()
    qtbot.keyClick(card.list, Qt.Key.Key_Return)
    assert panel.sentences.card is None
    assert panel.view.pair.map.pairs[1].text == wanted
    assert panel.view.pair.target.text().endswith(wanted)
    panel.live.run()  # what was chosen stays
    qtbot.waitUntil(lambda: panel.live.complete, timeout=60_000)
    assert panel.view.pair.map.pairs[1].text == wanted
    assert panel.view.pair.map.pairs[1].chosen

    shown = panel.view.pair.target.text()
    panel.swap()
    assert panel.view.pair.source.text() == shown
    assert (panel.view.languages.source, panel.view.languages.target) == ("fr", "en")
    assert shell_context.settings.translate_pair == ["fr", "en"]
    panel.live.stop()


def test_at_first_a_text_in_the_windows_language_goes_into_another_one(
    shell_context: AppContext, gemma_gguf: Path, qtbot: QtBot
) -> None:
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    assert (panel.view.languages.source, panel.view.languages.target) == ("auto", "en")
    qtbot.keyClicks(panel.view.pair.source, "The train leaves at noon.")
    qtbot.waitUntil(lambda: panel.live.complete and bool(panel.view.pair.map.pairs), timeout=60_000)
    assert (panel.view.languages.source, panel.view.languages.target) == ("auto", "fr")
    assert not panel.view.notice.isVisible()
    assert "train" in panel.view.pair.target.text()
    assert shell_context.settings.translate_pair == ["auto", "fr"]


def test_a_text_that_is_in_the_target_language_already_is_named(panel: TranslatePanel, qtbot: QtBot) -> None:
    panel.receive_text("Le train part à midi et nous avons mangé à la maison.")
    qtbot.waitUntil(lambda: panel.live.complete, timeout=60_000)
    assert panel.view.notice.isVisible()
    assert panel.view.notice.text.text() == "This text is in French already."
    assert panel.view.pair.target.text() == ""
    panel.view.notice.action.click()
    assert panel.view.languages.target == "en"
    panel.live.stop()


def test_sentences_light_up_together_and_flags_are_told(panel: TranslatePanel, qtbot: QtBot) -> None:
    pair = panel.view.pair
    fill(pair, "One 1.\nTwo 2.", ["Un 1.", "Deux."], ("numbers",))
    pair.source.pointed.emit(8)
    assert [len(edit.extraSelections()) for edit in (pair.source, pair.target)] == [1, 3]
    assert pair.source.extraSelections()[0].cursor.selectedText() == "Two 2."
    assert pair.target.extraSelections()[0].cursor.selectedText() == "Deux."
    assert pair.review_count.text() == "1 to check"
    assert pair.flagged() == [1]
    assert pair.target.tip_at(7) == "Numbers differ from the original."
    assert pair.target.tip_at(1) == "Uncertain: compare it with the original."
    panel.live.shutdown()


def test_one_editor_stands_above_the_other_in_a_slim_column(panel: TranslatePanel) -> None:
    assert panel.view.pair.splitter.orientation() == Qt.Orientation.Horizontal
    panel.resize(440, 560)
    QApplication.processEvents()
    assert panel.view.pair.splitter.orientation() == Qt.Orientation.Vertical
    sizes = panel.view.pair.splitter.sizes()
    assert abs(sizes[0] - sizes[1]) <= 2


def test_clearing_can_be_undone(panel: TranslatePanel, shell_context: AppContext) -> None:
    asked = []
    shell_context.toast_requested.connect(asked.append)
    panel.view.pair.source.replace_text("Something")
    panel.clear()
    assert panel.view.pair.source.text() == ""
    assert panel.view.pair.target.text() == ""
    asked[0].undo()
    assert panel.view.pair.source.text() == "Something"
    panel.live.shutdown()


def test_the_keys_of_the_panel_reach_it_from_its_editors(panel: TranslatePanel, qtbot: QtBot) -> None:
    panel.context.panels.activate(panel)
    panel.activateWindow()
    panel.view.pair.source.setFocus()
    control = Qt.KeyboardModifier.ControlModifier
    qtbot.keyClicks(panel.view.pair.source, "ab")
    qtbot.keyClick(panel.view.pair.source, Qt.Key.Key_H, control)
    assert panel.view.history_button.isChecked()
    assert panel.view.pair.source.text() == "ab"
    qtbot.keyClick(panel.sides.history(), Qt.Key.Key_Escape)
    assert not panel.view.history_button.isChecked()
    qtbot.keyClick(panel.view.pair.source, Qt.Key.Key_G, control)
    assert panel.view.glossary_button.isChecked()
    qtbot.keyClick(panel.view.pair.source, Qt.Key.Key_T, control)
    assert panel.view.pair.target.hasFocus() or not panel.isActiveWindow()
    panel.live.shutdown()


def test_escape_closes_what_was_opened_then_goes_to_the_text(panel: TranslatePanel, qtbot: QtBot) -> None:
    panel.sides.toggle_glossary()
    panel.view.pair.target.setFocus()
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert panel.view.side == ""
    assert panel.view.modes.choice == "text"
    panel.files_mode.show()
    assert panel.view.modes.choice == "files"
    qtbot.keyClick(panel, Qt.Key.Key_Escape)
    assert panel.view.modes.choice == "text"
    panel.live.shutdown()


def test_a_kept_translation_is_shown_as_it_was_without_the_model(panel: TranslatePanel) -> None:
    fill(panel.view.pair, "One 😀 1.\nTwo 2.", ["Un 1.", "Deux."], ("numbers",))
    panel.live.stop()
    panel.live.override(0, "Une 1.", 1.0, (), True)
    panel.view.languages.set_found("en")
    panel.live._language = "en"
    panel.live.complete = True
    panel.saver.save_now()
    panel.clear()
    assert panel.view.pair.target.text() == ""
    entry = panel.saver.history.entries()[0]
    panel.open_entry(entry.id)
    assert panel.view.pair.target.text() == "Une 1.\nDeux."
    assert not panel.live.running
    assert [pair.chosen for pair in panel.view.pair.map.pairs] == [
        True,
        False,
    ]
    assert panel.view.pair.flagged() == [1]
    assert (panel.view.languages.source, panel.view.languages.target) == ("en", "fr")
    panel.live.shutdown()


def test_without_a_model_that_translates_one_is_offered(
    shell_context: AppContext, no_models: Path, qtbot: QtBot
) -> None:
    panel = TranslatePanel(shell_context)
    qtbot.addWidget(panel)
    panel.show()
    panel.receive_text("Bonjour.")
    assert panel.view.offer.isVisible()
    assert not panel.view.pair.isVisible()
    assert not panel.live.running
    assert panel.view.pair.source.text() == "Bonjour."  # it waits for the model
    panel.shutdown()


class Brackets(LiveMemory):
    """Knows every sentence: the model loads, but is not asked."""

    def __contains__(self, _key: object) -> bool:
        return True

    def __getitem__(self, key: tuple[Any, ...]) -> Answer:
        return Answer(f"[{key[-1]}]", 0.9, ())


def test_wild_editing_ends_with_the_translation_of_what_is_there(panel: TranslatePanel, qtbot: QtBot) -> None:
    chance = random.Random(7)
    parts = ["We ate. ", "Tea 😀 for two! ", "\n\n", "好的。", "نعم. ", "a", " ", "\n", "The end of it? "]
    panel.view.languages.set_pair("en", "fr")
    panel.live.memory = Brackets()
    edit = panel.view.pair.source
    edit.insertPlainText("The first. The second one.\n\nThe third 😀.")
    for step in range(60):
        cursor = edit.textCursor()
        end = edit.document().characterCount() - 1
        cursor.setPosition(chance.randrange(end + 1))
        if chance.random() < 0.35:
            cursor.setPosition(min(end, cursor.position() + chance.randrange(12)), cursor.MoveMode.KeepAnchor)
        cursor.insertText(chance.choice(parts))
        if chance.random() < 0.1:
            edit.undo()
        if step % 4 == 0:
            panel.live.run()  # results may come while the next edits are made
        qtbot.wait(chance.choice([0, 5, 60]))
    panel.live.run()
    qtbot.waitUntil(lambda: panel.live.complete, timeout=20_000)
    text = edit.text()
    found, after = pieces(text, "en", "fr")
    wanted = "".join(
        one.before + one.head + (f"[{one.inner}]" if one.inner else "") + one.tail for one in found
    )
    assert panel.view.pair.target.text() == wanted + after == panel.view.pair.map.target_text()
    places = Utf16Offsets(text)
    spans = [panel.view.pair.map.source_span(index) for index in range(len(found))]
    assert spans == [(places(one.start), places(one.end)) for one in found]
    panel.live.shutdown()


def test_every_control_has_a_name(panel: TranslatePanel) -> None:
    panel.sides.toggle_glossary()
    panel.sides.toggle_history()
    panel.files_mode.show()
    nameless = []
    for widget in panel.findChildren(QWidget):
        in_list = type(widget) is QListView  # of a combo box
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not in_list and not widget.isHidden():
            interface = QAccessible.queryAccessibleInterface(widget)
            if not interface.text(QAccessible.Text.Name):
                nameless.append(type(widget).__name__)
    assert not nameless
    panel.shutdown()


def test_an_unknown_language_is_named_and_translated_only_when_wanted(
    panel: TranslatePanel, qtbot: QtBot
) -> None:
    text = "Het is vandaag erg mooi weer en wij gaan samen naar het strand met de kinderen."
    panel.receive_text(text)
    qtbot.waitUntil(lambda: panel.live.complete, timeout=60_000)
    assert panel.view.notice.isVisible()
    assert "Dutch" in panel.view.notice.text.text()
    assert panel.view.pair.target.text() == ""
    assert panel.view.notice.action.text() == "Translate all the same"
    panel.view.notice.action.click()
    qtbot.waitUntil(lambda: panel.live.complete and bool(panel.view.pair.target.text()), timeout=60_000)
    assert panel.view.notice.isVisible()
    assert not panel.view.notice.action.isVisible()
    assert panel.live.language == "nl"


def test_a_model_without_a_list_of_languages_is_said_to_have_none(panel: TranslatePanel) -> None:
    panel.view.languages.set_known(tuple(LANGUAGES), stated=False)
    assert (
        panel.view.notice.text.text() == "This model does not say which languages it knows. Check its work."
    )
    panel.view.languages.set_known(("en", "fr"))
    assert not panel.view.notice.isVisible()
    assert panel.view.languages.target_box.findData("ru") < 0
