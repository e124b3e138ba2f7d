"""Memory that ran out, which every back end says in its own way, and memory that is given back."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import cache
from pathlib import Path

_WORDS = ("out of memory", "can't allocate", "alloc_failed", "not enough memory")


def out_of_memory(error: BaseException) -> bool:
    """Is it Python's, torch's (CPU: a plain RuntimeError), CUDA's, cuBLAS's or MPS's lack of memory?"""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":  # the latter is torch's
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _WORDS)


def trim_heap() -> None:
    """Hand freed memory back to the system.

    glibc keeps what packing the weights used and freed, which is more than the packed weights take.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(0)


def peak_memory() -> int:
    """Bytes of memory that this process has taken at the most since ``reset_peak``; 0: not known, as where
    the peak cannot be reset."""
    try:
        status = Path("/proc/self/status").read_text()
        return next(int(line.split()[1]) << 10 for line in status.splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0


def reset_peak() -> None:
    """From now on ``peak_memory`` counts anew, where the system can do that (proc(5))."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


@cache
def physical_memory() -> int:
    """Bytes of memory that this machine has, or less where a container's control group allows less."""
    if sys.platform == "win32":
        kilobytes = ctypes.c_ulonglong()
        ctypes.windll.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
        return kilobytes.value * 1024
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            total = min(total, int((Path("/sys/fs/cgroup") / name).read_text()))
        except (OSError, ValueError):  # no such group, or "max": no limit
            continue
    return total
