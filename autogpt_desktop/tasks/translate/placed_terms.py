"""Terms of the glossary put where an encoder–decoder says what they stand for.

The links of a translation tell which of its words say the term. What stands before them is kept; behind it
the model is first asked what it would say itself: an inflected form of the term is taken as it is. Else the
term is forced, at that place or a word or two before it, where an article has to agree, and the model goes on
freely; or only its beginning is, and the model ends the word as it is inflected there. Of what comes of it
counts what is wrong least, is likeliest as a whole and changes least of the rest.
"""

from __future__ import annotations

import re
from collections import Counter
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
_LEAST_BEGUN = 4  # letters of a term that the model may end by itself
_UNUSUAL = 0.5  # of a plural of several words that is not as most are
_CHANGED = 4.0  # weight of the share of other words that change
_BEFORE_TERM = 1.0  # weight of all, with the word in front of the term
MOST_LOST = 1.0  # mean log-probability; with more lost a sentence is hardly well formed
STILL_THERE = 9  # more than any likelihood makes up for
_WORD = re.compile(r"\S+\s*")
_ONE_WORD = re.compile(r"\w+")
_GENDER = re.compile(r"(?<=\w)[oa](s?)$")
_TWO_WORDS = re.compile(r"(?<!m)([oa])s\s++\w{0,8}?([oa])s\s*+$")
_LAST_WORD = re.compile(r"(?<!\w)\w++\s*+$")
_ENDINGS_TELL = {"pt", "es", "it"}  # where -o is masculine and -a feminine
_FEMININE = re.compile(  # "problema" and "artista" and their like are not
    "(?:(?<!ist)(?<!m)as?|[çs](?:ão|ões)|dades?|ge[mn]s?|[cs](?:ión|iones)|[dt]ad(?:es)?|zion[ei]|tà)$"
)
_MASCULINE = re.compile("(?:[^ã]os?|or(?:es)?)$")
_MANY_S = {  # what words end with that stand for several things; "mês" and "país" do not
    "en": r"[^sui]s\b", "pt": r"[^áéêíóôú]s\b", "es": r"[^áéíóú]s\b", "fr": r"[sx]\b", "gl": r"[^áéíóú]s\b",
    "ca": r"[^àéèíóòú]s\b",
}  # fmt: skip
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
    """A translation with the term in it. ``fit``: how likely it is as a whole, and how little else has
    changed; ``rest``: how likely without the term, which may be unlikely, as it is wished for. ``odd``: see
    ``_odd``."""

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
    texts: list[dict[str, TextHypothesis | None]] = [
        dict.fromkeys(_exchanged(one, term, source, target)) for one, term in given
    ]
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
                term = given[number][1]
                if hypothesis.finished and holds(hypothesis.text, term.target, term.case, target):
                    texts[number][hypothesis.text] = hypothesis
    pairs = [(number, text) for number, some in enumerate(texts) for text in some]
    read = engine.score(
        [(given[number][0].source, text) for number, text in pairs], source, target, cancelled=cancelled
    )
    found: list[list[Fitted]] = [[] for _ in given]
    for (number, text), whole in zip(pairs, read, strict=True):
        one, term = given[number]
        best = whole or texts[number][text]
        if best is not None:
            fit, rest = _fit(engine, best, term, target)
            fit -= _CHANGED * _changed(one, text, term, source, target)
            fit -= _UNUSUAL * any(form in text for form in plurals(term.target, target)[1:])
            found[number].append(Fitted(best, fit, rest, _odd(one, best, term, source, target)))
    return [sorted(some, key=lambda one: (one.odd, -one.fit)) for some in found]


def _changed(one: Placed, text: str, term: Term, source: str, target: str) -> float:
    """The share of a translation's words that are others now, apart from the term."""
    place = _place(one, places(one.source, term, source)) or (0, 0)
    said = next(says(text, term.target, term.case, target), (0, 0))
    before, after = (
        _ONE_WORD.findall((whole[:start] + " " + whole[end:]).casefold())
        for whole, (start, end) in ((one.text, place), (text, said))
    )
    # a word of another gender is half another word
    stems = ([_GENDER.sub(r"\1", word) for word in words] for words in (before, after))
    return (_differing(before, after) + _differing(*stems)) / 2 / max(1, len(before))


