"""What small models do wrong in a translation, found by looking at the text alone.

Flags: "empty", "short", "long", "repeats", "copied", "numbers", "placeholders" (also URLs, code,
addresses), "language", "glossary", "negation", "names";
"omitted" where a model says which word became which, "unlike" where one finds it unlikely (``doubt``).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import cache

from autogpt_desktop import paths
from autogpt_desktop.documents.text.codes import has_words
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.documents.text.languages import base_code, language_of
from autogpt_desktop.documents.text.scripts import HAN, KANA
from autogpt_desktop.tasks.translate.names import lost_names
from autogpt_desktop.tasks.translate.negation import lost_negation

SHORT, LONG = 0.55, 2.3  # of the pair's usual ratio of lengths; plainly wrong are 0.5 and 2.5
# Of whole sentences lengths say more: of people's translations of FLORES dev, in any of 14 pairs, one in 100
# is shorter than this, or longer; of those without one of two sentences 80 are.
_SHORT_SENTENCE, _LONG_SENTENCE = 0.63, 1.75
_WORD_LENGTH, _SENTENCE_LENGTH = 12, 60  # characters of English
WIDE = {"zh", "zh-Hant", "ja"}  # written without spaces
_DENSE, _DENSE_SHARE = {*WIDE, "ko"}, 0.35
_NOT_DENSE = re.compile(r"[\x00-\u024f]")
_PHRASE, _TIMES = 4, 3  # words (Chinese and Japanese: characters), and how often make a loop
SEVERITY = {  # what a flag costs beside another candidate without it
    "empty": 12.0, "copied": 6.0, "repeats": 6.0, "language": 5.0, "short": 4.0, "long": 4.0,
    "placeholders": 3.0, "glossary": 2.0, "numbers": 1.5,
    "negation": 1.0, "names": 1.0, "omitted": 4.0, "unlike": 4.0, "term": 0.5,
}  # fmt: skip
GUESSED = {"negation", "names"}  # told by words, where no model can be asked
_TIME = r"(?:\d{1,2}:)?\d{1,2}:\d{2}[.,]\d{3}(?!\d)"  # of subtitles
PROTECTED = re.compile(
    r"`[^`\n]+`|\]\([^()\s]*\)"  # code, and where a Markdown link leads
    rf"|(?<![\d:]){_TIME}(?:[ \t]{{0,3}}-->[ \t]{{0,3}}{_TIME})?"
    r"|https?://[^\s<>\"'，。、）」】]*[^\s<>\"'，。、）」】.,;:!?)\]]|www\.[\w./-]*[\w/]"
    r"|(?<![\w.+-])[\w.+-]++@[\w-]++(?:\.[\w-]++)+"  # from a word's beginning only: elsewhere it is in vain
    r"|</?[A-Za-z][^<>\n]{0,200}>|<!--(?:(?!<!--|-->).)*+-->|&(?:[A-Za-z]{2,8}|#\d{1,6});"
    r"|\{\{[^{}\n]{0,60}\}\}|\$\{[^{}\n]{0,60}\}|\{[^{}\n]{0,60}\}"
    r"|%\(\w++\)[-#0 +]*+[\d.]*+[sdifgxrue]|%(?:\d++\$)?[-#0+]*+[\d.]*+(?:[lh]{0,2})[sdifxXucg](?![a-z])|%%"
)
_NUMBER = re.compile(r"(?:\d{1,3}(?:[.,'’ \u00a0\u202f\u2009٬٫]\d{3}(?!\d))+|\d+)(?:[.,٫]\d+)?")
_YEARS = re.compile(r"(?<!\d)((?:19|20))(\d\d)([-–~～])(\d\d)(?!\d)")  # "1995–96"
_NAMED = re.compile(r"(?i)covid-?\d\d")  # a name, which other languages may shorten
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TEENS = ("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")
_SMALL = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WORD_VALUES = (  # of English, for numbers that other languages write in digits
    {word: at for at, word in enumerate(_SMALL, 1)} | {word: at for at, word in enumerate(_TEENS, 13)}
    | {word: 10 * at for at, word in enumerate(_TENS, 2)} | {"a": 1, "an": 1, "dozen": 12}
)  # fmt: skip
_WORD_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
_WORD_NUMBER = re.compile(
    rf"\b(?:(?:{'|'.join(_TENS)})-(?:{'|'.join(_SMALL[:9])})|{'|'.join(_WORD_VALUES)})?(?:\s?(?:{'|'.join(_WORD_SCALES)})s?)*\b",
    re.IGNORECASE,
)
_SCALES: dict[str, int] = {
    "thousand": 3, "million": 6, "billion": 9, "trillion": 12, "mille": 3, "millions": 6, "milliard": 9,
    "milliards": 9, "billions": 9, "tausend": 3, "millionen": 6, "milliarde": 9, "milliarden": 9, "mil": 3,
    "millón": 6, "millones": 6, "milhão": 6, "milhões": 6, "bilhão": 9, "bilhões": 9, "mila": 3, "milione": 6,
    "milioni": 6, "miliardo": 9, "miliardi": 9, "тысяч": 3, "тысячи": 3, "тыс": 3, "миллион": 6,
    "миллиона": 6, "миллионов": 6, "млн": 6, "миллиард": 9, "миллиарда": 9, "миллиардов": 9, "млрд": 9,
    "ألف": 3, "مليون": 6, "مليار": 9, "万": 4, "萬": 4, "亿": 8, "億": 8, "만": 4, "억": 8, "千": 3, "천": 3,
}  # fmt: skip
_SCALE = re.compile(
    r"[\s\u00a0]*("
    + "|".join(sorted(map(re.escape, _SCALES), key=len, reverse=True))
    + r")(?!(?<=[a-zа-я])\w)"
)
_NEAR = 24  # characters behind a number in which its "million" begins and ends
_SAID = 12  # a number up to this may be written as a word
_LETTERS = re.compile(r"[^\W\d_]")
_WORDS = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_PLAIN_WORD = re.compile(r"(?<![A-Za-z0-9.@#_-])[a-z]{4,}(?![A-Za-z0-9.@_-])")
_CHARACTERS = re.compile(r"[^\W_]")
_SCRIPT = {
    "zh": "CJK", "zh-Hant": "CJK", "ja": "CJK HIRAGANA KATAKANA", "ko": "HANGUL", "ru": "CYRILLIC",
    "ar": "ARABIC",
}  # fmt: skip
_MOST_REPAIRED = 100  # protected parts; a text that lost more was not translated at all
_MOST_UNLINKED = 5  # words in a row without a counterpart; four come in free translations
_MOST_CHECKED = 40  # letters; fewer may be names, which are in any language
_HARDLY = 0.1  # probability of the language that was asked for


def has_letters(text: str) -> bool:
    """Is there anything to translate beside protected parts, addresses, hashes and the like?"""
    return has_words(text) and has_words(PROTECTED.sub(" ", text))


def flags(
    source: str, translation: str, from_: str, to: str, glossary: Glossary | None = None
) -> tuple[str, ...]:
    """What is wrong with a translation, worst first."""
    if not translation.strip():
        return ("empty",)
    found = []
    if copied(source, translation):
        found.append("copied")
    if loops(translation, to):  # also where the source does: a user should look
        found.append("repeats")
    if wrong_language(source, translation, to) or left_over(source, translation, to):
        found.append("language")
    found += wrong_length(source, translation, from_, to)
    if lost(source, translation):
        found.append("placeholders")
    if glossary and glossary.missing(source, translation):
        found.append("glossary")
    if not same_numbers(source, translation):
        found.append("numbers")
    if lost_negation(source, translation, from_, to):
        found.append("negation")
    if lost_names(PROTECTED.sub(" ", source), PROTECTED.sub(" ", translation), from_, to):
        found.append("names")
    return tuple(found)


def cost(found: Iterable[str]) -> float:
    """How bad flags are together: what candidates are compared by."""
    return sum(SEVERITY[flag] for flag in found)


def copied(source: str, translation: str) -> bool:
    """The same as the source, and not a name or a code, which may stay as they are."""
    one, other = _folded(source), _folded(translation)
    if one != other:
        return False
    words = _WORDS.findall(PROTECTED.sub(" ", source))
    name = len(words) <= 3 and all(not word[0].islower() for word in words) and source.rstrip()[-1:].isalnum()
    return bool(words) and (not name or bool(re.search(f"[{HAN}{KANA}]", source)))


def _folded(text: str) -> str:
    return " ".join(_WORDS.findall(unicodedata.normalize("NFKC", text).casefold()))


def loops(text: str, language: str) -> bool:
    """Does a phrase of four words (in Chinese and Japanese, characters) come three times or more?"""
    text = text.casefold()
    kinds: list[list[str]] = [_WORDS.findall(text), text.split()]
    if language in WIDE:
        kinds = [_CHARACTERS.findall(text)]
    for parts in kinds:
        counted = Counter(tuple(parts[at : at + _PHRASE]) for at in range(len(parts) - _PHRASE + 1))
        if counted and max(counted.values()) >= _TIMES:
            return True
    return bool(re.search(r"(.{1,12}?)\1{5,}", re.sub(r"[-–—_=*.·…\s]+", " ", text)))


def wrong_length(source: str, translation: str, from_: str, to: str) -> list[str]:
    """ "short" or "long", beside what is usual for the pair. A few words say little about length."""
    least = size(PROTECTED.sub("", source).strip(), from_) / usual_size(from_)  # as characters of English
    ratio = relative_length(source, translation, from_, to)
    if least < _WORD_LENGTH:
        short, long = ratio < 0.25, ratio > 5
    elif least < _SENTENCE_LENGTH:
        short, long = ratio < SHORT, ratio > LONG
    else:
        short, long = ratio < _SHORT_SENTENCE, ratio > _LONG_SENTENCE
    return ["short"] if short else ["long"] if long else []


def relative_length(source: str, translation: str, from_: str, to: str) -> float:
    """The ratio of lengths, by what is usual for the pair: 1 is usual."""
    before, after = (PROTECTED.sub("", text).strip() for text in (source, translation))
    usual = usual_size(to) / usual_size(from_)
    return size(after, to) / max(size(before, from_), 1) / usual


def size(text: str, language: str) -> float:
    """Characters; those of other writing within Chinese, Japanese or Korean count as they say as much."""
    if language not in _DENSE:
        return float(len(text))
    others = len(_NOT_DENSE.findall(text))
    return len(text) - (1 - _DENSE_SHARE) * others


@cache
def usual_size(language: str) -> float:
    """The ``size`` of a text for each character of the same in English."""
    file = paths.resources() / "calibration" / "translate.json"
    known: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))["sizes"]
    return known.get(base_code(language), 1.0)


def omitted(source: str, linked: Iterable[tuple[int, int]], from_: str) -> bool:
    """Do several words in a row stand in no link to the translation? ``linked``: characters of those that do.

    Of people's own translations, which say things more freely than models, this is true of 2 in 100; of those
    that leave out one of two sentences of 99 (en–pt and pt–en, FLORES dev)."""
    return longest_gap(source, linked, from_) >= _MOST_UNLINKED


def longest_gap(source: str, linked: Iterable[tuple[int, int]], from_: str) -> int:
    """The most words in a row that stand in no link; 0 where a language writes no words apart."""
    if from_ in WIDE:
        return 0
    places = sorted(linked)
    at = row = most = 0
    for word in _WORDS.finditer(source):
        while at < len(places) and places[at][1] <= word.start():
            at += 1
        row = 0 if at < len(places) and places[at][0] < word.end() else row + 1
        most = max(most, row)
    return most


def wrong_language(source: str, translation: str, to: str) -> bool:
    """Is it in another script or language than asked for? Only where enough is written to tell."""
    letters = "".join(_LETTERS.findall(PROTECTED.sub(" ", translation)))
    if not letters:
        return has_letters(source)
    scripts = Counter(unicodedata.name(letter, "?").split(" ")[0] for letter in letters)
    wanted = _SCRIPT.get(to, "LATIN").split()
    share = sum(scripts[script] for script in wanted) / len(letters)
    if to in WIDE or to == "ko":  # Latin names take many letters
        share = 1 - 0.4 * (1 - share) if share else 0.0
    if share < 0.6:
        words = _WORDS.findall(translation)
        return not (len(words) <= 3 and _folded(source) == _folded(translation))
    if to == "ja" and len(letters) >= 15:
        return not (scripts["HIRAGANA"] or scripts["KATAKANA"])
    if to.startswith("zh"):
        return scripts["HIRAGANA"] + scripts["KATAKANA"] > 0.1 * len(letters)
    if len(letters) < _MOST_CHECKED or wanted != ["LATIN"]:
        return False
    found = language_of(PROTECTED.sub(" ", translation))
    return found.sure and found.share(to) < _HARDLY


def left_over(source: str, translation: str, to: str) -> list[str]:
    """Words of a source in Latin letters that stand in a translation into another script; not names."""
    if to not in _SCRIPT:
        return []
    words = set(_PLAIN_WORD.findall(PROTECTED.sub(" ", source)))
    return [word for word in _PLAIN_WORD.findall(PROTECTED.sub(" ", translation)) if word in words]


def protected(text: str) -> list[str]:
    """Placeholders, tags, code, addresses: what stays as it is, in order."""
    return PROTECTED.findall(text)


def lost(source: str, translation: str) -> list[str]:
    """Protected parts of the source that are missing, and those that came from nowhere."""
    before, after = Counter(protected(source)), Counter(protected(translation))
    return list((before - after).elements()) + list((after - before).elements())


def same_numbers(source: str, translation: str) -> bool:
    """Do the same numbers stand in both? Small ones may be words, 10 million may be 1000万."""
    one, other = PROTECTED.sub(" ", source), PROTECTED.sub(" ", translation)
    if _digits(one) == _digits(other):
        return True
    before, after = _numbers(one), _numbers(other)
    gone, new = before - after, after - before
    gone -= _spoken(other)
    new -= _spoken(one)
    return not any(value > _SAID for value in gone) and not (
        any(value > _SAID for value in new) or (gone and new)
    )


def _spoken(text: str) -> Counter[float]:
    """Numbers that are written as words of English."""
    found: Counter[float] = Counter()
    for match in _WORD_NUMBER.finditer(text):
        words = match[0].casefold().replace("-", " ").split()
        if not words or words in (["a"], ["an"], ["one"]):
            continue
        value = sum(_WORD_VALUES.get(word, 0) for word in words) or 1
        for word in words:
            value *= _WORD_SCALES.get(word.removesuffix("s"), 1)
        found[float(value)] += 9  # each may be said again
    return found


def _digits(text: str) -> list[str]:
    return sorted(re.findall(r"\d+", unicodedata.normalize("NFKC", text)))


def _numbers(text: str) -> Counter[float]:
    text = _NAMED.sub("", unicodedata.normalize("NFKC", text))
    text = _YEARS.sub(r"\1\2\3\1\4", text)
    found: Counter[float] = Counter()
    for match in _NUMBER.finditer(text):
        digits = match.group()
        whole, fraction = digits, ""
        tail = re.search(r"[.,٫](\d+)$", digits)
        if tail and len(tail.group(1)) != 3:
            whole, fraction = digits[: tail.start()], tail.group(1)
        value = float("".join(filter(str.isdecimal, whole)) + "." + (fraction or "0"))
        scale = _SCALE.match(text[match.end() : match.end() + _NEAR].casefold())
        if scale:
            value *= 10 ** _SCALES[scale.group(1)]
        found[round(value, 4)] += 1
    return found


def repaired(source: str, translation: str) -> tuple[str, bool]:
    """The translation with lost protected parts put back: where something like them stands, else about
    where they stood. And whether a place had to be guessed."""
    guessed = False
    parts, have = protected(source), Counter(protected(translation))
    wanted = Counter(parts)
    if (wanted - have).total() > _MOST_REPAIRED:
        return translation, True
    for part in parts:
        if have[part] >= wanted[part]:
            continue
        match = _find_loosely(translation, part)
        if match and match.group() != part:
            translation = translation[: match.start()] + part + translation[match.end() :]
            have = Counter(protected(translation))
            continue
        at = round(source.index(part) / max(len(source), 1) * len(translation))
        translation, guessed = _put(translation, at, part), True
        have = Counter(protected(translation))
    return translation, guessed


def _find_loosely(text: str, part: str) -> re.Match[str] | None:
    """``part`` in other case or with blanks between its characters."""
    letters = re.sub(r"\s+", "", part)
    if len(letters) > len(text):  # a pattern as long as a text takes long to make
        return None
    return re.compile(r"\s*".join(map(re.escape, letters)), re.IGNORECASE).search(text)


def _put(text: str, at: int, part: str) -> str:
    """``part`` at the gap between words that is nearest to ``at``."""
    gaps = [match.start() for match in re.finditer(r"\s|$", text)]
    at = min(gaps, key=lambda gap: abs(gap - at)) if " " in text else min(at, len(text))
    before, after = text[:at].rstrip(), text[at:].lstrip()
    return " ".join(piece for piece in (before, part, after) if piece)


def apart(text: str) -> tuple[str, str, str]:
    """(protected parts and signs in front, what is to be translated, those behind)."""
    start, end = 0, len(text)
    while match := re.compile(rf"\s*(?:{PROTECTED.pattern})\s*").match(text, start, end):
        start = match.end()
    spans = [match.span() for match in PROTECTED.finditer(text, start)]
    for first, last in reversed(spans):
        if text[last:end].strip():
            break
        end = first
    inner = text[start:end]
    left, right = len(inner) - len(inner.lstrip()), len(inner) - len(inner.rstrip())
    return text[: start + left], inner.strip(), text[end - right :]
