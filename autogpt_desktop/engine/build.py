"""Putting a decoder together from a checkpoint's tensors."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.adapter import LowRank
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor, files_of
from autogpt_desktop.engine.formats.mapped import check_files
from autogpt_desktop.engine.formats.weight_shapes import layer_norms
from autogpt_desktop.engine.interface import Decoder
from autogpt_desktop.engine.native.decoder import build_native
from autogpt_desktop.engine.native.packed_cache import PackedCache
from autogpt_desktop.engine.native.state import CacheType, cache_bytes
from autogpt_desktop.engine.native.weights import Quantize, is_supported
from autogpt_desktop.engine.torch_backend.cuda_graph import GraphedDecode
from autogpt_desktop.engine.torch_backend.delta_net import GatedDeltaNet
from autogpt_desktop.engine.torch_backend.linear import Embedding, LowRankLinear, QuantLinear
from autogpt_desktop.engine.torch_backend.norms import HeadNorm, RMSNorm, WholeNorm
from autogpt_desktop.engine.torch_backend.packed_int import cache_dtype
from autogpt_desktop.engine.torch_backend.short_conv import ShortConv
from autogpt_desktop.engine.torch_backend.transformer import Layer, Transformer
from autogpt_desktop.engine.torch_backend.weight import dense
from autogpt_desktop.events import Progress

# (names of the modules, their matrices, bias) → what stands in QuantLinear's place
MakeLinear = Callable[[Sequence[str], Sequence[CheckpointTensor], Tensor | None], Any]


def build(
    config: ModelConfig,
    sources: dict[str, CheckpointTensor],
    device: torch.device,
    context_length: int,
    *,
    float32: bool = False,
    compiled: bool = True,
    quantize: Quantize | None = None,
    cache: PackedCache | None = None,
    kv_cache: CacheType = "float16",
    linear: MakeLinear | None = None,
    adapter: Mapping[str, LowRank] | None = None,
) -> Generator[Progress, None, Decoder]:
    """Pack the weights on ``device``; the generator returns the decoder.

    On the CPU that is the compiled one where it is built and knows all of the formats, unless
    ``compiled`` is False; else it runs on torch. For the compiled one alone: ``quantize`` is what float
    weights become, ``cache`` keeps the packed weights, ``kv_cache`` is what states keep. For torch alone:
    ``linear`` makes the linear layers, of matrices with the heads' pairs as neighbors.

    ``adapter``: what is added to matrices, by module: a product of its own, so that the base stays as it is.
    """
    if config.attention_gate:
        sources = _split_gates(config, sources)
    if not config.rope_interleaved:
        sources = _interleave_heads(config, sources)
    adapter = in_decoder_order(config, adapter or {})
    if _compiled(config, sources, device, float32, compiled, quantize):
        return (
            yield from build_native(
                config, sources, context_length,
                quantize=quantize, cache=cache, kv_cache=kv_cache, adapter=adapter,
            )
        )  # fmt: skip
    decoder = Transformer(config, device, context_length)
    decoder.files = files_of(sources.values())

    def norm(name: str) -> RMSNorm:
        weight = dense(sources[name]).float() + config.norm_weight_offset
        return RMSNorm(weight.to(device), config.rms_norm_eps)

    def make(*names: str, bias: bool = False) -> Any:
        offsets = torch.cat([dense(sources[f"{n}.bias"]).float() for n in names]) if bias else None
        matrices = [sources[f"{n}.weight"] for n in names]
        if linear is not None:
            return linear(names, matrices, offsets)
        plain = QuantLinear(matrices, offsets, device, float32=float32)
        if any(name in adapter for name in names):
            added = [(one.shape[0], adapter.get(name)) for name, one in zip(names, matrices, strict=True)]
            return LowRankLinear(plain, added, device)
        return plain

    layers = []
    for index in range(config.num_hidden_layers):
        yield Progress("stage.loading", index, config.num_hidden_layers + 1)
        at = f"model.layers.{index}"
        layer = Layer(config, index)
        if config.kind(index) == "attention":
            gate = ("gate",) if config.attention_gate else ()
            layer.qkv = make(
                *(f"{at}.self_attn.{n}_proj" for n in (*"qkv", *gate)), bias=config.attention_bias
            )
            layer.o = make(f"{at}.self_attn.o_proj")
        else:
            layer.mixer = _mixer(config, index, make, lambda name: dense(sources[name]).float().to(device))
        layer.gate_up = make(f"{at}.mlp.gate_proj", f"{at}.mlp.up_proj")
        layer.down = make(f"{at}.mlp.down_proj")
        for place, name in layer_norms(config).items():
            setattr(layer, place, norm(f"{at}.{name}.weight"))
        if config.qk_norm and layer.mixer is None:
            q, k = (norm(f"{at}.self_attn.{n}_norm.weight").weight for n in "qk")
            layer.qk_norm = (WholeNorm if config.qk_norm_whole else HeadNorm)(
                q, k, config.num_attention_heads, config.num_key_value_heads, config.rms_norm_eps
            )
        layers.append(layer)
    yield Progress("stage.loading", config.num_hidden_layers, config.num_hidden_layers + 1)
    decoder.layers = layers
    decoder.norm = norm("model.norm.weight")
    decoder.embedding = Embedding(sources["model.embed_tokens.weight"], device)
    head = "model.embed_tokens" if config.tie_word_embeddings else "lm_head"
    decoder.head = make(head)
    check_files(decoder.files)
    if device.type == "cuda":
        decoder.graphed_decode = GraphedDecode(decoder)
    yield Progress("stage.loading", config.num_hidden_layers + 1, config.num_hidden_layers + 1)
    return decoder


def _mixer(
    config: ModelConfig, index: int, make: Callable[..., Any], values: Callable[[str], Tensor]
) -> GatedDeltaNet | ShortConv:
    """What layer ``index`` has in place of attention."""
    if config.kind(index) == "short_conv":
        at = f"model.layers.{index}.conv"
        weight = values(f"{at}.conv.weight").T.contiguous()
        return ShortConv(make(f"{at}.in_proj"), make(f"{at}.out_proj"), weight)
    at, shape = f"model.layers.{index}.linear_attn", config.delta_net
    assert shape is not None
    decay = values(f"{at}.A") if shape.gguf_layout else -values(f"{at}.A_log").exp()
    return GatedDeltaNet(
        shape,
        make(*(f"{at}.in_proj_{n}" for n in ("qkv", "z", "b", "a"))),
        make(f"{at}.out_proj"),
        values(f"{at}.conv1d.weight").T.contiguous(),
        decay,
        values(f"{at}.dt_bias"),
        values(f"{at}.norm.weight"),
        config.rms_norm_eps,
    )


def _compiled(
    config: ModelConfig,
    sources: dict[str, CheckpointTensor],
    device: torch.device,
    float32: bool,
    compiled: bool,
    quantize: Quantize | None,
) -> bool:
    return compiled and not float32 and device.type == "cpu" and is_supported(config, sources, quantize)


def cache_bytes_per_token(
    config: ModelConfig,
    sources: dict[str, CheckpointTensor],
    device: torch.device,
    *,
    float32: bool = False,
    compiled: bool = True,
    quantize: Quantize | None = None,
    kv_cache: CacheType = "float16",
) -> int:
    """Bytes of KV cache that one token takes in the decoder that ``build`` makes of the same arguments."""
    dim = config.head_dim
    if _compiled(config, sources, device, float32, compiled, quantize):
        one = cache_bytes(kv_cache, dim)
    else:
        one = 2 * cache_dtype(device).itemsize * dim
    return one * config.attention_layers * config.num_key_value_heads


def interleaved_rows(config: ModelConfig, count: int) -> NDArray[np.int64]:
    """Row i of a decoder's q or k, of ``count`` rows, is row result[i] in Hugging Face's order."""
    half = (config.rope_dim or config.head_dim) // 2
    order = np.arange(config.head_dim)
    order[: 2 * half] = np.stack([np.arange(half), np.arange(half) + half], axis=1).reshape(-1)
    heads = count // config.head_dim
    return (np.arange(heads)[:, None] * config.head_dim + order).reshape(-1)


def _split_gates(config: ModelConfig, sources: dict[str, CheckpointTensor]) -> dict[str, CheckpointTensor]:
    """``q_proj`` has of each head its query's rows and then its gate's: two matrices of the same blocks."""
    changed: dict[str, CheckpointTensor] = {}
    heads, dim = config.num_attention_heads, config.head_dim
    rows = np.arange(2 * heads * dim).reshape(heads, 2, dim)
    for name, source in sources.items():
        if name.endswith(".q_proj.weight"):
            for side, part in enumerate(("q_proj", "gate_proj")):
                changed[name.replace("q_proj", part)] = dataclasses.replace(
                    source,
                    shape=(heads * dim, *source.shape[1:]),
                    row_order=rows[:, side].reshape(-1),
                    stored_rows=2 * heads * dim,
                )
    return sources | changed


def _interleave_heads(
    config: ModelConfig, sources: dict[str, CheckpointTensor]
) -> dict[str, CheckpointTensor]:
    """Reorder the rows of q and k from pairs half a head apart to neighbors, as ``apply_rotary_emb`` wants.

    The scores QKᵀ do not change when both sides are reordered alike.
    """
    changed: dict[str, CheckpointTensor] = {}
    for name, source in sources.items():
        if ".q_proj." in name or ".k_proj." in name or ".q_norm." in name or ".k_norm." in name:
            order = interleaved_rows(config, source.shape[0])
            if source.row_order is not None:  # some of the rows
                order = source.row_order[order]
            changed[name] = dataclasses.replace(source, row_order=order)
    return sources | changed


def in_decoder_order(config: ModelConfig, adapter: Mapping[str, LowRank]) -> dict[str, LowRank]:
    """Rows of q and k from Hugging Face's order to the decoder's."""
    return {
        name: dataclasses.replace(low, b=low.b[interleaved_rows(config, len(low.b))])
        if name.endswith((".q_proj", ".k_proj"))
        else low
        for name, low in adapter.items()
    }
