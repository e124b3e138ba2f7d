"""A title is one, or the file's name is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.read.formats.titles import telling_title
from autogpt_desktop.documents.read.reader import Reader
from tests.documents import files


@pytest.mark.parametrize(
    "title",
    [
        "", "  ", "(anonymous)", "untitled", "Untitled-1", "Untitled document", "Microsoft Word - report.doc",
        "Microsoft Word - Document1", "microsoft powerpoint - ", "PowerPoint Presentation", "Document2",
        "report_final.docx",
        "thesis.dvi", "C:\\Users\\ann\\x.indd", "/home/ann/x", "about:blank",
        "https://example.org/a", "无标题",
        "文档1", "Sans titre", "12345", "---", "Title", "Scan0001", "null", "Print", "Slide 1",
    ],
)  # fmt: skip
def test_titles_that_say_nothing(title):
    assert telling_title(title) == ""


@pytest.mark.parametrize(
    "title",
    ["The old mill", "Untitled: a life in pictures", "茶经", "Document management in offices", "A.I.",
     "Report 2023",
     "Node.js in depth", "Print and power", "Über Titel"],
)  # fmt: skip
def test_titles_that_say_something_stay(title):
    assert telling_title(title) == title


def test_the_name_of_a_program_is_no_title():
    assert telling_title("Adobe InDesign", ["Adobe InDesign CS6 (Windows)"]) == ""
    assert telling_title("LaTeX with hyperref", ["pdfTeX", "LaTeX with hyperref"]) == ""
    assert telling_title("Microsoft Word - The old mill") == "The old mill"


@pytest.mark.slow
def test_the_name_of_the_file_stands_in(tmp_path: Path):
    reader = Reader()
    try:
        path = files.write_pdf(tmp_path / "Annual report.pdf", ["Text"], title="(anonymous)")
        assert reader.read(path).title == "Annual report"
        path = files.write_pdf(tmp_path / "b.pdf", ["Text"], title="Microsoft Word - x.doc")
        assert reader.read(path).title == "b"
    finally:
        reader.close()
