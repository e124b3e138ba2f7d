"""Files that the tests read, made on the fly by the libraries of their formats."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import docx
import openpyxl
import pptx


def write_pdf(path: Path, pages: list[str], *, image: bool = False, title: str = "") -> Path:
    """A PDF by hand (ISO 32000-1): one line of Helvetica for each line of a page, or a picture."""
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>", b""]
    kids = []
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    picture = b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray"
    picture += b" /BitsPerComponent 8 /Length 1 >>\nstream\n\x80\nendstream"
    objects += [font, picture]
    for text in pages:
        lines = b"".join(
            b"(" + line.encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)") + b") Tj 0 -14 Td\n"
            for line in text.split("\n")
        )
        content = b"BT /F1 11 Tf 50 750 Td\n" + lines + b"ET\n" if text else b""
        if image and not text:
            content = b"q 500 0 0 700 50 50 cm /Im1 Do Q\n"
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(content), content))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents %d 0 R"
            b" /Resources << /Font << /F1 3 0 R >> /XObject << /Im1 4 0 R >> >> >>" % len(objects)
        )
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    objects.append(b"<< /Title (%s) >>" % title.encode())
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(objects),
        start,
    )
    path.write_bytes(bytes(out))
    return path


def lock_pdf(path: Path) -> Path:
    """Add the entries of a file whose password is not empty (standard handler, revision 2)."""
    data = path.read_bytes()
    entry = b"/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <%s> /U <%s> >> /ID [<00> <00>]" % (
        b"ab" * 32,
        b"cd" * 32,
    )
    path.write_bytes(data.replace(b"/Root 1 0 R", b"/Root 1 0 R " + entry))
    return path


def write_docx(path: Path) -> Path:
    document = docx.Document()
    document.core_properties.title = "A Report"
    document.add_heading("Heading", 1)
    document.add_paragraph("English and 中文 in one paragraph.")
    table = document.add_table(2, 2)
    for at, text in enumerate(("name", "value", "Berlin", "3")):
        table.cell(at // 2, at % 2).text = text
    document.add_page_break()
    document.add_paragraph("مرحبا بالعالم")
    document.save(str(path))
    return path


def write_pptx(path: Path) -> Path:
    show = pptx.Presentation()
    slide = show.slides.add_slide(show.slide_layouts[1])
    slide.shapes.title.text = "First slide"
    slide.placeholders[1].text = "One point\n第二点"
    slide.notes_slide.notes_text_frame.text = "Say hello"
    show.slides.add_slide(show.slide_layouts[5]).shapes.title.text = "Second slide"
    show.save(str(path))
    return path


def write_xlsx(path: Path) -> Path:
    book = openpyxl.Workbook()
    book.active.title = "People"
    for row in (["Name", "Age"], ["Ann", 3], ["李雷", 4.5], [None, None], ["=SUM(A1)", 1]):
        book.active.append(row)
    book.create_sheet("Empty")
    book.create_sheet("第二").append(["only this"])
    book.save(path)
    return path


def write_epub(path: Path, chapters: list[str], extra: dict[str, str] | None = None) -> Path:
    manifest = "".join(f'<item id="c{n}" href="text/c%20{n}.xhtml"/>' for n in range(len(chapters)))
    spine = "".join(f'<itemref idref="c{n}"/>' for n in range(len(chapters)))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("mimetype", "application/epub+zip")
        book.writestr(
            "META-INF/container.xml",
            '<container><rootfiles><rootfile full-path="OEBPS/a.opf"/></rootfiles></container>',
        )
        book.writestr(
            "OEBPS/a.opf",
            f'<package xmlns:dc="d"><metadata><dc:title>A Book</dc:title></metadata>'
            f"<manifest>{manifest}</manifest><spine>{spine}</spine></package>",
        )
        for number, chapter in enumerate(chapters):
            book.writestr(
                f"OEBPS/text/c {number}.xhtml",
                f'<?xml version="1.0" encoding="utf-8"?><!DOCTYPE html><html><body>{chapter}</body></html>',
            )
        for name, text in (extra or {}).items():
            book.writestr(name, text)
    return path


_STRICT = {  # ISO 29500 Strict names the same elements otherwise
    b"http://schemas.openxmlformats.org/officeDocument/2006/relationships": b"officeDocument/relationships",
    b"http://schemas.openxmlformats.org/spreadsheetml/2006/main": b"spreadsheetml/main",
    b"http://schemas.openxmlformats.org/presentationml/2006/main": b"presentationml/main",
    b"http://schemas.openxmlformats.org/drawingml/2006/main": b"drawingml/main",
    b"http://schemas.openxmlformats.org/wordprocessingml/2006/main": b"wordprocessingml/main",
}


def as_strict(path: Path, members: dict[str, str] | None = None) -> Path:
    """An office file as Strict OOXML. ``members``: other names for some of its parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            data = old.read(name)
            for usual, strict in _STRICT.items():
                data = data.replace(usual, b"http://purl.oclc.org/ooxml/" + strict)
            for before, after in (members or {}).items():
                data = data.replace(Path(before).name.encode(), Path(after).name.encode())
                name = name.replace(Path(before).name, Path(after).name)
            new.writestr(name, data)
    path.write_bytes(out.getvalue())
    return path


def with_member(path: Path, name: str, data: bytes) -> Path:
    """The archive with one member's bytes replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            if member != name:
                new.writestr(member, old.read(member))
        new.writestr(name, data)
    path.write_bytes(out.getvalue())
    return path
