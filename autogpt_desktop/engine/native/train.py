"""What ctypes has to know of native_train.cpp: the rows between the products while a model learns."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from autogpt_desktop.engine import native


@cache
def library() -> ctypes.CDLL | None:
    """None where there is no compiled back end, or one that this processor cannot train with."""
    loaded = native.library()
    pointer, number, long, real = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64, ctypes.c_float
    seen: list[Any] = [long, long, long, real]  # queries, groups, before, scale
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "supported": (number, []),
        "rms_norm": (None, [*3 * [number], pointer, pointer, real, *3 * [long], pointer, pointer]),
        "rms_norm_back": (number, [*3 * [number], *4 * [pointer], *3 * [long], pointer, pointer]),
        "swiglu": (None, [number, number, pointer, long, long, pointer]),
        "swiglu_back": (None, [number, number, pointer, pointer, long, long, pointer]),
        "rotary": (None, [number, number, pointer, long, pointer, *4 * [long], number, pointer]),
        "softmax": (None, [number, number, pointer, long, long, *seen]),
        "softmax_back": (None, [number, number, pointer, pointer, long, long, *seen]),
        "cross_entropy": (None, [number, number, pointer, pointer, long, long, real, pointer]),
    }
    try:
        for name, (result, arguments) in signatures.items():
            function = getattr(loaded, f"train_{name}")
            function.restype, function.argtypes = result, arguments
    except AttributeError:  # None, or built before there was this
        return None
    return loaded if loaded is not None and loaded.train_supported() else None
