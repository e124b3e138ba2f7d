"""Open a document to be read: its rows, and the places that are to be shown."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.documents.read.rows import Rows, locate
from autogpt_desktop.documents.types import Document
from autogpt_desktop.events import Progress, Result


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    """What is to be shown of a document: offsets into its text when it was indexed.

    ``text`` is what stood there; without it the offsets are taken as they are.
    """

    start: int
    end: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Opened:
    """A document with its places as they are now; None: the text is not there any more."""

    document: Document
    rows: Rows
    stamp: tuple[int, int]  # size in bytes and date in nanoseconds
    places: tuple[tuple[int, int] | None, ...]
    moved: bool  # some text stands elsewhere than it did: the file changed


def open_document(
    path: Path, places: Sequence[DocumentPlace], known: Opened | None = None
) -> Generator[Progress | Result, None, None]:
    """Read a file and find the places; ends with Result(Opened).

    ``known``: what was opened last; read again only if the file is another one now. Raises as
    ``documents.read.reader.Reader.read``.
    """
    from autogpt_desktop.documents.read.reader import reading

    progress = Progress("stage.document-opening", name=path.name)
    yield progress
    try:
        status = path.stat()
        stamp = status.st_size, status.st_mtime_ns
    except OSError:
        stamp = 0, 0  # reading says why
    if known is not None and known.document.path == path and known.stamp == stamp and stamp != (0, 0):
        document, rows = known.document, known.rows
    else:
        document = yield from reading(path, progress, urgent=True)
        rows = Rows(document)
    length = len(document.text)
    spans = tuple(
        locate(document.text, min(place.start, length), min(place.end, length), place.text)
        for place in places
    )
    moved = any(span != (place.start, place.end) for span, place in zip(spans, places, strict=True))
    yield Result(Opened(document, rows, stamp, spans, moved))


def draw_page(
    path: Path, number: int, width: int, passage: str = ""
) -> Generator[Progress | Result, None, None]:
    """A page of a PDF as it looks; ends with Result(documents.read.reader.PageImage). Raises as above."""
    from autogpt_desktop.documents.read.reader import drawing

    progress = Progress("stage.document-opening", name=path.name)
    yield progress
    yield Result((yield from drawing(path, number, width, passage, progress)))
