"""EPUB that is translated: its chapters as HTML; the book's title and language, its table of contents."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from autogpt_desktop.documents.read.formats.archive import Archive, Collect, resolve
from autogpt_desktop.documents.read.formats.html import decode_html
from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import RIGHT_TO_LEFT
from autogpt_desktop.documents.write.html.page import Markup
from autogpt_desktop.documents.write.package import Package, Part, Unit
from autogpt_desktop.documents.write.xml.inline import inline_prose
from autogpt_desktop.documents.write.xml.part import Edit, Replaced, XmlPart
from autogpt_desktop.documents.write.xml.source import LARGEST, Event, XmlSource, escaped, with_attribute

_PAGES = frozenset({"application/xhtml+xml", "text/html"})
_CONTENTS = "application/x-dtbncx+xml"
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"
_TOLD = frozenset({"title", "description", "subject"})


def epub(path: Path, limits: Limits, bilingual: str = "") -> Package:
    """``bilingual``: as ``documents.write.open.open_blocks`` has it."""
    return Package(path, limits, lambda archive: _parts(archive, bilingual))


def _parts(archive: Archive, bilingual: str) -> Iterator[tuple[str, Part]]:
    roots = Collect({"rootfile"})
    archive.parse("META-INF/container.xml", roots)
    if not roots.found:
        raise Unreadable("document-damaged")
    package = posixpath.normpath(roots.found[0][1].get("full-path", ""))
    source = XmlSource(archive.read(package))
    yield package, XmlPart(source, list(_about(source)))
    contents = Collect({"item", "itemref"})
    archive.parse(package, contents)
    items = {given.get("id", ""): given for name, given, _ in contents.found if name == "item"}
    spine = [given.get("idref", "") for name, given, _ in contents.found if name == "itemref"]
    seen: set[str] = set()
    for key in [*spine, *items]:
        item = items.get(key, {})
        name, kind = resolve(package, item.get("href", "")), item.get("media-type", "")
        if name in seen or name not in archive:
            continue
        seen.add(name)
        if kind in _PAGES:
            yield name, Chapter(archive.read(name), bilingual)
        elif kind == _CONTENTS:
            source = XmlSource(archive.read(name), doctype=True)
            yield name, XmlPart(source, list(_labels(source)))


class Chapter:
    """A page of the book."""

    def __init__(self, data: bytes, bilingual: str = "") -> None:
        decoded = decode_html(data) if len(data) <= LARGEST else None
        if decoded is None:
            raise Unreadable("document-damaged")
        text, self._encoding = decoded
        self._mark = data[:3] if data.startswith(b"\xef\xbb\xbf") else b""
        self._markup = Markup(text, True, bilingual)

    @property
    def units(self) -> Sequence[Unit]:
        return self._markup.units

    def written(
        self, made: Mapping[int, TranslatedText], phrases: Mapping[str, str], language: str = ""
    ) -> bytes:
        page = self._markup.written(made, phrases, language)
        return self._mark + page.encode(self._encoding, errors="xmlcharrefreplace")


def _about(source: XmlSource) -> Iterator[Edit]:
    """The title and what the book is about; its language; which way its pages turn."""
    element: list[Event] | None = None
    for event in source.events():
        if element is not None:
            element.append(event)
            if event.kind == "end" and event.name == element[0].name:
                yield from _told(source, element)
                element = None
        elif event.kind == "start" and event.space == _DUBLIN_CORE and event.name in (*_TOLD, "language"):
            element = [event]
        elif event.kind == "start" and event.name in ("package", "spine"):
            yield _turned(event, source.slice(event.start, event.end))


def _told(source: XmlSource, element: list[Event]) -> Iterator[Edit]:
    start, end = element[0].end, element[-1].start
    if element[0].name == "language":
        yield Replaced(start, end, lambda language: escaped(language))
    elif prose := inline_prose(source, element, lambda _: "thing", False):
        yield prose


def _turned(event: Event, tag: str) -> Edit:
    def text(language: str) -> str:
        if event.name == "package":
            return with_attribute(tag, "xml:lang", language) if "lang" in event.attributes else tag
        way = "rtl" if language in RIGHT_TO_LEFT else "ltr"
        given = event.attributes.get("page-progression-direction", "ltr")
        if given == way or (given == "default" and way == "ltr"):
            return tag
        return with_attribute(tag, "page-progression-direction", way)

    return Replaced(event.start, event.end, text)


def _labels(source: XmlSource) -> Iterator[Edit]:
    """What an older table of contents (NCX) shows."""
    element: list[Event] | None = None
    for event in source.events():
        if element is not None:
            element.append(event)
            if event.kind == "end" and event.name == "text":
                if prose := inline_prose(source, element, lambda _: "thing", True):
                    yield prose
                element = None
        elif event.kind == "start" and event.name == "text":
            element = [event]
        elif event.kind == "start" and event.name == "ncx" and "lang" in event.attributes:
            yield _ncx(event, source.slice(event.start, event.end))


def _ncx(event: Event, tag: str) -> Edit:
    return Replaced(event.start, event.end, lambda language: with_attribute(tag, "xml:lang", language))
