"""The Transformer in train mode: batches of whole sequences, no KV cache, gradients through everything.

``trainable`` makes one of plain tensors by Hugging Face's names, ``tensors_of`` gives them back.
``hidden_states`` and ``next_token_loss`` also run a decoder that was loaded from a file, whose weights
stay as they are: adapters beside them may learn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.weight_shapes import expected_shapes, layer_norms
from autogpt_desktop.engine.torch_backend.autograd import causal_attention, linear, linear_cross_entropy
from autogpt_desktop.engine.torch_backend.linear import DenseWeight, QuantLinear
from autogpt_desktop.engine.torch_backend.norms import HeadNorm, RMSNorm, WholeNorm
from autogpt_desktop.engine.torch_backend.rotary import attention_temperature
from autogpt_desktop.engine.torch_backend.transformer import Layer, Transformer


class TrainedWeight(DenseWeight):
    """A float32 matrix that learns. In train mode its products are computed in ``dtype``."""

    dtype = torch.float32

    def __init__(self, tensor: Tensor) -> None:
        super().__init__(tensor.float().requires_grad_())
        self._copy: Tensor | None = None  # in ``dtype``, of the weights as they are now

    def cast(self) -> Tensor:
        """The weights in the type of the product, for which no gradient is kept."""
        if self.dtype == self.tensor.dtype:
            return self.tensor.detach()
        if self._copy is None or self._copy.dtype != self.dtype:
            self._copy = self.tensor.detach().to(self.dtype)
        return self._copy

    def changed(self) -> None:
        """The weights are others now: a fused optimizer leaves no mark on them."""
        self._copy = None

    def matmul(self, x: Tensor) -> Tensor:
        if torch.is_inference_mode_enabled() or self.dtype == self.tensor.dtype:
            return F.linear(x.to(self.tensor.dtype), self.tensor)
        return linear(x, self.tensor, self.cast())


class TrainedEmbedding:
    """Token vectors that learn."""

    def __init__(self, weight: TrainedWeight) -> None:
        self.weight = weight

    def __call__(self, ids: Tensor) -> Tensor:
        """``ids`` [tokens] → [tokens, hidden_size] float32."""
        return F.embedding(ids.to(self.weight.tensor.device), self.weight.tensor)


class TrainPass:
    """``batch`` sequences of ``length`` tokens each, one behind the other; each sees its own alone."""

    def __init__(self, decoder: Transformer, batch: int, length: int, dtype: torch.dtype) -> None:
        c = decoder.config
        self.batch, self.length, self.dtype, self.window = batch, length, dtype, c.sliding_window
        self.freqs_cis = {
            False: decoder.rope.freqs_cis(0, length).repeat(batch, 1, 1),
            True: decoder.local_rope.freqs_cis(0, length).repeat(batch, 1, 1),
        }
        scales = attention_temperature(c, torch.arange(length, device=decoder.device))
        self.temperature = None if scales is None else scales.repeat(batch, 1, 1)

    def attend(self, layer: Layer, qk: Tensor, v: Tensor) -> Tensor:
        c = layer.config
        heads, shared, dim = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        q, k = qk.view(self.batch, self.length, heads + shared, dim).split([heads, shared], dim=2)
        v = v.reshape(self.batch, self.length, shared, dim)
        windowed = layer.sliding and self.window < self.length
        if windowed or c.attn_logit_softcap:
            out = self._attend_masked(layer, q, k, v, windowed)
        else:
            out = causal_attention(q, k, v, layer.scale)
        return out.reshape(len(qk), heads * dim)

    def _attend_masked(self, layer: Layer, q: Tensor, k: Tensor, v: Tensor, windowed: bool) -> Tensor:
        position = torch.arange(self.length, device=q.device)
        seen = position[:, None] >= position
        if windowed:
            seen &= position[:, None] < position + self.window
        groups, softcap = q.shape[2] // k.shape[2], layer.config.attn_logit_softcap
        q, k, v = (one.transpose(1, 2) for one in (q, k, v))
        k, v = (one.repeat_interleave(groups, dim=1) for one in (k, v))
        if not softcap:
            out = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, scale=layer.scale)
            return out.transpose(1, 2)
        scores = torch.matmul(q, k.transpose(2, 3)).float() * layer.scale
        scores = (torch.tanh(scores / softcap) * softcap).masked_fill(~seen, -math.inf)
        return torch.matmul(torch.softmax(scores, -1).to(v.dtype), v).transpose(1, 2)


def hidden_states(decoder: Transformer, ids: Tensor, *, recompute: bool = False) -> Tensor:
    """What the head takes: ``ids`` [B, T] → [B · T, hidden_size].

    Sequences of other lengths may be filled up behind their ends: nothing before sees it. ``recompute``:
    keep only what each layer is given and compute the rest again for the gradients (Chen et al., 2016),
    which takes a third longer and a fraction of the memory.
    """
    batch, length = ids.shape
    dtype = next((w.dtype for w in weights_of(decoder) if isinstance(w, TrainedWeight)), torch.float32)
    through = TrainPass(decoder, batch, length, dtype)
    x = decoder.embedding(ids.reshape(-1))
    if decoder.config.embedding_scale != 1.0:
        x = x * decoder.config.embedding_scale
    for layer in decoder.layers:
        if recompute and torch.is_grad_enabled():
            x = checkpoint(layer, x, through, use_reentrant=False, preserve_rng_state=False)
        else:
            x = layer(x, through)
    return decoder.head_input(x)


def all_logits(decoder: Transformer, ids: Tensor) -> Tensor:
    """``ids`` [B, T] → [B, T, vocab_size] float32, which takes memory: for checks and for few tokens."""
    y, softcap = decoder.head(hidden_states(decoder, ids)).float(), decoder.config.final_logit_softcap
    if softcap:
        y = torch.tanh(y / softcap) * softcap
    return y.view(*ids.shape, -1)


def next_token_loss(
    decoder: Transformer, ids: Tensor, targets: Tensor, *, count: int = 0, recompute: bool = False
) -> Tensor:
    """Mean nats per target: ``targets`` [B, T] is what follows each of ``ids`` [B, T]; below 0: left out.

    ``count``: what the sum is divided by, where a batch goes through in parts; 0: the targets here.
    """
    x = hidden_states(decoder, ids, recompute=recompute)
    wanted = targets.reshape(-1)
    if bool((wanted < 0).any()):  # only the rows whose logits count
        rows = (wanted >= 0).nonzero()[:, 0]
        x, wanted = x[rows], wanted[rows]
    (weight,) = decoder.head.weights
    softcap = decoder.config.final_logit_softcap
    if isinstance(weight, TrainedWeight):
        return linear_cross_entropy(x, weight.tensor, weight.cast(), wanted, count=count, softcap=softcap)
    if isinstance(weight, DenseWeight):
        return linear_cross_entropy(x, weight.tensor, weight.tensor, wanted, count=count, softcap=softcap)
    logits = decoder.head(x)
    if softcap:
        logits = torch.tanh(logits / softcap) * softcap
    return F.cross_entropy(logits, wanted, reduction="sum") / (count or max(1, len(wanted)))


def weights_of(decoder: Transformer) -> list[Any]:
    """Every matrix, the embedding's last."""
    linears = [one for layer in decoder.layers for one in (layer.qkv, layer.o, layer.gate_up, layer.down)]
    found = [weight for one in [*linears, decoder.head] for weight in one.weights]
    if isinstance(decoder.embedding, TrainedEmbedding):
        found.append(decoder.embedding.weight)
    return list(dict.fromkeys(found))


