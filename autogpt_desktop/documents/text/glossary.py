"""A user's own table of terms: how a word of one language is to be called in another."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
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
    "pt": (("ão", "ões"), ("m", "ns"), ("(?<=[aeou])l", "is"), ("il", "is"), ("(?<=[rzs])", "es"), ("", "s")),
    "es": (("z", "ces"), ("(?<=[aeiouáéó])", "s"), ("", "es")),
    "fr": (("al", "aux"), ("(?<=[sxz])", ""), ("(?<=eu|au)", "x"), ("", "s")),
    "it": (("[oe]", "i"), ("ca", "che"), ("ga", "ghe"), ("a", "e")),
    "ca": (("a", "es"), ("", "s")),
    "gl": (("n", "ns"), ("(?<=[aeiou])", "s"), ("", "es")),
}  # fmt: skip
_ARTICLES = "(?:[وف]?(?:[بك]?ال|لل|[بلك])?)"


@dataclass(frozen=True, slots=True)
class Term:
    """One line of the table. With ``case`` capitals count, in the text and in the translation."""

    source: str
    target: str
    case: bool = False


class Glossary:
    """The terms, the longest first. Of two for the same words the later counts."""

    def __init__(self, terms: Iterable[Term] = ()) -> None:
        known: dict[tuple[str, bool], Term] = {}
        for term in terms:
            if term.source.strip() and term.target.strip():
                known[term.source if term.case else term.source.casefold(), term.case] = term
        self.terms = sorted(known.values(), key=lambda term: -len(term.source))
        # what a text must hold, folded, for a term to be looked for: of 20,000 hardly one is in a sentence
        self._first = [(term, term.source.split()[0].lower()) for term in self.terms]

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
            for match in _source_pattern(term).finditer(text):
                if all(match.end() <= start or match.start() >= end for start, end, _ in taken):
                    taken.append((match.start(), match.end(), term))
        ordered = [term for _, _, term in sorted(taken, key=lambda item: item[0])]
        return list(dict.fromkeys(ordered))

    def missing(self, text: str, translation: str) -> list[Term]:
        """The terms of ``text`` whose translation is not in ``translation``."""
        return [term for term in self.found(text) if not holds(translation, term.target, term.case)]

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


def holds(text: str, term: str, case: bool = False) -> bool:
    """Does ``term`` stand in ``text``, as it is or with an ending that makes it plural or declines it?"""
    return any(True for _ in says(text, term, case))


def says(text: str, term: str, case: bool = False) -> Iterator[tuple[int, int]]:
    """Where ``term`` begins and ends in ``text``, as ``holds``."""
    patterns = (_pattern(term, case, sum(map(str.isalpha, term)) >= _INFLECTED), _inflected(term, case))
    for pattern in patterns:
        if pattern is not None:
            yield from (match.span() for match in pattern.finditer(text))


def places(text: str, term: Term) -> list[int]:
    """Where a term begins in a text."""
    return [match.start() for match in _source_pattern(term).finditer(text)]


def is_inflected(text: str, term: Term) -> bool:
    """Does a term stand in a text with an ending?"""
    said = [match[0].casefold() for match in _source_pattern(term).finditer(text)]
    return bool(said) and " ".join(term.source.casefold().split()) not in (
        " ".join(one.split()) for one in said
    )


def _source_pattern(term: Term) -> re.Pattern[str]:
    return _pattern(term.source, term.case, sum(map(str.isalpha, term.source)) >= _INFLECTED)


def plurals(term: str, language: str) -> tuple[str, ...]:
    """The plural of a term of one word as a rule; () of others, and where no rule is known here."""
    if not term.isalpha():
        return ()
    for ending, other in _PLURALS.get(language, ()):
        if (found := re.sub(f"{ending}$", other, term, count=1)) != term:
            return (found,)
    return ()


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
