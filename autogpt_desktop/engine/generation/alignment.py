"""Which words of a translation say which of its source, from the attention of its tokens."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]  # characters
Links = tuple[tuple[int, int, int, int], ...]  # start and end in the source, start and end in the translation
_LEAST = 0.25  # of a word's attention that its counterpart has; less is spread over the sentence
_ALSO = 0.15  # … and that another has to which no word is linked: "We visited" in "Visitamos"


def word_links(
    source: str,
    source_spans: Sequence[Span],
    text: str,
    spans: Sequence[Span],
    attention: NDArray[np.float32],
) -> Links:
    """The words of ``text``, in order, that have a counterpart in ``source``.

    ``attention`` [tokens of the text, tokens of the source] (rows behind the text's own, such as the end
    token's, do not count); the spans say which characters each token stands for. A word is linked to the
    one that its tokens look at most; where that is said by several words, each is linked.
    """
    words = _words(text, spans)
    others = _words(source, source_spans)
    if not words or not others:
        return ()
    table = _summed(
        _summed(attention, [tokens for _, tokens in words], 0), [tokens for _, tokens in others], 1
    )
    table /= np.array([[len(tokens)] for _, tokens in words], np.float32)
    shares = table / np.maximum(table.sum(1, keepdims=True), 1e-9)
    linked = {(row, int(at)) for row, at in enumerate(shares.argmax(1)) if shares[row, at] >= _LEAST}
    for at in sorted(set(range(len(others))) - {at for _, at in linked}):
        row = int(shares[:, at].argmax())
        if shares[row, at] >= _ALSO and any(character.isalnum() for character in text[slice(*words[row][0])]):
            linked.add((row, at))
    return tuple((*others[at][0], *words[row][0]) for row, at in sorted(linked))


def _summed(table: NDArray[np.float32], groups: Sequence[Sequence[int]], axis: int) -> NDArray[np.float32]:
    """Rows (axis 0) or columns that belong together, as one."""
    starts = np.cumsum([0, *map(len, groups[:-1])])
    chosen = table.take([at for group in groups for at in group], axis)
    summed: NDArray[np.float32] = np.add.reduceat(chosen, starts, axis)
    return summed


def _words(text: str, spans: Sequence[Span]) -> list[tuple[Span, list[int]]]:
    """Tokens put together to words: (characters, tokens). Signs and characters of writing without spaces are
    words of their own tokens."""
    found: list[tuple[Span, list[int]]] = []
    for at, (start, end) in enumerate(spans):
        if start == end:
            continue
        if found and found[-1][0][1] == start and _inside(text, start):
            (first, _), tokens = found[-1]
            found[-1] = ((first, end), [*tokens, at])
        else:
            found.append(((start, end), [at]))
    return found


def _inside(text: str, at: int) -> bool:
    """Is a word going on between the characters before and at ``at``?"""
    before, here = text[at - 1], text[at]
    if stands_alone(before) or stands_alone(here):
        return False
    joins = "'’-"
    return (before.isalnum() or before in joins or _is_mark(before)) and (
        here.isalnum() or here in joins or _is_mark(here)
    )


def _is_mark(character: str) -> bool:
    return "\u0300" <= character <= "\u036f" or "\u0900" <= character <= "\u0dff"


def stands_alone(character: str) -> bool:
    """Is it of a writing without spaces, whose tokens are as good as words?"""
    return (
        "\u0e00" <= character <= "\u0eff"
        or "\u1000" <= character <= "\u109f"
        or "\u1780" <= character <= "\u17ff"
        or "\u2e80" <= character <= "\ua4cf"
        or "\uf900" <= character <= "\ufaff"
        or character >= "\U00020000"
    )
