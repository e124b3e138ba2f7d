"""DOCX that is translated: python-docx opens it and finds the same structure, formats, links, pictures."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import docx
import pytest
from docx.oxml import parse_xml
from lxml import etree

from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError

pytestmark = pytest.mark.slow  # together they take seconds

NAMES = (
    'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:v="urn:schemas-microsoft-com:vml"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
)
LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink"
FIELD = (
    '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>{}</w:instrText></w:r>'
    '<w:r><w:fldChar w:fldCharType="separate"/></w:r><w:r><w:t>{}</w:t></w:r>'
    '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
)
BOX = (
    "<w:r><w:pict><v:shape><v:textbox><w:txbxContent><w:p><w:r><w:t>Words in a box.</w:t></w:r></w:p>"
    "</w:txbxContent></v:textbox></v:shape></w:pict></w:r>"
)


def picture() -> io.BytesIO:
    """A grey PNG of one pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0\x80")) + chunk(b"IEND", b"")
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + body)


def add(paragraph: Any, xml: str) -> None:
    for child in parse_xml(f"<w:p {NAMES}>{xml}</w:p>"):
        paragraph._p.append(child)


def letter(path: Path) -> Path:
    document = docx.Document()
    document.add_heading("The old bridge", 1)
    one = document.add_paragraph("It is ")
    one.add_run("very").bold = True
    one.add_run(" old").bold = True  # Word cuts runs anywhere
    rid = document.part.relate_to("https://a.org/", LINK, is_external=True)
    add(
        one,
        '<w:r><w:t xml:space="preserve">; see </w:t></w:r>'
        f'<w:hyperlink r:id="{rid}"><w:r><w:t>here</w:t></w:r></w:hyperlink>',
    )
    one.add_run(". It is closed.")
    one.add_run().add_picture(picture())
    document.add_paragraph("All of this is slanted.").runs[0].italic = True
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Price", "3.50"
    two = document.add_paragraph("See page ")
    add(two, FIELD.format(" PAGEREF x ", "7") + FIELD.format(' HYPERLINK "https://b.org" ', "Their page"))
    add(
        two,
        '<w:r><w:tab/></w:r><w:bookmarkStart w:id="3" w:name="q"/>'
        '<w:r><w:t>The end</w:t></w:r><w:bookmarkEnd w:id="3"/>',
    )
    add(document.add_paragraph("Before it."), BOX)
    add(
        document.add_paragraph(),
        "<w:r><w:t>Kept</w:t></w:r>"
        '<w:del w:id="9" w:author="a"><w:r><w:delText> gone</w:delText></w:r></w:del>',
    )
    document.add_paragraph("42")
    document.sections[0].header.paragraphs[0].text = "A letter"
    document.sections[0].footer.paragraphs[0].text = "The foot"
    document.save(str(path))
    return path


TEXTS = [
    "The old bridge", "It is very old; see here. It is closed.", "All of this is slanted.", "Price",
    "See page 7Their page", "The end", "Before it.", "Words in a box.", "Kept", "A letter", "The foot",
]  # fmt: skip


def test_texts_and_their_marked_words(tmp_path: Path) -> None:
    blocks = open_blocks(letter(tmp_path / "a.docx"))
    assert sorted(blocks.texts) == sorted(TEXTS)
    assert blocks.phrases == ["very old", "here", "Their page"]


def test_nothing_else_changes(tmp_path: Path) -> None:
    path, out = letter(tmp_path / "a.docx"), tmp_path / "b.docx"
    before = path.read_bytes()
    blocks = open_blocks(path)
    blocks.write([TranslatedText(text) for text in blocks.texts], out)
    with zipfile.ZipFile(path) as one, zipfile.ZipFile(out) as two:
        assert one.namelist() == two.namelist()
        for name in one.namelist():
            assert (
                etree.tostring(etree.fromstring(one.read(name)), method="c14n")
                == etree.tostring(etree.fromstring(two.read(name)), method="c14n")
                if name.endswith((".xml", ".rels"))
                else one.read(name) == two.read(name)
            )
    assert path.read_bytes() == before


