"""RTF, OpenDocument and mail are read like the other kinds: each word once, notes, tables with headings."""

from __future__ import annotations

import io
import time
import zipfile
from email.message import EmailMessage
from pathlib import Path

import pytest

from autogpt_desktop.documents.read.formats.parse import parse
from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.types import Limits

DATA = Path(__file__).parents[2] / "data" / "documents"


def read(data: bytes, name: str) -> Parts:
    return parse(data, name, Limits())


def rtf(body: str, head: str = "") -> str:
    data = (
        "{\\rtf1\\ansi\\ansicpg1252\\deff0{\\fonttbl{\\f0 Arial;}{\\f1\\fcharset134 SimSun;}}"
        + head
        + body
        + "}"
    )
    return read(data.encode("latin-1"), "a.rtf").text()


RTF = {
    "Hello\\par World": "Hello\n\nWorld\n\n",
    "A \\b bold\\b0  word, caf\\'e9\\par": "A bold word, café\n\n",
    "\\u26085?\\u26412\\'3f \\u-10179?\\u-8704?\\par": "日本 😀\n\n",
    "{\\f1 \\'d6\\'d0\\'b9\\'fa} \\'e9": "中国 é\n\n",
    "{\\uc2\\u8364 \\'80\\'20}x": "€x\n\n",
    "Text{\\footnote A note.} goes on\\par Next": "Text goes on\n\nA note.\n\nNext\n\n",
    "{\\header Head\\par}{\\headerf Head}{\\footer Foot}Body": "Head\n\nFoot\n\nBody\n\n",
    "x{\\*\\annotation Is it so?}y": "xy\n\nIs it so?\n\n",
    "{\\field{\\*\\fldinst HYPERLINK \"http://a\"}{\\fldrslt here}}": "here\n\n",
    "{\\deleted gone}{\\pict\\bin5 }}}}}abc}stays": "stays\n\n",
    "{\\*\\unknown secret}a{\\shp{\\*\\shpinst{\\sp{\\sn x}{\\sv y}}{\\shptxt in a box\\par}}}b":
        "ab\n\nin a box\n\n",
    "one\\line two\\tab three\\~four": "one\ntwo\tthree\xa0four\n\n",
    "\\trowd\\trhdr\\intbl Land\\cell Capital\\cell\\row\\intbl France\\cell Paris\\cell\\row\\pard after":
        "Land: France; Capital: Paris\n\nafter\n\n",
    "\\intbl City\\cell Rain\\cell Days\\cell\\row\\intbl Rome\\par Lazio\\cell 80 mm\\cell 9\\cell\\row":
        "City: Rome Lazio; Rain: 80 mm; Days: 9\n\n",
}  # fmt: skip


@pytest.mark.parametrize("body", RTF)
def test_rtf(body):
    assert rtf(body) == RTF[body]


def test_rtf_says_its_title():
    data = b"{\\rtf1\\ansi{\\info{\\title The plan}{\\author Ann}}Body}"
    assert (read(data, "a.rtf").title, read(data, "a.doc").text()) == ("The plan", "Body\n\n")


@pytest.mark.slow
@pytest.mark.parametrize("data", ["{\\rtf1", "{\\rtf1 a" + "{" * 100_000, "{\\rtf1 a" + "}" * 100_000,
                                  "{\\rtf1 a\\bin99999999999 x",
                                  "{\\rtf1 a\\u99999999999 \\f99999999999 b"])  # fmt: skip
def test_damaged_rtf_does_no_harm(data):
    try:
        assert "a" in read(data.encode(), "a.rtf").text()
    except Unreadable as error:
        assert error.key == "document-empty"


NAMES = " ".join(
    f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
    for prefix, name in (("office", "office"), ("text", "text"), ("table", "table"), ("style", "style"),
                         ("draw", "drawing"), ("presentation", "presentation"), ("meta", "meta"))
)  # fmt: skip


