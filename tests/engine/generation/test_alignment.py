"""Which words of a translation say which of its source."""

from __future__ import annotations

import re

import numpy as np

from autogpt_desktop.engine.generation.alignment import word_links

Span = tuple[int, int]


def cut(text: str, pattern: str) -> list[Span]:
    return [match.span() for match in re.finditer(pattern, text)]


def links_of(
    source: str, text: str, pairs: list[tuple[int, int]], pieces: str = r"\w{1,3}|\S"
) -> list[tuple[str, str]]:
    """By attention of 0.8 from piece to piece, of 0.2 to everything."""
    theirs, mine = [*cut(source, pieces), (len(source), len(source))], cut(text, pieces)
    attention = np.full((len(mine) + 1, len(theirs)), 0.2 / len(theirs), np.float32)
    for at, other in pairs:
        attention[at, other] += 0.8
    found = word_links(source, theirs, text, mine, attention)
    return [(source[a:b], text[c:d]) for a, b, c, d in found]


def test_pieces_are_put_together_to_words() -> None:
    source, text = "The houses, they sleep.", "Les maisons dorment."
    # The hou ses , the y sle ep . and Les mai son s dor men t .
    pairs = [(0, 0), (1, 1), (2, 2), (3, 2), (4, 6), (5, 7), (6, 7), (7, 8)]
    assert links_of(source, text, pairs) == [
        ("The", "Les"), ("houses", "maisons"), ("sleep", "dorment"), (".", "."),
    ]  # fmt: skip


def test_signs_and_chinese_are_words_of_their_own() -> None:
    assert links_of("l'eau-vie!", "烈酒！", [(0, 0), (1, 2), (2, 5)], r"[a-z]{1,3}|\S") == [
        ("l'eau-vie", "烈"), ("l'eau-vie", "酒"), ("!", "！"),
    ]  # fmt: skip


def test_what_looks_at_nothing_in_particular_has_no_counterpart() -> None:
    source = "one two three four five six seven eight nine"
    assert links_of(source, "ein zwei", [(0, 0)], r"\w+") == [("one", "ein")]


def test_the_end_may_be_looked_at() -> None:
    assert links_of("a", "b", [], r"\w") == [("a", "b")]
    assert word_links("", [(0, 0)], "b", [(0, 1)], np.ones((2, 1), np.float32)) == ()
    assert word_links("a", [(0, 1), (1, 1)], "", [], np.ones((1, 2), np.float32)) == ()
