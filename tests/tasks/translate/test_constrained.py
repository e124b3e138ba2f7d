"""Terms of the glossary are put into translations that would not have them, in every kind of language."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.documents.text.glossary import Glossary, Term, holds, replaced
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.events import Result
from autogpt_desktop.tasks.translate.candidates import choices
from autogpt_desktop.tasks.translate.constrained import _begins, _cut, _wrongly_bound, with_terms
from autogpt_desktop.tasks.translate.prompts import SourceSentence, prompts
from autogpt_desktop.tasks.translate.translate import Translation, translate


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    made = ModelPool(lambda role: gemma_gguf)
    yield made
    made.unload()


def translation(models: ModelPool, text: str, source: str, target: str, *terms: Term) -> Translation:
    *_, last = translate(models, text, source, target, glossary=Glossary(terms))
    assert isinstance(last, Result)
    value: Translation = last.value
    return value


@pytest.mark.parametrize(
    ("source", "target", "text", "term", "instead"),
    [
        ("en", "fr", "The workers built a new bridge across the river.", ("bridge", "viaduc"), " pont"),
        ("en", "de", "The children read a book about animals.", ("book", "Bilderbuch"), " Buch"),
        ("en", "zh", "The government promised to lower the taxes.", ("taxes", "赋税"), "税收"),
        ("en", "ru", "The company signed a contract with a bank.", ("company", "фирма"), "компания"),
        ("fr", "en", "La voiture s'est arrêtée devant l'hôpital.", ("voiture", "motorcar"), " car "),
    ],
)
def test_a_term_that_the_model_does_not_say_is_put_in_its_place(
    models: ModelPool, source: str, target: str, text: str, term: tuple[str, str], instead: str
) -> None:
    plain = translation(models, text, source, target).text
    assert not holds(plain, term[1])  # else it would show nothing
    made = translation(models, text, source, target, Term(*term))
    assert holds(made.text, term[1])
    assert made.flags == ()
    assert instead.casefold() not in made.text.casefold()
    assert made.text[-1] in ".。"
    assert made.text.casefold().count(term[1].casefold()) == 1


def test_two_terms_stand_in_one_sentence(models: ModelPool) -> None:
    terms = Term("settings", "Optionen"), Term("password", "Kennwort")
    made = translation(models, "You can change the password in the settings.", "en", "de", *terms)
    assert "Optionen" in made.text
    assert "Kennwort" in made.text
    assert "glossary" not in made.flags


def test_a_model_with_a_chat_template_says_them_too(starter_gguf: Path) -> None:
    models = ModelPool(lambda role: starter_gguf)
    text = "The bridge across the river is closed today."
    engine = run_to_end(models.get("translate"))
    glossary = Glossary([Term("bridge", "viaduc")])
    wish = SourceSentence(text, "en", (("bridge", "viaduc"),))
    asked = prompts(engine, [wish], "fr")
    assert asked.lead == ""
    assert asked.stop == ()
    given = run_to_end(
        choices(engine, [SourceSentence(text, "en")], "fr", Glossary(), "quick", lambda: False)
    )
    state = run_to_end(engine.prefix_state(asked.prefix, "translate", save=False))
    first = given[0].candidate
    assert not holds(first.text, "viaduc")

    def made(cancelled: bool) -> Any:
        steps = with_terms(engine, state, asked, 0, wish, first, "fr", glossary, lambda: cancelled)
        return run_to_end(steps)

    assert holds(made(False).text, "viaduc")
    with pytest.raises(Cancelled):
        made(True)
    models.unload()


def test_words_begin_at_spaces_and_in_chinese_anywhere(models: ModelPool) -> None:
    engine = run_to_end(models.get("translate"))

    def words(text: str) -> list[str]:
        ids = engine.tokenizer.encode(text, add_special=False)
        texts, places = _cut(engine.tokenizer, ids)
        ends = [*places[1:], len(ids)]
        return ["".join(texts[a:b]).strip() for a, b in zip(places, ends, strict=True)]

    assert words(" Ils stockent l'unboxing.")[:2] == ["Ils", "stockent"]
    assert len(words(" 政府承诺降低税收。")) >= 4
    assert not _begins("Ende.", " Neu")
    assert not _begins("Haus", "tür")
    assert _begins("l'", "eau")


@pytest.mark.parametrize(
    ("text", "term", "language", "wrong"),
    [
        ("Le usager paie.", "usager", "fr", True),
        ("L'usager paie.", "usager", "fr", False),
        ("l'client paie", "client", "fr", True),
        ("le client paie", "client", "fr", False),
        ("nella acqua", "acqua", "it", True),
        ("the hour", "hour", "en", False),
    ],
)
def test_articles_that_would_be_elided(text: str, term: str, language: str, wrong: bool) -> None:
    assert _wrongly_bound(text, term, language) is wrong


@pytest.mark.slow
def test_an_ending_or_an_article_leaves_a_term_what_it_is() -> None:
    assert holds("die Vereinbarungen", "Vereinbarung")
    assert holds("условия договора", "договор")
    assert holds("وقعوا الاتفاق أمس", "اتفاق")
    assert holds("les usagers", "usager")
    assert not holds("Bankett", "Bank")
    assert not holds("cars", "car")
    assert not holds("portable", "port")


def test_only_whole_words_are_replaced() -> None:
    assert replaced("O ônibus e o bus", "bus", "autocarro") == "O ônibus e o autocarro"


def test_quick_chinese_is_shown_fewer_examples(models: ModelPool) -> None:
    engine = run_to_end(models.get("translate"))

    def read(quality: str) -> int:
        """Tokens of the examples that are read first."""
        engine.prompt_cache.forget("translate")
        wish = SourceSentence("The weather is very good today.", "en")
        run_to_end(choices(engine, [wish], "zh", Glossary(), quality, lambda: False))
        return len(next(iter(engine.prompt_cache._kept))[1])

    assert 0 < read("quick") < read("best")
