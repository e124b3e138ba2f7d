"""Files that are translated and keep their form: texts out, translated texts in, a new file.

``open_blocks`` cuts a file into texts; the ``Blocks`` then writes a copy with other texts in their place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from autogpt_desktop.documents.encoding import decode
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError

_PARAGRAPHS = re.compile(r"(?:[^\S\n]*\n)+[^\S\n]*\n\s*|\f")
_TIMING = re.compile(
    r"(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}[^\S\n]*-->[^\S\n]*(?:\d{1,3}:)?\d{1,2}:\d{2}[.,]\d{1,3}"
)


@dataclass(frozen=True, slots=True)
class Turned:
    """A text in another language. ``spans``: (start, end, start, end) of a sentence in the text and here."""

    text: str
    spans: tuple[tuple[int, int, int, int], ...] = ()


class Blocks(Protocol):
    """A file as texts. ``suffix`` of what ``write`` makes, which may differ from the file's own."""

    texts: list[str]
    suffix: str

    def write(self, turned: Sequence[Turned], out: Path) -> None:
        """Write the file with ``turned`` in place of ``texts``. Raises KnownError("file-not-written")."""


class Skeleton:
    """A text file as parts, of which some are texts to translate and the others stay as they are."""

    def __init__(self, parts: Sequence[tuple[bool, str]], suffix: str, encoding: str = "utf-8") -> None:
        self.parts, self.suffix, self.encoding = parts, suffix, encoding
        self.texts = [part for is_text, part in parts if is_text]

    def write(self, turned: Sequence[Turned], out: Path) -> None:
        texts = iter(turned)
        whole = "".join(next(texts).text if is_text else part for is_text, part in self.parts)
        try:
            data = whole.encode(self.encoding)
        except UnicodeEncodeError:  # Chinese in what was Latin-1
            data = whole.encode("utf-8")
        write_file(out, data)


def open_blocks(path: Path, limits: Limits | None = None) -> Blocks:
    """A file's texts. Raises KnownError: document-missing, -unreadable, -too-large, -kind."""
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise KnownError("translate-kind", name=path.name)
    return kind(path, limits or Limits())


def read_text(path: Path, limits: Limits) -> tuple[str, str]:
    """A text file and its encoding; line breaks are kept. Raises as ``open_blocks``."""
    try:
        with path.open("rb") as file:
            data = file.read(limits.file_bytes + 1)
    except FileNotFoundError as error:
        raise KnownError("document-missing", name=path.name) from error
    except OSError as error:
        raise KnownError("document-unreadable", name=path.name, reason=error.strerror) from error
    if len(data) > limits.file_bytes:
        raise KnownError("document-too-large", name=path.name, limit=f"{limits.file_bytes >> 20} MB")
    decoded = decode(data)
    if decoded is None:
        raise KnownError("document-kind", name=path.name)
    return decoded


def write_file(out: Path, data: bytes) -> None:
    """Write it whole or not at all. Raises KnownError("file-not-written")."""
    scratch = out.with_name(f"{out.name}.{os.getpid()}.new")
    try:
        scratch.write_bytes(data)
        os.replace(scratch, out)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise KnownError("file-not-written", name=out.name, reason=error.strerror) from error


def plain(path: Path, limits: Limits) -> Blocks:
    """TXT: paragraphs; what stands between them stays."""
    text, encoding = read_text(path, limits)
    return Skeleton(paragraphs(text), path.suffix, encoding)


def paragraphs(text: str) -> list[tuple[bool, str]]:
    parts, at = [], 0
    for gap in _PARAGRAPHS.finditer(text):
        parts += [(True, text[at : gap.start()]), (False, gap.group())]
        at = gap.end()
    return [*parts, (True, text[at:])]


def subtitles(path: Path, limits: Limits) -> Blocks:
    """SRT and VTT: the lines of a cue together; numbers, timings, notes and styles stay."""
    text, encoding = read_text(path, limits)
    parts: list[tuple[bool, str]] = []
    spoken = False
    for line in text.splitlines(keepends=True):
        bare = line.rstrip("\r\n")
        if _TIMING.search(bare):
            spoken = True
            parts.append((False, line))
        elif not bare.strip():
            spoken = False
            parts.append((False, line))
        elif not spoken:
            parts.append((False, line))
        elif parts[-1][0]:  # a second line of the same cue
            parts[-1] = (True, parts[-1][1] + line)
        else:
            parts.append((True, line))
    split: list[tuple[bool, str]] = []
    for is_text, part in parts:
        body = part.rstrip("\r\n")
        split += [(True, body), (False, part[len(body) :])] if is_text else [(False, part)]
    return Skeleton(split, path.suffix, encoding)


_KINDS: dict[str, Callable[[Path, Limits], Blocks]] = {
    **dict.fromkeys((".txt", ".text", ".log"), plain),
    **dict.fromkeys((".srt", ".vtt"), subtitles),
}
