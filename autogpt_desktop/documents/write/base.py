"""What every format of a translated file shares: its texts as Blocks, reading and writing the file whole."""

from __future__ import annotations

import codecs
import errno
import os
import secrets
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Protocol

from autogpt_desktop import atomic
from autogpt_desktop.documents.files import file_error
from autogpt_desktop.documents.text.encoding import decode
from autogpt_desktop.documents.types import Limits, TranslatedText
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.regular_file import open_regular

_MARKS = [
    (codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"),
]  # fmt: skip
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur"})
LANGUAGE_TAGS = {  # as office programs write them
    "en": "en-US", "fr": "fr-FR", "de": "de-DE", "es": "es-ES", "pt": "pt-PT", "it": "it-IT", "ru": "ru-RU",
    "zh": "zh-CN", "ja": "ja-JP", "ko": "ko-KR", "ar": "ar-SA", "fa": "fa-IR", "he": "he-IL", "ur": "ur-PK",
    "zh-Hant": "zh-TW", "nl": "nl-NL", "pl": "pl-PL", "cs": "cs-CZ", "sk": "sk-SK", "sl": "sl-SI",
    "hr": "hr-HR", "sr": "sr-Cyrl-RS", "bs": "bs-Latn-BA", "bg": "bg-BG", "ro": "ro-RO", "hu": "hu-HU",
    "el": "el-GR", "tr": "tr-TR", "uk": "uk-UA", "sv": "sv-SE", "da": "da-DK", "nb": "nb-NO", "no": "nb-NO",
    "nn": "nn-NO", "fi": "fi-FI", "et": "et-EE", "lv": "lv-LV", "lt": "lt-LT", "is": "is-IS", "ca": "ca-ES",
    "gl": "gl-ES", "eu": "eu-ES", "sq": "sq-AL", "id": "id-ID", "ms": "ms-MY", "vi": "vi-VN", "th": "th-TH",
    "hi": "hi-IN", "bn": "bn-BD",
}  # fmt: skip
NO_PHRASES: Mapping[str, str] = MappingProxyType({})


class Blocks(Protocol):
    """A file as texts. ``suffix`` of what ``write`` makes, which may differ from the file's own.

    ``phrases``: words inside ``texts`` that are bold, a link or the like; what they are in the other
    language, on their own, helps to find them there.
    """

    texts: list[str]
    phrases: list[str]
    suffix: str
    notices: tuple[Notice, ...]  # what of the file is not translated
    wrapped: bool  # a line break in a text says nothing: its lines are as long as they fitted

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

    wrapped = False
    notices: tuple[Notice, ...] = ()

    def __init__(
        self,
        parts: Sequence[tuple[bool, str]],
        suffix: str,
        encoding: str = "utf-8",
        under: bool = False,
    ) -> None:
        """``under``: the original stays, with the translation under it."""
        self.parts, self.suffix, self.encoding, self._under = parts, suffix, encoding, under
        self._line_end = "\r\n" if any("\r\n" in part for _, part in parts) else "\n"
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
        whole = "".join(
            self._written(part, next(texts).text) if is_text else part for is_text, part in self.parts
        )
        write_file(out, encoded(whole, self.encoding))

    def _written(self, old: str, new: str) -> str:
        if not self._under or old == new:
            return new
        body = old.rstrip("\r\n")  # the end of the file's last line
        several = "\n" in body.strip()  # lines of two languages stand apart
        return body + self._line_end * (1 + several) + new


def encoded(text: str, encoding: str) -> bytes:
    """In an encoding of ``read_text`` where it has the characters, else in UTF-8."""
    for mark, name in _MARKS:
        if encoding == f"{name} with mark":
            return mark + text.encode(name)
    try:
        return text.encode(encoding)
    except UnicodeEncodeError:  # Chinese in what was Latin-1
        return text.encode("utf-8")


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
    text, encoding = decoded
    for mark, name in _MARKS:
        if encoding in ("utf-16", "utf-32") and data.startswith(mark):
            return text, f"{name} with mark"  # of "utf-16" alone, the order of the bytes would be lost
    return text, encoding


def write_file(out: Path, data: bytes) -> None:
    """Write it whole or not at all. Raises KnownError("file-not-written")."""
    try:
        atomic.write_bytes(out, [data])
    except OSError as error:
        raise KnownError("file-not-written", name=out.name, reason=error.strerror) from error


def check_name(out: Path) -> None:
    """Raises KnownError("file-name-too-long") for a name or a path that the system does not take."""
    posix = os.name == "posix"
    name = out.name.encode("utf-8" if posix else "utf-16-le", "surrogatepass")
    whole = str(out.absolute()).encode("utf-8", "surrogatepass")
    if len(name) > (_limit(out.parent, "PC_NAME_MAX", 255) if posix else 2 * 255) or (
        posix and len(whole) >= _limit(out.parent, "PC_PATH_MAX", 4096)
    ):
        raise KnownError("file-name-too-long", name=out.name)


def check_writable(out: Path, size: int) -> None:
    """Whether a file of about ``size`` bytes can be written here, before hours of work go into it.

    Raises KnownError: file-name-too-long, file-not-written, disk-no-room.
    """
    check_name(out)
    scratch = out.with_name(f".{secrets.token_hex(8)}{atomic.SUFFIX}")
    try:
        try:
            scratch.write_bytes(bytes(4096))
        finally:
            scratch.unlink(missing_ok=True)
        free = shutil.disk_usage(out.parent).free
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise KnownError("file-name-too-long", name=out.name) from error
        if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", 0)):
            raise KnownError("disk-no-room", name=out.name) from error
        raise KnownError("file-not-written", name=out.name, reason=error.strerror) from error
    if free < size:
        raise KnownError("disk-no-room", name=out.name)


def _limit(folder: Path, name: str, usual: int) -> int:
    try:
        return os.pathconf(folder, name) if hasattr(os, "pathconf") else usual
    except (OSError, ValueError):
        return usual
