"""Files on the disk: what may be read, what is in a folder, and whether a file is still the same."""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from autogpt_desktop.documents.types import Limits
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import NotRegular, check_regular, open_regular

# What a folder is searched for. A file that is named by itself may have any ending.
_SUFFIXES = (
    ".pdf .docx .docm .pptx .pptm .xlsx .xlsm .epub .html .htm .xhtml .md .markdown .rst .txt .text .log .csv"
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


def walk(roots: Iterable[Path]) -> Iterator[Path]:
    """Every file of the kinds in SUFFIXES under the folders, and the files that are named themselves.

    Each once, in order of name. Links are followed, but no folder is entered twice, so a link that
    leads back ends nothing. Hidden folders and files, and what may not be looked into, are left out.
    """
    seen: set[tuple[int, int] | str] = set()
    for root in roots:
        if root.is_dir():
            yield from _walk(root, seen)
        elif _first_time(root, seen):
            yield root


def _walk(folder: Path, seen: set[tuple[int, int] | str]) -> Iterator[Path]:
    waiting = [folder]
    while waiting:
        folder = waiting.pop()
        if not _first_time(folder, seen):
            continue
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError:  # no permission, or gone in the meantime: what is not there cannot be listed
            continue
        inner = []
        for entry in found:
            if entry.name.startswith((".", "~$")) or entry.name in {"node_modules", "__pycache__"}:
                continue
            path = Path(entry.path)
            try:
                if entry.is_dir():
                    inner.append(path)
                elif path.suffix.lower() in SUFFIXES and entry.is_file() and _first_time(path, seen):
                    yield path
            except OSError:  # a link that leads round in a circle
                continue
        waiting += reversed(inner)


def _first_time(path: Path, seen: set[tuple[int, int] | str]) -> bool:
    try:
        status = path.stat()
        identity: tuple[int, int] | str = (status.st_dev, status.st_ino) if status.st_ino else str(path)
    except OSError:
        identity = str(path)  # named, but not there: reading it will say so
    if identity in seen:
        return False
    seen.add(identity)
    return True
