"""How fast memory can be read here: the limit of decoding, measured and not looked up."""

from __future__ import annotations

from autogpt_desktop.engine.native.bandwidth import cpu_bandwidth, last_level_cache
from autogpt_desktop.engine.torch_backend.bandwidth import copy_bandwidth

__all__ = ["last_level_cache", "read_bandwidth"]


def read_bandwidth(device: str, threads: int) -> float:
    """Bytes per second of the processor's memory, or of a GPU's. Raises MemoryError."""
    return cpu_bandwidth(threads, last_level_cache()) if device == "cpu" else copy_bandwidth(device)
