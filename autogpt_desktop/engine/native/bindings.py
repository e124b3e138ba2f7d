"""What ctypes has to know of the library's encoder–decoders (native_seq2seq.cpp)."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

from autogpt_desktop.engine import native


class Shape(ctypes.Structure):
    """Mirrors native::Seq2SeqShape."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("source_vocab", "target_vocab", "hidden", "encoder_layers")),
        *((name, ctypes.c_int32) for name in ("decoder_layers", "encoder_heads", "decoder_heads")),
        *((name, ctypes.c_int32) for name in ("encoder_ffn", "decoder_ffn", "ssru", "pre_norm")),
        *((name, ctypes.c_int32) for name in ("activation", "start", "end")),
        *((name, ctypes.c_float) for name in ("embedding_scale", "eps")),
    ]


class Request(ctypes.Structure):
    """Mirrors native::Request."""

    _fields_ = [
        *((name, ctypes.c_void_p) for name in ("ids", "prefix", "shortlist")),
        *((name, ctypes.c_int32) for name in ("count", "prefix_count", "shortlist_count", "limit")),
    ]


class Options(ctypes.Structure):
    """Mirrors native::SearchOptions."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("beam_size", "n_best", "alignments", "force_end")),
        ("length_penalty", ctypes.c_float),
        *((name, ctypes.c_int32) for name in ("group_tokens", "rows")),
    ]


Callback = ctypes.CFUNCTYPE(ctypes.c_int)


@cache
def library() -> ctypes.CDLL:
    loaded = native.library()
    assert loaded is not None, "check native.library() first"
    pointer, number, long = ctypes.c_void_p, ctypes.c_int, ctypes.c_int64
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "new": (pointer, [ctypes.POINTER(Shape), number, ctypes.c_char_p]),
        "free": (None, [pointer]),
        "kernels": (ctypes.c_char_p, [pointer]),
        "packed_size": (long, [number, number, number]),
        "reserve": (number, [pointer, long]),
        "linear": (number, [pointer, *5 * [number], pointer, pointer, pointer, ctypes.c_float, pointer]),
        "table": (
            number, [pointer, *3 * [number], long, pointer, pointer, pointer, number, ctypes.c_float, pointer]
        ),
        "norm": (number, [pointer, *3 * [number], pointer, pointer]),
        "positions": (None, [pointer, pointer, number]),
        "alignment": (number, [pointer, pointer, number]),
        "suppressed": (number, [pointer, pointer, number]),
        "complete": (number, [pointer]),
        "translate": (
            number,
            [pointer, ctypes.POINTER(Request), number, ctypes.POINTER(Options), number, Callback, pointer],
        ),
        "result": (pointer, [pointer, number, ctypes.POINTER(ctypes.c_int64)]),
        "free_result": (None, [pointer]),
        "encode": (number, [pointer, ctypes.POINTER(Request), number, number, pointer]),
        "rows": (number, [pointer]),
        "position": (number, [pointer, pointer, number]),
        "longest": (number, [pointer]),
        "step": (number, [pointer, pointer, pointer, pointer, number, number, pointer, pointer]),
        "free_state": (None, [pointer]),
    }  # fmt: skip
    for name, (result, arguments) in signatures.items():
        function = getattr(loaded, f"seq2seq_{name}")
        function.restype, function.argtypes = result, arguments
    return loaded
