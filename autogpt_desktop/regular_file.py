"""Files of strangers are opened here: a pipe, a socket or a device may never give what is waited for."""

from __future__ import annotations

import errno
import io
import os
import stat
from pathlib import Path
from typing import BinaryIO, TextIO, TypeVar

T = TypeVar("T")


class NotRegular(OSError):
    """A folder, a pipe, a socket or a device, where a file was expected."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(errno.ENXIO, "not a file, but a folder, a pipe or a device", str(path))


def check_regular(path: Path | str) -> os.stat_result:
    """The status of a regular file, or of the one that a link leads to. Raises OSError, NotRegular."""
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        raise NotRegular(path)
    return status


def is_missing(path: Path | str) -> bool:
    """There is nothing of that name; of what may not be looked at nobody knows."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (OSError, ValueError):
        pass
    return False


def file_size(path: Path) -> int:
    """Bytes of the file, 0 if there is none, or none that one may look at."""
    try:
        return path.stat().st_size
    except (FileNotFoundError, PermissionError):
        return 0


def readable_size(path: Path) -> int:
    """Bytes of a regular file that may be read. Raises OSError, NotRegular."""
    with open_regular(path) as file:
        return os.fstat(file.fileno()).st_size


def open_regular(path: Path | str) -> BinaryIO:
    """Open a regular file to be read, without ever waiting for it. Raises OSError, NotRegular."""
    check_regular(path)  # some devices act when they are opened
    # not blocking, and looked at again: it may have become a pipe meanwhile
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    file = open(handle, "rb")  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        file.close()
        raise NotRegular(path)
    return file


def open_regular_text(
    path: Path | str, encoding: str = "utf-8", errors: str = "strict", newline: str | None = None
) -> TextIO:
    """``open_regular`` as text."""
    return io.TextIOWrapper(open_regular(path), encoding=encoding, errors=errors, newline=newline)


def read_regular(path: Path | str) -> bytes:
    """All bytes of a regular file. Raises OSError, NotRegular."""
    with open_regular(path) as file:
        return file.read()


def read_regular_text(path: Path | str, encoding: str = "utf-8-sig") -> str:
    """A text file's text, of one kind of line end. Raises OSError, NotRegular, UnicodeDecodeError."""
    with open_regular_text(path, encoding) as file:
        return file.read()


def read_if_there(path: Path | str, otherwise: T) -> str | T:
    """The same of a file that need not be there. One that may not be looked at is no such file: OSError."""
    try:
        return read_regular_text(path)
    except (FileNotFoundError, NotADirectoryError):
        return otherwise
