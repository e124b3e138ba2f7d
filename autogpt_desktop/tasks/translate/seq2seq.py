"""An encoder–decoder as a translator: its likeliest translations, judged as those of all others are."""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.translate.checks import cost, omitted
from autogpt_desktop.tasks.translate.confidence import SEQ2SEQ, confidence, signals
from autogpt_desktop.tasks.translate.placed_terms import MOST_LOST, Placed, with_term
from autogpt_desktop.tasks.translate.prompts import SourceSentence, judged
from autogpt_desktop.tasks.translate.rerank import Candidate
from autogpt_desktop.tasks.translate.stand_ins import StandIns
from autogpt_desktop.tasks.translate.translator import Answer, Cancelled, Link, kept_links

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.seq2seq import Sentence, Seq2SeqEngine, TextHypothesis

_BEAM = 4  # of the quality "best", and of the second try; what most models were measured with
_SEVERAL_BEAM = 16  # at most, of other ways to say a sentence
_WORDS = 7  # at a place of a translation, that of the translation among them
_PLACES = 3  # of a phrase, from which it may go on otherwise
_WORSE = 1.0  # less, of the mean log-probability of what follows a word: it does not fit there


@dataclass(frozen=True, slots=True)
class Seq2SeqTranslator:
    """A ``translator.Translator`` for the pairs of languages that the model was made for."""

    engine: Seq2SeqEngine

    @property
    def name(self) -> str:
        return self.engine.name

    @property
    def languages(self) -> tuple[str, ...]:
        return self.engine.config.languages

    @property
    def immediate(self) -> bool:
        return self.engine.immediate

    def translates(self, source: str, target: str) -> bool:
        return self.engine.translates(source, target)

    def answers(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        quality: str,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, list[Answer]]:
        yield Progress("stage.translating", 0, len(sources))
        if not sources:
            return []
        beam = _BEAM if quality == "best" else 1
        made = self._translate(
            [_sentence(one) for one in sources], sources[0].source, target, beam, 1, cancelled
        )
        chosen = [_best(one, options, target, glossary) for one, options in zip(sources, made, strict=True)]
        wrong = [at for at, one in enumerate(chosen) if {*one.candidate.flags} - {"glossary"}]
        yield from self._again(chosen, wrong, sources, target, glossary, cancelled)
        yield from self._place_terms(chosen, sources, target, glossary, cancelled)
        return [_answer(one, choice, target) for one, choice in zip(sources, chosen, strict=True)]

    def _again(
        self,
        chosen: list[_Choice],
        which: Sequence[int],
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, None]:
        """Try those that something is wrong with once more, with more hypotheses; what is better is
        chosen."""
        if not which:
            return
        yield Progress("stage.translating", len(sources) - len(which), len(sources))
        sentences = [_sentence(sources[at]) for at in which]
        made = self._translate(sentences, sources[0].source, target, _BEAM, _BEAM, cancelled, trial=1)
        for at, options in zip(which, made, strict=True):
            better = _best(sources[at], options, target, glossary)
            if better.candidate.cost < chosen[at].candidate.cost:
                chosen[at] = better

    def _place_terms(
        self,
        chosen: list[_Choice],
        sources: Sequence[SourceSentence],
        target: str,
        glossary: Glossary,
        cancelled: Cancelled,
    ) -> Generator[Progress, None, None]:
        """Terms of the glossary that the model did not say are put into its mouth, one after the other."""
        most = max((len(one.terms) for one in sources), default=0)
        waiting = {at: one.candidate.logprob for at, one in enumerate(chosen) if sources[at].terms}
        codes = {at: self._codes(sources[at].text, sources[at].source, target) for at in waiting}
        for _ in range(most):
            missing = {
                at: terms[0]
                for at in waiting
                if (terms := glossary.missing(codes[at].text, chosen[at].candidate.text))
            }
            if not missing:
                return
            yield Progress("stage.translating", len(sources) - len(missing), len(sources))
            given = [
                (Placed(codes[at].text, *codes[at].hidden(chosen[at].candidate.text, chosen[at].links)), term)
                for at, term in missing.items()
            ]
            made = with_term(self.engine, given, sources[0].source, target, cancelled)
            for at, options in zip(missing, made, strict=True):
                count = len(glossary.missing(codes[at].text, chosen[at].candidate.text))
                choices = [
                    (_choice(sources[at], _restored(one.made, codes[at]), target, glossary), one)
                    for one in options
                ]
                better = [
                    (choice, one)
                    for choice, one in choices
                    if len(glossary.missing(codes[at].text, choice.candidate.text)) < count
                ]
                if not better:
                    del waiting[at]  # its flag says so
                    chosen[at] = _with_copied_terms(sources[at], chosen[at], target, glossary)
                    continue
                best, fitted = min(
                    better, key=lambda pair: pair[0].candidate.cost + pair[1].odd - pair[1].fit
                )
                if fitted.odd or fitted.rest < waiting[at] - MOST_LOST:
                    best = best.flagged("term")
                chosen[at] = best

    def several(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Cancelled,
        prefix: str = "",
        words: str = "",
    ) -> Generator[Progress, None, list[list[Answer]]]:
        """See ``translator.Translator``. Words that spoil what follows, or make wrong what was right, are
        left out."""
        if not words:
            return (yield from self._hypotheses(sources, target, count, cancelled, prefix))
        ranked = []
        for at, one in enumerate(sources):
            yield Progress("stage.translating", at, len(sources))
            made = self._with_words(one, target, _places(prefix, words), cancelled)
            if not made:
                (made,) = yield from self._hypotheses([one], target, count, cancelled, prefix)
            ranked.append(made[:count])
        return ranked

    def _hypotheses(
        self,
        sources: Sequence[SourceSentence],
        target: str,
        count: int,
        cancelled: Cancelled,
        prefix: str,
    ) -> Generator[Progress, None, list[list[Answer]]]:
        yield Progress("stage.translating", 0, len(sources))
        if not sources:
            return []
        beam = min(count, _SEVERAL_BEAM)
        sentences = [_sentence(one, prefix) for one in sources]
        made = self._translate(sentences, sources[0].source, target, beam, beam, cancelled)
        ranked = []
        for one, options in zip(sources, made, strict=True):
            unique: dict[str, Answer] = {}
            for option in options:
                answer = _answer(one, _choice(one, option, target, Glossary()), target)
                unique.setdefault(answer.text, answer)
            ranked.append(list(unique.values())[:count])
        return ranked

    def _with_words(
        self, one: SourceSentence, target: str, places: Sequence[str], cancelled: Cancelled
    ) -> list[Answer]:
        """What goes on differently at one of ``places``, the likeliest words first."""
        code = self._codes(one.text, one.source, target)
        found: dict[str, tuple[float, Answer]] = {}
        for place in places:
            sentence = _sentence(replace(one, text=code.text), code.masked(place))
            made = self.engine.other_words(sentence, one.source, target, most=_WORDS, cancelled=cancelled)
            choices = [
                (_choice(one, _restored(option, code), target, Glossary()), probability, rest)
                for option, probability, rest in made
            ]
            if not choices:
                continue
            own, _, well = choices[0]
            for choice, probability, rest in choices:
                if rest >= well - _WORSE and choice.candidate.cost <= own.candidate.cost:
                    answer = _answer(one, choice, target)
                    found.setdefault(answer.text, (probability, answer))
        return [answer for _, answer in sorted(found.values(), key=lambda pair: -pair[0])]

    def _codes(self, text: str, source: str, target: str, trial: int = 0) -> StandIns:
        return StandIns(text, trial, self.engine.unknown(text, source, target))

    def _translate(
        self,
        sentences: Sequence[Sentence],
        source: str,
        target: str,
        beam: int,
        n_best: int,
        cancelled: Cancelled,
        trial: int = 0,
    ) -> list[list[TextHypothesis]]:
        """``trial``: as ``StandIns`` has it."""
        codes = [self._codes(one.text, source, target, trial) for one in sentences]
        given = [
            replace(one, text=code.text, prefix=code.masked(one.prefix)) if code else one
            for one, code in zip(sentences, codes, strict=True)
        ]
        made = self.engine.translate(
            given, source, target, beam_size=beam, n_best=n_best, cancelled=cancelled
        )
        return [
            [_restored(option, code) for option in options] if code else options
            for options, code in zip(made, codes, strict=True)
        ]


