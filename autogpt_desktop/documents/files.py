"""Files on the disk: what may be read, and whether a file is still the same."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import NotRegular, check_regular, open_regular

# What a folder is searched for. A file that is named by itself may have any ending.
_SUFFIXES = (
    ".pdf .docx .docm .pptx .pptm .xlsx .xlsm .odt .ods .odp .rtf .epub .eml .html .htm .xhtml .md .markdown"
    " .rst .txt .text .log .csv"
    " .tsv .tab .py .pyi .js .mjs .ts .tsx .jsx .java .kt .c .h .cc .cpp .hpp .cs .go .rs .rb .php .pl .swift"
    " .scala .sh .bash .ps1 .bat .sql .r .lua .css .scss .xml .json .jsonl .yaml .yml .toml .ini .cfg .conf"
    " .tex .bib .srt .vtt .org .adoc"
)
SUFFIXES = frozenset(_SUFFIXES.split())


def read_bytes(path: Path, limits: Limits) -> bytes:
    """A regular file's bytes, all of one moment.

    Raises KnownError: document-missing, -unreadable, -link-loop, -not-a-file, -too-large.
    """
    try:
        with open_regular(path) as file:
            if os.fstat(file.fileno()).st_size > limits.file_bytes:
                raise _too_large(path, limits)
            data = file.read(limits.file_bytes + 1)
    except OSError as error:
        raise file_error(path, error) from error
    if len(data) > limits.file_bytes:  # it grew, or the system knows no size for it
        raise _too_large(path, limits)
    return data


def check(path: Path, limits: Limits) -> os.stat_result:
    """What can be known before reading; raises as ``read_bytes`` does."""
    try:
        status = check_regular(path)
    except OSError as error:
        raise file_error(path, error) from error
    if status.st_size > limits.file_bytes:
        raise _too_large(path, limits)
    return status


def _too_large(path: Path, limits: Limits) -> KnownError:
    return KnownError("document-too-large", name=path.name, limit=f"{limits.file_bytes >> 20:,} MB")


def file_error(path: Path, error: OSError) -> KnownError:
    """What the system says about a file, for people."""
    if error.errno == errno.ELOOP:
        return KnownError("document-link-loop", name=path.name)
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return KnownError("document-missing", name=path.name)
    if isinstance(error, NotRegular) or error.errno == errno.ENXIO:
        return KnownError("document-not-a-file", name=path.name)
    return KnownError("document-unreadable", name=path.name, reason=error.strerror or type(error).__name__)


def file_hash(path: Path, limits: Limits) -> str:
    """SHA-256 of a file's bytes; raises as ``read_bytes`` does."""
    check(path, limits)
    digest = hashlib.sha256()
    try:
        with open_regular(path) as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise file_error(path, error) from error
    return digest.hexdigest()
