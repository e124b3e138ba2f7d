"""Which word became which, from attention; with the real pack against links that were checked by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.engine.generation.alignment import word_links
from autogpt_desktop.engine.generation.seq2seq import Sentence
from tests.packs import pack_engine

ROWS = json.loads((Path(__file__).parents[2] / "data/translate/marked-en-pt.json").read_text("utf-8"))
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")

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


def _links(source: str, text: str, table: list[list[float]]) -> set[tuple[str, str]]:
    spans = [[match.span() for match in re.finditer(r"\S+", one)] for one in (source, text)]
    found = word_links(source, spans[0], text, spans[1], np.array(table, np.float32))
    return {(source[a:b], text[c:d]) for a, b, c, d in found}


def test_a_word_that_says_two_is_linked_to_both() -> None:
    table = [[0.6, 0.35, 0.05], [0.02, 0.03, 0.95]]
    assert _links("We visited museums", "Visitamos museus", table) == {
        ("We", "Visitamos"), ("visited", "Visitamos"), ("museums", "museus"),
    }  # fmt: skip


def test_a_word_that_was_left_out_is_linked_to_none() -> None:
    table = [[0.95, 0.02, 0.03], [0.02, 0.95, 0.03]]
    assert _links("two weeks late", "duas semanas", table) == {("two", "duas"), ("weeks", "semanas")}


@pytest.mark.weights
@pytest.mark.slow
def test_sure_links_are_right() -> None:
    """Of the translations that were checked, which the model is made to say: precision and recall."""
    engine = pack_engine("en", "pt")
    plain = [re.sub(r"</?\w>", "", row["source"]) for row in ROWS]
    sentences = [Sentence(text, row["translation"]) for text, row in zip(plain, ROWS, strict=True)]
    made = engine.translate(sentences, "en", "pt")
    right = said = wanted = 0
    for text, row, (one,) in zip(plain, ROWS, made, strict=True):
        numbers = [[match.span() for match in _WORD.finditer(side)] for side in (text, one.text)]
        sure = {tuple(map(int, pair.split("-"))) for pair in row["sure"].split()}
        found = {
            (at, to)
            for a, b, c, d in one.links
            for at, (start, end) in enumerate(numbers[0])
            for to, (first, last) in enumerate(numbers[1])
            if start < b and a < end and first < d and c < last
        }
        assert one.text.startswith(row["translation"])
        right, said, wanted = right + len(found & sure), said + len(found), wanted + len(sure)
    assert right >= 0.85 * said
    assert right >= 0.85 * wanted
