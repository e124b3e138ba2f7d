"""How fast a GPU reads its memory, measured."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

_LEAST = 256 << 20  # bytes
_PASSES = 8


def copy_bandwidth(device: str) -> float:
    """Bytes per second: memory is copied, which reads and writes, and both count. Raises MemoryError,
    RuntimeError where there is no room for two buffers of 256 MB."""
    source = torch.ones(_LEAST, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * _LEAST / min(_seconds(lambda: target.copy_(source), device) for _ in range(_PASSES))


def _seconds(task: Callable[[], object], device: str) -> float:
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