def set_precision(decoder: Transformer, dtype: torch.dtype) -> None:
    """What the products of train mode are computed in; weights and their gradients stay float32."""
    for weight in weights_of(decoder):
        if isinstance(weight, TrainedWeight):
            weight.dtype = dtype
    for layer in decoder.layers:
        for norm in (layer.input_norm, layer.mlp_norm):
            if norm is not None:
                norm.dtype = dtype
    decoder.norm.dtype = dtype


def weights_changed(decoder: Transformer) -> None:
    """To be called behind each step of an optimizer."""
    for weight in weights_of(decoder):
        if isinstance(weight, TrainedWeight):
            weight.changed()


def trainable(config: ModelConfig, tensors: Mapping[str, Tensor], device: torch.device) -> Transformer:
    """A decoder whose weights all learn, of copies of ``tensors`` by Hugging Face's names.

    Products that take the same input lie in one matrix, and the rows of q and k as ``apply_rotary_emb``
    wants them.
    """
    decoder = Transformer(config, device, config.max_position_embeddings)
    order = _rotary_order(config)

    def norm(name: str) -> RMSNorm:
        one = RMSNorm(_copy(tensors[name] + config.norm_weight_offset, device), config.rms_norm_eps)
        one.weight.requires_grad_()
        return one

    def part(name: str) -> Tensor:
        return _reordered(name, tensors[name], order, config.head_dim)

    def matrix(*names: str, bias: bool = False) -> QuantLinear:
        weight = TrainedWeight(_copy(torch.cat([part(f"{name}.weight") for name in names]), device))
        offset = _copy(torch.cat([part(f"{name}.bias") for name in names]), device) if bias else None
        return QuantLinear.of([weight], None if offset is None else offset.requires_grad_())

    layers = []
    for index in range(config.num_hidden_layers):
        at, layer = f"model.layers.{index}", Layer(config, index)
        layer.qkv = matrix(*(f"{at}.self_attn.{n}_proj" for n in "qkv"), bias=config.attention_bias)
        layer.o = matrix(f"{at}.self_attn.o_proj")
        layer.gate_up = matrix(f"{at}.mlp.gate_proj", f"{at}.mlp.up_proj")
        layer.down = matrix(f"{at}.mlp.down_proj")
        for place, name in layer_norms(config).items():
            setattr(layer, place, norm(f"{at}.{name}.weight"))
        if config.qk_norm:
            q, k = (
                _copy(part(f"{at}.self_attn.{n}_norm.weight") + config.norm_weight_offset, device)
                for n in "qk"
            )
            heads, shared = config.num_attention_heads, config.num_key_value_heads
            layer.qk_norm = (WholeNorm if config.qk_norm_whole else HeadNorm)(
                q.requires_grad_(), k.requires_grad_(), heads, shared, config.rms_norm_eps
            )
        layers.append(layer)
    decoder.layers = layers
    decoder.norm = norm("model.norm.weight")
    embedding = TrainedWeight(_copy(tensors["model.embed_tokens.weight"], device))
    decoder.embedding = TrainedEmbedding(embedding)
    decoder.head = QuantLinear.of([embedding], None) if config.tie_word_embeddings else matrix("lm_head")
    return decoder


