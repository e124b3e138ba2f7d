"""Weights of Hugging Face's encoder–decoders: which there must be, and which change nothing."""

from __future__ import annotations

import re
from pathlib import Path

from safetensors import SafetensorError

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.checkpoint import FLOAT_TYPES, CheckpointTensor
from autogpt_desktop.engine.formats.safetensors import map_tensors
from autogpt_desktop.engine.formats.untrusted import damaged, weight_files
from autogpt_desktop.errors import KnownError

SHARED = "model.shared.weight"
ENCODER_EMBEDDING, DECODER_EMBEDDING = (
    "model.encoder.embed_tokens.weight",
    "model.decoder.embed_tokens.weight",
)
HEAD, BIAS = "lm_head.weight", "final_logits_bias"
# tables that are computed; some makers store them
_COMPUTED = re.compile(r"model\.(?:en|de)coder\.embed_positions\.weights?")


def seq2seq_sources(folder: Path, config: Seq2SeqConfig) -> dict[str, CheckpointTensor]:
    """Every weight that the model needs, by name; unknown ones are refused: translations would be wrong.

    Raises KnownError: folder-weights, model-unreadable, gguf-tensor-…; OSError for a closed folder.
    """
    if not (files := weight_files(folder)):
        raise KnownError("folder-weights", folder=folder.name)
    stored: dict[str, CheckpointTensor] = {}
    try:
        for file in files:
            stored |= map_tensors(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise damaged(error, folder.name, "folder-weights", folder=folder.name) from error
    expected, others = expected_shapes(config), aliases(config)
    tensors: dict[str, CheckpointTensor] = {}
    for name, shape in expected.items():
        found = next((one for one in (name, *others.get(name, ())) if one in stored), None)
        if found is None and name == BIAS:
            continue  # of zeros
        if found is None:
            raise KnownError("gguf-tensor-missing", file=folder.name, tensor=name)
        tensor = stored[found]
        if tensor.shape != shape or tensor.type not in FLOAT_TYPES:
            raise KnownError("gguf-tensor-shape", file=folder.name, tensor=name)
        tensors[name] = tensor
    known = {*expected, *(alias for names in others.values() for alias in names)}
    for name in stored:
        if name not in known and not _COMPUTED.fullmatch(name):
            raise KnownError("gguf-tensor-unknown", file=folder.name, tensor=name[:80])
    return tensors


def aliases(config: Seq2SeqConfig) -> dict[str, tuple[str, ...]]:
    """Other names that a tied weight may be stored under."""
    if config.share_encoder_decoder_embeddings:
        return {SHARED: (ENCODER_EMBEDDING, DECODER_EMBEDDING, HEAD)}
    return {DECODER_EMBEDDING: (HEAD,)} if config.tie_word_embeddings else {}


def expected_shapes(config: Seq2SeqConfig) -> dict[str, tuple[int, ...]]:
    """Every weight that a model of this shape has, with the name it is kept by."""
    c, d = config, config.d_model
    shapes: dict[str, tuple[int, ...]] = {}

    def linear(name: str, rows: int, cols: int) -> None:
        shapes[f"{name}.weight"], shapes[f"{name}.bias"] = (rows, cols), (rows,)

    def norm(name: str) -> None:
        shapes[f"{name}.weight"] = shapes[f"{name}.bias"] = (d,)

    if c.share_encoder_decoder_embeddings:
        shapes[SHARED] = (c.vocab_size, d)
    else:
        shapes[ENCODER_EMBEDDING], shapes[DECODER_EMBEDDING] = (c.vocab_size, d), (c.decoder_vocab_size, d)
        if not c.tie_word_embeddings:
            shapes[HEAD] = (c.decoder_vocab_size, d)
    if c.final_logits_bias:
        shapes[BIAS] = (1, c.decoder_vocab_size)
    for side, layers, inner in (
        ("encoder", c.encoder_layers, c.encoder_ffn_dim),
        ("decoder", c.decoder_layers, c.decoder_ffn_dim),
    ):
        for index in range(layers):
            at = f"model.{side}.layers.{index}"
            for part in ("self_attn", "encoder_attn")[: 1 if side == "encoder" else 2]:
                for name in ("q_proj", "k_proj", "v_proj", "out_proj"):
                    linear(f"{at}.{part}.{name}", d, d)
                norm(f"{at}.{part}_layer_norm")
            linear(f"{at}.fc1", inner, d)
            linear(f"{at}.fc2", d, inner)
            norm(f"{at}.final_layer_norm")
        if c.norm == "pre":
            norm(f"model.{side}.layer_norm")
    return shapes
