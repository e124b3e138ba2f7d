"""Block formats against the ``gguf`` package's reference, on random bytes."""

from __future__ import annotations

import gguf
import numpy as np
import pytest

from autogpt_desktop.engine.formats import dequant
from autogpt_desktop.engine.formats.gguf import BLOCK

ROWS, COLUMNS = 7, 1024


def random_bytes(kind: str, seed: int = 0) -> np.ndarray:
    values, size = BLOCK[kind]
    return np.random.default_rng(seed).integers(0, 256, ROWS * COLUMNS // values * size, dtype=np.uint8)


def reference(data: np.ndarray, kind: str) -> np.ndarray:
    number = gguf.GGMLQuantizationType[kind]
    with np.errstate(all="ignore"):
        return gguf.quants.dequantize(data.reshape(ROWS, -1), number)


def test_block_sizes_are_those_of_ggml() -> None:
    for kind, sizes in BLOCK.items():
        assert gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]] == sizes


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("kind", sorted(BLOCK))
def test_dequantize_equals_the_reference_bit_by_bit(kind: str, seed: int) -> None:
    data = random_bytes(kind, seed)
    ours = dequant.dequantize(data, kind, (ROWS, COLUMNS))
    assert ours.dtype == np.float32
    assert ours.shape == (ROWS, COLUMNS)
    np.testing.assert_array_equal(ours, reference(data, kind))


@pytest.mark.parametrize("kind", sorted(dequant.GROUP))
def test_unpack_gives_integers_and_scales(kind: str) -> None:
    data = random_bytes(kind)
    parts = dequant.unpack(data, kind, (ROWS, COLUMNS))
    groups = COLUMNS // dequant.GROUP[kind]
    assert parts.q.shape == (ROWS, COLUMNS)
    assert parts.scale.shape == (ROWS, groups)
    assert parts.scale.dtype == np.float32
    if parts.min is None:
        assert parts.q.dtype == np.int8
        assert parts.q.min() == -(1 << (parts.bits - 1))
        assert parts.q.max() == (1 << (parts.bits - 1)) - 1
    else:
        assert parts.q.dtype == np.uint8
        assert parts.min.shape == (ROWS, groups)
        assert parts.q.min() == 0
        assert parts.q.max() == (1 << parts.bits) - 1
    scale = np.repeat(parts.scale, parts.group, axis=1)
    low = 0 if parts.min is None else np.repeat(parts.min, parts.group, axis=1)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(parts.q.astype(np.float32) * scale + low, reference(data, kind))


@pytest.mark.parametrize("kind", sorted(dequant.GROUP))
def test_chunks_join_without_a_seam(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = random_bytes(kind)
    whole = dequant.dequantize(data, kind, (ROWS, COLUMNS))
    monkeypatch.setattr(dequant, "_CHUNK_VALUES", 768)
    np.testing.assert_array_equal(dequant.dequantize(data, kind, (ROWS, COLUMNS)), whole)


def test_leading_dimensions_become_rows() -> None:
    data = random_bytes("Q4_1")
    assert dequant.dequantize(data, "Q4_1", (1, ROWS, COLUMNS)).shape == (1, ROWS, COLUMNS)
    assert dequant.unpack(data, "Q4_1", (1, ROWS, COLUMNS)).q.shape == (ROWS, COLUMNS)


def test_unpacked_parts_do_not_hold_the_file() -> None:
    data = random_bytes("Q8_0")
    parts = dequant.unpack(data, "Q8_0", (ROWS, COLUMNS))
    assert not np.shares_memory(parts.q, data)
    assert not np.shares_memory(parts.scale, data)
