"""Are a model's files still what was fetched? Their hashes are computed again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from autogpt_desktop.catalog.entries import FileEntry, catalog
from autogpt_desktop.catalog.hub.kept import read_kept
from autogpt_desktop.catalog.installed import InstalledModel
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress, Result
from autogpt_desktop.regular_file import open_regular

_CHUNK = 1 << 22


def verify(model: InstalledModel) -> Iterator[Progress | Result]:
    """Progress in bytes, and in the end a Result: the sha256 of each file by name.

    Raises KnownError: model-damaged (fetch it again), model-unreadable, model-without-hashes (nobody has
    said what its files should be).
    """
    folder = model.path if os.path.isdir(model.path) else model.path.parent
    files = expected_files(model, folder)
    if not files:
        raise KnownError("model-without-hashes", name=model.title)
    done, total = 0, sum(file.size for file in files)
    hashes: dict[str, str] = {}
    for file in files:
        sha256 = hashlib.sha256()
        git = hashlib.sha1(f"blob {file.size}\0".encode(), usedforsecurity=False)
        try:
            with open_regular(folder / file.name) as data:
                while chunk := data.read(_CHUNK):
                    sha256.update(chunk)
                    git.update(chunk)
                    done += len(chunk)
                    yield Progress("stage.checking", min(done, total), total)
        except FileNotFoundError as error:
            raise KnownError("model-damaged", name=model.title) from error
        except OSError as error:
            reason = error.strerror or str(error)
            raise KnownError("model-unreadable", name=model.title, reason=reason) from error
        right = sha256.hexdigest() == file.sha256 if file.sha256 else git.hexdigest() == file.git_sha1
        if not right:
            raise KnownError("model-damaged", name=model.title)
        hashes[file.name] = sha256.hexdigest()
    yield Result(hashes)


def expected_files(model: InstalledModel, folder: Path) -> tuple[FileEntry, ...]:
    """The files with the hashes that the catalog, or the hub at the download, has said; (): nobody has."""
    entry = catalog().get(model.name)
    if entry is not None and not model.repository:
        return entry.files
    kept = read_kept(folder)
    if (
        kept is None
        or not model.repository
        or not all(file.sha256 or file.git_sha1 for file in kept[0].files)
    ):
        return ()
    return kept[0].files