def parameters_of(decoder: Transformer) -> dict[str, Tensor]:
    """Every tensor of a trainable decoder that learns, by a name of its own."""
    found: dict[str, Tensor] = {}
    for index, layer in enumerate(decoder.layers):
        for name in ("qkv", "o", "gate_up", "down"):
            one: QuantLinear = getattr(layer, name)
            (weight,) = one.weights
            assert isinstance(weight, TrainedWeight)
            found[f"layers.{index}.{name}"] = weight.tensor
            if one.bias is not None:
                found[f"layers.{index}.{name}.bias"] = one.bias
        for name in ("input_norm", "mlp_norm", "attention_out_norm", "mlp_out_norm"):
            norm: RMSNorm | None = getattr(layer, name)
            if norm is not None:
                found[f"layers.{index}.{name}"] = norm.weight
        if layer.qk_norm is not None:
            found[f"layers.{index}.q_norm"] = layer.qk_norm.q
            found[f"layers.{index}.k_norm"] = layer.qk_norm.k
    found["norm"] = decoder.norm.weight
    embedding = decoder.embedding
    assert isinstance(embedding, TrainedEmbedding)
    found["embedding"] = embedding.weight.tensor
    if not decoder.config.tie_word_embeddings:
        found["head"] = decoder.head.weights[0].tensor  # type: ignore[attr-defined]
    return found