def test_formats_links_fields_and_pictures_are_carried(tmp_path: Path) -> None:
    path, out = letter(tmp_path / "a.docx"), tmp_path / "b.docx"
    blocks = open_blocks(path)
    french = {
        "It is very old; see here. It is closed.": TranslatedText(
            "Voyez ici : très vieux. C'est fermé.", ((0, 25, 0, 23), (26, 39, 24, 36))
        ),
        "See page 7Their page": TranslatedText("Leur page et page 7", ((0, 20, 0, 19),)),
    }
    translated = [
        french.get(text, TranslatedText(text.upper(), ((0, len(text), 0, len(text)),)))
        for text in blocks.texts
    ]
    blocks.write(translated, out, "fr", {"very old": "Très vieux", "here": "Ici", "Their page": "Leur page"})
    with zipfile.ZipFile(path) as one, zipfile.ZipFile(out) as two:
        changed = {name for name in one.namelist() if one.read(name) != two.read(name)}
    assert changed == {"word/document.xml", "word/header1.xml", "word/footer1.xml"}
    made = docx.Document(str(out))
    heading, first, slanted, second, box, kept, number = made.paragraphs
    assert heading.text == "THE OLD BRIDGE"
    assert heading.style.name == "Heading 1"
    assert first.text == "Voyez ici : très vieux. C'est fermé."
    assert [run.text for run in first.runs if run.bold] == ["très vieux"]
    assert [(link.text, link.address) for link in first.hyperlinks] == [("ici", "https://a.org/")]
    assert len(made.inline_shapes) == 1
    assert first.runs[-1]._r.find(".//{*}blip") is not None
    assert [run.text for run in slanted.runs] == ["ALL OF THIS IS SLANTED."]
    assert slanted.runs[0].italic
    assert [cell.text for cell in made.tables[0].rows[0].cells] == ["PRICE", "3.50"]
    assert second.text == "Leur page et page 7\tTHE END"
    parts = [child.get(child.tag.replace("fldChar", "fldCharType")) for child in second._p.iter("{*}fldChar")]
    assert parts == ["begin", "separate", "end"] * 2
    codes = [(child.tag.rpartition("}")[2], child.text) for child in second._p.iter("{*}instrText", "{*}t")]
    assert codes[:2] == [("instrText", ' HYPERLINK "https://b.org" '), ("t", "Leur page")]
    assert codes[-3:] == [("instrText", " PAGEREF x "), ("t", "7"), ("t", "THE END")]
    assert [child.tag.rpartition("}")[2] for child in second._p][-3:] == ["bookmarkStart", "r", "bookmarkEnd"]
    assert [piece.text for piece in box._p.iter("{*}t")] == ["BEFORE IT.", "WORDS IN A BOX."]
    assert kept.text == "KEPT"
    assert kept._p.find(".//{*}delText").text == " gone"
    assert number.text == "42"
    assert made.sections[0].header.paragraphs[0].text == "A LETTER"
    assert made.sections[0].footer.paragraphs[0].text == "THE FOOT"
    assert {item.get(item.tag.replace("lang", "val")) for item in first._p.iter("{*}lang")} == {"fr-FR"}


def test_arabic_runs_from_right_to_left_and_back(tmp_path: Path) -> None:
    blocks = open_blocks(letter(tmp_path / "a.docx"))
    blocks.write([TranslatedText("مرحبا") for _ in blocks.texts], tmp_path / "b.docx", "ar")
    made = docx.Document(str(tmp_path / "b.docx"))
    assert all(p._p.find("{*}pPr/{*}bidi") is not None for p in made.paragraphs)
    runs = [run for run in made.paragraphs[2].runs if run.text]
    assert [child.tag.rpartition("}")[2] for child in runs[0]._r.rPr] == ["i", "iCs", "rtl", "lang"]
    back = open_blocks(tmp_path / "b.docx")
    assert len(back.texts) == len(TEXTS)
    back.write([TranslatedText("Hello") for _ in back.texts], tmp_path / "c.docx", "en")
    made = docx.Document(str(tmp_path / "c.docx"))
    assert not [
        item for item in made.element.iter("{*}bidi", "{*}rtl") if item.getparent().tag.endswith("Pr")
    ]


@pytest.mark.parametrize("language", ["ar", "he", "fa", "ur"])
def test_tables_and_sections_are_mirrored_and_back(tmp_path: Path, language: str) -> None:
    blocks = open_blocks(letter(tmp_path / "a.docx"))
    blocks.write([TranslatedText("שלום") for _ in blocks.texts], tmp_path / "b.docx", language)
    made = docx.Document(str(tmp_path / "b.docx"))
    properties = [made.tables[0]._tbl.tblPr, made.sections[0]._sectPr]
    names = [[child.tag.rpartition("}")[2] for child in one] for one in properties]
    assert names[0].index("bidiVisual") < names[0].index("tblW")
    assert "bidi" in names[1]
    assert names[1].index("bidi") < names[1].index("docGrid")
    run = next(run for run in made.paragraphs[2].runs if run.text)
    (spoken,) = run._r.rPr.iter("{*}lang")
    assert {name.rpartition("}")[2]: value[:2] for name, value in spoken.attrib.items()} == {"bidi": language}
    assert run._r.rPr.find("{*}rtl") is not None
    back = open_blocks(tmp_path / "b.docx")
    back.write([TranslatedText("Hello") for _ in back.texts], tmp_path / "c.docx", "en")
    assert not [*docx.Document(str(tmp_path / "c.docx")).element.iter("{*}bidiVisual", "{*}bidi", "{*}rtl")]


