"""HTML that is translated: what a page says is replaced in its source, every other character stays.

The source is cut as a browser's tokenizer would cut it (WHATWG HTML, 13.2.5), but no tree is made, as
nothing could write the same page from one. Code, scripts, styles and what says ``translate="no"`` stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape as _unescape
from pathlib import Path

from autogpt_desktop.documents.files import read_bytes
from autogpt_desktop.documents.read.formats.html import decode_html
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, write_file
from autogpt_desktop.documents.write.inline_marks import (
    Close,
    Edge,
    Open,
    Segment,
    Text,
    Thing,
    Token,
    phrases_of,
    segments,
)
from autogpt_desktop.documents.write.mark_transfer import carried
from autogpt_desktop.errors import KnownError

RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
_LARGEST = 64 << 20  # bytes of a page


def unescape(text: str) -> str:
    """As browsers read it; a number of thousands of digits, which Python refuses, stays as it is."""
    try:
        return _unescape(text)
    except ValueError:
        return text


def _set(names: str) -> frozenset[str]:
    return frozenset(names.split())


_INLINE = _set(
    "a abbr acronym b bdi bdo big cite data del dfn em font i ins label mark nobr q ruby s small span strike"
    " strong sub sup time u"
)
_STAYS = _set("code kbd samp var tt svg math rt rp")  # inside a line, as they are
_BLOCK_STAYS = _set("pre")
_RAW = _set("script style textarea title xmp iframe noembed noframes plaintext")
_VOID = _set("area base br col embed hr img input link meta source track wbr")
_IN_LINE = _set("img input wbr")  # without words, but a place in the line
_ATTRIBUTES = _set("alt title placeholder aria-label")
_MARKUP = re.compile(r"<(?:!--|[!?]|/?([A-Za-z][^\s/>]*))")
_ATTRIBUTE = re.compile(
    r"""[\s/]*([^\s/>=][^\s/>=]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"'][^\s>]*))?)?"""
)
_TAG_END = re.compile(r"[\s/]*>")
_SHORT = re.compile(r"<[^<>]*>([^<>\r\n]{1,60})</[^<>]*>")
_NOTE = re.compile(r"((?:[^<>A-Za-z]{0,12}<[^<>]{1,300}>){0,4}?[^<>A-Za-z]{0,12})</sup\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, eq=False)
class Attribute:
    """The value of an attribute that is shown to people. ``raw``: as it stands, quotation marks and all."""

    text: str
    raw: str


Source = tuple["str | Attribute", ...]  # a piece of the page


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    end: bool  # </…>
    empty: bool  # <…/>
    source: Source
    attributes: dict[str, str]


class Page:
    """``documents.write.base.Blocks`` of an HTML file. Raises KnownError as ``open_blocks``."""

    wrapped = False

    def __init__(self, path: Path, limits: Limits) -> None:
        data = read_bytes(path, limits)
        if len(data) > _LARGEST:
            raise KnownError("document-too-large", name=path.name, limit=f"{_LARGEST >> 20} MB")
        decoded = decode_html(data)
        if decoded is None:
            raise KnownError("document-kind", name=path.name)
        text, self.encoding = decoded
        self.suffix = path.suffix
        self._is_xml = path.suffix.lower() == ".xhtml" or text.lstrip("\ufeff \r\n\t").startswith("<?xml")
        self.parts = segments(list(_Tokens(text, self._is_xml)), collapse=True)
        self._units: list[Segment | Attribute] = list(_units(self.parts))
        if not self._units:
            raise KnownError("document-empty", name=path.name)
        self.texts = [unit.text for unit in self._units]
        self.phrases = phrases_of(self._units)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``: in the page's own encoding, what that lacks as numbers (``&#x…;``)."""
        made = dict(zip(map(id, self._units), translated, strict=True))
        whole: list[str] = []
        for part in self.parts:
            if isinstance(part, Edge):
                whole.append(self._source([part], made, language))
            elif id(part) not in made or made[id(part)].text == part.text:
                whole.append(self._source(part.tokens, made, language))
            else:
                tokens = carried(part, made[id(part)], phrases)
                whole.append(self._source(tokens, made, language))
        write_file(out, "".join(whole).encode(self.encoding, errors="xmlcharrefreplace"))

    def _source(self, tokens: Sequence[Token], made: Mapping[int, TranslatedText], language: str) -> str:
        found = []
        for token in tokens:
            if isinstance(token, Text):
                found.append(token.raw if token.raw is not None else self._escaped(token.text))
            elif isinstance(token, Edge) and isinstance(token.payload, Text | Open | Close):
                found.append(self._source([token.payload], made, language))
            elif isinstance(token.payload, _Tag):
                source = self._pieces(token.payload.source, made)
                found.append(in_language(source, token.payload, language) if language else source)
            else:
                found.append(self._pieces(token.payload, made))
        return "".join(found)

    def _pieces(self, source: Source, made: Mapping[int, TranslatedText]) -> str:
        return "".join(piece if isinstance(piece, str) else self._value(piece, made) for piece in source)

    def _value(self, attribute: Attribute, made: Mapping[int, TranslatedText]) -> str:
        translated = made.get(id(attribute))
        if translated is None or translated.text == attribute.text:
            return attribute.raw
        quote = attribute.raw[0] if attribute.raw[:1] in ("'", '"') else '"'
        code = "&#39;" if quote == "'" else "&quot;"
        return f"{quote}{self._escaped(translated.text).replace(quote, code)}{quote}"

    def _escaped(self, text: str) -> str:
        text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return text.replace("\u00a0", "&#160;" if self._is_xml else "&nbsp;")


def in_language(source: str, tag: _Tag, language: str) -> str:
    """The start tag of the page or its body, with the language and the direction of what is in it now."""
    right = language in RIGHT_TO_LEFT
    for name in ("lang", "xml:lang"):
        if name in tag.attributes or (name == "lang" and tag.name == "html"):
            source = _with_attribute(source, name, language)
    if (right and tag.name == "html") or "dir" in tag.attributes:
        source = _with_attribute(source, "dir", "rtl" if right else "ltr")
    return source


def _with_attribute(source: str, name: str, value: str) -> str:
    pattern = re.compile(rf"""(\s{name}\s*=\s*)(?:"[^"]*"|'[^']*'|[^\s>"']+)""", re.IGNORECASE)
    if pattern.search(source):
        return pattern.sub(rf'\g<1>"{value}"', source, count=1)
    return re.sub(r"^<[A-Za-z]+", rf'\g<0> {name}="{value}"', source)


def _units(parts: Sequence[Edge | Segment]) -> Iterator[Segment | Attribute]:
    """What is to be translated, in the page's order: texts with letters, and attributes."""
    for part in parts:
        if isinstance(part, Segment) and part.has_letters:
            yield part
        for token in [part] if isinstance(part, Edge) else part.tokens:
            inner = token.payload if isinstance(token, Edge) else token
            payload = inner.payload if isinstance(inner, Open | Close | Thing) else inner
            source = payload.source if isinstance(payload, _Tag) else payload
            for piece in source if isinstance(source, tuple) else ():
                if isinstance(piece, Attribute):
                    yield piece


class _Tokens:
    """The tokens of a page; iterate once."""

    def __init__(self, text: str, is_xml: bool) -> None:
        self.text, self.is_xml = text, is_xml
        self._open: list[tuple[str, Open]] = []  # inline elements that may still end

    def __iter__(self) -> Iterator[Token]:
        at, begun = 0, 0  # [begun:at] is text
        text = self.text
        while (found := _MARKUP.search(text, at)) is not None:
            start = found.start()
            token: Token | tuple[Token, ...]
            if found[1] is None:
                token, end = self._declaration(start)
            else:
                tag = _tag(text, start, found[1])
                if tag is None:  # it never ends, and a browser shows nothing of it
                    token, end = Edge((text[start:],)), len(text)
                else:
                    token, end = self._element(tag[0], start, tag[1])
            yield from _texts(text[begun:start])
            begun = at = end
            if isinstance(token, tuple):
                yield from token
            else:
                yield token
        yield from _texts(text[begun:])

    def _declaration(self, start: int) -> tuple[Token, int]:
        """A comment stays about where it was; a document type or an instruction ends a line."""
        text = self.text
        if text.startswith("<!--", start):
            end = text.find("-->", start + 2)
            end = len(text) if end < 0 else end + 3
            return Thing((text[start:end],)), end
        mark = (
            "]]>"
            if text.startswith("<![CDATA[", start)
            else "?>"
            if self.is_xml and text[start + 1] == "?"
            else ">"
        )
        end = text.find(mark, start)
        end = len(text) if end < 0 else end + len(mark)
        return Edge((text[start:end],)), end

    def _element(self, tag: _Tag, start: int, end: int) -> tuple[Token | tuple[Token, ...], int]:
        name = tag.name
        empty = name in _VOID or (tag.empty and self.is_xml)
        if tag.end:
            return self._closed(tag), end
        if name in _RAW and not empty:
            return self._raw(tag, end)
        stays = tag.attributes.get("translate", "").lower() == "no" or "notranslate" in tag.attributes.get(
            "class", ""
        )
        if not empty and (stays or name in _STAYS or name in _BLOCK_STAYS):
            last = self._end_of(name, end)
            if name not in _STAYS and name not in _INLINE:
                self._open.clear()
                return Edge((self.text[start:last],)), last
            return Thing((self.text[start:last],), self._said(name, start, last)), last
        if name == "sup" and (last := self._note(end)):
            return Thing((self.text[start:last],)), last
        if name in _IN_LINE:
            return Thing(tag.source), end
        if name in _INLINE and not empty:
            opened = Open(tag, keep=name == "a" or "id" in tag.attributes)
            self._open.append((name, opened))
            return opened, end
        self._open.clear()
        return Edge(tag if name in ("html", "body") else tag.source), end

    def _said(self, name: str, start: int, end: int) -> str:
        """What stands for an element that stays in the text that is translated: code as in Markdown."""
        found = _SHORT.fullmatch(self.text, start, end)
        if found is None or name in ("rt", "rp"):
            return ""
        text = " ".join(unescape(found[1]).split())
        return text if name in _INLINE else f"`{text}`" if "`" not in text else ""

    def _note(self, at: int) -> int:
        """Where a raised sign of a note, with its link, ends; 0 where it is something else."""
        found = _NOTE.match(self.text, at)
        said = re.sub(r"<[^<>]*>", "", found[1]) if found else ""
        return found.end() if found and (said != found[1] or not said.strip().isalnum()) else 0

    def _closed(self, tag: _Tag) -> Token:
        for place in range(len(self._open) - 1, max(len(self._open) - 64, 0) - 1, -1):
            if self._open[place][0] == tag.name:
                opened = self._open[place][1]
                del self._open[place:]
                return Close(opened, tag.source)
        if tag.name not in _INLINE:
            self._open.clear()
        return Edge(tag.source)

    def _raw(self, tag: _Tag, end: int) -> tuple[Token | tuple[Token, ...], int]:
        """An element whose inside is no markup; what a title says is translated."""
        self._open.clear()
        found = re.compile(rf"</{tag.name}(?=[\s/>])", re.IGNORECASE).search(self.text, end)
        last = found.start() if found else len(self.text)
        if tag.name == "title":
            return (Edge(tag.source), *_texts(self.text[end:last]), Edge(("",))), last
        return Edge((*tag.source, self.text[end:last])), last

    def _end_of(self, name: str, at: int) -> int:
        """Behind the end tag of an element whose start tag ends at ``at``."""
        depth = 1
        for found in re.compile(rf"<(/?){name}(?=[\s/>])[^<>]*>", re.IGNORECASE).finditer(self.text, at):
            depth += -1 if found[1] else 0 if found[0].endswith("/>") else 1
            if not depth:
                return found.end()
        return len(self.text)


def _texts(source: str) -> Iterator[Text]:
    if source:
        yield Text(unescape(source), source)


def _tag(text: str, start: int, name: str) -> tuple[_Tag, int] | None:
    """The tag that begins at ``start`` and where it ends; None where it does not."""
    at = start + 2 + len(name) if text[start + 1] == "/" else start + 1 + len(name)
    attributes: dict[str, str] = {}
    values: dict[str, tuple[int, int]] = {}
    while (last := _TAG_END.match(text, at)) is None:
        found = _ATTRIBUTE.match(text, at)
        if found is None:
            return None
        key = found[1].lower()
        group = next((number for number in (2, 3, 4) if found[number] is not None), 0)
        if key not in attributes:
            attributes[key] = unescape(found[group]) if group else ""
            quoted = 1 if group in (2, 3) else 0
            if group:
                values[key] = found.start(group) - quoted, found.end(group) + quoted
        at = found.end()
    end = last.end()
    is_end = text[start + 1] == "/"
    shown = sorted(values[key] + (key,) for key in _shown(name.lower(), attributes) if key in values)
    source: list[str | Attribute] = []
    at = start
    for first, final, key in [] if is_end else shown:
        source += [text[at:first], Attribute(" ".join(attributes[key].split()), text[first:final])]
        at = final
    source.append(text[at:end])
    empty = text[start:end].endswith("/>")
    return _Tag(name.lower(), is_end, empty, tuple(source), attributes), end


def _shown(name: str, attributes: Mapping[str, str]) -> Iterator[str]:
    """The attributes with words that people see or hear."""
    wanted = set(_ATTRIBUTES)
    kind = (attributes.get("name") or attributes.get("property") or "").lower()
    if name == "meta":
        wanted = {"content"} if kind in ("description", "og:title", "og:description") else set()
    elif name == "input" and attributes.get("type", "").lower() in ("submit", "button", "reset"):
        wanted.add("value")
    elif name in ("link", "script", "style"):
        wanted = set()
    for key in wanted & set(attributes):
        if any(character.isalpha() for character in attributes[key]):
            yield key
