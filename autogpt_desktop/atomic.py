"""Files that are written whole or not at all: a scratch file takes the old one's place in one step."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

SUFFIX = ".new"  # of scratch files; a process that is killed may leave one
_NAME = 40  # characters of the file's name in the scratch file's: enough to tell whose it is, never too long


@contextmanager
def replacing(path: Path, *, private: bool = False) -> Iterator[Path]:
    """An empty file in the folder of ``path``, to be written; at the end of ``with`` it becomes ``path``.

    Whatever goes wrong, what was there stays and the scratch file goes. ``private``: nobody else on this
    computer may read it (mode 0600). Raises OSError.
    """
    scratch = path.with_name(f"{path.name[:_NAME]}.{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}")
    os.close(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666))
    try:
        yield scratch
        os.replace(scratch, path)
    except BaseException:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, parts: Iterable[Any], *, private: bool = False, durable: bool = False) -> None:
    """Replace a file by buffers (bytes or arrays), one behind the other. Raises OSError.

    ``durable``: wait until it is on the disk, so that a power cut leaves the old or the new one too.
    """
    with replacing(path, private=private) as scratch, scratch.open("wb") as file:
        for part in parts:
            file.write(part)
        if durable:
            file.flush()
            os.fsync(file.fileno())


def write_text(path: Path, text: str, *, private: bool = False, durable: bool = False) -> None:
    """The same for a text, as UTF-8. Half of a surrogate pair, which a broken paste may hold, becomes "?"."""
    write_bytes(path, [text.encode("utf-8", "replace")], private=private, durable=durable)
