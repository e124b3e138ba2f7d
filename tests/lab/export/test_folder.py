"""A trained model's folder: other files around the weights, and a GGUF file with the same logits."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch

from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import FAMILIES
from autogpt_desktop.engine.formats.gguf_names import gguf_name, hf_name
from autogpt_desktop.engine.formats.hf_config import card_languages
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.data.tokenize import train_tokenizer
from autogpt_desktop.lab.export.folder import complete_folder
from autogpt_desktop.lab.export.gguf import write_gguf
from autogpt_desktop.lab.runs.events import Compared, DataFound, Eval, Growth, Logged, Trial
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from tests.lab.tiny_result import write_result

TEXT = "The river moved over the stones, 水 and light. She said: “no, 12 345 times!”\n\n  And é\tà. " * 20
FOUND = DataFound(3, 1000, 4000, 50, 200, {"en": 4000, "zh": 10}, 1, {"a.bin": "document-kind"}, (), 300, 2.5)
EVENTS = [
    Logged(1.0, Trial(1, 1000, {"depth": 2}, "done", 3.0)),
    Logged(60.0, Eval(10, 640, 3.0, 4.0, best=True)),
    Logged(61.0, Growth(10, "deeper", 1000, 2000, 0.0)),
    Logged(90.0, Compared("growth", {"grown": 1.0, "continued": 1.1}, "grown")),
]


def make(folder: Path, family: str = "llama", *, tied: bool = True) -> Path:
    tokenizer = train_tokenizer([TEXT], 300)
    write_result(folder, tokenizer.get_vocab_size() + 3, family, tied=tied)
    spec = RunSpec("new", DataSpec(("x",)), 5, name="My model")
    complete_folder(folder, tokenizer, spec, FOUND, EVENTS)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
def test_names_go_both_ways(family: str) -> None:
    names = ["token_embd.weight", "output_norm.weight", "output.weight", "blk.0.attn_q.weight"]
    names += [
        "blk.12.ffn_gate.weight",
        {"olmo2": "blk.3.post_ffw_norm.weight", "qwen35": "blk.3.post_attention_norm.weight"}.get(
            family, "blk.3.ffn_norm.weight"
        ),
        "blk.3.attn_k.bias",
        "blk.3.attn_q_norm.weight",
    ]
    assert [gguf_name(hf_name(name, family), family) for name in names] == names
    for wrong in ("model.layers.0.other.weight", "blk.0.attn_q.weight", ""):
        with pytest.raises(KeyError):
            gguf_name(wrong, family)


@pytest.mark.parametrize(
    ("family", "tied"), [("llama", True), ("llama", False), ("qwen2", True), ("qwen3", True)]
)
def test_the_gguf_file_has_the_same_logits_and_tokens(tmp_path: Path, family: str, tied: bool) -> None:
    folder = make(tmp_path / "result", family, tied=tied)
    engines = [
        run_to_end(load(path, device="cpu", float32=True, compiled=False))
        for path in (folder, folder / "model.gguf")
    ]
    ids = engines[0].tokenizer.encode(TEXT)[:100]
    assert engines[1].tokenizer.encode(TEXT)[:100] == ids
    assert engines[0].tokenizer.decode(ids) == TEXT[: len(engines[0].tokenizer.decode(ids))]
    assert engines[0].tokenizer.eos_ids == engines[1].tokenizer.eos_ids == {0}
    logits = [engine.decoder.forward([(engine.decoder.new_state(), ids)], "all")[0] for engine in engines]
    assert torch.allclose(logits[0], logits[1], atol=1e-5)
    assert float(logits[0].std()) > 0.01


def test_the_gguf_packages_reader_reads_it(tmp_path: Path) -> None:
    folder = make(tmp_path / "result", "qwen3")
    reader = gguf.GGUFReader(folder / "model.gguf")
    ours = read_gguf(folder / "model.gguf")
    assert {tensor.name for tensor in reader.tensors} == set(ours.tensors)
    for tensor in reader.tensors:
        assert tensor.data_offset % 32 == 0
        assert np.array_equal(
            np.asarray(tensor.data).view(np.uint8).reshape(-1), ours.data(tensor.name).reshape(-1)
        )
    assert reader.fields["general.name"].contents() == "My model"
    assert reader.fields["tokenizer.ggml.tokens"].contents()[0] == "<|endoftext|>"
    kinds = {name: field.types[0].name for name, field in reader.fields.items()}
    assert kinds["qwen3.block_count"] == kinds["tokenizer.ggml.eos_token_id"] == "UINT32"
    assert kinds["qwen3.rope.freq_base"] == "FLOAT32"
    assert kinds["tokenizer.ggml.add_bos_token"] == "BOOL"


def test_what_gguf_cannot_say_is_left_out_with_a_reason(tmp_path: Path) -> None:
    folder = make(tmp_path / "result")
    text = (folder / "tokenizer.json").read_text()
    (folder / "tokenizer.json").write_text(text.replace('"use_regex":true', '"use_regex":false'))
    with pytest.raises(KnownError, match="lab-no-gguf"):
        write_gguf(folder, tmp_path / "a.gguf")
    assert not (tmp_path / "a.gguf").exists()


def test_the_card_tells_what_it_was_made_from(tmp_path: Path) -> None:
    folder = make(tmp_path / "result")
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert card_languages(folder) == ("en",)
    for part in ("# My model", "3 documents", "| 10 | 1.0 | 640 | 3.0000 | 4.000 |", "2.500 bits per byte",
                 "depth 2", "1,000 → 2,000", "Kept: grown", "SHA-256"):  # fmt: skip
        assert part in card, part


def test_the_tokenizer_decodes_what_it_encodes(tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_folder(make(tmp_path / "result"))
    for text in (TEXT, "\0\x7f🎈<|endoftext|>", "   ", "\n\n\n", "a" * 1000):
        ids = tokenizer.encode(tokenizer.escape_special_tokens(text, "\u2063"), add_special=False)
        assert tokenizer.decode(ids).replace("\u2063", "") == text
