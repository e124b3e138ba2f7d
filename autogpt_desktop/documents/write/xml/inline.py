"""Paragraphs in whose text elements stand, as in OpenDocument and XLIFF: marks, things, ends of lines."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autogpt_desktop.documents.write.inline_marks import Close, Edge, Open, Text, Thing, Token, segments
from autogpt_desktop.documents.write.xml.part import Job, Prose, Range
from autogpt_desktop.documents.write.xml.source import Event, XmlSource, escaped

_SAID = 60  # characters of what stays that are shown to who translates

# What an element in a text is: "mark", "thing", "edge", "said" (a thing with its text) or "space".
Kind = Callable[[Event], str]


def inline_prose(source: XmlSource, events: Sequence[Event], kind: Kind, collapse: bool) -> Prose | None:
    """What stands in the element whose events these are; None where it has no letters."""
    start, end = events[0].end, events[-1].start
    parts = segments(_tokens(source, events[1:-1], kind), collapse=collapse)
    prose = Prose(start, end, parts, written)
    return prose if any(True for _ in prose.segments) else None


def _tokens(source: XmlSource, events: Sequence[Event], kind: Kind) -> list[Token]:
    found: list[Token] = []
    opened: list[Open | None] = []  # None: of an element that is written whole
    whole: list[tuple[str, int]] = []  # the element that is: what it is, where it begins
    depth = 0  # of it
    said: list[str] = []
    for event in events:
        if whole:
            said.append(event.text)
            if event.kind == "start":
                opened.append(None)
            elif event.kind == "end":
                opened.pop()
                if len(opened) == depth:
                    found.append(_whole(*whole.pop(), event.end, "".join(said)))
        elif event.kind == "text":
            found.append(Text(event.text, source.slice(event.start, event.end)))
        elif event.kind == "start" and (is_kind := kind(event)) == "mark":
            mark = Open((event.start, event.end), keep=event.name == "a" or event.name in ("g", "pc"))
            opened.append(mark)
            found.append(mark)
        elif event.kind == "start":
            depth = len(opened)
            opened.append(None)
            whole.append((is_kind, event.start))
            said.clear()
        elif event.kind == "end":
            begun = opened.pop()
            if begun is not None:
                found.append(Close(begun, (event.start, event.end)))
        else:
            found.append(Thing((event.start, event.end)))
    return found


def _whole(kind: str, start: int, end: int, said: str) -> Token:
    place: Range = (start, end)
    if kind == "edge":
        return Edge(place)
    if kind == "space":
        return Text(" ", place)
    return Thing(place, said if kind == "said" and len(said) <= _SAID else "")


def written(tokens: Sequence[Token], job: Job) -> str:
    """The tokens as source."""
    found: list[str] = []
    for token in tokens:
        while isinstance(token, Edge) and isinstance(token.payload, Text | Open | Close):
            token = token.payload
        payload = token.raw if isinstance(token, Text) else token.payload
        if isinstance(payload, str):
            found.append(payload)
        elif isinstance(payload, tuple):
            found.append(job.render(*payload))
        elif isinstance(token, Text):
            found.append(escaped(token.text))
    return "".join(found)
