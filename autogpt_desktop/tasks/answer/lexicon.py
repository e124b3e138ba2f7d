"""What the words of questions and phrases say by themselves, in English and Chinese.

Words without their endings, stop words, the type of answer that a question asks for, whether a phrase is of
that type, and dates and numbers that a phrase is only a part of.
"""

from __future__ import annotations

import re

CJK = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]")
_WORD = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]|[^\W_\u2e80-\u9fff\uf900-\ufaff]+(?:['’][^\W\d_]+)?")
_STOP_WORDS = """
    a an the of in on at to for from by with as and or but nor so is are was were be been being am do does
    did done has have had having it its this that these those there their they them he she his her him we
    our us you your i my me who whom whose which what when where why how many much long often far old
    not no than then also into about over under between after before during while through can could
    will would shall should may might must s if such other some any each both more most kind type name
    named called used according 的 了 在 是 有 和 与 及 或 被 把 为 对 从 到 于 之 这 那 其 它 他 她 们 个
    些 什 么 谁 哪 里 几 多 少 何 怎 样 吗 呢 中 上 下 以 而 也 都 因
"""
_PRONOUNS = """
    it its he his him she her they their them this that these those there one 它 他 她 这 那 其 该
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
PRONOUNS = frozenset(_PRONOUNS.split())
_FOLLOW_UP = re.compile(
    r"\s*(?:and|but|or|so|also|then|what about|how about|what else|why not|anything else)\b"
    r"|[^?？]{0,12}呢[?？]?\s*$|\s*(?:那么?|还有|另外|以及|然后)",
    re.IGNORECASE,
)

# Words


def is_cjk(text: str) -> bool:
    """Written without spaces for the larger part, as Chinese is."""
    letters = sum(letter.isalpha() for letter in text)
    return 3 * len(CJK.findall(text)) > letters


def words(text: str) -> list[tuple[str, int, int]]:
    """(word in lower case without its ending, start, end); each Chinese character is one."""
    return [(_stem(match[0].lower()), match.start(), match.end()) for match in _WORD.finditer(text)]


def _stem(word: str) -> str:
    word = re.sub(r"['’]s?$", "", word)
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word[: -len(ending)]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def content_words(text: str) -> list[str]:
    """The words that carry a text's meaning: ``words`` without stop words."""
    return [word for word, start, end in words(text) if text[start:end].lower() not in STOP_WORDS]


# Questions


def is_follow_up(question: str) -> bool:
    """Begins, or ends, as one does that only makes sense behind another question."""
    return bool(_FOLLOW_UP.match(question))


_TYPE_PATTERNS = {
    "date": r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade|time)\b"
    r"|什么时候|何时|哪一?年|哪一?天|几月|哪个世纪|时间",
    "number": r"\bhow (?:many|much|long|old|far|large|big|high|tall|fast|often|deep)\b"
    r"|\bwhat (?:percent|number|percentage|amount|age|proportion)|多少|几|多大|多长|多高|多远|比例|百分",
    "person": r"\bwho(?:m|se)?\b|谁|哪位|哪个人",
    "place": r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|town|region|continent|river)\b"
    r"|哪里|哪儿|何处|什么地方|哪个(?:国家|城市|地区|州)",
    "reason": r"\bwhy\b|\bhow (?:do|does|did|can|is|are|was|were)\b|为什么|为何|怎样|如何|怎么",
}
_TYPES = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _TYPE_PATTERNS.items()}


def answer_type(question: str) -> str:
    """What a question asks for: "date", "number", "person", "place", "reason", or else "thing"."""
    matches = [(match.start(), name) for name, asks in _TYPES.items() if (match := asks.search(question))]
    return min(matches)[1] if matches else "thing"


# Phrases

_DIGIT = re.compile(r"\d|[〇零一二三四五六七八九十百千万亿]{1}")
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|"
    r"millions?|billions?|half|third|quarter|twice|once|percent|first|second|fourth|fifth)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:1[0-9]|20)\d\d\b|\bcentur|\b(?:january|february|march|april|may|june|july|august|september|october|"
    r"november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b|\d\s*+年|世纪|\d月",
    re.IGNORECASE,
)


