"""How fast memory can be read here: the limit of decoding, measured and not looked up."""

from __future__ import annotations

import time
from pathlib import Path

import torch

from autogpt_desktop.engine import native

_LEAST = 256 << 20  # bytes
_PASSES = 8


def read_bandwidth(device: str, threads: int) -> float:
    """Bytes per second, the best of several passes over a buffer that no cache holds.

    On the CPU ``threads`` read at least 8 times the last-level cache, in huge pages where the system has
    them; without the compiled back end torch sums the same. On a GPU its memory is copied, which reads
    and writes, and both count. Raises MemoryError.
    """
    if device != "cpu":
        return _copy_bandwidth(device)
    size = max(_LEAST, 8 * last_level_cache())
    library = native.library()
    if library is not None:
        found = float(library.native_read_bandwidth(threads, size, _PASSES))
        if found <= 0:
            raise MemoryError("no memory to measure its bandwidth")
        return found
    buffer = torch.ones(size // 8, dtype=torch.int64)
    return size / min(_seconds(buffer.sum, "cpu") for _ in range(_PASSES))


def _copy_bandwidth(device: str) -> float:
    source = torch.ones(_LEAST, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * _LEAST / min(_seconds(lambda: target.copy_(source), device) for _ in range(_PASSES))


def _seconds(task: object, device: str) -> float:
    assert callable(task)
    _wait(device)
    began = time.perf_counter()
    task()
    _wait(device)
    return time.perf_counter() - began


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


def last_level_cache() -> int:
    """Bytes of the largest cache of the first core; 0 where the system does not say."""
    sizes = [0]
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = file.read_text().strip()
        unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:], 1)
        sizes.append(int(text.rstrip("KMG")) * unit)
    return max(sizes)
