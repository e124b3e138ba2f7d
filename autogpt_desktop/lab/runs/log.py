"""A run's log: one event a line, only ever appended to; read while it grows."""

from __future__ import annotations

import os
from pathlib import Path

from autogpt_desktop.lab.runs.events import Event, Logged, from_line, to_line

_AT_ONCE = 1 << 20  # bytes that are read in one go: thousands of events
_TAIL = 256 << 10  # bytes from the end in which the last events stand


class LogWriter:
    """Appends events, each flushed. A line that was cut, by a kill or a full disk, is taken off first."""

    def __init__(self, path: Path) -> None:
        self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self._end = 0
        try:
            self._end = _end_of_lines(self._handle)
            self._mend()
        except OSError:
            os.close(self._handle)
            raise

    def write(self, seconds: float, event: Event) -> Logged:
        """Raises OSError where the disk is full; the log is as it was then."""
        logged = Logged(round(seconds, 3), event)
        data = (to_line(logged) + "\n").encode("utf-8", "replace")
        try:
            os.lseek(self._handle, self._end, os.SEEK_SET)
            _write_all(self._handle, data)
        except OSError:
            self._mend()
            raise
        self._end += len(data)
        return logged

    def sync(self) -> None:
        """Wait until the disk has it."""
        os.fsync(self._handle)

    def close(self) -> None:
        os.close(self._handle)

    def _mend(self) -> None:
        os.ftruncate(self._handle, self._end)


class LogReader:
    """The events that came since it was asked last. A line that is not whole yet waits for its end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self, most: int = _AT_ONCE) -> list[Logged]:
        """Of about ``most`` bytes at once; [] when there is nothing new. Never raises."""
        try:
            size = self._path.stat().st_size
            if size < self._offset:  # another file has its name
                self._offset = 0
            if size == self._offset:
                return []
            with self._path.open("rb") as file:
                file.seek(self._offset)
                data = file.read(most)
                if len(data) == most and b"\n" not in data:  # one line longer than that
                    data += file.readline()
        except OSError:  # not there yet, or deleted
            return []
        whole = data.rfind(b"\n") + 1
        self._offset += whole
        return _events(data[:whole])

    def read_all(self) -> list[Logged]:
        """All that is there now."""
        events = self.read()
        while more := self.read():
            events += more
        return events


def last_events(path: Path) -> list[Logged]:
    """Those at the end of the log, enough to know how the run stands. Never raises."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            data = file.read()
    except OSError:
        return []
    if size > _TAIL:
        data = data[data.find(b"\n") + 1 :]
    return _events(data[: data.rfind(b"\n") + 1])


def _events(data: bytes) -> list[Logged]:
    lines = data.decode("utf-8", "replace").split("\n")
    return [logged for line in lines if line and (logged := from_line(line)) is not None]


def _end_of_lines(handle: int) -> int:
    """Where the last whole line ends."""
    end = os.lseek(handle, 0, os.SEEK_END)
    while end:
        start = max(0, end - 4096)
        os.lseek(handle, start, os.SEEK_SET)
        found = os.read(handle, end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view) :]
