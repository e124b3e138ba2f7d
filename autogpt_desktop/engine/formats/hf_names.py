"""Names of tensors in Hugging Face folders, of families that call things by names of their own."""

from __future__ import annotations

import re

_LFM2_LAYER = {
    "input_layernorm": "operator_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.o_proj": "self_attn.out_proj",
    "self_attn.q_norm": "self_attn.q_layernorm",
    "self_attn.k_norm": "self_attn.k_layernorm",
    "mlp.gate_proj": "feed_forward.w1",
    "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2",
}
_LAYER_NAME = re.compile(r"(model\.layers\.\d++)\.([a-z0-9_.]+)\.(weight|bias)")


def stored_name(name: str, family: str) -> str:
    """What a folder of the family calls the tensor that is ``name`` here: ``model.norm.weight`` of lfm2 is
    ``model.embedding_norm.weight``."""
    if family != "lfm2":
        return name
    if name == "model.norm.weight":
        return "model.embedding_norm.weight"
    if match := _LAYER_NAME.fullmatch(name):
        at, part, kind = match.groups()
        return f"{at}.{_LFM2_LAYER.get(part, part)}.{kind}"
    return name
