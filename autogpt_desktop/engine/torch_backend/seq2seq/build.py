"""Putting an encoder–decoder together from a checkpoint's tensors."""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from torch import Tensor

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor, files_of
from autogpt_desktop.engine.formats.mapped import check_files
from autogpt_desktop.engine.formats.seq2seq_weights import (
    BIAS,
    DECODER_EMBEDDING,
    ENCODER_EMBEDDING,
    HEAD,
    SHARED,
)
from autogpt_desktop.engine.torch_backend.linear import DenseWeight, Embedding
from autogpt_desktop.engine.torch_backend.packed_int import GROUP, Int8Weight, packed_works, product_dtype
from autogpt_desktop.engine.torch_backend.seq2seq.model import (
    Attention,
    DecoderLayer,
    EncoderLayer,
    FeedForward,
    LayerNorm,
    Residual,
    Seq2SeqTransformer,
)
from autogpt_desktop.engine.torch_backend.weight import Weight, dense
from autogpt_desktop.events import Progress


class BiasedLinear:
    """y = x Wᵀ + b, whatever W is stored as."""

    def __init__(self, weight: Weight, bias: Tensor | None) -> None:
        self.weight, self.bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        y = self.weight.matmul(x)
        return y if self.bias is None else y + self.bias


def build_seq2seq(
    config: Seq2SeqConfig,
    sources: dict[str, CheckpointTensor],
    device: torch.device,
    *,
    quantize: bool = False,
) -> Generator[Progress, None, Seq2SeqTransformer]:
    """Assign the weights; the generator returns the model. ``quantize``: matrices are kept in 8 bits, one
    scale for a row; else as they are stored, in float32 on the CPU. Embeddings are read from the file."""
    model = Seq2SeqTransformer(config, device)
    model.files = files_of(sources.values())
    dtype = torch.float32 if device.type == "cpu" else product_dtype(device)

    def matrix(name: str) -> Weight:
        source = sources[name]
        if quantize and source.shape[1] % GROUP == 0:  # what the product takes at a time
            weight: Weight = Int8Weight([source], device, packed=packed_works("int8", device.type))
        else:
            weight = DenseWeight(dense(source).to(device, dtype))
        model.nbytes += weight.nbytes
        return weight

    def vector(name: str) -> Tensor:
        values = dense(sources[name]).float().to(device)
        model.nbytes += values.nbytes
        return values

    def linear(name: str) -> BiasedLinear:
        return BiasedLinear(matrix(f"{name}.weight"), vector(f"{name}.bias"))

    def norm(name: str) -> LayerNorm:
        return LayerNorm(vector(f"{name}.weight"), vector(f"{name}.bias"), config.layer_norm_eps)

    def attention(name: str, heads: int) -> Attention:
        part = Attention(heads)
        part.q, part.k, part.v, part.out = (linear(f"{name}.{n}_proj") for n in ("q", "k", "v", "out"))
        return part

    def mlp(at: str) -> FeedForward:
        part = FeedForward(config.activation_function)
        part.fc1, part.fc2 = linear(f"{at}.fc1"), linear(f"{at}.fc2")
        return part

    def embedding(name: str) -> Callable[[Tensor], Tensor]:
        table = Embedding(sources[name], device)
        return lambda ids: table(ids.reshape(-1)).view(*ids.shape, -1)

    total = config.encoder_layers + config.decoder_layers + 1
    model.encoder = []
    for index in range(config.encoder_layers):
        yield Progress("stage.loading", index, total)
        at, layer = f"model.encoder.layers.{index}", EncoderLayer()
        layer.self_attn = attention(f"{at}.self_attn", config.encoder_attention_heads)
        layer.self_attn_norm = Residual(norm(f"{at}.self_attn_layer_norm"), config.norm)
        layer.mlp = mlp(at)
        layer.final_norm = Residual(norm(f"{at}.final_layer_norm"), config.norm)
        model.encoder.append(layer)
    model.decoder = []
    for index in range(config.decoder_layers):
        yield Progress("stage.loading", config.encoder_layers + index, total)
        at, block = f"model.decoder.layers.{index}", DecoderLayer()
        block.self_attn = attention(f"{at}.self_attn", config.decoder_attention_heads)
        block.self_attn_norm = Residual(norm(f"{at}.self_attn_layer_norm"), config.norm)
        block.cross_attn = attention(f"{at}.encoder_attn", config.decoder_attention_heads)
        block.cross_attn_norm = Residual(norm(f"{at}.encoder_attn_layer_norm"), config.norm)
        block.mlp = mlp(at)
        block.final_norm = Residual(norm(f"{at}.final_layer_norm"), config.norm)
        model.decoder.append(block)
    pre = config.norm == "pre"
    model.encoder_norm = norm("model.encoder.layer_norm") if pre else None
    model.decoder_norm = norm("model.decoder.layer_norm") if pre else None
    shared = config.share_encoder_decoder_embeddings
    model.embed_source = embedding(SHARED if shared else ENCODER_EMBEDDING)
    model.embed_target = embedding(SHARED if shared else DECODER_EMBEDDING)
    head = SHARED if shared else DECODER_EMBEDDING if config.tie_word_embeddings else HEAD
    model.head = BiasedLinear(matrix(head), None)
    model.bias = vector(BIAS).view(-1) if BIAS in sources else None
    check_files(model.files)
    yield Progress("stage.loading", total, total)
    return model
