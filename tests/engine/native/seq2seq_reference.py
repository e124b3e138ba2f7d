"""Encoder–decoders in float64, one sentence and one token at a time, as plainly as they can be written."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import numpy as np

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.native.seq2seq import FINE, positions

Weights = dict[str, np.ndarray]


def config(**values: object) -> Seq2SeqConfig:
    """A small one; ``values`` in place of its own."""
    small: dict[str, object] = {
        "family": "marian", "vocab_size": 41, "decoder_vocab_size": 41, "d_model": 20,
        "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 4,
        "encoder_ffn_dim": 52, "decoder_ffn_dim": 36, "max_position_embeddings": 600,
        "pad_token_id": 1, "eos_token_id": 0, "decoder_start_token_id": 1,
    }  # fmt: skip
    return Seq2SeqConfig(**(small | values))  # type: ignore[arg-type]


def random_weights(c: Seq2SeqConfig, seed: int) -> Weights:
    """By the names of Hugging Face's checkpoints."""
    rng = np.random.default_rng(seed)
    weights: Weights = {}

    def add(name: str, *shape: int, size: float, middle: float = 0.0) -> None:
        weights[name] = (middle + size * rng.normal(size=shape)).astype(np.float32)

    def linear(name: str, rows: int, cols: int) -> None:
        add(f"{name}.weight", rows, cols, size=1.2 / math.sqrt(cols))
        add(f"{name}.bias", rows, size=0.1)

    def norm(name: str) -> None:
        add(f"{name}.weight", c.d_model, size=0.1, middle=1.0)
        add(f"{name}.bias", c.d_model, size=0.1)

    d, size = c.d_model, 1 / math.sqrt(c.d_model)
    if c.share_encoder_decoder_embeddings:
        add("model.shared.weight", c.vocab_size, d, size=size)
    else:
        add("model.encoder.embed_tokens.weight", c.vocab_size, d, size=size)
        add("model.decoder.embed_tokens.weight", c.decoder_vocab_size, d, size=size)
        if not c.tie_word_embeddings:
            add("lm_head.weight", c.decoder_vocab_size, d, size=2 * size)
    add("final_logits_bias", 1, c.decoder_vocab_size, size=0.5)
    weights["final_logits_bias"][0, c.eos_token_id] += 2.5  # so that some translations end
    for side, layers, ffn in (
        ("encoder", c.encoder_layers, c.encoder_ffn_dim),
        ("decoder", c.decoder_layers, c.decoder_ffn_dim),
    ):
        for layer in range(layers):
            at = f"model.{side}.layers.{layer}"
            for part in ("self_attn", "encoder_attn")[: 1 if side == "encoder" else 2]:
                for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    linear(f"{at}.{part}.{name}", d, d)
                norm(f"{at}.{part}_layer_norm")
            linear(f"{at}.fc1", ffn, d)
            linear(f"{at}.fc2", d, ffn)
            norm(f"{at}.final_layer_norm")
        if c.norm == "pre":
            norm(f"model.{side}.layer_norm")
    return weights


def tensors(weights: Weights) -> dict[str, CheckpointTensor]:
    return {
        name: CheckpointTensor(values.shape, "F32", blocks=values.reshape(-1).view(np.uint8))
        for name, values in weights.items()
    }


