"""Which weights a decoder takes from a checkpoint: matrices that are packed, and vectors."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import LayerKind, ModelConfig
from autogpt_desktop.engine.formats.checkpoint import FLOAT_TYPES, CheckpointTensor
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes, layer_norms
from autogpt_desktop.engine.native.packed_cache import PackedMatrix, VectorPlace

Quantize = Literal["int8", "int4"]
# the order of native::Type
TYPES = (
    "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K",
    "IQ4_NL", "IQ4_XS", "MXFP4", "Q2_K", "Q3_K",
)  # fmt: skip
FLOATS = ("F32", "F16", "BF16")
assert frozenset(FLOATS) == FLOAT_TYPES
LAYER_KINDS: tuple[LayerKind, ...] = (
    "attention",
    "delta_net",
    "short_conv",
)  # the order of native::LayerKind
# native::MatrixSlot of each
MATRICES = {
    "self_attn.q_proj": 0, "self_attn.k_proj": 1, "self_attn.v_proj": 2, "self_attn.o_proj": 3,
    "mlp.gate_proj": 4, "mlp.up_proj": 5, "mlp.down_proj": 6, "self_attn.gate_proj": 7,
    "linear_attn.in_proj_qkv": 0, "linear_attn.in_proj_a": 1, "linear_attn.in_proj_b": 2,
    "linear_attn.out_proj": 3, "linear_attn.in_proj_z": 7,
    "conv.in_proj": 0, "conv.out_proj": 3,
}  # fmt: skip
_OF_KIND: dict[LayerKind, str] = {
    "attention": "self_attn.",
    "delta_net": "linear_attn.",
    "short_conv": "conv.",
}
INPUT_NORM, MLP_NORM, ATTENTION_OUT_NORM, MLP_OUT_NORM, BIAS, QK_NORM = range(6)
CONV, DECAY, DECAY_BIAS, MEMORY_NORM = range(6, 10)
_NORMS = {
    "input_norm": INPUT_NORM, "mlp_norm": MLP_NORM,
    "attention_out_norm": ATTENTION_OUT_NORM, "mlp_out_norm": MLP_OUT_NORM,
}  # fmt: skip
_KINDS = {"int4": 1, "int8": 5}  # Q4M and Q8 of native::Kind
_CHUNK_BYTES = 16 << 20  # of the file, packed at a time: so much of it is in memory besides the packed


def quantize_kind(text: str) -> Quantize | None:
    """As the settings and the command line have it: "int8", "int4", or "" and "none" for neither."""
    if text in ("int8", "int4"):
        return "int8" if text == "int8" else "int4"
    if text not in ("", "none"):
        raise ValueError(f"unknown way to quantize {text!r}")
    return None


def type_number(type: str) -> int:
    """native::Type."""
    return (TYPES + FLOATS).index(type)


def is_supported(
    config: ModelConfig, sources: dict[str, CheckpointTensor], quantize: Quantize | None = None
) -> bool:
    """Does the compiled back end run this checkpoint: is it here, and are all matrices in its formats?

    ``quantize``: what float matrices become; None: they stay as they are, which it does not do.
    """
    names = [name for name, _, _ in _matrices(config)]
    types = TYPES + FLOATS if quantize else TYPES
    return (
        all(name in sources for name in names)
        and all(sources[name].type in types and sources[name].shape[1] % 32 == 0 for name in names)
        and config.head_dim % 2 == 0
        and (config.delta_net is None or config.delta_net.value_head_dim % 8 == 0)
        and native.library() is not None
    )


def _matrices(config: ModelConfig) -> Iterator[tuple[str, int, int]]:
    """(name, layer, slot) in the order they are packed; the head is layer -1."""
    for layer in range(config.num_hidden_layers):
        mixing = _OF_KIND[config.kind(layer)]
        for name, slot in MATRICES.items():
            gate = name != "self_attn.gate_proj" or config.attention_gate
            if name.startswith((mixing, "mlp.")) and gate:
                yield f"model.layers.{layer}.{name}.weight", layer, slot
    yield "model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight", -1, 0


def plan(
    config: ModelConfig,
    sources: dict[str, CheckpointTensor],
    library: ctypes.CDLL,
    quantize: Quantize | None = None,
) -> tuple[list[PackedMatrix], int]:
    """Where each matrix goes in the model's memory, and the bytes of it.

    Of a float checkpoint the head (and with it tied embeddings) has 8 bits whatever ``quantize`` says.
    """
    places: list[PackedMatrix] = []
    offset = 0
    for name, layer, slot in _matrices(config):
        source = sources[name]
        kind = int(library.native_kind(type_number(source.type)))
        if source.type in FLOATS and layer >= 0 and quantize:
            kind = _KINDS[quantize]
        rows, cols = source.shape
        places.append(PackedMatrix(name, layer, slot, kind, rows, cols, offset))
        offset += int(library.native_packed_bytes(kind, rows, cols))
    return places, offset


# (layer, slot, parts behind each other: a tensor's name and how often it is repeated)
_VectorParts = tuple[int, int, list[tuple[str, int]]]


def _vector_parts(config: ModelConfig) -> Iterator[_VectorParts]:
    for layer in range(config.num_hidden_layers):
        at = f"model.layers.{layer}"
        for place, name in layer_norms(config).items():
            yield layer, _NORMS[place], [(f"{at}.{name}.weight", 1)]
        if config.kind(layer) != "attention":
            yield from _memory_vectors(config, layer)
            continue
        if config.attention_bias:
            yield layer, BIAS, [(f"{at}.self_attn.{n}_proj.bias", 1) for n in "qkv"]
        if config.qk_norm:
            counts = config.num_attention_heads, config.num_key_value_heads
            heads = zip("qk", (1, 1) if config.qk_norm_whole else counts, strict=True)
            yield layer, QK_NORM, [(f"{at}.self_attn.{n}_norm.weight", count) for n, count in heads]
    yield -1, 0, [("model.norm.weight", 1)]


def _memory_vectors(config: ModelConfig, layer: int) -> Iterator[_VectorParts]:
    """Of a layer that does not attend."""
    at = f"model.layers.{layer}"
    if config.kind(layer) == "short_conv":
        yield layer, CONV, [(f"{at}.conv.conv.weight", 1)]
        return
    decay = "A" if config.delta_net and config.delta_net.gguf_layout else "A_log"
    names = ("conv1d.weight", decay, "dt_bias", "norm.weight")
    for slot, name in zip((CONV, DECAY, DECAY_BIAS, MEMORY_NORM), names, strict=True):
        yield layer, slot, [(f"{at}.linear_attn.{name}", 1)]


def vector_places(config: ModelConfig) -> list[VectorPlace]:
    """(layer, slot, numbers) of all that ``vectors`` gives, in its order, by the model's shape alone."""
    shapes = expected_shapes(config)
    return [
        (layer, slot, sum(math.prod(shapes[name]) * times for name, times in parts))
        for layer, slot, parts in _vector_parts(config)
    ]


