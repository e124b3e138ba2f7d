"""A decoder's loss on packed sequences: all of them in one row of tokens, none sees another. What all of them
begin with stands there once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from autogpt_desktop.engine.torch_backend.transformer import Layer, Transformer, causal_mask
from autogpt_desktop.lab.adapt.encode import Encoded
from autogpt_desktop.lab.adapt.lora import FrozenLinear, FrozenMatrix

_CHUNK = 1 << 24  # logits at a time: [learned tokens, vocab_size] never stands as a whole


class PackedPart:
    """One sequence of a packed pass, without a state: ``count`` tokens behind those of ``prefix``."""

    def __init__(
        self, decoder: Transformer, count: int, dtype: torch.dtype, prefix: PackedPart | None
    ) -> None:
        c = decoder.config
        self.dtype, self.prefix = dtype, prefix
        groups = c.num_attention_heads // c.num_key_value_heads
        self.freqs_cis: dict[bool, Tensor] = {}
        self.kept: tuple[Tensor, Tensor] | None = None  # of the layer that is computed now
        self.total: int = count + (prefix.total if prefix else 0)
        self.masks = {
            sliding: causal_mask(count, self.total, groups, window, decoder.device)
            for sliding, window in ((False, 0), (True, c.sliding_window))
        }

    def append(
        self, layer: int, sliding: bool, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        if self.prefix is not None and self.prefix.kept is not None:
            before = self.prefix.kept
            keys, values = torch.cat([before[0], keys], 1), torch.cat([before[1], values], 1)
        else:
            self.kept = keys, values
        return keys, values, self.masks[sliding]

    def attend(self, layer: Layer, qk: Tensor, v: Tensor) -> Tensor:
        return layer.attend_appended(qk, v, self)


class PackedPass:
    """Sequences one behind the other: they share every product but attention.

    ``counts``: tokens of each, behind the first ``shared`` ones, which stand once in front of all.
    """

    def __init__(
        self, decoder: Transformer, counts: Sequence[int], dtype: torch.dtype, shared: int = 0
    ) -> None:
        self.dtype = dtype
        prefix = PackedPart(decoder, shared, dtype, None) if shared else None
        known = {count: PackedPart(decoder, count, dtype, prefix) for count in set(counts)}
        self.sizes = [shared, *counts] if shared else [*counts]
        self.parts = [] if prefix is None else [prefix]
        self.parts += [known[count] for count in counts]
        ropes = {False: decoder.rope, True: decoder.local_rope}
        # cloned: a table that was made in an inference pass may not be kept for a gradient
        tables = {sliding: rope.freqs_cis(0, shared + max(counts)).clone() for sliding, rope in ropes.items()}
        self.freqs_cis = {
            sliding: torch.cat([table[:shared], *(table[shared : shared + count] for count in counts)])
            for sliding, table in tables.items()
        }

    def attend(self, layer: Layer, qk: Tensor, v: Tensor) -> Tensor:
        rows = zip(self.parts, qk.split(self.sizes), v.split(self.sizes), strict=True)
        return torch.cat([part.attend(layer, *row) for part, *row in rows])


class _HeadLoss(torch.autograd.Function):
    """Σ −log p(target) of a frozen head; the gradient is made in the forward pass, a chunk at a time."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: FrozenMatrix, bias: Tensor | None, softcap: float, targets: Tensor
    ) -> Tensor:
        matrix = weight.tensor()
        step = max(1, _CHUNK // matrix.shape[0])
        losses, grads = [], []
        for start in range(0, len(x), step):
            part = x[start : start + step].to(weight.dtype)
            target = targets[start : start + step, None]
            y = (part @ matrix.t()).float()
            if bias is not None:
                y += bias
            if softcap:
                y = torch.tanh(y / softcap) * softcap
            total = torch.logsumexp(y, -1, keepdim=True)
            losses.append((total - y.gather(1, target)).sum())
            if ctx.needs_input_grad[0]:
                grad = torch.exp(y - total)
                grad.scatter_add_(1, target, torch.full_like(target, -1, dtype=grad.dtype))
                if softcap:
                    grad *= 1 - (y / softcap) ** 2
                grads.append((grad.to(weight.dtype) @ matrix).float())
        if grads:
            ctx.save_for_backward(torch.cat(grads))
        return torch.stack(losses).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (kept,) = ctx.saved_tensors
        return kept * grads[0], None, None, None, None


def shared_prefix(sequences: Sequence[Encoded]) -> int:
    """How many tokens all begin with, such as a system prompt; none of them is what another is learned
    from. Their states are the same in every sequence, so once is enough, and so is the gradient's sum."""
    if len(sequences) < 2:
        return 0
    first = sequences[0].ids
    most = min(int(one.learned.argmax()) for one in sequences)
    for one in sequences[1:]:
        most = min(most, len(one.ids))
        differ = np.flatnonzero(one.ids[:most] != first[:most])
        most = int(differ[0]) if len(differ) else most
    return most


def packed_loss(decoder: Transformer, sequences: Sequence[Encoded], *, recompute: bool = False) -> Tensor:
    """Σ −log p of the learned tokens, in nats. ``recompute``: a layer's inside is computed anew for the
    gradient, which saves memory (Chen et al., 2016)."""
    shared = shared_prefix(sequences)
    counts = [len(one.ids) - 1 - shared for one in sequences]
    ids = np.concatenate([sequences[0].ids[:shared], *(one.ids[shared:-1] for one in sequences)])
    targets = np.concatenate([sequences[0].ids[:shared], *(one.ids[shared + 1 :] for one in sequences)])
    marks = np.concatenate([np.zeros(shared, np.bool_), *(one.learned[shared:] for one in sequences)])
    learned = torch.from_numpy(marks).to(decoder.device)
    head = decoder.head
    assert isinstance(head, FrozenLinear)
    through = PackedPass(decoder, counts, head.weight.dtype, shared)
    x = decoder.embed(ids.tolist())
    for layer in decoder.layers:
        if recompute and torch.is_grad_enabled():
            x = checkpoint(layer, x, through, use_reentrant=False)
        else:
            x = layer(x, through)
    picked = decoder.norm(x[learned])
    wanted = torch.from_numpy(targets.astype(np.int64)).to(decoder.device)[learned]
    softcap = decoder.config.final_logit_softcap
    loss: Tensor = _HeadLoss.apply(picked, head.weight, head.bias, softcap, wanted)
    return loss
