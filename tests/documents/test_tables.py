"""Tables in and out: delimiters, encodings, headers, formulas, and tables that are none."""

from __future__ import annotations

import csv
import os
import resource
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from autogpt_desktop.documents.tables import Table, read_table, write_table
from autogpt_desktop.errors import KnownError
from tests.documents import files


def all_rows(table: Table) -> list[tuple[str, ...]]:
    return list(table.rows())


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_csv_of_any_kind(tmp_path: Path, delimiter: str, encoding: str) -> None:
    path = tmp_path / "a.csv"
    rows = [["评论", "stars"], ["质量不错，值得买", "5"], ['He said "no", twice', "1"], ["two\nlines", "3"]]
    with open(path, "w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    table = read_table(path)
    assert (table.columns, table.delimiter, table.has_header) == (("评论", "stars"), delimiter, True)
    assert [list(row) for row in table.rows()] == rows[1:]
    assert all_rows(table) == all_rows(table)  # from the beginning each time


def test_one_column_and_no_header(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("I liked it, really\nNot at all; no\n" * 3)
    table = read_table(path, header=False)
    assert all_rows(table)[1] == ("Not at all; no",) or table.delimiter == ","
    path.write_text("Great film\nBad film\nGreat film\n")
    table = read_table(path)
    assert (table.columns, table.has_header, len(all_rows(table))) == (("Column 1",), False, 3)


def test_columns_have_names_that_differ(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,,a\n1,2,3\n4,5\n6,7,8,9\n")
    table = read_table(path, header=True)
    assert table.columns == ("a", "Column 2", "a (2)", "Column 4")
    assert all_rows(table)[1] == ("4", "5", "", "")
    assert [table.column(name) for name in ("a (2)", "A", "3")] == [2, 0, 2]
    with pytest.raises(KnownError, match="table-no-column"):
        table.column("none")


@pytest.mark.slow
def test_bad_bytes_far_behind_do_not_end_the_table(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(
        b"text,n\n" + b"plain,1\n" * 300_000 + "天气很好，我们去公园玩,2\n".encode("gb18030") * 5
    )
    table = read_table(path)
    assert table.encoding == "gb18030"
    assert all_rows(table)[-1] == ("天气很好，我们去公园玩", "2")


def test_utf8_is_recognised_across_blocks(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    for shift in range(3):
        path.write_bytes(b"x" * shift + b"a,b\n" + "中文，字,1\n".encode() * 200_000)
        assert read_table(path).encoding == "utf-8"


@pytest.mark.slow
def test_xlsx_sheets(tmp_path: Path) -> None:
    path = files.write_xlsx(tmp_path / "a.xlsx")
    table = read_table(path)
    assert (table.sheet, table.sheets, table.columns) == (
        "People",
        ("People", "Empty", "第二"),
        ("Name", "Age"),
    )
    assert all_rows(table)[:2] == [("Ann", "3"), ("李雷", "4.5")]
    assert all_rows(read_table(path, "第二")) == [("only this",)]
    for sheet, key in (("none", "table-no-sheet"), ("Empty", "document-empty")):
        with pytest.raises(KnownError, match=key):
            read_table(path, sheet)


@pytest.mark.slow
def test_bad_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    wide = b",".join(b"1" for _ in range(1_000_000))
    for data, key in {
        b"": "document-empty",
        b"\n\n": "document-empty",
        wide: "document-too-many-columns",
        b"\x89PNG\0\0\0\1" * 9: "document-kind",
        b"PK\3\4damaged": "document-damaged",
        b"\xd0\xcf\x11\xe0" + "EncryptedPackage".encode("utf-16-le"): "document-encrypted",
    }.items():
        path.write_bytes(data)
        with pytest.raises(KnownError) as caught:
            all_rows(read_table(path))
        assert caught.value.key == key, data[:20]
    with pytest.raises(KnownError, match="document-missing"):
        read_table(tmp_path / "none.csv")
    docx = files.write_docx(tmp_path / "a.docx")
    with pytest.raises(KnownError, match="document-kind"):
        read_table(docx)


@pytest.mark.slow
def test_a_large_table_is_a_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with open(path, "w") as file:
        file.write("text,n\n")
        for _ in range(300):
            file.write("some words that are repeated,1\n" * 2000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in read_table(path).rows()) == 600_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10  # KB


DANGEROUS = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "＝1"]


def test_formulas_are_disarmed(tmp_path: Path) -> None:
    rows: list[list[Any]] = [[text, 1.5, -3] for text in DANGEROUS] + [
        ["-3.5", 2, 0],
        ["fine\x07", None, True],
    ]
    path = tmp_path / "a.csv"
    assert write_table(path, ["=text", "n", "m"], rows) == len(rows)
    with open(path, encoding="utf-8-sig", newline="") as file:
        written = list(csv.reader(file))
    assert [row[0] for row in written[:7]] == ["'=text", *("'" + text for text in DANGEROUS)]
    assert written[7] == ["-3.5", "2", "0"]
    assert written[1][1:] == ["1.5", "-3"]
    path = tmp_path / "a.xlsx"
    write_table(path, ["=text", "n", "m"], rows)
    sheet = openpyxl.load_workbook(path).active
    for number, text in enumerate(DANGEROUS, start=2):
        cell = sheet.cell(number, 1)
        assert (cell.value, cell.data_type, cell.quotePrefix) == (text, "s", True)
    assert sheet.cell(2, 2).value == 1.5
    assert sheet.cell(9, 1).value == "fine"
    assert sheet.cell(9, 3).value is True


@pytest.mark.skipif(os.name == "nt", reason="there are no such modes")
@pytest.mark.parametrize("ending", [".csv", ".xlsx"])
def test_results_have_the_users_usual_mode(tmp_path: Path, ending: str) -> None:
    before = os.umask(0o027)
    try:
        write_table(tmp_path / f"a{ending}", ["a"], [["b"]])
    finally:
        os.umask(before)
    assert (tmp_path / f"a{ending}").stat().st_mode & 0o777 == 0o640


def test_writing_replaces_in_one_step_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def failing() -> Any:
        yield ["one"]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_table(path, ["a"], failing())
    assert path.read_text() == "old"
    assert not list(tmp_path.glob(".*"))
    with pytest.raises(KnownError, match="table-not-written"):
        write_table(tmp_path / "none" / "a.csv", ["a"], [])