def test_what_harms_or_is_broken_is_refused(tmp_path: Path) -> None:
    path = letter(tmp_path / "a.docx")

    def refusal(data: bytes, limits: Limits | None = None) -> str:
        (tmp_path / "x.docx").write_bytes(data)
        with pytest.raises(KnownError) as error:
            open_blocks(tmp_path / "x.docx", limits)
        return error.value.key

    data = path.read_bytes()
    assert refusal(data, Limits(unpacked_bytes=1000)) == "document-bomb"
    assert refusal(data[:3000]) == "document-damaged"
    with zipfile.ZipFile(path) as archive:
        image = next(member for member in archive.infolist() if member.filename.endswith(".png"))
    at = data.index(image.filename.encode()) + len(image.filename) + 20
    assert refusal(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]) == "document-damaged"
    assert refusal(b"\xd0\xcf\x11\xe0" + b"x" * 600) in {"document-old-office", "document-encrypted"}
    for text, key in (
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><w:document {}/>", "document-unsafe"),
        ("<w:document", "document-damaged"),
    ):
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("word/document.xml", text.format(NAMES))
        assert refusal(buffer.getvalue()) == key
    buffer = io.BytesIO()
    docx.Document().save(buffer)
    assert refusal(buffer.getvalue()) == "document-empty"


def strict(path: Path, out: Path) -> Path:
    """The same file as ISO 29500 Strict names its elements and relations."""
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w") as new:
        for member in old.infolist():
            data = old.read(member)
            for usual, name in (
                ("wordprocessingml/2006/main", "wordprocessingml/main"),
                ("officeDocument/2006/relationships", "officeDocument/relationships"),
                ("drawingml/2006/", "drawingml/"),
            ):
                data = data.replace(
                    f"http://schemas.openxmlformats.org/{usual}".encode(),
                    f"http://purl.oclc.org/ooxml/{name}".encode(),
                )
            new.writestr(member, data)
    return out


def test_strict_files_open_and_stay_strict(tmp_path: Path) -> None:
    usual = open_blocks(letter(tmp_path / "a.docx"))
    path = strict(tmp_path / "a.docx", tmp_path / "s.docx")
    blocks = open_blocks(path)
    assert blocks.texts == usual.texts
    made = [TranslatedText(text.upper()) for text in blocks.texts]
    blocks.write(made, tmp_path / "b.docx", "fr")
    usual.write(made, tmp_path / "c.docx", "fr")
    with zipfile.ZipFile(tmp_path / "b.docx") as new, zipfile.ZipFile(path) as old:
        body = new.read("word/document.xml")
        assert b"http://schemas.openxmlformats.org/wordprocessingml" not in body
        assert b'xmlns:w="http://purl.oclc.org/ooxml/wordprocessingml/main"' in body
        for name in ("[Content_Types].xml", "_rels/.rels", "word/styles.xml"):
            assert new.read(name) == old.read(name)
    with zipfile.ZipFile(strict(tmp_path / "c.docx", tmp_path / "d.docx")) as other:
        assert other.read("word/document.xml") == body


def test_comments_are_translated_where_that_is_wanted(tmp_path: Path) -> None:
    document = docx.Document()
    run = document.add_paragraph().add_run("The bridge is closed.")
    document.add_comment(run, text="Who closed it?", author="Rosa")
    document.save(str(tmp_path / "a.docx"))
    assert open_blocks(tmp_path / "a.docx").texts == ["The bridge is closed."]
    blocks = open_blocks(tmp_path / "a.docx", comments=True)
    assert sorted(blocks.texts) == ["The bridge is closed.", "Who closed it?"]
    blocks.write([TranslatedText(text.upper()) for text in blocks.texts], tmp_path / "b.docx")
    (comment,) = docx.Document(str(tmp_path / "b.docx")).comments
    assert comment.text == "WHO CLOSED IT?"
    assert comment.author == "Rosa"


def test_a_text_box_that_stands_twice_is_translated_once(tmp_path: Path) -> None:
    document = docx.Document()
    both = (
        (
            '<w:r><mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006">'
            f'<mc:Choice Requires="wps">{BOX}</mc:Choice><mc:Fallback>{BOX}</mc:Fallback>'
            "</mc:AlternateContent></w:r>"
        )
        .replace("<w:r><w:pict>", "<w:pict>")
        .replace("</w:pict></w:r>", "</w:pict>")
    )
    add(document.add_paragraph("Before it."), both)
    document.save(str(tmp_path / "a.docx"))
    blocks = open_blocks(tmp_path / "a.docx")
    assert blocks.texts == ["Before it.", "Words in a box."]
    blocks.write([TranslatedText(text.upper()) for text in blocks.texts], tmp_path / "b.docx")
    with zipfile.ZipFile(tmp_path / "b.docx") as file:
        assert file.read("word/document.xml").count(b"WORDS IN A BOX.") == 2
