"""XLSX that is translated: the texts of cells, with the formats inside them; asked for, comments.

Numbers, formulas, types and formats stay, and so do texts that formulas, filters and tables name: with
another text there, they would give another result, or the workbook would not open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from autogpt_desktop.documents.read.formats.archive import Archive, Collect, main_part
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.documents.write.base import RIGHT_TO_LEFT
from autogpt_desktop.documents.write.inline_marks import Token
from autogpt_desktop.documents.write.package import Package, Part
from autogpt_desktop.documents.write.xml.part import Edit, Prose, Replaced, XmlPart
from autogpt_desktop.documents.write.xml.runs import format_of, run_prose, text_tokens
from autogpt_desktop.documents.write.xml.source import Event, XmlSource, children, prefix, with_attribute
from autogpt_desktop.events import Notice

_FORMULA = re.compile(
    rb"<(?:\w{1,20}:)?(?:f|formula|formula1|formula2|definedName|calculatedColumnFormula)[ >][^<]*+"
)
_FILTER = re.compile(rb"""<(?:\w{1,20}:)?(?:filter|customFilter) [^<>]{0,300}?val="([^"<>]*)\"""")
_VIEW = re.compile(rb"<(?:\w{1,20}:)?sheetView[\s/>][^<>]{0,2000}?>|<(?:\w{1,20}:)?sheetView>")
_QUOTED = re.compile(r'"((?:[^"]|"")*+)"')


def xlsx(path: Path, limits: Limits, comments: bool = False) -> Package:
    """``comments``: those that people wrote on cells too."""
    kept: list[str] = []
    package = Package(path, limits, lambda archive: _parts(archive, comments, kept))
    if kept:
        package.notices = (Notice("notice.translate-named-cells", {"n": len(kept)}),)
    return package


def _parts(archive: Archive, comments: bool, kept: list[str]) -> Iterator[tuple[str, Part]]:
    main = main_part(archive)
    related = [*archive.relations(main).values()]
    sheets = [place for kind, place in related if kind == "worksheet" and place in archive]
    named = _named(archive, main, sheets)
    for kind, place in related:
        if kind == "sharedStrings" and place in archive:
            yield place, _part(archive.read(place), "si", named, kept)
    for sheet in sheets:
        data = archive.read(sheet)
        if (part := _sheet(data, named, kept)) is not None:
            yield sheet, part
        for kind, place in archive.relations(sheet).values() if comments else ():
            if kind == "comments" and place in archive:
                yield place, _part(archive.read(place), "text", set(), kept)


def _named(archive: Archive, main: str, sheets: list[str]) -> set[str]:
    """The texts that something else than a cell names."""
    found: set[str] = set()
    for name in [main, *sheets]:
        data = archive.read(name)
        for formula in _FORMULA.finditer(data):
            text = unescape(formula[0].partition(b">")[2].decode("utf-8", "replace"))
            for literal in _QUOTED.findall(text):
                found |= {_plain(one) for one in (literal, *map(str.strip, literal.split(",")))}
        found |= {_plain(unescape(one.decode("utf-8", "replace"))) for one in _FILTER.findall(data)}
    places = [
        place for sheet in sheets for kind, place in archive.relations(sheet).values() if kind == "table"
    ]
    places += [place for kind, place in archive.relations(main).values() if kind == "pivotCacheDefinition"]
    for place in places:
        if place in archive:
            columns = Collect({"tableColumn", "cacheField"})
            archive.parse(place, columns)
            found |= {_plain(given.get("name", "")) for _, given, _ in columns.found}
    return found - {""}


def _plain(text: str) -> str:
    """As it is compared: case, blanks and how line breaks are written say nothing."""
    return " ".join(text.replace('""', '"').replace("_x000a_", " ").split()).casefold()


def _part(data: bytes, name: str, named: set[str], kept: list[str]) -> XmlPart:
    source = XmlSource(data)
    return XmlPart(source, list(_edits(source, name, named, kept)))


def _sheet(data: bytes, named: set[str], kept: list[str]) -> XmlPart | None:
    """A sheet's own texts, and which way its columns run. None: nothing of it is changed."""
    has_texts = b"inlineStr" in data
    if not has_texts and b"sheetView" not in data:
        return None
    source = XmlSource(data)
    views = _VIEW.finditer(source.data, 0, max(source.data.find(b"sheetData"), 0))
    edits: list[Edit] = [_view(source, *match.span()) for match in views]
    return XmlPart(source, [*edits, *(_edits(source, "is", named, kept) if has_texts else ())])


def _edits(source: XmlSource, name: str, named: set[str], kept: list[str]) -> Iterator[Edit]:
    for prose, text in _texts(source, name):
        if _plain(text) in named:
            kept.append(text)
        else:
            yield prose


def _view(source: XmlSource, start: int, end: int) -> Edit:
    """How a sheet is shown: its first column at the right, or at the left."""
    tag = source.slice(start, end)

    def text(language: str) -> str:
        right = language in RIGHT_TO_LEFT
        return (
            with_attribute(tag, "rightToLeft", "1" if right else "0")
            if right or "rightToLeft" in tag
            else tag
        )

    return Replaced(start, end, text)


def _texts(source: XmlSource, name: str) -> Iterator[tuple[Prose, str]]:
    events: list[Event] = []
    for event in source.events():
        if events:
            events.append(event)
            if event.kind == "end" and event.name == name:
                prose = _prose(source, events)
                if prose is not None:
                    yield prose
                events = []
        elif event.kind == "start" and event.name == name:
            events = [event]


def _prose(source: XmlSource, events: list[Event]) -> tuple[Prose, str] | None:
    tag = prefix(source.slice(events[0].start, events[0].end))
    tokens: list[Token] = []
    said: list[str] = []
    has_runs = False
    for child in children(events):
        name = child[0].name
        if name not in ("t", "r"):  # how it is read aloud in Japanese: of the old text
            continue
        has_runs = has_runs or name == "r"
        properties, text = "", ""
        for part in [child] if name == "t" else children(child):
            if part[0].name == "rPr":
                properties = source.slice(part[0].start, part[-1].end)
            elif part[0].name == "t":
                text = "".join(event.text for event in part if event.kind == "text")
        tokens += text_tokens(text, format_of(properties))
        said.append(text)

    def write_run(properties: str, text: str, language: str) -> str:
        plain = f'<{tag}t xml:space="preserve">{text}</{tag}t>'
        return f"<{tag}r>{properties}{plain}</{tag}r>" if has_runs else plain

    prose = run_prose(events[0].end, events[-1].start, tokens, write_run)
    return (prose, "".join(said)) if prose is not None else None
