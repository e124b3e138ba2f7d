"""``config.json`` of a Hugging Face folder, checked. Free of torch: the list of models reads it too."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from autogpt_desktop.engine.config import DeltaNetConfig, LayerKind, ModelConfig, RopeScaling
from autogpt_desktop.engine.formats.layouts import LAYOUTS
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
    "qwen3_5_text": "qwen35",
    "lfm2": "lfm2",
    "smollm3": "smollm3",
    "granite": "granite",
    "granitemoehybrid": "granite",  # its small ones have neither experts nor state space layers
    "phi3": "phi3",
    "olmo2": "olmo2",
    "ministral": "llama",
    "ministral3": "mistral3",
    "hunyuan_v1_dense": "hunyuan-dense",
}
_KINDS: dict[str, LayerKind] = {
    "full_attention": "attention", "linear_attention": "delta_net", "conv": "short_conv",
}  # fmt: skip
# Activations by Hugging Face's names; "gelu_new" is another name for the same formula.
_ACTIVATIONS = {"silu": "silu", "swish": "silu", "gelu_pytorch_tanh": "gelu_tanh", "gelu_new": "gelu_tanh"}
# Settings that change what is computed and that nothing here computes, with the values that change nothing.
_NEUTRAL: dict[str, tuple[Any, ...]] = {
    "mlp_bias": (None, False),
    "use_bidirectional_attention": (None, False),
    "quantization_config": (None,),
    "num_experts": (None, 0, 1),
    "use_cla": (None, False),  # keys and values that layers share
    "num_local_experts": (None, 0, 1),
    "residual_multiplier": (None, 1, 1.0),
    "embedding_multiplier": (None, 1, 1.0),
    "logits_scaling": (None, 1, 1.0),
    "attention_multiplier": (None,),
    "no_rope_layers": (None,),
    "logit_scale": (None, 1, 1.0),
    "clip_qkv": (None,),
    "pretraining_tp": (None, 0, 1),
    "altup_num_inputs": (None,),
    "attn_output_gate": (None, True),
    "output_gate_type": (None, "swish", "silu"),
    "conv_bias": (None, False),
}
_OUTER = ("tie_word_embeddings", "quantization_config")  # of a folder whose decoder is a part of it
# … but which these families do compute
_COMPUTED = {
    "granite": ("residual_multiplier", "embedding_multiplier", "logits_scaling", "attention_multiplier"),
    "smollm3": ("no_rope_layers",),
}
# what reading a stranger's JSON can raise: absent, not JSON, nested too deep, of other types, infinite
_DAMAGED = (OSError, ValueError, RecursionError, LookupError, TypeError, AttributeError, ArithmeticError)


_THETA = {"smollm3": 2_000_000.0, "lfm2": 1_000_000.0}  # where the folder says none


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
            raw = {name: raw[name] for name in _OUTER if name in raw} | raw["text_config"]
        family = _FAMILIES.get(raw.get("model_type", ""))
        if family is None:
            raise KnownError("unknown-family", family=str(raw.get("model_type", "?"))[:80], file=folder.name)
        _check_supported(family, raw, folder.name)
        config = _config(family, raw, folder.name)
        if what := senseless(config):
            raise _bad(what)
        return replace(config, languages=card_languages(folder))
    except _DAMAGED as error:
        raise damaged(error, folder.name, "folder-config", folder=folder.name) from error


def _check_supported(family: str, raw: dict[str, Any], folder: str) -> None:
    """Refuse what would be computed wrongly. Raises KnownError("folder-unsupported")."""
    for name, neutral in _NEUTRAL.items():
        value = None if name in _COMPUTED.get(family, ()) else raw.get(name)
        if not any(value is one or (type(value) is type(one) and value == one) for one in neutral):
            raise _unsupported(folder, name)
    kinds = raw.get("layer_types") or raw.get("layers_block_type") or ()
    if family in ("qwen35", "lfm2"):  # ``_layer_kinds`` looks at them
        kinds = ()
    if odd := [kind for kind in kinds if kind not in ("full_attention", "sliding_attention", "attention")]:
        raise _unsupported(folder, f"layer_types: {str(odd[0])[:40]}")
    if raw.get("model_type") == "granitemoehybrid" and not kinds:  # what its layers are without a list
        raise _unsupported(folder, "layer_types: mamba")
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
    qwen35, lfm2 = family == "qwen35", family == "lfm2"
    head_dim = table.integer("head_dim", max(1, hidden // heads), high=1 << 13)
    context = table.integer("max_position_embeddings", 2048, high=MAX_TOKENS)
    # newer folders keep everything about RoPE in one table, per kind of layer for gemma3
    rope = table.table("rope_parameters")
    rope_full = rope.table("full_attention") if rope.get("full_attention") else rope
    rope_local = rope.table("sliding_attention")
    window, sliding = _sliding(table, family, layers)
    scaling = table.table("rope_scaling") if raw.get("rope_scaling") else rope_full
    theta = rope_full.number("rope_theta", _THETA.get(family, 10000.0), low=1.0)
    local = rope_local.number("rope_theta", 10000.0, low=1.0)
    share = rope_full.number("partial_rotary_factor", 0.25 if qwen35 else 1.0, high=1.0)
    rotating = table.number("partial_rotary_factor", share, high=1.0)
    temperature = scaling.number("llama_4_scaling_beta", 0.0, low=-1e-9, high=1e3)
    layout = raw["model_type"] if raw["model_type"] in LAYOUTS else ""
    kinds = _layer_kinds(table, family, layers)
    return ModelConfig(
        family=family,
        vocab_size=table.integer("vocab_size", high=MAX_TOKENS),
        hidden_size=hidden,
        intermediate_size=_mlp_width(table, family, layout),
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=table.integer("num_key_value_heads", heads, high=1 << 14),
        head_dim=head_dim,
        max_position_embeddings=context,
        rms_norm_eps=table.number("norm_eps", 1e-5, high=1.0)
        if lfm2
        else table.number("rms_norm_eps", 1e-6, high=1.0),
        rope_theta=table.number("rope_theta", theta, low=1.0) * _stretched(scaling, family, head_dim),
        rope_local_theta=table.number("rope_local_base_freq", local, low=1.0),
        rope_dim=int(head_dim * rotating),
        rope_scaling=_rope_scaling(table, scaling, context, name),
        attention_bias=table.flag("attention_bias", family == "qwen2"),
        qk_norm=family in ("qwen3", "gemma3", "olmo2", "hunyuan-dense", "qwen35", "lfm2"),
        qk_norm_whole=family == "olmo2",
        qk_norm_behind_rope=family == "hunyuan-dense",
        unrotated_layers=_unrotated(table, family, layers),
        sliding_window=window if any(sliding) else 0,
        sliding_layers=sliding if any(sliding) else (),
        sandwich_norms=gemma,
        post_norms=family == "olmo2",
        embedding_scale=math.sqrt(hidden) if gemma else table.number("embedding_multiplier", 1.0, high=1e6),
        residual_scale=table.number("residual_multiplier", 1.0, high=1e6),
        logit_scale=1 / table.number("logits_scaling", 1.0, high=1e6),
        query_scale=_query_scale(table, family, head_dim),
        attention_temperature=temperature,
        attention_temperature_length=_original(table, scaling, context) if temperature else 0,
        hidden_act=_ACTIVATIONS[_activation(raw) or ("gelu_new" if gemma else "silu")],
        tie_word_embeddings=table.flag("tie_embedding", table.flag("tie_word_embeddings", gemma or lfm2)),
        attn_logit_softcap=table.softcap("attn_logit_softcapping"),
        final_logit_softcap=table.softcap("final_logit_softcapping"),
        norm_weight_offset=1.0 if gemma or qwen35 else 0.0,
        layer_kinds=kinds if any(kind != "attention" for kind in kinds) else (),
        delta_net=_delta_net(table) if "delta_net" in kinds else None,
        short_conv_kernel=table.integer("conv_L_cache", 3, low=2, high=64) if "short_conv" in kinds else 0,
        attention_gate=qwen35,
        layout=layout,
        name=name,
    )


def _layer_kinds(table: Settings, family: str, layers: int) -> tuple[LayerKind, ...]:
    """What each layer has before its MLP; (): attention in all."""
    if family not in ("qwen35", "lfm2"):
        return ()
    types = table.get("layer_types")
    if types is None and family == "qwen35":
        every = table.integer("full_attention_interval", 4)
        return tuple("delta_net" if (layer + 1) % every else "attention" for layer in range(layers))
    if types is None:
        attend = table.get("full_attn_idxs")
        if attend is None:
            return ()
        if not isinstance(attend, list):
            raise _bad("full_attn_idxs")
        return tuple("attention" if layer in attend else "short_conv" for layer in range(layers))
    own = ("full_attention", "linear_attention" if family == "qwen35" else "conv")
    if not isinstance(types, list) or len(types) != layers or not all(kind in own for kind in types):
        raise _bad("layer_types")
    return tuple(_KINDS[kind] for kind in types)


def _delta_net(table: Settings) -> DeltaNetConfig:
    return DeltaNetConfig(
        num_key_heads=table.integer("linear_num_key_heads", 16, high=1 << 12),
        num_value_heads=table.integer("linear_num_value_heads", 32, high=1 << 12),
        key_head_dim=table.integer("linear_key_head_dim", 128, high=1 << 12),
        value_head_dim=table.integer("linear_value_head_dim", 128, high=1 << 12),
        conv_kernel=table.integer("linear_conv_kernel_dim", 4, low=2, high=64),
    )


def _mlp_width(table: Settings, family: str, layout: str) -> int:
    """``intermediate_size``; of lfm2 the folder says what it is made from."""
    if family != "lfm2":
        return table.integer(
            "shared_intermediate_size" if layout == "granitemoehybrid" else "intermediate_size"
        )
    width = table.integer("block_ff_dim", table.integer("intermediate_size", 12288))
    if table.flag("block_auto_adjust_ff_dim", True):
        width = int(table.number("block_ffn_dim_multiplier", 1.0, high=64.0) * int(2 * width / 3))
        step = table.integer("block_multiple_of", 256)
        width = -(-width // step) * step
    if not width:
        raise _bad("block_ff_dim")
    return width


def _query_scale(table: Settings, family: str, head_dim: int) -> float:
    if family == "granite":
        return table.number("attention_multiplier", 1.0, high=1e6)
    return table.number("query_pre_attn_scalar", head_dim, high=1e6) ** -0.5


def _unrotated(table: Settings, family: str, layers: int) -> tuple[bool, ...]:
    """The layers without rotary positions: of smollm3 one in four, unless there is a list."""
    if family == "granite" and table.values.get("model_type") == "granitemoehybrid":
        return () if table.text("position_embedding_type", "") == "rope" else (True,) * layers
    if family != "smollm3":
        return ()
    if (rotated := table.get("no_rope_layers")) is not None:  # 1: with, whatever the name says
        if not isinstance(rotated, list) or not all(one in (0, 1) for one in rotated):
            raise _bad("no_rope_layers")
        return tuple(not one for one in rotated)
    every = table.integer("no_rope_layer_interval", 4)
    return tuple((layer + 1) % every == 0 for layer in range(layers))


def _sliding(table: Settings, family: str, layers: int) -> tuple[int, tuple[bool, ...]]:
    """The window, and the layers it applies to."""
    window = table.integer("sliding_window", 0, low=0, high=MAX_TOKENS)
    if not window or not table.flag("use_sliding_window", family != "smollm3"):
        return 0, ()
    if types := table.get("layer_types"):
        if not isinstance(types, list) or not all(isinstance(kind, str) for kind in types):
            raise _bad("layer_types")
        return window, tuple(kind == "sliding_attention" for kind in types)
    if family == "smollm3":
        return window, _unrotated(table, family, layers)
    if family == "gemma3":
        every = table.integer("sliding_window_pattern", 6)
        return window, tuple((layer + 1) % every != 0 for layer in range(layers))
    return window, (True,) * layers if family in ("llama", "mistral3", "phi3") else ()


def _has_alpha(rope: Settings, model_type: str) -> bool:
    """Hunyuan's "dynamic" with an alpha is not dynamic: it stretches the base, whatever the length."""
    return model_type == "hunyuan_v1_dense" and bool(rope.get("alpha"))


