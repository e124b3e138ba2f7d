"""What stands in front of a Markdown text: YAML between ``---`` or TOML between ``+++``.

A title and a description are prose; all else stays. No YAML is built again: a value is replaced in its line.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_FRONT = re.compile(r"\ufeff?(---|\+\+\+)[ \t]*(?:\r\n?|\n)")
_YAML_LINE = re.compile(r"[\w\"'$@.-][^\r\n]{0,200}?:(?:[ \t]|$)|[ \t#]|-[ \t]|[\]}]|$")
_PROSE = "title|subtitle|description|summary"
_YAML = re.compile(rf"(?:{_PROSE})[ \t]*:[ \t]+")
_TOML = re.compile(rf"(?:{_PROSE})[ \t]*=[ \t]*")
_BLOCK = re.compile(r"[|>][+-]?[ \t]*\Z")
_NO_PROSE = re.compile(r"(?:true|false|null|yes|no|on|off|~)\Z", re.IGNORECASE)
_LETTER = re.compile(r"[^\W\d_]")
_PLAIN = re.compile(r"(?![\s\-?:,\[\]{}#&*!|>'\"%@`])(?:(?!: |:\Z| #)[^\r\n])+(?<!\s)\Z")
_LINES = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """A value that people read: ``raw`` is ``source[start:end]``, quotation marks and all."""

    start: int
    end: int
    text: str
    raw: str
    style: str  # plain, ' or ", a block's indentation

    def written(self, text: str) -> str:
        """Another text, so that it is read as that."""
        text = " ".join(text.split())
        if self.style.isspace():  # the lines of a block, as one
            return self.style + text
        if self.style == "'" and "'" not in text:
            return f"'{text}'"
        if self.style == "plain" and _PLAIN.match(text) and not _NO_PROSE.match(text):
            return text
        return json.dumps(text, ensure_ascii=False)


def fields(source: str) -> tuple[list[Field], int]:
    """The fields that are prose, and where the text begins: 0 where there is no front matter."""
    opening = _FRONT.match(source)
    if opening is None:
        return [], 0
    fence = opening[1]
    closing = {"---", "..."} if fence == "---" else {"+++"}
    lines: list[tuple[int, str]] = []
    for found in _LINES.finditer(source, opening.end()):
        line = found[0].rstrip("\r\n")
        if line.rstrip(" \t") in closing:
            break
        if fence == "---" and not (_YAML_LINE.match(line) and (lines or line.strip())):
            return [], 0  # prose behind a rule
        lines.append((found.start(), line))
        if found.end() == len(source):
            return [], 0
    else:
        return [], 0
    end = found.end()
    inner = source[opening.end() : found.start()].replace("\r\n", "\n")
    try:
        values = tomllib.loads(inner) if fence == "+++" else {}
    except tomllib.TOMLDecodeError:
        return [], end
    said = _toml(lines, values) if fence == "+++" else _yaml(lines, source)
    return [field for field in said if _LETTER.search(field.text)], end


def _toml(lines: list[tuple[int, str]], values: dict[str, Any]) -> Iterator[Field]:
    for at, line in lines:
        key = _TOML.match(line)
        if line.startswith("["):
            return  # a table's own keys
        if key is None or line[key.end() : key.end() + 3] in ('"""', "'''"):
            continue
        raw = _quoted(line, key.end())
        text = _unquoted(raw)
        if text and values.get(line[: key.end()].rstrip("= \t")) == text:
            yield Field(at + key.end(), at + key.end() + len(raw), text, raw, raw[0])


def _yaml(lines: list[tuple[int, str]], source: str) -> Iterator[Field]:
    for number, (at, line) in enumerate(lines):
        key = _YAML.match(line)
        if key is None:
            continue
        start, value = at + key.end(), line[key.end() :]
        inner = _inner(lines[number + 1 :])
        if _BLOCK.match(value):
            if inner:
                first, last = inner[0], inner[-1]
                indent = first[1][: len(first[1]) - len(first[1].lstrip())]
                end = last[0] + len(last[1])
                text = " ".join(part.strip() for _, part in inner)
                yield Field(first[0], end, text, source[first[0] : end], indent)
            continue
        if value[:1] in ("'", '"'):
            raw = _quoted(value, 0)
            if (text := _unquoted(raw)) and re.match(r"[ \t]*(?:#|\Z)", value[len(raw) :]) and not inner:
                yield Field(start, start + len(raw), text, raw, raw[0])
            continue
        raw = re.split(r"[ \t]#", value, maxsplit=1)[0].rstrip()
        if inner and raw == value.rstrip():  # it goes on in the next lines
            end = inner[-1][0] + len(inner[-1][1])
            text = " ".join([raw, *(part.strip() for _, part in inner)])
            if _PLAIN.match(text):
                yield Field(start, end, text, source[start:end], "plain")
        elif not inner and _PLAIN.match(raw) and not _NO_PROSE.match(raw):
            yield Field(start, start + len(raw), raw, raw, "plain")


def _inner(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The indented lines that follow; empty ones among them, none at the end."""
    found: list[tuple[int, str]] = []
    for at, line in lines:
        if line.strip() and line[0] not in " \t":
            break
        found.append((at, line))
    while found and not found[-1][1].strip():
        found.pop()
    return found


def _quoted(line: str, at: int) -> str:
    """The string in quotation marks that begins here; "" where none does, or it does not end."""
    quote = line[at : at + 1]
    if quote not in ("'", '"'):
        return ""
    found = re.compile(r"'(?:[^']|'')*+'" if quote == "'" else r'"(?:[^"\\]|\\.)*+"').match(line, at)
    return found[0] if found else ""


def _unquoted(raw: str) -> str:
    if raw.startswith('"'):
        try:
            return str(json.loads(raw))
        except ValueError:
            return ""  # an escape that only YAML knows
    return "" if "''" in raw else raw[1:-1]
