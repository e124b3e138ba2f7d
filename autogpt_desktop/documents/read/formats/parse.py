"""Bytes of a file to its text. Runs in a child process: see ``documents.read.reader``."""

from __future__ import annotations

import re
from pathlib import PurePath

from autogpt_desktop.documents.read.formats.archive import Archive, encrypted_office, is_opendocument
from autogpt_desktop.documents.read.formats.epub import read_epub
from autogpt_desktop.documents.read.formats.html import read_html
from autogpt_desktop.documents.read.formats.mail import read_mail
from autogpt_desktop.documents.read.formats.office import read_docx, read_pptx
from autogpt_desktop.documents.read.formats.opendocument import read_opendocument
from autogpt_desktop.documents.read.formats.parts import Full, Parts, Unreadable
from autogpt_desktop.documents.read.formats.pdf import read_pdf
from autogpt_desktop.documents.read.formats.plain import read_plain
from autogpt_desktop.documents.read.formats.rtf import read_rtf
from autogpt_desktop.documents.read.formats.sheets import read_csv, read_xlsx
from autogpt_desktop.documents.read.formats.titles import telling_title
from autogpt_desktop.documents.types import Limits

__all__ = ["Parts", "Unreadable", "parse"]

_HTML = re.compile(
    rb"\s*+(?:<\?xml[^>]*+>\s*+)?(?:<!--(?:(?!-->).)*+-->\s*+)*+<(?:!doctype html|html)", re.I | re.S
)
_OTHER = (
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x7fELF",
    b"MZ\x90",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"Rar!",
)


def parse(data: bytes, name: str, limits: Limits) -> Parts:
    """Read a file by what is in it; its name decides only among kinds of text.

    Raises ``Unreadable``; a text that is longer than allowed is cut, with a notice.
    """
    parts = Parts(limits.characters)
    if not data.strip(b"\0 \t\r\n"):
        raise Unreadable("document-empty")
    try:
        _read(data, name, limits, parts)
    except Full:
        parts.notices.append(("notice.document-cut", {"characters": f"{limits.characters:,}"}))
    parts.title = telling_title(parts.title, parts.makers)
    if not parts.length or not parts.text().strip():
        raise Unreadable("document-empty")
    return parts


def _read(data: bytes, name: str, limits: Limits, parts: Parts) -> None:
    suffix = PurePath(name).suffix.lower()
    if b"%PDF-" in data[:1024]:
        read_pdf(data, parts)
    elif data.startswith((b"PK\3\4", b"PK\5\6")):
        _read_archive(data, limits, parts)
    elif data.startswith(b"\xd0\xcf\x11\xe0"):
        raise Unreadable("document-encrypted" if encrypted_office(data) else "document-old-office")
    elif data.lstrip().startswith(b"{\\rtf"):
        read_rtf(data, parts)
    elif data.startswith(_OTHER):
        raise Unreadable("document-kind")
    elif suffix in {".pdf", ".docx", ".pptx", ".xlsx", ".epub", ".odt", ".ods", ".odp", ".rtf"}:
        raise Unreadable("document-damaged")
    elif suffix == ".eml":
        read_mail(data, parts)
    elif suffix in {".html", ".htm", ".xhtml"} or _HTML.match(data[:4096]):
        read_html(data, parts)
    elif suffix in {".csv", ".tsv", ".tab"}:
        read_csv(data, name, parts)
    else:
        read_plain(data, suffix, parts)


def _read_archive(data: bytes, limits: Limits, parts: Parts) -> None:
    archive = Archive(data, limits)
    kinds = dict(archive.relations("").values())
    main = kinds.get("officeDocument", "")
    if main.startswith("word/") or "word/document.xml" in archive:
        read_docx(archive, parts)
    elif main.startswith("ppt/") or "ppt/presentation.xml" in archive:
        read_pptx(archive, parts)
    elif main.startswith("xl/") or "xl/workbook.xml" in archive:
        read_xlsx(data, parts, limits)
    elif is_opendocument(archive):
        read_opendocument(archive, parts)
    elif "META-INF/container.xml" in archive:
        read_epub(archive, parts)
    else:
        raise Unreadable("document-kind")
