"""One paragraph of WordprocessingML as tokens (see ``marks``), and built anew from them.

Runs with the same properties are one text; the properties that most of a paragraph has are its base, and
each other is a mark. Elements are only moved when the paragraph is written.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.base import LANGUAGE_TAGS
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

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SPACE = "{http://www.w3.org/XML/1998/namespace}space"
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
_LANGUAGE_KINDS = {"zh": "eastAsia", "ja": "eastAsia", "ko": "eastAsia", "ar": "bidi"}
# What may come behind the elements that are put in here, as the schema's sequences have it.
_BEHIND_RTL = frozenset({"cs", "em", "lang", "eastAsianLayout", "specVanish", "oMath", "rPrChange"})
_BEHIND_LANG = _BEHIND_RTL - {"cs", "em", "lang"}
_BEHIND_BIDI = frozenset(
    {
        *("adjustRightInd", "snapToGrid", "spacing", "ind", "contextualSpacing", "mirrorIndents"),
        *("suppressOverlap", "jc", "textDirection", "textAlignment", "textboxTightWrap", "outlineLvl"),
        *("divId", "cnfStyle", "rPr", "sectPr", "pPrChange"),
    }
)
_COMPLEX = {"b": "bCs", "i": "iCs", "sz": "szCs"}  # the same for Arabic and Hebrew letters


@dataclass(frozen=True, slots=True, eq=False)
class _Format:
    """Properties of a run: ``rPr`` or None; ``key`` is equal for those that look the same."""

    properties: Any
    key: bytes


@dataclass(frozen=True, slots=True, eq=False)
class _Inner:
    """A child of a run that stays: its run is made again around it."""

    format: _Format
    element: Any


@dataclass(frozen=True, slots=True, eq=False)
class _Container:
    element: Any


Payload = _Format | _Container | tuple[Any, ...]  # a tuple: elements and _Inner, one after the other


class Paragraph:
    """``texts``: its segments with letters."""

    def __init__(self, element: Any) -> None:
        self.element = element
        style = element.find(f"{W}pPr/{W}pStyle")
        is_code = style is not None and _CODE_STYLE.search(style.get(f"{W}val", ""))
        tokens = [] if is_code else list(_fields(list(_atoms(element))))
        sizes: Counter[bytes] = Counter()
        formats: dict[bytes, _Format] = {}
        for token in tokens:
            if isinstance(token, Text):
                formats.setdefault(token.raw.key, token.raw)
                sizes[token.raw.key] += len(token.text)
        self.base = formats[sizes.most_common(1)[0][0]] if sizes else _Format(None, b"")
        self.parts = segments(list(_formatted(tokens, self.base)))
        self.texts = [part for part in self.parts if isinstance(part, Segment) and part.has_letters]

    def write(self, made: Mapping[int, TranslatedText], language: str, phrases: Mapping[str, str]) -> None:
        """Put translations, by the id of their segment, in place of the texts."""
        if all(made[id(part)].text == part.text for part in self.texts):
            return
        builder = _Builder(self.element, self.base, language)
        for part in self.parts:
            if isinstance(part, Edge):
                builder.add([part])
            elif id(part) in made and made[id(part)].text != part.text:
                builder.add(carried(part, made[id(part)], phrases))
            else:
                builder.add(part.tokens)
        builder.done()


def mirrored(paragraph: Any, language: str) -> None:
    """Let the paragraph run from right to left in Arabic, else from left to right."""
    properties = paragraph.find(f"{W}pPr")
    found = None if properties is None else properties.find(f"{W}bidi")
    if language != "ar":
        if found is not None:
            properties.remove(found)
        return
    if properties is None:
        properties = etree.Element(f"{W}pPr")
        paragraph.insert(0, properties)
    if found is None:
        _insert(properties, etree.Element(f"{W}bidi"), _BEHIND_BIDI)


def _insert(parent: Any, element: Any, behind: frozenset[str]) -> None:
    for at, child in enumerate(parent):
        if _name(child) in behind:
            parent.insert(at, element)
            return
    parent.append(element)


def _name(element: Any) -> str:
    tag = element.tag
    return tag[len(W) :] if isinstance(tag, str) and tag.startswith(W) else ""


def _atoms(parent: Any) -> Iterator[Token]:
    """What stands in a paragraph or container, in order; fields in pieces."""
    starts: dict[tuple[str, str | None], Open] = {}
    for child in parent:
        name = _name(child)
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
            opened = Open(_Container(child), keep=name in ("hyperlink", "sdt", "fldSimple"))
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
    form = _Format(properties, _key(properties))
    for child in run:
        name = _name(child)
        if name == "rPr" or name in _DROPPED:
            continue
        if name == "t":
            yield Text(child.text or "", form)
        elif name == "noBreakHyphen":
            yield Text("\u2011", form)
        elif name in _BREAKS:
            yield Edge((_Inner(form, child),))
        else:
            yield Thing((_Inner(form, child),))


def _key(properties: Any) -> bytes:
    """Equal for properties that look the same."""
    if properties is None:
        return b""
    shown = [child for child in properties if _name(child) not in ("lang", "noProof")]
    return b"".join(etree.tostring(child, method="c14n") for child in shown)


def _said(element: Any) -> str:
    text = "".join(piece.text or "" for piece in element.iter(f"{W}t"))
    return text if len(text) <= 60 else ""


def _field_part(token: Token) -> str:
    """ "begin", "separate" or "end" where a token is that character of a field."""
    if isinstance(token, Thing) and isinstance(token.payload[0], _Inner):
        element = token.payload[0].element
        if _name(element) == "fldChar":
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
            element.set(_SPACE, "preserve")
            yield _Inner(token.raw, element)
        elif isinstance(token, Thing):
            yield from token.payload


def _formatted(tokens: Sequence[Token], base: _Format) -> Iterator[Token]:
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


class _Builder:
    """Fills the paragraph anew."""

    def __init__(self, paragraph: Any, base: _Format, language: str) -> None:
        self.paragraph, self.language = paragraph, language
        self.stack = [etree.Element("new")]
        self.formats = [base]

    def add(self, tokens: Sequence[Token]) -> None:
        for token in tokens:
            if isinstance(token, Text):
                self._text(token)
            elif isinstance(token, Open):
                self._open(token.payload)
            elif isinstance(token, Close):
                self._close(token)
            elif isinstance(token.payload, Open | Close):  # one that is an edge
                self.add([token.payload])
            else:
                self._elements(token.payload)

    def done(self) -> None:
        kept = [child for child in self.paragraph if _name(child) == "pPr"]
        tail = [child for child in self.paragraph if not isinstance(child.tag, str)]  # comments
        self.paragraph[:] = [*kept, *self.stack[0], *tail]

    def _text(self, token: Text) -> None:
        if not token.text:
            return
        form = token.raw if isinstance(token.raw, _Format) else self.formats[-1]
        run = etree.SubElement(self.stack[-1], f"{W}r")
        properties = _spoken(form.properties, self.language)
        if properties is not None:
            run.append(properties)
        text = etree.SubElement(run, f"{W}t")
        text.text = " ".join(token.text.split("\n"))
        text.set(_SPACE, "preserve")

    def _open(self, payload: Payload) -> None:
        if isinstance(payload, _Format):
            self.formats.append(payload)
        elif isinstance(payload, _Container):
            self.stack.append(_emptied(payload.element, self.stack[-1]))
        else:
            self._elements(payload)

    def _close(self, token: Close) -> None:
        if isinstance(token.opened.payload, _Format):
            self.formats.pop()
        elif isinstance(token.opened.payload, _Container):
            self.stack.pop()
        else:
            self._elements(token.payload)

    def _elements(self, pieces: Sequence[Any]) -> None:
        for piece in pieces:
            if not isinstance(piece, _Inner):
                self.stack[-1].append(piece)
                continue
            run = etree.SubElement(self.stack[-1], f"{W}r")
            if piece.format.properties is not None:
                run.append(copy.deepcopy(piece.format.properties))
            run.append(piece.element)


def _emptied(element: Any, parent: Any) -> Any:
    """A copy of a container without what stands in it, in ``parent``; where its content goes."""
    new = etree.SubElement(parent, element.tag, dict(element.attrib), element.nsmap)
    if _name(element) != "sdt":
        return new
    for child in element:
        if _name(child) != "sdtContent":
            new.append(copy.deepcopy(child))
            continue
        inner = etree.SubElement(new, child.tag, dict(child.attrib))
    return inner


def _spoken(properties: Any, language: str) -> Any:
    """A copy of a run's properties that names the language its text is in now."""
    if language not in LANGUAGE_TAGS:
        return copy.deepcopy(properties)
    new = etree.Element(f"{W}rPr") if properties is None else copy.deepcopy(properties)
    for child in list(new):
        if _name(child) in ("lang", "rtl"):
            new.remove(child)
    if language == "ar":
        for child in list(new):
            other = _COMPLEX.get(_name(child))
            if other and new.find(f"{W}{other}") is None:
                twin = etree.Element(f"{W}{other}", dict(child.attrib))
                child.addnext(twin)
        _insert(new, etree.Element(f"{W}rtl"), _BEHIND_RTL)
    kind = _LANGUAGE_KINDS.get(language, "val")
    _insert(new, etree.Element(f"{W}lang", {f"{W}{kind}": LANGUAGE_TAGS[language]}), _BEHIND_LANG)
    return new
