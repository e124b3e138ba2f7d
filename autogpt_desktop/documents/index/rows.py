"""How files stand in the index's tables."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop.documents.index.types import FileEntry
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice


def size_and_date(path: Path) -> tuple[int, int]:
    """In bytes and nanoseconds; zeros where it is not there."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_size, status.st_mtime_ns


def stored_path(path: Path) -> str | bytes:
    """As a text where it is one: file names of Linux may be any bytes."""
    raw = os.fsencode(path)
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw


def as_path(stored: str | bytes) -> Path:
    return Path(os.fsdecode(stored))


def file_entry(row: Sequence[Any]) -> FileEntry:
    path, title, language, error, notices, count = row
    key, values = json.loads(error) if error else ("", {})
    known = KnownError(key, **values) if error else None
    told = tuple(Notice(key, values) for key, values in json.loads(notices))
    return FileEntry(as_path(path), title, language, count, known, told)
