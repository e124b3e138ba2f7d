"""Translators by the names of their models: one for a pair of languages, two by way of English, or a language
model, whose translations a pack reads where there is one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from autogpt_desktop.documents.text.chinese import without_script
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.one_line import one_line
from autogpt_desktop.tasks.translate.checks import flags
from autogpt_desktop.tasks.translate.chinese import converting, converts
from autogpt_desktop.tasks.translate.doubt import Scorer, flags_by
from autogpt_desktop.tasks.translate.language_model import LanguageModelTranslator
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translator import (
    Answer,
    Cancelled,
    Choose,
    Link,
    Translator,
)
from autogpt_desktop.tasks.translate.translators import by_role, translator_for

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.model_pool import Models

PIVOT = "en"
# (source, target) → the names of the models, in order; none: the role's model
NamesOf = Callable[[str, str], Sequence[str]]
JudgeOf = Callable[[str, str], str]  # (source, target) → the name of the pack that reads translations, or ""
Load = Callable[["Models", str], Generator[Progress | Notice, None, Translator]]


@dataclass(frozen=True, slots=True)
class PivotTranslator:
    """Two translators, one behind the other: into English, and on from there, sentence by sentence."""

    first: Translator
    second: Translator

    @property
    def name(self) -> str:
        return f"{self.first.name} + {self.second.name}"

    @property
    def languages(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((*self.first.languages, *self.second.languages)))

    @property
    def immediate(self) -> bool:
        return self.first.immediate and self.second.immediate

    def translates(self, source: str, target: str) -> bool:
        return self.first.translates(source, PIVOT) and self.second.translates(PIVOT, target)

    def answers(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        quality: str,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, list[Answer]]:
        """What both are sure of, multiplied. Terms of the glossary are looked for in the end: in English
        there are none."""
        plain = [replace(one, terms=()) for one in sources]
        english = yield from self.first.answers(plain, PIVOT, Glossary(), quality, cancelled)
        said = [at for at, one in enumerate(english) if one.text.strip()]
        between = [SourceSentence(one_line(english[at].text), PIVOT) for at in said]
        ends = yield from self.second.answers(between, target, Glossary(), quality, cancelled)
        found = dict(zip(said, ends, strict=True))
        return [
            _joined(source, one, found[at], target, glossary)
            if at in found
            else replace(one, text="", confidence=0.0, links=())
            for at, (source, one) in enumerate(zip(sources, english, strict=True))
        ]

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Cancelled,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        """Of the best English ones."""
        plain = [replace(one, terms=()) for one in sources]
        english = yield from self.first.answers(plain, PIVOT, Glossary(), "best", cancelled)
        between = [SourceSentence(one_line(one.text), PIVOT) for one in english]
        ranked = yield from self.second.several(between, target, count, cancelled, prefix, words)
        return [
            [_joined(source, one, end, target, Glossary()) for end in ends]
            for source, one, ends in zip(sources, english, ranked, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class JudgedTranslator:
    """A translator whose work a pack reads, or the language model itself: see ``doubt``. That takes it half
    as long as to translate, so that only what is translated with care is read."""

    translator: Translator
    judge: Scorer | Engine

    @property
    def name(self) -> str:
        return self.translator.name

    @property
    def languages(self) -> tuple[str, ...]:
        return self.translator.languages

    @property
    def immediate(self) -> bool:
        return self.translator.immediate

    @property
    def _reads_itself(self) -> bool:
        return isinstance(self.translator, LanguageModelTranslator) and self.translator.engine is self.judge

    def translates(self, source: str, target: str) -> bool:
        return self.translator.translates(source, target)

    def answers(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        quality: str,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, list[Answer]]:
        made = yield from self.translator.answers(sources, target, glossary, quality, cancelled)
        if quality != "best" and self._reads_itself:
            return made
        return (yield from self._read(sources, made, target, cancelled))

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Cancelled,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        ranked = yield from self.translator.several(sources, target, count, cancelled, prefix, words)
        if self._reads_itself:
            return ranked
        found = []
        for source, some in zip(sources, ranked, strict=True):
            found.append((yield from self._read([source] * len(some), some, target, cancelled)))
        return found

    def _read(
        self, sources: Sequence[SourceSentence], made: Sequence[Answer], target: str, cancelled: Cancelled
    ) -> Generator[Progress, None, list[Answer]]:
        if not sources:
            return []
        pairs = [(source.text, one.text) for source, one in zip(sources, made, strict=True)]
        said = [one.flags for one in made]
        read = yield from flags_by(self.judge, said, pairs, sources[0].source, target, cancelled)
        return [replace(one, flags=flags) for one, flags in zip(made, read, strict=True)]


def by_names(names_of: NamesOf, load: Load | None = None, judge_of: JudgeOf | None = None) -> Choose:
    """A ``translator.Choose`` that asks ``names_of`` which models translate a pair, and ``judge_of`` which
    pack reads what a language model translated. ``load``: how a name becomes a translator, for tests."""

    def choose(models: Models, source: str, target: str) -> Generator[Progress | Notice, None, Translator]:
        names = names_of(source, target)
        if not names and converts(source, target):
            plain = choose(models, without_script(source), without_script(target))
            return (yield from converting(plain, source, target))
        if not names:
            return (yield from _judged(models, source, target, judge_of))
        loading = load or _load
        first = yield from loading(models, names[0])
        if len(names) == 1:
            return first
        second = yield from loading(models, names[1])
        return PivotTranslator(first, second)

    return choose


def _judged(
    models: Models, source: str, target: str, judge_of: JudgeOf | None
) -> Generator[Progress | Notice, None, Translator]:
    """The role's model; its work is read by a pack where there is one."""
    name = judge_of(source, target) if judge_of is not None else ""
    judge: Any = (yield from models.get(name)) if name else None
    translator = yield from by_role(models, source, target)
    if judge is None and isinstance(translator, LanguageModelTranslator):
        judge = translator.engine
    return JudgedTranslator(translator, judge) if judge is not None else translator


def _load(models: Models, name: str) -> Generator[Progress | Notice, None, Translator]:
    engine: Any = yield from models.get(name)
    return translator_for(engine)


def _joined(source: SourceSentence, one: Answer, end: Answer, target: str, glossary: Glossary) -> Answer:
    """What became of a sentence by way of English."""
    whole = flags(source.text, end.text, source.source, target, glossary)
    links = through(one.links, end.links) if one.text == one_line(one.text) else ()
    found = tuple(dict.fromkeys((*whole, *one.flags, *end.flags)))
    return Answer(end.text, one.confidence * end.confidence, found, links)


def through(first: Sequence[Link], second: Sequence[Link]) -> tuple[Link, ...]:
    """Links from a text to the translation of its translation: words that share a word between them."""
    found = []
    for link in second:
        for before in first:
            if before.start < link.source_end and link.source_start < before.end:
                found.append(Link(before.source_start, before.source_end, link.start, link.end))
    return tuple(dict.fromkeys(found))
