"""Whether a phrase can be the answer at all: of the kind that is asked for, about what it names.

A small model answers a question about another year or person with what the text says of its own. What a
question names, a text that answers it names too, or something near it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import SequenceMatcher

from autogpt_desktop.tasks.answer.lexicon import COMMON, fits, kind_of, words

_YEAR = re.compile(r"(?<![\d.,])(?:1\d|20)\d\d(?!\d|,\d)")
_MONTH = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
    r"|(?:1[0-2]|[1-9]|十[一二]|[一二三四五六七八九十])月"
)
_NOT = re.compile(r"\b(?:not|never|nobody|nothing|n't)\b|没有|并未|从未", re.IGNORECASE)
_AMOUNT = re.compile(r"\d,\d{3}|[€$£%¥]|\b(?:euros?|dollars?|pounds?|yuan|percent)\b", re.IGNORECASE)
_TIME = re.compile(  # when something is, without a number
    r"\b(?:dawn|dusk|noon|midnight|morning|afternoon|evening|night|spring|summer|autumn|fall|winter|war|before|after"
    r"|during|until|since|while|once|when|weeks?|days?|daily|today|tomorrow|yesterday|now|soon|easter|christmas)\b"
    r"|[早晚春夏秋冬今明昨前后时周]",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:many|much|several|few|little|most|all|some|none|no|vast|large|small)\b", re.IGNORECASE
)
_ALIKE = 0.75  # of the letters: a name that is spelled a little differently
_INITIALS = re.compile(r"\b[A-Z]{2,5}\b")
_LINKS = ("", "of", "of the", "de", "von", "van")  # between the words of one name
_STEM = 4  # letters that names of one root begin with: Germany, German


def possible(question: str, text: str, phrase: str, near: str = "", names: bool = True) -> bool:
    """Whether ``phrase`` of ``text`` may answer the question. ``near``: what else the file says about itself
    (its title, other passages), where a name may stand too. ``names``: False for a translated question,
    whose names may be mangled."""
    kind = kind_of(question)
    fit = fits(kind, phrase)
    if kind == "date" and (_AMOUNT.search(phrase) or (fit < 0 and not _TIME.search(phrase))):
        return False
    if fit < 0 and (kind == "person" or (kind == "number" and not _VAGUE.search(phrase))):
        return False
    if kind in ("date", "person", "place") and _NOT.search(phrase):
        return False
    if _other(_YEAR, question, text, near) or _other(_MONTH, question, text, near):
        return False
    if not names:
        return True
    said = {word for word, _, _ in words(f"{text} {near}")}
    shortened = set(_INITIALS.findall(f"{text} {near}".replace(".", "")))
    return all(
        "".join(word[0] for word in name).upper() in shortened or any(_is_named(word, said) for word in name)
        for name in _names(question)
    )


def _other(pattern: re.Pattern[str], question: str, text: str, near: str) -> bool:
    """The question names a year (a month) and the text another one, and not this one."""
    asked, said = set(pattern.findall(question)), set(pattern.findall(text))
    return bool(asked) and bool(said) and not asked & (said | set(pattern.findall(near)))


def _names(question: str) -> Iterator[list[str]]:
    """Names inside a question, each the words that are written with a capital one after the other: a text
    may say the half of one. Abbreviations may be spelled out in the text."""
    name, behind = list[str](), 0
    for word, start, end in words(question)[1:]:
        written = question[start:end]
        if not written[:1].isupper() or written.isupper() or word in COMMON or len(word) <= 2:
            continue
        if name and question[behind:start].strip(" -") not in _LINKS:
            yield name
            name = []
        name.append(word)
        behind = end
    if name:
        yield name


def _is_named(name: str, said: set[str]) -> bool:
    if name in said:
        return True
    return any(
        one[:1] == name[:1]
        and (one[:_STEM] == name[:_STEM] or SequenceMatcher(None, one, name).ratio() >= _ALIKE)
        for one in said
    )
