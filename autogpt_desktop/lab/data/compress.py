"""What ``xz -9`` makes of a text: the yardstick that a language model's bits per byte stand beside."""

from __future__ import annotations

import lzma

_PREFIX = 16 << 20  # bytes of the text in front: enough to compare, and still some seconds
_HELD_OUT = 4 << 20


def xz_bits_per_byte(train: bytes, held_out: bytes) -> float:
    """Bits that each byte of the held-out text takes behind the text to learn, by xz's preset 9.

    0 where there is nothing. Of very large texts the last part counts.
    """
    held_out = held_out[:_HELD_OUT]
    if not held_out:
        return 0.0
    train = train[-_PREFIX:]
    return 8 * max(0, _size(train + held_out) - _size(train)) / len(held_out)


def _size(data: bytes) -> int:
    # a dictionary larger than the data takes memory and changes nothing
    window = min(64 << 20, max(4096, 1 << len(data).bit_length()))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": window}]
    return len(lzma.compress(data, filters=filters))
