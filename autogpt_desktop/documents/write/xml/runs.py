"""Paragraphs whose texts stand in runs with properties: DrawingML's ``a:p``, SpreadsheetML's ``si``.

Runs with the same properties are one text; the properties that the rest of a paragraph stands in are its base
(``inline_marks.ground``), and each other is a mark.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from autogpt_desktop.documents.write.inline_marks import (
    Close,
    Edge,
    Open,
    Text,
    Thing,
    Token,
    ground,
    segments,
)
from autogpt_desktop.documents.write.xml.part import Job, Prose
from autogpt_desktop.documents.write.xml.source import escaped

_UNSEEN = re.compile(r"""\s(?:lang|altLang|dirty|err|smtClean|noProof)\s*=\s*(?:"[^"]*"|'[^']*')""")


@dataclass(frozen=True, slots=True)
class Format:
    """Properties of a run as they stand in the file; ``key`` is equal for those that look the same."""

    source: str
    key: str


def format_of(source: str) -> Format:
    return Format(source, _UNSEEN.sub("", source))


WriteRun = Callable[[str, str, str], str]  # (properties, escaped text, language) → source


def run_prose(start: int, end: int, tokens: Sequence[Token], write_run: WriteRun) -> Prose | None:
    """A paragraph of ``tokens``: texts with their Format as ``raw``, things and edges with their range."""
    base = ground(tokens)
    if base is None:
        return None
    parts = segments(list(_formatted(tokens, base)))
    prose = Prose(start, end, parts, _Writer(base, write_run))
    return prose if any(True for _ in prose.segments) else None


def text_tokens(text: str, form: Format) -> Iterator[Token]:
    """A run's text; line breaks in it are edges."""
    for number, line in enumerate(text.split("\n")):
        if number:
            yield Edge(Text("\n", form))
        if line:
            yield Text(line, form)


def _formatted(tokens: Sequence[Token], base: Format) -> Iterator[Token]:
    """Marks around the texts that look otherwise than most of the paragraph."""
    opened: Open | None = None
    for token in tokens:
        key = token.raw.key if isinstance(token, Text) else None
        if opened is not None and opened.payload.key != key:
            yield Close(opened)
            opened = None
        if isinstance(token, Text) and opened is None and key != base.key:
            opened = Open(token.raw, keep="hlinkClick" in token.raw.source)
            yield opened
        yield token
    if opened is not None:
        yield Close(opened)


class _Writer:
    """Makes runs of tokens; texts beside each other that look the same become one."""

    def __init__(self, base: Format, write_run: WriteRun) -> None:
        self._base, self._write_run = base, write_run

    def __call__(self, tokens: Sequence[Token], job: Job) -> str:
        found: list[str] = []
        formats = [self._base]
        pending: list[str] = []
        shown = self._base

        def flush() -> None:
            if text := "".join(pending):
                found.append(self._write_run(shown.source, escaped(text), job.language))
            pending.clear()

        for token in tokens:
            if isinstance(token, Edge):
                token = token.payload
            if isinstance(token, Text):
                form = token.raw if isinstance(token.raw, Format) else formats[-1]
                if form != shown:
                    flush()
                    shown = form
                pending.append(token.text)
            elif isinstance(token, Open):
                formats.append(token.payload)
            elif isinstance(token, Close):
                if len(formats) > 1:
                    formats.pop()
            else:
                flush()
                start, end = token.payload if isinstance(token, Thing) else token  # an edge is its range
                found.append(job.render(start, end))
        flush()
        return "".join(found)
