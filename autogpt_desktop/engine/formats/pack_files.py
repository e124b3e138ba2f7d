"""Which files of a folder make a translation pack, and of which pair of languages."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from autogpt_desktop.regular_file import check_regular, read_regular_text

RECEIPT = "pack.json"  # what was fetched; see catalog.receipt
_LARGEST_RECEIPT = 1 << 16
# What a file may be: the model, its shortlist, one vocabulary, or one for each side.
_FILE = re.compile(r"(?P<kind>model|lex|vocab|srcvocab|trgvocab)\.[A-Za-z0-9._-]+\.(?:bin|spm)")
_PAIR = re.compile(r"\.([a-z]{2})([a-z]{2})\.")  # in the names of a pack's files: model.enpt.intgemm…


def file_kind(name: str) -> str:
    """ "model", "lex", "vocab", "srcvocab" or "trgvocab". Raises ValueError for anything else."""
    match = _FILE.fullmatch(name)
    if not match:
        raise ValueError(f"{name[:80]!r} is no file of a pack")
    return match["kind"]


def entries(folder: Path) -> list[Path]:
    """What lies in a folder; [] of one that is gone, or not ours to read."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def pack_files(folder: Path) -> list[str]:
    """The names of a pack's files in ``folder``."""
    return [path.name for path in entries(folder) if _FILE.fullmatch(path.name)]


def is_pack_folder(folder: Path) -> bool:
    """Does it hold a Marian model, and no model of Hugging Face?"""
    model = any(name.startswith("model.") for name in pack_files(folder))
    return model and not os.path.isfile(folder / "config.json")


def pair_of_name(name: str) -> tuple[str, str] | None:
    """Source and target by the name of a pack's file."""
    match = _PAIR.search(name)
    return (match[1], match[2]) if match else None


def pair_of_folder(folder: Path) -> tuple[str, str] | None:
    """Source and target: as it was written down when the pack came, or by the name of the model's file."""
    try:
        if check_regular(folder / RECEIPT).st_size <= _LARGEST_RECEIPT:
            source, target = json.loads(read_regular_text(folder / RECEIPT))["pair"]
            if isinstance(source, str) and isinstance(target, str):
                return source, target
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass
    return next((pair_of_name(name) for name in pack_files(folder) if name.startswith("model.")), None)
