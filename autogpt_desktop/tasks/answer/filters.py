"""Whether a phrase can be the answer at all: of the type that is asked for, about what the question names.

A small model answers a question about another year or person with what the text says of its own. What a
question names, a text that answers it names too, or something near it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from autogpt_desktop.tasks.answer.lexicon import STOP_WORDS, answer_type, type_match, words

_YEAR = re.compile(r"(?<![\d.,])(?:1\d|20)\d\d(?!\d|,\d)")
_MONTH = re.compile(
    r"\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
    r"|(?:1[0-2]|[1-9]|十[一二]|[一二三四五六七八九十])月"
)
_TIME = re.compile(  # when something is, without a number
    r"\b(?:dawn|dusk|noon|midnight|morning|afternoon|evening|night|spring|summer|autumn|fall|winter|war|before|after"
    r"|during|until|since|while|once|when|weeks?|days?|daily|today|tomorrow|yesterday|now|soon|easter|christmas)\b"
    r"|[早晚春夏秋冬今明昨前后时周]",
    re.IGNORECASE,
)
_VAGUE_NUMBER = re.compile(
    r"\b(?:many|much|several|few|little|most|all|some|none|no|vast|large|small)\b", re.IGNORECASE
)
_ACRONYM = re.compile(r"\b[A-Z]{2,5}\b")
_STEM = 4  # letters that similar names have in common
_NAME_LINKS = ("", "of", "of the", "de", "von", "van")  # between the words of one name


def is_possible(question: str, text: str, phrase: str, elsewhere: str = "", names: bool = True) -> bool:
    """Whether ``phrase`` of ``text`` may answer the question. ``elsewhere``: what else the file says about
    itself (its title, other passages), where a name may stand too. ``names``: False for a translated
    question, whose names may be mangled."""
    return (
        _has_asked_type(question, phrase)
        and not _names_another(_YEAR, question, text, elsewhere)
        and not _names_another(_MONTH, question, text, elsewhere)
        and (not names or _names_are_in(question, f"{text} {elsewhere}"))
    )


def _has_asked_type(question: str, phrase: str) -> bool:
    """Whether the phrase is not surely of another type than is asked for."""
    expected = answer_type(question)
    match = type_match(expected, phrase)
    if match >= 0 or expected not in ("date", "number", "person"):
        return True
    allowed = {"date": _TIME, "number": _VAGUE_NUMBER}.get(expected)
    return allowed is not None and bool(allowed.search(phrase))


def _names_another(pattern: re.Pattern[str], question: str, text: str, elsewhere: str) -> bool:
    """The question names a year (a month) and the text another one, and not this one."""
    asked, in_text = set(pattern.findall(question)), set(pattern.findall(text))
    return bool(asked) and bool(in_text) and not asked & (in_text | set(pattern.findall(elsewhere)))


def _names_are_in(question: str, text: str) -> bool:
    """Whether the text has each name of the question: a word of it, or its initials."""
    in_text = {word for word, _, _ in words(text)}
    acronyms = set(_ACRONYM.findall(text.replace(".", "")))
    return all(
        "".join(word[0] for word in name).upper() in acronyms
        or any(_has_similar(word, in_text) for word in name)
        for name in _names(question)
    )


def _names(question: str) -> Iterator[list[str]]:
    """Names inside a question, each the words that are written with a capital one after the other: a text
    may say the half of one. Abbreviations may be spelled out in the text."""
    name, name_end = list[str](), 0
    for word, start, end in words(question)[1:]:
        written = question[start:end]
        if not written[:1].isupper() or written.isupper() or word in STOP_WORDS or len(word) <= 2:
            continue
        if name and question[name_end:start].strip(" -") not in _NAME_LINKS:
            yield name
            name = []
        name.append(word)
        name_end = end
    if name:
        yield name


def _has_similar(name: str, in_text: set[str]) -> bool:
    """Whether the text has the name, or one that begins alike: Germany, German; Ulrik, Ulrich."""
    return name in in_text or any(word[:_STEM] == name[:_STEM] for word in in_text)
