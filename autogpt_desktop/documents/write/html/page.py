"""HTML that is translated: what a page says is replaced in its source, every other character stays."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from autogpt_desktop.documents.files import read_bytes
from autogpt_desktop.documents.read.formats.html import decode_html
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, RIGHT_TO_LEFT, write_file
from autogpt_desktop.documents.write.html.tokens import Attribute, Source, Tag, escaped, tokens, units
from autogpt_desktop.documents.write.inline_marks import (
    Close,
    Edge,
    Open,
    Segment,
    Text,
    Thing,
    Token,
    segments,
    texts_of,
)
from autogpt_desktop.documents.write.mark_transfer import carried
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice

_LARGEST = 64 << 20  # bytes of a page
_NO_TAGS = re.compile(r"<(?:title|option|textarea)[\s>]", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*+>")
_ONCE = re.compile(
    r"<(?:!--|(?:img|input|svg|sup|picture|video|audio|object|canvas|iframe)[\s/>])", re.IGNORECASE
)
_IDENTITY = re.compile(r"""(?<=\s)(?:id|name)\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+)""", re.IGNORECASE)


class Markup:
    """HTML as ``units`` to translate; ``written`` is the same HTML with other texts in their place."""

    def __init__(self, text: str, is_xml: bool = False, bilingual: str = "") -> None:
        """``bilingual``: as ``documents.write.open.open_blocks`` has it."""
        self._is_xml, self._bilingual = is_xml, bilingual
        self.parts = segments(list(tokens(text, is_xml)), collapse=True)
        self.units: list[Segment | Attribute] = list(units(self.parts))

    def written(
        self, made: Mapping[int, TranslatedText], phrases: Mapping[str, str], language: str = ""
    ) -> str:
        """``made``: by the ``id`` of a unit. ``language``: what the page says it is in."""
        whole: list[str] = []
        for part in self.parts:
            if isinstance(part, Edge):
                whole.append(self._source([part], made, language if not self._bilingual else ""))
            elif id(part) not in made or made[id(part)].text == part.text:
                whole.append(self._source(part.tokens, made, language))
            else:
                found = carried(part, made[id(part)], phrases)
                new = self._source(found, made, language) if not self._bilingual else ""
                if self._bilingual:
                    old = self._source(part.tokens, _both_values(part.tokens, made))
                    new = self._source(_without_once(found), made, language)
                    is_bare = bool(_NO_TAGS.match(whole[-1])) if whole else False
                    new = self._both(_TAG.sub(_unnamed, old), new, language, is_bare)
                whole.append(new)
        return "".join(whole)

    def _both(self, old: str, new: str, language: str, is_bare: bool) -> str:
        """The original and the translation, which keeps the ids. ``is_bare``: no tags may stand there."""
        if is_bare:
            return f"{old} / {new}"
        way = f' lang="{language}"' if language else ""
        way += ' dir="rtl"' if language in RIGHT_TO_LEFT else ""
        if self._bilingual == "under":
            return f"{old}<br/><span{way}>{new}</span>"
        style = "display:grid;grid-template-columns:1fr 1fr;column-gap:1.5em"
        return f'<span style="{style}"><span>{old}</span><span{way}>{new}</span></span>'

    def _source(self, line: Sequence[Token], made: Mapping[int, TranslatedText], language: str = "") -> str:
        found = []
        for token in line:
            if isinstance(token, Text):
                found.append(token.raw if token.raw is not None else escaped(token.text, self._is_xml))
            elif isinstance(token, Edge) and isinstance(token.payload, Text | Open | Close):
                found.append(self._source([token.payload], made, language))
            elif isinstance(token.payload, Tag):
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
        return attribute.written(translated.text, self._is_xml)


class Page:
    """``documents.write.base.Blocks`` of an HTML file. Raises KnownError as ``open_blocks``."""

    wrapped = False
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, limits: Limits, bilingual: str = "") -> None:
        data = read_bytes(path, limits)
        if len(data) > _LARGEST:
            raise KnownError("document-too-large", name=path.name, limit=f"{_LARGEST >> 20} MB")
        decoded = decode_html(data)
        if decoded is None:
            raise KnownError("document-kind", name=path.name)
        text, self.encoding = decoded
        self.suffix = path.suffix
        is_xml = path.suffix.lower() == ".xhtml" or text.lstrip("\ufeff \r\n\t").startswith("<?xml")
        self._markup = Markup(text, is_xml, bilingual)
        self.texts, self.phrases = texts_of(self._markup.units, path)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``: in the page's own encoding, what that lacks as numbers (``&#x…;``)."""
        made = dict(zip(map(id, self._markup.units), translated, strict=True))
        page = self._markup.written(made, phrases, language)
        write_file(out, page.encode(self.encoding, errors="xmlcharrefreplace"))


def _is_once(token: Token) -> bool:
    """Is it a picture, a field or the sign of a note? The original has it, the translation not again."""
    if not isinstance(token, Thing):
        return False
    return bool(_ONCE.match("".join(piece for piece in token.payload if isinstance(piece, str))))


def _without_once(line: Sequence[Token]) -> list[Token]:
    """What a translation beside its original says: without what is shown once, and links around it alone."""
    found: list[Token] = []
    for token in line:
        if isinstance(token, Close) and found and token.opened is found[-1]:
            found.pop()
        elif not _is_once(token):
            found.append(token)
    return found


def _both_values(line: Sequence[Token], made: Mapping[int, TranslatedText]) -> dict[int, TranslatedText]:
    """What is said of the pictures in a line, in both languages."""
    values = [piece for token in line if _is_once(token) for piece in token.payload]  # type: ignore[union-attr]
    return {
        id(value): TranslatedText(f"{value.text} / {made[id(value)].text}")
        for value in values
        if isinstance(value, Attribute) and id(value) in made and made[id(value)].text != value.text
    }


def _unnamed(tag: re.Match[str]) -> str:
    """A tag without its id, which may stand in a page once."""
    return _IDENTITY.sub("", tag[0])


def in_language(source: str, tag: Tag, language: str) -> str:
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
