"""The compiled CPU back end: packed weights and whole passes in C++, loaded with ctypes.

It is built by setup.py as an optional extension. Without it (no compiler at install time) ``library``
is None and the decoder runs on torch.
"""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from itertools import count, takewhile
from pathlib import Path

log = logging.getLogger(__name__)
_VERSION = 6


class Shape(ctypes.Structure):
    """Mirrors native::Shape in shape.h."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("vocab", "hidden", "intermediate", "layers", "heads")),
        *((name, ctypes.c_int32) for name in ("kv_heads", "head_dim", "sliding_window", "gelu")),
        *((name, ctypes.c_float) for name in ("eps", "embedding_scale", "query_scale")),
        *((name, ctypes.c_float) for name in ("attn_softcap", "final_softcap")),
        *((name, ctypes.c_float) for name in ("residual_scale", "logit_scale", "temperature")),
        *((name, ctypes.c_int32) for name in ("temperature_length", "qk_norm")),
        *((name, ctypes.c_int32) for name in ("conv_kernel", "key_heads", "value_heads", "key_dim")),
        *((name, ctypes.c_int32) for name in ("value_dim", "tiled_heads", "attention_gate")),
    ]


class Sequence(ctypes.Structure):
    """Mirrors native::Sequence in shape.h."""

    _fields_ = [
        ("cache", ctypes.c_void_p),
        ("scales", ctypes.c_void_p),
        ("capacity", ctypes.c_int64),
        ("start", ctypes.c_int32),
        ("count", ctypes.c_int32),
        ("before", ctypes.c_void_p),
        ("after", ctypes.c_void_p),
    ]


@cache
def library() -> ctypes.CDLL | None:
    """The built library beside this file, or None; says so once in the log."""
    built = sorted(path for path in Path(__file__).parent.glob("_native*") if path.suffix in (".so", ".pyd"))
    for path in built:
        try:
            loaded = ctypes.CDLL(str(path))
            if loaded.native_version() == _VERSION:
                return _declared(loaded)
        except (OSError, AttributeError) as error:  # built for another system or by another version
            log.warning("the compiled back end %s cannot be used: %s", path.name, error)
    log.info("there is no compiled back end here; the CPU runs on torch, more slowly")
    return None


def kernel_sets() -> tuple[str, ...]:
    """The sets of kernels that this processor can run, the fastest first; none without the library."""
    lib = library()
    if lib is None:
        return ()
    return tuple(name.decode() for name in takewhile(bool, map(lib.native_kernel_set, count())))


def _declared(lib: ctypes.CDLL) -> ctypes.CDLL:
    pointer, number, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    signatures = {
        "native_sources": (ctypes.c_char_p, []),
        "native_kernel_set": (ctypes.c_char_p, [number]),
        "native_new": (pointer, [ctypes.POINTER(Shape), number, ctypes.c_char_p]),
        "native_free": (None, [pointer]),
        "native_kernels": (ctypes.c_char_p, [pointer]),
        "native_nbytes": (ctypes.c_int64, [pointer]),
        "native_kind": (number, [number]),
        "native_packed_bytes": (long, [number, number, number]),
        "native_reserve": (number, [pointer, long]),
        "native_weights": (pointer, [pointer]),
        "native_matrix": (number, [pointer, *6 * [number], pointer, pointer, number, number]),
        "native_place": (number, [pointer, *5 * [number], pointer]),
        "native_share": (number, [pointer, pointer]),
        "native_adapt": (number, [pointer, *5 * [number], pointer, pointer, ctypes.c_float]),
        "native_checksum": (ctypes.c_uint64, [pointer, pointer, long]),
        "native_short_checksum": (ctypes.c_uint64, [pointer, long]),
        "native_layout": (ctypes.c_uint64, []),
        "native_watch": (number, [pointer, long]),
        "native_lost": (number, [number]),
        "native_unwatch": (None, [number]),
        "native_strings_end": (long, [pointer, long, long, long, pointer, pointer]),
        "native_join_strings": (None, [pointer, long, number, pointer]),
        "native_vector": (number, [pointer, number, number, pointer, number]),
        "native_sliding": (None, [pointer, number, number]),
        "native_layer_kind": (None, [pointer, number, number]),
        "native_unrotated": (None, [pointer, number, number]),
        "native_begin": (number, [pointer, pointer, pointer, pointer, number]),
        "native_layers": (number, [pointer, number, number, pointer, pointer]),
        "native_logits": (number, [pointer, pointer, number, pointer]),
        "native_hidden": (number, [pointer, pointer, number, pointer]),
        "native_product": (number, [pointer, pointer, number, pointer]),
        "native_read_bandwidth": (ctypes.c_double, [number, ctypes.c_int64, number]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    return lib
