"""A part of XML as prose to translate, and written with other texts in its place."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.inline_marks import Edge, Segment, Token
from autogpt_desktop.documents.write.mark_transfer import carried
from autogpt_desktop.documents.write.xml.source import XmlSource

Range = tuple[int, int]  # bytes of the source


class Edit(Protocol):
    """A piece of the source and what is written in its place; ``is_changed`` False: it stays."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...

    def is_changed(self, job: Job) -> bool: ...

    def written(self, job: Job) -> str: ...


@dataclass(frozen=True, slots=True)
class Job:
    """What is asked for: translations by the id of their segment, the language, the phrases.

    ``render`` gives a piece of the source with the edits in it.
    """

    made: Mapping[int, TranslatedText]
    phrases: Mapping[str, str]
    language: str
    render: Callable[[int, int], str]


@dataclass(frozen=True, slots=True, eq=False)
class Replaced:
    """A piece that depends on the language alone, as a tag that names it. Empty pieces are insertions."""

    start: int
    end: int
    text: Callable[[str], str]

    def is_changed(self, job: Job) -> bool:
        return bool(job.language)

    def written(self, job: Job) -> str:
        return self.text(job.language)


@dataclass(eq=False)
class Prose:
    """A paragraph: ``parts`` are what stands in ``start`` to ``end``; ``write`` makes source of tokens."""

    start: int
    end: int
    parts: list[Edge | Segment]
    write: Callable[[Sequence[Token], Job], str]

    @property
    def segments(self) -> Iterator[Segment]:
        return (part for part in self.parts if isinstance(part, Segment) and part.has_letters)

    def is_changed(self, job: Job) -> bool:
        return any(id(one) in job.made and job.made[id(one)].text != one.text for one in self.segments)

    def written(self, job: Job) -> str:
        tokens: list[Token] = []
        for part in self.parts:
            if isinstance(part, Edge):
                tokens.append(part)
            elif id(part) in job.made and job.made[id(part)].text != part.text:
                tokens += carried(part, job.made[id(part)], job.phrases)
            else:
                tokens += part.tokens
        return self.write(tokens, job)


class XmlPart:
    """``units``: the segments of its prose. ``edits`` do not cross each other; one may hold others."""

    def __init__(self, source: XmlSource, edits: Sequence[Edit]) -> None:
        self._source = source
        self._edits = sorted(edits, key=lambda edit: (edit.start, edit.end > edit.start, -edit.end))
        self._starts = [edit.start for edit in self._edits]
        self.units = [unit for edit in self._edits if isinstance(edit, Prose) for unit in edit.segments]

    def written(
        self, made: Mapping[int, TranslatedText], phrases: Mapping[str, str], language: str = ""
    ) -> bytes:
        def render(start: int, end: int) -> str:
            return self._rendered(start, end, job)

        job = Job(made, phrases, language, render)
        return self._source.encoded(render(0, len(self._source.data)))

    def _rendered(self, start: int, end: int, job: Job) -> str:
        found: list[str] = []
        at, number = start, bisect_left(self._starts, start)
        while number < len(self._edits) and self._edits[number].start < end:
            edit = self._edits[number]
            number += 1
            if edit.start < at or edit.end > end or not edit.is_changed(job):
                continue
            found += [self._source.slice(at, edit.start), edit.written(job)]
            at = edit.end
            if edit.end > edit.start:
                number = max(number, bisect_left(self._starts, edit.end))
        return "".join([*found, self._source.slice(at, end)])
