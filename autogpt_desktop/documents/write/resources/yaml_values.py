"""The texts of a YAML file, by their places; how each is quoted stays, where the new text allows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from autogpt_desktop.documents.write.resources.message import Piece, Quote

DEEPEST = 256
_RESOLVER = yaml.resolver.Resolver()
_TEXT = "tag:yaml.org,2002:str"
_DEEP = re.compile(r"(?:[\[{][ \t]*+){256}")
_BLOCK = re.compile(r"[|>][^\n]*\n")
_INDENT = re.compile(r"(?:[ \t]*+\r?\n)*+( ++)(?=\S)")
_PROPERTIES = re.compile(r"(?:[&!][^\s,\[\]{}]*+\s++)*+")


def yaml_values(source: str) -> list[Piece]:
    """Raises ValueError with where it is no YAML, and RecursionError for what is nested too deeply."""
    if found := _DEEP.search(source):  # the parser takes time by the square of these
        if all(source.count(begin) == source.count(end) for begin, end in ("[]", "{}")):
            raise RecursionError
        raise ValueError(str(source.count("\n", 0, found.start()) + 1))
    try:
        return list(_values(source))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise ValueError(str(mark.line + 1 if mark else 1)) from error


def _values(source: str) -> Iterator[Piece]:
    around: list[list[bool]] = []  # [is a mapping, the next is a key]
    for event in yaml.parse(source, Loader=yaml.SafeLoader):
        is_node = isinstance(event, yaml.ScalarEvent | yaml.AliasEvent | yaml.CollectionStartEvent)
        is_key = bool(is_node and around and around[-1][0] and around[-1][1])
        if is_node and around and around[-1][0]:
            around[-1][1] = not around[-1][1]
        if isinstance(event, yaml.CollectionStartEvent):
            around.append([isinstance(event, yaml.MappingStartEvent), True])
            if len(around) > DEEPEST:
                raise RecursionError
        elif isinstance(event, yaml.CollectionEndEvent):
            around.pop()
        elif isinstance(event, yaml.ScalarEvent) and not is_key and (piece := _piece(source, event)):
            yield piece


def _piece(source: str, event: Any) -> Piece | None:
    implicit = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit)
    if event.tag not in (None, "!", _TEXT) or (event.style is None and implicit != _TEXT):
        return None
    end = event.end_mark.index
    named = _PROPERTIES.match(source, event.start_mark.index, end)  # an anchor, a tag
    start = named.end() if named and (event.anchor or event.tag) else event.start_mark.index
    text = source[start:end]
    if event.style in ("|", ">"):
        return _block(source, start, end, event)
    if event.style == "'" and text[:1] == "'":
        return Piece(start, end, event.value, _single)
    if event.style == '"' and text[:1] == '"':
        return Piece(start, end, event.value, _double)
    return Piece(start, end, event.value, _plain) if text else None


def _double(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _single(text: str) -> str:
    return _double(text) if "\n" in text else "'" + text.replace("'", "''") + "'"


def _plain(text: str) -> str:
    """Without quotation marks, where it would be read as the same text, in lists in brackets too."""
    try:
        same = yaml.safe_load(f"[k: {text}]") == [{"k": text}] == yaml.safe_load(f"- k: {text}\n")
    except (yaml.YAMLError, RecursionError, ValueError):
        same = False
    return text if same and "\n" not in text else _double(text)


def _block(source: str, start: int, end: int, event: Any) -> Piece | None:
    """A text under a ``|`` or ``>``: each line stands as far in as its first."""
    head = _BLOCK.match(source, start, end)
    indent = _INDENT.match(source, head.end(), end) if head else None
    if head is None or indent is None:
        return None
    body = source[head.end() : end]
    last = head.end() + len(body.rstrip())
    return Piece(head.end(), last, event.value.rstrip("\n"), _lines(indent[1], event.style == ">"))


def _lines(indent: str, is_folded: bool) -> Quote:
    def quote(text: str) -> str:
        gap = "\n\n" if is_folded else "\n"
        lines = text.split("\n")
        return gap.join(indent + line if line.strip() else "" for line in lines)

    return quote
