"""What a file becomes once it is read: text with places in it. Offsets count characters of the text."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.events import Notice


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page, slide, sheet or chapter begins."""

    start: int  # offset in Document.text
    label: str  # as people know it: "3", "Slide 2", "Sheet1"


@dataclass(frozen=True, slots=True)
class Document:
    """A file's text. ``pages`` is sorted by start and empty where a format has no pages."""

    path: Path
    title: str
    text: str
    pages: tuple[Page, ...]
    language: str  # ISO 639-1, "" where unknown
    sha256: str  # of the file's bytes
    notices: tuple[Notice, ...] = ()

    def page_at(self, offset: int) -> str:
        """The label of the page that a character stands on; ``""`` where there are no pages."""
        found = bisect_right(self.pages, offset, key=lambda page: page.start) - 1
        return self.pages[found].label if found >= 0 else ""


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document: ``text == document.text[start:end]``."""

    path: Path
    page: str  # label of the page it begins on
    start: int
    end: int
    text: str
    title: str  # of the document


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take."""

    file_bytes: int = 200 << 20
    unpacked_bytes: int = 400 << 20  # of all parts of an archive (DOCX, EPUB, …) together
    characters: int = 20_000_000  # of text; the rest is left out with a notice
    seconds: float = 60.0
    memory: int = 2 << 30  # address space of the child process, where the system can limit it


@dataclass(frozen=True, slots=True)
class TranslatedText:
    """A text in another language. ``spans``: (start, end, start, end) of a sentence in the text and here;
    ``links``: of a word, where it is known which became which."""

    text: str
    spans: tuple[tuple[int, int, int, int], ...] = ()
    links: tuple[tuple[int, int, int, int], ...] = ()
