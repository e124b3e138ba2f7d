"""The lines of a PDF's page in their reading order, from the text and the places that PDFium gives."""

from __future__ import annotations

import ctypes
import re
import statistics
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

DIVIDED = "\ufffe"  # PDFium's mark for a word that was divided at a line's end
_TOKEN = re.compile(rf"\r\n?|\n|{DIVIDED}|[^\s{DIVIDED}]+")
_MOST_CHARACTERS = 60_000  # of a page whose places are looked up
_GAP = 0.8  # of a line's height: more than that between two words is no blank
_NARROWEST = 6.0  # points between two columns
_SHORT = 20  # letters: the lines of columns are longer than the cells of tables
_FILLED = 0.55  # of a column's width that a line takes
_WIDE = re.compile("[\u2e80-\u9fff\uac00-\ud7a3\uff00-\uffef]")

Box = tuple[float, float, float, float]  # left, bottom, right, top in points


@dataclass(slots=True, eq=False)
class Piece:
    """Words of one line that stand together, and where, in points from the lower left corner."""

    text: str
    left: float
    bottom: float
    right: float
    top: float
    behind: str = "\n"  # what divides it from the next piece: "\n", " ", DIVIDED, "\n\n"

    @property
    def middle(self) -> float:
        return (self.bottom + self.top) / 2

    def beside(self, other: Piece) -> bool:
        """Whether the two stand on one line."""
        shared = min(self.top, other.top) - max(self.bottom, other.bottom)
        return shared > 0.5 * min(self.top - self.bottom, other.top - other.bottom)


def turned(box: Box, rotation: int) -> Box:
    """A place on the page as it is shown, when that is turned clockwise by so many degrees."""
    left, bottom, right, top = box
    if rotation == 90:
        return bottom, -right, top, -left
    if rotation == 180:
        return -right, -top, -left, -bottom
    if rotation == 270:
        return -top, left, -bottom, right
    return box


def pieces_of(textpage: Any, text: str, rotation: int = 0) -> list[Piece]:
    """The page's pieces in PDFium's order; none where their places cannot be told."""
    if textpage.count_chars() != len(text) or len(text) > _MOST_CHARACTERS:
        return []
    box_of = _boxes(textpage, rotation)
    pieces: list[Piece] = []
    end = 0  # of the text that the last piece has
    upright = 0
    begins = True  # a line begins
    for token in _TOKEN.finditer(text):
        if token[0] == DIVIDED or token[0][0] in "\r\n":
            if pieces and not begins:
                pieces[-1].behind = DIVIDED if token[0] == DIVIDED else "\n"
            begins = True
            continue
        first, last = box_of(token.start()), box_of(token.end() - 1)
        left, right = min(first[0], last[0]), max(first[2], last[2])
        bottom, top = min(first[1], last[1]), max(first[3], last[3])
        upright += len(token[0]) > 2 and top - bottom > 2 * (right - left)
        piece = pieces[-1] if pieces and not begins else None
        gap = max(left - piece.right, piece.left - right) if piece else 0.0
        if piece and gap <= max(_GAP * (piece.top - piece.bottom), _NARROWEST):
            piece.text += text[end : token.end()]
            piece.left, piece.right = min(piece.left, left), max(piece.right, right)
            piece.bottom, piece.top = min(piece.bottom, bottom), max(piece.top, top)
        else:
            if piece:
                piece.behind = " "
            pieces.append(Piece(token[0], left, bottom, right, top))
        end, begins = token.end(), False
    return pieces if 5 * upright <= len(pieces) else []


def _boxes(textpage: Any, rotation: int) -> Callable[[int], Box]:
    """What gives (left, bottom, right, top) of a character, without making objects for each."""
    from pypdfium2 import raw

    left, right, bottom, top = (ctypes.c_double() for _ in range(4))
    places = [ctypes.byref(value) for value in (left, right, bottom, top)]

    def box(index: int) -> Box:
        raw.FPDFText_GetCharBox(textpage, index, *places)
        found = left.value, bottom.value, right.value, top.value
        return turned(found, rotation) if rotation else found

    return box


