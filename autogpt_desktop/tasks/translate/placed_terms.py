"""Terms of the glossary put where an encoder–decoder says what they stand for.

The links of a translation tell which of its words say the term. What stands before them is kept; behind it
the model is first asked what it would say itself: an inflected form of the term is taken as it is. Else the
term is forced, at that place or a word or two before it, where an article has to agree, and the model goes on
freely. Of what comes of it counts what is wrong least and is likeliest as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autogpt_desktop.documents.text.glossary import Term, holds, is_inflected, places, plurals, says

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.seq2seq import Sentence, Seq2SeqEngine, TextHypothesis

Cancelled = Callable[[], bool]
_OPTIONS = 8  # of what the model would say by itself
_BEAM = 4
_BEFORE = 2  # words in front of the place from which the model may begin anew
_BEFORE_TERM = 1.0  # weight of all, with the word in front of the term
MOST_LOST = 0.7  # mean log-probability; with more lost a sentence is hardly well formed
_WORD = re.compile(r"\S+\s*")
_LAST_WORD = re.compile(r"(?<!\w)\w++\s*+$")
_ENDINGS_TELL = {"pt", "es", "it"}  # where -o is masculine and -a feminine
_GENDERS = {  # words in front of a term, and the same for another gender
    "pt": "o a|os as|um uma|do da|dos das|no na|nos nas|ao à|aos às|pelo pela|num numa|este esta|esse essa|"
    "meu minha|seu sua|nosso nossa|meus minhas|seus suas|nossos nossas|aquele aquela|novo nova|outro outra",
    "es": "el la|los las|un una|este esta|ese esa|nuestro nuestra|otro otra|nuevo nueva",
    "fr": "le la|un une|ce cette|mon ma|son sa|du de_la|au à_la|nouveau nouvelle",
    "it": "il la|un una|del della|al alla|nel nella|dal dalla|sul sulla|questo questa|i le|nuovo nuova",
    "de": "der die|das die|der das|ein eine|dem der|im in_der|mein meine|sein seine|unser unsere",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A sentence and its translation so far."""

    source: str
    text: str
    links: Sequence[tuple[int, int, int, int]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A translation with the term in it. ``fit``: how likely it is as a whole; ``rest``: without the term,
    which may be unlikely, as it is wished for. ``odd``: see ``_odd``."""

    made: TextHypothesis
    fit: float
    rest: float
    odd: int


def with_term(
    engine: Seq2SeqEngine,
    given: Sequence[tuple[Placed, Term]],
    source: str,
    target: str,
    cancelled: Cancelled,
) -> list[list[Fitted]]:
    """For each translation others that hold its term, the best first. Raises ``Cancelled``."""
    free: list[tuple[int, Sentence]] = []
    forced: list[tuple[int, Sentence]] = []
    for number, (one, term) in enumerate(given):
        own, others = _asked(one, term, source, target)
        free += [(number, sentence) for sentence in own]
        forced += [(number, sentence) for sentence in others]
    texts: list[dict[str, TextHypothesis]] = [{} for _ in given]
    for asked, count in ((free, _OPTIONS), (forced, _BEAM)):
        made = engine.translate(
            [sentence for _, sentence in asked],
            source,
            target,
            beam_size=count,
            n_best=count,
            cancelled=cancelled,
        )
        for (number, _), some in zip(asked, made, strict=True):
            for hypothesis in some:
                if hypothesis.finished and holds(
                    hypothesis.text, given[number][1].target, given[number][1].case
                ):
                    texts[number].setdefault(hypothesis.text, hypothesis)
    pairs = [(number, text) for number, some in enumerate(texts) for text in some]
    read = engine.score(
        [(given[number][0].source, text) for number, text in pairs], source, target, cancelled=cancelled
    )
    found: list[list[Fitted]] = [[] for _ in given]
    for (number, text), whole in zip(pairs, read, strict=True):
        one, term = given[number]
        best = whole or texts[number][text]
        found[number].append(Fitted(best, *_fit(engine, best, term), _odd(one, best, term, target)))
    return [sorted(some, key=lambda one: (one.odd, -one.fit)) for some in found]


def _fit(engine: Seq2SeqEngine, made: TextHypothesis, term: Term) -> tuple[float, float]:
    """Means of log-probabilities: of the term with all that must agree with it, and of the rest alone. The
    word in front of the term counts little: an article is that of another word's gender to the model."""
    spans = (*engine.tokenizer.encode_target(made.text).spans, (-1, -1))  # the end token's last
    said = next(says(made.text, term.target, term.case), None)
    if len(spans) != len(made.logprobs) or said is None:
        return made.logprob, made.logprob
    before = _LAST_WORD.search(made.text[: said[0]])
    first = before.start() if before else said[0]
    rows = list(zip(made.logprobs, spans, strict=True))
    rest = [logprob for logprob, (start, end) in rows if end <= first or start >= said[1]]
    whole = [logprob for logprob, (start, end) in rows if end <= first or start >= said[0]]
    return sum(whole) / len(whole) + _BEFORE_TERM * made.logprob, sum(rest) / len(rest)


def _odd(one: Placed, made: TextHypothesis, term: Term, target: str) -> int:
    """2: the word that the term was to replace is still there. 1: the term has become another number, or the
    word in front of it is of another gender, as far as endings tell."""
    place = _place(one, places(one.source, term), term)
    words = one.text[slice(*place)].strip() if place else ""
    others = words[:1].isalnum() and words.casefold() not in term.target.casefold()
    if others and len(list(says(made.text, words))) >= len(list(says(one.text, words))):
        return 2
    plural = plurals(term.target, target)
    if _wrong_gender(made.text, term, target):
        return 1
    same = is_inflected(one.source, term) or not plural
    return int(not same and term.target.casefold() not in _words(made.text))


def _wrong_gender(text: str, term: Term, language: str) -> bool:
    """Is the word in front of the term of one gender, and the term's ending of the other?"""
    said = next(says(text, term.target, term.case), None)
    before = _LAST_WORD.search(text[: said[0]]) if said else None
    if before is None or language not in _ENDINGS_TELL:
        return False
    first = term.target.split()[0].casefold()
    # as a rule: "problema" and its like are not
    ending = (
        "o" if first.endswith("o") and not first.endswith("ão") else "a" if re.search("[^m]a$", first) else ""
    )
    genders = [pair.split() for pair in _GENDERS[language].split("|")]
    word = before[0].strip().casefold()
    other = {"o": {pair[1] for pair in genders}, "a": {pair[0] for pair in genders}, "": set()}[ending]
    return word in other


def _words(text: str) -> set[str]:
    return {match[0].casefold() for match in re.finditer(r"\w+", text)}


def _asked(one: Placed, term: Term, source: str, target: str) -> tuple[list[Sentence], list[Sentence]]:
    """What is asked of the model: (sentences that it goes on with by itself, those with the term forced)."""
    from autogpt_desktop.engine.generation.seq2seq import Sentence

    at = places(one.source, term)
    place = _place(one, at, term)
    forms: tuple[str, ...] = (term.target,)
    if is_inflected(one.source, term):
        forms = (*plurals(term.target, target), term.target)
    anywhere = Sentence(one.source, "", (forms,), (at[0] if at else 0,))
    if place is None:
        return [], [anywhere]
    start, _ = place
    begins = [one.text[:start]]
    genders = _other_genders(begins[0], target)
    begins += genders
    words = [match.start() for match in _WORD.finditer(one.text[:start])]
    begins += [one.text[:word] for word in words[: -_BEFORE - 1 : -1]]
    capital = not one.text[:start].strip() and one.source[:1].isupper()
    spoken = [form[:1].upper() + form[1:] if capital else form for form in forms]
    forced = [
        Sentence(one.source, begin + form + " ") for form in spoken for begin in begins[: 1 + len(genders)]
    ]
    forced += [Sentence(one.source, begin, (forms,), (at[0],)) for begin in begins]
    return [Sentence(one.source, begin) for begin in begins], [*forced, anywhere]


def _place(one: Placed, at: Sequence[int], term: Term) -> tuple[int, int] | None:
    """Where the words begin and end that say the term."""
    for start in at:
        end = start + len(term.source)
        linked = [link for link in one.links if link[0] < end and start < link[1]]
        if linked:
            return min(link[2] for link in linked), max(link[3] for link in linked)
    return None


def _other_genders(text: str, language: str) -> list[str]:
    """The beginning of a translation with its last word in another gender, where it has some."""
    match = _LAST_WORD.search(text)
    if match is None:
        return []
    word, found = match[0].rstrip(), []
    for pair in _GENDERS.get(language, "").split("|"):
        pair_of = [one.replace("_", " ") for one in pair.split()]
        if word.casefold() in pair_of:
            other = pair_of[1 - pair_of.index(word.casefold())]
            other = other[:1].upper() + other[1:] if word[:1].isupper() else other
            found.append(text[: match.start()] + other + match[0][len(word) :])
    return found
