"""The arithmetic of a decoder, counted from its shape."""

from __future__ import annotations

from autogpt_desktop.engine.config import ModelConfig


def matrix_work(c: ModelConfig) -> int:
    """Multiply-adds of one token in the matrices of all layers."""
    queries, keys = c.num_attention_heads * c.head_dim, c.num_key_value_heads * c.head_dim
    attention = c.hidden_size * (2 * queries + 2 * keys)  # q and o, k and v
    return c.num_hidden_layers * (attention + 3 * c.hidden_size * c.intermediate_size)


def attention_work(c: ModelConfig, start: int, count: int) -> int:
    """Multiply-adds of QKᵀ and its product with V for tokens start … start + count - 1, in all layers."""
    sliding = c.sliding_layers or (False,) * c.num_hidden_layers
    seen = 0
    for position in range(start, start + count):
        for window in sliding:
            seen += min(position + 1, c.sliding_window) if window and c.sliding_window else position + 1
    return 2 * c.num_attention_heads * c.head_dim * seen


def head_work(c: ModelConfig) -> int:
    """Multiply-adds of one token's logits."""
    return c.vocab_size * c.hidden_size


def prefill_ops(c: ModelConfig, tokens: int) -> int:
    """Operations (two to a multiply-add) of reading ``tokens``: the head works for the last one only."""
    return 2 * (tokens * matrix_work(c) + attention_work(c, 0, tokens) + head_work(c))


def decode_ops(c: ModelConfig, start: int, count: int) -> int:
    """Operations of ``count`` tokens, one after the other, behind ``start`` others."""
    return 2 * (count * (matrix_work(c) + head_work(c)) + attention_work(c, start, count))
