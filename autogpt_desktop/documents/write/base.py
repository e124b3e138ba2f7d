"""What every format of a translated file shares: its texts as Blocks, reading and writing the file whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from autogpt_desktop import atomic
from autogpt_desktop.documents.files import file_error
from autogpt_desktop.documents.text.encoding import decode
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular

NO_PHRASES: Mapping[str, str] = MappingProxyType({})


class Blocks(Protocol):
    """A file as texts. ``suffix`` of what ``write`` makes, which may differ from the file's own.

    ``phrases``: words inside ``texts`` that are bold, a link or the like; what they are in the other
    language, on their own, helps to find them there.
    """

    texts: list[str]
    phrases: list[str]
    suffix: str

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        """Write the file with ``translated`` in place of ``texts``. ``language``: theirs (ISO 639-1).

        Raises KnownError("file-not-written").
        """


class Skeleton:
    """A text file as parts, of which some are texts to translate and the others stay as they are."""

    def __init__(self, parts: Sequence[tuple[bool, str]], suffix: str, encoding: str = "utf-8") -> None:
        self.parts, self.suffix, self.encoding = parts, suffix, encoding
        self.texts = [part for is_text, part in parts if is_text]
        self.phrases: list[str] = []

    def write(
        self,
        translated: Sequence[TranslatedText],
        out: Path,
        language: str = "",
        phrases: Mapping[str, str] = NO_PHRASES,
    ) -> None:
        texts = iter(translated)
        whole = "".join(next(texts).text if is_text else part for is_text, part in self.parts)
        try:
            data = whole.encode(self.encoding)
        except UnicodeEncodeError:  # Chinese in what was Latin-1
            data = whole.encode("utf-8")
        write_file(out, data)


def read_text(path: Path, limits: Limits) -> tuple[str, str]:
    """A text file and its encoding; line breaks are kept. Raises as ``open_blocks``."""
    try:
        with open_regular(path) as file:
            data = file.read(limits.file_bytes + 1)
    except OSError as error:
        raise file_error(path, error) from error
    if len(data) > limits.file_bytes:
        raise KnownError("document-too-large", name=path.name, limit=f"{limits.file_bytes >> 20} MB")
    decoded = decode(data)
    if decoded is None:
        raise KnownError("document-kind", name=path.name)
    return decoded


def write_file(out: Path, data: bytes) -> None:
    """Write it whole or not at all. Raises KnownError("file-not-written")."""
    try:
        atomic.write_bytes(out, [data])
    except OSError as error:
        raise KnownError("file-not-written", name=out.name, reason=error.strerror) from error
