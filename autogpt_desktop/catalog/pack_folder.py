"""A translation pack in a folder: model, shortlist and vocabulary of one pair of languages."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.catalog.receipt import NAME, Receipt
from autogpt_desktop.engine.formats.pack_files import (
    entries,
    file_kind,
    is_pack_folder,
    pack_files,
    pair_of_name,
)
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import check_regular, file_size, read_regular

_SMALL = 1 << 26  # bytes; a vocabulary or a shortlist that is larger is not read as a whole


@dataclass(frozen=True, slots=True)
class Pack:
    """What a pack's folder holds."""

    pair: tuple[str, str]
    files: dict[str, Path]  # by kind: "model", "lex", "vocab", or "srcvocab" and "trgvocab"
    size: int
    architecture: str = ""
    comet: float = 0.0


def is_pack(folder: Path) -> bool:
    """Does the folder look like a pack? One that is still being fetched does not."""
    if not is_pack_folder(folder):
        return False
    unfinished = any(path.name.endswith(".part") for path in entries(folder))
    return not unfinished or Receipt.read(folder).done


def read_pack(folder: Path) -> Pack:
    """What the folder holds, each file looked at. Raises KnownError: pack-incomplete, pack-mixed-up,
    pack-pair-unknown, model-damaged; OSError where a file cannot be read."""
    files: dict[str, Path] = {}
    for name in pack_files(folder):
        kind = file_kind(name)
        if kind in files:
            raise KnownError("pack-mixed-up", name=folder.name, one=files[kind].name, other=name)
        files[kind] = folder / name
    wanted = (
        ("model", "srcvocab", "trgvocab")
        if "srcvocab" in files or "trgvocab" in files
        else ("model", "vocab")
    )
    for kind in wanted:
        if kind not in files:
            raise KnownError("pack-incomplete", name=folder.name, missing=f"{kind}.*")
    size = sum(check_regular(path).st_size for path in files.values())
    receipt = Receipt.read(folder)
    if receipt.done:
        _check(receipt, folder, files)
        facts = receipt.facts
        return Pack(receipt.pair, files, size, facts["architecture"], facts["comet"])
    return Pack(_pair_of(folder, files), files, size)


def stamp(folder: Path) -> list[int]:
    """Changes when a file of the pack does."""
    states = [(folder / name).stat() for name in [*pack_files(folder), NAME] if os.path.exists(folder / name)]
    return [sum(state.st_size for state in states), max((state.st_mtime_ns for state in states), default=0)]


def _check(receipt: Receipt, folder: Path, files: dict[str, Path]) -> None:
    """The files are those that came: all by their size, the small ones by what is in them, too."""
    for kind, path in files.items():
        came = receipt.files.get(path.name)
        if came is None:
            raise KnownError("pack-mixed-up", name=folder.name, one=files["model"].name, other=path.name)
        whole = file_size(path) == came["size"]
        if whole and kind != "model" and came["size"] <= _SMALL:
            whole = hashlib.sha256(read_regular(path)).hexdigest() == came["sha256"]
        if not whole:
            raise KnownError("model-damaged", name=folder.name)


def _pair_of(folder: Path, files: dict[str, Path]) -> tuple[str, str]:
    """Source and target, by the names of the files, which must agree."""
    found: dict[tuple[str, str], Path] = {}
    for path in files.values():
        if pair := pair_of_name(path.name):
            found.setdefault(pair, path)
    if len(found) > 1:
        one, other = list(found.values())[:2]
        raise KnownError("pack-mixed-up", name=folder.name, one=one.name, other=other.name)
    if not found:
        raise KnownError("pack-pair-unknown", name=folder.name)
    return next(iter(found))
