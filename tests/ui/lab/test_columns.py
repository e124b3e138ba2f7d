"""Which columns of a table are offered first."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.tasks.sentiment.sources import preview
from autogpt_desktop.ui.lab.columns import likely_columns
from autogpt_desktop.ui.lab.words import ADAPT, ANSWER, EMBED, HEAD

ROW = "{n},where does parcel {n} lie,it was put into room {n} of the house on the hill,{kind}"


@pytest.mark.parametrize(
    ("kind", "head", "wanted"),
    [
        (HEAD, "id,message,answer,topic", {"other": 3}),
        (ADAPT, "id,question,answer,topic", {"text": 1, "other": 2}),
        (EMBED, "id,提问,回答,topic", {"text": 1, "other": 2}),
        (ANSWER, "id,question,passage,answer", {"text": 2, "question": 1, "other": 3}),
    ],
)
def test_columns_by_their_names_and_what_stands_in_them(
    kind: str, head: str, wanted: dict[str, int], tmp_path: Path
) -> None:
    table = tmp_path / "table.csv"
    rows = [ROW.format(n=n, kind=("bill", "order")[n % 2]) for n in range(20)]
    table.write_text("\n".join([head, *rows]), encoding="utf-8")
    text, question, other = likely_columns(kind, preview(table))
    assert {"text": text, "question": question, "other": other} | wanted == {
        "text": text, "question": question, "other": other
    }  # fmt: skip


def test_of_two_columns_the_first_asks(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("q,a\n" + "\n".join(f"{n}?,the long answer to number {n}" for n in range(9)))
    for kind in (ADAPT, EMBED):
        text, _, answer = likely_columns(kind, preview(table))
        assert (text, answer) == (0, 1)
