"""XLSX that is translated: openpyxl finds the same types, formulas and formats; what formulas name stays."""

from __future__ import annotations

import re
from pathlib import Path

import openpyxl
import pytest
from openpyxl.cell.rich_text import CellRichText, TextBlock
from openpyxl.cell.text import InlineFont
from openpyxl.comments import Comment
from openpyxl.worksheet.table import Table

from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError
from tests.documents.write.packages import archive_of, changed, members, translated, with_member

pytestmark = pytest.mark.slow  # a process reads each file first


def book(path: Path) -> Path:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet["A1"], sheet["B1"] = "Name", "Price"
    sheet["A2"], sheet["B2"] = "The old bridge\nis closed", 3.5
    sheet["A3"] = CellRichText("It is ", TextBlock(InlineFont(b=True), "very old"), " & wide")
    sheet["A4"], sheet["B4"] = "Open", '=IF(A4="Open",COUNTIF(A1:A9,"x"),0)'
    sheet["A5"], sheet["B5"] = "旧桥", True
    sheet["A6"] = "42"
    sheet["A2"].comment = Comment("Is it?", "Ann")
    sheet["D1"], sheet["E1"] = "Town", "People"
    sheet["D2"], sheet["E2"] = "A small town", 12
    sheet.add_table(Table(displayName="T", ref="D1:E2"))
    sheet["B2"].number_format = "0.00"
    workbook.save(str(path))
    return shared(path) if "inlineStr" in members(path)["xl/worksheets/sheet1.xml"].decode() else path


def shared(path: Path) -> Path:
    """The workbook with the texts of its cells in one part, as Excel writes them."""
    parts = {name: data.decode() for name, data in members(path).items()}
    texts: list[str] = []

    def cell(found: re.Match[str]) -> str:
        texts.append(found[2])
        return f't="s"{found[1]}><v>{len(texts) - 1}</v>'

    sheet = "xl/worksheets/sheet1.xml"
    parts[sheet] = re.sub(r't="inlineStr"([^>]*)><is>(.*?)</is>', cell, parts[sheet], flags=re.S)
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    items = "".join(f"<si>{text}</si>" for text in texts)
    parts["xl/sharedStrings.xml"] = f'<sst xmlns="{space}" uniqueCount="{len(texts)}">{items}</sst>'
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    rels = "xl/_rels/workbook.xml.rels"
    if "sharedStrings" not in parts[rels]:
        relation = f'<Relationship Id="rId99" Type="{kind}" Target="sharedStrings.xml"/></Relationships>'
        parts[rels] = parts[rels].replace("</Relationships>", relation)
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    if "sharedStrings" not in parts["[Content_Types].xml"]:
        override = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{content}"/></Types>'
        parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace("</Types>", override)
    return archive_of(path, parts)


def test_texts_of_cells(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx")
    blocks = open_blocks(path)
    assert sorted(blocks.texts) == sorted(
        ["Name", "Price", "The old bridge", "is closed", "It is very old & wide", "旧桥", "A small town"]
    )
    assert blocks.phrases == ["very old"]
    assert [(one.key, one.values) for one in blocks.notices] == [("notice.translate-named-cells", {"n": 3})]
    assert "Is it?" in open_blocks(path, comments=True).texts


def test_types_formulas_and_formats_stay(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx")
    out = translated(path)
    assert changed(path, out) == {"xl/sharedStrings.xml"}
    sheet = openpyxl.load_workbook(out, rich_text=True).active
    assert [sheet[f"A{row}"].value for row in (1, 2, 4, 5, 6)] == [
        "NAME", "THE OLD BRIDGE\nIS CLOSED", "Open", "旧桥", "42",
    ]  # fmt: skip
    rich = sheet["A3"].value
    assert str(rich) == "IT IS VERY OLD & WIDE"
    assert [(str(one), one.font.b) for one in rich if isinstance(one, TextBlock)] == [("VERY OLD", True)]
    assert sheet["B4"].value == '=IF(A4="Open",COUNTIF(A1:A9,"x"),0)'
    assert (sheet["B2"].value, sheet["B2"].number_format, sheet["B5"].value) == (3.5, "0.00", True)
    assert [sheet["D1"].value, sheet["E1"].value, sheet["D2"].value] == ["Town", "People", "A SMALL TOWN"]
    assert sheet["A2"].comment.text == "Is it?"
    out = translated(path, comments=True)
    assert openpyxl.load_workbook(out).active["A2"].comment.text == "IS IT?"


def test_texts_that_stay_leave_every_byte(tmp_path: Path) -> None:
    path = book(tmp_path / "a.xlsx")
    assert not changed(path, translated(path, "", lambda text: text))


def test_texts_in_the_sheet_itself(tmp_path: Path) -> None:
    workbook = openpyxl.Workbook(write_only=True)
    workbook.create_sheet("S").append(["Red & blue", 5])
    workbook.save(str(tmp_path / "b.xlsx"))
    strings = members(tmp_path / "b.xlsx")["xl/worksheets/sheet1.xml"].decode()
    path = tmp_path / "b.xlsx"
    if "inlineStr" not in strings:
        cell = b'<c r="A1" t="inlineStr"><is><t>Red &amp; blue</t><phoneticPr fontId="1"/></is></c>'
        path = with_member(
            path,
            "xl/worksheets/sheet1.xml",
            lambda data: data.replace(data[data.index(b"<c ") : data.index(b"</c>") + 4], cell),
        )
    out = translated(path)
    assert [cell.value for cell in openpyxl.load_workbook(out).active[1]] == ["RED & BLUE", 5]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"<sst ", b"<!DOCTYPE a [<!ENTITY b 'c'>]><sst "),
        (b"</sst>", b""),
        (b"<t>Name", b"<t>" + b"<r>" * 5000),
    ],
)
def test_hostile_parts(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = with_member(
        book(tmp_path / "a.xlsx"), "xl/sharedStrings.xml", lambda data: data.replace(old, new, 1)
    )
    with pytest.raises(KnownError, match="document-"):
        open_blocks(path)


def test_a_count_that_lies_is_no_matter(tmp_path: Path) -> None:
    path = with_member(
        book(tmp_path / "a.xlsx"),
        "xl/sharedStrings.xml",
        lambda data: data.replace(b'uniqueCount="', b'uniqueCount="99999999'),
    )
    assert "Name" in open_blocks(path).texts


def test_sheets_run_from_right_to_left_and_back(tmp_path: Path) -> None:
    out = translated(book(tmp_path / "a.xlsx"), "he", lambda text: "שלום")
    assert openpyxl.load_workbook(out).active.sheet_view.rightToLeft
    again = translated(out, "en", lambda text: "Hello")
    assert not openpyxl.load_workbook(again).active.sheet_view.rightToLeft