def opendocument(kind: str, body: str, **more: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        content = f"<office:body><office:{kind}>{body}</office:{kind}></office:body>"
        archive.writestr(
            "content.xml", f"<office:document-content {NAMES}>{content}</office:document-content>"
        )
        for name, xml in more.items():
            archive.writestr(f"{name}.xml", f"<office:x {NAMES}>{xml}</office:x>")
    return out.getvalue()


def row(*cells: str) -> str:
    inside = "".join(f"<table:table-cell><text:p>{cell}</text:p></table:table-cell>" for cell in cells)
    return f"<table:table-row>{inside}</table:table-row>"


def test_odt():
    body = (
        "<text:tracked-changes><text:deletion><text:p>gone</text:p></text:deletion></text:tracked-changes>"
        "<text:h>Heading</text:h><text:p>One<text:s text:c='2'/>two<text:note>"
        "<text:note-citation>1</text:note-citation>"
        "<text:note-body><text:p>A note.</text:p></text:note-body></text:note> three<office:annotation>"
        "<dc:creator xmlns:dc='d'>Ann</dc:creator><text:p>Is it so?</text:p></office:annotation></text:p>"
        "<table:table><table:table-header-rows>" + row("Land", "Capital") + "</table:table-header-rows>"
        + row("France", "Paris") + "</table:table>"
        "<text:p><draw:frame><draw:text-box><text:p>In a box</text:p></draw:text-box></draw:frame>"
        "After</text:p>"
    )  # fmt: skip
    page = (
        "<style:header><text:p>Head</text:p></style:header><style:footer><text:p>Foot</text:p></style:footer>"
    )
    parts = read(
        opendocument("text", body, styles=page * 2, meta="<dc:title xmlns:dc='d'>The plan</dc:title>"),
        "a.odt",
    )
    assert parts.title == "The plan"
    assert parts.text().split("\n\n") == [
        "Head", "Heading", "One  two three", "A note.", "Is it so?", "Land: France; Capital: Paris",
        "In a box", "After", "Foot", "",
    ]  # fmt: skip


def test_ods_reads_as_csv_does():
    rows = (DATA / "qa-plants.csv").read_text().splitlines()
    empty = "<table:table-cell table:number-columns-repeated='16384'/>"
    filler = f"<table:table-row table:number-rows-repeated='1048576'>{empty}</table:table-row>"
    sheet = "".join(
        row(*line.split(",")).replace("</table:table-row>", f"{empty}</table:table-row>") for line in rows
    )
    sheets = f"<table:table table:name='Plants'>{sheet}{filler}</table:table>"
    empty_one = f"<table:table table:name='None'>{filler}</table:table>"
    parts = read(opendocument("spreadsheet", sheets + empty_one), "a.ods")
    assert parts.pages == [(0, "Plants")]
    assert parts.text() == read((DATA / "qa-plants.csv").read_bytes(), "a.csv").text()


def test_odp_and_locked_files():
    slide = "<draw:page><draw:frame><draw:text-box><text:p>Point {0}</text:p></draw:text-box></draw:frame>"
    slide += "<presentation:notes><text:p>Say {0}</text:p></presentation:notes></draw:page>"
    parts = read(opendocument("presentation", slide.format(1) + slide.format(2)), "a.odp")
    assert [label for _, label in parts.pages] == ["Slide 1", "Slide 2"]
    assert parts.text() == "Point 1\n\nSay 1\n\nPoint 2\n\nSay 2\n\n"
    locked = opendocument(
        "text", "<text:p>x</text:p>", **{"META-INF/manifest": "<m:encryption-data xmlns:m='m'/>"}
    )
    with pytest.raises(Unreadable) as error:
        read(locked, "a.odt")
    assert error.value.key == "document-encrypted"


def test_mail():
    message = EmailMessage()
    message["From"], message["To"] = "Ann <ann@example.org>", "bob@example.org"
    message["Subject"] = "Über den Plan 计划"
    message.set_content("Hello Bob,\n\nthe plan is ready. 好")
    message.add_alternative("<p>The same <b>again</b></p>", subtype="html")
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="plan.pdf")
    inner = EmailMessage()
    inner["Subject"] = "Earlier"
    inner.set_content("<p>What <b>was</b> said</p>", subtype="html")
    message.add_attachment(inner)
    parts = read(message.as_bytes(), "a.eml")
    assert parts.title == "Über den Plan 计划"
    assert parts.text().startswith(
        "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Über den Plan 计划\n\n"
    )
    for once in ("the plan is ready. 好", "Subject: Earlier", "What was said"):
        assert parts.text().count(once) == 1
    assert "again" not in parts.text()
    assert parts.notices == [("notice.document-attachments", {"files": "plan.pdf", "n": 1})]


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: x\n\nBody",
        b"Subject: =?utf-8?b?!!?=\nFrom: <<>\n\nBody",
        b"Content-Type: multipart/mixed; boundary=a\n\n--a\n\nBody",
        b"Content-Type: text/plain; charset=none\nSubject: x\n\nBody \xe9",
    ],
)
def test_odd_mail_is_read(data):
    assert "Body" in read(data, "a.eml").text()


@pytest.mark.slow
@pytest.mark.parametrize("head", ["To: " + "a@b.c, " * 50_000, "Subject: " + "=?utf-8?b?aGk=?= " * 20_000,
                                  "Content-Type: text/plain; " + "a=b; " * 20_000])  # fmt: skip
def test_headers_without_end_are_read_at_once(head):
    begun = time.process_time()
    assert read(f"{head}\n\nBody".encode(), "a.eml").text().endswith("Body\n\n")
    assert time.process_time() - begun < 2


def test_headers_that_are_not_encoded_are_read():
    assert read("Subject: Über 计划\n\nBody".encode(), "a.eml").title == "Über 计划"
