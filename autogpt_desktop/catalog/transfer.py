"""One file over HTTP into a growing file on disk: resumed, retried, never trusted."""

from __future__ import annotations

import errno
import gzip
import http.client
import os
import re
import shutil
import ssl
import time
import urllib.error
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autogpt_desktop.catalog.connection import open_url
from autogpt_desktop.catalog.entries import human_size
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import file_size

CHUNK = 1 << 18
RETRIES = 3  # in a row without a new byte
PAUSE = 0.5  # seconds before the first retry, doubled for each further one
_PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP states that are worth another try
_LONGEST_WAIT = 120.0  # seconds that a server may ask for


class SourceFailed(Exception):
    """This source does not work out; another one may. The text names the technical reason."""

    def __init__(self, reason: str, *, offline: bool = False, status: int = 0) -> None:
        super().__init__(reason)
        self.offline = offline  # nobody answered at all
        self.status = status  # of HTTP, where that was the reason


def stream(url: str, path: Path, *, size: int = 0, limit: int = 0) -> Iterator[tuple[int, int]]:
    """Append ``url`` to ``path`` from where it ends; yields (bytes there, bytes in all or 0).

    ``size`` is what the file must have (0: not known), ``limit`` what it may have at most.
    Closing the generator keeps what came. Yields also while it waits, so that it can be closed.
    Raises SourceFailed, and KnownError for a full or read-only disk.
    """
    failures = 0
    while True:
        have = file_size(path)
        if size and have == size:
            return
        if size and have > size:
            path.unlink()
            have = 0
        try:
            yield from _one_request(url, path, have, size, limit)
            return
        except _Again as error:
            failures = 0 if file_size(path) > have else failures + 1
            if failures >= RETRIES:
                offline = error.offline and not file_size(path)
                raise SourceFailed(str(error), offline=offline, status=error.status) from error
            total = size or 0
            for _ in range(round(max(PAUSE * 2**failures, error.wait) / 0.1)):
                yield file_size(path), total
                time.sleep(0.1)


class _Again(Exception):
    """The connection broke; worth another try."""

    def __init__(self, reason: str, *, offline: bool = False, status: int = 0, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.offline, self.status = offline, status
        self.wait = wait  # seconds that the server asked for


def retry_after(headers: Any) -> float:
    """Seconds that an answer asks to wait, within reason; 0: it does not say, or says a date."""
    value = str(headers.get("Retry-After", "") if headers is not None else "").strip()
    return min(float(value), _LONGEST_WAIT) if re.fullmatch(r"\d{1,6}", value, re.ASCII) else 0.0


def _one_request(url: str, path: Path, have: int, size: int, limit: int) -> Iterator[tuple[int, int]]:
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        response = open_url(url, headers)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == 416 and have:  # there is nothing behind what we have: it is not this file
            path.unlink()
            raise _Again("HTTP 416") from error
        if error.code in _PASSING:
            wait = retry_after(error.headers)
            raise _Again(f"HTTP {error.code}", status=error.code, wait=wait) from error
        raise SourceFailed(f"HTTP {error.code} {error.reason}", status=error.code) from error
    except ValueError as error:  # not an address at all
        raise SourceFailed(str(error)) from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise SourceFailed(f"certificate: {reason.verify_message}") from error
        raise _Again(str(reason) or type(reason).__name__, offline=True) from error
    with response:
        start, total = _range(response, have)
        if size and total and total != size:
            raise SourceFailed(f"offers {total} bytes instead of {size}")
        if limit and total > limit:
            raise SourceFailed(f"offers {total} bytes, more than {limit}")
        yield from _receive(response, path, start, total or size, limit or size)


def _range(response: Any, have: int) -> tuple[int, int]:
    """(where the answer starts, size of the whole file or 0)."""
    length = int(response.headers.get("Content-Length") or 0)
    if getattr(response, "status", None) != 206:  # the server sends everything: begin again
        return 0, length
    match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", "").strip())
    if not match or int(match[1]) != have:
        raise SourceFailed("answers with another range than asked for")
    return have, int(match[3]) if match[3] != "*" else 0


def _receive(response: Any, path: Path, start: int, total: int, limit: int) -> Iterator[tuple[int, int]]:
    done = start
    with writing(path), path.open("ab" if start else "wb") as out:
        yield done, total
        while True:
            try:
                chunk = response.read(CHUNK)
            except (OSError, http.client.HTTPException) as error:
                raise _Again(str(error) or type(error).__name__) from error
            if not chunk:
                break
            done += len(chunk)
            if limit and done > limit:
                raise SourceFailed(f"sends more than {limit} bytes")
            out.write(chunk)
            yield done, total
    if total and done < total:
        raise _Again(f"the connection ended after {done} of {total} bytes")


def gunzip(packed: Path, target: Path, limit: int) -> Iterator[int]:
    """Unpack to at most ``limit`` bytes; yields the bytes written. Raises SourceFailed, KnownError."""
    written = 0
    with gzip.open(packed) as source, writing(target), target.open("wb") as out:
        while chunk := _unpacked(source, packed):
            written += len(chunk)
            if written > limit:
                raise SourceFailed(f"{packed.name} unpacks to more than {limit} bytes")
            out.write(chunk)
            yield written


def _unpacked(source: gzip.GzipFile, packed: Path) -> bytes:
    try:
        return source.read(CHUNK)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise SourceFailed(f"{packed.name} is damaged ({error})") from error


class writing:  # noqa: N801 (used like a function)
    """``with writing(path)``: a full or read-only disk becomes a KnownError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, OSError):
            raise disk_error(error, self.path.parent) from error


def disk_error(error: OSError, folder: Path) -> KnownError:
    """The sentence for an error while writing."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        free = human_size(shutil.disk_usage(folder).free) if os.path.exists(folder) else "0"
        return KnownError("download-disk-full", free=free, folder=str(folder))
    return KnownError("download-not-writable", folder=str(folder), reason=error.strerror or str(error))
