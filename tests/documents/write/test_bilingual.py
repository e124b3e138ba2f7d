"""Files that hold both languages: the original with its translation under or beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import docx
import pytest
from docx.enum.text import WD_BREAK
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn
from docx.shared import Twips
from lxml import etree

from autogpt_desktop.documents.write.markdown.parser import outline
from autogpt_desktop.documents.write.open import bilingual_way, open_blocks
from autogpt_desktop.errors import KnownError
from tests.documents.write.packages import members, scripted
from tests.documents.write.test_epub import book


def both(path: Path, way: str, language: str = "fr") -> Path:
    blocks = open_blocks(path, bilingual=way)
    out = path.with_name(f"both{path.suffix}")
    blocks.write(scripted(blocks), out, language, {text: text.upper() for text in blocks.phrases})
    return out


@pytest.mark.parametrize(("way", "between"), [("under", "\r\n"), ("beside", " / ")])
def test_subtitles(tmp_path: Path, way: str, between: str) -> None:
    head = "1\r\n00:00:01,000 --> 00:00:02,000\r\n"
    path = tmp_path / "a.srt"
    path.write_bytes(f"{head}It is <i>old</i>.\r\n\r\n".encode())
    assert both(path, way).read_bytes().decode() == (
        f"{head}It is <i>old</i>.{between}IT IS <i>OLD</i>.\r\n\r\n"
    )


def test_a_page(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text('<html lang=en><title>One</title><p>It is <b id="x">old</b>.<p>旧桥<p>42</html>', "utf-8")
    assert both(path, "under").read_text("utf-8") == (
        '<html lang=en><title>One / ONE</title><p>It is <b >old</b>.<br/><span lang="fr">IT IS'
        ' <b id="x">OLD</b>.</span><p>旧桥<p>42</html>'
    )
    made = both(path, "beside", "ar").read_text("utf-8")
    assert '<span>It is <b >old</b>.</span><span lang="ar" dir="rtl">IT IS <b id="x">OLD</b>.</span>' in made


@pytest.mark.parametrize("way", ["under", "beside"])
def test_what_is_shown_once_stays_with_the_original(tmp_path: Path, way: str) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        '<p>A <img src="a.png" alt="dog"> and <a href="b"><img src="b.png"></a> or <svg><path/></svg>'
        ' here<!--c--> <code>x</code><sup><a href="#n">1</a></sup>.<p><img src="c.png" alt="cat"></p>',
        "utf-8",
    )
    made = both(path, way).read_text("utf-8")
    for piece in ('src="a.png"', 'src="b.png"', 'href="b"', "<svg>", "<!--c-->", "<sup>", 'src="c.png"'):
        assert made.count(piece) == 1, piece
    assert made.count("<code>x</code>") == 2
    assert 'alt="dog / DOG"' in made
    assert 'alt="CAT"' in made
    assert "HERE" in made


@pytest.mark.slow  # a process reads the book first
@pytest.mark.parametrize("way", ["under", "beside"])
def test_a_book_stays_well_formed(tmp_path: Path, way: str) -> None:
    page = members(both(book(tmp_path / "a.epub"), way))["OPS/text/one.xhtml"]
    text = "".join(etree.fromstring(page).itertext())
    assert "It is very old; see here." in text
    assert "IT IS VERY OLD; SEE HERE." in text


def test_other_kinds_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"a": "Words"}')
    with pytest.raises(KnownError, match="translate-bilingual-kind"):
        open_blocks(tmp_path / "a.json", bilingual="under")


def test_plain_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"One line.\r\n\r\nTwo\r\nlines.\r\n\x0c42\r\n\r\nThe end.\r\n")
    assert both(path, "under").read_bytes() == (
        b"One line.\r\nONE LINE.\r\n\r\nTwo\r\nlines.\r\n\r\nTWO\r\nLINES.\r\n\x0c42\r\n\r\n"
        b"The end.\r\nTHE END.\r\n"
    )
    with pytest.raises(KnownError, match="translate-beside-kind"):
        open_blocks(path, bilingual="beside")
    assert bilingual_way(path, "beside") == "under"


MARKDOWN = """\
---
title: A title
---

# A head

A **bold** claim
in lines.[^1]

> - quoted
>   > deep

1. [ ] task

Set head
---

Term
: meant

| a b | 42 |
|-----|----|
| c d | e  |

![alone](a.png)

    code

