"""PPTX that is translated: python-pptx opens it and finds the same shapes, formats, links, notes."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path
from typing import Any

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from autogpt_desktop.documents.types import TranslatedText
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError
from tests.documents.write.packages import changed, members, translated, with_member

pytestmark = pytest.mark.slow  # a process reads each file first


def show(path: Path) -> Path:
    deck = pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "The old bridge"
    body = slide.placeholders[1].text_frame
    first = body.paragraphs[0]
    first.add_run().text = "It is "
    bold = first.add_run()
    bold.text, bold.font.bold = "very old", True
    first.add_run().text = "; see "
    link = first.add_run()
    link.text, link.hyperlink.address = "our page", "https://a.org/?a=1&b=2"
    first.add_run().text = " & more."
    body.add_paragraph().text = "中文的一行。"
    body.add_paragraph().text = "One\vTwo"
    body.add_paragraph().text = "42"
    grid = slide.shapes.add_table(1, 2, 0, 0, Inches(4), Inches(1)).table
    grid.cell(0, 0).text, grid.cell(0, 1).text = "Price", "3.50"
    group = slide.shapes.add_group_shape()
    group.shapes.add_textbox(0, 0, 10, 10).text_frame.text = "In a group"
    data = CategoryChartData()
    data.categories = ["North"]
    data.add_series("Sales", (1,))
    chart: Any = slide.shapes.add_chart(XL_CHART_TYPE.PIE, 0, 0, 100, 100, data)
    chart.chart.has_title = True
    chart.chart.chart_title.text_frame.text = "Sales of the year"
    slide.notes_slide.notes_text_frame.text = "Say hello first."
    second = deck.slides.add_slide(deck.slide_layouts[5])
    second.shapes.title.text = "The end"
    deck.save(str(path))
    return path


TEXTS = [
    "The old bridge", "It is very old; see our page & more.", "中文的一行。", "One", "Two", "Price",
    "In a group", "The end", "Sales of the year",
]  # fmt: skip


def test_texts_and_notes_that_are_asked_for(tmp_path: Path) -> None:
    path = show(tmp_path / "a.pptx")
    blocks = open_blocks(path)
    assert sorted(blocks.texts) == sorted(TEXTS)
    assert blocks.phrases == ["very old", "our page"]
    assert "Say hello first." in open_blocks(path, comments=True).texts


def test_the_same_texts_give_the_same_parts(tmp_path: Path) -> None:
    path = show(tmp_path / "a.pptx")
    blocks = open_blocks(path)
    blocks.write([TranslatedText(text) for text in blocks.texts], tmp_path / "b.pptx")
    assert not changed(path, tmp_path / "b.pptx")


def test_structure_stays(tmp_path: Path) -> None:
    path = show(tmp_path / "a.pptx")
    out = translated(path, "fr")
    assert all(re.match(r"ppt/(slides/slide|charts/chart)\d+\.xml", name) for name in changed(path, out))
    slide = pptx.Presentation(str(out)).slides[0]
    assert slide.shapes.title.text == "THE OLD BRIDGE"
    body = slide.placeholders[1].text_frame
    runs = body.paragraphs[0].runs
    assert [(run.text, run.font.bold, run.hyperlink.address) for run in runs] == [
        ("IT IS ", None, None),
        ("VERY OLD", True, None),
        ("; SEE ", None, None),
        ("OUR PAGE", None, "https://a.org/?a=1&b=2"),
        (" & MORE.", None, None),
    ]
    assert 'lang="fr-FR"' in body._txBody.xml
    assert [one.text for one in body.paragraphs[1:]] == ["中文的一行。", "ONE\vTWO", "42"]
    shapes = [*slide.shapes]
    assert [cell.text for cell in shapes[2].table.rows[0].cells] == ["PRICE", "3.50"]
    assert shapes[3].shapes[0].text_frame.text == "IN A GROUP"
    assert shapes[4].chart.chart_title.text_frame.text == "SALES OF THE YEAR"
    assert [*shapes[4].chart.plots[0].categories] == ["North"]
    assert slide.notes_slide.notes_text_frame.text == "Say hello first."
    out = translated(path, "fr", comments=True)
    assert pptx.Presentation(str(out)).slides[0].notes_slide.notes_text_frame.text == "SAY HELLO FIRST."


def test_from_right_to_left(tmp_path: Path) -> None:
    out = translated(show(tmp_path / "a.pptx"), "ar", lambda text: "نص" if text != "42" else text)
    body = pptx.Presentation(str(out)).slides[0].placeholders[1].text_frame
    assert [one._p.pPr.get("rtl") for one in body.paragraphs] == ["1"] * 4
    assert [*pptx.Presentation(str(out)).slides[0].shapes][2].table._tbl.tblPr.get("rtl") == "1"
    again = translated(out, "en", lambda _: "Text")
    body = pptx.Presentation(str(again)).slides[0].placeholders[1].text_frame
    assert [one._p.pPr.get("rtl") for one in body.paragraphs] == ["0"] * 4
    assert [*pptx.Presentation(str(again)).slides[0].shapes][2].table._tbl.tblPr.get("rtl") == "0"


def test_every_byte_beside_a_changed_paragraph_stays(tmp_path: Path) -> None:
    path = show(tmp_path / "a.pptx")
    blocks = open_blocks(path)
    made = [TranslatedText(text.replace("The end", "Fin")) for text in blocks.texts]
    blocks.write(made, tmp_path / "b.pptx")
    assert changed(path, tmp_path / "b.pptx") == {"ppt/slides/slide2.xml"}
    before = members(path)["ppt/slides/slide2.xml"].decode()
    after = members(tmp_path / "b.pptx")["ppt/slides/slide2.xml"].decode()
    assert after == before.replace("<a:t>The end</a:t>", "<a:t>Fin</a:t>")


@pytest.mark.parametrize(
    ("edit", "error"),
    [
        (lambda data: data.replace(b"<p:sld ", b"<!DOCTYPE a [<!ENTITY b 'c'>]><p:sld ", 1), "unsafe"),
        (lambda data: data[:-200], "damaged"),
        (lambda data: data.replace(b"The old bridge", b"<a:b>" * 5000 + b"</a:b>" * 5000), "nested"),
        (lambda data: data.replace(b"<a:t>", b"<a:t>\0", 1), "damaged"),
    ],
)
def test_hostile_parts(tmp_path: Path, edit: Any, error: str) -> None:
    path = with_member(show(tmp_path / "a.pptx"), "ppt/slides/slide1.xml", edit)
    with pytest.raises(KnownError, match=f"document-{error}"):
        open_blocks(path)


def test_many_attributes_and_runs(tmp_path: Path) -> None:
    names = " ".join(f'a{number}="1"' for number in range(300_000)).encode()
    path = with_member(
        show(tmp_path / "a.pptx"),
        "ppt/slides/slide2.xml",
        lambda data: data.replace(b"<a:t>The end", b"<a:t " + names + b">The end"),
    )
    try:
        blocks = open_blocks(path)
    except KnownError as error:
        assert error.key in ("document-damaged", "document-memory")
    else:
        assert "The end" in blocks.texts
    many = b"".join(b'<a:r><a:rPr b="%d"/><a:t>word </a:t></a:r>' % (number % 2) for number in range(30_000))
    path = with_member(
        show(tmp_path / "b.pptx"),
        "ppt/slides/slide2.xml",
        lambda data: re.sub(rb"<a:r>.*?</a:r>", many, data, count=1),
    )
    out = translated(path)
    said = pptx.Presentation(str(out)).slides[1].shapes.title.text
    assert said.count("WORD") == 30_000


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    path = show(tmp_path / "a.pptx")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ppt/media/image9.png", bytes(500 << 20))
    with pytest.raises(KnownError, match="document-bomb"):
        open_blocks(path)
