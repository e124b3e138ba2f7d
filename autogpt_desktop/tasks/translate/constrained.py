"""Terms of the glossary that a model does not say by itself, put where they fit best.

Grid beam search (Hokamp and Liu 2017) in its simple form: instead of opening a beam at every step, the
best translation so far is read once, which tells how likely the term would be at each of its words; from
the likeliest places the term is forced and the model goes on by itself. Of what comes of it counts what
holds all terms, is wrong least and is likeliest. A second term is put into the result of the first.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.glossary import Glossary, Term, replaced
from autogpt_desktop.documents.text.scripts import CJK, CJK_SIGNS, HALF_KANA, HANGUL
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.translate.checks import WIDE, cost
from autogpt_desktop.tasks.translate.prompts import (
    Prompts,
    SourceSentence,
    judged,
    longest,
    prompts,
    repeating,
)
from autogpt_desktop.tasks.translate.rerank import Candidate, chrf, grams

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.interface import Logits, State
    from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer

PLACES = 5  # where the term is tried
_OTHERS = 3  # other words in front of the likeliest of them: "la banque", but "l'établissement"
_OWED = 1.5  # natural logarithm of how much likelier a word must be with the term in the source
_PART = 0.3  # of that: words beside it belong to it
_SEEN = 24  # positions that are read at a time: a row of logits takes a megabyte
_NEXT = 48  # tokens among which one is looked for that does not go on with the term's word
_LIKELY, _ALIKE, _COST, _ODD = 20.0, 20.0, 10.0, 12.0  # what counts among the results
_VOWEL = "[aeiouàâéèêëîïôûœ]"
_ELIDED: dict[str, dict[str, str]] = {  # what becomes of an article in front of a vowel
    "fr": {"le": "l'", "la": "l'", "de": "d'", "du": "de l'", "que": "qu'", "au": "à l'"},
    "it": {
        "il": "l'", "lo": "l'", "la": "l'", "una": "un'", "del": "dell'", "della": "dell'", "al": "all'",
        "alla": "all'", "nel": "nell'", "nella": "nell'", "dal": "dall'", "dalla": "dall'",
    },
}  # fmt: skip
_CJK = re.compile(f"[{CJK}{CJK_SIGNS}{HALF_KANA}]")  # of Chinese and Japanese
_HANGUL = re.compile(f"[{HANGUL}]")
_OPENS = "'’\"“«„(¿¡-–—/["
_WORD = re.compile(r"[^\W_]+")
_LAST_WORD = re.compile(r".*\w", re.DOTALL)

Cancelled = Callable[[], bool]
_Steps = Generator[Progress, None, Candidate]


@dataclass(frozen=True, slots=True)
class Anchor:
    """How a translation begins: some of the tokens of the one so far, the term, and what must follow."""

    ids: tuple[int, ...]
    logprobs: tuple[float, ...]  # of ids
    term: tuple[int, ...]
    rest: tuple[int, ...] = ()


@dataclass(slots=True)
class ScoredText:
    """A translation token by token: what the model thinks of each place in it."""

    ids: list[int]
    texts: list[str]
    places: list[int]  # where a word begins
    logprobs: list[float] = field(default_factory=list)  # of ids
    first: dict[int, float] = field(default_factory=dict)  # place → how likely the term begins there
    others: dict[int, list[tuple[int, float]]] = field(default_factory=dict)  # place → other words' tokens
    replaces: tuple[int, int] | None = None  # the tokens that stand for the term, where there are some

    def end(self, place: int) -> int:
        """Where the word of a place ends."""
        at = place + 1
        while at < len(self.texts) and at not in self.places and self.texts[at][:1].isalnum():
            at += 1
        return at

    @property
    def word(self) -> str:
        """What stands for the term."""
        return "".join(self.texts[slice(*self.replaces)]).strip() if self.replaces else ""


def with_terms(
    engine: Engine,
    prefix: State,
    asked: Prompts,
    number: int,
    sentence: SourceSentence,
    given: Candidate,
    target: str,
    glossary: Glossary,
    cancelled: Cancelled,
) -> _Steps:
    """``given``, or what is nearest to it with all terms of ``sentence`` in it.

    ``prefix``: the state that holds ``asked.prefix``; the wish is line ``number``. Where a term cannot be
    put in (it never comes to an end), what is returned has the flag "glossary" still. Raises ``Cancelled``.
    """
    if not given.text.strip():
        return given
    line = asked.lines[number]
    if not line:
        raise KnownError("prompt-empty", model=engine.name)
    state = prefix.fork()
    if len(line) > 1:
        engine.decoder.forward([(state, line[:-1])], cancelled=cancelled)
    maker = TermForcer(engine, prefix, state, line[-1], asked, sentence, target, glossary, cancelled)
    best = given
    for _ in sentence.terms:
        missing = glossary.missing(sentence.text, best.text)
        if not missing:
            break
        made = yield from maker.with_term(best, missing[0])
        made = [one for one in made if len(glossary.missing(sentence.text, one[0].text)) < len(missing)]
        if not made:
            break
        best = max(made, key=lambda one: one[1])[0]
    return best


def _doubled(text: str) -> int:
    """Words that stand twice in a row."""
    words = [word.casefold() for word in _WORD.findall(text)]
    return sum(a == b for a, b in itertools.pairwise(words))


@dataclass(frozen=True, slots=True)
class TermForcer:
    """Makes translations of one sentence that hold one term more."""

    engine: Engine
    prefix: State
    state: State  # holds all of the prompt but its last token
    last: int  # that token
    asked: Prompts
    sentence: SourceSentence
    target: str
    glossary: Glossary
    cancelled: Cancelled

    def with_term(
        self, so_far: Candidate, term: Term
    ) -> Generator[Progress, None, list[tuple[Candidate, float]]]:
        """What comes of forcing ``term`` into the likeliest places of ``so_far``, and how good it is."""
        from autogpt_desktop.engine.generation.batch import Continuation, generate

        read = self._read(so_far.text, term)
        starts = self._starts(read, term)
        room = longest(self.engine, self.sentence)
        chooser = ForcedTerm(self.engine.tokenizer, starts)
        steps = generate(
            self.engine,
            [[self.last, *one.ids] for one in starts],
            prefix=self.state,
            max_tokens=[len(one.term) + max(room - len(one.ids), len(one.rest) + 8) for one in starts],
            stop=self.asked.stop,
            choose=chooser,
            cancelled=self.cancelled,
        )
        made: list[tuple[Candidate, float]] = []
        for step in steps:
            if not isinstance(step, Continuation):
                yield step
            elif step.finish_reason == "stop":
                start = starts[step.index]
                text = self.engine.tokenizer.decode([*start.ids, *step.ids])
                text = text.partition(self.asked.stop[0])[0] if self.asked.stop else text
                own = [*start.logprobs, *step.logprobs[len(start.term) :]]  # the term is not the model's
                one = judged(self.sentence, text, own, self.target, self.glossary)
                odd = _wrongly_bound(one.text, term.target, self.target) + _doubled(one.text)
                if _said(one.text, read.word, term.target) >= _said(so_far.text, read.word):
                    odd += 1  # what the term was to replace is still there
                every = [*start.logprobs, *step.logprobs]
                made.append((one, self._value(one, so_far, sum(every) / len(every), odd)))
        return made

    def _value(self, one: Candidate, before: Candidate, logprob: float, odd: int) -> float:
        """How good a translation with the term is: likely, little wrong, much like the one without."""
        alike = chrf(grams(one.text), grams(before.text))
        wrong = cost(flag for flag in one.flags if flag != "glossary")  # another term's turn comes
        return _LIKELY * logprob + _ALIKE * alike - _COST * wrong - _ODD * odd

    def _starts(self, read: ScoredText, term: Term) -> list[Anchor]:
        """Where the term is put: instead of the word that owes most to it, and wherever it is likely."""
        first = self.sentence.text[:1] + "".join(read.texts).lstrip()[:1]
        capital = not term.case and first != first.lower()
        words = term.target, term.target[:1].upper() + term.target[1:] if capital else term.target
        starts: dict[tuple[int, ...], Anchor] = {}

        def add(ids: Sequence[int], logprobs: Sequence[float], text: str, rest: Sequence[int] = ()) -> None:
            put = tuple(self._ids(words[not _WORD.search(text)], text))
            starts.setdefault((*ids, *put, *rest[:1]), Anchor(tuple(ids), tuple(logprobs), put, tuple(rest)))

        ranked = sorted(read.places, key=lambda place: -read.first[place])
        follow: list[Sequence[int]] = [()]
        if read.replaces:
            at, end = read.replaces
            ranked = [at, *(place for place in ranked if place != at)][:2]
            # a word of Chinese may go on with a character that owes nothing to the term
            follow += [read.ids[end + more :] for more in range(2 if self.target in WIDE else 1)]
        for place in ranked[:PLACES]:
            begins = [(read.ids[:place], read.logprobs[:place], "".join(read.texts[:place]))]
            if place == ranked[0]:
                begins += self._article_variants(read, place, term)
            for ids, logprobs, text in begins:
                for rest in follow if place == ranked[0] else [()]:
                    add(ids, logprobs, text, rest)
        return list(starts.values())

    def _article_variants(
        self, read: ScoredText, place: int, term: Term
    ) -> Iterator[tuple[list[int], list[float], str]]:
        """Other words in front of ``place``: an article that goes with the term."""
        before = [at for at in read.places if at < place]
        if not before or place - before[-1] > 2:
            return
        at = before[-1]
        for token, logprob in read.others[at]:
            text = self.engine.tokenizer.token_text(token)
            yield [*read.ids[:at], token], [*read.logprobs[:at], logprob], "".join(read.texts[:at]) + text
        said = "".join(read.texts[at:place])
        short = said.strip().casefold()
        if short in _ELIDED.get(self.target, {}) and re.match(_VOWEL, term.target, re.IGNORECASE):
            new = _ELIDED[self.target][short]
            new = said.replace(said.strip(), new.capitalize() if said.strip()[0].isupper() else new)
            ids = self._plain(new)
            logprobs = [read.logprobs[at], *[0.0] * (len(ids) - 1)]  # as likely as the word before
            yield [*read.ids[:at], *ids], [*read.logprobs[:at], *logprobs], "".join(read.texts[:at]) + new

    def _plain(self, text: str) -> list[int]:
        """Its ids as they are in the middle of a text."""
        encode = self.engine.tokenizer.encode
        line = encode("\n", add_special=False)
        whole = encode("\n" + text, add_special=False)
        if whole[: len(line)] == line:
            return list(whole[len(line) :])
        return list(encode(text, add_special=False))

    def _ids(self, words: str, before: str) -> list[int]:
        """The ids of the term behind ``before``, with a space where one belongs."""
        if not before:
            return self._plain(self.asked.lead + words)
        glued = before[-1].isspace() or before[-1] in _OPENS or self.target in WIDE
        return self._plain(words if glued else " " + words)

    def _read(self, text: str, term: Term) -> ScoredText:
        """``text`` with what the model thinks of it, with and without the term in the source."""
        from autogpt_desktop.engine.generation.sampling import logsumexp

        ids = self._plain(self.asked.lead + text)
        read = ScoredText(ids, *_cut(self.engine.tokenizer, ids))
        heads = {place: self._ids(term.target, "".join(read.texts[:place]))[0] for place in read.places}
        for at, row in enumerate(self._rows(self.state.fork(), [self.last, *ids[:-1]])):
            total = logsumexp(row)
            read.logprobs.append(float(row[ids[at]]) - total)
            if at in heads:
                read.first[at] = float(row[heads[at]]) - total
                values, tokens = row.topk(_OTHERS + 1)
                pairs = zip(tokens.tolist(), (values - total).tolist(), strict=True)
                read.others[at] = [pair for pair in pairs if pair[0] != ids[at]][:_OTHERS]
        self._find_word(read, term)
        return read

    def _rows(self, state: State, ids: Sequence[int]) -> Iterator[Logits]:
        for begin in range(0, len(ids), _SEEN):
            work = [(state, ids[begin : begin + _SEEN])]
            yield from self.engine.decoder.forward(work, "all", self.cancelled)[0]

    def _find_word(self, read: ScoredText, term: Term) -> None:
        """Which word stands for the term: the one that is least likely without it in the source."""
        from autogpt_desktop.engine.generation.sampling import logsumexp

        rest = " ".join(replaced(self.sentence.text, term.source, "").split())
        both = [
            SourceSentence(self.sentence.text, self.sentence.source),
            SourceSentence(rest, self.sentence.source),
        ]
        asked = prompts(self.engine, both, self.target)
        owed = [0.0] * len(read.ids)
        for sign, line in zip((1, -1), asked.lines, strict=True):
            whole = [*asked.prefix, *line]
            state = self.prefix.fork()
            state.trim(state.common_prefix(whole[:-1]))
            fed = [*whole[len(state) :], *read.ids[:-1]]
            skip = len(fed) - len(read.ids)
            if skip:
                self.engine.decoder.forward([(state, fed[:skip])], cancelled=self.cancelled)
            for at, row in enumerate(self._rows(state, fed[skip:])):
                owed[at] += sign * (float(row[read.ids[at]]) - logsumexp(row))
        shares = [sum(owed[place : read.end(place)]) for place in read.places]
        most = max(range(len(shares)), key=shares.__getitem__)
        if shares[most] < _OWED:
            return
        first, last = most, most
        while last + 1 < len(shares) and shares[last + 1] > _PART * shares[most]:
            last += 1
        while self.target in WIDE and first and shares[first - 1] > _PART * shares[most]:
            first -= 1
        read.replaces = read.places[first], read.end(read.places[last])


class ForcedTerm:
    """Chooses the term's tokens first, then the likeliest; the word of the term ends with it."""

    def __init__(self, tokenizer: Tokenizer, starts: Sequence[Anchor]) -> None:
        from autogpt_desktop.engine.generation.sampling import argmax

        self.tokenizer, self.starts, self.argmax = tokenizer, starts, argmax

    def __call__(self, index: int, logits: Logits, made: list[int]) -> int:
        start = self.starts[index]
        forced = start.term + start.rest
        if len(made) < len(forced):
            return forced[len(made)]
        if len(made) == len(start.term):
            return self._behind(logits, start.term[-1])
        if banned := repeating([*start.ids, *made]):
            logits = logits.clone()
            logits[banned] = -math.inf
        return int(self.argmax(logits))

    def _behind(self, logits: Logits, last: int) -> int:
        """The likeliest token that leaves the term as it is."""
        end = self.tokenizer.token_text(last)[-1:]
        tokens = [int(token) for token in logits.topk(_NEXT).indices]
        if _CJK.match(end) or not end.isalnum() or _HANGUL.match(end):
            return tokens[0]
        for token in tokens:
            text = self.tokenizer.token_text(token)
            if token in self.tokenizer.eos_ids or not text[:1].isalnum() or _CJK.match(text):
                return token
        return tokens[0]


