"""Words for the search index, in English and Chinese alike, and the excerpt around a match."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from autogpt_desktop.documents.text import scripts

# SQLite's tokenizer would take a sentence without spaces for one word, so each of these characters becomes
# a word of its own, and a query of them a phrase. Half-width kana stay what they are here.
_UNSPACED = scripts.UNSPACED + scripts.HALF_KANA
_FULL_WIDTH = re.compile("[\uff01-\uff5e\u3000]")  # letters as wide as a Chinese character
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20}


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """One such character; a word. Compiled when first asked for, which a start does not: 10 ms."""
    return re.compile(f"([{_UNSPACED}])"), scripts.token_pattern(_UNSPACED)


MAX_QUERY = 256  # characters; a pasted page is not a query
MAX_PHRASE = 32  # tokens; the rest of a longer word is not looked at
SNIPPET = 90  # characters


def segment(text: str) -> str:
    """``text`` as it is indexed. Must stay as it is: the same words take an entry out again."""
    each, _token = _patterns()
    return each.sub(r" \1 ", _narrow(text).replace("\0", " "))


def _narrow(text: str) -> str:
    return text.translate(_HALF_WIDTH) if _FULL_WIDTH.search(text) else text


def query_words(query: str) -> list[list[str]]:
    """The query's words, each a list of tokens that must follow one another."""
    words = _narrow(query[:MAX_QUERY]).split()
    return [tokens[:MAX_PHRASE] for tokens in map(_tokens, words) if tokens]


def _tokens(word: str) -> list[str]:
    found: list[str] = []
    _each, token = _patterns()
    for match in token.finditer(word):
        found += match[1] or [match[0]]  # one by one where nobody writes spaces
    return found


def match_expression(query: str) -> str:
    """An FTS5 expression: every word must occur, the last one may go on. ``""``: no word in it.

    A single letter does not go on: half of all words begin with it.
    """
    words = query_words(query)
    phrases = ['"' + " ".join(tokens) + '"' for tokens in words]
    if phrases and not query[-1].isspace() and len(words[-1][-1]) > 1:
        phrases[-1] += " *"
    return " ".join(phrases)


def snippet(text: str, query: str) -> tuple[str, tuple[tuple[int, int], ...]]:
    """An excerpt around the first match, on one line, and where in it the query's words stand."""
    words = query_words(query) or [[query.strip()[:MAX_QUERY]]]
    pattern = re.compile("|".join(r"[\W_]*".join(map(re.escape, map(_fold, tokens))) for tokens in words))
    found = pattern.search(_fold(text))
    start = max(0, found.start() - SNIPPET // 3) if found else 0
    excerpt = " ".join(text[start : start + SNIPPET].split())
    if start:
        excerpt = "…" + excerpt
    if start + SNIPPET < len(text):
        excerpt += "…"
    spans = [match.span() for match in pattern.finditer(_fold(excerpt)) if match.end() > match.start()]
    return excerpt, tuple(spans)


def _fold(text: str) -> str:
    """Lower case without accents, each character still at its place."""
    text = _narrow(text)
    if text.isascii():
        return text.lower()
    lowered = text.lower()
    if len(lowered) != len(text):  # a few capitals become two characters
        lowered = "".join(low if len(low := char.lower()) == 1 else char for char in text)
    if not _ACCENTED.search(lowered):
        return lowered
    return _ACCENTED.sub(lambda match: unicodedata.normalize("NFD", match[0])[0], lowered)


_ACCENTED = re.compile("[\u00c0-\u024f\u1e00-\u1eff]")


def title_from(text: str, length: int = 60) -> str:
    """A title made of a message's first line."""
    line = " ".join(next((line for line in text.splitlines() if line.strip()), "").split())
    if len(line) <= length:
        return line
    cut = line[:length]
    return (cut.rsplit(" ", 1)[0] if " " in cut[length // 2 :] else cut).rstrip() + "…"
