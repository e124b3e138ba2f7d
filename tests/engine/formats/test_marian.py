"""Marian's binaries: read whole, or refused with a sentence."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from autogpt_desktop.engine.formats.marian import read_marian
from autogpt_desktop.engine.formats.marian_config import read_marian_model
from autogpt_desktop.errors import KnownError
from tests.marian import FLOAT32, INT8, INTGEMM8, Items, floats, marian_bytes, tiny_items, write_tiny_marian


def refusal(tmp_path: Path, data: bytes) -> KnownError:
    path = tmp_path / "bad.bin"
    path.write_bytes(data)
    with pytest.raises(KnownError) as caught:
        read_marian_model(path)
    return caught.value


@pytest.mark.parametrize("named_scale", [True, False])
@pytest.mark.parametrize(
    ("tied", "vocab"), [("all", (64, 64)), ("apart", (64, 72)), ("apart", (64, 64)), ("none", (64, 72))]
)
def test_every_kind_of_embeddings(
    tmp_path: Path, tied: str, vocab: tuple[int, int], named_scale: bool
) -> None:
    path = write_tiny_marian(tmp_path / "m.bin", tied=tied, vocab=vocab, named_scale=named_scale)
    model = read_marian_model(path)
    config = model.config
    assert (config.vocab_size, config.decoder_vocab_size, config.d_model) == (*vocab, 32)
    assert config.tie_word_embeddings == (tied != "none")
    assert config.share_encoder_decoder_embeddings == (tied == "all")
    output = model.output_matrix()
    assert output.values.shape == (vocab[1], 32)
    assert output.input_multiplier == pytest.approx(14.5)
    assert model.file.matrix(model.source_embedding).values.shape == (vocab[0], 32)
    assert config.alignment_heads == ((1, 0),)


def test_rows_of_a_matrix_are_its_outputs(tmp_path: Path) -> None:
    items = tiny_items()
    values = np.random.default_rng(1).normal(size=(32, 64))
    kind, shape, _ = items["encoder_l1_ffn_W1"]
    multiplier = np.float32(127 / np.abs(values).max())
    stored = np.rint(values.T * multiplier).astype(np.int8)
    items["encoder_l1_ffn_W1"] = kind, shape, stored.tobytes() + multiplier.tobytes()
    path = tmp_path / "m.bin"
    path.write_bytes(marian_bytes(items))
    matrix = read_marian_model(path).matrix("encoder_l1_ffn_W1")
    assert matrix.values.shape == (64, 32)
    assert np.abs(matrix.values / matrix.multiplier - values.T).max() < 0.51 / matrix.multiplier
    assert matrix.multiplier == float(multiplier)


def test_values_are_mapped_not_copied(tmp_path: Path) -> None:
    file = read_marian(write_tiny_marian(tmp_path / "m.bin"))
    for name in ("Wemb", "encoder_l1_self_Wq"):
        assert np.shares_memory(file.matrix(name).values, file._bytes)
    assert np.shares_memory(file.floats("encoder_l1_self_bq"), file._bytes)


@pytest.mark.slow
def test_what_is_not_such_a_file(tmp_path: Path) -> None:
    good = marian_bytes(tiny_items())
    assert refusal(tmp_path, b"").key == "gguf-unreadable"
    assert refusal(tmp_path, b"GGUF" + good[4:]).key == "marian-not-marian"
    assert refusal(tmp_path, marian_bytes(tiny_items(), version=2)).key == "gguf-version"
    assert refusal(tmp_path, good + bytes(256)).key == "gguf-corrupt"
    for size in range(1, len(good), len(good) // 150):
        assert refusal(tmp_path, good[:size]).key == "gguf-truncated"
    with pytest.raises(KnownError, match="gguf-unreadable"):
        read_marian(tmp_path)


@pytest.mark.parametrize("value", [0, 2**14 + 1, 2**32, 2**59, 2**62, 2**64 - 1])
def test_absurd_counts(tmp_path: Path, value: int) -> None:
    good = bytearray(marian_bytes(tiny_items()))
    for at in (8, *range(16, 48, 8)):  # the count of items, then the four numbers of the first header
        data = bytearray(good)
        struct.pack_into("<Q", data, at, value)
        assert refusal(tmp_path, bytes(data)).key in ("gguf-corrupt", "gguf-truncated", "marian-unsupported")


def changed(name: str, kind: int, shape: tuple[int, ...], data: bytes) -> Items:
    return tiny_items() | {name: (kind, shape, data)}


def without(name: str) -> Items:
    items = tiny_items()
    del items[name]
    return items


@pytest.mark.parametrize(
    ("items", "key"),
    [
        (changed("encoder_l1_self_bq", *floats(np.zeros(31))), "gguf-tensor-shape"),
        (changed("encoder_l1_self_bq", *floats(np.full(32, np.nan))), ""),  # found when it is looked at
        (changed("encoder_l1_self_Wq", FLOAT32, (32, 32), bytes(4096)), "gguf-tensor-shape"),
        (changed("encoder_l1_self_Wq", 0x0402, (32, 32), bytes(2048)), "marian-unsupported"),
        (changed("encoder_l1_self_Wq", INTGEMM8, (32, -32), bytes(1028)), "gguf-corrupt"),
        (changed("encoder_l1_self_Wq", INTGEMM8, (2**30, 2**30), bytes(1028)), "gguf-corrupt"),
        (changed("encoder_l1_self_Wq", INTGEMM8, (32, 32), bytes(512)), "gguf-corrupt"),
        (changed("encoder_l9_self_Wq", INTGEMM8, (32, 32), bytes(1028)), "gguf-tensor-unknown"),
        (changed("special:model.yml", INT8, (3,), b"a: "), "marian-unsupported"),
        (changed("special:model.yml", INT8, (2,), b"[["), "gguf-setting"),
        (changed("special:model.yml", INT8, (5,), b"&a *a"), "gguf-setting"),
        (changed("special:model.yml", INT8, (2,), b"\xff\xff"), "gguf-setting"),
        pytest.param(
            changed("special:model.yml", INT8, (60000,), b"[" * 60000), "gguf-setting", marks=pytest.mark.slow
        ),
        (changed("special:model.yml", INT8, (70000,), b"#" * 70000), "gguf-setting"),
        (without("decoder_l2_rnn_Wf"), "gguf-tensor-missing"),
        (without("decoder_l2_rnn_Wf_QuantMultA"), "gguf-tensor-missing"),
        (without("special:model.yml"), "gguf-tensor-missing"),
    ],
)  # fmt: skip
def test_items_that_do_not_fit(tmp_path: Path, items: Items, key: str) -> None:
    if key:
        assert refusal(tmp_path, marian_bytes(items)).key == key
        return
    path = tmp_path / "m.bin"
    path.write_bytes(marian_bytes(items))
    model = read_marian_model(path)
    with pytest.raises(KnownError, match="gguf-corrupt"):
        model.file.floats("encoder_l1_self_bq")


@pytest.mark.parametrize(
    ("key", "value", "error"),
    [
        ("type", "s2s", "marian-unsupported"),
        ("dec-cell", "gru", "marian-unsupported"),
        ("transformer-decoder-autoreg", "self-attention", "marian-unsupported"),
        ("transformer-preprocess", "n", "marian-unsupported"),
        ("transformer-postprocess", "da", "marian-unsupported"),
        ("transformer-ffn-activation", "swish", "marian-unsupported"),
        ("transformer-tied-layers", "[1, 1]", "marian-unsupported"),
        ("input-types", "[class]", "marian-unsupported"),
        ("dim-emb", "0", "gguf-setting"),
        ("dim-emb", "31", "gguf-setting"),
        ("dim-emb", "1e99", "gguf-setting"),
        ("dim-emb", "many", "gguf-setting"),
        ("dim-emb", "64", "gguf-tensor-shape"),
        ("dim-vocabs", "64", "gguf-setting"),
        ("dim-vocabs", "[64, 65]", "gguf-setting"),
        ("dim-vocabs", "[64, 64, 64]", "gguf-setting"),
        ("enc-depth", "9999999999", "gguf-setting"),
        ("enc-depth", "3", "gguf-tensor-missing"),
        ("enc-depth", "1", "gguf-tensor-unknown"),
        ("transformer-heads", "7", "gguf-setting"),
        ("transformer-heads", "true", "gguf-setting"),
        ("tied-embeddings-all", "sometimes", "gguf-setting"),
        ("transformer-guided-alignment-layer", "3", "gguf-setting"),
        ("transformer-guided-alignment-layer", "[1]", "gguf-setting"),
    ],
)
def test_settings_that_are_not_computed(tmp_path: Path, key: str, value: str, error: str) -> None:
    found = refusal(tmp_path, marian_bytes(tiny_items(settings={key: value})))
    assert found.key == error
    if error != "gguf-tensor-shape":
        assert key in str(found.values) or error.startswith("gguf-tensor")


def test_the_layer_that_aligns(tmp_path: Path) -> None:
    path = write_tiny_marian(tmp_path / "m.bin", settings={"transformer-guided-alignment-layer": "1"})
    assert read_marian_model(path).config.alignment_heads == ((0, 0),)
    path = write_tiny_marian(tmp_path / "n.bin", settings={"transformer-guided-alignment-layer": "'1'"})
    assert read_marian_model(path).config.alignment_heads == ((0, 0),)


@pytest.mark.parametrize("multiplier", [0.0, -1.0, np.nan, np.inf, 1e-30])
def test_scales_that_make_no_sense(tmp_path: Path, multiplier: float) -> None:
    items = tiny_items()
    kind, shape, data = items["encoder_l1_self_Wq"]
    items["encoder_l1_self_Wq"] = kind, shape, data[:-4] + struct.pack("<f", multiplier)
    items["encoder_l1_self_Wk_QuantMultA"] = floats(multiplier)
    path = tmp_path / "m.bin"
    path.write_bytes(marian_bytes(items))
    model = read_marian_model(path)
    for name in ("encoder_l1_self_Wq", "encoder_l1_self_Wk"):
        with pytest.raises(KnownError, match="gguf-corrupt"):
            model.matrix(name)
