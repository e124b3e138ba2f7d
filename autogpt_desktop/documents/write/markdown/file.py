"""Markdown that is translated: what it says is replaced in its source, every other character stays.

What a mark, a link or a formula is written with is carried along as in HTML and DOCX. Each changed line is
read again: what became markup by accident is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, encoded, read_text, write_file
from autogpt_desktop.documents.write.html.tokens import Attribute
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
from autogpt_desktop.documents.write.markdown.front_matter import Field, fields
from autogpt_desktop.documents.write.markdown.marks import Markup, Words, tokens
from autogpt_desktop.documents.write.markdown.parser import Outline, Prose, outline
from autogpt_desktop.documents.write.markdown.raw import Definition, RawHtml
from autogpt_desktop.events import Notice

_SPECIAL = frozenset("\\`*_[]<>&$~|{^!")
_BLOCK_START = re.compile(
    r"^(\d{1,9})([.)])(?=\s|$)|^(?=(?:[-+*#]|#{2,6}|[:~])(?:\s|$)|>|```|~~~|=+\s*$|-+\s*$|:::|\$\$|\[[^\]]+\]:"
    r"|(?:[-*_]\s*){3,}$)",
    re.MULTILINE,
)
_LETTER = re.compile(r"[^\W\d_]")
_LINE_BREAKS = re.compile(r"(?<![^\S\n])[^\S\n]*\n\s*")
_HASHES = re.compile(r"(?<=\s)(?=#+\s*+\Z)")  # they would end a heading
_DEFINED = re.compile(r"(?:[>\s]{0,40}\n)[> \t]{0,40}[:~][ \t]")  # behind a term, which has one line
_BLANKS = re.compile(r" {2,}")
_FIRST_WORD = re.compile(r"\s*\S+")
_FLANKING = frozenset({"em", "strong", "s"})  # marks that are none beside the wrong characters


Unit = Segment | Words | Attribute  # what is translated at a time


@dataclass(eq=False)
class _Line:
    """A piece of prose, cut into what is translated at a time."""

    prose: Prose
    parts: list[Edge | Segment]

    def units(self) -> Iterator[Unit]:
        for part in self.parts:
            if isinstance(part, Segment) and _has_prose(part):
                yield part
            for token in [part] if isinstance(part, Edge) else part.tokens:
                for piece in _markup(token).source:
                    if isinstance(piece, Attribute) or (isinstance(piece, Words) and piece.has_letters):
                        yield piece

    def is_said_otherwise(self, made: Mapping[int, TranslatedText]) -> bool:
        """Is its text another, and not only what a picture or a link says beside it?"""
        texts = (unit for unit in self.units() if isinstance(unit, Segment))
        return any(made[id(unit)].text != unit.text for unit in texts)


def _has_prose(segment: Segment) -> bool:
    """Letters beside code, formulas and addresses."""
    return any(isinstance(token, Text) and _LETTER.search(token.text) for token in segment.tokens)


def _markup(token: Token) -> Markup:
    """How a mark, a thing or an end of a line is written."""
    found: Any = token
    while found is not None and not isinstance(found, Markup):
        found = getattr(found, "payload", None)
    return found or Markup("", ())


class MarkdownFile:
    """``documents.write.base.Blocks`` of a Markdown file. Raises KnownError as ``open_blocks``."""

    wrapped = True
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, limits: Limits, bilingual: str = "") -> None:
        """``bilingual``: as ``open_blocks`` has it; "under" is the only way."""
        self._bilingual = bilingual
        self.source, self.encoding = read_text(path, limits)
        self.suffix = path.suffix
        self._fields, begin = fields(self.source)
        self._begin = begin
        self._outline = outline(self.source[begin:])
        env = self._outline.env
        self._lines: list[_Line | RawHtml | Definition] = []
        for prose in self._outline.prose:
            if prose.kind == "html":
                self._lines.append(RawHtml(prose, bilingual))
            elif prose.kind == "definition":
                self._lines.append(Definition(prose))
            else:
                self._lines.append(_Line(prose, segments(tokens(prose.content, env))))
        self._units: list[Field | Unit] = [*self._fields]
        for line in self._lines:
            self._units += line.units()
        self.texts = [unit.text for unit in self._units]
        self.phrases = phrases_of(self._units)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``, in the file's own encoding where that has the characters."""
        made = dict(zip(map(id, self._units), translated, strict=True))
        original = self.source[self._begin :]
        for escape, in_line in ((False, False), (True, False), (True, True)):
            body = self._body(made, phrases, escape, in_line)
            if body == original or _same_blocks(outline(body), self._outline):
                break
            if escape and not self._bilingual:
                break
        write_file(out, encoded(self._head(made) + body, self.encoding))

    def _head(self, made: Mapping[int, TranslatedText]) -> str:
        """The front matter with its title and description."""
        found, at = [], 0
        for field in self._fields:
            text = made[id(field)].text
            if self._bilingual and text != field.text:
                text = f"{field.text} / {text}"
            found += [self.source[at : field.start], field.raw if text == field.text else field.written(text)]
            at = field.end
        return "".join([*found, self.source[at : self._begin]])

    def _body(
        self, made: Mapping[int, TranslatedText], phrases: Mapping[str, str], escape: bool, in_line: bool
    ) -> str:
        """``in_line``: both languages of a paragraph stand in one line."""
        found, at, body = [], 0, self.source[self._begin :]
        for line in self._lines:
            if all(unit.text == made[id(unit)].text for unit in line.units()):
                continue
            if isinstance(line, _Line):
                new = _Writer(line, made, phrases, self._outline.env, escape).text()
                if self._bilingual and line.is_said_otherwise(made):
                    between = " / " if in_line else self._between(line.prose)
                    new = body[line.prose.start : line.prose.end] + between + new
            else:
                new = line.written(made, phrases)
            found += [body[at : line.prose.start], new]
            at = line.prose.end
        return "".join([*found, body[at:]])

    def _between(self, prose: Prose) -> str:
        """What stands between an original and the translation under it: a hard line break, with the marks
        of quotes and lists; headings and cells have one line."""
        body = self.source[self._begin :]
        if prose.kind != "text" or _DEFINED.match(body, prose.end):
            return " / "
        if prose.breaks:
            return f"  {prose.breaks[0].lstrip(' ')}"
        begin = max(body.rfind(sign, 0, prose.start) for sign in "\r\n") + 1
        marks = "".join(sign if sign in "> \t" else " " for sign in body[begin : prose.start])
        return "  " + ("\r\n" if "\r\n" in self.source else "\n") + marks


