"""The container of a multilingual encoder: what it holds, and what is wrong with damaged ones."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.engine.formats.e5_file import read_e5
from autogpt_desktop.engine.formats.e5_header import FILE, e5_shape, is_e5
from autogpt_desktop.errors import KnownError
from tests.e5 import HIDDEN, LAYERS, PIECES, POSITIONS, REPLACED, container, tensors, write_e5


def test_what_it_holds(tmp_path: Path) -> None:
    folder = write_e5(tmp_path / "model")
    assert is_e5(folder)
    assert not is_e5(tmp_path)
    file = read_e5(folder)
    assert e5_shape(folder) == file.shape
    assert (file.shape.hidden_size, file.shape.num_hidden_layers) == (HIDDEN, LAYERS)
    assert file.pieces == tuple(PIECES)
    assert file.replaced == REPLACED
    assert (file.begin_id, file.end_id, file.pad_id, file.unknown_id) == (0, 2, 1, 3)
    wanted = tensors()
    for theirs, ours in (
        ("emb.word", "embeddings.word_embeddings.weight"),
        ("emb.ln.b", "embeddings.LayerNorm.bias"),
        ("l1.fo.w", "encoder.layer.1.output.dense.weight"),
        ("l0.aln.w", "encoder.layer.0.attention.output.LayerNorm.weight"),
    ):
        values = file.tensors[ours].dequantize()
        assert values.shape == wanted[theirs].shape
        assert np.abs(values - wanted[theirs]).max() < 0.13  # a sixteenth of the largest value, at most


def refusal(folder: Path, data: bytes) -> str:
    (folder / FILE).write_bytes(data)
    with pytest.raises(KnownError) as caught:
        read_e5(folder)
    return caught.value.key


def test_damaged_ones(tmp_path: Path) -> None:
    good = container()
    assert refusal(tmp_path, b"") == "gguf-unreadable"
    assert refusal(tmp_path, b"GGUF" + good[4:]) == "gguf-corrupt"
    assert refusal(tmp_path, good[:4] + struct.pack("<I", 2) + good[8:]) == "gguf-version"
    for size in range(1, len(good), 97):
        assert refusal(tmp_path, good[:size]).startswith("gguf-")
    for at in range(8, 44, 4):  # every number of the shape
        for value in (0, -1, 1 << 30):
            key = refusal(tmp_path, good[:at] + struct.pack("<i", value) + good[at + 4 :])
            assert key.startswith("gguf-"), (at, value)
    renamed = good.replace(b"l1.oln.b", b"l1.xyz.b")
    assert refusal(tmp_path, renamed) == "gguf-tensor-missing"


def test_any_changed_number_of_the_headers_is_read_or_refused(tmp_path: Path) -> None:
    good = container()
    end = good.index(b"l1.oln.b") + 30
    chance = np.random.default_rng(1)
    refused = 0
    for _ in range(300):
        data = bytearray(good)
        at = int(chance.integers(4, end))
        data[at : at + 4] = chance.integers(0, 256, 4, np.uint8).tobytes()
        (tmp_path / FILE).write_bytes(bytes(data))
        try:
            file = read_e5(tmp_path)
        except KnownError as error:
            refused += 1
            assert error.key.startswith("gguf-")
        else:
            assert all(one.dequantize().size for one in file.tensors.values())
    assert refused > 100


def test_one_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / FILE).mkdir()
    assert not is_e5(tmp_path)
    with pytest.raises(KnownError, match="gguf-unreadable"):
        read_e5(tmp_path)
    assert POSITIONS > 2
