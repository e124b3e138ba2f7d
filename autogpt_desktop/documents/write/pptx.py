"""PPTX that is translated: the paragraphs of slides, tables, groups, charts and diagrams; asked for, notes.

The file is ECMA-376 DrawingML: all text that people read stands in ``a:p``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from autogpt_desktop.documents.read.formats.archive import Archive
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.documents.write.base import LANGUAGE_TAGS, RIGHT_TO_LEFT
from autogpt_desktop.documents.write.inline_marks import Edge, Thing, Token
from autogpt_desktop.documents.write.package import Package, Part
from autogpt_desktop.documents.write.xml.part import Edit, Replaced, XmlPart
from autogpt_desktop.documents.write.xml.runs import format_of, run_prose, text_tokens
from autogpt_desktop.documents.write.xml.source import Event, XmlSource, children, prefix, with_attribute

_SHOWN = ("slide", "chart", "chartEx", "diagramData", "diagramDrawing")  # kinds of relations
_BEHIND = ("slideLayout", "slideMaster")  # of these what is no placeholder shows on slides
_NOTES = ("notesSlide",)
_LETTER = re.compile(r"[^\W\d_]")


def pptx(path: Path, limits: Limits, comments: bool = False) -> Package:
    """``comments``: the speaker's notes too."""
    return Package(path, limits, lambda archive: _parts(archive, comments))


def _parts(archive: Archive, comments: bool) -> Iterator[tuple[str, Part]]:
    main = next(
        (place for kind, place in archive.relations("").values() if kind == "officeDocument"),
        "ppt/presentation.xml",
    )
    followed = (*_SHOWN, *_BEHIND, *(_NOTES if comments else ()))
    waiting, seen = [("presentation", main)], {main}
    while waiting:
        kind, name = waiting.pop(0)
        if kind != "presentation":
            source = XmlSource(archive.read(name))
            yield name, XmlPart(source, list(_Paragraphs(source, kind in _BEHIND)))
        for other, place in sorted(archive.relations(name).values(), key=lambda one: _natural(one[1])):
            if other in followed and place not in seen and place in archive:
                seen.add(place)
                waiting.append((other, place))


def _natural(name: str) -> tuple[int, str]:
    number = re.search(r"(\d{1,9})\.xml\Z", name)
    return int(number[1]) if number else 0, name


def _is_drawing(event: Event) -> bool:
    return "drawingml" in event.space and event.space.endswith("/main")


class _Paragraphs:
    """The edits of a part; iterate once. ``behind``: placeholders are left, as they show on no slide."""

    def __init__(self, source: XmlSource, behind: bool) -> None:
        self._source, self._behind = source, behind

    def __iter__(self) -> Iterator[Edit]:
        is_placeholder = False
        inside: list[Event] | None = None
        for event in self._source.events():
            if inside is None:
                if event.name == "sp" and event.kind == "start":
                    is_placeholder = False
                elif event.name == "ph" and event.kind == "start":
                    is_placeholder = True
                elif event.kind == "start" and _is_drawing(event):
                    if event.name == "p":
                        inside = [event]
                    elif event.name == "tblPr":
                        yield self._direction(event)
                continue
            inside.append(event)
            if event.name == "p" and event.kind == "end" and _is_drawing(event):
                if not (self._behind and is_placeholder):
                    yield from self._edits(inside)
                inside = None

    def _edits(self, events: list[Event]) -> Iterator[Edit]:
        first, last = events[0], events[-1]
        if last.start == last.end:  # <a:p/>
            return
        tag = prefix(self._source.slice(first.start, first.end))
        start, end = first.end, last.start
        tokens: list[Token] = []
        direction: Edit = Replaced(
            start, start, lambda language: f'<{tag}pPr rtl="1"/>' if language in RIGHT_TO_LEFT else ""
        )
        for child in children(events):
            name, begin, final = child[0].name, child[0].start, child[-1].end
            if name == "pPr":
                start = final
                direction = self._direction(child[0])
            elif name == "endParaRPr":
                end = begin
            elif name == "r":
                tokens += self._run(child)
            elif name == "br":
                tokens.append(Edge((begin, final)))
            elif name == "fld":
                said = "".join(event.text for event in child if event.kind == "text").strip()
                tokens.append(
                    Thing((begin, final), said if len(said) <= 60 and not _LETTER.search(said) else "")
                )
            elif child[0].kind == "start":
                tokens.append(Thing((begin, final)))
        yield direction

        def write_run(properties: str, text: str, language: str) -> str:
            spoken = LANGUAGE_TAGS.get(language, language)
            if spoken and properties:
                head = re.match(r"<[^>]*>", properties)
                at = head.end() if head else 0
                properties = with_attribute(properties[:at], "lang", spoken) + properties[at:]
            elif spoken:
                properties = f'<{tag}rPr lang="{spoken}"/>'
            return f"<{tag}r>{properties}<{tag}t>{text}</{tag}t></{tag}r>"

        if prose := run_prose(start, end, tokens, write_run):
            yield prose

    def _run(self, events: list[Event]) -> Iterator[Token]:
        properties, said = "", ""
        for child in children(events):
            if child[0].name == "rPr":
                properties = self._source.slice(child[0].start, child[-1].end)
            elif child[0].name == "t":
                said += "".join(event.text for event in child if event.kind == "text")
        yield from text_tokens(said, format_of(properties))

    def _direction(self, event: Event) -> Edit:
        """The tag of a paragraph's properties, which says that it runs from right to left."""
        tag = self._source.slice(event.start, event.end)

        def turned(language: str) -> str:
            if language in RIGHT_TO_LEFT or "rtl" in event.attributes:
                return with_attribute(tag, "rtl", "1" if language in RIGHT_TO_LEFT else "0")
            return tag

        return Replaced(event.start, event.end, turned)