def type_match(expected: str, phrase: str) -> int:
    """1: a phrase of the expected ``answer_type``, -1: of another, 0: cannot be told."""
    digit, date = bool(_DIGIT.search(phrase)), bool(_DATE.search(phrase))
    number = digit or bool(_NUMBER_WORD.search(phrase))
    if expected == "date":
        return 1 if date else (0 if number else -1)
    if expected == "number":
        return -1 if not number else (0 if date and not re.search(r"\s", phrase) else 1)
    if expected in ("person", "place"):
        if CJK.search(phrase):
            return -1 if digit else 0
        named = phrase[:1].isupper() or bool(re.search(r"\s[A-Z]", phrase))
        return 1 if named and not digit else -1
    if expected == "reason":
        return 1 if len(phrase.split()) > 2 or CJK.search(phrase) else -1
    return -1 if date else 0


# Dates and numbers are answered whole: of “14 March 2021” a model may copy “March”, of “62 kg” the unit.

_MONTH_NAME = (
    r"(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)\.?)"
)
_DAY = r"\d{1,2}(?:st|nd|rd|th)?"
_WHOLE_DATE = re.compile(
    rf"\b(?:{_DAY}\s(?:of\s)?)?{_MONTH_NAME}(?:\s{_DAY}\b(?!\d))?(?:,?\s\d{{4}})?\b"
    r"|\d{4}\s?年(?:\s?\d{1,2}\s?月(?:\s?\d{1,2}\s?日)?)?"
    r"|[〇零一二三四五六七八九]{4}年(?:[一二三四五六七八九十]{1,2}月(?:[一二三四五六七八九十]{1,3}日)?)?"
)
_UNIT = (
    r"(?:%|％|per\s?cent|percent|degrees?|[kmcµ]?[mg]|km²|m²|ha|litres?|liters?|tonnes?|tons?|miles?|feet|inches"
    r"|met(?:re|er)s?|kilomet(?:re|er)s?|kilograms?|hours?|minutes?|seconds?|days?|weeks?|months?|years?|centuries"
    r"|euros?|dollars?|pounds?|yuan|cents?)"
)
_WHOLE_NUMBER = re.compile(
    r"(?:[$€£¥]\s?)?\d+(?:[.,]\d+)*(?:\s(?:hundred|thousand|million|billion|trillion))*"
    rf"(?:\s?{_UNIT}(?![^\W\d_]))?|[〇零一二三四五六七八九十百千万亿两]+(?=[^〇零一二三四五六七八九十百千万亿两])"
)
_CHINESE_YEAR = re.compile(r"[〇零一二三四五六七八九]{4}年|\d{4}年")
_ASKS_FULL_DATE = re.compile(r"\bwhen\b|\bdate\b|\bwhat day\b|什么时候|何时|哪一?天|时间", re.IGNORECASE)


def whole_expression(question: str, text: str, start: int, end: int) -> tuple[int, int]:
    """The phrase ``text[start:end]``, or the date or number that it is only a part of.

    A question for a year or a month is left its part of a date, and one that names the unit the bare number.
    """
    expected = answer_type(question)
    patterns = [_WHOLE_NUMBER] if expected in ("number", "thing") else []
    if expected == "date":
        patterns.append(_WHOLE_DATE if _ASKS_FULL_DATE.search(question) else _CHINESE_YEAR)
    asked = {word for word, _, _ in words(question) if word.isascii()}
    for pattern in patterns:
        for match in pattern.finditer(text, max(0, start - 40), min(len(text), end + 40)):
            if not match.start() <= start < end <= match.end():
                continue
            added = words(f"{text[match.start() : start]} {text[end : match.end()]}")
            if added and not all(word in asked for word, _, _ in added):
                return match.start(), match.end()
    return start, end
