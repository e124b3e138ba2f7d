"""XLIFF 1.2 and 2.0 that is translated: source to target. Inline tags stay; what a person translated too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.documents.files import read_bytes
from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, write_file
from autogpt_desktop.documents.write.inline_marks import Segment, texts_of
from autogpt_desktop.documents.write.xml.inline import inline_prose
from autogpt_desktop.documents.write.xml.part import Edit, Job, Prose, Replaced, XmlPart
from autogpt_desktop.documents.write.xml.source import Event, XmlSource, prefix, with_attribute
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice

_SPACES = ("urn:oasis:names:tc:xliff:document:1.", "urn:oasis:names:tc:xliff:document:2.")
_MARKS = frozenset({"g", "pc", "mrk"})
_LEFT = frozenset({"alt-trans", "bin-unit", "ignorable", "header", "notes", "note"})
_OPEN = frozenset({"", "new", "needs-translation", "initial", "needs-adaptation"})  # states of a target


class Xliff:
    """``documents.write.base.Blocks`` of such a file. Raises KnownError as ``open_blocks``."""

    wrapped = False
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, limits: Limits) -> None:
        self.suffix = path.suffix
        data = read_bytes(path, limits)
        try:
            source = XmlSource(data)
            self._part = XmlPart(source, list(_edits(source)))
        except Unreadable as error:
            raise KnownError(error.key, **{"name": path.name, **error.values}) from error
        self.texts, self.phrases = texts_of(self._part.units, path)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``; the file names the language of its targets."""
        made = dict(zip(map(id, self._part.units), translated, strict=True))
        write_file(out, self._part.written(made, phrases, language))


@dataclass(eq=False)
class _Target(Prose):
    """A target that is written: ``tag`` is its start, ``name`` what its end tag says."""

    tag: str = ""
    name: str = ""

    def is_changed(self, job: Job) -> bool:
        return any(id(one) in job.made for one in self.segments)

    def written(self, job: Job) -> str:
        return f"{self.tag}{Prose.written(self, job)}</{self.name}>"


def _kind(event: Event) -> str:
    return "mark" if event.name in _MARKS else "said" if event.name == "ph" else "thing"


def _edits(source: XmlSource) -> Iterator[Edit]:
    """The units of all files, and the tags that name the language."""
    skipped = 0
    unit: list[Event] = []
    is_kept: list[bool] = []  # of each element around: translate="no"
    version = ""
    for event in source.events():
        if skipped:
            skipped += {"start": 1, "end": -1}.get(event.kind, 0)
            continue
        if unit:
            unit.append(event)
            if event.kind == "end" and event.name == unit[0].name:
                if not is_kept[-1]:
                    yield from _targets(source, unit)
                unit = []
                is_kept.pop()
            continue
        if event.kind == "end":
            is_kept.pop()
        elif event.kind == "start":
            if not version:
                version = next((space for space in _SPACES if event.space.startswith(space)), "")
                if event.name != "xliff" or not version:
                    raise Unreadable("document-kind")
            if event.name in _LEFT:
                skipped = 1
                continue
            said = event.attributes.get("translate", "")
            is_kept.append(said == "no" or (said != "yes" and bool(is_kept and is_kept[-1])))
            if event.name in ("trans-unit", "segment"):
                unit = [event]
            elif event.name == "file" or (event.name == "xliff" and version.endswith("2.")):
                name = "trgLang" if version.endswith("2.") else "target-language"
                if event.name == "xliff" or name == "target-language":
                    yield _named(source, event, name)


def _named(source: XmlSource, event: Event, name: str) -> Edit:
    tag = source.slice(event.start, event.end)
    given = event.attributes.get(name, "")

    def text(language: str) -> str:
        return tag if re.split("[-_]", given)[0].lower() == language else with_attribute(tag, name, language)

    return Replaced(event.start, event.end, text)


def _targets(source: XmlSource, unit: list[Event]) -> Iterator[Edit]:
    """The target of a unit, put in where it has none; one that a person wrote stays."""
    space = unit[0].space
    found: dict[str, list[Event]] = {}
    depth = 0
    name = ""
    for event in unit[1:-1]:
        if event.kind == "start":
            if not depth and event.space == space and event.name in ("source", "target"):
                name = event.name
                found.setdefault(name, [])
            depth += 1
        if name:
            found[name].append(event)
        if event.kind == "end":
            depth -= 1
            if not depth:
                name = ""
    if "source" not in found:
        return
    prose = inline_prose(source, found["source"], _kind, False)
    if prose is None:
        return
    target = found.get("target")
    begun = source.slice(found["source"][0].start, found["source"][0].end)
    mark = f"{prefix(begun)}target"
    if target is None:
        at = found["source"][-1].end
        yield _Target(at, at, prose.parts, prose.write, f"<{mark}>", mark)
        return
    said = "".join(event.text for event in target).strip()
    told = target[0].attributes.get("state", "") or unit[0].attributes.get("state", "")
    if said and (told not in _OPEN or (not told and said != _said(prose))):
        return
    tag = source.slice(target[0].start, target[0].end)
    tag = tag[:-2].rstrip() + ">" if tag.endswith("/>") else tag
    if target[0].attributes.get("state"):
        tag = with_attribute(tag, "state", "needs-review-translation")
    yield _Target(target[0].start, target[-1].end, prose.parts, prose.write, tag, mark)


def _said(prose: Prose) -> str:
    return " ".join(part.text.strip() for part in prose.parts if isinstance(part, Segment))
