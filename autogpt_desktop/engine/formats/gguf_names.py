"""Names of tensors in GGUF files, of each family, and Hugging Face's for the same."""

from __future__ import annotations

import re

from autogpt_desktop.engine.formats.gguf import GGUFFile

_TOP = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
}
_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_SANDWICH = {  # gemma3 has a norm before and behind the attention and the MLP
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
_OLMO2 = {  # norms behind the attention and the MLP alone
    "post_attention_norm": "post_attention_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
_PHI3 = {  # matrices in one: see layouts.py
    "attn_qkv": "self_attn.qkv_proj",
    "ffn_up": "mlp.gate_up_proj",
}
_QWEN35 = {
    "post_attention_norm": "post_attention_layernorm",
    "attn_qkv": "linear_attn.in_proj_qkv",
    "attn_gate": "linear_attn.in_proj_z",
    "ssm_beta": "linear_attn.in_proj_b",
    "ssm_alpha": "linear_attn.in_proj_a",
    "ssm_conv1d": "linear_attn.conv1d",
    "ssm_norm": "linear_attn.norm",
    "ssm_out": "linear_attn.out_proj",
}
_LFM2 = {
    "shortconv.conv": "conv.conv",
    "shortconv.in_proj": "conv.in_proj",
    "shortconv.out_proj": "conv.out_proj",
}
_OTHER_NAMES = {"gemma3": _SANDWICH, "olmo2": _OLMO2, "phi3": _PHI3, "qwen35": _QWEN35, "lfm2": _LFM2}
_BARE = {"ssm_a": "linear_attn.A", "ssm_dt.bias": "linear_attn.dt_bias"}  # of qwen35, without ".weight"
_BLOCK_NAME = re.compile(r"blk\.(0|[1-9]\d{0,3})\.([a-z0-9_.]+)\.(weight|bias)")
_BARE_NAME = re.compile(r"blk\.(0|[1-9]\d{0,3})\.(ssm_a|ssm_dt\.bias)")
_LAYER_NAME = re.compile(r"model\.layers\.(0|[1-9]\d{0,3})\.([a-z0-9_.]+)")
_BLOCK = re.compile(r"blk\.(\d{1,4})\.")
_UNUSED = re.compile(
    r"rope_(freqs|factors_long|factors_short)\.weight|blk\.\d+\.attn_rot_embd(\.weight)?"
)  # tables, not weights


def hf_name(gguf_name: str, family: str = "llama") -> str:
    """Hugging Face's name of a tensor: ``blk.0.attn_q.weight`` → ``model.layers.0.self_attn.q_proj.weight``.

    ``family`` matters: gemma3's ``ffn_norm`` is another norm than the others'. KeyError for names that the
    family does not have.
    """
    stem, _, kind = gguf_name.rpartition(".")
    if family == "lfm2" and gguf_name == "token_embd_norm.weight":
        return "model.norm.weight"
    if stem in _TOP and kind == "weight":
        return f"{_TOP[stem]}.weight"
    if family == "qwen35" and (match := _BARE_NAME.fullmatch(gguf_name)):
        return f"model.layers.{match[1]}.{_BARE[match[2]]}"
    match = _BLOCK_NAME.fullmatch(gguf_name)
    if not match:
        raise KeyError(gguf_name)
    layer, part, kind = match.groups()
    return f"model.layers.{layer}.{_layer_names(family)[part]}.{kind}"


def gguf_name(hf: str, family: str = "llama") -> str:
    """The other way round: ``model.layers.0.self_attn.q_proj.weight`` → ``blk.0.attn_q.weight``. KeyError for
    names that no family has."""
    stem, _, kind = hf.rpartition(".")
    top = {name: gguf for gguf, name in _TOP.items()}
    if stem in top:
        return f"{top[stem]}.{kind}"
    match = _LAYER_NAME.fullmatch(stem)
    if not match:
        raise KeyError(hf)
    parts = {name: gguf for gguf, name in _layer_names(family).items()}
    return f"blk.{match[1]}.{parts[match[2]]}.{kind}"


def _layer_names(family: str) -> dict[str, str]:
    """GGUF's names of a layer's parts → Hugging Face's."""
    names = _LAYER | _OTHER_NAMES.get(family, {})
    if family == "olmo2":  # its names for the norms behind are others' for those before
        names = {part: name for part, name in names.items() if part not in ("attn_norm", "ffn_norm")}
    return names


def weight_names(f: GGUFFile, family: str) -> dict[str, str]:
    """Hugging Face name → GGUF name, of every weight (tables such as ``rope_freqs`` are left out)."""
    return {hf_name(name, family): name for name in f.tensors if not is_unused(f, name)}


def is_unused(f: GGUFFile, name: str) -> bool:
    """A table that is computed anyway, or a part of the layers behind the last one, which guess further
    tokens (``nextn_predict_layers``: "multi-token prediction")."""
    family, match = f.metadata.get("general.architecture"), _BLOCK.match(name)
    more, layers = (f.metadata.get(f"{family}.{key}", 0) for key in ("nextn_predict_layers", "block_count"))
    if match and isinstance(more, int) and isinstance(layers, int) and int(match[1]) >= layers - more:
        return family == "qwen35"
    return bool(_UNUSED.fullmatch(name))
