"""Small random translation packs in Marian's formats: model, shortlist, vocabulary."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

INTGEMM8, FLOAT32, INT8 = 0x4101, 0x0404, 0x0101
Items = dict[str, tuple[int, tuple[int, ...], bytes]]  # name -> (type, shape, data)

SETTINGS: dict[str, str] = {
    "dec-cell": "ssru",
    "dec-depth": "2",
    "dim-emb": "32",
    "enc-depth": "2",
    "input-types": "[]",
    "layer-normalization": "false",
    "lemma-dim-emb": "0",
    "output-omit-bias": "false",
    "right-left": "false",
    "skip": "false",
    "transformer-decoder-autoreg": "rnn",
    "transformer-dim-ffn": "64",
    "transformer-ffn-activation": "relu",
    "transformer-ffn-depth": "2",
    "transformer-guided-alignment-layer": "last",
    "transformer-heads": "8",
    "transformer-no-projection": "false",
    "transformer-pool": "false",
    "transformer-postprocess": "dan",
    "transformer-postprocess-emb": "d",
    "transformer-postprocess-top": '""',
    "transformer-preprocess": '""',
    "transformer-tied-layers": "[]",
    "transformer-train-position-embeddings": "false",
    "type": "transformer",
    "ulr": "false",
    "version": "v1.9.56",
}


def quantized(values: np.ndarray, embedding: bool = False) -> tuple[int, tuple[int, ...], bytes]:
    """A matrix [inputs, outputs] as Marian stores it: int8, transposed (embeddings are not), multiplier."""
    multiplier = np.float32(127 / np.abs(values).max())
    stored = values if embedding else values.T
    data = np.rint(stored * multiplier).clip(-127, 127).astype(np.int8).tobytes()
    return INTGEMM8, values.shape, data + multiplier.tobytes()


def floats(values: Any) -> tuple[int, tuple[int, ...], bytes]:
    array = np.atleast_2d(np.asarray(values, "<f4"))
    return FLOAT32, array.shape, array.tobytes()


def tiny_items(
    *,
    dim: int = 32,
    ffn: int = 64,
    heads: int = 8,
    encoder_layers: int = 2,
    decoder_layers: int = 2,
    vocab: tuple[int, int] = (64, 64),
    tied: str = "all",  # "all", "apart" (the output layer is the decoder's embedding), "none"
    named_scale: bool = True,  # of the output layer
    seed: int = 0,
    settings: Mapping[str, str] | None = None,
) -> Items:
    """The items of a small model with random weights, whose activations keep their size."""
    chance = np.random.default_rng(seed)
    items: Items = {}

    def matrix(name: str, inputs: int, outputs: int, scale: float = 8.0) -> None:
        items[name] = quantized(chance.normal(0, inputs**-0.5, (inputs, outputs)))
        items[name + "_QuantMultA"] = floats(scale * chance.uniform(1.5, 2.5))

    def bias(name: str, size: int, spread: float = 0.1) -> None:
        items[name] = floats(chance.normal(0, spread, size))

    def norm(name: str) -> None:
        items[f"{name}_ln_scale"] = floats(chance.uniform(0.7, 1.3, dim))
        bias(f"{name}_ln_bias", dim)

    def attention(name: str) -> None:
        for part in "qkvo":
            matrix(f"{name}_W{part}", dim, dim)
            bias(f"{name}_b{part}", dim)
        norm(f"{name}_Wo")

    def feed_forward(name: str) -> None:
        matrix(f"{name}_W1", dim, ffn)
        bias(f"{name}_b1", ffn)
        matrix(f"{name}_W2", ffn, dim)
        bias(f"{name}_b2", dim)
        norm(f"{name}_ffn")

    embeddings = {"Wemb": vocab[0]} if tied == "all" else {"encoder_Wemb": vocab[0], "decoder_Wemb": vocab[1]}
    for name, size in embeddings.items():
        items[name] = quantized(chance.normal(0, dim**-0.5, (size, dim)), embedding=True)
    output = {"all": "Wemb", "apart": "decoder_Wemb", "none": "decoder_ff_logit_out_W"}[tied]
    if tied == "none":
        items[output] = quantized(chance.normal(0, dim**-0.5, (dim, vocab[1])))
    alpha = np.float32(14.5)
    items["none_QuantMultA"] = floats(alpha)
    if named_scale and tied != "none":  # the converter makes everything int8 whose name has Wemb in it
        items[output + "_QuantMultA"] = INTGEMM8, (1, 1), b"\x7f" + np.float32(127 / alpha).tobytes()
    elif named_scale:
        items[output + "_QuantMultA"] = floats(alpha)
    bias("decoder_ff_logit_out_b", vocab[1], 0.5)
    for layer in range(1, encoder_layers + 1):
        attention(f"encoder_l{layer}_self")
        feed_forward(f"encoder_l{layer}_ffn")
    for layer in range(1, decoder_layers + 1):
        matrix(f"decoder_l{layer}_rnn_W", dim, dim)
        matrix(f"decoder_l{layer}_rnn_Wf", dim, dim)
        bias(f"decoder_l{layer}_rnn_bf", dim)
        norm(f"decoder_l{layer}_rnn_ffn")
        attention(f"decoder_l{layer}_context")
        feed_forward(f"decoder_l{layer}_ffn")
    said = SETTINGS | {
        "dec-depth": str(decoder_layers),
        "dim-emb": str(dim),
        "dim-vocabs": f"\n  - {vocab[0]}\n  - {vocab[1]}",
        "enc-depth": str(encoder_layers),
        "tied-embeddings": str(tied == "apart").lower(),
        "tied-embeddings-all": str(tied == "all").lower(),
        "tied-embeddings-src": "false",
        "transformer-dim-ffn": str(ffn),
        "transformer-heads": str(heads),
    }
    said |= settings or {}
    text = "".join(f"{key}: {value}\n" for key, value in sorted(said.items())).encode() + b"\0"
    items["special:model.yml"] = INT8, (len(text),), text
    return dict(sorted(items.items()))


def marian_bytes(items: Items, version: int = 1) -> bytes:
    """The file, as Marian's converter writes it: all data but the settings padded to 256 bytes."""
    padded = {
        name: data if name.startswith("special:") else data + bytes(-len(data) % 256)
        for name, (_, _, data) in items.items()
    }
    head = struct.pack("<2Q", version, len(items))
    for name, (kind, shape, _) in items.items():
        head += struct.pack("<4Q", len(name) + 1, kind, len(shape), len(padded[name]))
    head += b"".join(name.encode() + b"\0" for name in items)
    head += b"".join(struct.pack(f"<{len(shape)}i", *shape) for _, shape, _ in items.values())
    gap = ((len(head) + 8) // 256 + 1) * 256 - len(head) - 8
    return head + struct.pack("<Q", gap) + bytes(gap) + b"".join(padded.values())


def write_tiny_marian(path: Path, **shape: Any) -> Path:
    """A model file; ``shape`` as ``tiny_items`` takes it."""
    path.write_bytes(marian_bytes(tiny_items(**shape)))
    return path
