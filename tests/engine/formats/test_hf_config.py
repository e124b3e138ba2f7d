"""Hugging Face folders: nothing that changes the numbers is left out in silence."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from autogpt_desktop.engine.formats.encoder_config import encoder_config
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.tokenizer.hf import read_folder
from autogpt_desktop.errors import KnownError
from tests.engine.tiny_folders import write_decoder

SHAPE: dict[str, Any] = {
    "vocab_size": 300, "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256,
    "tie_word_embeddings": True,
}  # fmt: skip


def add_tokenizer(folder: Path) -> None:
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({token: id for id, token in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))


def llama(folder: Path, **options: Any) -> Any:
    """A tiny random Llama in a folder, as transformers writes it; the model itself."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(1)
    model = LlamaForCausalLM(LlamaConfig(**SHAPE | options)).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():  # biases begin at zero, where leaving them out would not show
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    add_tokenizer(folder)
    return model


def tiny_llama(folder: Path, **options: Any) -> None:
    """The same without transformers, whose import takes seconds."""
    write_decoder(folder, "llama", **SHAPE)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | options))
    add_tokenizer(folder)


def refused(folder: Path) -> KnownError:
    with pytest.raises(KnownError) as caught:
        run_to_end(load(folder, device="cpu", float32=True)).close()
    return caught.value


@pytest.mark.slow
@pytest.mark.parametrize("activation", ["silu", "gelu_pytorch_tanh", "gelu_new"])
def test_activations_are_computed_as_the_folder_says(tmp_path: Path, activation: str) -> None:
    reference = llama(tmp_path, hidden_act=activation)
    ids = [5, 60, 7, 200, 31]
    engine = run_to_end(load(tmp_path, device="cpu", float32=True))
    try:
        ours = engine.decoder.forward([(engine.new_state(), ids)], "all")[0]
    finally:
        engine.close()
    with torch.no_grad():
        expected = reference(torch.tensor([ids])).logits[0]
    assert torch.allclose(ours.log_softmax(-1), expected.log_softmax(-1), atol=1e-4)


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"hidden_act": "relu"}, "hidden_act: relu"),
        ({"mlp_bias": True}, "mlp_bias"),
        (
            {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}},
            "rope_scaling: dynamic",
        ),
    ],
)
def test_what_is_not_computed_is_refused_and_is_no_damage(
    tmp_path: Path, options: dict[str, Any], what: str
) -> None:
    tiny_llama(tmp_path, **options)
    error = refused(tmp_path)
    assert (error.key, error.values["what"]) == ("folder-unsupported", what)


