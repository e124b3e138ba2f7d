"""One paragraph of WordprocessingML as tokens (see ``inline_marks``), and built anew from them.

Runs with the same properties are one text; the properties that the rest of a paragraph stands in are its base
(``inline_marks.ground``), and each other is a mark. Elements are only moved when the paragraph is written.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from lxml import etree

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.docx.builder import Builder
from autogpt_desktop.documents.write.docx.runs import SPACE, Container, Format, Inner, W, name_of
from autogpt_desktop.documents.write.inline_marks import (
    Close,
    Edge,
    Open,
    Segment,
    Text,
    Thing,
    Token,
    ground,
    segments,
)
from autogpt_desktop.documents.write.mark_transfer import carried

_CONTAINERS = frozenset({"hyperlink", "ins", "moveTo", "smartTag", "customXml", "dir", "bdo", "sdt"})
_BREAKS = frozenset({"tab", "br", "cr", "ptab"})
_DROPPED = frozenset({"proofErr", "lastRenderedPageBreak", "softHyphen"})
_RANGES = {
    "bookmarkStart": "bookmarkEnd",
    "commentRangeStart": "commentRangeEnd",
    "permStart": "permEnd",
}
_CODE_STYLE = re.compile(r"preformat|verbatim|^(?:source)?-?code", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")


class Paragraph:
    """``texts``: its segments with letters."""

    def __init__(self, element: Any) -> None:
        self.element = element
        style = element.find(f"{W}pPr/{W}pStyle")
        is_code = style is not None and _CODE_STYLE.search(style.get(f"{W}val", ""))
        tokens = [] if is_code else list(_fields(list(_atoms(element))))
        self.base: Format = ground(tokens) or Format(None, b"")
        self.parts = segments(list(_formatted(tokens, self.base)))
        self.texts = [part for part in self.parts if isinstance(part, Segment) and part.has_letters]

    def is_changed(self, made: Mapping[int, TranslatedText]) -> bool:
        """``made``: translations by the id of their segment."""
        return any(made[id(part)].text != part.text for part in self.texts)

    def write(self, made: Mapping[int, TranslatedText], language: str, phrases: Mapping[str, str]) -> None:
        """Put translations in place of the texts."""
        if self.is_changed(made):
            self.build(Builder(self.element, self.base, language), made, phrases)

    def build(self, builder: Builder, made: Mapping[int, TranslatedText], phrases: Mapping[str, str]) -> None:
        """Have the paragraph built with translations in place of the texts."""
        for part in self.parts:
            if isinstance(part, Edge):
                builder.add([part])
            elif id(part) in made and made[id(part)].text != part.text:
                builder.add(carried(part, made[id(part)], phrases))
            else:
                builder.add(part.tokens)
        builder.done()


def _atoms(parent: Any) -> Iterator[Token]:
    """What stands in a paragraph or container, in order; fields in pieces."""
    starts: dict[tuple[str, str | None], Open] = {}
    for child in parent:
        name = name_of(child)
        if name in _DROPPED or name in ("pPr", "sdtPr", "sdtEndPr"):
            continue
        if name == "r":
            yield from _run(child)
        elif name == "fldSimple" and not _LETTER.search(_said(child)):
            yield Thing((child,), _said(child))
        elif name in _CONTAINERS or name == "fldSimple":
            inner = child.find(f"{W}sdtContent") if name == "sdt" else child
            if inner is None:
                yield Thing((child,))
                continue
            opened = Open(Container(child), keep=name in ("hyperlink", "sdt", "fldSimple"))
            yield opened
            yield from _atoms(inner)
            yield Close(opened)
        elif name in _RANGES:
            opened = Open((child,), keep=False, shown=False)
            starts[_RANGES[name], child.get(f"{W}id")] = opened
            yield opened
        elif opening := starts.pop((name, child.get(f"{W}id")), None):
            yield Close(opening, (child,))
        else:
            yield Thing((child,))


def _run(run: Any) -> Iterator[Token]:
    properties = run.find(f"{W}rPr")
    form = Format(properties, _key(properties))
    for child in run:
        name = name_of(child)
        if name == "rPr" or name in _DROPPED:
            continue
        if name == "t":
            yield Text(child.text or "", form)
        elif name == "noBreakHyphen":
            yield Text("\u2011", form)
        elif name in _BREAKS:
            yield Edge((Inner(form, child),))
        else:
            yield Thing((Inner(form, child),))


def _key(properties: Any) -> bytes:
    """Equal for properties that look the same."""
    if properties is None:
        return b""
    shown = [child for child in properties if name_of(child) not in ("lang", "noProof")]
    return b"".join(etree.tostring(child, method="c14n") for child in shown)


def _said(element: Any) -> str:
    text = "".join(piece.text or "" for piece in element.iter(f"{W}t"))
    return text if len(text) <= 60 else ""


def _field_part(token: Token) -> str:
    """ "begin", "separate" or "end" where a token is that character of a field."""
    if isinstance(token, Thing) and isinstance(token.payload[0], Inner):
        element = token.payload[0].element
        if name_of(element) == "fldChar":
            return str(element.get(f"{W}fldCharType", ""))
    return ""


def _fields(tokens: Sequence[Token]) -> Iterator[Token]:
    """Fields as marks around what they show, or as things, where that has no letters (a page's number).

    A field that does not end in the paragraph ends lines, and so do those in others."""
    at = 0
    while at < len(tokens):
        if not (part := _field_part(tokens[at])):
            yield tokens[at]
            at += 1
            continue
        middle, end = _ends(tokens, at) if part == "begin" else (0, 0)
        inside = tokens[at : end + 1]
        if not end or any(isinstance(token, Edge | Open | Close) for token in inside):
            yield Edge(tokens[at].payload)  # type: ignore[union-attr]
            at += 1
            continue
        shown = "".join(token.text for token in tokens[middle : end + 1] if isinstance(token, Text))
        if _LETTER.search(shown) and not any(map(_field_part, tokens[middle + 1 : end])):
            opened = Open(tuple(_pieces(tokens[at : middle + 1])))
            yield opened
            yield from tokens[middle + 1 : end]
            yield Close(opened, tuple(_pieces(tokens[end : end + 1])))
        else:
            yield Thing(tuple(_pieces(inside)), shown if len(shown) <= 60 else "")
        at = end + 1


def _ends(tokens: Sequence[Token], begin: int) -> tuple[int, int]:
    """The places of a field's middle (its end, where it has none) and end; 0, 0 where it is not complete."""
    depth, middle = 0, 0
    for at in range(begin, len(tokens)):
        part = _field_part(tokens[at])
        depth += {"begin": 1, "end": -1}.get(part, 0)
        if part == "separate" and depth == 1:
            middle = at
        if not depth:
            return middle or at, at
    return 0, 0


def _pieces(tokens: Sequence[Token]) -> Iterator[Any]:
    """The elements of a field's tokens."""
    for token in tokens:
        if isinstance(token, Text):
            element = etree.Element(f"{W}t")
            element.text = token.text
            element.set(SPACE, "preserve")
            yield Inner(token.raw, element)
        elif isinstance(token, Thing):
            yield from token.payload


def _formatted(tokens: Sequence[Token], base: Format) -> Iterator[Token]:
    """Marks around the texts that look otherwise than most of the paragraph."""
    opened: Open | None = None
    for token in tokens:
        key = token.raw.key if isinstance(token, Text) else None
        if opened is not None and opened.payload.key != key:
            yield Close(opened)
            opened = None
        if isinstance(token, Text) and opened is None and key != base.key:
            opened = Open(token.raw, keep=False)
            yield opened
        yield token
    if opened is not None:
        yield Close(opened)
