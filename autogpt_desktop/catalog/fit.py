"""Does a model fit into this computer's memory? An estimate to warn with, before it is loaded."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

from autogpt_desktop.catalog.catalogue import CatalogueModel
from autogpt_desktop.catalog.installed import InstalledModel

# Weights in memory are at most this much larger than their file (measured, see the README).
WEIGHT_FACTOR = 1.6
# torch itself, activations of one prefill chunk, the logits.
FIXED_BYTES = 400 * 1024**2


def memory_needed(model: CatalogueModel | InstalledModel, context: int = 0) -> int:
    """Bytes to run ``model`` with ``context`` tokens (0: all that it can)."""
    factor = WEIGHT_FACTOR if model.kind == "decoder" else 1.0  # encoders stay as they are
    tokens = min(context, model.context) if context and model.context else context or model.context
    return int(model.size * factor) + tokens * model.kv_bytes_per_token + FIXED_BYTES


def memory_free() -> int:
    """Bytes that programs can still have without swapping; 0: the system does not say."""
    if sys.platform == "win32":
        return _windows_free()
    if sys.platform == "darwin":
        return _macos_free(subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True).stdout)
    return _linux_free(Path("/"))


def fits(model: CatalogueModel | InstalledModel, context: int = 0) -> bool:
    """Whether there is room for it now. An unknown amount of memory counts as enough."""
    free = memory_free()
    return free == 0 or memory_needed(model, context) <= free


def _linux_free(root: Path) -> int:
    """What /proc/meminfo has available, or less where the control group of a container allows less."""
    try:
        lines = (root / "proc/meminfo").read_text().splitlines()
    except OSError:
        return 0
    available = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), 0)
    group = root / "sys/fs/cgroup"
    for folder, limit, used in (
        (group, "memory.max", "memory.current"),
        (group / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        try:
            room = int((folder / limit).read_text()) - int((folder / used).read_text())
            stat = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
        except (OSError, ValueError):  # no such group, or "max": no limit
            continue
        room += int(stat.get("inactive_file", 0))  # file cache that the kernel gives back
        available = min(available, max(room, 0))
    return available


def _macos_free(vm_stat: str) -> int:
    """Pages that ``vm_stat`` counts as free, inactive, speculative or purgeable."""
    page = 4096
    pages = 0
    for line in vm_stat.splitlines():
        if "page size of" in line:
            page = int(line.split("page size of")[1].split()[0])
        name, _, value = line.partition(":")
        if name in ("Pages free", "Pages inactive", "Pages speculative", "Pages purgeable"):
            pages += int(value.strip().rstrip("."))
    return pages * page


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = [
        ("length", ctypes.c_uint32),
        ("load", ctypes.c_uint32),
        *((name, ctypes.c_uint64) for name in ("total", "available", "a", "b", "c", "d", "e")),
    ]


def _windows_free() -> int:
    if sys.platform != "win32":
        return 0
    status = _MemoryStatus(length=ctypes.sizeof(_MemoryStatus))
    done = ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
    return int(status.available) if done else 0