def _stretched(rope: Settings, family: str, head_dim: int) -> float:
    """What the base of the frequencies is multiplied by (NTK-aware scaling)."""
    if family != "hunyuan-dense" or not rope.get("alpha") or head_dim <= 2:
        return 1.0
    return rope.number("alpha", 1.0, high=1e9) ** (head_dim / (head_dim - 2))


def _original(table: Settings, rope: Settings, context: int) -> int:
    """The context before it was extended, which some makers state beside the table of RoPE."""
    name = "original_max_position_embeddings"
    return rope.integer(name, table.integer(name, context, high=MAX_TOKENS), high=MAX_TOKENS)


def _rope_scaling(table: Settings, rope: Settings, context: int, folder: str) -> RopeScaling | None:
    kind = rope.text("rope_type", rope.text("type", "default"))
    if table.text("model_type", "") == "phi3" and kind in ("su", "yarn"):  # what it was called before
        kind = "longrope"
    if kind == "default" or _has_alpha(rope, table.text("model_type", "")):
        return None
    if kind not in ("linear", "llama3", "yarn", "longrope"):
        raise _unsupported(folder, f"rope_scaling: {kind[:40]}")
    if not rope.flag("truncate", True):
        raise _unsupported(folder, "rope_scaling: truncate")
    attention = None
    if rope.get("attention_factor") is not None:
        attention = rope.number("attention_factor", 1.0, high=1e4)
    return rope_scaling(rope, kind, context, attention, _original(table, rope, context))
