"""Subtitles that are translated: what is spoken is replaced; numbers, times, notes, styles and tags stay."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path

from autogpt_desktop.documents.text.codes import has_words
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, encoded, read_text, write_file
from autogpt_desktop.documents.write.inline_marks import (
    Close,
    Edge,
    Open,
    Segment,
    Text,
    Thing,
    Token,
    phrases_of,
    segments,
)
from autogpt_desktop.documents.write.mark_transfer import carried
from autogpt_desktop.documents.write.subtitles.cues import Parts, ass, srt, vtt
from autogpt_desktop.events import Notice

_TAG = r"</?[A-Za-z][^<>\r\n]{0,300}>|<\d[\d:.]{4,20}>"
_BREAK = r"(?:[ \t]*+(?:\r\n?+|\n))++[ \t]*+"
_TOKENS = {
    "srt": re.compile(rf"{_TAG}|\{{(?:\\[^{{}}\r\n]{{0,300}}|/?[bius])\}}|(?<![ \t]){_BREAK}"),
    "vtt": re.compile(rf"{_TAG}|(?<![ \t]){_BREAK}"),
    "ass": re.compile(r"\{[^{}\r\n]{0,2000}\}|\\[Nn]|\\h"),
}
_NAME = re.compile(r"<(/?)([A-Za-z]+)")
_STYLE = re.compile(r"\{\\?(/?)([bius])([01]?)\}")  # {\i1} and {\i0}, {i} and {/i}
_LEAD = re.compile(r"(?:[-–—‐]++(?:[ \t]+|(?=[^\W\d]|[\"'“«¿¡(\[.…]))|[♪♫♩♬]+[ \t]*|#[ \t]+|\*[ \t]+)++")
_TAIL = re.compile(r"(?:[ \t]*+[♪♫♩♬]++|[ \t]#)++\Z")
_LINE_BREAK = re.compile(r"(?<![^\S\r\n])[^\S\r\n]*[\r\n]\s*")
_GAP = re.compile(r"(?<=\S) (?=\S)")
_COMMAS = frozenset(",;，、；")  # behind which a sentence goes on
_LONGEST = 42  # columns of a line of subtitles


class Subtitles:
    """``documents.write.base.Blocks`` of a file of subtitles. Raises KnownError as ``open_blocks``."""

    wrapped = True
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, limits: Limits, bilingual: str = "") -> None:
        """``bilingual``: as ``open_blocks`` has it."""
        self._bilingual = bilingual
        text, self.encoding = read_text(path, limits)
        self.suffix = path.suffix
        self._line_end = "\r\n" if "\r\n" in text else "\n"
        self._kind = _KINDS[path.suffix.lower()]
        self._parts: list[str | Edge | Segment] = []
        pieces = list(_READERS[self._kind](text))
        if not any(is_spoken for is_spoken, _ in pieces) and has_words(text):  # another kind of text, perhaps
            self.notices = (Notice("notice.translate-no-cues"),)
        for is_spoken, part in pieces:
            self._parts += segments(list(_tokens(part, self._kind))) if is_spoken else [part]
        self._units = [part for part in self._parts if isinstance(part, Segment) and part.has_letters]
        self.texts = [unit.text for unit in self._units]
        self.phrases = phrases_of(self._units)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``. A text of several lines that became a long one is broken again."""
        made = dict(zip(map(id, self._units), translated, strict=True))
        whole: list[str] = []
        for part in self._parts:
            if isinstance(part, str):
                whole.append(part)
            elif isinstance(part, Edge):
                whole.append(_source(part))
            elif id(part) not in made or made[id(part)].text == part.text:
                whole += [_source(token) for token in part.tokens]
            else:
                if self._bilingual:
                    whole += [*(_source(token) for token in part.tokens), self._between()]
                whole.append(self._written(part, made[id(part)], phrases))
        write_file(out, encoded("".join(whole), self.encoding))

    def _between(self) -> str:
        """What stands between an original and its translation."""
        if self._bilingual == "beside":
            return " / "
        return r"\N" if self._kind == "ass" else self._line_end

    def _written(self, part: Segment, new: TranslatedText, phrases: Mapping[str, str]) -> str:
        breaks = [
            str(token.raw) for token in part.tokens if isinstance(token, Text) and token.text == "\n"
        ] or [" "]
        broken = replace(new, text=_broken(part.text, new.text))  # as long as before
        found = [
            self._escaped(token.text, breaks)
            if isinstance(token, Text) and token.raw is None
            else _source(token)
            for token in carried(part, broken, phrases)
        ]
        return "".join(found).strip(" \t\r\n")

    def _escaped(self, text: str, breaks: list[str]) -> str:
        """``breaks``: what line breaks are written as, in order; the last stands for all that follow."""
        if self._kind == "vtt":
            text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
            text = text.replace("\u00a0", "&nbsp;")
        if self._kind == "ass":  # braces would be an instruction
            text = text.replace("{", "(").replace("}", ")").replace("\u00a0", r"\h")
        return _LINE_BREAK.sub(lambda _: breaks.pop(0) if len(breaks) > 1 else breaks[0], text)


