"""What every reader fills: text within its budget, and where the pages begin."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

_LINE_ENDS = re.compile("\r\n?|\u2028|\u2029|\x0b|\x0c|\x85")
_UNWANTED = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufeff\ufffe\uffff\ud800-\udfff]")


class Full(Exception):
    """The budget is used up; what was added stays."""


class Unreadable(Exception):
    """A KnownError that lacks the file's name yet."""

    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.key = key
        self.values = values


@dataclass
class Parts:
    """A document while it is read."""

    budget: int  # characters
    title: str = ""
    makers: tuple[str, ...] = ()  # the programs that made the file, by its own words
    pages: list[tuple[int, str]] = field(default_factory=list)
    notices: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    length: int = 0
    _texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Append text. Raises Full when it is more than may be kept."""
        room = self.budget - self.length
        text = clean(text[: 2 * room + 2])  # of what is too long no second copy
        self._texts.append(text[:room])
        self.length += min(len(text), room)
        if len(text) > room:
            raise Full

    def page(self, label: str) -> None:
        """What is added next stands on a new page."""
        self.pages.append((self.length, clean(label)[:200]))

    def text(self) -> str:
        return "".join(self._texts)


def clean(text: str) -> str:
    """One kind of line end, and no characters that are none."""
    return _UNWANTED.sub("", _LINE_ENDS.sub("\n", text))