def in_reading_order(pieces: list[Piece]) -> list[Piece]:
    """The pieces with columns one after the other, where they were drawn across them."""
    return (_columns(pieces, 3) or pieces) if pieces else pieces


def _columns(pieces: list[Piece], depth: int) -> list[Piece] | None:
    """Another order, or None: this one is right, or there are no columns."""
    gutter = _gutter(pieces) if depth and len(pieces) > 5 else None
    if gutter is None:
        return None
    sides = [_side(piece, gutter) for piece in pieces]
    left = [piece for piece, side in zip(pieces, sides, strict=True) if side < 0]
    right = [piece for piece, side in zip(pieces, sides, strict=True) if side > 0]
    inner = [_columns(side, depth - 1) for side in (left, right)]
    if not all(again or _is_prose(side) for side, again in zip((left, right), inner, strict=True)):
        return None
    across = sorted((p for p, side in zip(pieces, sides, strict=True) if not side), key=lambda p: -p.middle)
    drawn = [side for side in sides if side]
    changes = sum(one != other for one, other in pairwise(drawn))
    if changes <= 1 + 2 * len(across) and not any(inner):
        return None
    edges = [*(piece.middle for piece in across), float("-inf")]
    ordered: list[Piece] = []
    above = float("inf")
    for number, edge in enumerate(edges):
        for side, again in zip((left, right), inner, strict=True):
            band = [piece for piece in again or _downward(side) if edge < piece.middle <= above]
            ordered += _set_apart(band)
        ordered += _set_apart(across[number : number + 1])
        above = edge
    return ordered


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """The middle of the widest upright strip that nearly all pieces leave free, with many at both sides."""
    lefts, rights = sorted(piece.left for piece in pieces), sorted(piece.right for piece in pieces)
    edges = sorted({round(edge) for edge in (*lefts, *rights)})
    best, widest = None, _NARROWEST
    for one, other in pairwise(edges):
        middle = (one + other) / 2
        left, right = bisect_right(rights, middle), len(lefts) - bisect_left(lefts, middle)
        across = len(pieces) - left - right
        if (
            min(left, right) >= max(3, len(pieces) // 5)
            and 6 * across <= len(pieces)
            and other - one >= widest
        ):
            best, widest = middle, other - one
    return best


def _side(piece: Piece, gutter: float) -> int:
    return -1 if piece.right <= gutter else 1 if piece.left >= gutter else 0


def _is_prose(pieces: Sequence[Piece]) -> bool:
    """Long lines that fill their column, as no cells of a table do."""
    if len(pieces) < 3:
        return False
    wide = max(piece.right for piece in pieces) - min(piece.left for piece in pieces)
    letters = statistics.median(len(piece.text) + len(_WIDE.findall(piece.text)) for piece in pieces)
    filled = statistics.median(piece.right - piece.left for piece in pieces)
    return letters >= _SHORT and filled >= _FILLED * wide


def _downward(pieces: Sequence[Piece]) -> list[Piece]:
    """From top to bottom; those of one line from left to right."""
    lines: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: -piece.middle):
        if lines and piece.beside(lines[-1][0]):
            lines[-1].append(piece)
        else:
            lines.append([piece])
    return [piece for line in lines for piece in sorted(line, key=lambda piece: piece.left)]


def _set_apart(pieces: list[Piece]) -> Iterator[Piece]:
    """The pieces of a column with what divides them: a line's end, a paragraph's, nothing in a word."""
    for piece, following in zip(pieces, [*pieces[1:], None], strict=False):
        if following is None:
            piece.behind = "\n\n"
        elif piece.beside(following):
            piece.behind = " "
        elif piece.bottom - following.top > 0.9 * (piece.top - piece.bottom):
            piece.behind = "\n\n"
        elif piece.behind == DIVIDED or _is_divided(piece.text, following.text):
            piece.text = piece.text.removesuffix("-")
            piece.behind = DIVIDED
        else:
            piece.behind = "\n"
        yield piece


def _is_divided(text: str, following: str) -> bool:
    return text[-1:] == "-" and text[-2:-1].isalpha() and following[:1].islower()