def _same_blocks(one: Outline, other: Outline) -> bool:
    return one.blocks == other.blocks


class _Writer:
    """A line with other texts in it."""

    def __init__(
        self,
        line: _Line,
        made: Mapping[int, TranslatedText],
        phrases: Mapping[str, str],
        env: dict[str, Any],
        escape: bool,
    ) -> None:
        self.line, self.made, self.env, self.escape = line, made, env, escape
        self.tokens: list[tuple[Token, bool]] = []  # with whether the text around is another
        self.spelled: dict[str, str] = {}  # characters that the source writes as "&…;" or with a backslash
        for part in line.parts:
            if isinstance(part, Edge):
                self.tokens.append((part.payload if isinstance(part.payload, Open | Close) else part, True))
                continue
            for token in part.tokens:
                if isinstance(token, Text) and token.text != token.raw and len(token.text) == 1:
                    self.spelled[token.text] = token.raw
            if id(part) not in made or made[id(part)].text == part.text:
                self.tokens += [(token, False) for token in part.tokens]
            else:
                new = carried(part, made[id(part)], phrases)
                self.tokens += [(token, True) for token in _behind_word(new, part.tokens[0])]
        self.spelled.pop("\n", None)

    def text(self) -> str:
        """As the source has it: with the marks of quotes and lists before each line."""
        wanted = _signature([token for token, _ in self.tokens])
        ways = [(True, False)] if self.escape else [(False, False), (True, False)]
        for escape, apart in [*ways, (True, True)]:
            content = self._content(escape, apart)
            if _signature(tokens(content, self.env)) == wanted:
                break
        return self._placed(content)

    def _content(self, escape: bool, apart: bool) -> str:
        found: list[str] = []
        flanked = False  # the mark that ended just now must stand apart from the next word
        for token, changed in self.tokens:
            piece = self._piece(token, changed, escape)
            if not piece:
                continue
            payload = _markup(token)
            flanking = apart and payload.kind in _FLANKING
            before = found[-1][-1] if found else " "
            if isinstance(token, Text) and token.raw is None:
                piece = self._as_text(piece, before if found else "\n")
            if (flanked and piece[:1].isalnum()) or (
                flanking and isinstance(token, Open) and before.isalnum()
            ):
                found.append(" ")
            found += [piece] if piece else []
            flanked = flanking and isinstance(token, Close)
        return "".join(found).strip(" \t\n")

    def _as_text(self, piece: str, before: str) -> str:
        """New text that begins no list or heading, and no second blank."""
        if piece[0] == " " and before in " \n":
            piece = piece[1:]
        if self.line.prose.kind != "text":
            return piece
        inside = "" if before == "\n" else "x"  # its first line may have begun before
        return _BLOCK_START.sub(_escaped_start, inside + piece)[len(inside) :]

    def _piece(self, token: Token, changed: bool, escape: bool) -> str:
        if isinstance(token, Text):
            if token.raw is not None:
                return str(token.raw)
            text = _LINE_BREAKS.sub("\n" if self.line.prose.kind == "text" else " ", token.text)
            text = _BLANKS.sub(" ", text)  # one on each side of what stood between two
            special = _SPECIAL if escape else ""
            return "".join(self.spelled.get(sign, f"\\{sign}" if sign in special else sign) for sign in text)
        payload = _markup(token)
        pieces = [piece if isinstance(piece, str) else self._words(piece) for piece in payload.source]
        label = payload.kind == "image" and any(
            isinstance(piece, Words) and piece.quotes is None and self._words(piece) != piece.raw
            for piece in payload.source
        )
        if payload.changed and (label or (changed and payload.kind == "link")):
            pieces[-1] = payload.changed
        return "".join(pieces)

    def _words(self, words: Words | Attribute) -> str:
        made = self.made.get(id(words))
        return words.raw if made is None or made.text == words.text else words.written(made.text)

    def _placed(self, content: str) -> str:
        prose = self.line.prose
        if prose.kind == "cell":
            return content.replace("|", r"\|")
        if prose.kind == "heading":
            return _HASHES.sub(r"\\", content)
        return prose.placed(content)