[^1]: Noted.
"""


def test_markdown(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(MARKDOWN, encoding="utf-8")
    made = both(path, "under").read_text(encoding="utf-8")
    assert made.startswith("---\ntitle: A title / A TITLE\n---\n\n# A head / A HEAD\n\n")
    assert "A **bold** claim\nin lines.[^1]  \nA **BOLD** CLAIM\nIN LINES.[^1]\n\n" in made
    assert "> - quoted  \n>   QUOTED\n>   > deep  \n>   > DEEP\n\n" in made
    assert "1. [ ] task  \n       TASK\n\nSet head  \nSET HEAD\n---\n\n" in made
    assert "Term / TERM\n: meant  \n  MEANT\n\n" in made
    assert "| a b / A B | 42 |\n|-----|----|\n| c d / C D | e / E  |\n\n" in made
    assert "![ALONE](a.png)\n\n    code\n\n[^1]: Noted.  \n      NOTED.\n" in made
    assert [block[0] for block in outline(made).blocks] == [block[0] for block in outline(MARKDOWN).blocks]


def letter(path: Path) -> Path:
    """Headings, a list, a link, a picture, a note's mark, a table, a page break, two sections."""
    document = docx.Document()
    document.add_heading("The head", 1)
    first = document.add_paragraph("It is ")
    first.add_run("bold").bold = True
    first.add_run(" here.").add_break(WD_BREAK.PAGE)
    second = document.add_paragraph("Item", style="List Number")
    second._p.insert(1, parse_xml(f'<w:bookmarkStart {nsdecls("w")} w:id="7" w:name="place"/>'))
    second._p.append(parse_xml(f'<w:bookmarkEnd {nsdecls("w")} w:id="7"/>'))
    document.add_paragraph("")
    last = document.add_paragraph("Last of one.")
    document.add_section()
    mark = last._p.getnext()  # what ends a section may stand in a paragraph with words
    last._p.get_or_add_pPr().append(mark.pPr.sectPr)
    mark.getparent().remove(mark)
    document.add_paragraph("Of two.")
    document.add_table(1, 1).cell(0, 0).text = "In a cell"
    document.save(str(path))
    return path


def said(parent: Any) -> list[str]:
    return [paragraph.text for paragraph in parent.paragraphs]


@pytest.mark.slow  # a process reads the file first
def test_a_letter_under(tmp_path: Path) -> None:
    made = docx.Document(str(both(letter(tmp_path / "a.docx"), "under")))
    assert said(made) == [
        *("The head", "THE HEAD", "It is bold here.", "IT IS BOLD HERE.", "Item", "ITEM", ""),
        *("Last of one.", "LAST OF ONE.", "Of two.", "OF TWO."),
    ]
    head, shown, bold, bold_too, item, numberless = made.paragraphs[:6]
    assert head.style.name == shown.style.name == "Heading 1"
    assert [run.bold for run in bold.runs if run.text] == [None, True, None]
    assert [run.text for run in bold_too.runs if run.bold] == ["BOLD"]
    assert item.paragraph_format.left_indent is None
    assert numberless._p.pPr.numPr.numId.val == 0
    assert numberless.paragraph_format.left_indent == Twips(360)
    assert numberless.paragraph_format.first_line_indent == 0
    body = made.element.body
    assert not bold._p.findall(f".//{qn('w:br')}")
    assert bold_too._p.findall(f".//{qn('w:br')}")
    assert [
        section.getparent().getparent() for section in body.findall(f".//{qn('w:pPr')}/{qn('w:sectPr')}")
    ] == [made.paragraphs[8]._p]
    assert len(body.findall(f".//{qn('w:bookmarkStart')}")) == 1
    assert [each.text for each in made.tables[0].cell(0, 0).paragraphs] == ["In a cell", "IN A CELL"]
    languages = {each.get(qn("w:val")) for each in bold_too._p.iter(qn("w:lang"))}
    assert languages == {"fr-FR"}
    assert not [*bold._p.iter(qn("w:lang"))]


@pytest.mark.slow
def test_a_letter_beside(tmp_path: Path) -> None:
    made = docx.Document(str(both(letter(tmp_path / "a.docx"), "beside", "ar")))
    rows = [[cell.text for cell in row.cells] for table in made.tables for row in table.rows]
    assert rows == [
        *(["The head", "THE HEAD"], ["Item", "ITEM"]),
        *(["Of two.", "OF TWO."], ["In a cell\nIN A CELL"]),
    ]
    assert said(made)[:3] == ["It is bold here.", "IT IS BOLD HERE.", ""]  # a page ends behind it
    left, right = made.tables[0].rows[0].cells
    assert left.paragraphs[0]._p.pPr.find(qn("w:bidi")) is None
    assert right.paragraphs[0]._p.pPr.find(qn("w:bidi")) is not None
    width = made.sections[0].page_width - made.sections[0].left_margin - made.sections[0].right_margin
    assert abs(2 * left.width - width) <= Twips(2)
    assert made.element.body[-1].tag == qn("w:sectPr")
