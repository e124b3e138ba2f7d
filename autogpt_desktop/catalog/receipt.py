"""What was fetched into a pack's folder, written down there: a pack that nobody has to guess about."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from autogpt_desktop import atomic
from autogpt_desktop.catalog.entries import CatalogModel, Edition, FileEntry
from autogpt_desktop.engine.formats.pack_files import RECEIPT
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import check_regular, file_size, read_regular_text

NAME = RECEIPT
_LARGEST = 1 << 16


class Receipt:
    """The files of a pack as they came, with size and sha256; ``done`` when it has all of them."""

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        values = values or {}
        self.done = bool(values.get("done", False))
        self.facts: dict[str, Any] = {key: values[key] for key in _FACTS if key in values}
        self.files: dict[str, dict[str, Any]] = dict(values.get("files", {}))

    @classmethod
    def read(cls, folder: Path) -> Receipt:
        """That of ``folder``; an empty one where there is none, or one that says senseless things."""
        try:
            small = check_regular(folder / NAME).st_size <= _LARGEST
            values = json.loads(read_regular_text(folder / NAME)) if small else None
        except (OSError, ValueError, RecursionError, KnownError):
            values = None
        return cls(values) if _is_receipt(values) else cls()

    @property
    def pair(self) -> tuple[str, str]:
        """Source and target."""
        source, target = self.facts["pair"]
        return source, target

    def known(self, file: FileEntry) -> FileEntry:
        """``file`` with the size and sha256 that it had when it was unpacked, if it came earlier."""
        came = self.files.get(file.name)
        if file.sha256 or came is None or file.gzip is None or came["from"] != _origin(file):
            return file
        return replace(file, size=came["size"], sha256=came["sha256"])

    def has(self, file: FileEntry, folder: Path) -> bool:
        """Whether it is written down as it lies in ``folder``."""
        came = self.files.get(file.name)
        same = came is not None and came["from"] == _origin(file)
        return same and came is not None and came["size"] == file_size(folder / file.name)

    def add(self, file: FileEntry, folder: Path) -> None:
        """Write down a file that has just come."""
        path = folder / file.name
        with path.open("rb") as data:
            sha256 = hashlib.file_digest(data, "sha256").hexdigest()
        self.files[file.name] = {"size": file_size(path), "sha256": sha256, "from": _origin(file)}
        self.done = False
        self._write(folder)

    def finish(self, model: CatalogModel, edition: Edition, folder: Path) -> None:
        """All of ``edition`` is here: what else an earlier one left goes."""
        names = {file.name for file in edition.files}
        for name in [name for name in self.files if name not in names]:
            (folder / name).unlink(missing_ok=True)
            del self.files[name]
        first = edition.files == model.files
        self.facts = {
            "pair": list(model.pair),
            "architecture": edition.architecture,
            "licence": model.license,
            "comet": model.comet if first else 0.0,  # that of another edition is not known
        }
        self.done = True
        self._write(folder)

    def _write(self, folder: Path) -> None:
        values = {**self.facts, "files": self.files, "done": self.done}
        atomic.write_text(folder / NAME, json.dumps(values, indent=1) + "\n", durable=True)


_FACTS = {"pair": list, "architecture": str, "licence": str, "comet": float}


def _is_receipt(values: Any) -> bool:
    if not isinstance(values, dict) or not isinstance(values.get("files"), dict):
        return False
    for name, came in values["files"].items():
        if not isinstance(came, dict) or Path(name).name != name or not isinstance(came.get("size"), int):
            return False
        if not all(isinstance(came.get(key), str) for key in ("sha256", "from")):
            return False
    if values.get("done") is not True:
        return True
    pair = values.get("pair")
    fits = all(isinstance(values.get(key), kind) for key, kind in _FACTS.items())
    return fits and isinstance(pair, list) and len(pair) == 2 and all(isinstance(code, str) for code in pair)


def _origin(file: FileEntry) -> str:
    """What tells one edition of a file from another."""
    return (file.gzip.sha256 if file.gzip else "") or file.sha256 or str(file.sources[0])
