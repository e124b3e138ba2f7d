"""Words of a translation, with a scripted pack: which became which."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from typing import Any

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.translate import routed
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translator import Answer, Link
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.translate.editors import SentenceEdit
from autogpt_desktop.ui.translate.panel import TranslatePanel
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


class WordForWord:
    """A ``translator.Translator`` of few words."""

    languages: tuple[str, ...] = ()
    immediate = True
    name = "words"

    def translates(self, source: str, target: str) -> bool:
        return True

    def answers(
        self, sources: Sequence[SourceSentence], target: str, glossary: Glossary, quality: str, cancelled: Any
    ) -> Generator[Progress, None, list[Answer]]:
        yield Progress("stage.translating", 0, len(sources))
        return [answer(one.text) for one in sources]


@pytest.fixture
def panel(
    packs_only: None,  # noqa: F811
    shell_context: AppContext,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> TranslatePanel:
    def load(_models: Any, _name: str) -> Generator[Progress, None, WordForWord]:
        yield Progress("stage.loading")
        return WordForWord()

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
