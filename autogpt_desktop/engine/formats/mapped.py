"""Files that are mapped rather than read, though other programs may change them meanwhile.

A page that is gone, because the file was cut short or its drive went away, ends the process by SIGBUS when
it is read. Three things together keep that from happening, and none of them costs a copy:

- The compiled back end watches the mapped ranges: its handler puts zeros where a page is gone and notes it
  (``native/mapped.h``). It works in any thread, in the middle of a pass, and costs nothing until then.
- ``check`` is asked before and behind each pass, and behind everything that reads a header. It also looks
  at the file's size and time of change (one fstat, four microseconds), which finds what was overwritten.
- What was computed from a lost file is thrown away, and the model is loaded anew when it is next asked for.

Reading instead of mapping would cost the weights' size in memory of our own, and the packing's quickness;
asking before each pass alone would leave the pass itself. Without the compiled back end only ``check`` is
left, and a file that is cut short within a pass still ends the process; so does, on Windows, a network
drive that goes away within one (a file on a local drive cannot be cut short there while it is mapped).
"""

from __future__ import annotations

import mmap
import os
import weakref
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from autogpt_desktop.engine import native
from autogpt_desktop.errors import KnownError


class MappedFile:
    """Watches a file for as long as somebody uses its bytes; it does not keep them mapped itself."""

    def __init__(self, name: str, mapped: mmap.mmap, file: BinaryIO) -> None:
        self.name = name
        self._map = weakref.ref(mapped)
        self._number = -1
        library = native.library()
        if library is not None:
            start = np.frombuffer(mapped, np.uint8).ctypes.data
            self._number = library.native_watch(start, len(mapped))
            if self._number >= 0:
                weakref.finalize(mapped, library.native_unwatch, self._number).atexit = False
        self._library = library
        self._file = os.dup(file.fileno())
        weakref.finalize(mapped, os.close, self._file).atexit = False
        self._stamp = self._look()

    def _look(self) -> tuple[int, int]:
        status = os.fstat(self._file)
        return status.st_size, status.st_mtime_ns

    def is_lost(self) -> bool:
        """Is it in use, and not any more what it was?"""
        mapped = self._map()  # kept here, so that the descriptor stays ours
        if mapped is None:
            return False
        if self._library is not None and self._number >= 0 and self._library.native_lost(self._number):
            return True
        try:
            return self._look() != self._stamp
        except OSError:  # its drive is gone
            return True

    def forget(self) -> None:
        """Give back the memory of pages that were read; one that is asked for again is read again."""
        mapped = self._map()
        if mapped is not None and hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            mapped.madvise(mmap.MADV_DONTNEED)

    def check(self) -> None:
        """Raises KnownError("model-file-lost")."""
        if self.is_lost():
            raise KnownError("model-file-lost", file=self.name)


def map_file(
    path: Path, access: int = mmap.ACCESS_READ, opened: BinaryIO | None = None
) -> tuple[mmap.mmap, MappedFile]:
    """The whole file, mapped, and what watches it. Raises OSError, and ValueError for an empty file."""
    if opened is None:
        with path.open("rb") as file:
            return map_file(path, access, file)
    mapped = mmap.mmap(opened.fileno(), 0, access=access)
    return mapped, MappedFile(path.name, mapped, opened)


def check_files(files: Iterable[MappedFile]) -> None:
    """Raises KnownError("model-file-lost")."""
    for file in files:
        file.check()
