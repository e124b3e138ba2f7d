"""A text as one line: a title, a name in a list."""

from __future__ import annotations

from unicodedata import category

_BREAKS = frozenset({"Cc", "Zl", "Zp"})  # control characters, other ends of lines


def one_line(text: str, most: int | None = None) -> str:
    """White space and control characters become single spaces; ``most``: characters that are kept."""
    if not text.isprintable():
        text = "".join(" " if category(letter) in _BREAKS else letter for letter in text)
    return " ".join(text.split())[:most]