def _differing(words: Sequence[str], others: Sequence[str]) -> int:
    one, other = Counter(words), Counter(others)
    return max((one - other).total(), (other - one).total())


def _fit(engine: Seq2SeqEngine, made: TextHypothesis, term: Term, target: str) -> tuple[float, float]:
    """Means of log-probabilities: of the term with all that must agree with it, and of the rest alone. The
    word in front of the term counts little: an article is that of another word's gender to the model."""
    spans = (*engine.tokenizer.encode_target(made.text).spans, (-1, -1))  # the end token's last
    said = next(says(made.text, term.target, term.case, target), None)
    if len(spans) != len(made.logprobs) or said is None:
        return made.logprob, made.logprob
    before = _LAST_WORD.search(made.text[: said[0]])
    first = before.start() if before else said[0]
    rows = list(zip(made.logprobs, spans, strict=True))
    rest = [logprob for logprob, (start, end) in rows if end <= first or start >= said[1]]
    whole = [logprob for logprob, (start, end) in rows if end <= first or start >= said[0]]
    return sum(whole) / len(whole) + _BEFORE_TERM * made.logprob, sum(rest) / len(rest)


def _odd(one: Placed, made: TextHypothesis, term: Term, source: str, target: str) -> int:
    """``STILL_THERE``: the word that the term was to replace is. 3: the term has become another number. 1:
    the word in front of it is of another gender, as far as endings tell."""
    place = _place(one, places(one.source, term, source))
    words = one.text[slice(*place)].strip() if place else ""
    others = words[:1].isalnum() and words.casefold() not in term.target.casefold()
    said = next(says(made.text, term.target, term.case, target), (0, 0))
    around = made.text[: said[0]] + " " + made.text[said[1] :]
    if others and len(list(says(around, words))) >= len(list(says(one.text, words))):
        return STILL_THERE
    gender = int(_wrong_gender(made.text, term, target) or _disagree(made.text[: said[0]], target))
    plural, several = plurals(term.target, target), _is_several(one, term, source, target)
    form, wished = made.text[slice(*said)].casefold(), term.target.casefold()
    if not plural or several is None:
        return gender
    of_number = {one.casefold() for one in plural} if several else {wished}
    if form in of_number:
        return gender
    # one word may have a plural that no rule makes, or the other gender, as "viaduta" has not
    return gender + (2 if " " not in wished and (form != wished) == several else 3)


def _is_several(one: Placed, term: Term, source: str, target: str) -> bool | None:
    """Does a term stand for several things? None: nothing says."""
    if _looks_plural(term.target, target):
        return None
    if plurals(term.source, source) and not term.source.endswith("s"):
        return is_inflected(one.source, term, source)
    place = _place(one, places(one.source, term, source))  # as the model says it
    words = one.text[slice(*place)].split() if place and target in _MANY_S else []
    return any(_looks_plural(word, target) for word in words) if words else None


def _looks_plural(words: str, language: str) -> bool:
    return language in _MANY_S and re.search(_MANY_S[language], words) is not None


def _wrong_gender(text: str, term: Term, language: str) -> bool:
    """Is the word in front of the term of one gender, and the term's ending of the other?"""
    said = next(says(text, term.target, term.case, language), None)
    before = _LAST_WORD.search(text[: said[0]]) if said else None
    if said is None or before is None or language not in _ENDINGS_TELL:
        return False
    first = text[slice(*said)].split()[0].casefold()
    ending = "a" if _FEMININE.search(first) else "o" if _MASCULINE.search(first) else ""
    genders = [pair.split() for pair in _GENDERS[language].split("|")]
    word = before[0].strip().casefold()
    other = {"o": {pair[1] for pair in genders}, "a": {pair[0] for pair in genders}, "": set()}[ending]
    return word in other


def _disagree(before: str, language: str) -> bool:
    """Are the two words in front of a term plurals of two genders: "ambas os"? A verb in -mos is none."""
    last = _TWO_WORDS.search(before.casefold())
    return language in _ENDINGS_TELL and last is not None and last[1] != last[2]


