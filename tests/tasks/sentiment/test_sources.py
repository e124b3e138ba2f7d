"""What is a list, what is a table, which column holds the texts."""

from __future__ import annotations

import csv
from pathlib import Path

import openpyxl
import pytest

from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.sentiment.sources import (
    Preview,
    guess_column,
    lines_of,
    list_table,
    looks_like_list,
    open_file,
    preview,
)

PROSE = """The hotel lies at the end of a long road that follows the river and
turns twice before it reaches the bridge, from where one sees the old
mill and the garden. We came in the evening, when the lamps were lit,
and nobody was at the desk."""


@pytest.mark.parametrize(
    ("text", "is_list"),
    [
        ("Loved it\nHated it\nIt came on Monday", True),
        ("- loved it\n- hated it\n- so so", True),
        ("1. loved it\n2. hated it\n3. so so", True),
        ("很好\n很差\n一般", True),
        ("Great phone, would buy it again.\n\nThe battery is poor.\n\nIt is blue.", True),
        (PROSE, False),
        ("Two lines\nare a text", False),
        ("One line.", False),
        ("", False),
        ("\n\n".join(["A long paragraph of one text. " * 12] * 4), False),
    ],
)
def test_lists_are_told_from_texts(text: str, is_list: bool) -> None:
    assert looks_like_list(text) == is_list


def test_lines_lose_their_marks_and_nothing_else() -> None:
    text = "- one\n\n  2) two \n* three\n3.5 stars\n-5 degrees\n（4）"
    assert lines_of(text) == ["one", "two", "three", "3.5 stars", "-5 degrees", "（4）"]
    table, digest = list_table(["a", "b"], "text")
    assert list(table.rows()) == [("a",), ("b",)] == list(table.rows())
    assert digest != list_table(["a", "c"], "text")[1]


def test_the_column_with_texts_is_guessed() -> None:
    rows = [
        ("17", "Great phone", "The screen is bright and the battery lasts two days.", "https://x.example/17"),
        ("18", "Bad phone", "It broke after a week and nobody answers the phone.", "https://x.example/18"),
    ]
    assert guess_column(("id", "title", "note", "link"), rows) == 2
    assert guess_column(("id", "x", "y"), [("1", "好评", "2"), ("2", "物流太慢了", "4")]) == 1
    assert guess_column(("a",), []) == 0


@pytest.mark.slow
def test_files_open_as_what_they_are(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    with open(table, "w", encoding="gb18030", newline="") as file:
        csv.writer(file).writerows(
            [["编号", "评论"], *[[n, f"第{n}个包裹的质量很好，我非常满意"] for n in range(60)]]
        )
    found = open_file(table)
    assert isinstance(found, Preview)
    assert found.column == 1
    assert found.has_more
    assert len(found.rows) == 40
    assert found.rows[3] == ("3", "第3个包裹的质量很好，我非常满意")
    book = openpyxl.Workbook()
    book.active.append(["x"])
    second = book.create_sheet("Reviews")
    for row in (["n", "text"], [1, "Lovely little place."], [2, "Rude and slow service."]):
        second.append(row)
    book.save(tmp_path / "b.xlsx")
    assert preview(tmp_path / "b.xlsx", "Reviews").column == 1
    lines = tmp_path / "list.txt"
    lines.write_text("- Loved it\n- Hated it\n\n- So so\n", encoding="utf-8")
    found = open_file(lines)
    assert isinstance(found, Preview)
    assert [row[0] for row in found.rows] == ["Loved it", "Hated it", "So so"]
    prose = tmp_path / "prose.txt"
    prose.write_text(PROSE, encoding="utf-8")
    assert open_file(prose) == PROSE


@pytest.mark.slow
def test_bad_files_say_what_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "empty.txt").touch()
    (tmp_path / "wide.csv").write_text(",".join("a" * 20_000) + "\n", encoding="utf-8")
    (tmp_path / "no.xlsx").write_bytes(b"PK\3\4 nothing")
    long = tmp_path / "long.md"
    long.write_text("A sentence of one text. " * 60_000, encoding="utf-8")
    for name, key in (
        ("empty.csv", "document-empty"),
        ("empty.txt", "document-empty"),
        ("wide.csv", "document-too-many-columns"),
        ("no.xlsx", "document-damaged"),
        ("gone.csv", "document-missing"),
        ("long.md", "sentiment-text-long"),
    ):
        with pytest.raises(KnownError) as raised:
            open_file(tmp_path / name)
        assert raised.value.key == key, name
