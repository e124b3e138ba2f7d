"""Translate: cutting and joining, one with the real model, the second try, the glossary, alternatives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.documents.text.passages import detect
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.prompts import repeating
from autogpt_desktop.tasks.translate.rerank import Candidate, best, chrf, grams
from autogpt_desktop.tasks.translate.segments import LONGEST, pieces
from autogpt_desktop.tasks.translate.translate import (
    Translated,
    Translation,
    _language,
    alternatives,
    languages,
    translate,
    translate_many,
)
from autogpt_desktop.tasks.translate.translators import translator_for


def joined(text: str, source: str, target: str) -> str:
    found, after = pieces(text, source, target)
    return "".join(piece.before + piece.source for piece in found) + after


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n ",
        "One. Two!\n\n  - three\n\tfour? \n",
        "A {x} here. <b>Bold.</b> 42\n----\nhttps://a.org\n",
        "# Title\n\n1. first\n2. second\n",
    ],
)
def test_what_stands_between_sentences_is_kept(text: str) -> None:
    assert joined(text, "en", "fr") == text


def test_blanks_between_sentences_are_those_of_the_target() -> None:
    assert joined("你好。再见。\n谢谢。", "zh", "en") == "你好。 再见。\n谢谢。"
    assert joined("Hello. Goodbye.\nThanks.", "en", "zh") == "Hello.Goodbye.\nThanks."


def test_columns_between_tabs_and_runs_of_blanks_stay() -> None:
    text = "Name\tTown\t\tAge\nRosa Klein   Bonn  41\tnear  the　　lake \t \n"
    for target in ("fr", "zh"):
        assert joined(text, "en", target) == text
    found, _ = pieces(text, "en", "fr")
    assert [piece.inner for piece in found if piece.inner] == [
        "Name", "Town", "Age", "Rosa Klein", "Bonn", "near", "the", "lake",
    ]  # fmt: skip


def test_lines_without_letters_are_not_translated() -> None:
    found, _ = pieces("Hello.\n12:30\n***\n<br>\n", "en", "fr")
    assert [piece.inner for piece in found if piece.inner] == ["Hello."]


def test_a_long_sentence_is_cut_at_clauses() -> None:
    text = "When the rain came, the people of the valley went up the hill, " * 12 + "and stayed."
    found, _ = pieces(text, "en", "fr")
    assert len(found) > 2
    assert all(len(piece.source) <= LONGEST for piece in found)
    assert all(piece.source.endswith((",", ".")) for piece in found)
    assert "".join(piece.before + piece.source for piece in found) == text
    endless, _ = pieces("字" * 2000 + "。", "zh", "en")
    assert "".join(piece.source for piece in endless) == "字" * 2000 + "。"


def test_the_candidate_that_others_resemble_is_chosen() -> None:
    texts = ["the cat sat on the mat", "the cat sat on a mat", "dogs run far away", "the cat is on the mat"]
    assert best([Candidate(text, -1.0) for text in texts]) in (0, 1)
    assert best([Candidate(texts[0], -1.0, cost=6), Candidate(texts[2], -1.0), Candidate(texts[1], -1.0)]) > 0
    assert chrf(grams("abc"), grams("abc")) == 1.0
    assert chrf(grams("abc"), grams("xyz")) == 0.0


def test_repeated_tokens_are_named() -> None:
    assert repeating([1, 2, 3, 4, 9, 1, 2, 3, 4]) == [9]
    assert repeating([1, 2, 3]) == []


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    models = ModelPool(lambda role: gemma_gguf, device="cpu", context_length=2048)
    yield models
    models.unload()


def result(events: Iterator[Any]) -> Translation:
    value = [event for event in events if isinstance(event, Result)][-1].value
    assert isinstance(value, Translation)
    return value


def test_a_text_is_translated_in_order_and_keeps_its_lines(models: ModelPool) -> None:
    text = "The weather is very good today.\n\n* 42 *\nMy brother lives in Paris."
    memory: dict[tuple[Any, ...], Any] = {}
    events = list(translate(models, text, "auto", "fr", memory=memory))
    found = [event for event in events if isinstance(event, Translated)]
    assert [item.index for item in found] == [0, 1, 2]
    assert all(text[item.start : item.end] == item.source for item in found)
    whole = result(iter(events))
    assert whole.source == "en"
    assert whole.text == "".join(item.before + item.text for item in found) + whole.after
    first, second = whole.text.split("\n\n* 42 *\n")
    assert "aujourd'hui" in first.lower()
    assert "Paris" in second
    assert "frère" in second
    assert 0 < found[0].confidence < 1
    assert found[1].confidence == 1.0
    assert whole.flags == ()
    assert len(memory) == 2
    again = list(translate(models, text.replace("* 42 *", "…"), "en", "fr", memory=memory))
    assert result(iter(again)).sentences[0] == found[0]
    assert len(memory) == 2


def test_several_texts_share_passes_and_come_in_order(models: ModelPool) -> None:
    texts = ["Good morning.", "", "Where is the station?"]
    made = [e for e in translate_many(models, texts, "en", "de") if isinstance(e, Translation)]
    assert [item.part for item in made] == [0, 1, 2]
    assert made[1].text == ""
    assert "Morgen" in made[0].text
    assert "Wo ist" in made[2].text


def test_a_term_is_used(models: ModelPool) -> None:
    sentence = "The committee bought a new computer."
    glossary = Glossary([Term("computer", "calculateur")])
    plain = result(translate(models, sentence, "en", "fr"))
    ruled = result(translate(models, sentence, "en", "fr", glossary=glossary))
    assert "calculateur" not in plain.text
    assert "calculateur" in ruled.text or ruled.flags == ("glossary",)
    assert "glossary" not in ruled.flags


def test_placeholders_survive(models: ModelPool) -> None:
    made = result(translate(models, "Hello {name}, visit https://example.org/a today.", "en", "es"))
    assert "{name}" in made.text
    assert "https://example.org/a" in made.text


def test_alternatives_are_different_and_checked(models: ModelPool) -> None:
    sentence = "The children played in the garden until it was dark."
    events = list(alternatives(models, sentence, "en", "fr", n=3))
    options = events[-1].value  # type: ignore[union-attr]
    texts = [option.text for option in options]
    assert 2 <= len(texts) <= 3
    assert len(set(texts)) == len(texts)
    assert options[0].flags == ()
    assert "jardin" in texts[0]


def test_alternatives_of_a_language_model_begin_as_they_are_told(models: ModelPool) -> None:
    sentence = "The children played in the garden until it was dark."
    events = list(alternatives(models, sentence, "en", "fr", n=3, prefix="Les gamins "))
    options = events[-1].value  # type: ignore[union-attr]
    assert options
    assert all(re.match(r"Les gamins \w+ \w+", option.text) for option in options)


def test_an_unknown_language_is_named(models: ModelPool) -> None:
    events = list(translate(models, "Good morning.", "en", "ko", known=("en", "fr")))
    notices = [event for event in events if isinstance(event, Notice)]
    assert [(n.key, n.values) for n in notices] == [("notice.language-unknown", {"language": "Korean"})]
    with pytest.raises(KnownError, match="language-not-offered") as error:
        list(translate(models, "Good morning.", "en", "tlh", known=("fr-FR", "en", "sw")))
    assert error.value.values["languages"] == "en, fr"


def test_it_is_named_before_anything_is_translated(models: ModelPool) -> None:
    text = "Het is vandaag erg mooi weer en wij gaan samen naar het strand."
    for source in ("auto", "nl"):
        first = next(
            event for event in translate(models, text, source, "fr") if not isinstance(event, Progress)
        )
        assert first == Notice("notice.language-unknown", {"language": "Dutch"})


def test_a_few_words_are_rather_in_a_known_language() -> None:
    text = "Sensation!"
    ranked = [code for code, _ in detect(text)]
    other = next(code for code in ranked[1:] if code in LANGUAGES)
    assert _language(text, "zh", ()) == ranked[0]
    assert _language(text, "zh", (other,)) == other
    assert _language("Het is vandaag erg mooi weer.", "zh", ("fr", "de")) == "nl"


def test_a_language_without_examples_is_flagged(models: ModelPool) -> None:
    made = result(translate(models, "Det är en mycket bra dag för att läsa en bok.", "auto", "en"))
    assert made.source == "sv"
    assert "language" in made.flags


def test_a_text_in_the_target_language_is_left_alone(models: ModelPool) -> None:
    made = result(translate(models, "Bonjour à tous les amis.", "auto", "fr"))
    assert made.text == "Bonjour à tous les amis."
    assert made.flags == ("copied",)


def test_cancelling_ends_it(models: ModelPool) -> None:
    with pytest.raises(Cancelled):
        list(translate(models, "The sea is blue. " * 3, "en", "fr", cancelled=lambda: True))


def test_languages_are_what_the_model_says(models: ModelPool) -> None:
    assert set(languages(translator_for(_engine(models)))) >= {"en", "fr"}


def _engine(models: ModelPool) -> Any:
    getting = models.get("translate")
    while True:
        try:
            next(getting)
        except StopIteration as done:
            return done.value


def test_a_chat_model_is_asked_through_its_template(starter_gguf: Path) -> None:
    models = ModelPool(lambda role: starter_gguf, device="cpu", context_length=2048)
    try:
        made = result(translate(models, "Hello, how are you?", "en", "fr"))
    finally:
        models.unload()
    assert made.text.strip()
    assert "<|im" not in made.text
