"""What the words of questions and phrases say by themselves, in English and Chinese."""

from __future__ import annotations

import re

_WORD = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]|[^\W_\u2e80-\u9fff\uf900-\ufaff]+(?:['’][^\W\d_]+)?")
WIDE = re.compile(r"[\u2e80-\u9fff\uf900-\ufaff]")
_COMMON_WORDS = """
    a an the of in on at to for from by with as and or but nor so is are was were be been being am do does
    did done has have had having it its this that these those there their they them he she his her him we
    our us you your i my me who whom whose which what when where why how many much long often far old
    not no than then also into about over under between after before during while through can could
    will would shall should may might must s if such other some any each both more most kind type name
    named called used according 的 了 在 是 有 和 与 及 或 被 把 为 对 从 到 于 之 这 那 其 它 他 她 们 个
    些 什 么 谁 哪 里 几 多 少 何 怎 样 吗 呢 中 上 下 以 而 也 都 因
"""
_EDGE_WORDS = "a an of in on at to for from by with as and or but is are was were be that which who it"
_PRONOUN_WORDS = """
    it its he his him she her they their them this that these those there one 它 他 她 这 那 其 该
"""
COMMON = frozenset(_COMMON_WORDS.split())
EDGE = frozenset(_EDGE_WORDS.split())  # no answer begins or ends with these
PRONOUNS = frozenset(_PRONOUN_WORDS.split())
_DIGIT = re.compile(r"\d|[〇零一二三四五六七八九十百千万亿]{1}")
_NUMBER_WORD = re.compile(
    r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozens?|hundreds?|thousands?|"
    r"millions?|billions?|half|third|quarter|twice|once|percent|first|second|fourth|fifth)\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:1[0-9]|20)\d\d\b|\bcentur|\b(?:january|february|march|april|may|june|july|august|september|october|"
    r"november|december|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b|\d+\s*年|世纪|\d+月",
    re.IGNORECASE,
)
_GOES_ON = re.compile(
    r"\s*(?:and|but|or|so|also|then|what about|how about|what else|why not|anything else)\b"
    r"|[^?？]{0,12}呢[?？]?\s*$|\s*(?:那么?|还有|另外|以及|然后)",
    re.IGNORECASE,
)
_HEAD = re.compile(r"\b(?:what|which|how many|how much)\s+((?:[\w'-]+\s*){1,3})", re.IGNORECASE)
KINDS = ("date", "number", "person", "place", "reason", "thing")
_ASKS = (
    (
        "date",
        r"\bwhen\b|\b(?:what|which) (?:\w+ )?(?:year|date|day|month|century|decade|time)\b"
        r"|什么时候|何时|哪一?年|哪一?天|几月|哪个世纪|时间",
    ),
    (
        "number",
        r"\bhow (?:many|much|long|old|far|large|big|high|tall|fast|often|deep)\b"
        r"|\bwhat (?:percent|number|percentage|amount|age|proportion)|多少|几|多大|多长|多高|多远|比例|百分",
    ),
    ("person", r"\bwho(?:m|se)?\b|谁|哪位|哪个人"),
    (
        "place",
        r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|town|region|continent|river)\b"
        r"|哪里|哪儿|何处|什么地方|哪个(?:国家|城市|地区|州)",
    ),
    ("reason", r"\bwhy\b|\bhow (?:do|does|did|can|is|are|was|were)\b|为什么|为何|怎样|如何|怎么"),
)
_ASKS_RE = tuple((kind, re.compile(pattern, re.IGNORECASE)) for kind, pattern in _ASKS)


def words(text: str) -> list[tuple[str, int, int]]:
    """(word in lower case without its ending, start, end); each Chinese character is one."""
    return [(_stem(found[0].lower()), found.start(), found.end()) for found in _WORD.finditer(text)]


def _stem(word: str) -> str:
    word = re.sub(r"['’]s?$", "", word)
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word[: -len(ending)]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def content(text: str) -> list[str]:
    """The words that carry a text's meaning."""
    return [word for word, start, end in words(text) if text[start:end].lower() not in COMMON]


def goes_on(question: str) -> bool:
    """Begins, or ends, as one does that only makes sense behind another question."""
    return bool(_GOES_ON.match(question))


def kind_of(question: str) -> str:
    """What a question asks for, of ``KINDS``."""
    found = [(match.start(), kind) for kind, asks in _ASKS_RE if (match := asks.search(question))]
    return min(found)[1] if found else "thing"


def asked_for(question: str) -> frozenset[str]:
    """What a question names as the kind of its answer, as ``words`` has them: which *university*."""
    found = _HEAD.search(question)
    named = []
    for word, start, end in words(found[1]) if found else []:
        if found and found[1][start:end].lower() in COMMON:
            break
        named.append(word)
    return frozenset(named)


def fits(kind: str, phrase: str) -> int:
    """1: a phrase of the kind that is asked for, -1: of another, 0: cannot be told."""
    digit, date = bool(_DIGIT.search(phrase)), bool(_DATE.search(phrase))
    number = digit or bool(_NUMBER_WORD.search(phrase))
    if kind == "date":
        return 1 if date else (0 if number else -1)
    if kind == "number":
        return -1 if not number else (0 if date and not re.search(r"\s", phrase) else 1)
    if kind in ("person", "place"):
        if WIDE.search(phrase):
            return -1 if digit else 0
        named = phrase[:1].isupper() or bool(re.search(r"\s[A-Z]", phrase))
        return 1 if named and not digit else -1
    if kind == "reason":
        return 1 if len(phrase.split()) > 2 or WIDE.search(phrase) else -1
    return -1 if date else 0
