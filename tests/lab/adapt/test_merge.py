"""A merged model says what its base says with the adapter, to any program."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from torch import Tensor

from autogpt_desktop.engine.build import build
from autogpt_desktop.engine.formats.adapter import AdapterConfig, LowRank, read_adapter, write_adapter
from autogpt_desktop.engine.formats.adapter_files import Base
from autogpt_desktop.engine.load import Checkpoint, load, open_checkpoint, run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.merge import merge, quantize_q8_0
from tests.tiny import write_tiny_gguf

CPU = torch.device("cpu")
IDS = [5, 80, 17, 200, 31, 7]


def adapter_for(checkpoint: Checkpoint, folder: Path) -> Path:
    random = np.random.default_rng(0)
    weights = {}
    for layer in range(2):
        for name in ("self_attn.q_proj", "self_attn.k_proj", "mlp.down_proj"):
            module = f"model.layers.{layer}.{name}"
            rows, cols = checkpoint.sources[f"{module}.weight"].shape
            weights[module] = LowRank(
                random.normal(0, 0.2, (3, cols)).astype(np.float32),
                random.normal(0, 0.2, (rows, 3)).astype(np.float32),
                2.0,
            )
    write_adapter(folder, AdapterConfig(Base("base"), 3, 6.0), weights)
    return folder


def expected_logits(checkpoint: Checkpoint, adapter: Path) -> Tensor:
    low = read_adapter(adapter, checkpoint.config)
    decoder = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 64, float32=True, adapter=low))
    return decoder.forward([(decoder.new_state(), IDS)], "all")[0]


@pytest.mark.slow
@pytest.mark.parametrize(("family", "quant"), [("llama", "F32"), ("llama", "Q4_1"), ("qwen3", "F16"), ("gemma3", "F32"), ("phi3", "F32")])  # noqa: E501  # fmt: skip
def test_a_gguf_file_is_merged_into_another(tmp_path: Path, family: str, quant: str) -> None:
    base = write_tiny_gguf(tmp_path / "base.gguf", family, quant=quant).path
    checkpoint = open_checkpoint(base)
    adapter = adapter_for(checkpoint, tmp_path / "adapter")
    merge(base, adapter, tmp_path / "merged.gguf")
    engine = run_to_end(load(tmp_path / "merged.gguf", device="cpu", float32=True))
    (found,) = engine.decoder.forward([(engine.new_state(), IDS)], "all")
    expected = expected_logits(checkpoint, adapter)
    error = (found - expected).norm() / expected.norm()
    assert error < {"F32": 1e-4, "F16": 1e-2, "Q4_1": 2e-2}[quant]
    assert engine.tokenizer.encode("the hello") == checkpoint.tokenizer.encode("the hello")
    engine.close()

    before, after = gguf.GGUFReader(base), gguf.GGUFReader(tmp_path / "merged.gguf")
    assert list(before.fields) == list(after.fields)
    assert [one.name for one in before.tensors] == [one.name for one in after.tensors]
    for one, other in zip(before.tensors, after.tensors, strict=True):
        changed = any(part in one.name for part in ("attn_q.", "attn_k.", "attn_qkv", "ffn_down"))
        assert changed or bytes(one.data) == bytes(other.data)
    with pytest.raises(KnownError) as caught:
        merge(base, adapter, tmp_path / "merged.gguf")
    assert caught.value.key == "lab-merge-not-written"


def test_q8_0_is_what_ggml_has() -> None:
    values = np.random.default_rng(0).normal(0, 1, (4, 64)).astype(np.float32)
    values[0] = 0
    found = gguf.quants.dequantize(quantize_q8_0(values).reshape(4, -1), gguf.GGMLQuantizationType.Q8_0)
    theirs = gguf.quants.dequantize(
        gguf.quants.quantize(values, gguf.GGMLQuantizationType.Q8_0), gguf.GGMLQuantizationType.Q8_0
    )
    assert np.abs(found - theirs).max() < 2e-2 * np.abs(values).max()
    assert np.abs(found - values).max() < 0.006 * np.abs(values).max()


@pytest.mark.slow
def test_a_folder_is_merged_into_another(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    settings = transformers.LlamaConfig(
        vocab_size=300, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64, tie_word_embeddings=True,
    )  # fmt: skip
    model = transformers.LlamaForCausalLM(settings).eval()
    model.save_pretrained(tmp_path / "base")
    (tmp_path / "base" / "notes.txt").write_text("kept")
    from autogpt_desktop.engine.formats.hf_config import config_from_folder
    from autogpt_desktop.engine.formats.safetensors import sources_from_folder

    config = config_from_folder(tmp_path / "base")

    class Opened:  # a folder without a tokenizer
        sources = sources_from_folder(tmp_path / "base", config)

    adapter = adapter_for(Opened, tmp_path / "adapter")  # type: ignore[arg-type]
    merge(tmp_path / "base", adapter, tmp_path / "merged")
    low = read_adapter(adapter, config)
    state = model.state_dict()
    for name, one in low.items():  # PEFT's own sum
        state[f"{name}.weight"] += torch.from_numpy(one.scale * one.b @ one.a)
    model.load_state_dict(state)
    again = transformers.LlamaForCausalLM.from_pretrained(tmp_path / "merged").eval()
    ids = torch.tensor([IDS])
    with torch.no_grad():
        assert torch.allclose(again(ids).logits, model(ids).logits, atol=1e-5)
    assert (tmp_path / "merged" / "notes.txt").read_text() == "kept"

    # and the adapter as it is, on the folder
    engine_decoder = run_to_end(build(config, Opened.sources, CPU, 64, compiled=False, adapter=low))
    (found,) = engine_decoder.forward([(engine_decoder.new_state(), IDS)], "all")
    with torch.no_grad():
        assert torch.allclose(found, model(ids).logits[0], atol=1e-4)
