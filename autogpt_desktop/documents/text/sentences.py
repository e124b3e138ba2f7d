"""Where sentences begin and end, by rules: no model, any language with punctuation.

A mark of Chinese, Japanese, Arabic or Indian writing ends a sentence by itself. A full stop must be
followed by space and by something that can begin a sentence, and must not stand behind an
abbreviation, an initial, a list's number or a German ordinal. A line break ends a sentence unless the
line looks wrapped: the next word would not have fitted on it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from autogpt_desktop.documents.text.scripts import WIDE, WIDE_FORMS

_CLOSERS = "\"'”’»›)\\]}」』）】》〉］"
_CLOSERS_PLAIN = _CLOSERS.replace("\\", "") + "“ \u00a0\u202f"
_ADDRESS = 200  # characters in which an address begins
_WIDE_END = "。！？｡．؟۔।॥։።"  # no space needed behind these
_END = re.compile(rf"[.!?…‥{_WIDE_END}‼⁇⁈⁉]+(?:[{_CLOSERS}]|“(?=\s|$))*(?:[ \u00a0\u202f]+[»›])?|\n")
_BLANK = re.compile(r"\n[^\S\n]*(?:\n|$)")
_OPENERS = "\"'“‘«‹([{「『（【《〈¿¡*_#—–-"
_BULLET = re.compile(r"[^\S\n]*(?:[-*•‣◦▪·–—+]|\(?\d{1,3}[.)、．]|\(?[a-zA-Z][.)]|#{1,6})\s|[^\S\n]*[|>]")
_LIST_NUMBER = re.compile(r"(?:^|\n)[^\S\n]*(?:[-*•>#]+[^\S\n]*)?\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})\Z")
_WORD_BEFORE = re.compile(r"[^\W_]+(?:[.’'-][^\W_]+)*\Z")
_WORD_AFTER = re.compile(r"[^\W\d_]+")
_WIDE_CHARACTER = re.compile(f"[{WIDE}{WIDE_FORMS}]")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Behind these a full stop ends nothing, whatever follows; without their last full stop, lower case.
_TITLES = _set(
    "mr mrs ms mx dr prof st sr jr gen col sgt lt capt rev hon gov sen rep pres fig figs eq no nos vol"
    " vols pp vs al approx ca cf ed eds dept inc ltd corp co bros mt ft sec art ch resp e.g i.e viz z.b d.h"
    " u.a o.ä u.s.w bzw ggf evtl vgl bspw nr hr fr abs abb tab hrsg st geb gest jh jhd mme mlle mm m dr pr"
    " me av bd p.ex c.-à-d env réf sté sra srta dña d ud uds p.ej pág págs núm aprox av avda sig sigg"
    " sig.ra dott dott.ssa prof.ssa ing avv p.es pag art n exmo exma profa p.ex pág núm г ул им проф акад"
    " т.е т.к т.н стр рис см др тыс млн млрд руб"
)
# Behind these it may: it does where the next word begins with a capital.
_MAYBE = _set(
    "etc usw jan feb mar apr jun jul aug sep sept oct nov dec okt dez a.m p.m ph.d m.d b.c a.d т.д т.п"
)
_MONTHS = _set("jan feb mar apr jun jul aug sep sept oct nov dec okt dez")
# Words that begin sentences far more often than they stand behind an initial or an acronym.
_STARTERS = _set(
    "the this that these those it he she they we you i in on at as if but and or so a an there here when"
    " while after before however its his her their our my what who why how where for with from by to not no"
    " yes der die das ein eine er sie es wir ich und aber wenn im in am auf mit nach vor bei zu dies diese"
    " le la les un une il elle ils elles nous vous je et mais si en dans pour par ce cette ces el los las"
    " una él ella ellos nosotros yo y pero si en por para este esta il lo gli uno una lui lei noi e ma se o"
    " os as um uma ele ela eles nós eu mas он она они мы вы это но и в на после когда если"
)
_ALSO_WORDS = _set("no nos art ed col al inc me st ch sec mt ft fig tab abs co n m d p др см fr hr")
_ORDINAL_LANGUAGES = _set("de da nb nn no fi et cs sk sl hr hu is lv pl tr")


def sentences(text: str, language: str = "") -> list[tuple[int, int]]:
    """(start, end) of every sentence, in order; what lies between two is white space only.

    ``language`` (ISO 639-1) settles what depends on it: "am 3. Oktober" is no end in German.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    for end in _ends(text, language):
        _add(spans, text, start, end)
        start = end
    _add(spans, text, start, len(text))
    return spans


def _add(spans: list[tuple[int, int]], text: str, start: int, end: int) -> None:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        spans.append((start, end))


def _ends(text: str, language: str) -> Iterator[int]:
    begin, block_end, width = 0, 0, 0  # a block: lines without a blank one between them
    for match in _END.finditer(text):
        at, end = match.span()
        if text[at] == "\n":
            if blank := _BLANK.match(text, at):
                begin = max(at + 1, blank.end() - 1)  # where the blank line's own break stands
                yield end
                continue
            if at >= block_end:
                width, block_end = _block(text, begin, at)
            if _breaks_line(text, at, width):
                yield end
        elif _breaks(text, at, end, language):
            yield end


