"""EPUB: the chapters in their reading order (EPUB 3.3, package documents)."""

from __future__ import annotations

import posixpath

from autogpt_desktop.documents.read.formats.archive import Archive, Collect, resolve
from autogpt_desktop.documents.read.formats.html import add_html
from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.text.encoding import decode

_FONTS = (
    "http://www.idpf.org/2008/embedding",
    "http://ns.adobe.com/pdf/enc#RC",
)  # scrambled fonts are no lock


def read_epub(archive: Archive, parts: Parts) -> None:
    """Each chapter is a page, named by its first heading."""
    if "META-INF/encryption.xml" in archive:
        methods = Collect({"EncryptionMethod"})
        archive.parse("META-INF/encryption.xml", methods)
        if any(attributes.get("Algorithm") not in _FONTS for _, attributes, _ in methods.found):
            raise Unreadable("document-encrypted")
    roots = Collect({"rootfile"})
    archive.parse("META-INF/container.xml", roots)
    if not roots.found:
        raise Unreadable("document-damaged")
    package = posixpath.normpath(roots.found[0][1].get("full-path", ""))
    contents = Collect({"title", "item", "itemref"})
    archive.parse(package, contents)
    items = {}
    book = ""
    for name, attributes, text in contents.found:
        if name == "title" and not book:
            book = " ".join(text.split())
        elif name == "item":
            items[attributes.get("id", "")] = resolve(package, attributes.get("href", ""))
    number = 0
    for name, attributes, _ in contents.found:
        chapter = items.get(attributes.get("idref", ""), "") if name == "itemref" else ""
        if chapter not in archive:
            continue
        decoded = decode(archive.read(chapter))
        if decoded is None:
            raise Unreadable("document-damaged")
        before = parts.length
        at = len(parts.pages)
        parts.page("")
        heading = add_html(decoded[0], parts)
        if parts.length == before:
            parts.pages.pop()  # a cover picture
            continue
        number += 1
        parts.pages[at] = (before, heading[:80] or str(number))
        parts.add("\n")
    parts.title = book or parts.title