def _behind_word(new: Sequence[Token], first: Token) -> list[Token]:
    """The tokens, where no tag or comment that stood in a line begins it: that would be a block of HTML."""
    begins = next((at for at, token in enumerate(new) if not isinstance(token, Thing)), 0)
    if not begins or isinstance(first, Thing) or _markup(new[0]).kind != "html":
        return [*new]
    things, text, rest = new[:begins], "", begins
    while rest < len(new) and isinstance(token := new[rest], Text):
        text, rest = text + token.text, rest + 1
    if not text.strip():
        return [*new[begins : rest + 1], *things, *new[rest + 1 :]]
    word = _FIRST_WORD.match(text)
    at = word.end() if word else 0
    return [Text(text[:at]), *things, Text(text[at:]), *new[rest:]]


def _escaped_start(found: re.Match[str]) -> str:
    return f"{found[1]}\\{found[2]}" if found[1] else "\\"


def _signature(found: Sequence[Token]) -> list[tuple[str, str]]:
    """Tokens as they are compared: kinds of marks, things as they stand, texts as they are read."""
    said: list[tuple[str, str]] = []
    for token in found:
        inner = token.payload if isinstance(token, Edge) else token
        if isinstance(inner, Text):
            if said and said[-1][0] == "text":
                said[-1] = ("text", said[-1][1] + inner.text)
            elif inner.text:
                said.append(("text", inner.text))
            continue
        payload = _markup(token)
        kind = "open" if isinstance(inner, Open) else "close" if isinstance(inner, Close) else "thing"
        said.append((kind, payload.kind))
    return [(kind, " ".join(text.split()) if kind == "text" else text) for kind, text in said]
