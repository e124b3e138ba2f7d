"""A document that goes with a message: its text, by the same readers as for questions."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.documents.types import Limits
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.regular_file import open_regular

# Kinds whose text is not what stands in the file; others are attached as they are.
_DOCUMENTS = frozenset(
    (
        ".pdf",
        ".docx",
        ".docm",
        ".pptx",
        ".pptm",
        ".xlsx",
        ".xlsm",
        ".odt",
        ".ods",
        ".odp",
        ".rtf",
        ".epub",
        ".eml",
    )
)
_SIGNATURES = (b"%PDF-", b"PK\3\4", b"{\\rtf", b"\xd0\xcf\x11\xe0")  # of those and of old office files
LIMITS = Limits(file_bytes=100 << 20, characters=1_000_000)


@dataclass(frozen=True, slots=True)
class AttachedText:
    """``notices``: what of the file is not in the text."""

    path: Path
    text: str
    notices: tuple[Notice, ...]


def is_document(path: Path) -> bool:
    """Whether a file is to be read by ``read_attached``, by its name or by how it begins."""
    if path.suffix.lower() in _DOCUMENTS:
        return True
    try:
        with open_regular(path) as file:
            return file.read(8).startswith(_SIGNATURES)
    except OSError:
        return False  # reading it will say why


def read_attached(path: Path) -> Generator[Progress | Result, None, None]:
    """Read a file in the reading child; ends with Result(AttachedText).

    Raises KnownError as ``documents.read.reader.Reader.read``.
    """
    from autogpt_desktop.documents.read.reader import reading

    progress = Progress("stage.document-opening", name=path.name)
    yield progress
    document = yield from reading(path, progress, limits=LIMITS, urgent=True)
    yield Result(AttachedText(path, document.text.strip(), document.notices))
