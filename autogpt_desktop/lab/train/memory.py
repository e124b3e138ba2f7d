"""Memory that this process holds."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path


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