def _source(token: Token) -> str:
    while isinstance(token, Edge) and not isinstance(token.payload, str):
        token = token.payload
    return str(token.raw if isinstance(token, Text) else token.payload)


def _tokens(spoken: str, kind: str) -> Iterator[Token]:
    """A cue's tokens. Who speaks next begins a text of their own; so does what stands behind an empty line,
    unless the sentence goes on there."""
    opened: list[tuple[str, Open]] = []
    at, at_start = 0, True
    for found in [*_TOKENS[kind].finditer(spoken), None]:
        start, end = found.span() if found else (len(spoken), len(spoken))
        words, raw = spoken[at:start], found[0] if found else ""
        at = end
        line_ends = found is None or raw[:2] in (r"\N", r"\n") or not raw.strip()
        if words:
            yield from _words(words, kind, at_start, line_ends)
            at_start = at_start and not words.strip()
        if found is None:
            return
        if raw == r"\h":
            yield Text("\u00a0", raw)
        elif line_ends:
            several = len(re.findall(r"\r\n?|\n", raw)) > 1
            edge = (
                (several and not _goes_on(spoken, start, end))
                or _LEAD.match(spoken, end, end + 40)
                or (kind == "ass" and _TOKENS[kind].match(spoken, end))
            )
            yield Edge(raw) if edge else Text("\n", raw)
            at_start = True
        else:
            yield _tag(raw, opened, at_start)


def _goes_on(spoken: str, start: int, end: int) -> bool:
    """Does a sentence go on behind the empty lines at ``spoken[start:end]``?"""
    before, after = spoken[start - 1 : start], spoken[end : end + 1]
    return (before.isalnum() and after.islower()) or (before in _COMMAS and after.isalnum())


def _words(words: str, kind: str, begins: bool, ends: bool) -> Iterator[Token]:
    """Text between tags: a dash or notes at a line's beginning and notes at its end stay."""
    lead = _LEAD.match(words) if begins else None
    if lead:
        yield Edge(lead[0])
        words = words[lead.end() :]
    tail = _TAIL.search(words[-40:]) if ends else None
    body = words[: len(words) - len(tail[0])] if tail else words
    if body:
        yield Text(unescape(body) if kind == "vtt" else body, body)
    if tail:
        yield Edge(tail[0])


def _tag(raw: str, opened: list[tuple[str, Open]], at_start: bool) -> Token:
    found = _NAME.match(raw) or _STYLE.fullmatch(raw)
    if found is None:
        return Edge(raw) if at_start else Thing(raw)
    name = found[2].lower()
    if found[1] or raw.endswith("0}"):
        for place in range(len(opened) - 1, max(len(opened) - 64, 0) - 1, -1):
            if opened[place][0] == name:
                begun = opened[place][1]
                del opened[place:]
                return Close(begun, raw)
        return Edge(raw)
    opening = Open(raw, keep=name in ("v", "c", "lang", "ruby", "rt"))
    opened.append((name, opening))
    return opening


def _broken(source: str, text: str) -> str:
    """The text with as many lines as the source has, where it is too long for fewer."""
    lines = source.count("\n") + 1
    if lines < 2 or "\n" in text.strip() or _columns(text) <= _LONGEST:
        return text
    for number in range(1, lines):
        ideal = number * len(text) // lines
        gaps = [match.start() for match in _GAP.finditer(text)]
        if gaps:
            at = min(gaps, key=lambda gap: abs(gap - ideal))
            text = f"{text[:at]}\n{text[at + 1 :]}"
    return text


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


_READERS: dict[str, Callable[[str], Parts]] = {"srt": srt, "vtt": vtt, "ass": ass}
_KINDS = {".srt": "srt", ".vtt": "vtt", ".ass": "ass", ".ssa": "ass"}
