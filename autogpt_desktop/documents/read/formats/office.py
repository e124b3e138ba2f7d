"""DOCX and PPTX: the words of WordprocessingML and DrawingML (ECMA-376), read as a stream."""

from __future__ import annotations

from collections.abc import Iterator

from autogpt_desktop.documents.read.formats.archive import Archive, Collect
from autogpt_desktop.documents.read.formats.chart import read_chart
from autogpt_desktop.documents.read.formats.parts import Parts, Unreadable
from autogpt_desktop.documents.read.formats.words import Out, Words

_GRAPHICS = {"chart", "diagramData"}  # charts, SmartArt


def read_docx(archive: Archive, parts: Parts) -> None:
    """Headers, the body with its notes and comments behind the paragraphs that they are on, footers.

    Pages as Word last laid them out, where the file tells.
    """
    main = _main(archive, "word/document.xml")
    parts.title = core_title(archive)
    relations = archive.relations(main)
    notes: dict[tuple[str, str], str] = {}
    for kind, place in relations.values():
        if kind in {"footnotes", "endnotes", "comments"} and place in archive:
            found = _Notes(kind[:-1])
            archive.parse(place, found)
            notes.update(found.notes)
    out = _Pages(parts)
    once = set[str]()
    for text in _each_once(archive, relations, "header", once):
        out(text)
    archive.parse(main, Words(out, notes))
    for note in notes.values():  # that nothing in the body refers to
        out(note)
    for place in _graphics(relations):
        _read_graphic(archive, place, out)
    for text in _each_once(archive, relations, "footer", once):
        out(text)
    if out.pages == 1:
        parts.pages.clear()  # one page, or a file that was never laid out


def _each_once(
    archive: Archive, relations: dict[str, tuple[str, str]], wanted: str, once: set[str]
) -> Iterator[str]:
    """The texts of all headers, or footers; those of first, even and other pages are often the same."""
    for kind, place in relations.values():
        if kind == wanted and place in archive:
            texts: list[str] = []
            archive.parse(place, Words(_collect(texts)))
            if (text := "".join(texts)).strip() and text not in once:
                once.add(text)
                yield text


def _collect(texts: list[str]) -> Out:
    def out(text: str, new_page: bool = False) -> None:
        texts.append(text)

    return out


def _graphics(relations: dict[str, tuple[str, str]]) -> list[str]:
    places = [place for kind, place in relations.values() if kind in _GRAPHICS]
    return list(dict.fromkeys(places))


def _read_graphic(archive: Archive, place: str, out: Out) -> None:
    """The words of a chart or of SmartArt."""
    if place not in archive:
        return
    if "/charts/" in place:
        for line in read_chart(archive, place):
            out(line + "\n\n")
    else:
        archive.parse(place, Words(out))


def read_pptx(archive: Archive, parts: Parts) -> None:
    """Slides in their order, each a page: its words, charts and SmartArt, the speaker's notes, comments."""
    main = _main(archive, "ppt/presentation.xml")
    parts.title = core_title(archive)
    order = Collect({"sldId"})
    archive.parse(main, order)
    relations = archive.relations(main)
    for number, (_, attributes, _) in enumerate(order.found, start=1):
        _, slide = relations.get(attributes.get("r:id", ""), ("", ""))
        if slide not in archive:
            raise Unreadable("document-damaged")
        parts.page(f"Slide {number}")
        _read_slide(archive, slide, parts)


def _read_slide(archive: Archive, slide: str, parts: Parts) -> None:
    def out(text: str, new_page: bool = False) -> None:
        parts.add(text)

    archive.parse(slide, Words(out))
    relations = archive.relations(slide)
    for place in _graphics(relations):
        _read_graphic(archive, place, out)
    for kind, place in relations.values():
        if kind == "notesSlide" and place in archive:
            archive.parse(place, Words(out))
        elif kind == "comments" and place in archive:
            comments = Collect({"text", "t"})
            archive.parse(place, comments)
            for _, _, text in comments.found:
                if text.strip():
                    out(text.strip() + "\n\n")


def _main(archive: Archive, usual: str) -> str:
    kinds = archive.relations("").values()
    return next((place for kind, place in kinds if kind == "officeDocument"), usual)


def core_title(archive: Archive) -> str:
    """The title in the file's properties."""
    if "docProps/core.xml" not in archive:
        return ""
    target = Collect({"title"})
    archive.parse("docProps/core.xml", target)
    return target.found[0][2].strip() if target.found else ""


class _Pages:
    """Takes texts, and begins a page where one is said to begin there."""

    def __init__(self, parts: Parts) -> None:
        self.pages = 0
        self._parts = parts

    def __call__(self, text: str, new_page: bool = False) -> None:
        if new_page or not self.pages:
            self.pages += 1
            self._parts.page(str(self.pages))
        self._parts.add(text)


class _Notes:
    """Takes the notes of a part: ``notes`` by kind and number, as texts."""

    def __init__(self, kind: str) -> None:
        self.notes: dict[tuple[str, str], str] = {}
        self._kind = kind  # "footnote", "endnote", "comment"
        self._words: Words | None = None
        self._texts: list[str] = []
        self._id = ""

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == self._kind:
            self._texts, self._id = [], attributes.get("id", "")
            self._words = Words(_collect(self._texts))
        elif self._words is not None:
            self._words.start(tag, attributes)

    def data(self, text: str) -> None:
        if self._words is not None:
            self._words.data(text)

    def end(self, tag: str) -> None:
        if tag == self._kind:
            self._words = None
            if (text := "".join(self._texts)).strip():
                self.notes[self._kind, self._id] = text
        elif self._words is not None:
            self._words.end(tag)

    def close(self) -> None:
        pass
