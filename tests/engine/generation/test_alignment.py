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
