"""Results of a workbook are the workbook: values, formats, formulas and other sheets stay, columns join."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import openpyxl
import pytest
from lxml import etree
from openpyxl.chart import BarChart, Reference
from openpyxl.comments import Comment
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Font, PatternFill

from autogpt_desktop.documents.read.formats.parse import parse
from autogpt_desktop.documents.tables import Table, losses, read_table, write_copy
from autogpt_desktop.documents.types import Limits
from tests.documents import files
from tests.documents.test_hostile_tables import SHEET, TEXT, sheet, workbook

NAMES = ["sentiment", "positive", "flags"]


def write_rich(path: Path) -> Path:
    book = openpyxl.Workbook()
    first = book.active
    first.title = "Reviews"
    rows = [
        ["Survey", None, None, None, None],
        ["Date", "Order", "Price", "Review", "Paid"],
        [datetime.datetime(2024, 3, 1), 1001, 19.5, "The coat is warm & <pretty>", True],
        [datetime.datetime(2024, 3, 2, 14, 30), 1002, 7, "拉链坏了", False],
        [None, None, None, None, None],
        [datetime.date(2024, 3, 3), 1003, "=C3*2", "It is a coat", None],
    ]
    for row in rows:
        first.append(row)
    for row in range(3, 7):
        first[f"A{row}"].number_format = "dd/mm/yyyy"
        first[f"C{row}"].number_format = '#,##0.00 "€"'
        first[f"G{row}"].fill = PatternFill("solid", fgColor="FFFF00")
    first["E2"].font = Font(bold=True)
    first["D3"].comment = Comment("a note", "me")
    first.merge_cells("A1:E1")
    first.column_dimensions["D"].width = 44
    first.row_dimensions[4].hidden = True
    first.freeze_panes = "A3"
    first.auto_filter.ref = "A2:E6"
    first.conditional_formatting.add("C3:C6", CellIsRule(operator="greaterThan", formula=["10"]))
    notes = book.create_sheet("Notes")
    notes.append(["Keep this sheet"])
    chart = BarChart()
    chart.add_data(Reference(first, min_col=3, min_row=2, max_row=6), titles_from_data=True)
    first.add_chart(chart, "A10")
    book.save(path)
    return path


def copy(table: Table, path: Path, rows: list[list[str | float]]) -> openpyxl.Workbook:
    assert list(write_copy(path, table, len(table.columns) + 1, NAMES, rows))[-1] == len(rows)
    return openpyxl.load_workbook(path)


@pytest.mark.slow
def test_all_stays_and_columns_join(tmp_path: Path) -> None:
    table = read_table(write_rich(tmp_path / "in.xlsx"))
    assert (table.header_row, table.columns) == (2, ("Date", "Order", "Price", "Review", "Paid"))
    rows = [["positive", 0.9, ""], ["negative", 0.25, "foreign"], ["", "", "empty"], ["neutral", 1, ""]]
    book = copy(table, tmp_path / "out.xlsx", rows)
    before = openpyxl.load_workbook(tmp_path / "in.xlsx")
    assert book.sheetnames == ["Reviews", "Notes"]
    for name in book.sheetnames:
        for row in before[name].iter_rows(max_col=5):
            for cell in row:
                same = book[name][cell.coordinate]
                assert (same.value, same.number_format, same.data_type) == (
                    cell.value,
                    cell.number_format,
                    cell.data_type,
                )
    found = book["Reviews"]
    assert [[cell.value for cell in row] for row in found["F2:H6"]] == [
        NAMES,
        ["positive", 0.9, None],
        ["negative", 0.25, "foreign"],
        [None, None, "empty"],
        ["neutral", 1, None],
    ]
    assert found["F3"].data_type == "s"
    assert found["G3"].data_type == "n"
    assert found["F2"].font.bold
    assert found["G4"].fill.fgColor.rgb == "00FFFF00"
    assert found["D3"].comment.text == "a note"
    assert found.merged_cells.ranges == before["Reviews"].merged_cells.ranges
    assert found.column_dimensions["D"].width == 44
    assert found.row_dimensions[4].hidden
    assert (found.freeze_panes, found.auto_filter.ref) == ("A3", "A2:E6")
    assert len(found.conditional_formatting) == len(found._charts) == 1
    with zipfile.ZipFile(tmp_path / "in.xlsx") as old, zipfile.ZipFile(tmp_path / "out.xlsx") as new:
        assert old.namelist() == new.namelist()
        changed = [name for name in old.namelist() if old.read(name) != new.read(name)]
    assert changed == ["xl/worksheets/sheet1.xml"]
    assert list(read_table(tmp_path / "out.xlsx").rows())[1][3:] == (
        "拉链坏了",
        "FALSE",
        "negative",
        "0.25",
        "foreign",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "xml",
    [
        sheet(b'<row><c t="inlineStr"><is><t>text</t></is></c></row>'
              b'<row><c t="inlineStr"><is><t>good</t></is></c></row>'
              b'<row r="4"><c r="A4" t="inlineStr"><is><t>bad</t></is></c><c r="C4"/><c r="XFD4"/></row>'),
        b'<?xml version="1.0"?><x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
        b' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" mc:Ignorable="y"'
        b' xmlns:y="urn:y"><!-- a comment --><x:sheetData>'
        b'<x:row r="1"><x:c r="A1" t="inlineStr"><x:is><x:t>text</x:t></x:is></x:c></x:row>'
        b'<x:row r="2" y:a="1"><x:c r="A2" t="inlineStr"><x:is><x:t>good</x:t></x:is></x:c></x:row>'
        b'<x:row r="4"><x:c r="A4" t="inlineStr"><x:is><x:t>bad</x:t></x:is></x:c></x:row>'
        b"</x:sheetData></x:worksheet>",
    ],
)  # fmt: skip
def test_sheets_that_other_programs_write(tmp_path: Path, xml: bytes) -> None:
    table = read_table(workbook(tmp_path / "in.xlsx", sheet=xml))
    assert list(table.rows()) == [("good",), ("",), ("bad",)]
    found = copy(table, tmp_path / "out.xlsx", [["+", 1, "x"], ["", "", ""], ["-", 0, "=1\x01"]]).worksheets[
        0
    ]
    assert [[cell.value for cell in row] for row in found["A1:D4"]] == [
        ["text", *NAMES],
        ["good", "+", 1, "x"],
        [None] * 4,
        ["bad", "-", 0, "=1"],
    ]
    assert found["D4"].data_type == "s"


@pytest.mark.slow
@pytest.mark.parametrize("members", [{}, {"xl/workbook.xml": "xl/book7.xml"}])
def test_a_strict_workbook_is_a_table_a_document_and_is_copied(
    tmp_path: Path, members: dict[str, str]
) -> None:
    path = files.as_strict(write_rich(tmp_path / "in.xlsx"), members)
    table = read_table(path)
    assert table.columns[:4] == ("Date", "Order", "Price", "Review")
    assert [row[0] for row in table.rows()] == ["2024-03-01", "2024-03-02 14:30:00", "", "2024-03-03"]
    rows: list[list[str | float]] = [["positive", 0.9, ""], ["negative", 0.2, ""]]
    assert list(write_copy(tmp_path / "out.xlsx", table, len(table.columns) + 1, NAMES, rows))[-1] == 2
    again = read_table(tmp_path / "out.xlsx")
    assert again.sheets == ("Reviews", "Notes")
    assert next(again.rows())[-3:] == ("positive", "0.9", "")
    assert "拉链坏了" in parse(path.read_bytes(), "in.xlsx", Limits()).text()


@pytest.mark.slow
def test_dates_as_strict_workbooks_write_them(tmp_path: Path) -> None:
    dates = (b"2024-03-01", b"2024-03-01T00:00:00.000", b"2024-03-01T10:20:30Z")
    xml = b"".join(b'<row><c t="d"><v>%s</v></c>%s</row>' % (date, TEXT) for date in dates)
    rows = read_table(workbook(tmp_path / "in.xlsx", sheet=sheet(xml)), header=False).rows()
    assert [row[0] for row in rows] == ["2024-03-01", "2024-03-01", "2024-03-01 10:20:30"]


@pytest.mark.slow
def test_rows_that_are_left_out_take_nothing_with_them(tmp_path: Path) -> None:
    path = write_rich(tmp_path / "in.xlsx")
    book = openpyxl.load_workbook(path)
    first = book["Reviews"]
    first.append([datetime.datetime(2024, 3, 4), 1004, 3, "last", None])
    first["B7"].hyperlink = "https://example.org"
    first["F1"] = "=SUM(C3:C7)"
    first.merge_cells("A7:A8")
    first.merge_cells("J4:K4")
    book.save(path)
    table = read_table(path)
    rows: list[list[str | float] | None] = [None, ["negative", 0.1, ""], None, None, ["positive", 0.9, ""]]
    width = len(table.columns) + 1
    assert list(write_copy(tmp_path / "out.xlsx", table, width, NAMES, rows))[-1] == 2
    found = openpyxl.load_workbook(tmp_path / "out.xlsx")
    assert found.sheetnames == ["Reviews", "Notes"]
    sheet = found["Reviews"]
    values = list(sheet.iter_rows(min_row=2, values_only=True))
    assert [row[3] for row in values] == ["Review", "拉链坏了", "last"]
    assert values[1][:3] == (datetime.datetime(2024, 3, 2, 14, 30), 1002, 7)
    assert [row[width - 1] for row in values] == ["sentiment", "negative", "positive"]
    assert sheet["C3"].number_format == '#,##0.00 "€"'
    assert {str(one) for one in sheet.merged_cells.ranges} == {"A1:E1", "J3:K3"}
    assert sheet["B4"].hyperlink.target == "https://example.org"
    assert [str(one.sqref) for one in sheet.conditional_formatting] == ["C3"]
    assert sheet.auto_filter.ref == "A2:E3"
    assert sheet["F1"].value is None  # its result was never saved
    with zipfile.ZipFile(tmp_path / "out.xlsx") as archive:
        assert not [name for name in archive.namelist() if "comment" in name.lower()]
        assert b"omment" not in archive.read("[Content_Types].xml")


@pytest.mark.slow
def test_nothing_of_a_sheet_is_there_twice(tmp_path: Path) -> None:
    table = read_table(write_rich(tmp_path / "in.xlsx"))
    list(write_copy(tmp_path / "out.xlsx", table, len(table.columns) + 1, NAMES, [["positive", 0.9, ""]]))
    parts = []
    for name in ("in.xlsx", "out.xlsx"):
        with zipfile.ZipFile(tmp_path / name) as archive:
            parts.append([element.tag for element in etree.fromstring(archive.read(SHEET))])
    assert [tag for tag in parts[0] if not tag.endswith("}dimension")] == parts[1]


@pytest.mark.slow
def test_macros_go_and_stay(tmp_path: Path) -> None:
    path = write_rich(tmp_path / "in.xlsx")
    macros = tmp_path / "in.xlsm"
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(macros, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            data = data.replace(
                b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml",
                b"application/vnd.ms-excel.sheet.macroEnabled.main+xml",
            )
            if name == "xl/_rels/workbook.xml.rels":
                relation = b'<Relationship Id="m" Type="http://x/vbaProject" Target="vbaProject.bin"/>'
                data = data.replace(b"</Relationships>", relation + b"</Relationships>")
            new.writestr(name, data)
        new.writestr("xl/vbaProject.bin", b"macros")
    table = read_table(macros)
    rows: list[list[str | float]] = [["positive", 0.9, ""]]
    for ending, said in ((".xlsx", ["notice.table-macros"]), (".xlsm", [])):
        out = tmp_path / f"out{ending}"
        assert [notice.key for notice in losses(out, table, is_filtered=False)] == said
        list(write_copy(out, table, len(table.columns) + 1, NAMES, rows))
        with zipfile.ZipFile(out) as archive:
            assert ("xl/vbaProject.bin" in archive.namelist()) == (ending == ".xlsm")
            assert (b"vbaProject" in archive.read("xl/_rels/workbook.xml.rels")) == (ending == ".xlsm")
            assert (b"macroEnabled" in archive.read("[Content_Types].xml")) == (ending == ".xlsm")
        assert openpyxl.load_workbook(out).sheetnames == ["Reviews", "Notes"]
