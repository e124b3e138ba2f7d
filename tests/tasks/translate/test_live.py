"""Translating while a person types: the language, the memory, the first sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.documents.text.chinese import both_scripts
from autogpt_desktop.documents.text.glossary import Term
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.events import Result
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.live import Doubt, Found, LiveMemory, Offered, guess, live, warm
from autogpt_desktop.tasks.translate.translate import Translated
from autogpt_desktop.tasks.translate.translator import Answer

SENTENCES = ["We ate at home.", "She likes tea.", "The train leaves at noon.", "Nobody knows why."]


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    made = ModelPool(lambda _name: gemma_gguf, "cpu", 1024)
    yield made
    made.unload()


def kinds(events: list[Any], kind: type) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def test_a_language_stays_while_little_is_written() -> None:
    assert guess("", "fr") == "fr"
    assert guess("12:30 !", "de") == "de"
    assert guess("Die", "en") == "en"
    assert guess("Die Kinder spielen heute im Garten hinter dem Haus.", "en") == "de"
    assert guess("你好", "en") == "zh"  # a script is enough


def test_what_was_found_with_care_answers_quick_questions_too() -> None:
    memory = LiveMemory()
    quick, best = (("m", "en", "fr", quality, (), "Hello") for quality in ("quick", "best"))
    memory[quick] = Answer("quick", 0.5, ())
    assert memory[quick].text == "quick"
    assert best not in memory
    memory.update({best: Answer("best", 0.9, ())}.items())
    assert memory[quick].text == "best"
    assert memory[best].text == "best"


def test_the_first_sentence_comes_before_the_others_are_asked_for(models: ModelPool) -> None:
    memory = LiveMemory()
    steps = live(models, " ".join(SENTENCES), "auto", "fr", memory=memory)
    seen = []
    for event in steps:
        seen.append(event)
        if isinstance(event, Translated):
            break
    assert len(memory) == 1
    assert seen[0] == Found("en", True)
    assert any(isinstance(event, Offered) for event in seen)
    rest = list(steps)
    assert [event.source for event in kinds(seen + rest, Translated)] == SENTENCES
    result = kinds(rest, Result)[0].value
    alone = kinds(list(live(models, " ".join(SENTENCES), "en", "fr")), Result)[0].value
    assert result.text == alone.text
    assert len(memory) == 4

    changed = " ".join([*SENTENCES[:3], "Nobody knows where."])
    events = list(live(models, changed, "en", "fr", memory=memory))
    assert len(memory) == 5  # only what changed was asked for
    assert kinds(events, Result)[0].value.text.startswith(result.text.rpartition(". ")[0])


def test_a_text_in_the_target_or_in_another_language_is_told(models: ModelPool) -> None:
    french = "Nous avons mangé à la maison avec des amis."
    assert list(live(models, french, "auto", "fr")) == [Found("fr", True)]
    events = live(models, french, "de", "en")
    assert next(events) == Doubt("fr")
    events.close()  # type: ignore[attr-defined]
    events = live(models, SENTENCES[0], "en", "fr")
    assert next(events) == Doubt("")
    events.close()  # type: ignore[attr-defined]


def test_the_glossary_is_asked_for_with_the_language_found(models: ModelPool) -> None:
    asked: list[str] = []

    def terms(language: str) -> list[Term]:
        asked.append(language)
        return [Term("train", "TGV")]

    events = list(live(models, "The train leaves at noon.", "auto", "fr", terms=terms))
    translated = kinds(events, Translated)[0]
    assert asked == ["en"]
    assert ("TGV" in translated.text) != ("glossary" in translated.flags)


def test_warming_up_loads_the_model_and_tells_its_languages(models: ModelPool) -> None:
    events = list(warm(models, "en", "de", ("en", "de"), lambda: False))
    assert Offered(("en", "de")) in events


def test_a_language_that_the_model_does_not_know_is_named_and_waits_for_a_word(models: ModelPool) -> None:
    dutch = "Het is vandaag erg mooi weer en wij gaan samen naar het strand met de kinderen."
    assert list(live(models, dutch, "auto", "fr", known=("en", "fr"))) == [Found("nl", False)]
    german = "Das Wetter ist heute sehr schön und wir gehen mit den Kindern an den Strand."
    assert list(live(models, german, "auto", "fr", known=("en", "fr"))) == [Found("de", False)]
    events = list(live(models, german, "auto", "fr", known=("en", "fr"), anyway={"de"}))
    assert events[0] == Found("de", False)
    assert Offered(("en", "fr")) in events
    assert kinds(events, Result)
    assert kinds(list(live(models, german, "de", "fr", known=("en", "fr"))), Result)  # it was chosen


def test_a_model_that_names_no_language_offers_all(models: ModelPool) -> None:
    events = list(live(models, "The train leaves at noon.", "auto", "fr", known=("multilingual",)))
    assert Offered(both_scripts(tuple(LANGUAGES)), False) in events
    assert kinds(events, Result)
