"""The weights that a decoder has, by Hugging Face's names, whatever file they come from."""

from __future__ import annotations

from autogpt_desktop.engine.config import DeltaNetConfig, LayerKind, ModelConfig


def layer_norms(config: ModelConfig) -> dict[str, str]:
    """The norms of a layer by their place in the decoder → Hugging Face's name."""
    if config.post_norms:
        return {
            "attention_out_norm": "post_attention_layernorm",
            "mlp_out_norm": "post_feedforward_layernorm",
        }
    if config.sandwich_norms:
        return {
            "input_norm": "input_layernorm",
            "attention_out_norm": "post_attention_layernorm",
            "mlp_norm": "pre_feedforward_layernorm",
            "mlp_out_norm": "post_feedforward_layernorm",
        }
    return {"input_norm": "input_layernorm", "mlp_norm": "post_attention_layernorm"}


def expected_shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor a model of this configuration must have, by Hugging Face name."""
    hidden, mlp, dim = config.hidden_size, config.intermediate_size, config.head_dim
    queries, keys = config.num_attention_heads * dim, config.num_key_value_heads * dim
    every: dict[str, tuple[int, ...]] = {
        "mlp.gate_proj.weight": (mlp, hidden),
        "mlp.up_proj.weight": (mlp, hidden),
        "mlp.down_proj.weight": (hidden, mlp),
    }
    attention: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj.weight": (queries * (2 if config.attention_gate else 1), hidden),
        "self_attn.k_proj.weight": (keys, hidden),
        "self_attn.v_proj.weight": (keys, hidden),
        "self_attn.o_proj.weight": (hidden, queries),
    }
    if config.attention_bias:
        attention |= {
            "self_attn.q_proj.bias": (queries,),
            "self_attn.k_proj.bias": (keys,),
            "self_attn.v_proj.bias": (keys,),
        }
    if config.qk_norm:
        q, k = (queries, keys) if config.qk_norm_whole else (dim, dim)
        attention |= {"self_attn.q_norm.weight": (q,), "self_attn.k_norm.weight": (k,)}
    every |= {f"{name}.weight": (hidden,) for name in layer_norms(config).values()}
    shapes: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (config.vocab_size, hidden),
        "model.norm.weight": (hidden,),
    }
    if not config.tie_word_embeddings:
        shapes["lm_head.weight"] = (config.vocab_size, hidden)
    kinds: dict[LayerKind, dict[str, tuple[int, ...]]] = {
        "attention": attention,
        "delta_net": _delta_net_shapes(config.delta_net, hidden) if config.delta_net else {},
        "short_conv": {
            "conv.conv.weight": (hidden, config.short_conv_kernel),
            "conv.in_proj.weight": (3 * hidden, hidden),
            "conv.out_proj.weight": (hidden, hidden),
        },
    }
    for index in range(config.num_hidden_layers):
        layer = every | kinds[config.kind(index)]
        shapes |= {f"model.layers.{index}.{name}": shape for name, shape in layer.items()}
    return shapes


def _delta_net_shapes(c: DeltaNetConfig, hidden: int) -> dict[str, tuple[int, ...]]:
    at, heads = "linear_attn", c.num_value_heads
    return {
        f"{at}.in_proj_qkv.weight": (c.conv_channels, hidden),
        f"{at}.in_proj_z.weight": (c.value_size, hidden),
        f"{at}.in_proj_b.weight": (heads, hidden),
        f"{at}.in_proj_a.weight": (heads, hidden),
        f"{at}.conv1d.weight": (c.conv_channels, c.conv_kernel),
        f"{at}.A" if c.gguf_layout else f"{at}.A_log": (heads,),
        f"{at}.dt_bias": (heads,),
        f"{at}.norm.weight": (c.value_head_dim,),
        f"{at}.out_proj.weight": (hidden, c.value_size),
    }
