"""Models that are split into several GGUF files: ``…-00001-of-00003.gguf`` and so on. Free of numpy."""

from __future__ import annotations

import os
import re
from pathlib import Path

from autogpt_desktop.errors import KnownError

_MAX_PARTS = 1000
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf\Z")


def split_name(name: str) -> tuple[str, int, int] | None:
    """(what all parts are called, which one, of how many); None: it is no part."""
    match = _PART.search(name)
    return (name[: match.start()], int(match[1]), int(match[2])) if match and match.start() else None


def split_files(path: Path, count: int = 0) -> list[Path]:
    """All files of the model that ``path`` is the first of.

    Raises KnownError("gguf-split") where it is another part, or its name does not say ``count`` (0: any).
    """
    parts = split_name(path.name)
    if parts is None or parts[1] != 1 or parts[2] > _MAX_PARTS or (count and parts[2] != count):
        raise KnownError("gguf-split", file=path.name)
    name, _, total = parts
    return [path.with_name(f"{name}-{part:05}-of-{total:05}.gguf") for part in range(1, total + 1)]


def model_files(path: Path) -> list[Path]:
    """The files of a GGUF model: itself, or all its parts where it is the first."""
    parts = split_name(path.name)
    return split_files(path) if parts is not None and parts[1] == 1 and parts[2] <= _MAX_PARTS else [path]


def is_later_part(path: Path) -> bool:
    """Whether it is loaded with the first part, which lies beside it."""
    parts = split_name(path.name)
    if parts is None or parts[1] == 1:
        return False
    return os.path.isfile(path.with_name(f"{parts[0]}-{1:05}-of-{parts[2]:05}.gguf"))
