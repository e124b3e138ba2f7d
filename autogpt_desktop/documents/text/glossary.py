"""A user's own table of terms: how a word of one language is to be called in another."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from autogpt_desktop.documents.text.scripts import CJK, CJK_SIGNS, HALF_KANA, HANGUL, SOUTHEAST_ASIAN
from autogpt_desktop.errors import KnownError

_UNSPACED = SOUTHEAST_ASIAN + CJK + CJK_SIGNS + HALF_KANA + HANGUL
_UNSPACED_LETTER = re.compile(f"[{_UNSPACED}]")
_HEADERS = {"source", "term", "from", "原文", "术语"}
MOST = 20_000  # terms
_SPACES = re.compile(r"\s+")
_INFLECTED = 4  # letters of a term that may have an ending, or an Arabic article, and is still that term
_ENDINGS = (
    "(?:['’]s|s|es|x|n|en|а|у|ы|и|е|я|ю|ом|ем|ой|ей|ов|ев|ам|ям|ах|ях|ами|ями)?"  # French, German, Russian, …
)
# A longer word may have another ending in its place: "direção", "direções"; "книга", "книгу"; "rojo", "roja".
_STEM = 5  # letters of such a word
_LONG = 8  # letters of one of which two may be others, not one
_LONG_ENDINGS = "ões|ães|ãos|ami|ями|ами|ого|его|ому|ему|ыми|ими|ach|ami|iem"
_PLURALS: dict[str, tuple[tuple[str, str], ...]] = {  # the ending of a word, and that of its plural
    "en": (("(?<=[^aeiou])y", "ies"), ("(?<=s|x|z|h)", "es"), ("", "s")),
    "pt": (
        ("ão", "ões"), ("m", "ns"), ("vel", "veis"), ("el", "éis"), ("ol", "óis"), ("il", "is"), ("l", "is"),
        ("ês", "eses"), ("(?<=[rzs])", "es"), ("", "s"),
    ),
    "es": (
        ("z", "ces"), ("ón", "ones"), ("án", "anes"), ("ín", "ines"), ("és", "eses"),
        ("(?<=[aeiouáéó])", "s"), ("", "es"),
    ),
    "fr": (("al", "aux"), ("(?<=[sxz])", ""), ("(?<=eu|au)", "x"), ("", "s")),
    "it": (("[oe]", "i"), ("ca", "che"), ("ga", "ghe"), ("a", "e")),
    "ca": (("a", "es"), ("", "s")),
    "gl": (("n", "ns"), ("(?<=[aeiou])", "s"), ("", "es")),
}  # fmt: skip
_OF = 3  # letters at most of a word behind which a term of several words is not inflected: "fim de semana"
# Where plurals are known, so is what else a word may become; infinitives of verbs become more than that.
_SEXES: dict[str, tuple[tuple[str, str], ...]] = {  # an ending, and that of the other gender
    "pt": (("o", "a"), ("(?<=[rlsz])", "a"), ("ão", "ã")),
    "es": (("o", "a"), ("(?<=[rlsnz])", "a")),
    "fr": (("eur", "euse"), ("(?<=[^e])", "e")),
    "it": (("o", "a"),),
    "ca": (("(?<=[^aeo])", "a"),),
    "gl": (("o", "a"), ("(?<=[rlsz])", "a")),
}
_LONG_PLURALS = "ão", "ês", "el", "ol", "ón", "án", "ín", "és"  # endings of which two letters become others
_INFINITIVES = {
    "pt": "[aei]r$|pôr$", "es": "[aeií]r$", "fr": "er$|ir$|re$", "it": "[aei]re$", "ca": "[aei]r$|re$",
    "gl": "[aei]r$",
}  # fmt: skip
_VERBS = "(?:s|es|d|ed|ing)?"  # what an English word may have behind it
_CYRILLIC_END = re.compile("[аеёиоуыэюяьй]$")
_CYRILLIC = "а|у|ы|и|е|я|ю|ь|о|ё|й|ом|ем|ём|ой|ей|ов|ев|ам|ям|ах|ях|ами|ями|ью"
_ARTICLES = "(?:[وف]?(?:[بك]?ال|لل|[بلك])?)"


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the table. With ``case`` capitals count, in the text and in the translation."""

    source: str
    target: str
    case: bool = False


