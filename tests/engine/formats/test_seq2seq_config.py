"""``config.json`` and weights of encoder–decoders: what is taken, what is refused and how it is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from autogpt_desktop.engine.formats.seq2seq_config import is_seq2seq, seq2seq_config
from autogpt_desktop.engine.formats.seq2seq_weights import seq2seq_sources
from autogpt_desktop.errors import KnownError
from tests.engine.tiny_folders import SEQ2SEQ, write_seq2seq


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("folders")
    for family in SEQ2SEQ:
        write_seq2seq(root / family, family)
    return {path.name: path for path in root.iterdir()}


@pytest.fixture
def folder(made: dict[str, Path], tmp_path: Path) -> Path:
    return copy(made["marian"], tmp_path)


def copy(source: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(source, tmp_path / "opus-mt-en-fr"))


def change(folder: Path, **values: Any) -> None:
    file = folder / "config.json"
    config = {**json.loads(file.read_text()), **values}
    file.write_text(json.dumps({name: value for name, value in config.items() if value != "gone"}))


def test_the_shape_is_read(made: dict[str, Path], folder: Path) -> None:
    marian, m2m = seq2seq_config(folder), seq2seq_config(made["m2m_100"])
    assert (marian.norm, marian.sinusoid, marian.position_offset) == ("post", "transformer", 0)
    assert (m2m.norm, m2m.sinusoid, m2m.position_offset) == ("pre", "tensor2tensor", 2)
    assert marian.activation_function == "silu"
    assert marian.pairs == (("en", "fr"),)  # by the folder's name, where no file says it
    assert not seq2seq_config(made["marian-separate"]).share_encoder_decoder_embeddings
    assert is_seq2seq(folder)
    assert not is_seq2seq(folder / "missing")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"activation_function": "tanh"}, "activation_function: tanh"),
        ({"normalize_before": True}, "normalize_before"),
        ({"static_position_embeddings": False}, "static_position_embeddings"),
        ({"add_bias_logits": True}, "add_bias_logits"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
        ({"tie_word_embeddings": False}, "tie_word_embeddings: false"),
        ({"bad_words_ids": [[1, 2]]}, "bad_words_ids"),
    ],
)
def test_what_would_be_computed_wrongly_is_named(folder: Path, changes: dict[str, Any], named: str) -> None:
    change(folder, **changes)
    with pytest.raises(KnownError, match="folder-unsupported") as error:
        seq2seq_config(folder)
    assert error.value.values["what"] == named


@pytest.mark.parametrize(
    "changes",
    [
        {"d_model": 33}, {"d_model": "gone"}, {"encoder_layers": -1}, {"encoder_layers": 1 << 40},
        {"decoder_attention_heads": 5}, {"vocab_size": "many"}, {"eos_token_id": 90}, {"pad_token_id": -1},
        {"decoder_start_token_id": 1.5}, {"bad_words_ids": [[91]]}, {"bad_words_ids": 7}, {"num_beams": 0},
        {"length_penalty": float("nan")}, {"scale_embedding": "yes"}, {"encoder_ffn_dim": [3]},
    ],
    ids=str,
)  # fmt: skip
def test_what_makes_no_sense_is_refused(folder: Path, changes: dict[str, Any]) -> None:
    change(folder, **changes)
    with pytest.raises(KnownError, match="folder-config"):
        seq2seq_config(folder)


def test_other_families_are_named(folder: Path) -> None:
    change(folder, model_type="t5")
    assert not is_seq2seq(folder)
    with pytest.raises(KnownError, match="unknown-family"):
        seq2seq_config(folder)


def test_the_makers_settings_count(folder: Path) -> None:
    change(folder, num_beams=6, bad_words_ids=[[89]], length_penalty=0)
    assert (seq2seq_config(folder).num_beams, seq2seq_config(folder).length_penalty) == (6, 0.0)
    (folder / "generation_config.json").write_text('{"num_beams": 4, "length_penalty": null}')
    config = seq2seq_config(folder)
    assert (config.num_beams, config.bad_words_ids, config.length_penalty) == (4, (89,), 0.0)


def rewrite(folder: Path, **changes: Any) -> None:
    file = folder / "model.safetensors"
    tensors = load_file(file)
    for name, value in changes.items():
        if value is None:
            del tensors[name]
        else:
            tensors[name] = value
    file.unlink()
    save_file(tensors, file)


@pytest.mark.parametrize("family", SEQ2SEQ)
def test_each_weight_is_asked_for(made: dict[str, Path], family: str, tmp_path: Path) -> None:
    folder = copy(made[family], tmp_path)
    config, names = seq2seq_config(folder), list(load_file(folder / "model.safetensors"))
    for name in names[:: max(1, len(names) // 8)]:
        if name == "final_logits_bias":
            continue
        again = copy(made[family], tmp_path / name)
        rewrite(again, **{name: None})
        with pytest.raises(KnownError, match="gguf-tensor-missing") as error:
            seq2seq_sources(again, config)
        assert error.value.values["tensor"] == name


def test_strange_weights_are_refused(folder: Path) -> None:
    config = seq2seq_config(folder)
    rewrite(folder, **{"model.encoder.layers.0.adapter.weight": torch.zeros(2, 2)})
    with pytest.raises(KnownError, match="gguf-tensor-unknown"):
        seq2seq_sources(folder, config)
    rewrite(
        folder, **{"model.encoder.layers.0.adapter.weight": None, "model.shared.weight": torch.zeros(90, 31)}
    )
    with pytest.raises(KnownError, match="gguf-tensor-shape"):
        seq2seq_sources(folder, config)
    (folder / "model.safetensors").write_bytes(b"12345678")
    with pytest.raises(KnownError, match="folder-weights"):
        seq2seq_sources(folder, config)
    (folder / "model.safetensors").unlink()
    with pytest.raises(KnownError, match="folder-weights"):
        seq2seq_sources(folder, config)


def test_tied_weights_may_have_other_names_and_computed_tables_may_be_stored(folder: Path) -> None:
    config = seq2seq_config(folder)
    shared = load_file(folder / "model.safetensors")["model.shared.weight"]
    table = torch.zeros(64, 32)
    rewrite(folder, **{
        "model.shared.weight": None, "final_logits_bias": None, "model.decoder.embed_tokens.weight": shared,
        "lm_head.weight": shared.clone(), "model.encoder.embed_positions.weight": table,
    })  # fmt: skip
    assert "model.shared.weight" in seq2seq_sources(folder, config)
