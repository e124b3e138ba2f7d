"""A decoder's loss on packed sequences: all of them in one row of tokens, none sees another. What all of them
begin with stands there once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from autogpt_desktop.engine.torch_backend.transformer import Layer, Transformer, causal_mask
from autogpt_desktop.lab.adapt.encode import Encoded, batches
from autogpt_desktop.lab.adapt.lora import FrozenLinear, FrozenMatrix

_CHUNK = 1 << 24  # logits at a time: [learned tokens, vocab_size] never stands as a whole
_LEAST = 1e-9  # probability


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
    """Σ −p log q of a frozen head; the gradient is made in the forward pass, a chunk at a time.

    ``ids`` and ``shares`` [tokens, k]: the wanted probabilities p of k different tokens at each place; what
    is over of 1 belongs to all others together, whichever of them.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: FrozenMatrix,
        bias: Tensor | None,
        softcap: float,
        ids: Tensor,
        shares: Tensor,
    ) -> Tensor:
        losses, grads = [], []
        for rows, y, part in _logits(x, weight, bias, softcap):
            wanted, share = ids[rows], shares[rows]
            rest = (1 - share.sum(1)).clamp(min=0)
            total = torch.logsumexp(y, -1, keepdim=True)
            logs = y.gather(1, wanted) - total
            others = (1 - logs.exp().sum(1)).clamp(min=_LEAST)
            losses.append(-(share * logs).sum() - (rest * others.log()).sum())
            if ctx.needs_input_grad[0]:
                grad = torch.exp(y - total)
                grad *= (1 - rest / others)[:, None]
                grad.scatter_(1, wanted, logs.exp() - share)
                if softcap:
                    grad *= 1 - (y / softcap) ** 2
                grads.append((grad.to(part.dtype) @ weight.tensor()).float())
        if grads:
            ctx.save_for_backward(torch.cat(grads))
        return torch.stack(losses).sum()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        (kept,) = ctx.saved_tensors
        return kept * grads[0], None, None, None, None, None


def _logits(
    x: Tensor, weight: FrozenMatrix, bias: Tensor | None, softcap: float
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Of x [tokens, hidden_size], in chunks: which rows, their logits [rows, vocab_size], the rows."""
    matrix = weight.tensor()
    step = max(1, _CHUNK // matrix.shape[0])
    for start in range(0, len(x), step):
        rows = slice(start, start + step)
        part = x[rows].to(weight.dtype)
        y = (part @ matrix.t()).float()
        if bias is not None:
            y += bias
        if softcap:
            y = torch.tanh(y / softcap) * softcap
        yield rows, y, part


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


def passes(sequences: Sequence[Encoded], tokens: int, seed: int) -> list[list[tuple[int, int]]]:
    """Of the first pass through the data: what goes through together, each sequence's tokens and how many
    those see."""
    found = []
    for group in batches(sequences, tokens, seed, 0):
        chosen = [sequences[at] for at in group]
        shared = shared_prefix(chosen)
        rows = [(len(one.ids) - 1 - shared, len(one.ids) - 1) for one in chosen]
        found.append([(shared, shared), *rows] if shared else rows)
    return found


def packed_loss(decoder: Transformer, sequences: Sequence[Encoded], *, recompute: bool = False) -> Tensor:
    """Σ −log p of the learned tokens, in nats. ``recompute``: a layer's inside is computed anew for the
    gradient, which saves memory (Chen et al., 2016)."""
    x, targets = _packed(decoder, sequences, recompute)
    return _head_loss(decoder, x, targets[:, None], torch.ones(len(targets), 1, device=x.device))


def soft_loss(
    decoder: Transformer,
    sequences: Sequence[Encoded],
    wanted: Sequence[tuple[Tensor, Tensor]],
    *,
    recompute: bool = False,
) -> Tensor:
    """Σ −p log q over all tokens of ``sequences``, p being what ``expected`` gave for each of them."""
    x, _ = _packed(decoder, sequences, recompute)
    ids, shares = (torch.cat([one[part] for one in wanted]).to(x.device) for part in (0, 1))
    return _head_loss(decoder, x, ids.long(), shares.float())


@torch.no_grad()
def expected(decoder: Transformer, sequence: Encoded, likeliest: int = 64) -> tuple[Tensor, Tensor]:
    """What ``decoder`` expects at each learned token: ids and probabilities, [tokens, likeliest] each."""
    x, _ = _packed(decoder, [sequence], False)
    head = _head(decoder)
    ids, shares = [], []
    for _, y, _ in _logits(x, head.weight, head.bias, decoder.config.final_logit_softcap):
        p, which = y.softmax(-1).topk(min(likeliest, y.shape[1]))
        ids.append(which.int())
        shares.append(p)
    return torch.cat(ids), torch.cat(shares)


def _packed(decoder: Transformer, sequences: Sequence[Encoded], recompute: bool) -> tuple[Tensor, Tensor]:
    """What the head sees of the learned tokens [tokens, hidden_size], and their ids."""
    shared = shared_prefix(sequences)
    counts = [len(one.ids) - 1 - shared for one in sequences]
    ids = np.concatenate([sequences[0].ids[:shared], *(one.ids[shared:-1] for one in sequences)])
    targets = np.concatenate([sequences[0].ids[:shared], *(one.ids[shared + 1 :] for one in sequences)])
    marks = np.concatenate([np.zeros(shared, np.bool_), *(one.learned[shared:] for one in sequences)])
    learned = torch.from_numpy(marks).to(decoder.device)
    through = PackedPass(decoder, counts, _head(decoder).weight.dtype, shared)
    x = decoder.embed(ids.tolist())
    for layer in decoder.layers:
        if recompute and torch.is_grad_enabled():
            x = checkpoint(layer, x, through, use_reentrant=False)
        else:
            x = layer(x, through)
    return decoder.norm(x[learned]), torch.from_numpy(targets.astype(np.int64)).to(decoder.device)[learned]


def _head(decoder: Transformer) -> FrozenLinear:
    assert isinstance(decoder.head, FrozenLinear)
    return decoder.head


def _head_loss(decoder: Transformer, x: Tensor, ids: Tensor, shares: Tensor) -> Tensor:
    head, softcap = _head(decoder), decoder.config.final_logit_softcap
    loss: Tensor = _HeadLoss.apply(x, head.weight, head.bias, softcap, ids, shares)
    return loss