class Glossary:
    """The terms, the longest first. Of two for the same words the later counts."""

    def __init__(self, terms: Iterable[Term] = (), source: str = "", target: str = "") -> None:
        """``source``, ``target``: the languages, which tell how words are inflected; "": any."""
        self.source, self.target = source, target
        known: dict[tuple[str, bool], Term] = {}
        for term in terms:
            if term.source.strip() and term.target.strip():
                known[term.source if term.case else term.source.casefold(), term.case] = term
        self.terms = sorted(known.values(), key=lambda term: -len(term.source))
        # what a text must hold, folded, for a term to be looked for: of 20,000 hardly one is in a sentence
        self._first = [(term, _beginning(term.source, source)) for term in self.terms]

    def between(self, source: str, target: str) -> Glossary:
        """The same terms for a pair of languages."""
        return self if (source, target) == (self.source, self.target) else Glossary(self, source, target)

    def __bool__(self) -> bool:
        return bool(self.terms)

    def __iter__(self) -> Iterator[Term]:
        return iter(self.terms)

    def __hash__(self) -> int:
        return hash(tuple(self.terms))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Glossary) and self.terms == other.terms

    def found(self, text: str) -> list[Term]:
        """The terms that stand in ``text``, in its order; a word belongs to the longest term only."""
        taken: list[tuple[int, int, Term]] = []
        folded = text.lower()
        for term, first in self._first:
            if first not in folded:
                continue
            for match in _source_pattern(term, self.source).finditer(text):
                if all(match.end() <= start or match.start() >= end for start, end, _ in taken):
                    taken.append((match.start(), match.end(), term))
        ordered = [term for _, _, term in sorted(taken, key=lambda item: item[0])]
        return list(dict.fromkeys(ordered))

    def missing(self, text: str, translation: str) -> list[Term]:
        """The terms of ``text`` whose translation is not in ``translation``."""
        return [
            term for term in self.found(text) if not holds(translation, term.target, term.case, self.target)
        ]

    @classmethod
    def from_csv(cls, text: str) -> Glossary:
        """Columns: term, translation, and "case" (or 1, yes) where capitals count; a header is optional.

        Comma, semicolon and tab separate. Raises KnownError("glossary-broken") with the line.
        """
        first = text.lstrip("\ufeff").partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        terms = []
        rows = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter)
        try:
            for number, row in enumerate(rows, 1):
                cells = [_SPACES.sub(" ", cell).strip() for cell in row]
                if not any(cells) or (number == 1 and cells[0].casefold() in _HEADERS):
                    continue
                if len(cells) < 2 or not cells[0] or not cells[1]:
                    raise KnownError("glossary-broken", line=rows.line_num)
                case = len(cells) > 2 and cells[2].casefold() in ("case", "1", "yes", "true", "x")
                terms.append(Term(cells[0], cells[1], case))
                if len(terms) > MOST:
                    raise KnownError("glossary-too-long", most=MOST)
        except csv.Error as error:
            raise KnownError("glossary-broken", line=rows.line_num) from error
        return cls(terms)

    def to_csv(self) -> str:
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(("source", "target", "case"))
        for term in sorted(self.terms, key=lambda term: term.source.casefold()):
            writer.writerow((term.source, term.target, "case" if term.case else ""))
        return out.getvalue()


def holds(text: str, term: str, case: bool = False, language: str = "") -> bool:
    """Does ``term`` stand in ``text``, as it is or with an ending that makes it plural or declines it?"""
    return any(True for _ in says(text, term, case, language))


def says(text: str, term: str, case: bool = False, language: str = "") -> Iterator[tuple[int, int]]:
    """Where ``term`` begins and ends in ``text``, as ``holds``."""
    if (known := _known_forms(term, case, language)) is not None:
        yield from (match.span() for match in known.finditer(text))
        return
    patterns = (_pattern(term, case, sum(map(str.isalpha, term)) >= _INFLECTED), _inflected(term, case))
    for pattern in patterns:
        if pattern is not None:
            yield from (match.span() for match in pattern.finditer(text))


def places(text: str, term: Term, language: str = "") -> list[tuple[int, int]]:
    """Where a term begins and ends in a text."""
    return [match.span() for match in _source_pattern(term, language).finditer(text)]


def is_inflected(text: str, term: Term, language: str = "") -> bool:
    """Does a term stand in a text with an ending?"""
    said = [match[0].casefold() for match in _source_pattern(term, language).finditer(text)]
    return bool(said) and " ".join(term.source.casefold().split()) not in (
        " ".join(one.split()) for one in said
    )


@lru_cache(maxsize=4096)
def _source_pattern(term: Term, language: str) -> re.Pattern[str]:
    plain = _pattern(term.source, term.case, sum(map(str.isalpha, term.source)) >= _INFLECTED)
    others = [*plurals(term.source, language), *_declined(term.source)]
    if not others:
        return plain
    more = "|".join(_pattern(one, term.case).pattern for one in others)
    return re.compile(f"{plain.pattern}|{more}", plain.flags)


def _beginning(term: str, language: str) -> str:
    """What a text must hold for a term to be in it, whatever becomes of its first word's end."""
    first = term.split()[0].lower()
    if _CYRILLIC_END.search(first):
        return first[:-1]
    if language not in _PLURALS or (language == "en" and not first.endswith("y")):
        return first
    return first[: max(1, len(first) - (2 if first.endswith(_LONG_PLURALS) else 1))]


