"""A message of a program: words between placeholders, tags and the syntax of ICU, which all stay."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.inline_marks import (
    Close,
    Edge,
    Open,
    Segment,
    Text,
    Thing,
    Token,
    segments,
)
from autogpt_desktop.documents.write.mark_transfer import carried

_TOKEN = re.compile(
    r"%(?:\d{1,2}\$)?[-+#0']{0,5}(?:\d{1,4}|\*)?(?:\.(?:\d{1,4}|\*))?(?:hh?|ll?|[qLzjt])?"
    r"[sdiufFeEgGxXoscpaA@n](?![A-Za-z])"
    r"|%\([^()\s]{1,60}\)[-+#0]{0,5}(?:\d{1,4})?(?:\.\d{1,4})?[sdiufFeEgGxXorc]"
    r"|%%|%\{[^{}\s]{1,60}\}|%\d{1,2}(?!\d|[ \t]?[%\w])|\$\{[^{}\s]{1,80}\}|\$t\([^()]{1,80}\)"
    r"|\{\{[^{}]{1,80}\}\}|(?P<brace>[{}])|(?P<tag></?[A-Za-z][^<>]{0,200}>)|(?P<line>\n\s*+)"
)
_ICU = re.compile(r"\{\s{0,9}([\w.-]{1,60})\s{0,9},\s{0,9}(plural|selectordinal|select)\s{0,9},")
_FORMAT = re.compile(
    r"\{\s{0,9}[\w.\[\]$-]{0,60}\s{0,9}(?:(?:[:!]|,\s{0,9}(?:number|date|time))[^{}]{0,60})?\}"
)
_BRANCH_END = re.compile(r"\s{0,99}\}")
_BRANCH = re.compile(r"\s{0,99}(?:offset:\d{1,9}\s{1,9})?(=\d{1,9}|[\w-]{1,60})\s{0,9}\{")
_TAG = re.compile(r"<(/?)([A-Za-z][\w-]{0,40})")
_EMPTY = frozenset({"br", "hr", "img", "wbr"})
_DEEPEST = 20  # ICU choices in one another
# What is no text for people: an address, a path, a key, a colour.
_NO_WORDS = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,20}:)?//\S+|mailto:\S+|#[0-9A-Fa-f]{3,8}|\.{0,2}/\S+|[\w.+-]{1,60}@[\w.-]+"
    r"|(?:[A-Za-z]:)?[A-Za-z0-9-]*+[_$\\][A-Za-z0-9_$.\\-]*+|[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)++|[a-z]++[A-Z0-9][A-Za-z0-9]*+"
)
_LETTER = re.compile(r"[^\W\d_]")


class Message:
    """``segments``: what is translated; ``written`` is the message with other texts in their place."""

    def __init__(self, text: str) -> None:
        self.text = text
        bare = text.strip()
        is_text = _LETTER.search(bare) and not _NO_WORDS.fullmatch(bare)
        self._parts = segments(list(_tokens(text))) if is_text else []
        self.segments = [part for part in self._parts if isinstance(part, Segment) and _has_words(part)]

    def is_changed(self, made: Mapping[int, TranslatedText]) -> bool:
        return any(made[id(one)].text != one.text for one in self.segments)

    def written(self, made: Mapping[int, TranslatedText], phrases: Mapping[str, str]) -> str:
        if not self.is_changed(made):
            return self.text
        found: list[str] = []
        for part in self._parts:
            if isinstance(part, Edge):
                found.append(_source(part))
            elif id(part) in made and made[id(part)].text != part.text:
                before, after = _blanks(part.text)
                new = "".join(_source(token) for token in carried(part, made[id(part)], phrases))
                found.append(before + new.strip() + after)
            else:
                found += [_source(token) for token in part.tokens]
        return "".join(found)


def _has_words(part: Segment) -> bool:
    return any(isinstance(token, Text) and _LETTER.search(token.text) for token in part.tokens)


def _blanks(text: str) -> tuple[str, str]:
    """The white space at both ends, which programs rely on."""
    bare = text.strip()
    at = text.index(bare)
    return text[:at], text[at + len(bare) :]


def _source(token: Token) -> str:
    if isinstance(token, Text):
        return token.text
    payload = token.payload
    return _source(payload) if isinstance(payload, Text | Open | Close) else str(payload)


def _tokens(text: str) -> Iterator[Token]:
    opened: list[tuple[str, Open]] = []
    plural: list[bool] = []
    at = 0
    while (found := _TOKEN.search(text, at)) is not None:
        yield from _words(text[at : found.start()], bool(plural and plural[-1]))
        raw, start, at = found[0], found.start(), found.end()
        if raw == "{":
            choice = _ICU.match(text, start)
            branch = _BRANCH.match(text, choice.end()) if choice and len(plural) < _DEEPEST else None
            simple = _FORMAT.match(text, start)
            if choice and branch:
                plural.append(choice[2] != "select")
                at = branch.end()
                yield Edge(text[start:at])
            elif simple:
                at = simple.end()
                yield Thing(simple[0], simple[0])
            else:
                yield Text(raw)
        elif raw == "}" and plural:
            following = _BRANCH.match(text, at)
            end = _BRANCH_END.match(text, at)
            if following:
                at = following.end()
            elif end:
                at = end.end()
                plural.pop()
            yield Edge(text[start:at])
        elif found["line"]:
            yield Edge(raw)
        elif found["tag"]:
            yield _tag(raw, opened)
        else:
            yield Text(raw) if raw == "}" else Thing(raw, raw)
    yield from _words(text[at:], bool(plural and plural[-1]))


def _words(text: str, in_plural: bool) -> Iterator[Token]:
    """``in_plural``: a number sign stands for the number there."""
    for number, piece in enumerate(text.split("#") if in_plural else [text]):
        if number:
            yield Thing("#", "#")
        if piece:
            yield Text(piece)


def _tag(raw: str, opened: list[tuple[str, Open]]) -> Token:
    found = _TAG.match(raw)
    name = found[2].lower() if found else ""
    if raw.endswith("/>") or name in _EMPTY:
        return Edge(raw) if name in _EMPTY - {"img", "wbr"} else Thing(raw)
    if found and found[1]:
        for place in range(len(opened) - 1, max(len(opened) - 64, 0) - 1, -1):
            if opened[place][0] == name:
                begun = opened[place][1]
                del opened[place:]
                return Close(begun, raw)
        return Edge(raw)
    opening = Open(raw)
    opened.append((name, opening))
    return opening


Quote = Callable[[str], str]


class Piece:
    """A message in a file: ``quote`` writes what stands in ``start`` to ``end`` of its source."""

    def __init__(self, start: int, end: int, text: str, quote: Quote) -> None:
        self.start, self.end, self.message, self.quote = start, end, Message(text), quote


def spliced(
    source: str, pieces: Sequence[Piece], made: Mapping[int, TranslatedText], phrases: Mapping[str, str]
) -> str:
    """The source with the changed pieces."""
    found, at = [], 0
    for piece in pieces:
        if piece.message.is_changed(made):
            found += [source[at : piece.start], piece.quote(piece.message.written(made, phrases))]
            at = piece.end
    return "".join([*found, source[at:]])
