"""Translators by name, and two of them by way of English."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.engine.generation.seq2seq import TextHypothesis
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.tasks.translate import routed
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.routed import JudgedTranslator, PivotTranslator, by_names, through
from autogpt_desktop.tasks.translate.translate import Translation, alternatives, translate_many
from autogpt_desktop.tasks.translate.translator import Answer, Link


@dataclass
class Dictionary:
    """Says word for word what its words say."""

    pair: tuple[str, str]
    words: dict[str, str]
    confidence: float = 0.8
    immediate: bool = True
    asked: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return "-".join(self.pair)

    @property
    def languages(self) -> tuple[str, ...]:
        return self.pair

    def translates(self, source: str, target: str) -> bool:
        return (source, target) == self.pair

    def answers(
        self, sources: Sequence[SourceSentence], target: str, glossary: Glossary, quality: str, cancelled: Any
    ) -> Generator[Progress, None, list[Answer]]:
        yield Progress("stage.translating", 0, len(sources))
        assert (target, not glossary.terms) == (self.pair[1], True)
        self.asked += [one.text for one in sources]
        return [self._say(one.text) for one in sources]

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Any,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        yield Progress("stage.translating", 0, len(sources))
        return [[replace(self._say(one.text), text=f"{prefix} {n}") for n in range(count)] for one in sources]

    def _say(self, text: str) -> Answer:
        said, links, at = "", [], 0
        for word in text.split(" "):
            other = self.words.get(word, word)
            start = len(said) + bool(said)
            said = f"{said} {other}".strip()
            if other:
                links.append(Link(at, at + len(word), start, start + len(other)))
            at += len(word) + 1
        return Answer(said, self.confidence if said else 0.0, () if said else ("empty",), tuple(links))


GERMAN = Dictionary(
    ("de", "en"), {"Guten": "Good", "Morgen": "morning", "Freunde": "friends", "Nichts": ""}, 0.9
)
FRENCH = Dictionary(("en", "fr"), {"Good": "Bon", "morning": "matin", "friends": "amis"}, 0.5)


def load(_models: Any, name: str) -> Generator[Progress, None, Dictionary]:
    yield Progress("stage.loading", 0, 1)
    return {"de-en": GERMAN, "en-fr": FRENCH}[name]


def translated(text: str, names: tuple[str, ...], **more: Any) -> Translation:
    choose = by_names(lambda _source, _target: names, load)  # type: ignore[arg-type]
    events = translate_many(None, [text], "de", "fr", known=("de", "en", "fr"), choose=choose, **more)  # type: ignore[arg-type]
    (whole,) = [event for event in events if isinstance(event, Translation)]
    return whole


def test_two_packs_translate_by_way_of_english_sentence_by_sentence() -> None:
    GERMAN.asked.clear()
    FRENCH.asked.clear()
    whole = translated("Guten Morgen Freunde. Guten Morgen.", ("de-en", "en-fr"))
    assert whole.text == "Bon matin Freunde. Bon Morgen."  # with the stop it is no word of theirs
    assert GERMAN.asked == ["Guten Morgen Freunde.", "Guten Morgen."]
    assert FRENCH.asked == ["Good morning Freunde.", "Good Morgen."]
    assert [sentence.confidence for sentence in whole.sentences] == [pytest.approx(0.45)] * 2


def test_links_go_through_the_english_words() -> None:
    (sentence,) = translated("Guten Morgen Freunde", ("de-en", "en-fr")).sentences
    links = [(sentence.source[a:b], sentence.text[c:d]) for a, b, c, d in sentence.links]
    assert links == [("Guten", "Bon"), ("Morgen", "matin"), ("Freunde", "amis")]
    assert through([Link(0, 3, 0, 3)], [Link(5, 8, 0, 2)]) == ()
    two = [Link(0, 2, 0, 8), Link(3, 5, 0, 8)]
    assert through(two, [Link(0, 8, 1, 4)]) == (Link(0, 2, 1, 4), Link(3, 5, 1, 4))


def test_a_sentence_that_is_lost_on_the_way_is_told() -> None:
    (sentence,) = translated("Nichts", ("de-en", "en-fr")).sentences
    assert (sentence.text, sentence.confidence) == ("", 0.0)
    assert "empty" in sentence.flags


def test_terms_are_looked_for_in_the_end() -> None:
    glossary = Glossary((Term("Morgen", "matinée"),))
    (sentence,) = translated("Guten Morgen Freunde", ("de-en", "en-fr"), glossary=glossary).sentences
    assert "glossary" in sentence.flags


def test_other_ways_to_say_it_begin_as_told() -> None:
    choose = by_names(lambda _source, _target: ("de-en", "en-fr"), load)  # type: ignore[arg-type]
    events = list(alternatives(None, "Guten Morgen", "de", "fr", prefix="Bonjour", choose=choose))  # type: ignore[arg-type]
    found = events[-1].value  # type: ignore[union-attr]
    assert [one.text for one in found] == ["Bonjour 0", "Bonjour 1", "Bonjour 2"]
    assert found[0].confidence == pytest.approx(0.45)


def test_a_pair_by_way_of_english_is_what_both_can_do() -> None:
    pivot = PivotTranslator(GERMAN, FRENCH)
    assert pivot.translates("de", "fr")
    assert not pivot.translates("fr", "de")
    assert (pivot.name, pivot.languages, pivot.immediate) == ("de-en + en-fr", ("de", "en", "fr"), True)
    assert not PivotTranslator(GERMAN, Dictionary(("en", "fr"), {}, immediate=False)).immediate


def test_without_names_the_role_s_model_is_asked() -> None:
    class Models:
        asked: list[str] = []  # noqa: RUF012

        def get(self, role: str) -> Generator[Progress, None, Any]:
            self.asked.append(role)
            yield Progress("stage.loading")
            raise LookupError

    models = Models()
    with pytest.raises(LookupError):
        list(by_names(lambda _source, _target: ())(models, "de", "fr"))  # type: ignore[arg-type]
    with pytest.raises(LookupError):
        list(by_names(lambda _source, _target: ("firefox-de-en",))(models, "de", "en"))  # type: ignore[arg-type]
    assert models.asked == ["translate", "firefox-de-en"]


class Reader:
    """A pack that finds a translation unlikely unless it is what its words say."""

    def __init__(self, said: dict[str, str]) -> None:
        self.said = said

    def translates(self, source: str, target: str) -> bool:
        return (source, target) == ("en", "pt")

    def score(
        self, pairs: Sequence[tuple[str, str]], source: str, target: str, *, cancelled: Any = None
    ) -> list[TextHypothesis | None]:
        return [
            TextHypothesis(
                other, (-0.1 if self.said.get(text) == other else -9.0,), 0.0, True, ((0, 99, 0, 99),)
            )
            for text, other in pairs
        ]


def test_a_pack_reads_what_another_translated() -> None:
    words = {"one": "um", "two": "dois"}
    translator = JudgedTranslator(Dictionary(("en", "pt"), words), Reader({"one": "um", "two": "tres"}))

    def choose(models: Any, source: str, target: str) -> Any:
        yield Progress("stage.loading")
        return translator

    events = list(translate_many(None, ["one", "two"], "en", "pt", choose=choose))  # type: ignore[arg-type]
    good, bad = [event for event in events if isinstance(event, Translation)]
    assert (good.flags, bad.flags) == ((), ("unlike",))
    (result,) = [
        event for event in alternatives(None, "two", "en", "pt", choose=choose) if isinstance(event, Result)
    ]  # type: ignore[arg-type]
    assert all("unlike" in one.flags for one in result.value)


def test_the_pack_is_asked_only_where_a_language_model_translates(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Models:
        def get(self, name: str) -> Generator[Progress, None, Any]:
            yield Progress("stage.loading")
            return name

    def by_role(models: Any, source: str, target: str) -> Generator[Progress, None, Any]:
        yield Progress("stage.loading")
        return "a language model"

    def judge_of(source: str, target: str) -> str:
        asked.append((source, target))
        return "pt-en" if "pt" in (source, target) else ""

    monkeypatch.setattr(routed, "by_role", by_role)
    choose = by_names(
        lambda source, target: ("x",) if target == "de" else (),
        lambda models, name: Models().get(name),
        judge_of,
    )
    assert run_to_end(choose(Models(), "en", "de")) == "x"  # type: ignore[arg-type]
    assert asked == []
    assert run_to_end(choose(Models(), "en", "pt")) == JudgedTranslator("a language model", "pt-en")  # type: ignore[arg-type, comparison-overlap]
    assert run_to_end(choose(Models(), "en", "fr")) == "a language model"  # type: ignore[arg-type, comparison-overlap]
