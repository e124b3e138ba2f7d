"""Words of a translation, with a scripted pack: which became which, and other words in their place."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.tasks.translate import routed
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translate import Translated
from autogpt_desktop.tasks.translate.translator import Answer, Link
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate import rereading
from autogpt_desktop.ui.translate.editors import SentenceEdit
from autogpt_desktop.ui.translate.panel import TranslatePanel
from autogpt_desktop.ui.translate.sentence_map import SentenceMap
from autogpt_desktop.ui.translate.target_words import words_between
from autogpt_desktop.ui.widgets.toast import ToastRequest
from tests.ui.translate.test_pair_models import packs_only  # noqa: F401

WORDS = {
    "my": "o meu", "grandfather": "avô", "sold": "vendeu", "the": "o", "mill": "moinho",
    "it": "", "was": "foi", "sad": "triste",
}  # fmt: skip


def answer(source: str) -> Answer:
    """Word for word, with links."""
    text, links = "", []
    for match in re.finditer(r"\w+", source):
        word = WORDS[match[0].lower()]
        if word:
            text += " " if text else ""
            links.append(Link(match.start(), match.end(), len(text), len(text) + len(word)))
            text += word
    return Answer(text + ".", 0.9, (), tuple(links))


def others(source: str) -> list[Answer]:
    said = answer(source)
    found = [said]
    for new in ("vendera", "VENDEU", "cedeu", "vendeu-lhe"):
        links = tuple(link for link in said.links if link.end <= said.text.find("vendeu"))
        found.append(Answer(said.text.replace("vendeu", new), 0.8, (), links))
    for new in ("a fábrica", "a usina", "os moinhos"):
        found.append(Answer(said.text.replace("o moinho", new), 0.7, ()))
    return found


class WordForWord:
    """A ``translator.Translator`` of few words."""

    languages: tuple[str, ...] = ()
    immediate = True
    name = "words"

    def translates(self, source: str, target: str) -> bool:
        return True

    def __init__(self) -> None:
        self.prefixes: list[str] = []

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Any,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        """What begins like it, with each other verb and noun."""
        yield Progress("stage.translating", 0, len(sources))
        self.prefixes.append(prefix)
        return [
            [one for one in others(source.text) if one.text.startswith(prefix.rstrip())] for source in sources
        ]

    def answers(
        self, sources: Sequence[SourceSentence], target: str, glossary: Glossary, quality: str, cancelled: Any
    ) -> Generator[Progress, None, list[Answer]]:
        yield Progress("stage.translating", 0, len(sources))
        return [answer(one.text) for one in sources]


@pytest.fixture
def translator() -> WordForWord:
    return WordForWord()


@pytest.fixture
def panel(
    translator: WordForWord,
    packs_only: None,  # noqa: F811
    shell_context: AppContext,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> TranslatePanel:
    def load(_models: Any, _name: str) -> Generator[Progress, None, WordForWord]:
        yield Progress("stage.loading")
        return translator

    monkeypatch.setattr(routed, "_load", load)
    shell_context.settings.translate_pair = ["en", "pt"]
    made = TranslatePanel(shell_context)
    qtbot.addWidget(made)
    made.resize(900, 560)
    made.show()
    qtbot.waitExposed(made)
    made.view.pair.source.replace_text("My grandfather sold the mill. It was sad.")
    qtbot.waitUntil(lambda: "triste" in made.view.pair.target.text(), timeout=20_000)
    qtbot.waitUntil(lambda: made.live.complete, timeout=20_000)
    return made


def lit(edit: SentenceEdit, color: str, context: AppContext) -> list[str]:
    wanted = context.color(color)
    return [
        one.cursor.selectedText()  # type: ignore[attr-defined]
        for one in edit.extraSelections()
        if one.format.background().color() == wanted  # type: ignore[attr-defined]
    ]


def point_of(edit: SentenceEdit, place: int, share: float = 0.5) -> QPoint:
    """Inside the character at a place, ``share`` of its width from its left."""
    left, right = edit.rect_of(place).center(), edit.rect_of(place + 1).center()
    return QPointF(left.x() + share * (right.x() - left.x()), left.y()).toPoint()


@pytest.mark.slow
def test_a_word_lights_up_with_its_counterpart_and_its_sentence(panel: TranslatePanel) -> None:
    pair, context = panel.view.pair, panel.context
    text = pair.source.text()
    pair.source.pointed.emit(text.index("mill") + 1)
    assert lit(pair.source, "selection", context) == ["mill"]
    assert lit(pair.target, "selection", context) == ["moinho"]
    assert lit(pair.source, "accent_soft", context) == ["My grandfather sold the mill."]
    assert lit(pair.target, "accent_soft", context) == ["o meu avô vendeu o moinho."]
    pair.target.pointed.emit(pair.target.text().index("triste"))
    assert lit(pair.source, "selection", context) == ["sad"]
    assert lit(pair.target, "selection", context) == ["triste"]
    pair.target.pointed.emit(3)  # "meu", of two words for one
    assert lit(pair.source, "selection", context) == ["My"]
    assert lit(pair.target, "selection", context) == ["o meu"]
    pair.source.pointed.emit(text.index("It"))  # nothing says it
    assert lit(pair.source, "selection", context) == lit(pair.target, "selection", context) == []
    assert lit(pair.source, "accent_soft", context) == ["It was sad."]
    pair.source.pointed.emit(-1)
    assert lit(pair.source, "accent_soft", context) == []


@pytest.mark.slow
def test_the_caret_in_the_translation_lights_a_word_up(panel: TranslatePanel, qtbot: QtBot) -> None:
    pair = panel.view.pair
    pair.target.setFocus()
    cursor = pair.target.textCursor()
    cursor.setPosition(pair.target.text().index("vendeu"))
    pair.target.setTextCursor(cursor)
    assert lit(pair.source, "selection", panel.context) == ["sold"]
    for _ in "vendeu":
        qtbot.keyClick(pair.target, Qt.Key.Key_Right)
    assert lit(pair.source, "selection", panel.context) == []
    qtbot.keyClick(pair.target, Qt.Key.Key_Right)
    assert lit(pair.source, "selection", panel.context) == ["the"]


@pytest.mark.slow
def test_both_halves_of_a_character_are_that_character(panel: TranslatePanel, qtbot: QtBot) -> None:
    """A caret would stand behind it from its middle on."""
    edit = panel.view.pair.source
    places: list[int] = []
    edit.pointed.connect(places.append)
    for text in ("wow mom", "我爱你们", "שלום עולם", "ab😀cd"):
        edit.replace_text(text)
        last = len(text) - 1 if "😀" not in text else 2
        for place in (1, 2, last):
            if "😀" in text and place != 2:
                continue
            for share in (0.2, 0.8):
                width = 2 if "😀" in text else 1
                left, right = edit.rect_of(place).center(), edit.rect_of(place + width).center()
                x = left.x() + share * (right.x() - left.x())
                assert edit._place_under(QPointF(x, left.y()).toPoint()) == place, (text, place, share)
    places.clear()
    QTest.mouseMove(edit.viewport(), point_of(edit, 1, 0.8))
    qtbot.waitUntil(lambda: places[-1:] == [1], timeout=20_000)


def choices(panel: TranslatePanel, qtbot: QtBot) -> list[str]:
    """What the card that is open offers."""
    card = panel.sentences.card
    assert card is not None
    qtbot.waitUntil(lambda: card.list.count() > 0 or "no other" in card.state.text(), timeout=20_000)
    return [card.list.item(row).text() for row in range(card.list.count())]


def click(panel: TranslatePanel, place: int, qtbot: QtBot) -> None:
    target = panel.view.pair.target
    qtbot.mouseClick(target.viewport(), Qt.MouseButton.LeftButton, pos=point_of(target, place))


@pytest.mark.slow
def test_a_click_on_a_word_offers_others_that_fit_the_rest(
    panel: TranslatePanel, translator: WordForWord, qtbot: QtBot
) -> None:
    pair = panel.view.pair
    click(panel, pair.target.text().index("vendeu") + 2, qtbot)
    assert lit(pair.target, "selection", panel.context)[-1] == "vendeu"
    wanted = ["… vendera o moinho.", "… cedeu o moinho.", "… vendeu-lhe o moinho."]
    assert choices(panel, qtbot) == wanted
    assert translator.prefixes == ["o meu avô "]
    card = panel.sentences.card
    assert card is not None
    assert card.heading.text() == "Instead of “vendeu”"
    assert card.heading.isVisible()
    qtbot.keyClick(card.list, Qt.Key.Key_Down)
    qtbot.keyClick(card.list, Qt.Key.Key_Return)
    assert panel.sentences.card is None
    assert pair.target.text() == "o meu avô cedeu o moinho. foi triste."
    assert pair.map.pairs[0].chosen
    pair.source.pointed.emit(4)  # the words of what was chosen are known too
    assert lit(pair.target, "selection", panel.context) == ["avô"]
    click(panel, pair.target.text().index("foi"), qtbot)  # a word without others
    assert choices(panel, qtbot) == []
    card = panel.sentences.card
    assert card is not None
    assert card.state.text() == "The model knows no other word that fits here."


@pytest.mark.slow
def test_selected_words_are_replaced_together(
    panel: TranslatePanel, translator: WordForWord, qtbot: QtBot
) -> None:
    target = panel.view.pair.target
    cursor = target.textCursor()
    at = target.text().index("o moinho")
    cursor.setPosition(at)
    cursor.setPosition(at + 4, cursor.MoveMode.KeepAnchor)  # into the second word
    target.setTextCursor(cursor)
    click(panel, at + 1, qtbot)
    assert choices(panel, qtbot) == ["… a fábrica.", "… a usina.", "… os moinhos."]
    assert translator.prefixes == ["o meu avô vendeu "]
    panel.sentences.close_card()
    target.setFocus()
    target.setTextCursor(cursor)
    qtbot.keyClick(target, Qt.Key.Key_Return)
    assert choices(panel, qtbot) == ["… a fábrica.", "… a usina.", "… os moinhos."]


@pytest.mark.slow
def test_the_whole_sentence_stays_a_click_away(panel: TranslatePanel, qtbot: QtBot) -> None:
    target = panel.view.pair.target
    click(panel, target.text().index("vendeu") + 2, qtbot)
    choices(panel, qtbot)
    card = panel.sentences.card
    assert card is not None
    assert not card.retry_button.isVisible()
    card.sentence_button.click()
    found = choices(panel, qtbot)
    assert found
    assert all(text.startswith("o meu avô ") for text in found)
    second = panel.sentences.card
    assert second is not None
    assert second is not card
    assert second.retry_button.isVisible()
    assert not second.sentence_button.isVisible()
    panel.sentences.close_card()
    target.setFocus()
    qtbot.keyClick(target, Qt.Key.Key_Return)  # without a selection
    assert choices(panel, qtbot) == found


def test_words_are_whole_and_of_one_sentence() -> None:
    pairs = SentenceMap()
    pairs.begin("A. B.")
    found = [
        Translated(0, 0, 0, 2, "A.", "", "😀 l’água fria, já!", 0.9, ()),
        Translated(0, 1, 3, 5, "B.", " ", "我爱你。", 0.9, ()),
    ]
    pairs.add(found, lambda _pair: None)
    text = pairs.target_text()
    place = text.index("fria") + 1  # the emoji is two
    words = words_between(pairs, 0, place, place + 1)
    assert words is not None
    assert (words.prefix, words.text) == ("😀 l’água ", "fria")
    assert words_between(pairs, 0, place + 4, place + 5) is None  # the comma
    assert words_between(pairs, 0, 0, 1) is None
    assert words_between(pairs, 0, place - 3, place + 8) is None  # that is the sentence
    both = words_between(pairs, 0, place + 2, place + 7)
    assert both is not None
    assert both.text == "fria, já"
    assert words_between(pairs, 0, place, len(text)) is None
    first, last = pairs.target_span(1)
    chinese = words_between(pairs, 1, first + 1, first + 2)
    assert chinese is not None
    assert (chinese.prefix, chinese.text) == ("我", "爱")
    assert words_between(pairs, 1, first, last) is None


@pytest.mark.slow
def test_what_a_user_writes_is_read_again_in_the_background(
    panel: TranslatePanel, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def reread(_models: Any, pairs: Sequence[tuple[str, str]], *languages: str, **_: Any) -> Any:
        yield Progress("stage.scoring", 0, len(pairs))
        asked.append((list(pairs), *languages))
        yield Result([("numbers",) if "9" in other else () for _, other in pairs])

    monkeypatch.setattr(rereading, "reread", reread)
    pair = panel.view.pair

    def edit(index: int, before: str, text: str) -> None:
        panel.sentences.show_alternatives(index)
        card = panel.sentences.card
        assert card is not None
        card.edit_button.click()
        assert card.field.text() == before
        assert not card.list.isVisible()
        card.field.setPlainText(text)
        QTest.keyClick(card.field, Qt.Key.Key_Return)

    edit(0, "o meu avô vendeu o moinho.", "o meu avô vendeu 9 moinhos.")
    edit(1, "foi triste.", "Foi muito triste.")
    assert pair.target.text() == "o meu avô vendeu 9 moinhos. Foi muito triste."
    assert pair.map.pairs[0].links[-1].end == len("o meu avô vendeu")  # what stayed is linked still
    qtbot.waitUntil(lambda: pair.map.pairs[0].flags == ("numbers",), timeout=20_000)
    assert pair.map.pairs[1].flags == ()
    (job,) = asked  # both in one
    assert job[1:] == ("en", "pt")
    assert job[0][1] == ("It was sad.", "Foi muito triste.")
    assert pair.review_count.isVisible()
    pair.source.insertPlainText("It was sad. ")  # the mark stays while one types on
    qtbot.waitUntil(lambda: len(pair.map.pairs) == 3 and panel.live.complete, timeout=20_000)
    assert [one.flags for one in pair.map.pairs] == [(), ("numbers",), ()]
    assert len(asked) == 1


@pytest.mark.slow
def test_a_translation_is_saved_once_a_lock_is_gone(panel: TranslatePanel, qtbot: QtBot) -> None:
    told: list[ToastRequest] = []
    panel.context.toast_requested.connect(told.append)
    panel.saver.save_now()
    panel.view.pair.source.replace_text("It was sad.")
    qtbot.waitUntil(lambda: panel.live.complete and len(panel.view.pair.map.pairs) == 1, timeout=20_000)
    with closing(sqlite3.connect(panel.saver.history.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        panel.saver.save_now()
        panel.saver.save_now()
        assert len(told) == 1
        assert "Another program is using" in told[0].text
    saved = panel.saver.history.entries
    qtbot.waitUntil(lambda: saved()[0].text == "It was sad.", timeout=20_000)
    assert len(told) == 1
