"""Lines of text from files and from standard input, in whatever encoding they come."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from autogpt_desktop.documents.files import file_error
from autogpt_desktop.documents.text.encoding import find_encoding
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.regular_file import open_regular, open_regular_text

LONGEST = 1 << 20  # characters of a line: what is longer is no list of texts, and would fill the memory
_SAMPLE = 1 << 20  # bytes that tell a file's encoding


def lines_of_stdin() -> Iterator[str]:
    """Lines as they come, without their ends. The first bytes that arrive tell the encoding.

    Raises KnownError: input-not-text, line-too-long.
    """
    stream: Any = sys.stdin  # None: closed by whoever started us
    buffer = getattr(stream, "buffer", None)
    if not isinstance(buffer, io.BufferedReader):
        yield from _lines(stream or io.StringIO(), tr("standard input"))
        return
    encoding = find_encoding(buffer.peek(), complete=False)
    if encoding is None:
        raise KnownError("input-not-text")
    text = io.TextIOWrapper(buffer, encoding=encoding, errors="replace")
    try:
        yield from _lines(text, tr("standard input"))
    finally:
        text.detach()  # or standard input would be closed with it


def lines_of_file(path: Path) -> Iterator[str]:
    """A file's lines without their ends. Raises KnownError: document-kind, line-too-long, and what
    ``files.file_error`` makes."""
    encoding = encoding_of_file(path)
    try:
        with open_regular_text(path, encoding, "replace") as text:
            yield from _lines(text, path.name)
    except OSError as error:
        raise file_error(path, error) from error


def encoding_of_file(path: Path) -> str:
    """By the file's first bytes. Raises as ``lines_of_file`` does."""
    try:
        with open_regular(path) as file:
            encoding = find_encoding(file.read(_SAMPLE), complete=False)
    except OSError as error:
        raise file_error(path, error) from error
    if encoding is None:
        raise KnownError("document-kind", name=path.name)
    return encoding


def _lines(text: TextIO, name: str) -> Iterator[str]:
    while line := text.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise KnownError("line-too-long", name=name, limit=f"{LONGEST:,}")
        yield line.rstrip("\r\n")
