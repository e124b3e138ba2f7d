"""DOCX and PPTX: the words of WordprocessingML and DrawingML (ECMA-376), read as a stream."""

from __future__ import annotations

from autogpt_desktop.documents.read.formats.archive import Archive, Collect
from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable


def read_docx(archive: Archive, parts: Parts) -> None:
    """Body, footnotes and endnotes. Pages as Word last laid them out, where the file tells."""
    main = next(
        (place for kind, place in archive.relations("").values() if kind == "officeDocument"),
        "word/document.xml",
    )
    parts.title = core_title(archive)
    words = _Words(parts)
    archive.parse(main, words)
    if words.pages == 1:
        parts.pages.clear()  # one page, or a file that was never laid out
    for kind, place in archive.relations(main).values():
        if kind in {"footnotes", "endnotes"} and place in archive:
            archive.parse(place, _Words(parts, with_pages=False))


def read_pptx(archive: Archive, parts: Parts) -> None:
    """Slides in their order, each a page, with the speaker's notes behind it."""
    main = next(
        (place for kind, place in archive.relations("").values() if kind == "officeDocument"),
        "ppt/presentation.xml",
    )
    parts.title = core_title(archive)
    order = Collect({"sldId"})
    archive.parse(main, order)
    relations = archive.relations(main)
    for number, (_, attributes, _) in enumerate(order.found, start=1):
        _, slide = relations.get(attributes.get("r:id", ""), ("", ""))
        if slide not in archive:
            raise Unreadable("document-damaged")
        parts.page(f"Slide {number}")
        archive.parse(slide, _Words(parts, with_pages=False))
        for kind, place in archive.relations(slide).values():
            if kind == "notesSlide" and place in archive:
                archive.parse(place, _Words(parts, with_pages=False))


def core_title(archive: Archive) -> str:
    """The title in the file's properties."""
    if "docProps/core.xml" not in archive:
        return ""
    target = Collect({"title"})
    archive.parse("docProps/core.xml", target)
    return target.found[0][2].strip() if target.found else ""


class _Words:
    """Takes text runs, paragraphs and tables out of a stream of elements.

    Both languages name them alike: t (text), p (paragraph), tbl/tr/tc (table, row, cell), br, tab.
    """

    def __init__(self, parts: Parts, with_pages: bool = True) -> None:
        self.parts = parts
        self.pages = 0
        self._with_pages = with_pages
        self._break = with_pages  # a page begins with the next paragraph
        self._text = 0  # depth of <t>
        self._skip = 0  # depth of what is shown otherwise, or not at all
        self._nesting: list[list[str]] = []  # the paragraph that is open, and those around it
        self._rows: list[list[str]] = []  # the cells of the open row, for each open table

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if self._skip or tag == "Fallback" or (tag == "fld" and attributes.get("type") == "slidenum"):
            self._skip += 1
        elif tag == "t":
            self._text += 1
        elif tag == "p":
            self._nesting.append([])
        elif tag == "tr":
            self._rows.append([])
        elif tag == "tc" and self._rows:
            self._rows[-1].append("")
        elif not self._nesting:
            return
        elif tag in {"br", "cr"} and attributes.get("type") != "page":
            self._nesting[-1].append("\n")
        elif tag == "br" or tag == "lastRenderedPageBreak":
            self._break = self._with_pages
        elif tag == "tab":
            self._nesting[-1].append("\t")
        elif tag == "noBreakHyphen":
            self._nesting[-1].append("-")

    def data(self, text: str) -> None:
        if self._text and self._nesting and not self._skip:
            self._nesting[-1].append(text)

    def end(self, tag: str) -> None:
        if self._skip:
            self._skip -= 1
        elif tag == "t":
            self._text -= 1
        elif tag == "p" and self._nesting:
            self._paragraph("".join(self._nesting.pop()).strip())
        elif tag == "tr" and self._rows:
            cells = self._rows.pop()
            row = " | ".join(cells).strip()
            if self._rows and self._rows[-1]:
                self._rows[-1][-1] += row
            elif row.strip(" |"):
                self._out(row + "\n")
        elif tag == "tbl" and not self._rows:
            self.parts.add("\n")

    def _paragraph(self, text: str) -> None:
        if not text:
            return
        if self._rows and self._rows[-1]:
            cell = self._rows[-1][-1]
            self._rows[-1][-1] = f"{cell} {text}".strip()
        else:
            self._out(text + "\n\n")

    def _out(self, text: str) -> None:
        if self._break:
            self._break = False
            self.pages += 1
            self.parts.page(str(self.pages))
        self.parts.add(text)

    def close(self) -> None:
        pass
