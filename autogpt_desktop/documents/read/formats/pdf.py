"""PDF: the text layer, page by page, through PDFium."""

from __future__ import annotations

import re

from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable

_HYPHEN = re.compile("[\ufffe\x02\xad]\\s*")  # PDFium's mark for a word that was divided at a line's end
_SPACES = re.compile("(?<![ \t\xa0])[ \t\xa0]++(?=\n)|(?<= ) +")


def read_pdf(data: bytes, parts: Parts) -> None:
    """Raises Unreadable: encrypted, scanned (pictures of pages without text), damaged."""
    import pypdfium2
    import pypdfium2.raw

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        locked = re.search("password|security", str(error), re.I)
        raise Unreadable("document-encrypted" if locked else "document-damaged") from error
    try:
        pictures = 0
        parts.title = document.get_metadata_value("Title").strip()
        for number in range(len(document)):
            try:
                page = document[number]
                textpage = page.get_textpage()
                text = str(textpage.get_text_bounded())
            except pypdfium2.PdfiumError as error:
                if len(document) == 1:
                    raise Unreadable("document-damaged") from error
                parts.notices.append(("notice.document-page-damaged", {"page": number + 1}))
                continue
            if text.strip():
                parts.page(str(number + 1))
                parts.add(_SPACES.sub("", _HYPHEN.sub("", text.replace("\r\n", "\n"))).strip() + "\n\n")
            else:
                images = page.get_objects(filter=[pypdfium2.raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
                pictures += any(True for _ in images)
            textpage.close()
            page.close()
        if pictures and not parts.length:
            raise Unreadable("document-scanned")
        if pictures:
            parts.notices.append(("notice.document-pages-scanned", {"n": pictures}))
    finally:
        document.close()
