"""``config.json`` of a Hugging Face folder, checked. Free of torch: the list of models reads it too."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from autogpt_desktop.engine.config import ModelConfig, RopeScaling
from autogpt_desktop.engine.formats.gguf_mapping import MAX_LAYERS, MAX_SIZE, MAX_TOKENS
from autogpt_desktop.errors import KnownError
from autogpt_desktop.regular_file import open_regular, read_regular_text

_FAMILIES = {
    "llama": "llama",
    "mistral": "llama",
    "qwen2": "qwen2",
    "qwen3": "qwen3",
    "gemma3_text": "gemma3",
}
# Activations by Hugging Face's names; "gelu_new" is another name for the same formula.
_ACTIVATIONS = {"silu": "silu", "swish": "silu", "gelu_pytorch_tanh": "gelu_tanh", "gelu_new": "gelu_tanh"}
# Settings that change what is computed and that nothing here computes, with the values that change nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "mlp_bias": (None, False),
    "use_bidirectional_attention": (None, False),
    "quantization_config": (None,),
    "num_experts": (None, 0),
    "num_local_experts": (None, 0, 1),
    "residual_multiplier": (None, 1, 1.0),
    "embedding_multiplier": (None, 1, 1.0),
    "logits_scaling": (None, 1, 1.0),
    "attention_multiplier": (None,),
    "logit_scale": (None, 1, 1.0),
    "clip_qkv": (None,),
    "pretraining_tp": (None, 0, 1),
    "altup_num_inputs": (None,),
}
# what reading a stranger's JSON can raise: absent, not JSON, nested too deep, of other types, infinite
_DAMAGED = (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError, ArithmeticError)


_CARD = 64 << 10  # bytes of a README in which its front matter must end


def card_languages(folder: Path) -> tuple[str, ...]:
    """What ``language:`` in the front matter of the folder's README.md says, as the hub's model cards have
    it: one code, ``[en, fr]`` or a list with dashes. (): nothing."""
    try:
        with open_regular(folder / "README.md") as file:
            lines = file.read(_CARD).decode("utf-8-sig", "replace").splitlines()
    except OSError:  # most folders have none
        return ()
    if not lines or lines[0].strip() != "---":
        return ()
    found, inside = list[str](), False
    for line in lines[1:]:
        if line.strip() == "---":
            break
        if match := re.match(r"languages?\s*:(.*)", line):
            inside = True
            found += match.group(1).split("#")[0].strip().strip("[]").split(",")
        elif inside and (match := re.match(r"\s*-\s+(.*)", line)):
            found.append(match.group(1).split("#")[0])
        elif line.strip():
            inside = False
    codes = [code.strip().strip("'\"").lower() for code in found]
    return tuple(code for code in codes[:200] if re.fullmatch(r"[a-z]{2,3}(?:[-_]\w{2,12})?", code))


def config_from_folder(folder: Path) -> ModelConfig:
    """The shape in ``config.json``. Raises KnownError: folder-config, unknown-family, folder-unsupported."""
    try:
        raw = json.loads(read_regular_text(folder / "config.json"))
        if "text_config" in raw:
            raw = raw["text_config"]
        family = _FAMILIES.get(raw.get("model_type", ""))
        if family is None:
            raise KnownError("unknown-family", family=str(raw.get("model_type", "?"))[:80], file=folder.name)
        _check_supported(raw, folder.name)
        config = _config(family, raw, folder.name)
        _check(config)
        return replace(config, languages=card_languages(folder))
    except _DAMAGED as error:
        raise KnownError("folder-config", folder=folder.name) from error


def _check_supported(raw: dict[str, Any], folder: str) -> None:
    """Refuse what would be computed wrongly. Raises KnownError("folder-unsupported")."""
    for name, neutral in _NEUTRAL.items():
        value = raw.get(name)
        if not any(value is one or (type(value) is type(one) and value == one) for one in neutral):
            raise _unsupported(folder, name)
    activation = _activation(raw)
    if activation is not None and activation not in _ACTIVATIONS:
        raise _unsupported(folder, f"hidden_act: {str(activation)[:40]}")


def _unsupported(folder: str, what: str) -> KnownError:
    return KnownError("folder-unsupported", folder=folder, what=what)


def _activation(raw: dict[str, Any]) -> Any:
    return raw.get("hidden_activation") or raw.get("hidden_act")


def _check(c: ModelConfig) -> None:
    """Refuse sizes that cannot be, before anything is counted by them. Raises ValueError."""
    sizes = (c.hidden_size, c.intermediate_size, c.num_attention_heads, c.num_key_value_heads, c.head_dim)
    scaling = c.rope_scaling or RopeScaling("linear")
    factors = (
        *(c.rms_norm_eps, c.rope_theta - 1, c.rope_local_theta - 1, c.query_scale),  # log θ is divided by
        *(scaling.factor, scaling.low_freq_factor, scaling.high_freq_factor, scaling.beta_fast),
        *(scaling.beta_slow, scaling.original_max_position_embeddings),
    )
    fine = (
        all(0 < size <= MAX_SIZE for size in sizes)
        and 0 < c.num_hidden_layers <= MAX_LAYERS
        and 0 < c.vocab_size <= MAX_TOKENS
        and 0 < c.max_position_embeddings <= MAX_TOKENS
        and c.num_attention_heads % c.num_key_value_heads == 0
        and c.head_dim % 2 == 0
        and 0 < c.rope_dim <= c.head_dim
        and c.rope_dim % 2 == 0
        and 0 <= c.sliding_window <= MAX_TOKENS
        and len(c.sliding_layers) in (0, c.num_hidden_layers)
        and all(0 < factor < 1e15 for factor in factors)  # also NaN: no comparison with it holds
        and 0 <= c.attn_logit_softcap < 1e6
        and 0 <= c.final_logit_softcap < 1e6
    )
    if not fine:
        raise ValueError("a size that cannot be")


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
        rope_scaling=_rope_scaling(raw.get("rope_scaling") or rope_full, raw, name),
        attention_bias=bool(raw.get("attention_bias", family == "qwen2")),
        qk_norm=family in ("qwen3", "gemma3"),
        sliding_window=window if any(sliding) else 0,
        sliding_layers=sliding if any(sliding) else (),
        sandwich_norms=gemma,
        embedding_scale=math.sqrt(hidden) if gemma else 1.0,
        query_scale=float(raw.get("query_pre_attn_scalar") or head_dim) ** -0.5,
        hidden_act=_ACTIVATIONS[_activation(raw) or ("gelu_new" if gemma else "silu")],
        tie_word_embeddings=bool(raw.get("tie_word_embeddings", gemma)),
        attn_logit_softcap=float(raw.get("attn_logit_softcapping") or 0.0),
        final_logit_softcap=float(raw.get("final_logit_softcapping") or 0.0),
        norm_weight_offset=1.0 if gemma else 0.0,
        name=name,
    )


def _rope_scaling(raw: dict[str, Any], config: dict[str, Any], folder: str) -> RopeScaling | None:
    kind = raw.get("rope_type") or raw.get("type") or "default"
    if kind == "default":
        return None
    if kind not in ("linear", "llama3", "yarn"):
        raise _unsupported(folder, f"rope_scaling: {str(kind)[:40]}")
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
