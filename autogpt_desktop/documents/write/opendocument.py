"""ODT, ODP and ODS that are translated (OpenDocument 1.3): paragraphs, headings, cells of text.

Formulas, numbers, scripts, tracked deletions stay; comments and speaker's notes are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from autogpt_desktop.documents.read.formats.archive import Archive
from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.documents.write.base import LANGUAGE_TAGS, RIGHT_TO_LEFT
from autogpt_desktop.documents.write.package import Package, Part
from autogpt_desktop.documents.write.xml.inline import inline_prose
from autogpt_desktop.documents.write.xml.part import Edit, Replaced, XmlPart
from autogpt_desktop.documents.write.xml.source import Event, XmlSource, prefix, with_attribute

_PARAGRAPHS = frozenset({"p", "h"})
_MARKS = frozenset({"span", "a", "meta", "meta-field", "ruby", "ruby-base"})
_EDGES = frozenset({"tab", "line-break", "soft-page-break"})
_LEFT = frozenset(
    {"tracked-changes", "scripts", "forms", "event-listeners", "note-citation", "ruby-text", "dde-links"}
)
_ASIDE = frozenset({"annotation", "notes"})
_SAID = frozenset({"page-number", "page-count", "date", "time", "sequence", "chapter", "bookmark-ref"})
_TURNED = frozenset({"page-layout-properties", "table-properties", "paragraph-properties"})
_LANGUAGES = frozenset({"language", "language-asian", "language-complex"})
_ASIAN = frozenset({"zh", "zh-Hant", "ja", "ko"})
_DEEPEST = 8  # paragraphs in one another: notes and text boxes


def opendocument(path: Path, limits: Limits, comments: bool = False) -> Package:
    """``comments``: comments and the speaker's notes too."""
    return Package(path, limits, lambda archive: _parts(archive, comments))


def _parts(archive: Archive, comments: bool) -> Iterator[tuple[str, Part]]:
    for name in ("content.xml", "styles.xml"):
        if name in archive:
            source = XmlSource(archive.read(name))
            yield name, XmlPart(source, list(_edits(source, comments)))


def _edits(source: XmlSource, comments: bool) -> Iterator[Edit]:
    left = _LEFT if comments else _LEFT | _ASIDE
    skipped = 0  # elements that are open in one that is left, and that one
    cells: list[bool] = []  # whether each cell around has a text that is its own
    open_paragraphs: list[list[Event]] = []
    is_default = False
    for event in source.events():
        for events in open_paragraphs:
            events.append(event)
        if skipped:
            skipped += {"start": 1, "end": -1}.get(event.kind, 0)
            continue
        if event.kind == "start":
            if event.name in left:
                skipped = 1
            elif event.name in ("table-cell", "covered-table-cell"):
                cells.append(_is_text(event))
            elif event.name in _PARAGRAPHS and event.space.endswith(":text:1.0"):
                if len(open_paragraphs) == _DEEPEST:
                    raise Unreadable("document-nested", most=_DEEPEST)
                open_paragraphs.append([event])
            elif event.name == "default-style":
                is_default = True
            elif edit := _language_edit(source, event, is_default):
                yield edit
        elif event.kind == "end":
            if event.name == "default-style":
                is_default = False
            elif event.name in ("table-cell", "covered-table-cell") and cells:
                cells.pop()
            elif event.name in _PARAGRAPHS and event.space.endswith(":text:1.0") and open_paragraphs:
                events = open_paragraphs.pop()
                if (not cells or cells[-1]) and (prose := inline_prose(source, events, _kind, True)):
                    yield prose


def _is_text(cell: Event) -> bool:
    """No number or date, and not what a formula gives."""
    kind = cell.attributes.get("value-type", "string")
    return kind == "string" and not {"formula", "string-value"} & cell.attributes.keys()


def _kind(event: Event) -> str:
    if event.name in _MARKS:
        return "mark"
    if event.name in _EDGES:
        return "edge"
    if event.name == "s":  # one blank more, or a gap
        return "space" if event.attributes.get("c", "1") == "1" else "edge"
    return "said" if event.name in _SAID else "thing"


def _language_edit(source: XmlSource, event: Event, is_default: bool) -> Edit | None:
    """A tag of a style that names the language of texts, or which way its pages, the columns of its tables or
    its paragraphs run. ``is_default``: of a style that others are made from."""
    given = event.attributes
    if event.name not in ("text-properties", *_TURNED) or given.get("language") == "none":
        return None
    if event.name == "text-properties" and not _LANGUAGES & given.keys():
        return None
    if event.name == "paragraph-properties" and not (is_default or "writing-mode" in given):
        return None
    tag = source.slice(event.start, event.end)
    return Replaced(event.start, event.end, lambda language: _in_language(tag, event, language))


def _in_language(tag: str, event: Event, language: str) -> str:
    if event.name in _TURNED:
        wanted = "rl-tb" if language in RIGHT_TO_LEFT else "lr-tb"
        turned = event.attributes.get("writing-mode", "lr-tb")[:2] != wanted[:2]
        return with_attribute(tag, f"{prefix(tag)}writing-mode", wanted) if turned else tag
    code, _, country = LANGUAGE_TAGS.get(language, language).partition("-")
    kind = "-asian" if language in _ASIAN else "-complex" if language in RIGHT_TO_LEFT else ""
    space = "style:" if kind else "fo:"
    if f"language{kind}" in event.attributes:
        tag = with_attribute(tag, f"{space}language{kind}", code)
        tag = with_attribute(tag, f"{space}country{kind}", country or "none")
    return tag