def _cut(tokenizer: Tokenizer, ids: Sequence[int]) -> tuple[list[str], list[int]]:
    """The text of each token, and at which of them a word may begin."""
    stream = tokenizer.stream()
    texts, places, whole = [], [], True
    before = ""
    for at, token in enumerate(ids):
        text = stream.push(token)
        if whole and (text or not tokenizer.token_bytes(token)) and _begins(before, text):
            places.append(at)
        whole = bool(text)
        before = text or before
        texts.append(text)
    return texts, places or [0]


def _begins(before: str, text: str) -> bool:
    """May a word stand between these two pieces of a text? Behind a full stop none does."""
    if not before or text[:1].isspace():
        word = _LAST_WORD.match(before)
        return not re.search("[.!?。！？…]", before[word.end() :] if word else before)
    if _CJK.match(before[-1]) or _CJK.match(text):
        return not re.search(r"[。！？]$", before)
    return before[-1] in _OPENS or (not before[-1].isspace() and not text[:1].isalnum())


def _said(text: str, word: str, but: str = "") -> int:
    """How often the word stands in a text, that in the term left out."""
    text = text.casefold()
    if but:
        text = text.replace(but.casefold(), " ")
    return text.count(word.casefold()) if word else 0


def _wrongly_bound(text: str, term: str, language: str) -> bool:
    """Is there an article in front of the term that French or Italian would elide, or the reverse?"""
    forms = _ELIDED.get(language)
    if not forms or term[:1].casefold() in "hy":
        return False
    if re.match(_VOWEL, term, re.IGNORECASE):
        before = "(?:" + "|".join(forms) + r")\s+"
    else:
        before = "(?:" + "|".join(set(forms.values())) + ")"
    return bool(re.search(rf"\b{before}{re.escape(term)}", text, re.IGNORECASE))