def _asked(one: Placed, term: Term, source: str, target: str) -> tuple[list[Sentence], list[Sentence]]:
    """What is asked of the model: (sentences that it goes on with by itself, those with the term forced)."""
    from autogpt_desktop.engine.generation.seq2seq import Sentence

    at = places(one.source, term, source)
    place, forms = _place(one, at), _forms(one, term, source, target)
    anywhere = Sentence(one.source, "", (forms,), (at[0][0] if at else 0,))
    if place is None:
        return [], [anywhere]
    start, _ = place
    begins = [one.text[:start]]
    genders = _other_genders(begins[0], target)
    begins += genders
    words = [match.start() for match in _WORD.finditer(one.text[:start])]
    begins += [one.text[:word] for word in words[: -_BEFORE - 1 : -1]]
    spoken = _spoken(one, start, forms)
    forced = [
        Sentence(one.source, begin + form + " ") for form in spoken for begin in begins[: 1 + len(genders)]
    ]
    forced += [Sentence(one.source, begin, (forms,), (at[0][0],)) for begin in begins]
    begun = [begin + part for begin in begins[: 1 + len(genders)] for part in _beginnings(spoken[-1])]
    return [Sentence(one.source, begin) for begin in [*begins, *begun]], [*forced, anywhere]


def _forms(one: Placed, term: Term, source: str, target: str) -> tuple[str, ...]:
    """What a term may become as a rule."""
    if _is_several(one, term, source, target):
        return (*plurals(term.target, target), term.target)
    return (term.target,)


def _spoken(one: Placed, start: int, forms: Sequence[str]) -> list[str]:
    """The forms, with a capital where the sentence begins with them."""
    capital = not one.text[:start].strip() and one.source[:1].isupper()
    return [form[:1].upper() + form[1:] if capital else form for form in forms]


def _exchanged(one: Placed, term: Term, source: str, target: str) -> list[str]:
    """The translation with the term in the place of the words that say it, and nothing else changed."""
    place = _place(one, places(one.source, term, source))
    if place is None:
        return []
    forms = _spoken(one, place[0], _forms(one, term, source, target))
    return [one.text[: place[0]] + form + one.text[place[1] :] for form in forms]


def _beginnings(term: str) -> list[str]:
    """A term without the end of its last word, which the model is to find."""
    last = term.split()[-1]
    return [term[:-cut] for cut in (1, 2) if last.isalpha() and len(last) - cut >= _LEAST_BEGUN]


def _place(one: Placed, at: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """Where the words begin and end that say the term."""
    for start, end in at:
        linked = [link for link in one.links if link[0] < end and start < link[1]]
        if linked:
            return min(link[2] for link in linked), max(link[3] for link in linked)
    return None


def _other_genders(text: str, language: str) -> list[str]:
    """The beginning of a translation with its last word in another gender, where it has some, and with the
    one before that too."""
    match = _LAST_WORD.search(text)
    if match is None:
        return []
    found = []
    for other in _of_other_gender(match[0].rstrip(), language):
        begin, end = text[: match.start()], match[0][len(match[0].rstrip()) :]
        found.append(begin + other + end)
        earlier = _LAST_WORD.search(begin)
        if earlier is None:
            continue
        blank = earlier[0][len(earlier[0].rstrip()) :]
        for swapped in _of_other_gender(earlier[0].rstrip(), language):
            found.append(begin[: earlier.start()] + swapped + blank + other + end)
    return found


def _of_other_gender(word: str, language: str) -> list[str]:
    found = []
    for pair in _GENDERS.get(language, "").split("|"):
        pair_of = [one.replace("_", " ") for one in pair.split()]
        if word.casefold() in pair_of:
            other = pair_of[1 - pair_of.index(word.casefold())]
            found.append(other[:1].upper() + other[1:] if word[:1].isupper() else other)
    return found or [other for other in (_swapped(word, language),) if other]


def _swapped(word: str, language: str) -> str:
    """A word with the ending of the other gender, "" where endings do not tell."""
    match = re.search(r"(?<=\w{2})([oa])(s?)$", word) if language in _ENDINGS_TELL else None
    return word[: match.start()] + ("a" if match[1] == "o" else "o") + match[2] if match else ""
