"""DOCX and PPTX: every part with words is read, each word once."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx
import pptx
import pytest
from pptx.chart.data import CategoryChartData, XyChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from autogpt_desktop.documents.read.formats.parse import parse
from autogpt_desktop.documents.types import Limits
from tests.documents import files

DATA = Path(__file__).parents[2] / "data" / "documents"
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
MC = "http://schemas.openxmlformats.org/markup-compatibility/2006"


def read(data: bytes, name: str = "a.docx") -> str:
    return parse(data, name, Limits()).text()


def word(body: str, **more: tuple[str, str]) -> bytes:
    """A DOCX with this body; ``more``: kind="name", its XML without the root's namespaces."""
    out = io.BytesIO()
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    relations = "".join(
        f'<Relationship Id="{kind}{at}" Type="{office}/{kind}" Target="{name}"/>'
        for at, (kind, (name, _)) in enumerate(more.items())
    )
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{package}"><Relationship Id="a" Type="{office}/officeDocument"'
            ' Target="word/document.xml"/></Relationships>',
        )
        root = f'xmlns:w="{W}" xmlns:mc="{MC}"'
        archive.writestr("word/document.xml", f"<w:document {root}><w:body>{body}</w:body></w:document>")
        archive.writestr(
            "word/_rels/document.xml.rels", f'<Relationships xmlns="{package}">{relations}</Relationships>'
        )
        for name, xml in more.values():
            archive.writestr(f"word/{name}", xml.replace(" X", f" {root}", 1))
    return out.getvalue()


def p(*texts: str) -> str:
    return "<w:p>" + "".join(f"<w:r><w:t>{text}</w:t></w:r>" for text in texts) + "</w:p>"


def table(*rows: str, head: bool = False) -> str:
    marked = "<w:trPr><w:tblHeader/></w:trPr>" if head else ""
    cells = ["".join(f"<w:tc>{p(cell)}</w:tc>" for cell in row.split("|")) for row in rows]
    return f"<w:tbl><w:tr>{marked}{'</w:tr><w:tr>'.join(cells)}</w:tr></w:tbl>"


def test_every_part_is_read_once():
    text = read((DATA / "docx-parts.docx").read_bytes())
    for sentence in (
        "Draft number seventeen, confidential", "Page 1 of the report", "It was a rainy day in spring.",
        "The mayor closed it on the ninth of June.", "The box holds a warning.", "This sentence was moved.",
        "The price is twenty coins.", "May inner cell text | 30 mm", "East is a direction.",
    ):  # fmt: skip
        assert text.count(sentence) == 1, sentence
    assert text.index("Everyone came.") < text.index("rainy day") < text.index("Please open")
    assert text.index("bridge is closed") < text.index("The mayor") < text.index("The name of the owner")
    assert "thirty" not in text


def test_headers_that_are_alike_are_read_once_and_notes_that_nothing_refers_to_too():
    header = f"<w:hdr X>{p('Secret plan')}</w:hdr>"
    text = read(
        word(
            p("Body."),
            header=("h1.xml", header), footer=("f1.xml", f"<w:ftr X>{p('Foot')}</w:ftr>"),
            endnotes=("e.xml", f'<w:endnotes X><w:endnote w:id="7">{p("Lost")}</w:endnote></w:endnotes>'),
        )
    )  # fmt: skip
    assert text == "Secret plan\n\nBody.\n\nLost\n\nFoot\n\n"


@pytest.mark.parametrize(
    ("choices", "expected"),
    [
        ("<mc:Choice>{a}</mc:Choice><mc:Choice>{b}</mc:Choice><mc:Fallback>{c}</mc:Fallback>", "A"),
        ("<mc:Choice><w:x/></mc:Choice><mc:Fallback>{c}</mc:Fallback>", "C"),
        ("<mc:Fallback>{c}</mc:Fallback>", "C"),
    ],
)
def test_of_several_forms_of_the_same_one_is_read(choices, expected):
    forms = choices.format(a=p("A"), b=p("B"), c=p("C"))
    body = f"<w:p><w:r><w:t>Text</w:t><mc:AlternateContent>{forms}</mc:AlternateContent></w:r></w:p>"
    assert read(word(body)) == f"{expected}\n\nText\n\n"


def test_headings_stand_beside_the_cells():
    text = read(word(table("City|Rain|Days", "Rome|80 mm|9", "Oslo|76 mm|12")))
    assert text == "City: Rome; Rain: 80 mm; Days: 9\n\nCity: Oslo; Rain: 76 mm; Days: 12\n\n"
    assert read(word(table("Land|Capital", "France|Paris", head=True))) == "Land: France; Capital: Paris\n\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["Name|Rosa Klein", "Street|Elm Road 4", "Trade|smith"], "Name | Rosa Klein\nStreet | Elm Road 4"),
        (["Name:|Rosa", "Plot:|47", "Fee:|85"], "Name: | Rosa\nPlot: | 47"),
        (["3 May|rain|4", "7 June|sun|5"], "3 May | rain | 4\n7 June"),
        (["one|two"], "one | two"),
    ],
)
def test_what_is_no_heading_stands_beside_nothing(rows, expected):
    assert read(word(table(*rows))).startswith(expected)


