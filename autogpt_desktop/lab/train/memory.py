"""Memory that this process holds, and the most that it held."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from autogpt_desktop.engine.memory import trim_heap
from autogpt_desktop.lab.runs.events import Event, Memory

T = TypeVar("T")

_SAMPLED = 0.05  # seconds between two looks where the system keeps no mark that can be set back


class PeakMemory:
    """The most that the process held since this was made.

    On Linux the kernel's own high-water mark, which misses no moment; elsewhere looks in short turns. Pages
    of files that were mapped since then do not count, weights and token ids: the system takes them back
    when it wants.
    """

    def __init__(self) -> None:
        self.base = held_bytes()
        self._files, self._most, self._end = _mapped_bytes(), self.base, threading.Event()
        self._marked = _reset_mark()
        if not self._marked:
            threading.Thread(target=self._look, name="memory", daemon=True).start()

    def bytes(self) -> int:
        """So far."""
        held = _status("VmHWM") if self._marked else max(self._most, resident_bytes())
        return held - max(0, _mapped_bytes() - self._files)

    def close(self) -> None:
        self._end.set()

    def _look(self) -> None:
        while not self._end.wait(_SAMPLED):
            self._most = max(self._most, resident_bytes())


def watched(needs: int, work: Generator[Event, None, T]) -> Generator[Event, None, T]:
    """Say what ``work`` will take beside what is held now, ``needs``, and behind it what it took."""
    peak = PeakMemory()
    forecast = peak.base + needs
    try:
        yield Memory(forecast)
        result = yield from work
        yield Memory(forecast, peak.bytes())
        return result
    finally:
        peak.close()


def held_bytes() -> int:
    """Bytes in memory now, without what was freed."""
    gc.collect()
    trim_heap()
    return resident_bytes()


def resident_bytes() -> int:
    """Bytes in memory now; 0 where the system does not say."""
    if sys.platform == "linux":
        try:
            return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, IndexError):
            return 0
    if sys.platform == "win32":
        return _windows_working_set()
    try:
        import resource

        return int(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)  # macOS: bytes, the largest so far
    except (ImportError, OSError):
        return 0


def _status(name: str) -> int:
    """A line of Linux's account of this process, in bytes; 0: there is none."""
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) * 1024
    return 0


def _mapped_bytes() -> int:
    return _status("RssFile") if sys.platform == "linux" else 0


def _reset_mark() -> bool:
    """Set the kernel's high-water mark to what is held now."""
    if sys.platform != "linux":
        return False
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:  # some containers forbid it
        return False
    return _status("VmHWM") > 0


def _windows_working_set() -> int:
    class Counters(ctypes.Structure):
        _fields_ = [
            ("cb", ctypes.c_ulong),
            ("PageFaultCount", ctypes.c_ulong),
            *(
                (name, ctypes.c_size_t)
                for name in (
                    *("PeakWorkingSetSize", "WorkingSetSize", "QuotaPeakPagedPoolUsage"),
                    *("QuotaPagedPoolUsage", "QuotaPeakNonPagedPoolUsage", "QuotaNonPagedPoolUsage"),
                    *("PagefileUsage", "PeakPagefileUsage"),
                )
            ),
        ]

    counters = Counters()
    counters.cb = ctypes.sizeof(counters)
    windll = getattr(ctypes, "windll")  # noqa: B009 - only there on Windows
    process = ctypes.c_void_p(windll.kernel32.GetCurrentProcess())
    if not windll.kernel32.K32GetProcessMemoryInfo(process, ctypes.byref(counters), counters.cb):
        return 0
    return int(counters.WorkingSetSize)
