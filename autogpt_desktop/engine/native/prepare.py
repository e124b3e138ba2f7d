"""Encoder–decoders for the compiled back end, from Marian's binaries and from Hugging Face's checkpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor, files_of
from autogpt_desktop.engine.formats.marian import Int8Matrix
from autogpt_desktop.engine.formats.marian_config import MarianModel
from autogpt_desktop.engine.native.seq2seq import (
    CROSS_K,
    CROSS_NORM,
    CROSS_O,
    CROSS_Q,
    CROSS_V,
    FFN_1,
    FFN_2,
    FFN_NORM,
    FINE,
    LAST,
    MAX_FINE_COLUMNS,
    OUTPUT_TABLE,
    SELF_K,
    SELF_NORM,
    SELF_O,
    SELF_Q,
    SELF_V,
    SOURCE_TABLE,
    TARGET_TABLE,
    NativeSeq2Seq,
    Weights,
)

_SELF, _CROSS = (SELF_Q, SELF_K, SELF_V, SELF_O), (CROSS_Q, CROSS_K, CROSS_V, CROSS_O)


def _shapes(config: Seq2SeqConfig) -> Iterator[tuple[int, int]]:
    """Of every matrix that is packed."""
    d, self_attention = config.d_model, 2 if config.decoder_kind == "ssru" else 4
    for layers, squares, ffn in (
        (config.encoder_layers, 4, config.encoder_ffn_dim),
        (config.decoder_layers, self_attention + 4, config.decoder_ffn_dim),
    ):
        for _ in range(layers):
            yield from [(d, d)] * squares
            yield from ((ffn, d), (d, ffn))


def native_marian(
    source: MarianModel, *, fine: bool = True, threads: int = 0, kernels: str = ""
) -> NativeSeq2Seq:
    """The model of a Marian binary; the embeddings stay in the mapped file. Raises MemoryError.

    ``fine``: activations of 14 bits, with which translations are those of floats; else of 8 bits, at the
    file's own multipliers, in less than two thirds of the time.
    """
    file, config = source.file, source.config
    model = NativeSeq2Seq(config, threads=threads, kernels=kernels)
    model.files = (file.mapped,)
    model.reserve(_shapes(config), floats=False)

    def linear(decoder: bool, layer: int, slot: int, name: str, bias: str | None) -> None:
        values = None if bias is None else file.floats(bias).reshape(-1)
        model.set_linear(decoder, layer, slot, _product(source.matrix(name), fine), values)

    def norm(decoder: bool, layer: int, slot: int, name: str) -> None:
        model.set_norm(decoder, layer, slot, file.floats(f"{name}_ln_scale"), file.floats(f"{name}_ln_bias"))

    def attention(decoder: bool, layer: int, slots: tuple[int, ...], slot: int, name: str) -> None:
        for at, part in zip(slots, "qkvo", strict=True):
            linear(decoder, layer, at, f"{name}_W{part}", f"{name}_b{part}")
        norm(decoder, layer, slot, f"{name}_Wo")

    def feed_forward(decoder: bool, layer: int, name: str) -> None:
        linear(decoder, layer, FFN_1, f"{name}_W1", f"{name}_b1")
        linear(decoder, layer, FFN_2, f"{name}_W2", f"{name}_b2")
        norm(decoder, layer, FFN_NORM, f"{name}_ffn")

    for layer in range(config.encoder_layers):
        attention(False, layer, _SELF, SELF_NORM, f"encoder_l{layer + 1}_self")
        feed_forward(False, layer, f"encoder_l{layer + 1}_ffn")
    for layer in range(config.decoder_layers):
        at = f"decoder_l{layer + 1}"
        linear(True, layer, SELF_Q, f"{at}_rnn_W", None)
        linear(True, layer, SELF_K, f"{at}_rnn_Wf", f"{at}_rnn_bf")
        norm(True, layer, SELF_NORM, f"{at}_rnn_ffn")
        attention(True, layer, _CROSS, CROSS_NORM, f"{at}_context")
        feed_forward(True, layer, f"{at}_ffn")
    for which, name in ((SOURCE_TABLE, source.source_embedding), (TARGET_TABLE, source.target_embedding)):
        matrix = file.matrix(name)
        model.set_table(
            which, Weights(matrix.values, np.array([1 / np.float32(matrix.multiplier)], np.float32))
        )
    bias = file.floats("decoder_ff_logit_out_b").reshape(-1)
    model.set_table(OUTPUT_TABLE, _product(source.output_matrix(), fine), bias)
    model.finish()
    return model


def _product(matrix: Int8Matrix, fine: bool) -> Weights:
    if fine and matrix.values.shape[1] <= MAX_FINE_COLUMNS:
        return Weights(matrix.values, np.array([1 / np.float32(matrix.multiplier)], np.float32), FINE)
    scale = np.float32(1) / (np.float32(matrix.input_multiplier) * np.float32(matrix.multiplier))
    return Weights(matrix.values, np.array([scale], np.float32), matrix.input_multiplier)


def native_checkpoint(
    config: Seq2SeqConfig,
    sources: Mapping[str, CheckpointTensor],
    *,
    quantize: bool = True,
    threads: int = 0,
    kernels: str = "",
) -> NativeSeq2Seq:
    """The model of a Hugging Face folder, its weights by their names there. Raises MemoryError.

    ``quantize``: to int8 with a scale for each row; else they are float32, for comparisons.
    """
    model = NativeSeq2Seq(config, threads=threads, kernels=kernels)
    model.files = files_of(sources.values())
    model.reserve(_shapes(config), floats=not quantize)

    def values(name: str) -> NDArray[np.float32]:
        return np.ascontiguousarray(sources[name].dequantize(), np.float32)

    def weights(name: str) -> Weights:
        return int8_rows(values(name)) if quantize else Weights(values(name))

    def norm(decoder: bool, layer: int, slot: int, name: str) -> None:
        model.set_norm(decoder, layer, slot, values(f"{name}.weight"), values(f"{name}.bias"))

    def linear(decoder: bool, layer: int, slot: int, name: str) -> None:
        model.set_linear(decoder, layer, slot, weights(f"{name}.weight"), values(f"{name}.bias"))

    for decoder, side, layers in (
        (False, "encoder", config.encoder_layers),
        (True, "decoder", config.decoder_layers),
    ):
        for layer in range(layers):
            at = f"model.{side}.layers.{layer}"
            blocks = [("self_attn", _SELF, SELF_NORM)]
            if decoder:
                blocks.append(("encoder_attn", _CROSS, CROSS_NORM))
            for part, slots, slot in blocks:
                for place, name in zip(slots, ("q_proj", "k_proj", "v_proj", "out_proj"), strict=True):
                    linear(decoder, layer, place, f"{at}.{part}.{name}")
                norm(decoder, layer, slot, f"{at}.{part}_layer_norm")
            linear(decoder, layer, FFN_1, f"{at}.fc1")
            linear(decoder, layer, FFN_2, f"{at}.fc2")
            norm(decoder, layer, FFN_NORM, f"{at}.final_layer_norm")
        if config.norm == "pre":
            norm(decoder, LAST, SELF_NORM, f"model.{side}.layer_norm")
    tables: dict[str, Weights] = {}
    bias = values("final_logits_bias").reshape(-1) if "final_logits_bias" in sources else None
    for which, name in enumerate(_table_names(config)):
        if name not in tables:
            tables[name] = weights(name)
        model.set_table(which, tables[name], bias if which == OUTPUT_TABLE else None)
    model.finish()
    return model


def _table_names(config: Seq2SeqConfig) -> tuple[str, str, str]:
    if config.share_encoder_decoder_embeddings:
        return ("model.shared.weight",) * 3
    decoder = "model.decoder.embed_tokens.weight"
    return (
        "model.encoder.embed_tokens.weight",
        decoder,
        decoder if config.tie_word_embeddings else "lm_head.weight",
    )


def int8_rows(values: NDArray[np.float32]) -> Weights:
    """The nearest int8 values, each row's largest at 127."""
    largest = np.abs(values).max(axis=1)
    scale = np.where(largest > 0, largest, 1).astype(np.float32) / np.float32(127)
    return Weights(np.rint(values / scale[:, None]).astype(np.int8), scale)