def vectors(
    config: ModelConfig, sources: dict[str, CheckpointTensor]
) -> Iterator[tuple[int, int, np.ndarray]]:
    """(layer, slot, float32 [count]) of every norm and bias; layer -1 is the norm before the head."""

    def values(name: str) -> np.ndarray:
        found = sources[name].dequantize()
        if name.endswith((".conv1d.weight", ".conv.conv.weight")):
            return np.ascontiguousarray(found.T).reshape(-1)  # [tokens, channels]
        if name.endswith(".A_log"):
            return -np.exp(found)
        is_norm = name.endswith("norm.weight") and ".linear_attn." not in name
        return found + np.float32(config.norm_weight_offset if is_norm else 0.0)

    for layer, slot, parts in _vector_parts(config):
        yield layer, slot, np.concatenate([np.tile(values(name), times) for name, times in parts])


def pack(source: CheckpointTensor, rows: Callable[[int, int, int | None, int, int], None]) -> None:
    """Hand a matrix over in parts: ``rows(type, address, order's address, first row, last row + 1)``.

    What was packed of a mapped file is let go of behind each part.
    """
    blocks = np.ascontiguousarray(source.raw())
    address, row_bytes = blocks.ctypes.data, blocks.size // source.block_rows
    order = None if source.row_order is None else np.ascontiguousarray(source.row_order, np.int64)
    total = source.shape[0]
    step = total if order is not None else max(8, _CHUNK_BYTES // row_bytes // 8 * 8)
    for first in range(0, total, step):
        last = min(first + step, total)
        rows(type_number(source.type), address, None if order is None else order.ctypes.data, first, last)
        if source.forget is not None:
            source.forget(first * row_bytes, last * row_bytes)
