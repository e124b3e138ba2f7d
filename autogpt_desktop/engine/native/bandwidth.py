"""How fast the processor reads memory: the limit of decoding, measured and not looked up."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from autogpt_desktop.engine import native

_LEAST = 256 << 20  # bytes
_PASSES = 8


def cpu_bandwidth(threads: int, cache: int) -> float:
    """Bytes per second, the best of several passes over a buffer of 8 times ``cache`` bytes, which no cache
    holds, in huge pages where the system has them. Without the compiled back end one thread sums the same.
    Raises MemoryError.
    """
    size = max(_LEAST, 8 * cache)
    library = native.library()
    if library is not None:
        found = float(library.native_read_bandwidth(threads, size, _PASSES))
        if found <= 0:
            raise MemoryError("no memory to measure its bandwidth")
        return found
    buffer = np.ones(size // 8, dtype=np.int64)
    times = []
    for _ in range(_PASSES):
        began = time.perf_counter()
        buffer.sum()
        times.append(time.perf_counter() - began)
    return size / min(times)


def last_level_cache() -> int:
    """Bytes of the largest cache of the first core; 0 where the system does not say."""
    sizes = [0]
    for file in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size"):
        text = file.read_text().strip()
        unit = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}.get(text[-1:], 1)
        sizes.append(int(text.rstrip("KMG")) * unit)
    return max(sizes)
