"""What ``xz -9`` makes of a text: the yardstick that a language model's bits per byte stand beside."""

from __future__ import annotations

import lzma
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_PREFIX = 16 << 20  # bytes of the text in front: enough to compare, and still some seconds
_HELD_OUT = 4 << 20
_STEP = 1 << 18  # bytes between two looks whether it is still wanted


def xz_bits_per_byte(
    train: bytes, held_out: bytes, stop: Callable[[], bool] = lambda: False
) -> Callable[[], float]:
    """Begin to measure the bits that each byte of the held-out text takes behind the text to learn, by xz's
    preset 9, on two threads; what is returned waits for the figure.

    0 where there is nothing, or where it was stopped. Of very large texts the last part counts.
    """
    held_out = held_out[:_HELD_OUT]
    train = train[-_PREFIX:]
    if not held_out:
        return lambda: 0.0
    pool = ThreadPoolExecutor(2, "xz")
    both = [pool.submit(_size, data, stop) for data in (train + held_out, train)]
    pool.shutdown(wait=False)

    def figure() -> float:
        whole, front = (one.result() for one in both)
        return 0.0 if stop() else 8 * max(0, whole - front) / len(held_out)

    return figure


def _size(data: bytes, stop: Callable[[], bool]) -> int:
    # a dictionary larger than the data takes memory and changes nothing
    window = min(64 << 20, max(4096, 1 << len(data).bit_length()))
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9, "dict_size": window}]
    compressor, size = lzma.LZMACompressor(filters=filters), 0
    for start in range(0, len(data), _STEP):
        if stop():
            return 0
        size += len(compressor.compress(data[start : start + _STEP]))
    return size + len(compressor.flush())
