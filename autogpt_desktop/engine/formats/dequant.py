"""ggml's block formats, taken apart with numpy: integers, scales and minima, or plain float32.

Layouts and rounding follow ggml's reference (ggml-quants.c); results equal those of the ``gguf``
package bit by bit, for the order of the float32 operations is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from autogpt_desktop.engine.formats.gguf import BLOCK

GROUP: dict[str, int] = {
    "Q4_0": 32, "Q4_1": 32, "Q5_0": 32, "Q5_1": 32, "Q8_0": 32, "Q4_K": 32, "Q5_K": 32,
    "Q2_K": 16, "Q3_K": 16, "Q6_K": 16,
}  # fmt: skip
"""The values that share one scale, for every grouped format."""

BITS: dict[str, int] = {
    "Q4_0": 4, "Q4_1": 4, "Q5_0": 5, "Q5_1": 5, "Q8_0": 8, "Q4_K": 4, "Q5_K": 5,
    "Q2_K": 2, "Q3_K": 3, "Q6_K": 6,
}  # fmt: skip
"""Bits of an integer, for every grouped format."""

_CHUNK_VALUES = 1 << 18  # temporaries stay in the processor's cache

Array = np.ndarray
Parts = tuple[Array, Array, Array | None]


@dataclass(frozen=True)
class Unpacked:
    """A grouped tensor: ``w = q * scale + min``, scale and min repeated over each group.

    ``q`` is uint8 (0 … 2^bits - 1) where there are minima, else int8 (-2^(bits-1) … 2^(bits-1) - 1).
    """

    q: np.ndarray  # [rows, columns] int8 or uint8
    scale: np.ndarray  # [rows, columns / group] float32
    min: np.ndarray | None  # [rows, columns / group] float32; None: zero
    group: int
    bits: int

    def dequantize(self) -> np.ndarray:
        """float32 [rows, columns]."""
        rows, columns = self.q.shape
        weights = self.q.reshape(rows, -1, self.group).astype(np.float32)
        with np.errstate(invalid="ignore", over="ignore"):  # scales of a damaged file
            weights *= self.scale[:, :, None]
            if self.min is not None:
                weights += self.min[:, :, None]
        return weights.reshape(rows, columns)


def dequantize(data: np.ndarray, type: str, shape: tuple[int, ...]) -> np.ndarray:
    """A tensor of any type in BLOCK as float32 of ``shape``; ``data`` is uint8 [nbytes]."""
    data = np.ascontiguousarray(data).view(np.uint8).reshape(-1)
    if type == "F32":
        return data.view("<f4").astype(np.float32).reshape(shape)
    if type == "F16":
        return data.view("<f2").astype(np.float32).reshape(shape)
    if type == "BF16":
        return (data.view("<u2").astype(np.uint32) << 16).view(np.float32).reshape(shape)
    columns = shape[-1]
    values, size = BLOCK[type]
    row_bytes = columns // values * size
    weights = np.empty((len(data) // row_bytes, columns), np.float32)
    step = max(1, _CHUNK_VALUES // columns)
    for row in range(0, len(weights), step):
        part = data[row * row_bytes : (row + step) * row_bytes]
        if type in _CODEBOOKS:
            q, scale = _CODEBOOKS[type](part.reshape(-1, size))
            with np.errstate(invalid="ignore", over="ignore"):
                expanded = scale[:, :, None] * q
            weights[row : row + step] = expanded.reshape(-1, columns)
        else:
            weights[row : row + step] = unpack(part, type, (len(part) // row_bytes, columns)).dequantize()
    return weights.reshape(shape)


def unpack(data: np.ndarray, type: str, shape: tuple[int, ...]) -> Unpacked:
    """Integers, scales and minima of a grouped tensor; leading dimensions become rows.

    ``data``: uint8 [nbytes], copied, so that the result does not hold the file.
    """
    values, size = BLOCK[type]
    group = GROUP[type]
    columns = shape[-1]
    split, signed, has_min = _SPLITS[type]
    blocks = np.ascontiguousarray(data).view(np.uint8).reshape(-1, size)
    count = len(blocks)
    q = np.empty((count, values), np.int8 if signed else np.uint8)
    scale = np.empty((count, values // group), np.float32)
    minimum = np.empty_like(scale) if has_min else None
    step = max(1, _CHUNK_VALUES // values)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, count, step):
            part = slice(start, start + step)
            q[part], scale[part], low = split(blocks[part])
            if minimum is not None:
                minimum[part] = low
    groups = columns // group
    return Unpacked(
        q.reshape(-1, columns),
        scale.reshape(-1, groups),
        None if minimum is None else minimum.reshape(-1, groups),
        group,
        BITS[type],
    )


# Each function below splits blocks [n, bytes] into q [n, values], scale [n, groups] and min. Bytes are
# taken eight at a time (u64) where bits are moved: numpy's inner loops are long then.


def _halves(blocks: Array, start: int, count: int = 1) -> Array:
    """``count`` float16 from byte ``start`` of each block, as float32 [n, count]."""
    return np.ascontiguousarray(blocks[:, start : start + 2 * count]).view("<f2").astype(np.float32)


def _words(blocks: Array, start: int, stop: int) -> Array:
    """Bytes start…stop of each block as u64 [n, (stop - start) / 8]."""
    return np.ascontiguousarray(blocks[:, start:stop]).view(np.uint64)


def _every(byte: int) -> np.uint64:
    """A u64 of eight times ``byte``."""
    return np.uint64(byte * 0x0101010101010101)


def _fields(words: Array, width: int, out: Array) -> None:
    """Spread each byte's fields of ``width`` bits: words [n, …, w] → out [n, …, 8 / width, w]."""
    mask = _every((1 << width) - 1)
    for index in range(8 // width):
        out[..., index, :] = (words >> np.uint64(width * index)) & mask


def _nibbles(blocks: Array, start: int) -> Array:
    """16 bytes at ``start`` → 32 values: the low nibbles, then the high ones. u64 [n, 2, 2]."""
    words = _words(blocks, start, start + 16)
    out = np.empty((len(words), 2, 2), np.uint64)
    _fields(words, 4, out)
    return out


_SPREAD = np.array(
    [sum(((byte >> bit) & 1) << (8 * bit) for bit in range(8)) for byte in range(256)], np.uint64
)  # the eight bits of a byte as the lowest bits of eight bytes


def _fifth_bits(blocks: Array, start: int) -> Array:
    """Four bytes of 32 single bits → 0 or 16 in each of 32 bytes. u64 [n, 2, 2]."""
    return (_SPREAD[blocks[:, start : start + 4]] << np.uint64(4)).reshape(-1, 2, 2)


def _signed(values: Array, offset: int) -> Array:
    """Bytes in u64 → int8 [n, values] less ``offset``."""
    return values.view(np.int8).reshape(len(values), -1) - np.int8(offset)


def _bytes(values: Array) -> Array:
    return values.view(np.uint8).reshape(len(values), -1)


def _q4_0(b: Array) -> Parts:  # d f16, 16 bytes of nibbles
    return _signed(_nibbles(b, 2), 8), _halves(b, 0), None


def _q4_1(b: Array) -> Parts:  # d, m f16, 16 bytes of nibbles
    dm = _halves(b, 0, 2)
    return _bytes(_nibbles(b, 4)), dm[:, :1], dm[:, 1:]


def _q5_0(b: Array) -> Parts:  # d f16, 4 bytes of fifth bits, 16 bytes of nibbles
    return _signed(_nibbles(b, 6) | _fifth_bits(b, 2), 16), _halves(b, 0), None


def _q5_1(b: Array) -> Parts:  # d, m f16, 4 bytes of fifth bits, 16 bytes of nibbles
    dm = _halves(b, 0, 2)
    return _bytes(_nibbles(b, 8) | _fifth_bits(b, 4)), dm[:, :1], dm[:, 1:]


def _q8_0(b: Array) -> Parts:  # d f16, 32 int8
    return b[:, 2:].view(np.int8), _halves(b, 0), None


def _q2_k(b: Array) -> Parts:  # 16 scales (low nibble) and minima (high), 64 bytes of 2 bits, d, dmin f16
    q = np.empty((len(b), 2, 4, 4), np.uint64)
    _fields(_words(b, 16, 80).reshape(-1, 2, 4), 2, q)
    dm = _halves(b, 80, 2)
    scales = b[:, :16]
    scale = dm[:, :1] * (scales & 15).astype(np.float32)
    return _bytes(q), scale, -(dm[:, 1:] * (scales >> 4).astype(np.float32))


def _q3_k(b: Array) -> Parts:  # 32 bytes of third bits, 64 bytes of 2 bits, 12 bytes of scales, d f16
    q = np.empty((len(b), 2, 4, 4), np.uint64)
    _fields(_words(b, 32, 96).reshape(-1, 2, 4), 2, q)
    high = np.empty((len(b), 8, 4), np.uint64)  # bit i of byte j belongs to value 32 i + j
    _fields(_words(b, 0, 32), 1, high)
    high <<= np.uint64(2)
    q |= high.reshape(q.shape)
    packed = b[:, 96:108]
    low = np.concatenate([packed[:, :8] & 15, packed[:, :8] >> 4], axis=1)  # 16 low nibbles
    top = np.concatenate([(packed[:, 8:] >> shift) & 3 for shift in (0, 2, 4, 6)], axis=1)
    scales = (low | top << 4).astype(np.int8) - np.int8(32)
    return _signed(q, 4), _halves(b, 108) * scales.astype(np.float32), None


def _scales_and_minima(b: Array) -> tuple[Array, Array]:
    """Of Q4_K and Q5_K: d, dmin f16, then 12 bytes that hold 8 scales and 8 minima of 6 bits."""
    dm = _halves(b, 0, 2)
    first, second, third = b[:, 4:8], b[:, 8:12], b[:, 12:16]
    scale = np.concatenate([first & 63, (third & 15) | ((first >> 6) << 4)], axis=1)
    low = np.concatenate([second & 63, (third >> 4) | ((second >> 6) << 4)], axis=1)
    return dm[:, :1] * scale.astype(np.float32), -(dm[:, 1:] * low.astype(np.float32))


def _q4_k(b: Array) -> Parts:  # scales as above, 128 bytes of nibbles: 32 low ones, 32 high ones, …
    q = np.empty((len(b), 4, 2, 4), np.uint64)
    _fields(_words(b, 16, 144).reshape(-1, 4, 4), 4, q)
    return _bytes(q), *_scales_and_minima(b)


def _q5_k(b: Array) -> Parts:  # scales as above, 32 bytes of fifth bits, 128 bytes of nibbles
    q = np.empty((len(b), 4, 2, 4), np.uint64)
    _fields(_words(b, 48, 176).reshape(-1, 4, 4), 4, q)
    high = np.empty((len(b), 8, 4), np.uint64)
    _fields(_words(b, 16, 48), 1, high)
    high <<= np.uint64(4)
    q |= high.reshape(q.shape)
    return _bytes(q), *_scales_and_minima(b)


def _q6_k(b: Array) -> Parts:  # 128 bytes of low nibbles, 64 bytes of high 2 bits, 16 int8 scales, d f16
    q = np.empty((len(b), 2, 2, 8), np.uint64)  # per half: 64 low nibbles, then 64 high ones
    _fields(_words(b, 0, 128).reshape(-1, 2, 8), 4, q)
    high = np.empty((len(b), 2, 4, 4), np.uint64)
    _fields(_words(b, 128, 192).reshape(-1, 2, 4), 2, high)
    high <<= np.uint64(4)
    q |= high.reshape(q.shape)
    scales = np.ascontiguousarray(b[:, 192:208]).view(np.int8).astype(np.float32)
    return _signed(q, 32), _halves(b, 208) * scales, None


# Types whose 4 bits choose one of 16 numbers: blocks [n, bytes] → those numbers float32 [n, groups, 32], and
# the scale of each group of 32, [n, groups].
_IQ4 = np.array([-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113], np.float32)
_MXFP4 = np.array([0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12], np.float32)  # twice the number


def _chosen(codebook: Array, packed: Array) -> Array:
    """Bytes [n, 16] → [n, 32]: by the low nibbles, then by the high ones."""
    return codebook[np.concatenate([packed & 15, packed >> 4], axis=1)]


def _iq4_nl(b: Array) -> tuple[Array, Array]:  # d f16, 16 bytes of nibbles
    return _chosen(_IQ4, b[:, 2:])[:, None], _halves(b, 0)


def _iq4_xs(b: Array) -> tuple[Array, Array]:  # d f16, high bits of 8 scales, low bits, 128 bytes of nibbles
    high = np.ascontiguousarray(b[:, 2:4]).view("<u2").astype(np.int32)
    groups = np.arange(8)
    low = b[:, 4:8][:, groups // 2] >> (4 * (groups % 2)).astype(np.uint8) & 15
    scales = (low | (high >> 2 * groups & 3) << 4) - 32
    q = _chosen(_IQ4, b[:, 8:].reshape(-1, 16)).reshape(len(b), 8, 32)
    return q, _halves(b, 0) * scales.astype(np.float32)


def _mxfp4(b: Array) -> tuple[Array, Array]:  # exponent, 16 bytes of nibbles
    exponents = b[:, :1].astype(np.int32) - 128  # half of 2^(e - 127)
    return _chosen(_MXFP4, b[:, 1:])[:, None], np.ldexp(np.float32(1), exponents)


_CODEBOOKS: dict[str, Callable[[Array], tuple[Array, Array]]] = {
    "IQ4_NL": _iq4_nl, "IQ4_XS": _iq4_xs, "MXFP4": _mxfp4,
}  # fmt: skip

# type -> (how it is split, q is signed, it has minima)
_SPLITS: dict[str, tuple[Callable[[Array], Parts], bool, bool]] = {
    "Q4_0": (_q4_0, True, False),
    "Q4_1": (_q4_1, False, True),
    "Q5_0": (_q5_0, True, False),
    "Q5_1": (_q5_1, False, True),
    "Q8_0": (_q8_0, True, False),
    "Q2_K": (_q2_k, False, True),
    "Q3_K": (_q3_k, True, False),
    "Q4_K": (_q4_k, False, True),
    "Q5_K": (_q5_k, False, True),
    "Q6_K": (_q6_k, True, False),
}
