"""An encoder from an E5 container says what the same weights say in a Hugging Face folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from autogpt_desktop.engine.formats.e5_file import read_e5
from autogpt_desktop.engine.formats.encoder_config import encoder_config, is_encoder
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine, load_encoder
from autogpt_desktop.events import Progress
from tests.e5 import HEADS, HIDDEN, INNER, LAYERS, POSITIONS, write_e5

TEXTS = ["the tea", "abc 茶桥。", "a" * 200, "", "b\tＡ\x01", "<s> </s>"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_e5(tmp_path / "multilingual")


def vectors(engine: EncoderEngine, texts: list[str], queries: int = 0) -> torch.Tensor:
    found = dict(step for step in engine.embed(texts, queries=queries) if not isinstance(step, Progress))
    return torch.stack([found[at] for at in range(len(texts))])


def hf_folder(folder: Path, target: Path, tokenizer: str) -> Path:
    file = read_e5(folder)
    target.mkdir()
    save_file(
        {name: torch.from_numpy(one.dequantize().copy()) for name, one in file.tensors.items()},
        target / "model.safetensors",
    )
    shape = {"hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS}
    shape |= {"intermediate_size": INNER, "max_position_embeddings": POSITIONS, "type_vocab_size": 2}
    shape |= {"vocab_size": file.shape.vocab_size, "model_type": "bert"}
    (target / "config.json").write_text(json.dumps(shape))
    (target / "tokenizer.json").write_text(tokenizer)
    return target


def test_the_same_vectors_as_the_same_weights_in_another_folder(folder: Path, tmp_path: Path) -> None:
    assert is_encoder(folder)
    engine = run_to_end(load_encoder(folder))
    other = run_to_end(load_encoder(hf_folder(folder, tmp_path / "hf", engine.tokenizer.to_str())))
    prefixed = [engine.normalize(f"passage: {text}") for text in TEXTS]
    assert torch.allclose(vectors(engine, TEXTS), vectors(other, prefixed), atol=1e-5)
    assert vectors(engine, TEXTS).norm(dim=1) == pytest.approx(1.0)
    assert engine.weight_bytes < other.weight_bytes
    assert engine.name == "multilingual"
    engine.close()
    assert not engine.weight_bytes


def test_questions_are_told_apart_from_passages(folder: Path) -> None:
    engine = run_to_end(load_encoder(folder))
    told = vectors(engine, ["the tea", "the tea"], queries=1)
    assert (told[0] - told[1]).abs().max() > 1e-3
    assert torch.equal(told[0], vectors(engine, ["the tea"], queries=1)[0])


def test_what_the_tokenizer_makes_of_texts(folder: Path) -> None:
    engine = run_to_end(load_encoder(folder))
    pieces = read_e5(folder).pieces
    said = lambda text: [pieces[id] for id in engine.encode([text])[0].ids]  # noqa: E731
    assert said("the tea") == ["<s>", "▁the", "▁tea", "</s>"]
    assert said("the\t  tea") == said("the tea")
    assert "<s>" not in said("<s>")[1:]  # what looks like a mark is text
    assert engine.tokens("ab " * 60) > POSITIONS
    assert len(engine.encode(["ab " * 60])[0].ids) == POSITIONS


def test_prompts_of_sentence_transformers_settings(folder: Path, tmp_path: Path) -> None:
    engine = run_to_end(load_encoder(folder))
    other = hf_folder(folder, tmp_path / "hf", engine.tokenizer.to_str())
    assert encoder_config(other).query_prefix == ""
    settings = other / "config_sentence_transformers.json"
    settings.write_text(json.dumps({"prompts": {"query": "query: ", "document": "passage: "}}))
    config = encoder_config(other)
    assert (config.query_prefix, config.passage_prefix) == ("query: ", "passage: ")
    settings.write_text(json.dumps({"prompts": {"query": 3, "passage": None}}))
    assert encoder_config(other).query_prefix == ""
