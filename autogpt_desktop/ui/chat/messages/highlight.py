"""Source code to colored pieces (Pygments), in our own two small palettes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from PySide6.QtGui import QColor

PLAIN_ABOVE = 30_000  # characters: longer code stays in one color

# Contrast of every color on the code background is at least 4.5 : 1.
_LIGHT = {
    "Comment": "#5f6872", "Keyword": "#7a3e9d", "Literal.String": "#2a6b2f", "Literal.Number": "#93470a",
    "Name.Function": "#0b5c86", "Name.Class": "#0b5c86", "Name.Builtin": "#0b6477", "Name.Tag": "#7a3e9d",
    "Name.Attribute": "#93470a", "Name.Decorator": "#93470a", "Generic.Deleted": "#a4262c",
    "Generic.Inserted": "#2a6b2f", "Generic.Heading": "#0b5c86",
}  # fmt: skip
_DARK = {
    "Comment": "#99a2ad", "Keyword": "#c9a0ea", "Literal.String": "#9ccc91", "Literal.Number": "#e3ad78",
    "Name.Function": "#84bdec", "Name.Class": "#84bdec", "Name.Builtin": "#72c9d8", "Name.Tag": "#c9a0ea",
    "Name.Attribute": "#e3ad78", "Name.Decorator": "#e3ad78", "Generic.Deleted": "#ef8f8f",
    "Generic.Inserted": "#9ccc91", "Generic.Heading": "#84bdec",
}  # fmt: skip


@cache
def _lexer(language: str) -> Any:
    """A lexer by the name behind a fence, or None."""
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language.lower(), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return None


@cache
def _color(name: str, dark: bool) -> QColor | None:
    """The color of ``Token.<name>`` or of its nearest ancestor that has one."""
    palette = _DARK if dark else _LIGHT
    while name:
        if name in palette:
            return QColor(palette[name])
        name = name.rpartition(".")[0]
    return None


def highlight(code: str, language: str, dark: bool) -> Iterator[tuple[str, QColor | None, bool]]:
    """Pieces of ``code`` in order: text, color (None: as other text), italic."""
    lexer = _lexer(language) if language and len(code) <= PLAIN_ABOVE else None
    if lexer is None:
        yield code, None, False
        return
    for kind, piece in lexer.get_tokens(code):
        name = str(kind).removeprefix("Token").removeprefix(".")
        yield piece, _color(name, dark), name.startswith("Comment")
