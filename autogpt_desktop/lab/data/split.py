"""Which part of the texts is held out: whole documents, and never a copy of what is learned."""

from __future__ import annotations

import random
from collections.abc import Sequence

from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.data.copies import find_copies

_MANY = 20  # documents, from which on they are held out whole
_LARGE = 0.2  # share of all text in one document, from which on documents are cut
_PIECES = 200  # that everything is cut into, about
_PIECE = (400, 20_000)  # characters, at least and at most


def split_texts(texts: Sequence[str], held_out: float, seed: int) -> tuple[list[str], list[str]]:
    """(to learn, held out), by a generator of random numbers that ``seed`` starts.

    A few documents, or a huge one among them, are cut at paragraphs; what follows on each other stays
    together. Raises KnownError("lab-data-repeats") where all pieces are copies of one.
    """
    total = sum(map(len, texts))
    whole = len(texts) >= _MANY and max(map(len, texts), default=0) <= _LARGE * total
    size = min(max(total // _PIECES, _PIECE[0]), _PIECE[1])
    pieces = [
        (number, piece)
        for number, text in enumerate(texts)
        for piece in ([text] if whole else cut(text, size))
    ]
    groups: dict[int, list[int]] = {}
    for place, first in enumerate(find_copies([piece for _, piece in pieces])):
        groups.setdefault(first, []).append(place)
    if len(groups) < 2:
        raise KnownError("lab-data-repeats")
    order = list(groups)
    random.Random(seed).shuffle(order)
    wanted, taken, chosen = held_out * total, 0, set[int]()
    for first in order[:-1]:
        length = sum(len(pieces[place][1]) for place in groups[first])
        if chosen and (taken >= wanted or taken + length > 2 * wanted):
            continue
        if taken + length > max(2 * wanted, total / 2):  # more than is left to learn
            continue
        chosen.update(groups[first])
        taken += length
    if not chosen:
        chosen.update(min(groups.values(), key=lambda group: sum(len(pieces[place][1]) for place in group)))
    return _joined(pieces, chosen, False), _joined(pieces, chosen, True)


def _joined(pieces: Sequence[tuple[int, str]], chosen: set[int], held_out: bool) -> list[str]:
    """Texts of one side; neighbors of one document are one text."""
    texts: list[list[str]] = []
    before = (-1, -1)
    for place, (number, piece) in enumerate(pieces):
        if (place in chosen) == held_out:
            if before == (number, place - 1):
                texts[-1].append(piece)
            else:
                texts.append([piece])
            before = (number, place)
    return ["".join(parts) for parts in texts]


def cut(text: str, size: int) -> list[str]:
    """Pieces of about ``size`` characters, cut behind paragraphs, else lines, else spaces; none is more than
    twice as long. Together they are the text."""
    pieces, start = list[str](), 0
    while len(text) - start > 2 * size:
        for mark in ("\n\n", "\n", " "):
            at = text.find(mark, start + size, start + 2 * size)
            if at >= 0:
                end = at + len(mark)
                break
        else:
            end = start + size
        pieces.append(text[start:end])
        start = end
    return [*pieces, text[start:]] if start < len(text) else pieces
