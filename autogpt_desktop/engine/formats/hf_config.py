"""``config.json`` of a Hugging Face folder, checked. Free of torch: the list of models reads it too."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from autogpt_desktop.engine.config import ModelConfig, RopeScaling
from autogpt_desktop.engine.formats.settings import MAX_LAYERS, MAX_TOKENS, Settings, rope_scaling, senseless
from autogpt_desktop.engine.formats.untrusted import damaged
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
        if what := senseless(config):
            raise _bad(what)
        return replace(config, languages=card_languages(folder))
    except _DAMAGED as error:
        raise damaged(error, folder.name, "folder-config", folder=folder.name) from error


def _check_supported(raw: dict[str, Any], folder: str) -> None:
    """Refuse what would be computed wrongly. Raises KnownError("folder-unsupported")."""
    for name, neutral in _NEUTRAL.items():
        value = raw.get(name)
        if not any(value is one or (type(value) is type(one) and value == one) for one in neutral):
            raise _unsupported(folder, name)
    activation = _activation(raw)
    if activation and activation not in _ACTIVATIONS:
        raise _unsupported(folder, f"hidden_act: {activation[:40]}")


def _unsupported(folder: str, what: str) -> KnownError:
    return KnownError("folder-unsupported", folder=folder, what=what)


def _activation(raw: dict[str, Any]) -> str:
    """Its name, "" for none."""
    table = Settings(raw, _bad)
    return table.text("hidden_activation", "") or table.text("hidden_act", "")


def _bad(name: str) -> ValueError:
    return ValueError(f"{name} makes no sense")


def _config(family: str, raw: dict[str, Any], name: str) -> ModelConfig:
    table = Settings(raw, _bad)
    heads = table.integer("num_attention_heads", high=1 << 14)
    layers = table.integer("num_hidden_layers", high=MAX_LAYERS)
    hidden, gemma = table.integer("hidden_size"), family == "gemma3"
    head_dim = table.integer("head_dim", max(1, hidden // heads), high=1 << 13)
    context = table.integer("max_position_embeddings", 2048, high=MAX_TOKENS)
    # newer folders keep everything about RoPE in one table, per kind of layer for gemma3
    rope = table.table("rope_parameters")
    rope_full = rope.table("full_attention") if rope.get("full_attention") else rope
    rope_local = rope.table("sliding_attention")
    window, sliding = _sliding(table, family, layers)
    scaling = table.table("rope_scaling") if raw.get("rope_scaling") else rope_full
    theta = rope_full.number("rope_theta", 10000.0, low=1.0)
    local = rope_local.number("rope_theta", 10000.0, low=1.0)
    return ModelConfig(
        family=family,
        vocab_size=table.integer("vocab_size", high=MAX_TOKENS),
        hidden_size=hidden,
        intermediate_size=table.integer("intermediate_size"),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=table.integer("num_key_value_heads", heads, high=1 << 14),
        head_dim=head_dim,
        max_position_embeddings=context,
        rms_norm_eps=table.number("rms_norm_eps", 1e-6, high=1.0),
        rope_theta=table.number("rope_theta", theta, low=1.0),
        rope_local_theta=table.number("rope_local_base_freq", local, low=1.0),
        rope_dim=int(head_dim * table.number("partial_rotary_factor", 1.0, high=1.0)),
        rope_scaling=_rope_scaling(scaling, context, name),
        attention_bias=table.flag("attention_bias", family == "qwen2"),
        qk_norm=family in ("qwen3", "gemma3"),
        sliding_window=window if any(sliding) else 0,
        sliding_layers=sliding if any(sliding) else (),
        sandwich_norms=gemma,
        embedding_scale=math.sqrt(hidden) if gemma else 1.0,
        query_scale=table.number("query_pre_attn_scalar", head_dim, high=1e6) ** -0.5,
        hidden_act=_ACTIVATIONS[_activation(raw) or ("gelu_new" if gemma else "silu")],
        tie_word_embeddings=table.flag("tie_word_embeddings", gemma),
        attn_logit_softcap=table.softcap("attn_logit_softcapping"),
        final_logit_softcap=table.softcap("final_logit_softcapping"),
        norm_weight_offset=1.0 if gemma else 0.0,
        name=name,
    )


def _sliding(table: Settings, family: str, layers: int) -> tuple[int, tuple[bool, ...]]:
    """The window, and the layers it applies to."""
    window = table.integer("sliding_window", 0, low=0, high=MAX_TOKENS)
    if not window or not table.flag("use_sliding_window", True):
        return 0, ()
    if types := table.get("layer_types"):
        if not isinstance(types, list) or not all(isinstance(kind, str) for kind in types):
            raise _bad("layer_types")
        return window, tuple(kind == "sliding_attention" for kind in types)
    if family == "gemma3":
        every = table.integer("sliding_window_pattern", 6)
        return window, tuple((layer + 1) % every != 0 for layer in range(layers))
    return window, (True,) * layers if family == "llama" else ()


def _rope_scaling(table: Settings, context: int, folder: str) -> RopeScaling | None:
    kind = table.text("rope_type", table.text("type", "default"))
    if kind == "default":
        return None
    if kind not in ("linear", "llama3", "yarn"):
        raise _unsupported(folder, f"rope_scaling: {kind[:40]}")
    attention = None
    if table.get("attention_factor") is not None:
        attention = table.number("attention_factor", 1.0, high=1e4)
    return rope_scaling(table, kind, context, attention)