@pytest.mark.parametrize(
    ("family", "options", "what"),
    [
        ("granite4", {"layer_types": ["mamba", "attention", "attention", "attention"]}, "layer_types: mamba"),
        ("granite4", {"layer_types": None}, "layer_types: mamba"),
        ("granite4", {"num_local_experts": 4}, "num_local_experts"),
        ("llama", {"residual_multiplier": 0.5}, "residual_multiplier"),
        ("llama", {"no_rope_layers": [1, 1, 1, 0]}, "no_rope_layers"),
        ("ministral3", {"quantization_config": {"quant_method": "fp8"}}, "quantization_config"),
        ("hunyuan", {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_scaling: dynamic"),
        ("hunyuan", {"use_cla": True}, "use_cla"),
        ("phi3", {"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "rope_scaling: dynamic"),
    ],
)
def test_what_a_family_does_not_compute_is_refused(
    tmp_path: Path, family: str, options: dict[str, Any], what: str
) -> None:
    write_decoder(tmp_path, family)
    config = json.loads((tmp_path / "config.json").read_text())
    if "quantization_config" in options:  # beside the text's part, as in Mistral's folders
        config = {"model_type": "mistral3", "text_config": config}
    (tmp_path / "config.json").write_text(json.dumps(config | options))
    error = refused(tmp_path)
    assert (error.key, error.values["what"]) == ("folder-unsupported", what)


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("smollm3", {"no_rope_layers": [1, 0]}),
        ("smollm3", {"no_rope_layers": 4}),
        (
            "phi3-longrope",
            {"rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [2.0]}},
        ),
        ("phi3-longrope", {"rope_scaling": {"type": "longrope", "short_factor": ["1"] * 6}}),
        ("phi3-longrope", {"rope_scaling": {"type": "longrope"}}),
        ("granite", {"logits_scaling": 0}),
        ("granite", {"residual_multiplier": "0.2"}),
    ],
)
def test_settings_that_make_no_sense_are_damage(tmp_path: Path, family: str, options: dict[str, Any]) -> None:
    write_decoder(tmp_path, family)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | options))
    assert refused(tmp_path).key == "folder-config"


def test_layers_without_positions_are_those_that_the_folder_names(tmp_path: Path) -> None:
    write_decoder(tmp_path, "smollm3")
    assert config_from_folder(tmp_path).unrotated_layers == (False, False, False, True)
    write_decoder(tmp_path, "smollm3", no_rope_layers=[0, 1, 1, 1])
    assert config_from_folder(tmp_path).unrotated_layers == (True, False, False, False)
    write_decoder(tmp_path, "granite4", position_embedding_type="nope")
    assert config_from_folder(tmp_path).unrotated_layers == (True,) * 4


@pytest.mark.slow
def test_a_bias_that_the_settings_do_not_tell_of_is_refused(tmp_path: Path) -> None:
    """attention_bias gives o_proj one too, in this family."""
    llama(tmp_path, attention_bias=True)
    error = refused(tmp_path)
    assert error.key == "gguf-tensor-unknown"
    assert "o_proj.bias" in error.values["tensor"]


def test_tensors_that_change_nothing_are_no_obstacle(tmp_path: Path) -> None:
    tiny_llama(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"].clone()
    tensors["model.layers.0.self_attn.rotary_emb.inv_freq"] = torch.ones(8)
    save_file(tensors, file)
    run_to_end(load(tmp_path, device="cpu", float32=True)).close()


@pytest.mark.parametrize(
    "name", ["model.layers.1.extra.weight", "model.norm.bias", "lm_head.bias", "model.embed_positions.weight"]
)
def test_a_tensor_that_is_not_known_is_refused(tmp_path: Path, name: str) -> None:
    tiny_llama(tmp_path)
    file = tmp_path / "model.safetensors"
    save_file(load_file(file) | {name: torch.ones(64)}, file)
    error = refused(tmp_path)
    assert (error.key, error.values["tensor"]) == ("gguf-tensor-unknown", name)


def test_a_byte_order_mark_is_no_damage(tmp_path: Path) -> None:
    tiny_llama(tmp_path)
    config = tmp_path / "config.json"
    config.write_bytes(b"\xef\xbb\xbf" + config.read_bytes())
    assert config_from_folder(tmp_path).hidden_size == 64


@pytest.mark.parametrize("count", [40_000_000, 0, -1])
def test_a_senseless_number_of_labels_is_refused_at_once(tmp_path: Path, count: int) -> None:
    values = {
        "model_type": "bert", "vocab_size": 100, "hidden_size": 32, "intermediate_size": 64,
        "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 64,
        "architectures": ["BertForSequenceClassification"], "num_labels": count,
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(values))
    began = time.monotonic()
    with pytest.raises(KnownError, match="folder-config"):
        encoder_config(tmp_path)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("chat_template.jinja", "T"),
        ("additional_chat_templates/default.jinja", "T"),
        ("chat_template.json", json.dumps({"chat_template": "T"})),
        ("tokenizer_config.json", json.dumps({"chat_template": "T"})),
        (
            "tokenizer_config.json",
            json.dumps(
                {"chat_template": [{"name": "tool", "template": "X"}, {"name": "default", "template": "T"}]}
            ),
        ),
        ("tokenizer_config.json", json.dumps({"chat_template": [{"name": "rag", "template": "T"}]})),
        ("chat_template.json", json.dumps({"chat_template": {"default": "T", "tool": "X"}})),
    ],
)
def test_a_template_is_found_wherever_folders_keep_it(tmp_path: Path, file: str, text: str) -> None:
    add_tokenizer(tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(text)
    assert read_folder(tmp_path)["chat_template"] == "T"
