"""What is handed to a translator and what becomes of its answers, with one that turns words around."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.tasks.translate.files import _packed, _unpacked
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translate import Translated, Translation, alternatives, translate_many
from autogpt_desktop.tasks.translate.translator import Answer, Link


@dataclass
class Turner:
    """Says every word backwards; knows which became which."""

    name: str = "turner"
    languages: tuple[str, ...] = ("en", "nl", "fr")
    immediate: bool = True
    asked: list[tuple[str, str]] = field(default_factory=list)

    def translates(self, source: str, target: str) -> bool:
        return {source, target} <= set(self.languages)

    def answers(
        self, sources: Sequence[SourceSentence], target: str, glossary: Glossary, quality: str, cancelled: Any
    ) -> Generator[Progress, None, list[Answer]]:
        yield Progress("stage.translating", 0, len(sources))
        self.asked += [(one.source, one.text) for one in sources]
        return [turned(one.text) for one in sources]

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
        return [[Answer(f"{prefix}{n}", 0.5, ()) for n in range(count)] for _ in sources]


def turned(text: str) -> Answer:
    words, links, at = text.split(" "), [], 0
    for word in words:
        links.append(Link(at, at + len(word), at, at + len(word)))
        at += len(word) + 1
    return Answer(" ".join(word[::-1] for word in words), 0.9, (), tuple(links))


def chooser(turner: Turner, wanted: list[tuple[str, str]]) -> Any:
    def choose(models: Any, source: str, target: str) -> Iterator[Any]:
        wanted.append((source, target))
        yield Progress("stage.loading", 0, 1)
        return turner

    return choose


def translated(text: str, source: str, target: str, **more: Any) -> tuple[Translation, list[Translated]]:
    events = list(
        translate_many(None, [text], source, target, choose=chooser(Turner(), []), **more)  # type: ignore[arg-type]
    )
    (whole,) = [event for event in events if isinstance(event, Translation)]
    return whole, [event for event in events if isinstance(event, Translated)]


def test_links_lead_from_words_of_the_text_to_words_of_the_translation() -> None:
    text = "- Good  old\n  friends of mine.\nAnd (so on)."
    whole, sentences = translated(text, "en", "fr")
    assert whole.text
    for sentence in sentences:
        assert text[sentence.start : sentence.end] == sentence.source
        for link in sentence.links:
            said = sentence.source[link.source_start : link.source_end]
            assert sentence.text[link.start : link.end] == said[::-1], (sentence, link)
    words = [s.source[k.source_start : k.source_end] for s in sentences for k in s.links]
    assert " ".join(words) == "Good old friends of mine. And (so on)."


def test_a_translator_is_chosen_once_for_each_language_that_has_words() -> None:
    wanted: list[tuple[str, str]] = []
    texts = ["Hello.", "42", "Goodbye."]
    events = list(
        translate_many(None, texts, "en", "fr", choose=chooser(Turner(), wanted))  # type: ignore[arg-type]
    )
    assert [event.text for event in events if isinstance(event, Translation)] == [".olleH", "42", ".eybdooG"]
    assert wanted == [("en", "fr")]


def test_a_translator_may_know_languages_without_examples() -> None:
    assert translated("Hello.", "en", "nl", known=("en", "nl"))[0].text == ".olleH"
    with pytest.raises(KnownError, match="language-not-offered") as error:
        translated("Hello.", "en", "de", known=("en", "nl"))
    assert error.value.values == {"language": "German", "languages": "en, fr, nl"}


def test_alternatives_begin_as_they_are_told() -> None:
    events = list(
        alternatives(
            None,
            "* Hello.",
            "en",
            "fr",
            prefix="* Salut ",
            choose=chooser(Turner(), []),  # type: ignore[arg-type]
        )
    )
    (found,) = [event.value for event in events if isinstance(event, Result)]
    assert [one.text for one in found] == ["* Salut 0", "* Salut 1", "* Salut 2"]


def test_links_of_an_unfinished_file_are_found_again() -> None:
    answer = turned("Hello there")
    assert _unpacked(*_packed(answer)) == answer
    assert _unpacked("a", 0.5, ["numbers"]) == Answer("a", 0.5, ("numbers",))  # as older versions kept it


@dataclass
class Lister(Turner):
    """Knows several ways to say anything."""

    said: tuple[str, ...] = ()

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
        return [[Answer(text, 0.5, (), (Link(0, 5, 0, 3),)) for text in self.said] for _ in sources]


@pytest.mark.parametrize(
    ("prefix", "instead_of", "said", "wanted"),
    [
        (
            "Il a ",
            "lu",
            ("Il a lu.", "Il a Lu!", "Il a lue.", "Il a lu-là.", "Il a vu.", "Il a vu, lui.", "Ils a dit."),
            ["Il a lue.", "Il a lu-là.", "Il a vu."],
        ),
        ("", "Il a", ("Il a lu.", "Il va.", "Il va là.", "Elle a lu."), ["Il va.", "Elle a lu."]),
        ("我", "爱", ("我爱你。", "我爱她。", "我喜欢你。", "我想你。"), ["我喜欢你。", "我想你。"]),
        ("Il a lu ", "tout", ("Il a lu", "Il a lu tout", "Il a lu cela"), ["Il a lu cela"]),
    ],
)
def test_other_words_stand_in_the_place_of_some(
    prefix: str, instead_of: str, said: tuple[str, ...], wanted: list[str]
) -> None:
    choose = chooser(Lister(said=said), [])
    events = alternatives(
        None, "Hello.", "en", "fr", n=9, prefix=prefix, instead_of=instead_of, choose=choose,  # type: ignore[arg-type]
    )  # fmt: skip
    (found,) = [event.value for event in events if isinstance(event, Result)]
    assert sorted(one.text for one in found) == sorted(wanted)


def test_other_ways_are_linked_to_the_sentence() -> None:
    choose = chooser(Lister(said=("Salut.",)), [])
    events = alternatives(None, "* Hello.", "en", "fr", choose=choose)  # type: ignore[arg-type]
    (found,) = [event.value for event in events if isinstance(event, Result)]
    assert found[0].text == "* Salut."
    assert found[0].links == (Link(2, 7, 2, 5),)


def test_a_whole_translation_is_linked_to_its_text() -> None:
    text = "Good friends.  They came."
    whole, _ = translated(text, "en", "fr")
    for a, b, c, d in whole.links:
        assert text[a:b][::-1] == whole.text[c:d]
    assert len(whole.links) == 4
