"""HTML cut as a browser's tokenizer would cut it (WHATWG HTML, 13.2.5): marks, things, texts, edges.

No tree is made, as nothing could write the same page from one. Code, scripts, styles and what says
``translate="no"`` stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import unescape as _unescape

from autogpt_desktop.documents.write.inline_marks import Close, Edge, Open, Segment, Text, Thing, Token


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

    def written(self, text: str, is_xml: bool = False) -> str:
        """Another text in its place."""
        quote = self.raw[0] if self.raw[:1] in ("'", '"') else '"'
        code = "&#39;" if quote == "'" else "&quot;"
        return f"{quote}{escaped(text, is_xml).replace(quote, code)}{quote}"


def escaped(text: str, is_xml: bool = False) -> str:
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("\u00a0", "&#160;" if is_xml else "&nbsp;")


Source = tuple["str | Attribute", ...]  # a piece of the page


@dataclass(frozen=True, slots=True)
class Tag:
    name: str
    end: bool  # </…>
    empty: bool  # <…/>
    source: Source
    attributes: dict[str, str]


def units(parts: Sequence[Edge | Segment]) -> Iterator[Segment | Attribute]:
    """What is to be translated, in the page's order: texts with letters, and attributes."""
    for part in parts:
        if isinstance(part, Segment) and part.has_letters:
            yield part
        for token in [part] if isinstance(part, Edge) else part.tokens:
            inner = token.payload if isinstance(token, Edge) else token
            payload = inner.payload if isinstance(inner, Open | Close | Thing) else inner
            source = payload.source if isinstance(payload, Tag) else payload
            for piece in source if isinstance(source, tuple) else ():
                if isinstance(piece, Attribute):
                    yield piece


def tokens(text: str, is_xml: bool = False) -> Iterator[Token]:
    """A page's tokens."""
    return iter(_Tokens(text, is_xml))


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
                tag = read_tag(text, start, found[1])
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
            if text.startswith(("<?php", "<?=") if not self.is_xml else "<?", start)
            else ">"
        )
        end = text.find(mark, start)
        end = len(text) if end < 0 else end + len(mark)
        return Edge((text[start:end],)), end

    def _element(self, tag: Tag, start: int, end: int) -> tuple[Token | tuple[Token, ...], int]:
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

    def _closed(self, tag: Tag) -> Token:
        for place in range(len(self._open) - 1, max(len(self._open) - 64, 0) - 1, -1):
            if self._open[place][0] == tag.name:
                opened = self._open[place][1]
                del self._open[place:]
                return Close(opened, tag.source)
        if tag.name not in _INLINE:
            self._open.clear()
        return Edge(tag.source)

    def _raw(self, tag: Tag, end: int) -> tuple[Token | tuple[Token, ...], int]:
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


def read_tag(text: str, start: int, name: str) -> tuple[Tag, int] | None:
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
    return Tag(name.lower(), is_end, empty, tuple(source), attributes), end


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
