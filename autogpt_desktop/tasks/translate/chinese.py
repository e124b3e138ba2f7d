"""Traditional Chinese where models know the simplified script alone: a text is converted before it is
translated, or behind. Which word became which, and the glossary's terms, are carried along."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

from autogpt_desktop.documents.text.chinese import (
    SIMPLIFIED,
    TRADITIONAL,
    both_scripts,
    in_script,
    offsets,
    script_of,
    simplified,
    traditional,
    without_script,
)
from autogpt_desktop.documents.text.glossary import Glossary, Term
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.translate.prompts import SourceSentence
from autogpt_desktop.tasks.translate.translator import Answer, Cancelled, Link, Translator

_CHINESE = (SIMPLIFIED, TRADITIONAL)


@dataclass(frozen=True, slots=True)
class TraditionalTranslator:
    """A translator of simplified Chinese for texts in traditional characters, or into them."""

    inner: Translator

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def languages(self) -> tuple[str, ...]:
        return both_scripts(tuple(self.inner.languages))

    @property
    def immediate(self) -> bool:
        return self.inner.immediate

    def translates(self, source: str, target: str) -> bool:
        return self.inner.translates(without_script(source), without_script(target))

    def answers(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        quality: str,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, list[Answer]]:
        plain = [_plain(one) for one in sources]
        terms = Glossary(map(_plain_term, glossary), without_script(glossary.source), without_script(target))
        made = yield from self.inner.answers(plain, without_script(target), terms, quality, cancelled)
        return [_converted(one, answer, target, glossary) for one, answer in zip(sources, made, strict=True)]

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Cancelled,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        plain = [_plain(one) for one in sources]
        begin = in_script(prefix, SIMPLIFIED) if target == TRADITIONAL else prefix
        others = in_script(words, SIMPLIFIED) if target == TRADITIONAL else words
        ranked = yield from self.inner.several(plain, without_script(target), count, cancelled, begin, others)
        found = []
        for one, some in zip(sources, ranked, strict=True):
            answers = [_converted(one, answer, target, Glossary()) for answer in some]
            if target == TRADITIONAL and len(begin) == len(prefix):  # what the user wrote stays as it is
                answers = [
                    replace(answer, text=prefix + answer.text[len(prefix) :])
                    if before.text.startswith(begin)
                    else answer
                    for before, answer in zip(some, answers, strict=True)
                ]
            found.append(answers)
        return found


@dataclass(frozen=True, slots=True)
class ScriptTranslator:
    """From one script of Chinese into the other, by tables alone."""

    name: str = "opencc"
    languages: tuple[str, ...] = _CHINESE
    immediate: bool = True

    def translates(self, source: str, target: str) -> bool:
        return source in _CHINESE and target in _CHINESE

    def answers(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        quality: str,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, list[Answer]]:
        yield Progress("stage.translating", 0, len(sources))
        return [Answer(_with_terms(in_script(one.text, target), one, glossary), 1.0, ()) for one in sources]

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Cancelled,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        made = yield from self.answers(sources, target, Glossary(), "quick", cancelled)
        return [[one] for one in made]


def converts(source: str, target: str) -> bool:
    """Is a pair one that a model of simplified Chinese does with a conversion?"""
    return TRADITIONAL in (source, target)


def converting(
    choose: Generator[Progress | Notice, None, Translator], source: str, target: str
) -> Generator[Progress | Notice, None, Translator]:
    """The translator for a pair that ``converts``; ``choose`` hands out the one for the simplified script,
    and is not asked where both languages are Chinese."""
    if without_script(source) == without_script(target):
        choose.close()
        return ScriptTranslator()
    return TraditionalTranslator((yield from choose))


def in_scripts(glossary: Glossary, source: str, target: str) -> Glossary:
    """The terms for a pair of languages, in their scripts, whichever they are written in."""
    if source not in _CHINESE and target not in _CHINESE:
        return glossary.between(source, target)
    terms: list[Term] = []
    for term in glossary:
        own = replace(term, target=_term(term.target, target))
        if (other := _term(term.source, source)) != term.source:
            terms.append(replace(own, source=other))
        terms.append(own)
    return Glossary(terms, source, target)


def _term(text: str, code: str) -> str:
    """A term in the script of a language; one that is in it stays as the user writes it."""
    return in_script(text, code) if code in _CHINESE and script_of(text, code) != code else text


def _plain(one: SourceSentence) -> SourceSentence:
    """A sentence as the inner translator is asked for it."""
    terms = tuple((simplified(term), simplified(other)) for term, other in one.terms)
    text = simplified(one.text) if one.source == TRADITIONAL else one.text
    return SourceSentence(text, without_script(one.source), terms)


def _plain_term(term: Term) -> Term:
    return replace(term, source=simplified(term.source), target=simplified(term.target))


def _converted(one: SourceSentence, answer: Answer, target: str, glossary: Glossary) -> Answer:
    """The inner translator's answer, for the sentence as it was asked."""
    text = traditional(answer.text) if target == TRADITIONAL else answer.text
    text = _with_terms(text, one, glossary) if target == TRADITIONAL else text
    links = answer.links
    if links:
        plain = simplified(one.text) if one.source == TRADITIONAL else one.text
        of, to = offsets(plain, one.text), offsets(answer.text, text)
        links = tuple(Link(of(a), of(b), to(c), to(d)) for a, b, c, d in links)
    return replace(answer, text=text, links=links)


def _with_terms(text: str, one: SourceSentence, glossary: Glossary) -> str:
    """Terms of the glossary as the user writes them, where the conversion writes them otherwise."""
    for term in glossary.found(one.text):
        if term.target not in text:
            text = text.replace(traditional(simplified(term.target)), term.target)
    return text
