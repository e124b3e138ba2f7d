"""A model made larger without changing what it computes: deeper and wider.

Everything works on tensors by Hugging Face's names, and the optimizer's averages go the same way as the
weights they belong to, so that training goes on where it was.

*Deeper*: new layers between the old ones write nothing into the residual stream at first (zeros in
``o_proj`` and ``down_proj``), as in LLaMA Pro (Wu et al., 2024).

*Wider*, after Net2Net (Chen et al., 2016) and LEMON (Wang et al., 2024): new heads and new MLP units are
random where they read and zero where they write. New channels of the residual stream hold zeros at
first. RMSNorm then divides by the root mean square over more channels: old weights of norms are
multiplied by √(old / new) and eps by old / new, which makes up for it exactly. What reads the new channels
is random, so that no two of them learn the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes

_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)")
_WRITES = ("self_attn.o_proj.weight", "mlp.down_proj.weight")
_READS = ("q_proj.weight", "k_proj.weight", "v_proj.weight", "gate_proj.weight", "up_proj.weight")
_INNER_NORMS = ("q_norm.weight", "k_norm.weight")  # over a head, whose size stays
Tensors = dict[str, Tensor]


def deeper(
    config: ModelConfig, tensors: Mapping[str, Tensor], layers: int, *, moments: bool = False
) -> tuple[ModelConfig, Tensors]:
    """``layers`` in all; each new one behind an old one, spread evenly. ``moments``: not weights but the
    optimizer's averages of them, which new layers begin without.

    Raises ValueError for fewer layers than there are.
    """
    old = config.num_hidden_layers
    if layers < old:
        raise ValueError("layers are only added")
    if config.sandwich_norms:
        raise ValueError("a norm behind the zeros of this family would make something of them")
    copies = [(index + 1) * layers // old - index * layers // old for index in range(old)]
    found = {name: tensor.clone() for name, tensor in tensors.items() if not _LAYER.match(name)}
    parts: dict[int, Tensors] = {index: {} for index in range(old)}
    for name, tensor in tensors.items():
        if match := _LAYER.match(name):
            parts[int(match[1])][match[2]] = tensor
    at = 0
    for index, count in enumerate(copies):
        for copy in range(count):
            for part, tensor in parts[index].items():
                new = copy > 0 and (moments or part in _WRITES)
                made = torch.zeros_like(tensor) if new else tensor.clone()
                found[f"model.layers.{at}.{part}"] = made
            at += 1
    sliding = tuple(
        flag for flag, count in zip(config.sliding_layers, copies, strict=False) for _ in range(count)
    )
    return replace(config, num_hidden_layers=layers, sliding_layers=sliding), found


def wider(
    config: ModelConfig,
    tensors: Mapping[str, Tensor],
    *,
    hidden_size: int = 0,
    intermediate_size: int = 0,
    num_key_value_heads: int = 0,
    seed: int = 0,
    moments: int = 0,
) -> tuple[ModelConfig, Tensors]:
    """Larger in one or several ways; 0 leaves one as it is. Each new key/value head brings as many query
    heads as the old ones have. ``moments``: the optimizer's averages of gradients (1) or of their
    squares (2) instead of weights.

    Raises ValueError for less than there is.
    """
    hidden = hidden_size or config.hidden_size
    inner = intermediate_size or config.intermediate_size
    shared = num_key_value_heads or config.num_key_value_heads
    groups = config.num_attention_heads // config.num_key_value_heads
    if hidden < config.hidden_size or inner < config.intermediate_size or shared < config.num_key_value_heads:
        raise ValueError("a model only grows")
    if hidden != config.hidden_size and (config.embedding_scale != 1.0 or config.norm_weight_offset):
        raise ValueError("this family scales by its width")
    share = config.hidden_size / hidden
    target = replace(
        config,
        hidden_size=hidden,
        intermediate_size=inner,
        num_key_value_heads=shared,
        num_attention_heads=shared * groups,
        rms_norm_eps=config.rms_norm_eps * share,
    )
    random = torch.Generator().manual_seed(seed)
    found: Tensors = {}
    for name, shape in expected_shapes(target).items():
        old = tensors[name]
        if old.dim() == 1 and name.endswith("norm.weight") and not name.endswith(_INNER_NORMS):
            scale = math.sqrt(share)
            scale = {0: scale, 1: 1 / scale, 2: 1 / share}[moments]
            made = torch.zeros(shape) if moments else torch.ones(shape)
            made[: len(old)] = old * scale
        elif old.dim() == 1:  # biases of q, k and v; norms over a head
            made = torch.zeros(shape)
            made[: len(old)] = old
        else:
            made = torch.zeros(shape)
            if not moments and name.endswith(_READS):
                made.normal_(0.0, float(old.std()) or 0.02, generator=random)
            if not moments and name == "lm_head.weight":
                made[:, old.shape[1] :].normal_(0.0, float(old.std()) or 0.02, generator=random)
            made[: old.shape[0], : old.shape[1]] = old
        found[name] = made
    return target, found
