"""PDF: the text layer, page by page, through PDFium; forms, notes, columns, running headers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.read.formats.pdf_lines import Piece, in_reading_order, pieces_of, turned
from autogpt_desktop.documents.read.formats.pdf_notes import fields_and_notes, fill_in
from autogpt_desktop.documents.read.formats.pdf_repeated import Line, without_repeated

_HYPHEN = re.compile("[\ufffe\x02\xad]\\s*")  # marks for a word that was divided at a line's end
_SPACES = re.compile("(?<![ \t\xa0])[ \t\xa0]++(?=\n)|(?<= ) +")


@dataclass(slots=True)
class _Page:
    lines: list[Line]
    added: list[str]  # values and notes that belong to no line


def read_pdf(data: bytes, parts: Parts) -> None:
    """Raises Unreadable: encrypted, scanned (pictures of pages without text), damaged."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = re.search("password|security", str(error), re.I)
        raise Unreadable("document-encrypted" if locked else "document-damaged") from error
    try:
        parts.title = document.get_metadata_value("Title").strip()
        parts.makers = tuple(document.get_metadata_value(key) for key in ("Producer", "Creator"))
        pages, pictures = _pages(document, parts)
        kept = without_repeated([page.lines for page in pages.values()])
        for (number, page), lines in zip(pages.items(), kept, strict=True):
            text = "\n\n".join([_text(lines), *page.added])
            if text.strip():
                parts.page(str(number))
                parts.add(text.strip() + "\n\n")
        if pictures and not parts.length:
            raise Unreadable("document-scanned")
        if pictures:
            parts.notices.append(("notice.document-pages-scanned", {"n": pictures}))
    finally:
        document.close()


def _pages(document: Any, parts: Parts) -> tuple[dict[int, _Page], int]:
    """The pages with words by their number, and how many are pictures alone."""
    import pypdfium2
    import pypdfium2.raw

    document.init_forms()
    form = document.formenv.raw if document.formenv else None
    pages: dict[int, _Page] = {}
    pictures, length = 0, 0
    for number in range(1, len(document) + 1):
        try:
            page = document[number - 1]
            found = _read_page(page, form)
        except pypdfium2.PdfiumError as error:
            if len(document) == 1:
                raise Unreadable("document-damaged") from error
            parts.notices.append(("notice.document-page-damaged", {"page": number}))
            continue
        if found.lines or found.added:
            pages[number] = found
        else:
            images = page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
            pictures += any(True for _ in images)
        page.close()
        length += sum(len(line.text) for line in found.lines)
        if length > 2 * parts.budget:  # more than will be kept
            break
    return pages, pictures


def _read_page(page: Any, form: Any) -> _Page:
    textpage = page.get_textpage()
    try:
        # of the whole page: within its bounds PDFium leaves out the line ends of a turned page
        text = str(textpage.get_text_range())
        fields, notes = fields_and_notes(page, form)
        pieces = pieces_of(textpage, text, page.get_rotation())
    finally:
        textpage.close()
    if not pieces:
        lines = [Line(line, None) for line in text.replace("\r\n", "\n").split("\n")]
        added = [f"{field.name}: {field.value}" if field.name else field.value for field in fields]
        return _Page(lines if text.strip() else [], added + notes)
    pieces = in_reading_order(pieces)
    added = fill_in(pieces, fields)
    _, bottom, _, top = turned(page.get_bbox(), page.get_rotation())
    return _Page(_lines(pieces, top, top - bottom), added + notes)


def _lines(pieces: Sequence[Piece], top: float, height: float) -> list[Line]:
    """Pieces of one line together."""
    lines: list[Line] = []
    begins = True
    for piece in pieces:
        if begins:
            lines.append(Line(piece.text, (top - piece.middle) / height if height > 0 else None))
        else:
            lines[-1].text += " " + piece.text
        lines[-1].behind = piece.behind
        begins = piece.behind != " "
    return lines


def _text(lines: Sequence[Line]) -> str:
    whole = "".join(line.text + line.behind for line in lines)
    return _SPACES.sub("", _HYPHEN.sub("", whole.replace("\r\n", "\n"))).strip()
