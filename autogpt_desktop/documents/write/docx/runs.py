"""What a paragraph of WordprocessingML is made of: runs' formats, what stands in them, containers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
SPACE = "{http://www.w3.org/XML/1998/namespace}space"


def name_of(element: Any) -> str:
    """Of an element of WordprocessingML, else ""."""
    tag = element.tag
    return tag[len(W) :] if isinstance(tag, str) and tag.startswith(W) else ""


@dataclass(frozen=True, slots=True, eq=False)
class Format:
    """Properties of a run: ``rPr`` or None; ``key`` is equal for those that look the same."""

    properties: Any
    key: bytes


@dataclass(frozen=True, slots=True, eq=False)
class Inner:
    """A child of a run that stays: its run is made again around it."""

    format: Format
    element: Any


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    element: Any


Payload = Format | Container | tuple[Any, ...]  # a tuple: elements and Inner, one after the other