def test_cells_that_cover_others():
    def cell(text: str, properties: str = "") -> str:
        return f"<w:tc><w:tcPr>{properties}</w:tcPr>{p(text) if text else '<w:p/>'}</w:tc>"

    rows = (
        cell("Month", '<w:vMerge w:val="restart"/>') + cell("Rain", '<w:gridSpan w:val="2"/>'),
        cell("", "<w:vMerge/>") + cell("min") + cell("max"),
        cell("May", '<w:vMerge w:val="restart"/>') + cell("3") + cell("4"),
        cell("", "<w:vMerge/>") + cell("5") + cell("6"),
    )
    marked = "<w:trPr><w:tblHeader/></w:trPr>"
    body = "".join(f"<w:tr>{marked if at < 2 else ''}{row}</w:tr>" for at, row in enumerate(rows))
    assert read(word(f"<w:tbl>{body}</w:tbl>")).split("\n\n")[:2] == [
        "Month: May; Rain min: 3; Rain max: 4",
        "Month: May; Rain min: 5; Rain max: 6",
    ]


def test_pages_begin_inside_of_tables_too():
    row = f"<w:tr><w:tc><w:p><w:r>{{}}<w:t>{{}}</w:t></w:r></w:p></w:tc><w:tc>{p('x')}</w:tc></w:tr>"
    rows = "".join(row.format("<w:lastRenderedPageBreak/>" if at == 2 else "", at) for at in range(4))
    parts = parse(word(p("Before") + f"<w:tbl>{rows}</w:tbl>"), "a.docx", Limits())
    assert [label for _, label in parts.pages] == ["1", "2"]
    assert parts.text()[parts.pages[1][0] :].startswith(("2 | x", "3 | x"))


def test_slides_with_charts_smartart_notes_and_comments():
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[5])
    slide.shapes.title.text = "Title"
    data = CategoryChartData()
    data.categories = ["East", "West"]
    data.add_series("2023", (19.2, 21.4))
    data.add_series("2024", (1, 2))
    place = [Inches(1)] * 4
    chart = slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, *place, data).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Sales by region"
    points = XyChartData()
    points.add_series("Run").add_data_point(1.5, 7)
    slide.shapes.add_chart(XL_CHART_TYPE.XY_SCATTER, *place, points)
    cells = slide.shapes.add_table(2, 2, *place).table
    for at, text in enumerate(("Name", "Age", "Ann", "3")):
        cells.cell(at // 2, at % 2).text = text
    slide.notes_slide.notes_text_frame.text = "Say hello"
    out = io.BytesIO()
    show.save(out)
    text = read(with_smartart(out.getvalue()), "a.pptx")
    for line in ("Sales by region", "East; 2023: 19.2; 2024: 1", "West; 2023: 21.4; 2024: 2", "1.5; Run: 7",
                 "Name: Ann; Age: 3", "Say hello", "Plan\n\nBuild", "Is this right?"):  # fmt: skip
        assert text.count(line) == 1, line


def with_smartart(data: bytes) -> bytes:
    """The show with SmartArt and a comment on its first slide."""
    a = "http://schemas.openxmlformats.org/drawingml/2006/main"
    points = "".join(
        f'<d:pt modelId="{word}"><d:t><a:bodyPr/><a:p><a:r><a:t>{word}</a:t></a:r></a:p></d:t></d:pt>'
        for word in ("Plan", "Build")
    )
    diagram = f'<d:dataModel xmlns:d="d" xmlns:a="{a}"><d:ptLst>{points}</d:ptLst></d:dataModel>'
    comment = '<p:cmLst xmlns:p="p"><p:cm><p:text>Is this right?</p:text></p:cm></p:cmLst>'
    out, name = io.BytesIO(), "ppt/slides/_rels/slide1.xml.rels"
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.namelist():
            content = old.read(member)
            if member == name:
                more = "".join(
                    f'<Relationship Id="{kind}" Type="http://x/{kind}" Target="{target}"/>'
                    for kind, target in (("diagramData", "../diagrams/data1.xml"), ("comments", "../c.xml"))
                )
                content = content.replace(b"</Relationships>", more.encode() + b"</Relationships>")
            new.writestr(member, content)
        new.writestr("ppt/diagrams/data1.xml", diagram)
        new.writestr("ppt/c.xml", comment)
    return out.getvalue()


def test_a_table_of_python_docx():
    document = docx.Document()
    rows = (DATA / "qa-plants.csv").read_text().splitlines()
    cells = document.add_table(len(rows), 5)
    for at, row in enumerate(rows):
        for column, text in enumerate(row.split(",")):
            cells.cell(at, column).text = text
    out = io.BytesIO()
    document.save(out)
    assert "Plant: Iris; Height: 70 cm; Colour: violet; Flowers in: April; Price: 7 euros" in read(
        out.getvalue()
    )


@pytest.mark.parametrize("ending", [".docx", ".pptx", ".xlsx"])
def test_strict_files_say_the_same(tmp_path: Path, ending: str) -> None:
    write = {".docx": files.write_docx, ".pptx": files.write_pptx, ".xlsx": files.write_xlsx}[ending]
    path = write(tmp_path / f"a{ending}")
    usual = read(path.read_bytes(), path.name)
    strict = files.as_strict(path).read_bytes()
    assert b"schemas.openxmlformats.org/presentationml" not in strict
    assert read(strict, path.name) == usual
