"""The tokens of a Markdown line as ``inline_marks`` has them: marks, things, texts, ends of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markdown_it.helpers import parseLinkDestination, parseLinkTitle

from autogpt_desktop.documents.write.html.tokens import Attribute, read_tag
from autogpt_desktop.documents.write.inline_marks import Close, Edge, Open, Text, Thing, Token
from autogpt_desktop.documents.write.markdown.parser import Piece, inline

_TAG = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9-]*)")
_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
_LETTER = re.compile(r"[^\W\d_]")
_SHORT = 60  # characters of code that stand in the text that is translated
_CLOSERS = {'"': '"', "'": "'", "(": ")"}


@dataclass(frozen=True, slots=True, eq=False)
class Words:
    """What a picture or a link says beside the text. ``quotes``: a title's; None for a picture's text."""

    text: str
    raw: str
    quotes: tuple[str, str] | None

    @property
    def has_letters(self) -> bool:
        return bool(_LETTER.search(self.text))

    def written(self, text: str) -> str:
        """Other words in their place."""
        text = " ".join(text.split())
        if self.quotes is None:
            return re.sub(r"[\\\[\]`*_<]", r"\\\g<0>", text)
        signs = re.escape("".join(self.quotes))
        return self.quotes[0] + re.sub(rf"[\\{signs}]", r"\\\g<0>", text) + self.quotes[1]


@dataclass(frozen=True, slots=True, eq=False)
class Markup:
    """A mark or thing as it stands. ``changed``: its last piece where the text before it is another."""

    kind: str
    source: tuple[str | Words | Attribute, ...]
    changed: str = ""


def tokens(content: str, env: dict[str, Any]) -> list[Token]:
    """The tokens of a line of prose."""
    return list(_Tokens(content, inline(content, env)))


class _Tokens:
    def __init__(self, content: str, pieces: list[Piece]) -> None:
        self.content, self.pieces = content, pieces
        self._pairs = _pairs(content, pieces)
        self._open: list[tuple[Piece, Open]] = []
        self._tags: dict[int, Open] = {}

    def __iter__(self) -> Iterator[Token]:
        for number, piece in enumerate(self.pieces):
            raw = self.content[piece.start : piece.end]
            if piece.kind == "text":
                yield Text(piece.text, raw)
            elif piece.kind == "softbreak":
                yield Text("\n", raw)
            elif piece.kind == "hardbreak":
                yield Edge(Markup("break", (raw,)))
            elif piece.kind in ("inline_note_open", "inline_note_close"):
                yield Edge(Markup("note", (raw,)))
            elif piece.kind == "html_inline":
                yield self._html(number, raw)
            elif piece.kind == "image":
                yield Thing(self._picture(piece, raw))
            elif piece.kind.endswith("_open"):
                kind = piece.kind.removesuffix("_open")
                opened = Open(Markup(kind, (raw,)), keep=kind == "link")
                self._open.append((piece, opened))
                yield opened
            elif piece.kind.endswith("_close"):
                opening, opened = self._open.pop()
                kind = piece.kind.removesuffix("_close")
                yield Close(opened, self._link(opening, raw) if kind == "link" else Markup(kind, (raw,)))
            else:
                yield Thing(Markup(piece.kind, (raw,)), _said(piece, raw))

    def _html(self, number: int, raw: str) -> Token:
        tag = _TAG.match(raw)
        name = tag[2].lower() if tag else ""
        if name == "br":
            return Edge(Markup("break", (raw,)))
        read = read_tag(raw, 0, name) if tag and not tag[1] else None
        source = read[0].source if read and read[1] == len(raw) else (raw,)
        other = self._pairs.get(number)
        if other is None:
            return Thing(Markup("html", source))
        markup = Markup(f"<{name}>", source)
        if other > number:
            self._tags[number] = Open(markup, keep=name == "a")
            return self._tags[number]
        return Close(self._tags[other], markup)

    def _link(self, opening: Piece, raw: str) -> Markup:
        label = self.content[opening.end : opening.inner]
        if raw.startswith("]("):
            return Markup("link", with_title(raw, 2))
        full = raw.startswith("][") and raw != "][]"
        return Markup("link", (raw,), "" if full else f"][{label}]")

    def _picture(self, piece: Piece, raw: str) -> Markup:
        inner = piece.inner - piece.start
        label, tail = raw[2:inner], raw[inner:]
        words = Words(piece.text, label, None)
        if tail.startswith("]("):
            return Markup("image", ("![", words, *with_title(tail, 2)))
        full = tail.startswith("][") and tail != "][]"
        return Markup("image", ("![", words, tail), "" if full else f"][{label}]")


def with_title(raw: str, at: int) -> tuple[str | Words, ...]:
    """``](address "title")`` with the title as words."""
    at = _behind_space(raw, at)
    address = parseLinkDestination(raw, at, len(raw))
    at = _behind_space(raw, address.pos if address.ok else at)
    title = parseLinkTitle(raw, at, len(raw))
    if not title.ok:
        return (raw,)
    quote = raw[at]
    words = Words(" ".join(title.str.split()), raw[at : title.pos], (quote, _CLOSERS[quote]))
    return (raw[:at], words, raw[title.pos :])


def _behind_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _said(piece: Piece, raw: str) -> str:
    """What stands for something that stays in the text that is translated."""
    if piece.kind in ("autolink", "template"):
        return piece.text
    text = " ".join((piece.text if piece.kind == "code_inline" else raw).split())
    if piece.kind not in ("code_inline", "formula") or "`" in text or not 0 < len(text) <= _SHORT:
        return ""
    return f"`{text}`"


def _pairs(content: str, pieces: list[Piece]) -> dict[int, int]:
    """Tags of HTML that begin and end in the line: their numbers, each with the other one's."""
    found: dict[int, int] = {}
    around: list[tuple[str, int]] = []
    for number, piece in enumerate(pieces):
        tag = _TAG.match(content, piece.start) if piece.kind == "html_inline" else None
        if tag is None or tag[2].lower() in _VOID or content[piece.end - 2 : piece.end] == "/>":
            continue
        name = tag[2].lower()
        if not tag[1]:
            around.append((name, number))
        elif around and around[-1][0] == name:
            _, first = around.pop()
            found[first], found[number] = number, first
    return found
