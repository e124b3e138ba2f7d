"""Families with layers of their own, from Hugging Face's folders, against transformers' classes."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.safetensors import sources_from_folder
from autogpt_desktop.engine.torch_backend.delta_net import CHUNK, gated_delta_rule
from autogpt_desktop.errors import KnownError
from tests.engine.torch_backend.test_transformer import SHAPE, load_folder

FAMILIES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "qwen35": (
        "Qwen3_5TextConfig",
        "Qwen3_5ForCausalLM",
        {
            "head_dim": 32, "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16,
            "linear_value_head_dim": 24, "num_hidden_layers": 5,
            "rope_parameters": {
                "rope_type": "default", "rope_theta": 1e6, "partial_rotary_factor": 0.25,
                "mrope_section": [2, 1, 1], "mrope_interleaved": True,
            },
        },
    ),
    "qwen35-tied": (
        "Qwen3_5TextConfig",
        "Qwen3_5ForCausalLM",
        {
            "head_dim": 32, "linear_num_key_heads": 4, "linear_num_value_heads": 4, "linear_key_head_dim": 16,
            "linear_value_head_dim": 16, "tie_word_embeddings": True, "linear_conv_kernel_dim": 3,
        },
    ),
    "lfm2": (
        "Lfm2Config",
        "Lfm2ForCausalLM",
        {"layer_types": ["conv", "full_attention", "conv", "conv"], "intermediate_size": 200,
         "block_multiple_of": 32},
    ),
}  # fmt: skip


def write_reference(name: str, folder: Path) -> Any:
    import transformers  # takes seconds: in slow tests only

    transformers.utils.logging.disable_progress_bar()
    config, model, extra = FAMILIES[name]
    torch.manual_seed(7)
    made = getattr(transformers, model)(getattr(transformers, config)(**(SHAPE | extra))).eval()
    with torch.no_grad():
        for parameter in made.parameters():  # norms and biases must matter
            parameter.add_(torch.randn_like(parameter) * 0.1)
    made.save_pretrained(folder)
    return made


def some_ids(count: int) -> list[int]:
    return torch.randint(1, 300, (count,), generator=torch.Generator().manual_seed(1)).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_logits_equal_transformers(name: str, tmp_path: Path) -> None:
    reference, ids = write_reference(name, tmp_path), some_ids(150)
    decoder = load_folder(tmp_path)
    with torch.inference_mode():
        expected = reference(torch.tensor([ids])).logits[0]
    assert expected.std(-1).mean() > 0.3, "flat logits would tell nothing"
    at_once = decoder.forward([(decoder.new_state(), ids)], "all")[0]
    assert (at_once - expected).abs().max() < 1e-4

    state, rows = decoder.new_state(), []
    for start, stop in itertools.pairwise((0, 40, 41, 42, 70, 71, 150)):
        rows.append(decoder.forward([(state, ids[start:stop])], "all")[0])
    assert (torch.cat(rows) - expected).abs().max() < 1e-4

    decoder.shares_passes = True  # as on a card
    work = [(decoder.new_state(), ids), (decoder.new_state(), ids[:33])]
    both = decoder.forward(work, "all")
    assert (both[0] - expected).abs().max() < 1e-4
    assert (both[1] - expected[:33]).abs().max() < 1e-4

    answer = reference.generate(
        torch.tensor([ids[:20]]), max_new_tokens=24, do_sample=False, eos_token_id=None, pad_token_id=0
    )[0].tolist()
    state, token, given = decoder.new_state(), -1, ids[:20]
    for _ in range(24):
        token = int(decoder.forward([(state, given[len(state) :])])[0].argmax())
        given = [*given, token]
    assert given == answer


@pytest.mark.slow
def test_the_text_part_of_a_model_that_sees_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    reference, ids = write_reference("qwen35", tmp_path), some_ids(30)
    config = json.loads((tmp_path / "config.json").read_text())
    whole = {
        "model_type": "qwen3_5",
        "text_config": config,
        "vision_config": {},
        "tie_word_embeddings": False,
    }
    (tmp_path / "config.json").write_text(json.dumps(whole))
    tensors = load_file(tmp_path / "model.safetensors")
    tensors = {name.replace("model.", "model.language_model."): value for name, value in tensors.items()}
    other = {
        "model.visual.blocks.0.attn.proj.weight": np.ones((2, 2), np.float32),
        "mtp.fc.weight": np.ones((2, 2), np.float32),
    }
    save_file(tensors | other, tmp_path / "model.safetensors")
    with caplog.at_level("INFO"):
        decoder = load_folder(tmp_path)
    assert "2 tensors are not used: model.visual, mtp.fc" in caplog.text
    with torch.inference_mode():
        expected = reference(torch.tensor([ids])).logits[0]
    assert (decoder.forward([(decoder.new_state(), ids)], "all")[0] - expected).abs().max() < 1e-4


QWEN35: dict[str, Any] = SHAPE | {"model_type": "qwen3_5_text", "head_dim": 32}
LFM2: dict[str, Any] = SHAPE | {"model_type": "lfm2", "layer_types": ["conv", "full_attention"] * 2}


@pytest.mark.parametrize(
    ("values", "key"),
    [
        (QWEN35 | {"attn_output_gate": False}, "folder-unsupported"),
        (QWEN35 | {"num_experts": 8}, "folder-unsupported"),
        (QWEN35 | {"model_type": "qwen3_5_moe_text"}, "unknown-family"),
        (QWEN35 | {"layer_types": ["linear_attention"] * 3}, "folder-config"),
        (QWEN35 | {"layer_types": ["conv"] * 4}, "folder-config"),
        (QWEN35 | {"layer_types": 4}, "folder-config"),
        (QWEN35 | {"linear_num_value_heads": 24}, "folder-config"),
        (QWEN35 | {"linear_conv_kernel_dim": 0}, "folder-config"),
        (QWEN35 | {"full_attention_interval": 0}, "folder-config"),
        (LFM2 | {"conv_bias": True}, "folder-unsupported"),
        (LFM2 | {"conv_L_cache": 1}, "folder-config"),
        (LFM2 | {"block_ffn_dim_multiplier": "wide"}, "folder-config"),
        (LFM2 | {"layer_types": None, "full_attn_idxs": 3}, "folder-config"),
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, Any], key: str, tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(values))
    with pytest.raises(KnownError, match=key):
        config_from_folder(tmp_path)


def test_a_tensor_of_a_layer_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps(LFM2))
    config = config_from_folder(tmp_path)
    assert config.layer_kinds == ("short_conv", "attention") * 2
    assert config.slots == (0, 0, 1, 1)
    assert (config.attention_layers, config.recurrent_layers, config.recurrent_size) == (2, 2, 2 * 64)
    save_file({"model.layers.0.self_attn.q_proj.weight": np.ones((2, 2))}, tmp_path / "model.safetensors")
    with pytest.raises(KnownError, match="gguf-tensor-unknown"):
        sources_from_folder(tmp_path, config)


def test_the_delta_rule_by_chunks_is_the_rule_token_by_token() -> None:
    tokens, heads, keys, values = CHUNK + 9, 3, 8, 6
    random = torch.Generator().manual_seed(5)
    q, k = (torch.randn(heads, tokens, keys, generator=random, dtype=torch.float64) for _ in range(2))
    k = k / k.norm(dim=-1, keepdim=True)
    v = torch.randn(heads, tokens, values, generator=random, dtype=torch.float64)
    log_decay = -torch.rand(heads, tokens, generator=random, dtype=torch.float64) * 3
    beta = torch.rand(heads, tokens, generator=random, dtype=torch.float64)
    first = torch.randn(heads, keys, values, generator=random, dtype=torch.float64)
    memory, expected = first, []
    for t in range(tokens):
        memory = memory * log_decay[:, t].exp()[:, None, None]
        told = torch.einsum("hkv,hk->hv", memory, k[:, t])
        memory = memory + torch.einsum("hk,hv->hkv", k[:, t], beta[:, t, None] * (v[:, t] - told))
        expected.append(torch.einsum("hkv,hk->hv", memory, q[:, t]))
    out, last = gated_delta_rule(q, k, v, log_decay, beta, first)
    torch.testing.assert_close(out, torch.stack(expected, dim=1))
    torch.testing.assert_close(last, memory)