def _places(prefix: str, words: str) -> list[str]:
    """How a translation begins in front of each of some words."""
    starts = [match.start() for match in re.finditer(r"\S+", words)][:_PLACES]
    return [prefix + words[:start] for start in starts] or [prefix]


def _restored(option: TextHypothesis, codes: StandIns) -> TextHypothesis:
    text, links = codes.restored(option.text, option.links)
    return replace(option, text=text, links=links)


@dataclass(frozen=True, slots=True)
class _Choice:
    candidate: Candidate
    links: tuple[Link, ...]

    def flagged(self, flag: str) -> _Choice:
        one = self.candidate
        found = tuple(dict.fromkeys((flag, *one.flags)))
        return _Choice(Candidate(one.text, one.logprob, cost(found), found), self.links)


def _sentence(one: SourceSentence, prefix: str = "") -> Sentence:
    from autogpt_desktop.engine.generation.seq2seq import Sentence

    return Sentence(one.text, prefix)


def _best(one: SourceSentence, options: Sequence[TextHypothesis], target: str, glossary: Glossary) -> _Choice:
    """The likeliest of those with the least that is wrong."""
    choices = [_choice(one, option, target, glossary) for option in options]
    return min(choices, key=lambda choice: choice.candidate.cost)  # the first of equals


def _choice(one: SourceSentence, option: TextHypothesis, target: str, glossary: Glossary) -> _Choice:
    # a term that is left as it is in the source is put in where it fits, not word for word
    plain = replace(one, terms=()) if glossary else one
    candidate = judged(plain, option.text, option.logprobs, target, glossary)
    if not option.finished and "long" not in candidate.flags:  # it went on without an end
        candidate = _Choice(candidate, ()).flagged("long").candidate
    links = [Link(*link) for link in option.links]
    if links and omitted(one.text, [link[:2] for link in links], one.source):
        candidate = _Choice(candidate, ()).flagged("omitted").candidate
    return _Choice(candidate, kept_links(links, option.text, candidate.text))


def _with_copied_terms(one: SourceSentence, choice: _Choice, target: str, glossary: Glossary) -> _Choice:
    """With the terms in place of words that were left as they are in the source."""
    made = choice.candidate
    found = judged(one, made.text, [made.logprob], target, glossary)
    return _Choice(found, kept_links(choice.links, made.text, found.text))


def _answer(one: SourceSentence, choice: _Choice, target: str) -> Answer:
    made = choice.candidate
    found = signals(one.text, made.text, one.source, target, made.logprob, made.flags)
    return Answer(made.text, confidence(found, SEQ2SEQ), made.flags, choice.links)
