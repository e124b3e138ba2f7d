"""What models can run on here: the processor and graphics cards, their memory, and how fast that is."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from autogpt_desktop.catalog import fit, measured
from autogpt_desktop.engine.memory import physical_memory

_TIMEOUT = 5.0  # seconds for a driver that hangs
_LARGEST_CACHE = 64 << 20  # bytes, of eight times of which bandwidth is measured: a window has other work too
CPU, CUDA, MPS = "cpu", "cuda", "mps"


@dataclass(frozen=True, slots=True)
class Device:
    """``kind`` as in the settings. Bytes; 0: the system does not say. ``bandwidth`` bytes per second; 0: not
    measured yet."""

    kind: str
    name: str
    memory: int
    free: int
    bandwidth: float = 0.0

    @property
    def key(self) -> str:
        """By what its measurements are kept."""
        return f"{self.kind}: {self.name}"


def processor() -> Device:
    """The processor and its memory, as it is now."""
    device = Device(CPU, processor_name(), physical_memory(), fit.memory_free())
    return _with_bandwidth(device)


_others: list[Device] = []  # as they were when ``devices`` was last called


def known_devices() -> list[Device]:
    """As ``devices``, without waiting: what it said last, and the processor as it is now."""
    return [processor(), *_others]


def devices() -> list[Device]:
    """The processor, then what else there is. Asks the graphics driver, which takes a moment: not for the
    GUI thread."""
    found = [processor()]
    if sys.platform == "darwin" and platform.machine() == "arm64":
        memory = found[0]
        found.append(Device(MPS, memory.name, memory.memory, memory.free, memory.bandwidth))
    found += map(_with_bandwidth, graphics_cards())
    _others[:] = found[1:]
    return found


def chosen(known: Iterable[Device], setting: str) -> Device:
    """The one that models run on, as the setting has it: "auto", "cpu", "cuda" or "mps"."""
    known = list(known)
    wanted = (CUDA, MPS) if setting == "auto" else (setting,)
    return next((each for kind in wanted for each in known if each.kind == kind), known[0])


def measure_bandwidth() -> Device:
    """The processor with its memory's rate, which is measured the first time and kept: about half a
    second."""
    device = processor()
    if device.bandwidth:
        return device
    from autogpt_desktop.engine.native.bandwidth import cpu_bandwidth, last_level_cache  # numpy

    try:
        found = cpu_bandwidth(os.cpu_count() or 1, min(last_level_cache(), _LARGEST_CACHE))
    except MemoryError:  # no room for it now: another time
        return device
    measured.keep_bandwidth(device.key, found)
    return Device(device.kind, device.name, device.memory, device.free, found)


def _with_bandwidth(device: Device) -> Device:
    bandwidth = measured.load().bandwidths.get(device.key, 0.0)
    return Device(device.kind, device.name, device.memory, device.free, bandwidth)


@cache
def processor_name() -> str:
    """``Intel(R) Core(TM) i5-1135G7, 8 cores``."""
    name = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        name = next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {os.cpu_count()} cores"


def graphics_cards() -> list[Device]:
    """NVIDIA's, as the driver's own tool lists them. Others run models on the processor here."""
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
    flags = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # Windows: no flash of a terminal
    try:
        done = subprocess.run(
            query, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, creationflags=flags
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return parse_cards(done.stdout) if done.returncode == 0 else []


def parse_cards(text: str) -> list[Device]:
    """The lines of ``name, total, free`` in mebibytes."""
    found = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.rsplit(",", 2)]
        if len(parts) == 3 and parts[1].isdecimal() and parts[2].isdecimal():
            found.append(Device(CUDA, parts[0], int(parts[1]) << 20, int(parts[2]) << 20))
    return found
