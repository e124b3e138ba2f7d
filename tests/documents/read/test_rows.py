"""A text in rows, and where a passage stands after a change."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogpt_desktop.documents.read.rows import LONGEST, Rows, locate
from autogpt_desktop.documents.types import Document, Page


def document(text: str, pages: tuple[Page, ...] = ()) -> Document:
    return Document(Path("a.txt"), "a", text, pages, "en", "")


@pytest.mark.slow
@given(st.text(alphabet="ab \n茶😀", max_size=200), st.lists(st.integers(0, 200), max_size=4, unique=True))
def test_rows_hold_all_of_the_text_in_order(text: str, starts: list[int]) -> None:
    pages = tuple(Page(start, f"p{start}") for start in sorted(starts))
    rows = Rows(document(text, pages))
    assert rows.start(0) == 0
    assert rows.start(len(rows)) == len(text)
    whole = "".join(text[rows.start(row) : rows.start(row + 1)] for row in range(len(rows)))
    assert whole == text
    assert all("\n" not in rows.row_text(row) for row in range(len(rows)))
    for offset in range(len(text)):
        row = rows.row_at(offset)
        assert rows.start(row) <= offset < rows.start(row + 1)
        page = max(
            (page for page in pages if page.start <= offset), key=lambda page: page.start, default=None
        )
        assert rows.page_of(row) == (page.label if page else "")


def test_a_long_line_is_cut_at_white_space() -> None:
    rows = Rows(document("word " * 2_000 + "\n" + "x" * 5_000))
    sizes = [rows.start(row + 1) - rows.start(row) for row in range(len(rows))]
    assert max(sizes) <= LONGEST + 1
    assert sum(sizes) == 15_001
    assert rows.row_text(0).endswith("word ")
    assert rows.row_text(1).startswith("word")


@pytest.mark.parametrize(
    ("text", "start", "passage", "found"),
    [
        ("one two three", 4, "two", "two"),
        ("new one two three", 4, "two", "two"),
        ("two, and much later two", 20, "two", "two"),
        ("one  two\nthree", 0, "one two three", "one  two\nthree"),
        ("A first sentence of twelve words that stay the same in here, then new.", 50,
         "A first sentence of twelve words that stay the same in here, then old.",
         "A first sentence of twelve words that stay the same in here,"),
        ("nothing of it", 3, "two", None),
    ],
)  # fmt: skip
def test_a_passage_is_found_again(text: str, start: int, passage: str, found: str | None) -> None:
    span = locate(text, start, start + len(passage), passage)
    assert (text[slice(*span)] if span else None) == found
    if text.count("two") == 2:
        assert span == (20, 23)
