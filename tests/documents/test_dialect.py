"""Delimiter, quotes and header are guessed: how often rightly, over tables made in all ways."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.tables import TableOptions, read_table
from tests.documents.made_tables import Made, make, make_one_column


def is_right(path: Path, made: Made) -> bool:
    path.write_bytes(made.data)
    table = read_table(path)
    found = table.delimiter, table.header_row, [list(row) for row in table.rows()]
    return found == (made.delimiter, made.header_row, made.rows)


@pytest.mark.slow
@pytest.mark.parametrize(("maker", "rate"), [(make, 0.97), (make_one_column, 0.97)])
def test_most_tables_are_read_as_they_were_meant(tmp_path: Path, maker, rate: float) -> None:
    seeds = range(600)
    wrong = [maker(seed).kind for seed in seeds if not is_right(tmp_path / "a.csv", maker(seed))]
    assert len(wrong) <= (1 - rate) * len(seeds), wrong


@pytest.mark.parametrize(
    ("text", "columns", "rows"),
    [
        (
            "id,comment,score,comment\n1,Wonderful soup,5,Nice\n2,Rude waiter,1,Never again\n",
            ("id", "comment", "score", "comment (2)"),
            [("1", "Wonderful soup", "5", "Nice"), ("2", "Rude waiter", "1", "Never again")],
        ),
        (
            "review\nI liked the room, the view and the food\nBad, bad, bad\nThe bed was hard\n",
            ("review",),
            [("I liked the room, the view and the food",), ("Bad, bad, bad",), ("The bed was hard",)],
        ),
        (
            "Customer survey 2024,,\nExported on 3 May,,\n,,\nid,city,comment\n1,Bonn,Friendly staff\n",
            ("id", "city", "comment"),
            [("1", "Bonn", "Friendly staff")],
        ),
        (
            "id,review\n1,I liked the room, the view and the food\n2,Bad, bad, bad\n3,The bed was hard\n",
            ("id", "review"),
            [
                ("1", "I liked the room, the view and the food"),
                ("2", "Bad, bad, bad"),
                ("3", "The bed was hard"),
            ],
        ),
        (
            "sep=;\nid;text\n1;good, very good\n2;bad\n",
            ("id", "text"),
            [("1", "good, very good"), ("2", "bad")],
        ),
        (
            'id,text\n1,"He said \\"no\\", twice"\n2,"C:\\\\new \\"folder\\" is there"\n',
            ("id", "text"),
            [("1", 'He said "no", twice'), ("2", 'C:\\new "folder" is there')],
        ),
        (
            'id, text\n1, "good, very good"\n2, "bad"\n',
            ("id", "text"),
            [("1", "good, very good"), ("2", "bad")],
        ),
        (
            "id,2023,2024,remark\n1,12,14,Better than before\n2,7,9,It was dull\n",
            ("id", "2023", "2024", "remark"),
            [("1", "12", "14", "Better than before"), ("2", "7", "9", "It was dull")],
        ),
        (
            'a\tb\n1\t"Great" she said, and left\n2\tan inch is 1"\n3\tnothing\n',
            ("a", "b"),
            [("1", '"Great" she said, and left'), ("2", 'an inch is 1"'), ("3", "nothing")],
        ),
        (
            "name;price\nchair;1,50\ntable;12,95\nlamp;3,00\n",
            ("name", "price"),
            [("chair", "1,50"), ("table", "12,95"), ("lamp", "3,00")],
        ),
        (
            "id,text\n1,a room\n\n,\n4,a bed\n",
            ("id", "text"),
            [("1", "a room"), ("", ""), ("", ""), ("4", "a bed")],
        ),
    ],
)
def test_tables_of_all_kinds(tmp_path: Path, text: str, columns: tuple[str, ...], rows: list) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text, encoding="utf-8")
    table = read_table(path)
    assert table.columns == columns
    assert list(table.rows()) == rows


def test_what_the_user_says_counts(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("Report;x\nid;text\n1;one, two\n2;three\n")
    table = read_table(path, options=TableOptions(delimiter=","))
    assert table.columns == ("Report;x", "Column 2") or len(table.columns) == 2
    table = read_table(path, options=TableOptions(header_row=2))
    assert (table.columns, table.header_row) == (("id", "text"), 2)
    table = read_table(path, options=TableOptions(header_row=0))
    assert next(table.rows()) == ("Report", "x")
    table = read_table(path, options=TableOptions(delimiter="", header_row=0))
    assert next(table.rows()) == ("Report;x",)
