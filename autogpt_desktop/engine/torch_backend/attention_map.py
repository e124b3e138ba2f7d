"""What the tokens of a text look at: the attention weights of one layer, from the reference decoder."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.torch_backend.transformer import EagerPass, Layer, Transformer


class _LookingPass(EagerPass):
    """An ordinary pass that keeps softmax(QKᵀ/√d_k) of one layer."""

    def __init__(self, decoder: Transformer, new: int, layer: int) -> None:
        super().__init__(decoder, decoder.new_state(), new)
        self.layer = layer
        self.weights: Tensor | None = None  # [H, T, T]

    def attend(self, layer: Layer, qk: Tensor, v: Tensor) -> Tensor:
        out = super().attend(layer, qk, v)
        if layer.index == self.layer:
            self.weights = self._weights(layer, qk)
        return out

    def _weights(self, layer: Layer, qk: Tensor) -> Tensor:
        c, new = layer.config, len(qk)
        heads = c.num_attention_heads
        q = qk[:, :heads].transpose(0, 1).float()  # [H, T, D]
        k = qk[:, heads:].transpose(0, 1).float()  # [K, T, D]
        k = k.repeat_interleave(heads // len(k), 0)
        scores = torch.matmul(q, k.transpose(1, 2)) * layer.scale  # [H, T, T]
        if c.attn_logit_softcap:
            scores = torch.tanh(scores / c.attn_logit_softcap) * c.attn_logit_softcap
        position = torch.arange(new, device=scores.device)
        hidden = position[None, :] > position[:, None]
        if layer.sliding and c.sliding_window:
            hidden |= position[None, :] <= position[:, None] - c.sliding_window
        return torch.softmax(scores.masked_fill(hidden, -torch.inf), dim=-1)


@torch.inference_mode()
def attention_map(
    decoder: Transformer,
    ids: Sequence[int],
    layer: int,
    cancelled: Callable[[], bool] = lambda: False,
) -> Tensor:
    """Attention of each token of a text to itself and to those before it, in ``layer`` (from 0 on).

    float32 [heads, tokens, tokens] on the CPU; rows sum to 1. Raises ``Cancelled`` between layers, and
    ValueError for a layer that the decoder does not have or that does not attend, for no tokens, or for more
    than its context.
    """
    c = decoder.config
    attends = 0 <= layer < len(decoder.layers) and c.kind(layer) == "attention"
    if not attends or not 0 < len(ids) <= decoder.context_length:
        raise ValueError("no such layer, or no such text")
    through = _LookingPass(decoder, len(ids), layer)
    through.state.reserve(len(ids))
    x = decoder.embed(list(ids))
    for one in decoder.layers[: layer + 1]:
        if cancelled():
            raise Cancelled
        x = one(x, through)
    assert through.weights is not None
    return through.weights.cpu()
