"""Shares in groups of rows: by the values of a column, by the months of its dates."""

from __future__ import annotations

import pytest

from autogpt_desktop.tasks.sentiment.groups import find_day_first, group_rows, group_table, month_of


@pytest.mark.parametrize(
    ("cell", "month"),
    [
        ("2024-03-01", "2024-03"), ("2024-03-02 14:30:00", "2024-03"), ("2024/3/1", "2024-03"),
        ("2024.12.31", "2024-12"), ("2024年3月5日", "2024-03"), ("2024 年 11 月", "2024-11"),
        ("20240305", "2024-03"), ("2024-03", "2024-03"), ("05.03.2024", "2024-03"),
        ("5/3/24", "2024-03"), ("25/12/1999 10:00", "1999-12"), ("12/25/99", "1999-12"),
        ("03/2024", "2024-03"), ("3 May 2024", "2024-05"), ("May 3, 2024", "2024-05"),
        ("Mon, 3 Dec 2024", "2024-12"), ("3. März 2024", "2024-03"), ("12 juillet 2023", "2023-07"),
        ("1 juin 2023", "2023-06"), ("enero 2022", "2022-01"), ("", ""),
        ("Bonn", ""), ("12345", ""), ("2024-13-01", ""),
        ("99999999", ""), ("may be 5", ""), ("soon", ""),
    ],
)  # fmt: skip
def test_months_of_dates(cell: str, month: str) -> None:
    assert month_of(cell) == month


def test_the_column_tells_which_number_is_the_day() -> None:
    assert find_day_first(["3/4/2024", "13/4/2024"]) == (True, "")
    assert find_day_first(["3/4/2024", "3/14/2024"]) == (False, "")
    assert find_day_first(["3.4.2024"]) == (True, "")
    assert find_day_first(["5/5/2024", "3/4/2024", "x"]) == (True, "3/4/2024")
    found = group_rows([("3/4/2024", "positive"), ("3/14/2024", "negative")], "date", by_month=True)
    assert [group.name for group in found.groups] == ["2024-03"]


def test_groups_count_and_share() -> None:
    rows = [("Ulm", "positive"), ("Bonn", "negative"), ("Bonn ", "positive"), ("Bonn", ""), ("", "neutral")]
    found = group_rows(rows, "city")
    assert [(group.name, group.texts) for group in found.groups] == [("Bonn", 2), ("", 1), ("Ulm", 1)]
    assert found.groups[0].share("positive") == 0.5
    assert group_rows([("Bonn", "")], "city").groups[0].share("positive") == 0
    names, table = group_table(found, False, "(blank)")
    assert names == [
        *("city", "texts", "positive", "neutral", "negative"),
        *("positive share", "neutral share", "negative share"),
    ]
    assert table[:2] == [["Bonn", 2, 1, 0, 1, 0.5, 0.0, 0.5], ["(blank)", 1, 0, 1, 0, 0.0, 1.0, 0.0]]
    assert group_table(found, True, "")[0] == [
        "city",
        "texts",
        "positive",
        "negative",
        "positive share",
        "negative share",
    ]
    months = group_rows(
        [("2024-03-01", "positive"), ("x", ""), ("2023-12-24", "negative")], "day", by_month=True
    )
    assert [group.name for group in months.groups] == ["2023-12", "2024-03", ""]