def _breaks(text: str, at: int, end: int, language: str) -> bool:
    """Whether the marks text[at:end], closing quotes among them, end a sentence."""
    marks = text[at:end].rstrip(_CLOSERS_PLAIN)
    following = text[end : end + 1]
    if not following:
        return True
    if any(mark in _WIDE_END for mark in marks):
        # 「はい。」と言った: what was said is part of the sentence
        quoted = end > at + len(marks)
        return not (quoted and following in "と、，,って的")
    if not following.isspace():
        if not _WIDE_CHARACTER.match(following):
            return False  # a number, a URL, an ellipsis inside a word
        if "://" in text[max(0, at - _ADDRESS) : at].split(" ")[-1]:
            return False  # an address with letters of Chinese in it
        return marks[-1] in "!?‼⁇⁈⁉" or (marks == "." and not text[at - 1 : at].isdigit())
    after = _after(text, end)
    if after is None:
        return True  # the end of the paragraph; the line break decides the rest
    first, word = after
    if first.islower() and first not in "ßªº":
        return False
    if marks != ".":
        return True
    return not _abbreviated(text, at, end, first, word, language)


def _after(text: str, end: int) -> tuple[str, str] | None:
    """The first letter or digit behind white space and opening marks, and its word."""
    at, limit = end, min(len(text), end + 40)
    while at < limit and (text[at].isspace() or text[at] in _OPENERS):
        if text[at] == "\n" and _BLANK.match(text, at):
            return None
        at += 1
    if at >= len(text):
        return None
    word = _WORD_AFTER.match(text, at)
    return text[at], word[0].lower() if word else ""


def _abbreviated(text: str, at: int, end: int, first: str, word: str, language: str) -> bool:
    before = _WORD_BEFORE.search(text, max(0, at - 30), at)
    if before is None:
        return False
    token = before[0]
    lower = token.lower()
    if token.isdigit():
        if _LIST_NUMBER.search(text, max(0, at - 12), at):
            return True
        return language in _ORDINAL_LANGUAGES and len(token) <= 2 and bool(word) and word not in _STARTERS
    if _LIST_NUMBER.search(text, max(0, at - 12), at) and len(token) == 1:
        return True
    if end > at + 1:  # a quote or a bracket was closed behind it: nothing goes on
        return lower in _TITLES and not text[end - 1].isspace() and ")" not in text[at:end]
    if lower in _MONTHS:
        return first.isdigit()
    if lower in _MAYBE or (lower == "г" and text[max(0, at - 4) : at - 1].rstrip()[-1:].isdigit()):
        return not first.isupper()
    if lower in _TITLES:
        # "no" and "art" are words too: followed by a number they are abbreviations
        if lower in _ALSO_WORDS:
            return first.isdigit() or (
                token[0].isupper() and word not in _STARTERS and lower not in {"no", "me"}
            )
        return True
    if len(token) == 1 and token.isalpha() and not _WIDE_CHARACTER.match(token):
        if token == "I":
            return False
        return token.isupper() and word not in _STARTERS
    if "." in token and all(len(part) == 1 for part in token.split(".")):  # U.S., З.Д.
        return word not in _STARTERS
    return False


def _block(text: str, begin: int, at: int) -> tuple[int, int]:
    """The widest line around ``at`` of the block that begins at ``begin``, and where the block ends."""
    begin, limit = max(begin, at - 4000), min(len(text), at + 20_000)  # of a huge block these tell enough
    found = _BLANK.search(text, at, limit)
    end = found.start() if found else limit
    return max(map(_columns, text[begin:end].split("\n"))), max(end, at + 1)


def _breaks_line(text: str, at: int, width: int) -> bool:
    """Whether the line break at ``at``, with no blank line behind it, ends a sentence."""
    next_end = text.find("\n", at + 1)
    line = text[text.rfind("\n", 0, at) + 1 : at].strip()
    following = text[at + 1 : next_end if next_end >= 0 else len(text)]
    if not line or not following.strip() or _BULLET.match(following):
        return True
    if not 30 <= width <= 200:  # nobody wraps there: every line stands for itself
        return not (following.lstrip()[:1].islower() and line[-1] in ",;-")
    if line[-1] in ":：":
        return True
    following = following.strip()
    if following[0].islower():
        return False
    if _WIDE_CHARACTER.match(following):
        return _columns(line) + 4 <= width
    word = re.split(r"\s", following, maxsplit=1)[0]
    return _columns(line) + 1 + _columns(word) < width - 4


def _columns(line: str) -> int:
    """The width on a screen: Chinese characters take two columns."""
    return len(line) if line.isascii() else len(line) + len(_WIDE_CHARACTER.findall(line))
