"""Hugging Face folders: ``config.json`` and ``*.safetensors``, as the configuration and sources of GGUF."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from autogpt_desktop.engine.config import ModelConfig, RopeScaling
from autogpt_desktop.engine.gguf_names import expected_shapes
from autogpt_desktop.engine.quant import Source
from autogpt_desktop.errors import KnownError

_FAMILIES = {
    "llama": "llama",
    "mistral": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma3_text": "gemma3",
}
_TYPES = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16"}
_PREFIXES = ("", "language_model.", "model.language_model.")  # multimodal folders keep the decoder deeper


def config_from_folder(folder: Path) -> ModelConfig:
    """The shape in ``config.json``. Raises KnownError: folder-config, unknown-family."""
    try:
        raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        if "text_config" in raw:
            raw = raw["text_config"]
        family = _FAMILIES.get(raw.get("model_type", ""))
        if family is None:
            raise KnownError("unknown-family", family=str(raw.get("model_type", "?"))[:80], file=folder.name)
        return _config(family, raw, folder.name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise KnownError("folder-config", folder=folder.name) from error


def _config(family: str, raw: dict[str, Any], name: str) -> ModelConfig:
    heads, layers = int(raw["num_attention_heads"]), int(raw["num_hidden_layers"])
    hidden, gemma = int(raw["hidden_size"]), family == "gemma3"
    head_dim = int(raw.get("head_dim") or hidden // heads)
    # newer folders keep everything about RoPE in one table, per kind of layer for gemma3
    rope = raw.get("rope_parameters") or {}
    rope_full = rope.get("full_attention", rope)
    rope_local = rope.get("sliding_attention", {})
    window = int(raw.get("sliding_window") or 0) if raw.get("use_sliding_window", True) else 0
    types = raw.get("layer_types")
    sliding: tuple[bool, ...] = ()
    if window and types:
        sliding = tuple(kind == "sliding_attention" for kind in types)
    elif window and gemma:
        every = int(raw.get("sliding_window_pattern") or 6)
        sliding = tuple((layer + 1) % every != 0 for layer in range(layers))
    elif window and family == "llama":
        sliding = (True,) * layers
    return ModelConfig(
        family=family,
        vocab_size=int(raw["vocab_size"]),
        hidden_size=hidden,
        intermediate_size=int(raw["intermediate_size"]),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=int(raw.get("num_key_value_heads") or heads),
        head_dim=head_dim,
        max_position_embeddings=int(raw.get("max_position_embeddings", 2048)),
        rms_norm_eps=float(raw.get("rms_norm_eps", 1e-6)),
        rope_theta=float(raw.get("rope_theta") or rope_full.get("rope_theta") or 10000.0),
        rope_local_theta=float(raw.get("rope_local_base_freq") or rope_local.get("rope_theta") or 10000.0),
        rope_dim=int(head_dim * float(raw.get("partial_rotary_factor") or 1.0)),
        rope_scaling=_rope_scaling(raw.get("rope_scaling") or rope_full, raw),
        attention_bias=bool(raw.get("attention_bias", family == "qwen2")),
        qk_norm=family in ("qwen3", "gemma3"),
        sliding_window=window if any(sliding) else 0,
        sliding_layers=sliding if any(sliding) else (),
        sandwich_norms=gemma,
        embedding_scale=math.sqrt(hidden) if gemma else 1.0,
        query_scale=float(raw.get("query_pre_attn_scalar") or head_dim) ** -0.5,
        hidden_act="gelu_tanh" if gemma else "silu",
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", gemma)),
        attn_logit_softcap=float(raw.get("attn_logit_softcapping") or 0.0),
        final_logit_softcap=float(raw.get("final_logit_softcapping") or 0.0),
        norm_weight_offset=1.0 if gemma else 0.0,
        name=name,
    )


def _rope_scaling(raw: dict[str, Any], config: dict[str, Any]) -> RopeScaling | None:
    kind = raw.get("rope_type") or raw.get("type") or "default"
    if kind == "default":
        return None
    if kind not in ("linear", "llama3", "yarn"):
        raise ValueError(kind)
    original = raw.get("original_max_position_embeddings") or config.get("max_position_embeddings", 2048)
    attention = raw.get("attention_factor")
    return RopeScaling(
        kind=kind,
        factor=float(raw.get("factor", 1.0)),
        low_freq_factor=float(raw.get("low_freq_factor", 1.0)),
        high_freq_factor=float(raw.get("high_freq_factor", 4.0)),
        original_max_position_embeddings=int(original),
        beta_fast=float(raw.get("beta_fast") or 32.0),
        beta_slow=float(raw.get("beta_slow") or 1.0),
        attention_factor=None if attention is None else float(attention),
    )


def sources_from_folder(folder: Path, config: ModelConfig) -> dict[str, Source]:
    """Every weight the model needs, by name. Raises KnownError: folder-weights, gguf-tensor-…"""
    tensors: dict[str, torch.Tensor] = {}
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise KnownError("folder-weights", folder=folder.name)
    expected = expected_shapes(config)
    wanted = {prefix + name: name for prefix in _PREFIXES for name in expected}
    wanted |= {name.replace("model.", "model.language_model.", 1): name for name in expected}
    try:
        for file in files:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118  (not a mapping)
                    if name in wanted:
                        tensors[wanted[name]] = opened.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise KnownError("folder-weights", folder=folder.name) from error
    for name, shape in expected.items():
        if name not in tensors:
            raise KnownError("gguf-tensor-missing", file=folder.name, tensor=name)
        if tuple(tensors[name].shape) != shape or tensors[name].dtype not in _TYPES:
            raise KnownError("gguf-tensor-shape", file=folder.name, tensor=name)
    return {name: Source(tuple(t.shape), _TYPES[t.dtype], tensor=t) for name, t in tensors.items()}
