"""The usual shape of a model that is made here. Free of torch."""

from __future__ import annotations

from typing import Any

from autogpt_desktop.engine.config import ModelConfig

CONTEXT = 256
_ASPECT = 48  # width / depth


def shape(vocab_size: int, hidden: int, layers: int, **changes: Any) -> ModelConfig:
    """A usual shape: heads of 64, two queries to a key, an MLP of 8/3 of the width (Shazeer, 2020)."""
    dim = changes.pop("head_dim", 64 if hidden % 64 == 0 and hidden >= 128 else 32)
    heads = max(1, hidden // dim)
    values: dict[str, Any] = {
        "family": "llama",
        "vocab_size": vocab_size,
        "hidden_size": hidden,
        "intermediate_size": max(32, round(hidden * 8 / 3 / 32) * 32),
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": max(1, heads // 2) if heads % 2 == 0 else heads,
        "head_dim": dim,
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": 1e-5,
        "tie_word_embeddings": True,
    }
    return ModelConfig(**(values | changes))


def shape_of(vocab_size: int, parameters: int) -> ModelConfig:
    """The usual shape whose layers have about so many parameters."""
    width = 32
    while width < 2048 and 9 * width * width * max(1, round(width / _ASPECT)) < parameters:
        width += 32
    return shape(vocab_size, width, max(1, round(width / _ASPECT)))