def _declined(term: str) -> tuple[str, ...]:
    """Forms of a Cyrillic word that has another ending than its first form: "книга", "книгу"."""
    if not term.isalpha() or len(term) < _INFLECTED or not "\u0400" <= term[0] <= "\u04ff":
        return ()
    stem = _CYRILLIC_END.sub("", term)
    return tuple(stem + ending for ending in _CYRILLIC.split("|")) if stem != term else ()


@lru_cache(maxsize=4096)
def plurals(term: str, language: str) -> tuple[str, ...]:
    """The plurals of a term as a rule, the likeliest first; () where no rule is known here.

    Of several words English has the last in the plural; the others have all in front of "de" and its like,
    or the first.
    """
    words = term.split()
    if language not in _PLURALS or not all(word.replace("-", "").isalpha() for word in words):
        return ()
    if language == "en":
        return (" ".join([*words[:-1], _plural(words[-1], language)]),)
    short = next((at for at, word in enumerate(words) if at and len(word) <= _OF), len(words))
    found = [
        " ".join([*(_plural(word, language) for word in words[:count]), *words[count:]])
        for count in dict.fromkeys((short, 1))
    ]
    return tuple(found) if words else ()


def _plural(word: str, language: str) -> str:
    """Of "pequeno-almoço" both parts."""
    if language != "en" and "-" in word.strip("-"):
        return "-".join(_plural(part, language) if len(part) > _OF else part for part in word.split("-"))
    return _ended(word, _PLURALS[language])


def _ended(word: str, endings: Sequence[tuple[str, str]]) -> str:
    for ending, other in endings:
        if re.search(f"{ending}$", word):
            return re.sub(f"{ending}$", other, word, count=1)
    return word


@lru_cache(maxsize=4096)
def _known_forms(term: str, case: bool, language: str) -> re.Pattern[str] | None:
    """A term's forms, where it is known what they are; None of verbs and of other languages."""
    words = term.split()
    if language not in _PLURALS or not all(word.replace("-", "").isalpha() for word in words):
        return None
    if any(re.search(_INFINITIVES.get(language, "(?!)"), word) for word in words):
        return None
    letter = f"[^\\W\\d_{_UNSPACED}]"
    parts = []
    for word in words:
        forms = [word, _ended(word, _SEXES.get(language, ()))]
        if sum(map(str.isalpha, word)) > _OF or len(words) == 1:
            forms += [_plural(form, language) for form in forms]
        inner = "|".join(re.escape(form) for form in dict.fromkeys(forms))
        parts.append(f"(?:{inner})" + (_VERBS if language == "en" else ""))
    inner = r"\s+".join(parts)
    return re.compile(f"(?<!{letter}){inner}(?!{letter})", 0 if case else re.IGNORECASE)


@lru_cache(maxsize=4096)
def _inflected(term: str, case: bool) -> re.Pattern[str] | None:
    """Each word of ``term`` with any ending; None where none of its words is long enough to know it by its
    stem."""
    words = term.split()
    if not any(len(word) >= _STEM and word.isalpha() for word in words):
        return None
    letter = f"[^\\W\\d_{_UNSPACED}]"
    parts = []
    for word in words:
        if len(word) >= _STEM and word.isalpha() and not _UNSPACED_LETTER.search(word):
            other = 2 if len(word) >= _LONG or word.endswith("ão") else 1
            parts.append(
                f"{re.escape(word[:-other])}(?:{letter}{{0,{min(3, len(word) - 3)}}}|{_LONG_ENDINGS})"
            )
        else:
            parts.append(re.escape(word))
    inner = r"\s+".join(parts)
    return re.compile(f"(?<!{letter}){inner}(?!{letter})", 0 if case else re.IGNORECASE)


def replaced(text: str, term: str, other: str) -> str:
    """``text`` with ``other`` wherever ``term`` stands as whole words."""
    return _pattern(term, False).sub(lambda _: other, text)


@lru_cache(maxsize=4096)
def _pattern(term: str, case: bool, inflected: bool = False) -> re.Pattern[str]:
    """``term`` as whole words; in writing without spaces, wherever it stands; ``inflected``: as ``holds``."""
    inner = r"\s+".join(re.escape(part) for part in term.split())
    letter = f"[^\\W_{_UNSPACED}]"  # a Chinese character beside a Latin word is no part of it
    before = "" if _UNSPACED_LETTER.match(term[0]) or not term[0].isalnum() else f"(?<!{letter})"
    after = "" if _UNSPACED_LETTER.match(term[-1]) or not term[-1].isalnum() else f"(?!{letter})"
    if inflected and after:
        after = _ENDINGS + after
    if inflected and "\u0600" <= term[0] <= "\u06ff":
        before += _ARTICLES
    return re.compile(before + inner + after, 0 if case else re.IGNORECASE)
