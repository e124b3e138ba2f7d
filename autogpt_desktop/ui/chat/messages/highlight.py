"""Source code to colored pieces (Pygments), in our own two small palettes.

Code that grows is lexed in chunks: a chunk that has ended never changes again.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from PySide6.QtGui import QColor

from autogpt_desktop.ui.chat.messages.lines import Run, Runs

PLAIN_ABOVE = 30_000  # characters: longer code gets the rest of its colors when the window has time
_LEAST = 16  # lines of a chunk
_LOOSE = 48  # lines from which on a chunk may end within a function
_MOST = 128  # lines at which it ends even within a comment
_LONGEST = 2_000  # characters: a longer line is not code that anybody reads

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
def _languages() -> frozenset[str]:
    """Names of languages, without those of plug-ins: to look for these takes long, each time."""
    from pygments.lexers import get_all_lexers

    return frozenset(alias.lower() for _, aliases, _, _ in get_all_lexers(plugins=False) for alias in aliases)


@cache
def find_lexer(language: str) -> Any:
    """A lexer by the name behind a fence, or None."""
    from pygments.lexers import get_lexer_by_name

    if language.lower() not in _languages():
        return None
    return get_lexer_by_name(language.lower(), stripnl=False, ensurenl=False)


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
    lexer = find_lexer(language) if language and len(code) <= PLAIN_ABOVE else None
    if lexer is None:
        yield code, None, False
        return
    for kind, piece in lexer.get_tokens(code):
        name = _name(kind)
        yield piece, _color(name, dark), name.startswith("Comment")


def _name(kind: object) -> str:
    return str(kind).removeprefix("Token").removeprefix(".")


class CodeColors:
    """Colors the lines of one code block, which may grow.

    The result depends on the lines alone, not on how they came: chunks end at places that are told from
    the lines before them, each is lexed by itself, and so is the last line, unless a string or a comment
    goes on in it.
    """

    def __init__(self, language: str, dark: bool) -> None:
        self.language, self.dark = language, dark
        self.final = 0  # lines whose colors never change again
        self.missing = False  # some have none yet
        self._lines: list[str] = []
        self._runs: list[Runs] = []
        self._tried = 0  # lines of the open chunk behind which it does not end
        self._lexed: tuple[list[str], list[Runs], bool] = ([], [], False)  # the open chunk

    def runs(self, lines: list[str], most: int | None = None) -> list[Runs]:
        """One row of runs for each of ``lines``; behind ``most`` characters they may still be plain."""
        plain = not self.language or find_lexer(self.language) is None
        if lines[: self.final] != self._lines:
            self.final, self._lines, self._runs, self._tried = 0, [], [], 0
        if plain:
            known = self._runs + _plain(lines[self.final :])
            self.final = max(0, len(lines) - 1)
            self._lines, self._runs = lines[: self.final], known[: self.final]
            return known
        colored, self.missing = sum(map(len, self._lines)), False
        while end := self._chunk_end(lines):
            if most is not None and colored >= most:
                self.missing, self._tried = True, 0
                return [*self._runs, *_plain(lines[self.final :])]
            chunk = lines[self.final : end]
            colored += sum(map(len, chunk))
            self._runs += self._lex(chunk)[0]
            self._lines += chunk
            self.final, self._tried = end, 0
        runs, within = self._lex(lines[self.final : -1])
        last = (
            self._lex(lines[self.final :])[0][-1]
            if within
            else _lex(self.language, self.dark, lines[-1:])[0][0]
        )
        return [*self._runs, *runs, last]

    def _chunk_end(self, lines: list[str]) -> int:
        """The line before which the open chunk ends; 0: it goes on."""
        for length in range(max(_LEAST, self._tried + 1), len(lines) - self.final - 1):
            self._tried = length
            at = self.final + length
            if length >= _MOST:
                return at
            after_blank = not lines[at - 1].strip() and lines[at][:1] not in ("", " ", "\t", ")", "]", "}")
            loose = length >= _LOOSE and length % _LEAST == 0
            if (after_blank or loose) and not self._lex(lines[self.final : at])[1]:
                return at
        return 0

    def _lex(self, lines: list[str]) -> tuple[list[Runs], bool]:
        """As ``_lex`` below, remembered until the lines are others."""
        if self._lexed[0] != lines:
            self._lexed = (lines, *_lex(self.language, self.dark, lines))
        return self._lexed[1:]


def _lex(language: str, dark: bool, lines: list[str]) -> tuple[list[Runs], bool]:
    """The runs of each line, and whether a string or a comment goes on behind the last one."""
    if not lines or max(map(len, lines)) > _LONGEST:
        return _plain(lines), False
    rows: list[list[Run]] = [[]]
    kind = None
    for kind, piece in find_lexer(language).get_tokens("\n".join([*lines, "following"])):
        form = _form(kind, dark)
        for number, part in enumerate(piece.split("\n")):
            if number:
                rows.append([])
            if part:
                rows[-1].append(form._replace(text=part))
    within = _name(kind).startswith(("Comment", "Literal.String"))
    return [tuple(row) for row in rows[: len(lines)]], within


@cache
def _form(kind: object, dark: bool) -> Run:
    """A run of this kind of token, without its text."""
    name = _name(kind)
    color = _color(name, dark)
    return Run("", italic=name.startswith("Comment"), color=color.name() if color else "")


def _plain(lines: list[str]) -> list[Runs]:
    return [(Run(line),) if line else () for line in lines]
