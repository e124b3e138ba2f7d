"""ODT, ODP and ODS that are translated: all but what people read is the same, byte by byte."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autogpt_desktop.documents.write.open import open_blocks
from autogpt_desktop.errors import KnownError
from tests.documents.write.packages import archive_of, changed, members, translated

pytestmark = pytest.mark.slow  # a process reads each file first

NAMES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{place}:1.0"'
    for name, place in [
        ("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"), ("draw", "drawing"),
        ("presentation", "presentation"), ("fo", "xsl-fo-compatible"), ("svg", "svg-compatible"),
    ]
)  # fmt: skip
NAMES += ' xmlns:xlink="http://www.w3.org/1999/xlink" xmlns:dc="http://purl.org/dc/elements/1.1/"'
TEXT = (
    '<text:h text:outline-level="1">The old bridge</text:h>'
    '<text:p text:style-name="P1">It is <text:span text:style-name="B">very old</text:span>;\n see '
    '<text:a xlink:href="https://a.org/?a=1&amp;b=2">here</text:a>.<text:note><text:note-citation>1'
    "</text:note-citation><text:note-body><text:p>Or so they say.</text:p></text:note-body></text:note>"
    " It is closed.<office:annotation><dc:creator>Ann</dc:creator><text:p>Is it?</text:p></office:annotation>"
    '</text:p><text:p>Name:<text:s text:c="9"/>Anna<text:tab/>Page <text:page-number>7</text:page-number>'
    "</text:p><text:p>One<text:line-break/>two.<text:s/>Three &lt; 4.</text:p>"
    "<text:p>这是一座<text:span>旧桥</text:span>。</text:p><text:p>42</text:p><text:p/>"
    "<table:table><table:table-row><table:table-cell><text:p>Price</text:p></table:table-cell>"
    '<table:table-cell office:value-type="float" office:value="3"><text:p>three</text:p></table:table-cell>'
    '<table:table-cell table:formula="of:=A1"><text:p>Price</text:p></table:table-cell>'
    "</table:table-row></table:table>"
    "<text:p><draw:frame><draw:text-box><text:p>In a box.</text:p></draw:text-box></draw:frame></text:p>"
    "<!-- not this --><text:tracked-changes><text:p>gone</text:p></text:tracked-changes>"
)
STYLES = (
    '<style:default-style style:family="paragraph"><style:text-properties fo:language="en"'
    ' fo:country="US" style:language-asian="zh" style:country-asian="CN"/></style:default-style>'
    '<style:page-layout><style:page-layout-properties style:writing-mode="lr-tb"/></style:page-layout>'
    "<style:master-page><style:header><text:p>A letter</text:p></style:header></style:master-page>"
)
TEXTS = [
    "The old bridge", "It is very old; see here. It is closed.", "Or so they say.", "Name:", "Anna",
    "Page 7", "One", "two. Three < 4.", "这是一座旧桥。", "Price", "In a box.", "A letter",
]  # fmt: skip


def opendocument(path: Path, body: str, styles: str = "") -> Path:
    kind = {".odt": "text", ".odp": "presentation", ".ods": "spreadsheet"}[path.suffix]
    head = '<?xml version="1.0" encoding="UTF-8"?>\n'
    return archive_of(
        path,
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "content.xml": f"{head}<office:document-content {NAMES}><office:body><office:{kind}>{body}"
            f"</office:{kind}></office:body></office:document-content>",
            "styles.xml": f"{head}<office:document-styles {NAMES}>{styles}</office:document-styles>",
            "Pictures/a.png": bytes(range(256)),
        },
    )


def content(path: Path, name: str = "content.xml") -> str:
    return members(path)[name].decode()


def test_only_what_people_read_is_a_text(tmp_path: Path) -> None:
    path = opendocument(tmp_path / "a.odt", TEXT, STYLES)
    blocks = open_blocks(path)
    assert sorted(blocks.texts) == sorted(TEXTS)
    assert blocks.phrases == ["very old", "here", "旧桥"]
    assert "Is it?" in open_blocks(path, comments=True).texts


def test_texts_that_stay_leave_every_byte(tmp_path: Path) -> None:
    path = opendocument(tmp_path / "a.odt", TEXT, STYLES)
    assert not changed(path, translated(path, "", lambda text: text))


def test_marks_notes_and_boxes_stay(tmp_path: Path) -> None:
    path = opendocument(tmp_path / "a.odt", TEXT, STYLES)
    out = translated(path, "fr", comments=True)
    assert changed(path, out) == {"content.xml", "styles.xml"}
    before, after = content(path), content(out)
    tags = re.findall("<[^<>]*>", before)
    tags.remove("<text:s/>")  # a blank
    assert re.findall("<[^<>]*>", after) == tags
    for piece in (
        ">THE OLD BRIDGE</text:h>",
        'IT IS <text:span text:style-name="B">VERY OLD</text:span>; SEE <text:a',
        "<text:p>OR SO THEY SAY.</text:p>",
        "<text:p>IS IT?</text:p>",
        'NAME:<text:s text:c="9"/>ANNA<text:tab/>PAGE <text:page-number>7</text:page-number>',
        "ONE<text:line-break/>TWO. THREE &lt; 4.",
        "<text:p>42</text:p><text:p/>",
        "<text:p>three</text:p>",
        'of:=A1"><text:p>Price</text:p>',
        "<text:p>IN A BOX.</text:p>",
        "<text:p>gone</text:p>",
    ):
        assert piece in after
    styles = content(out, "styles.xml")
    assert 'fo:language="fr" fo:country="FR" style:language-asian="zh"' in styles
    assert "<text:p>A LETTER</text:p>" in styles
    assert members(out)["Pictures/a.png"] == bytes(range(256))


def test_the_language_and_the_direction_of_the_pages(tmp_path: Path) -> None:
    path = opendocument(tmp_path / "a.odt", "<text:p>One</text:p>", STYLES)
    assert 'style:writing-mode="rl-tb"' in content(translated(path, "ar"), "styles.xml")
    styles = content(translated(path, "ja"), "styles.xml")
    assert 'style:language-asian="ja" style:country-asian="JP"' in styles
    assert 'fo:language="en"' in styles


def test_tables_and_paragraphs_run_from_right_to_left(tmp_path: Path) -> None:
    styles = (
        '<style:default-style style:family="paragraph"><style:paragraph-properties fo:margin-top="0cm"/>'
        '</style:default-style><style:style style:name="T" style:family="table"><style:table-properties '
        'style:width="17cm"/></style:style><style:style style:name="P"><style:paragraph-properties '
        'fo:margin-top="1cm"/></style:style>'
    )
    path = opendocument(tmp_path / "a.odt", "<text:p>One</text:p>", styles)
    made = content(translated(path, "he"), "styles.xml")
    assert re.search('<style:table-properties[^>]* style:writing-mode="rl-tb"', made)
    assert re.search('<style:paragraph-properties[^>]* style:writing-mode="rl-tb"[^>]*margin-top="0cm"', made)
    assert '<style:paragraph-properties fo:margin-top="1cm"/>' in made
    assert content(translated(path, "fr"), "styles.xml").count("rl-tb") == 0


def test_slides_and_sheets(tmp_path: Path) -> None:
    page = (
        '<draw:page draw:name="a"><draw:frame><draw:text-box><text:p>On a slide</text:p></draw:text-box>'
        "</draw:frame><presentation:notes><draw:frame><draw:text-box><text:p>Say hello.</text:p>"
        "</draw:text-box></draw:frame></presentation:notes></draw:page>"
    )
    path = opendocument(tmp_path / "a.odp", page)
    assert open_blocks(path).texts == ["On a slide"]
    assert open_blocks(path, comments=True).texts == ["On a slide", "Say hello."]
    rows = (
        '<table:table table:name="Sheet"><table:table-row>'
        '<table:table-cell office:value-type="string"><text:p>Red</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="2024-05-01"><text:p>May 1</text:p>'
        "</table:table-cell></table:table-row></table:table>"
    )
    path = opendocument(tmp_path / "a.ods", rows)
    assert open_blocks(path).texts == ["Red"]
    assert ">RED<" in content(translated(path))


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ("<text:p>" * 5000 + "x" + "</text:p>" * 5000, "nested"),
        ("<text:p>" * 20 + "x" + "</text:p>" * 20, "nested"),
        ("<text:p>x", "damaged"),
        ("<text:p>x&undefined;</text:p>", "(damaged|unsafe)"),
        ("<text:p>42</text:p>", "empty"),
    ],
)
def test_hostile_content(tmp_path: Path, body: str, error: str) -> None:
    path = opendocument(tmp_path / "a.odt", body)
    with pytest.raises(KnownError, match=f"document-{error}"):
        open_blocks(path)


def test_entities_of_its_own_are_refused(tmp_path: Path) -> None:
    path = opendocument(tmp_path / "a.odt", "<text:p>x</text:p>")
    parts = members(path)
    styles = content(path, "styles.xml").partition("?>")[2].strip()
    for doctype in ("<!DOCTYPE a [<!ENTITY b 'c'>]>", "<!DOCTYPE a SYSTEM 'file:///etc/passwd'>"):
        parts["styles.xml"] = (doctype + styles).encode()
        with pytest.raises(KnownError, match="document-unsafe"):
            open_blocks(archive_of(tmp_path / "b.odt", parts))
