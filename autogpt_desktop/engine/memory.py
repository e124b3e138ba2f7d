"""Telling that memory ran out: every back end has its own way to say it."""

from __future__ import annotations

import torch

_WORDS = ("out of memory", "can't allocate", "alloc_failed", "not enough memory")


def out_of_memory(error: BaseException) -> bool:
    """Is it Python's, torch's (CPU: a plain RuntimeError), CUDA's, cuBLAS's or MPS's lack of memory?"""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(words in text for words in _WORDS)
