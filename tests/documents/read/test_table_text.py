"""Headings stand beside the cells of tables, whatever file they are in."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.read.formats.parse import parse
from autogpt_desktop.documents.types import Limits

DATA = Path(__file__).parents[2] / "data" / "documents"


def read(text: str, name: str) -> str:
    return parse(text.encode(), name, Limits()).text()


@pytest.mark.parametrize("suffix", [".docx", ".html", ".md"])
def test_the_same_table_reads_alike_in_every_kind_of_file(suffix):
    expected = [
        line
        for line in parse((DATA / "qa-plants.csv").read_bytes(), "a.csv", Limits()).text().split("\n\n")
        if line
    ]
    found = parse((DATA / f"qa-plants{suffix}").read_bytes(), f"a{suffix}", Limits()).text().split("\n\n")
    assert [line.strip() for line in found if ":" in line] == expected


HTML = {
    "<tr><th>a<th>b<tr><td>1<td>2": "a: 1; b: 2",
    "<thead><tr><td>a<td>b<tbody><tr><td>1<td>2": "a: 1; b: 2",
    "<caption>Cap</caption><tr><th>a<th>b<tr><td>1<td>2": "Cap\n\na: 1; b: 2",
    "<tr><th rowspan=2>Month<th colspan=2>Rain<tr><th>min<th>max<tr><td>May<td>3<td>4":
        "Month: May; Rain min: 3; Rain max: 4",
    "<tr><th>a<th>b<tr><td rowspan=2>x<td>1<tr><td>2": "a: x; b: 1\n\na: x; b: 2",
    "<tr><th>Name<td>Rosa<tr><th>Plot<td>47<tr><th>Fee<td>85": "Name | Rosa\n\nPlot | 47\n\nFee | 85",
    "<tr><td><p>Layout<p>two<td><table><tr><th>a<th>b<tr><td>1<td>2</table>": "Layout\n\ntwo\n\na: 1; b: 2",
    "<tr><td>only one": "only one",
    "<tr><td colspan=9999999>x<td>y": "x | y",
    "<tr><td>a<td>b<tr><td>c": "a | b\n\nc",
    "<tr><th>a<th>b<tr><td>1<td><ul><li>x<li>y</ul>": "a | b\n1 |\n\n- x\n- y",
}  # fmt: skip


@pytest.mark.parametrize("table", HTML)
def test_html(table):
    assert (
        read(f"<html><p>Before<table>{table}</table>after", "a.html") == f"Before\n\n{HTML[table]}\n\nafter\n"
    )


MARKDOWN = {
    "| a | b |\n|---|---|\n| 1 | 2 |\n": "a: 1; b: 2\n\n",
    "a | b\n:-- | --:\n1 | 2\n": "a: 1; b: 2\n\n",
    "| a | b |\n|---|---|\n| 1\\|2 | **x** |\n\nafter": "a: 1|2; b: x\n\n\nafter",
    "| a | b |\n|---|---|\n": "| a | b |\n|---|---|\n",
    "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```\n": "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```\n",
    "a | b\n": "a | b\n",
    "a | b\n---\nx | y\n": "a | b\n---\nx | y\n",
}  # fmt: skip


@pytest.mark.parametrize("text", MARKDOWN)
def test_markdown(text):
    assert read(text, "a.md") == MARKDOWN[text]


@pytest.mark.parametrize(
    "page",
    [
        "<p " + " ".join(f'a{at}="1"' for at in range(300_000)) + ">Hello",
        "<p " + 'a="1" ' * 300_000 + ">Hello",
        "<table><tr><td " + " ".join(f'a{at}="1"' for at in range(300_000)) + ">Hello</table>",
        "<body " + " ".join(f'a{at}="1"' for at in range(300_000)) + ">Hello",
        "<table><tr><td colspan=1000 rowspan=60000>Hello" * 3_000,
        "<table><tr><td>Hello" * 3_000,
    ],
    ids=["many", "same", "cell", "body", "spans", "nested"],
)
@pytest.mark.slow
def test_attributes_and_tables_without_end_take_time_in_proportion(page):
    import time

    begun = time.process_time()
    assert "Hello" in read(f"<html>{page}", "a.html")
    assert time.process_time() - begun < 8
