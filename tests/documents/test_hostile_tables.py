"""Tables that would take the app's time or memory: a sentence instead, and Stop at any time."""

from __future__ import annotations

import resource
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from autogpt_desktop.documents.tables import open_table, read_table
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from tests.documents import files

MAIN = b'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
TEXT = b'<c t="inlineStr"><is><t>a text</t></is></c>'
SHEET = "xl/worksheets/sheet1.xml"


def sheet(rows: bytes, before: bytes = b"") -> bytes:
    return b"<worksheet %s>%s<sheetData>%s</sheetData></worksheet>" % (MAIN, before, rows)


def workbook(path: Path, **parts: bytes) -> Path:
    """A workbook with some parts replaced."""
    files.write_xlsx(path.with_name("plain.xlsx"))
    with zipfile.ZipFile(path.with_name("plain.xlsx")) as source:
        members = {name: source.read(name) for name in source.namelist()}
    members |= {
        {"sheet": SHEET, "styles": "xl/styles.xml"}.get(name, name): part for name, part in parts.items()
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, part in members.items():
            target.writestr(name, part)
    return path


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "part", "make"),
    [
        (
            "document-damaged",
            "sheet",
            lambda: sheet(b'<row>%s</row><row r="1000000000">%s</row>' % (TEXT, TEXT)),
        ),
        (
            "document-damaged",
            "sheet",
            lambda: sheet(b'<row r="5">%s</row><row r="4">%s</row>' % (TEXT, TEXT)),
        ),
        ("document-damaged", "sheet", lambda: sheet(b'<row><c r="AAAAAAA1"/></row>')),
        ("document-too-many-columns", "sheet", lambda: sheet(b'<row><c r="ZZZ1"/></row>')),
        ("document-bomb", "sheet", lambda: sheet(b"<row>" + b"<c/>" * 2_000_000 + b"</row>")),
        ("document-bomb", "sheet", lambda: sheet(b"", b"<cols>" + b"<col/>" * 1_000_000 + b"</cols>")),
        ("document-nested", "sheet", lambda: sheet(b"<row>" + b"<c>" * 5000 + b"</c>" * 5000 + b"</row>")),
        (
            "document-bomb",
            "styles",
            lambda: b"<styleSheet %s><fonts>%s</fonts></styleSheet>" % (MAIN, b"<font/>" * 4_000_000),
        ),
    ],
)
def test_a_sentence_within_seconds(tmp_path: Path, key: str, part: str, make: Callable[[], bytes]) -> None:
    path = workbook(tmp_path / "a.xlsx", **{part: make()})
    begun = time.monotonic()
    with pytest.raises(KnownError) as caught:
        list(read_table(path).rows())
    assert caught.value.key == key
    assert caught.value.values["name"] == "a.xlsx"
    assert time.monotonic() - begun < 15  # a busy machine


@pytest.mark.slow
def test_missing_rows_come_back_as_blank_ones(tmp_path: Path) -> None:
    rows = b'<row>%s</row><row r="4"/><row r="6">%s</row><row r="900"><c s="0"/></row>' % (TEXT, TEXT)
    table = read_table(workbook(tmp_path / "a.xlsx", sheet=sheet(rows)), header=False)
    assert list(table.rows()) == [("a text",), ("",), ("",), ("",), ("",), ("a text",)]


@pytest.mark.slow
def test_characters_that_xml_cannot_hold(tmp_path: Path) -> None:
    cells = b"".join(b'<c t="inlineStr"><is><t>%s</t></is></c>' % text for text in (
        b"two_x000D_\nlines", b"_x005F_x000D_", b"_xD800_", b"_x0000_a", b"a_xyz_"))  # fmt: skip
    table = read_table(workbook(tmp_path / "a.xlsx", sheet=sheet(b"<row>%s</row>" % cells)), header=False)
    assert list(table.rows()) == [("two\nlines", "_x000D_", "\ufffd", "\ufffda", "a_xyz_")]


@pytest.mark.slow
def test_a_workbook_that_takes_too_long_or_too_much(tmp_path: Path) -> None:
    long = b"<t>" + b"".join(b"%d " % number for number in range(1_200_000)) + b"</t>"
    path = workbook(
        tmp_path / "a.xlsx", sheet=sheet(b'<row><c t="inlineStr"><is>%s</is></c></row>' % long * 6)
    )
    with pytest.raises(KnownError, match=r"document-memory|document-damaged"):
        read_table(path, limits=Limits(memory=60 << 20))
    path = workbook(tmp_path / "a.xlsx", sheet=sheet(b"<row/>" * 1_000_000 + b"<row>" + TEXT + b"</row>"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert sum(1 for _ in read_table(path).rows()) == 1_000_001
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10  # KB: nothing is kept


@pytest.mark.slow
def test_opening_can_be_left_at_any_time(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", sheet=sheet(b"<row/>" * 1_000_000 + b"<row>" + TEXT + b"</row>"))
    steps = open_table(path)
    next(steps)
    begun = time.monotonic()
    steps.close()
    rows = read_table(files.write_xlsx(tmp_path / "b.xlsx")).steps()
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("table-cell-long", 'text,n\n"' + "word " * 5_000_000),
        ("table-cell-long", "text,n\n" + "word " * 7_000_000),
        ("document-too-many-columns", "text" + "," * 900_000 + "\n"),
        ("document-too-many-columns", 'text,n\n"a\n"' + ',"a\n"' * 900_000),
        ("document-too-many-columns", "text,n\n" + "a,b\n" * 300 + "a," * 20_000),
    ],
)
def test_csv_that_would_fill_the_memory(tmp_path: Path, key: str, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(KnownError, match=key):
        list(read_table(path).rows())


def test_zeros_in_a_table_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text\n1,good\0 room\n" + b"2,bad room\n" * 50)
    assert next(read_table(path).rows()) == ("1", "good room")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.xls", "a.ods", "a.fods", "a.xlsb", "a.xlsx", "a.csv"])
def test_other_spreadsheets_are_told_from_damaged_ones(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    data = b"\xd0\xcf\x11\xe0" + bytes(600)
    if name in ("a.ods", "a.xlsx"):
        with zipfile.ZipFile(path, "w") as target:
            target.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
            target.writestr("content.xml", "<a/>")
    elif name == "a.xlsb":
        with zipfile.ZipFile(path, "w") as target:
            target.writestr("xl/workbook.bin", b"\x83\x01\0")
    else:
        path.write_bytes(b"<?xml version='1.0'?><office/>" if name == "a.fods" else data)
    key = "document-empty" if name in ("a.ods", "a.xlsx") else "table-other-program"  # ODS is read
    with pytest.raises(KnownError, match=key):
        read_table(path)