class Reference:
    """An SSRU's W and W_f are the decoder's q_proj and k_proj of self-attention, its W without a bias.

    ``rounded``: are activations rounded to int8, each token's largest at 127? ``alphas``: by matrix, what
    they are multiplied by before that instead.
    """

    def __init__(
        self,
        c: Seq2SeqConfig,
        weights: Weights,
        rounded: bool = False,
        alphas: dict[str, float] | None = None,
    ) -> None:
        self.c, self.rounded, self.alphas = c, rounded, alphas or {}
        self.w = {name: values.astype(np.float64) for name, values in weights.items()}
        shared = c.share_encoder_decoder_embeddings
        self.source, self.target = (
            self.w[f"model.{'shared' if shared else f'{side}.embed_tokens'}.weight"]
            for side in ("encoder", "decoder")
        )
        self.output_name = "lm_head" if "lm_head.weight" in self.w else "output"
        self.w["output.weight"] = self.target
        self.positions = positions(c, c.max_position_embeddings).astype(np.float64)

    def product(self, name: str, x: np.ndarray) -> np.ndarray:
        if self.rounded:
            largest = np.abs(x).max(-1, keepdims=True)
            alpha: float | np.ndarray = self.alphas.get(name, 0.0)
            most = 8191 if alpha == FINE else 127
            if alpha in (0.0, FINE):
                alpha = most / np.where(largest > 0, largest, 1)
            x = np.clip(np.rint(x * alpha), -most, most) / alpha
        return x @ self.w[f"{name}.weight"].T

    def linear(self, name: str, x: np.ndarray) -> np.ndarray:
        return self.product(name, x) + self.w[f"{name}.bias"]

    def norm(self, name: str, x: np.ndarray) -> np.ndarray:
        apart = x - x.mean(-1, keepdims=True)
        sigma = np.sqrt((apart**2).mean(-1, keepdims=True) + self.c.layer_norm_eps)
        return apart / sigma * self.w[f"{name}.weight"] + self.w[f"{name}.bias"]

    def sublayer(self, name: str, x: np.ndarray, run: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        return x + run(self.norm(name, x)) if self.c.norm == "pre" else self.norm(name, x + run(x))

    def feed_forward(self, at: str, x: np.ndarray) -> np.ndarray:
        inner = self.linear(f"{at}.fc1", x)
        kind = self.c.activation_function
        if kind == "relu":
            inner = np.maximum(inner, 0)
        elif kind == "silu":
            inner = inner / (1 + np.exp(-inner))
        else:
            inner = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
        return self.linear(f"{at}.fc2", inner)

    def attend(self, at: str, heads: int, x: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The result [queries, d_model], and the weights [heads, queries, keys]."""

        def split(name: str, rows: np.ndarray) -> np.ndarray:
            return self.linear(f"{at}.{name}", rows).reshape(len(rows), heads, -1).swapaxes(0, 1)

        q, k, v = split("q_proj", x), split("k_proj", keys), split("v_proj", keys)
        scores = q @ k.swapaxes(1, 2) / math.sqrt(q.shape[-1])
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        scores /= scores.sum(-1, keepdims=True)
        return self.linear(f"{at}.out_proj", (scores @ v).swapaxes(0, 1).reshape(len(x), -1)), scores

    def attend_all(self, at: str, heads: int, x: np.ndarray) -> np.ndarray:
        return self.attend(at, heads, x, x)[0]

    def embed(self, table: np.ndarray, ids: list[int]) -> np.ndarray:
        factor = math.sqrt(self.c.d_model) if self.c.scale_embedding else 1.0
        rows = np.stack([table[id] * factor if id >= 0 else 0 * table[0] for id in ids])
        return rows + self.positions[: len(ids)]

    def encode(self, ids: list[int]) -> np.ndarray:
        x, heads = self.embed(self.source, ids), self.c.encoder_attention_heads
        for layer in range(self.c.encoder_layers):
            at = f"model.encoder.layers.{layer}"
            x = self.sublayer(
                f"{at}.self_attn_layer_norm", x, partial(self.attend_all, f"{at}.self_attn", heads)
            )
            x = self.sublayer(f"{at}.final_layer_norm", x, partial(self.feed_forward, at))
        return self.norm("model.encoder.layer_norm", x) if self.c.norm == "pre" else x

    def ssru(self, at: str, x: np.ndarray) -> np.ndarray:
        new = self.product(f"{at}.q_proj", x)
        gates = 1 / (1 + np.exp(-self.linear(f"{at}.k_proj", x)))
        cell, out = np.zeros(self.c.d_model), []
        for gate, value in zip(gates, new, strict=True):
            cell = gate * cell + (1 - gate) * value
            out.append(np.maximum(cell, 0))
        return np.stack(out)

    def causal(self, at: str, x: np.ndarray) -> np.ndarray:
        heads = self.c.decoder_attention_heads
        return np.concatenate([self.attend(at, heads, x[i : i + 1], x[: i + 1])[0] for i in range(len(x))])

    def decode(self, encoded: np.ndarray, ids: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Log-probabilities behind each of ids, the start with them, and the alignment."""
        x = self.embed(self.target, ids)
        pairs = self.c.alignment_heads or tuple(
            (self.c.decoder_layers - 1, head) for head in range(self.c.decoder_attention_heads)
        )
        alignment = np.zeros((len(ids), len(encoded)))
        for layer in range(self.c.decoder_layers):
            at = f"model.decoder.layers.{layer}"
            first = self.ssru if self.c.decoder_kind == "ssru" else self.causal
            x = self.sublayer(f"{at}.self_attn_layer_norm", x, partial(first, f"{at}.self_attn"))
            seen: list[np.ndarray] = []

            def cross(y: np.ndarray, at: str = at, seen: list[np.ndarray] = seen) -> np.ndarray:
                out, scores = self.attend(f"{at}.encoder_attn", self.c.decoder_attention_heads, y, encoded)
                seen.append(scores)
                return out

            x = self.sublayer(f"{at}.encoder_attn_layer_norm", x, cross)
            for place, head in pairs:
                if place == layer:
                    alignment += seen[0][head] / len(pairs)
            x = self.sublayer(f"{at}.final_layer_norm", x, partial(self.feed_forward, at))
        if self.c.norm == "pre":
            x = self.norm("model.decoder.layer_norm", x)
        logits = self.product(self.output_name, x) + self.w["final_logits_bias"]
        top = logits.max(-1, keepdims=True)
        return logits - top - np.log(np.exp(logits - top).sum(-1, keepdims=True)), alignment
