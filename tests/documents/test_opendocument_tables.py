"""ODS as a table: typed cells, sheets, rows and cells that stand for many, within limits."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path

import openpyxl
import pytest

from autogpt_desktop.documents.tables import TableOptions, UnsavedFormula, losses, read_table, write_table
from autogpt_desktop.errors import KnownError

SPACES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (("office", "office"), ("table", "table"), ("text", "text"), ("dr3d", "drawing"))
)


def cell(text: str, more: str = "") -> str:
    return f"<table:table-cell {more}><text:p>{text}</text:p></table:table-cell>"


def row(*cells: str, more: str = "") -> str:
    return f"<table:table-row {more}>{''.join(cells)}</table:table-row>"


def number(value: str, shown: str) -> str:
    return cell(shown, f'office:value-type="float" office:value="{value}"')


def write_ods(path: Path, *sheets: str, locked: bool = False, head: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        entry = "<m:encryption-data/>" if locked else ""
        target.writestr("META-INF/manifest.xml", f'<m:manifest xmlns:m="urn:m">{entry}</m:manifest>')
        tables = "".join(
            f'<table:table table:name="{name}">{rows}</table:table>'
            for name, rows in zip(("Reviews", "Second"), sheets, strict=False)
        )
        target.writestr(
            "content.xml",
            f"<?xml version='1.0'?>{head}<office:document-content {SPACES}><office:body><office:spreadsheet>"
            f"<table:tracked-changes><table:table/></table:tracked-changes>{tables}"
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


REPEATED = 'table:number-columns-repeated="16380"'
ROWS = [
    row("<table:table-column/>", cell("id"), cell("comment"), cell("day"), cell("paid"), cell("price")),
    "<table:table-header-rows/><table:table-row-group>",
    row(
        number("1", "1,0"), cell("good<text:s text:c='2'/>\n room<text:line-break/>&amp; bed"),
        cell("1. 3. 24", 'office:value-type="date" office:date-value="2024-03-01"'),
        cell("wahr", 'office:value-type="boolean" office:boolean-value="true"'),
        cell("19,50 €", 'office:value-type="currency" office:value="19.5"'),
        f"<table:table-cell {REPEATED}/>",
    ),
    row("<table:table-cell/>", more='table:number-rows-repeated="2"'),
    row(
        number("2", "2"),
        "<table:table-cell office:value-type='string'><office:annotation><text:p>note</text:p>"
        "</office:annotation><text:p>坏了</text:p><text:p>second</text:p></table:table-cell>",
        cell("x", 'office:value-type="date" office:date-value="2024-03-02T14:30:00"'),
        "<table:covered-table-cell/>",
        '<table:table-cell table:formula="of:=[.A1]"/>',
    ),
    "</table:table-row-group>",
    row("<table:table-cell/>", more='table:number-rows-repeated="1048570"'),
]  # fmt: skip


@pytest.mark.slow
def test_cells_are_read_by_what_they_are(tmp_path: Path) -> None:
    path = write_ods(tmp_path / "a.ods", "".join(ROWS), row(cell("only"), cell("this")))
    table = read_table(path)
    assert table.sheets == ("Reviews", "Second")
    assert table.columns == ("id", "comment", "day", "paid", "price")
    rows = list(table.rows())
    assert rows == [
        ("1", "good   room\n& bed", "2024-03-01", "TRUE", "19.5"),
        ("",) * 5,
        ("",) * 5,
        ("2", "坏了\nsecond", "2024-03-02 14:30:00", "", ""),
    ]
    assert isinstance(rows[3][4], UnsavedFormula)
    second = read_table(path, options=TableOptions("Second", header_row=0))
    assert list(second.rows()) == [("only", "this")]
    with pytest.raises(KnownError, match="table-no-sheet"):
        read_table(path, "Third")


@pytest.mark.slow
def test_types_come_out_in_a_workbook(tmp_path: Path) -> None:
    table = read_table(write_ods(tmp_path / "a.ods", "".join(ROWS)))
    (notice,) = losses(tmp_path / "out.xlsx", table, is_filtered=False)
    assert notice.key == "notice.table-plain"
    write_table(tmp_path / "out.xlsx", table.columns, table.rows())
    found = list(openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True))
    assert found[1] == (1, "good   room\n& bed", datetime.datetime(2024, 3, 1), True, 19.5)
    with pytest.raises(KnownError, match="table-not-this-kind"):
        write_table(tmp_path / "out.ods", table.columns, table.rows())
    assert found[4][2] == datetime.datetime(2024, 3, 2, 14, 30)


@pytest.mark.slow
def test_rows_that_stand_for_many_take_no_memory(tmp_path: Path) -> None:
    filled = row(cell("a"), number("1", "1"), more='table:number-rows-repeated="100000"')
    table = read_table(write_ods(tmp_path / "a.ods", row(cell("text"), cell("n")) + filled))
    assert sum(1 for _ in table.rows()) == 100_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "rows", "more"),
    [
        ("document-bomb", row(cell("a"), more='table:number-rows-repeated="1048577"'), {}),
        (
            "document-bomb",
            row(
                cell("a", 'table:number-columns-repeated="16384"'), more='table:number-rows-repeated="90000"'
            ),
            {},
        ),
        ("document-too-many-columns", row(cell("a", 'table:number-columns-repeated="16385"')), {}),
        ("document-encrypted", row(cell("a")), {"locked": True}),
        ("document-unsafe", row(cell("a")), {"head": "<!DOCTYPE a [<!ENTITY b 'c'>]>"}),
        ("document-empty", row("<table:table-cell/>", more='table:number-rows-repeated="1048576"'), {}),
        ("document-damaged", "<table:table-row>", {}),
        ("document-damaged", row(number("1e", "x")), {}),
        ("document-bomb", row("<table:table-cell/>" * 500_000), {}),
    ],
)
def test_limits(tmp_path: Path, key: str, rows: str, more: dict[str, object]) -> None:
    path = write_ods(tmp_path / "a.ods", rows, **more)  # type: ignore[arg-type]
    with pytest.raises(KnownError, match=key):
        list(read_table(path).rows())
