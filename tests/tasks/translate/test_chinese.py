"""Traditional Chinese by way of a model that knows the simplified script alone."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.tasks.translate.live import Doubt, Found, guess, live
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.routed import by_names
from autogpt_desktop.tasks.translate.translate import Translation, alternatives, translate_many
from autogpt_desktop.tasks.translate.translator import Answer, Link

WORDS = {
    "The hair turned white.": "头发变白了。",
    "It is inside.": "在里面。",
    "她的头发变白了。": "Her hair turned white.",
}


@dataclass
class Simplified:
    """Knows two sentences; links their hair."""

    name: str = "pack"
    languages: tuple[str, ...] = ("en", "zh")
    immediate: bool = True
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    terms: list[tuple[tuple[str, str], ...]] = field(default_factory=list)

    def translates(self, source: str, target: str) -> bool:
        return {source, target} == {"en", "zh"}

    def answers(
        self, sources: Sequence[SourceSentence], target: str, glossary: Glossary, quality: str, cancelled: Any
    ) -> Generator[Progress, None, list[Answer]]:
        yield Progress("stage.translating", 0, len(sources))
        self.asked += [(one.text, one.source, target) for one in sources]
        self.terms += [tuple((term.source, term.target) for term in glossary)]
        return [_say(one.text) for one in sources]

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
        self.asked.append((prefix + words, sources[0].source, target))
        return [[Answer(f"{prefix}发白。", 0.5, ()), Answer(f"{prefix}变白。", 0.5, ())] for _ in sources]


def _say(text: str) -> Answer:
    said = WORDS.get(text, text)
    hair = "头发" in text
    before, after = ("头发", "hair") if hair else ("hair", "头发")
    at, to = text.find(before), said.find(after)
    links = (Link(at, at + len(before), to, to + len(after)),) if min(at, to) >= 0 else ()
    return Answer(said, 0.9, (), links)


@pytest.fixture
def pack() -> Simplified:
    return Simplified()


def chooser(pack: Simplified) -> Any:
    def load(_models: Any, _name: str) -> Generator[Progress, None, Simplified]:
        yield Progress("stage.loading", 0, 1)
        return pack

    return by_names(lambda *pair: ("pack",) if set(pair) == {"en", "zh"} else (), load)


def translated(pack: Simplified, text: str, source: str, target: str, **more: Any) -> Translation:
    events = translate_many(None, [text], source, target, choose=chooser(pack), known=("en", "zh"), **more)  # type: ignore[arg-type]
    return next(event for event in events if isinstance(event, Translation))


def test_into_traditional_characters(pack: Simplified) -> None:
    made = translated(pack, "The hair turned white.", "en", "zh-Hant")
    assert (made.text, made.target, made.confidence) == ("頭髮變白了。", "zh-Hant", 0.9)
    assert made.links == (Link(4, 8, 0, 2),)
    assert pack.asked == [("The hair turned white.", "en", "zh")]


def test_from_traditional_characters(pack: Simplified) -> None:
    made = translated(pack, "她的頭髮變白了。", "auto", "en")
    assert (made.text, made.source) == ("Her hair turned white.", "zh-Hant")
    assert made.links == (Link(2, 4, 4, 8),)
    assert pack.asked == [("她的头发变白了。", "zh", "en")]
    assert translated(pack, "她的头发变白了。", "auto", "en").source == "zh"


def test_from_one_script_into_the_other_no_model_is_asked(pack: Simplified) -> None:
    assert translated(pack, "她的头发变白了。\n她说：“好。”", "zh", "zh-Hant").text == (
        "她的頭髮變白了。\n她說：「好。」"
    )
    assert translated(pack, "她的頭髮變白了。", "zh-Hant", "zh").text == "她的头发变白了。"
    assert pack.asked == []


@pytest.mark.parametrize("written", ["頭髮", "头发"])
def test_terms_in_either_script(pack: Simplified, written: str) -> None:
    terms = Glossary([Term("hair", written)])
    made = translated(pack, "The hair turned white.", "en", "zh-Hant", glossary=terms)
    assert (made.text, made.flags) == ("頭髮變白了。", ())
    assert pack.terms == [(("hair", "头发"),)]
    back = Glossary([Term(written, "hair")])
    assert translated(pack, "她的頭髮變白了。", "zh-Hant", "en", glossary=back).text.startswith("Her hair")
    assert pack.terms[-1] == (("头发", "hair"),)


def test_a_term_is_written_as_the_user_writes_it(pack: Simplified) -> None:
    terms = Glossary([Term("inside", "裏面")])  # as in Hong Kong
    assert translated(pack, "It is inside.", "en", "zh-Hant", glossary=terms).text == "在裏面。"
    assert translated(pack, "It is inside.", "en", "zh-Hant").text == "在裡面。"


def test_other_ways_to_say_it_begin_as_the_user_wrote(pack: Simplified) -> None:
    events = alternatives(
        None,  # type: ignore[arg-type]
        "The hair turned white.",
        "en",
        "zh-Hant",
        prefix="她的頭髮",
        instead_of="變灰",
        choose=chooser(pack),
    )
    found = next(event.value for event in events if isinstance(event, Result))
    assert [one.text for one in found] == ["她的頭髮發白。", "她的頭髮變白。"]
    assert pack.asked == [("她的头发变灰", "en", "zh")]  # in the script that the model knows


def test_while_one_types_the_script_is_found(pack: Simplified) -> None:
    assert guess("頭髮變白了", "en") == "zh-Hant"
    assert guess("大山", "zh-Hant") == "zh-Hant"
    assert guess("大山", "en") == "zh"
    events = list(
        live(None, "她的頭髮變白了。", "auto", "en", packs=("en", "zh", "zh-Hant"), choose=chooser(pack))  # type: ignore[arg-type]
    )
    assert events[0] == Found("zh-Hant", True)
    last = next(event.value for event in events if isinstance(event, Result))
    assert last.text == "Her hair turned white."


def test_a_text_in_the_other_script_is_told(pack: Simplified) -> None:
    text = "她的頭髮變白了，因為這個問題很難，沒有人知道為什麼。"
    events = live(None, text, "zh", "en", packs=("en", "zh", "zh-Hant"), choose=chooser(pack))  # type: ignore[arg-type]
    assert next(events) == Doubt("zh-Hant")
