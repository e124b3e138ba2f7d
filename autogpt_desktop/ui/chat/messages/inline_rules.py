"""Markdown within a line as people and models write it: rules for markdown-it-py beyond CommonMark."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token


def add_rules(markdown: MarkdownIt) -> None:
    """Formulas, ``<br>``, ``<sub>`` and ``<sup>``, bare addresses, and marks beside Chinese text."""
    markdown.inline.ruler.before("escape", "formula", _formula)
    markdown.inline.ruler.before("autolink", "html_format", _html_format)
    markdown.inline.ruler.at("emphasis", _emphasis)
    markdown.inline.ruler.at("strikethrough", _strikethrough)
    markdown.core.ruler.push("addresses", _addresses)


class _Library(NamedTuple):
    """Of markdown-it-py: imported with the first message, and once, since that is slow in an inner loop."""

    is_ascii_mark: Callable[[int], bool]
    is_mark: Callable[[str], bool]
    is_blank: Callable[[int], bool]
    scanned: Callable[[bool, bool, int], object]
    emphasis: Callable[[StateInline, bool], bool]
    strikethrough: Callable[[StateInline, bool], bool]


@cache
def _library() -> _Library:
    from markdown_it.common.utils import isMdAsciiPunct, isPunctChar, isWhiteSpace
    from markdown_it.rules_inline import emphasis, strikethrough
    from markdown_it.rules_inline.state_inline import Scanned

    return _Library(
        isMdAsciiPunct, isPunctChar, isWhiteSpace, Scanned, emphasis.tokenize, strikethrough.tokenize
    )


# -- emphasis beside Chinese, Japanese and Korean text

_CJK_STARTS = (
    0x1100, 0x2018, 0x2026, 0x2E80, 0xA960, 0xAC00, 0xF900, 0xFE30, 0xFF01, 0x1B000, 0x1F200, 0x20000,
)  # fmt: skip
_CJK_ENDS = (
    0x11FF, 0x201F, 0x2026, 0xA4CF, 0xA97F, 0xD7FF, 0xFAFF, 0xFE4F, 0xFFEF, 0x1B2FF, 0x1F2FF, 0x3FFFF,
)  # fmt: skip


def _is_cjk(char: str) -> bool:
    """A letter or a mark of these scripts; quotation marks, dashes and dots, which they share, count too."""
    place = bisect_right(_CJK_STARTS, ord(char)) - 1
    return (place >= 0 and ord(char) <= _CJK_ENDS[place]) or char in "\u2014\u00b7"


def _scan(state: StateInline, start: int, can_split_word: bool) -> object:
    """``scanDelims`` in which CJK marks count as letters: no blanks are written around them.

    CommonMark's flanking rule asks for a blank or a mark outside of a run that stands inside at a mark,
    so that ``是**“数据安全”**的`` would not be bold.
    """
    rules = _library()
    end = start
    while end < state.posMax and state.src[end] == state.src[start]:
        end += 1
    before = state.src[start - 1] if start > 0 else " "
    behind = state.src[end] if end < state.posMax else " "

    def is_mark(char: str) -> bool:
        return not _is_cjk(char) and (rules.is_ascii_mark(ord(char)) or rules.is_mark(char))

    blank_before, blank_behind = rules.is_blank(ord(before)), rules.is_blank(ord(behind))
    opens = not blank_behind and (not is_mark(behind) or blank_before or is_mark(before) or _is_cjk(before))
    closes = not blank_before and (not is_mark(before) or blank_behind or is_mark(behind) or _is_cjk(behind))
    return rules.scanned(opens, closes, end - start)


def _emphasis(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] == "*":
        setattr(state, "scanDelims", partial(_scan, state))  # noqa: B010  the one place that it decides
    else:
        state.__dict__.pop("scanDelims", None)
    return bool(_library().emphasis(state, silent))


def _strikethrough(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != "~":
        return False
    setattr(state, "scanDelims", partial(_scan, state))  # noqa: B010
    return bool(_library().strikethrough(state, silent))


# -- formulas

_CLOSERS = {"$$": "$$", r"\[": r"\]", r"\(": r"\)"}
_DOLLARS = re.compile(r"\$(?=[^\s$])[^$\n`]*[^\s$\\`]\$(?![0-9A-Za-z{(])")  # "$5 and $6" does not close
_TEX = re.compile(r"[\\^_={}+<>|/]|\w\(")
_WORDS = re.compile(r"\s[^\W\d_]{2,}+\s|\*\*|[\u2e80-\u9fff\uff00-\uffef]")


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    end = _formula_end(state)
    if end < 0:
        return False
    if not silent:
        state.push("formula", "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def _formula_end(state: StateInline) -> int:
    """Behind the formula that begins here; -1: none does."""
    source, at = state.src, state.pos
    closer = _CLOSERS.get(source[at : at + 2])
    if closer is not None:
        end = _next(state, closer, at + 3)
        if 0 <= end <= state.posMax - 2 and source[at + 2 : end].strip():
            return end + 2
    if at and (source[at - 1].isalnum() or source[at - 1] in "$\\"):  # US$5
        return -1
    match = _DOLLARS.match(source, at, state.posMax)
    if match is None or (_WORDS.search(match[0]) and not _TEX.search(match[0])):
        return -1  # a price, or the name of a variable
    return match.end() if "**" not in match[0] else -1


def _next(state: StateInline, mark: str, at: int) -> int:
    """``state.src.find(mark, at)``, remembered: many openers without a closer look through a text once."""
    source, asked, answer = state.env.get(mark, ("", 0, 0))
    if source is not state.src or asked > at or 0 <= answer < at:
        answer = state.src.find(mark, at)
        state.env[mark] = state.src, at, answer
    return int(answer)


# -- the few HTML tags that Markdown has no marks for

_TAG = re.compile(r"<(?:(br) */?|(/?)(sub|sup))>", re.IGNORECASE)


def _html_format(state: StateInline, silent: bool) -> bool:
    match = _TAG.match(state.src, state.pos, state.posMax) if state.src[state.pos] == "<" else None
    if match is None:
        return False
    tag = (match[3] or "").lower()
    if not match[1] and not match[2]:
        closer = _next(state, f"</{match[3]}>", match.end())
        if not 0 <= closer < state.posMax:  # nobody closes it: it stays text
            return False
    if not silent:
        if match[1]:
            state.push("hardbreak", "br", 0)
        elif match[2]:
            if not any(token.type == f"{tag}_open" for token in state.tokens[-60:]):
                return False
            state.push(f"{tag}_close", tag, 0)
        else:
            state.push(f"{tag}_open", tag, 0)
    state.pos = match.end()
    return True


# -- addresses without marks

_ADDRESS = re.compile(
    r"(?<![0-9A-Za-z@/.-])(?:https?://|www\.)[0-9A-Za-z\[][-0-9A-Za-z._~:/?#\[\]@!$&'()*+,;=%]*+"
)
_TRAILING = ".,;:!?'*_~"


def _addresses(state: StateCore) -> None:
    """https://… and www.… become links, up to the first character that no address holds."""
    for token in state.tokens:
        if token.type == "inline" and token.children and ("://" in token.content or "www." in token.content):
            token.children = _linked(token.children)


def _linked(tokens: list[Token]) -> list[Token]:
    linked: list[Token] = []
    depth = 0
    for token in tokens:
        depth += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if depth or token.type != "text":
            linked.append(token)
            continue
        end = 0
        for match in _ADDRESS.finditer(token.content):
            address = _trimmed(match[0])
            if address.endswith(("://", "www")):
                continue
            linked.append(_text(token, token.content[end : match.start()]))
            linked += _link(token, address)
            end = match.start() + len(address)
        linked.append(_text(token, token.content[end:]) if end else token)
    return linked


def _trimmed(address: str) -> str:
    """Without the marks of the sentence that it stands in."""
    while address:
        last = address[-1]
        unopened = last in ")]" and address.count(last) > address.count("([)]"[")]".index(last)])
        if last not in _TRAILING and not unopened:
            break
        address = address[:-1]
    return address


def _text(token: Token, content: str) -> Token:
    return token.copy(content=content)


def _link(token: Token, address: str) -> list[Token]:
    href = address if "://" in address else f"http://{address}"
    opening = token.copy(type="link_open", tag="a", nesting=1, attrs={"href": href}, content="")
    return [opening, _text(token, address), token.copy(type="link_close", tag="a", nesting=-1, content="")]