def tensors_of(
    config: ModelConfig, values: Mapping[str, Tensor], *, offset: bool = True
) -> dict[str, Tensor]:
    """``values`` by the names of ``parameters_of`` → copies by Hugging Face's names, in the file's order.

    What the optimizer keeps of each parameter has the same shape and goes the same way, without the
    ``offset`` that some families' norms are stored with.
    """
    shift = config.norm_weight_offset if offset else 0.0
    order = torch.argsort(_rotary_order(config))
    q, k = (n * config.head_dim for n in (config.num_attention_heads, config.num_key_value_heads))
    found: dict[str, Tensor] = {}

    def put(name: str, tensor: Tensor, shift: float = 0.0) -> None:
        tensor = _reordered(name, tensor.detach().cpu(), order, config.head_dim)
        found[name] = (tensor - shift if shift else tensor.clone()).contiguous()

    for index in range(config.num_hidden_layers):
        at, mine = f"model.layers.{index}", f"layers.{index}"
        for ending, key in ((".weight", "qkv"), (".bias", "qkv.bias")):
            if f"{mine}.{key}" in values:
                for name, one in zip("qkv", values[f"{mine}.{key}"].split([q, k, k]), strict=True):
                    put(f"{at}.self_attn.{name}_proj{ending}", one)
        put(f"{at}.self_attn.o_proj.weight", values[f"{mine}.o"])
        gate, up = values[f"{mine}.gate_up"].chunk(2)
        put(f"{at}.mlp.gate_proj.weight", gate)
        put(f"{at}.mlp.up_proj.weight", up)
        put(f"{at}.mlp.down_proj.weight", values[f"{mine}.down"])
        for place, name in layer_norms(config).items():
            put(f"{at}.{name}.weight", values[f"{mine}.{place}"], shift)
        if config.qk_norm:
            for n in "qk":
                put(f"{at}.self_attn.{n}_norm.weight", values[f"{mine}.{n}_norm"], shift)
    put("model.norm.weight", values["norm"], shift)
    put("model.embed_tokens.weight", values["embedding"])
    if not config.tie_word_embeddings:
        put("lm_head.weight", values["head"])
    return found


def new_tensors(config: ModelConfig, seed: int, std: float = 0.02) -> dict[str, Tensor]:
    """Random weights by Hugging Face's names: normal, and those that write into the residual stream
    divided by √(2 · layers) (GPT-2: Radford et al., 2019); norms leave things as they are."""
    random = torch.Generator().manual_seed(seed)
    found = {}
    for name, shape in expected_shapes(config).items():
        if name.endswith("norm.weight"):
            found[name] = torch.full(shape, 1.0 - config.norm_weight_offset)
        elif name.endswith(".bias"):
            found[name] = torch.zeros(shape)
        else:
            writes = name.endswith(("o_proj.weight", "down_proj.weight"))
            scale = std / math.sqrt(2 * config.num_hidden_layers) if writes else std
            found[name] = torch.empty(shape).normal_(0.0, scale, generator=random)
    return found


def parameter_count(config: ModelConfig) -> int:
    """Numbers that a model of this shape learns."""
    return sum(math.prod(shape) for shape in expected_shapes(config).values())


def _copy(tensor: Tensor, device: torch.device) -> Tensor:
    return tensor.detach().to(device, torch.float32, copy=True).contiguous()


def _rotary_order(config: ModelConfig) -> Tensor:
    """Which row of a head's becomes each row: halves of the rotating part are interleaved."""
    half = (config.rope_dim or config.head_dim) // 2
    order = torch.arange(config.head_dim)
    if not config.rope_interleaved:
        order[: 2 * half] = torch.stack([torch.arange(half), torch.arange(half) + half], dim=1).reshape(-1)
    return order


_TURNED: Sequence[str] = (".q_proj.", ".k_proj.", ".q_norm.", ".k_norm.")


def _reordered(name: str, tensor: Tensor, order: Tensor, dim: int) -> Tensor:
    if not any(part in name for part in _TURNED):
        return tensor
    return tensor.unflatten(0, (-1, dim))[:, order].flatten(0, 1)
