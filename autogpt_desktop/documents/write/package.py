"""ZIP archives of parts (PPTX, XLSX, OpenDocument, EPUB): some parts change, all others stay."""

from __future__ import annotations

import io
import zipfile
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from autogpt_desktop.documents.files import read_bytes
from autogpt_desktop.documents.read.formats.archive import Archive
from autogpt_desktop.documents.read.formats.parts import Unreadable
from autogpt_desktop.documents.read.reader import Reader
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.documents.write.base import NO_PHRASES, write_file
from autogpt_desktop.documents.write.inline_marks import texts_of
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice


class Unit(Protocol):
    """What is translated at a time."""

    @property
    def text(self) -> str: ...


class Part(Protocol):
    """One member of the archive. ``written`` knows translations by the id of their unit."""

    @property
    def units(self) -> Sequence[Unit]: ...

    def written(
        self, made: Mapping[int, TranslatedText], phrases: Mapping[str, str], language: str = ""
    ) -> bytes: ...


FindParts = Callable[[Archive], Iterator[tuple[str, Part]]]


class Package:
    """``documents.write.base.Blocks`` of such a file. Raises KnownError as ``open_blocks``."""

    wrapped = False
    notices: tuple[Notice, ...] = ()

    def __init__(self, path: Path, limits: Limits, find: FindParts) -> None:
        """``find``: the names of the members that people read, and what they say."""
        self.suffix = path.suffix
        try:
            self._data, archive = open_archive(path, limits)
            self._parts = dict(find(archive))
        except Unreadable as error:
            raise KnownError(error.key, **{"name": path.name, **error.values}) from error
        self._units = [unit for part in self._parts.values() for unit in part.units]
        self.texts, self.phrases = texts_of(self._units, path)

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """As ``Blocks.write``; parts without another text or language are the same bytes."""
        made = dict(zip(map(id, self._units), translated, strict=True))
        parts = self._parts.items()
        write_file(
            out, repacked(self._data, {name: part.written(made, phrases, language) for name, part in parts})
        )


def open_archive(path: Path, limits: Limits) -> tuple[bytes, Archive]:
    """A file's bytes and its members, every one of them read once. Raises KnownError as ``open_blocks``, and
    Unreadable for what is wrong inside."""
    reader = Reader()  # in a process of its own, with limits: what it reads can be opened here
    try:
        reader.read(path, limits)
    finally:
        reader.close()
    data = read_bytes(path, limits)
    archive = Archive(data, limits)
    for member in archive.names:  # rather now than when everything is translated
        deque(archive.blocks(member), maxlen=0)
    return data, archive


def repacked(data: bytes, changed: Mapping[str, bytes]) -> bytes:
    """The archive with changed members; all keep their order, names, dates and how they were packed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for member in old.infolist():
            found = changed.get(member.filename)
            new.writestr(member, old.read(member) if found is None else found)
    return buffer.getvalue()
