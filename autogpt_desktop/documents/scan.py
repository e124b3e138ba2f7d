"""What a folder holds: the files that can be read, and what is left out with the reason."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autogpt_desktop.documents.files import SUFFIXES
from autogpt_desktop.errors import KnownError

MOST_FILES = 100_000  # that are taken of a collection
MOST_ENTRIES = 1_000_000  # that are looked at in a collection's folders
_STEP = 500  # entries between two None
_PASSED_OVER = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file or folder that was left out. ``key`` of the KnownError that says why."""

    path: Path
    key: str  # skipped-kind, -hidden, -link, -special, -closed, -many; also -folder, -rest, -full

    def error(self) -> KnownError:
        name = os.fsencode(self.path.name or str(self.path)).decode("utf-8", errors="replace")
        return KnownError(self.key, name=name, most=f"{MOST_FILES:,}")


@dataclass(slots=True)
class _State:
    seen: set[tuple[int, int] | str]
    named: frozenset[Path]
    files: int = 0
    entries: int = 0

    def full(self) -> bool:
        return self.files >= MOST_FILES or self.entries >= MOST_ENTRIES


def walk(roots: Iterable[Path]) -> Iterator[Path]:
    """The files of ``scan``."""
    return (found for found in scan(roots) if isinstance(found, Path))


def scan(roots: Iterable[Path]) -> Iterator[Path | Skipped | None]:
    """Every file of the kinds in SUFFIXES under the folders, and the files that are named themselves.

    Each once, in order of name. No link leads out of the folder that was named, and a folder is entered
    under its own name alone. What is left out comes as Skipped; None comes now and then, so that the
    caller can do something else meanwhile.
    """
    roots = list(roots)
    state = _State(set(), frozenset(roots))
    for root in roots:
        if os.path.isdir(root):
            yield from _folder(root, state)
        elif _first_time(root, state):
            yield root


def _folder(root: Path, state: _State) -> Iterator[Path | Skipped | None]:
    real = os.path.realpath(root)
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        if not _first_time(folder, state):
            continue
        if state.full():
            yield Skipped(folder, "skipped-many")
            return
        inner = []
        try:
            with os.scandir(folder) as listed:
                entries = []
                for entry in listed:
                    entries.append(entry)
                    state.entries += 1
                    if state.entries % _STEP == 0:
                        yield None
                    if state.entries >= MOST_ENTRIES:
                        break
        except OSError:  # no permission, or gone in the meantime
            yield Skipped(folder, "skipped-closed")
            continue
        for entry in sorted(entries, key=lambda entry: entry.name):
            found = _look(entry, real)
            if found == "folder":
                inner.append(Path(entry.path))
            elif found.startswith("skipped-") and Path(entry.path) not in state.named:
                yield Skipped(Path(entry.path), found)
            elif found == "file" and _first_time(Path(entry.path), state):
                if state.full():
                    yield Skipped(folder, "skipped-many")
                    return
                state.files += 1
                yield Path(entry.path)
        waiting += reversed(inner)


def _look(entry: os.DirEntry[str], real: str) -> str:
    """ "file", "folder", the key of the reason to leave it out, or "": it is found elsewhere, or is no
    document at all."""
    if entry.name.startswith("~$"):  # Office's note that a file is open
        return ""
    if entry.name.startswith(".") or entry.name in _PASSED_OVER:
        return "skipped-hidden"
    try:
        mode = entry.stat().st_mode
        folder = stat.S_ISDIR(mode)
        # junctions of Windows are no symbolic links
        if (entry.is_symlink() or (folder and os.name == "nt")) and not _inside(entry.path, real):
            return "skipped-link"
        if folder:
            return "" if entry.is_symlink() else "folder"  # inside: it is entered under its own name
        if not stat.S_ISREG(mode):
            return "skipped-special"
        return "file" if os.path.splitext(entry.name)[1].lower() in SUFFIXES else "skipped-kind"
    except OSError:  # a link that leads nowhere or round in a circle, or nothing that may be looked at
        return "skipped-closed"


def _inside(path: str, real: str) -> bool:
    target = os.path.realpath(path)
    return target == real or target.startswith(real.rstrip(os.sep) + os.sep)


def _first_time(path: Path, state: _State) -> bool:
    try:
        status = path.stat()
        identity: tuple[int, int] | str = (status.st_dev, status.st_ino) if status.st_ino else str(path)
    except OSError:
        identity = str(path)  # named, but not there: reading it will say so
    if identity in state.seen:
        return False
    state.seen.add(identity)
    return True
