"""Encoder–decoders that translate: "Attention Is All You Need" (Vaswani et al., 2017), with the layer norms
behind each part (Marian) or in front of it (M2M100, NLLB); what differs is in Seq2SeqConfig.

Read from the top: Attention, EncoderLayer, DecoderLayer, Seq2SeqTransformer. Shapes: B sources of S tokens,
R rows on the way (several of one source in a beam), T tokens of them, C d_model, H heads of D.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.mapped import MappedFile, check_files
from autogpt_desktop.engine.generation.beam import search
from autogpt_desktop.engine.interface import (
    DEFAULT_SEARCH,
    Cancelled,
    Hypothesis,
    SearchOptions,
    SourceIds,
)

Linear = Callable[[Tensor], Tensor]
_ACTIVATIONS: dict[str, Linear] = {"relu": F.relu, "gelu": F.gelu, "silu": F.silu}
_HELD = 0.75  # of the sources still translated; with fewer the others' keys and values are let go of


class LayerNorm:
    def __init__(self, weight: Tensor, bias: Tensor, eps: float) -> None:
        self.weight, self.bias, self.eps = weight, bias, eps

    def __call__(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[-1:], self.weight, self.bias, self.eps)


class Attention:
    """Multi-head attention: of a sequence to itself, or of translations to their sources."""

    q: Linear
    k: Linear
    v: Linear
    out: Linear

    def __init__(self, heads: int) -> None:
        self.heads = heads

    def split(self, x: Tensor) -> Tensor:
        """[B, T, C] → [B, H, T, D]"""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.split(self.k(x)), self.split(self.v(x))

    def __call__(self, x: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """``x`` [B, T, C]; ``k``, ``v`` [B, H, S, D]; ``mask`` [B, 1, 1, S] of 0 and -inf.
        Returns [B, T, C] and the weights [B, H, T, S]."""
        q = self.split(self.q(x))
        scores = q @ k.transpose(2, 3) * q.shape[-1] ** -0.5
        if mask is not None:
            scores = scores + mask
        weights = torch.softmax(scores, dim=-1)
        return self.out((weights @ v).transpose(1, 2).flatten(2)), weights


class Residual:
    """x + part(x) with a layer norm behind the sum ("post") or in front of the part ("pre")."""

    def __init__(self, norm: LayerNorm, kind: str) -> None:
        self.norm, self.pre = norm, kind == "pre"

    def before(self, x: Tensor) -> Tensor:
        return self.norm(x) if self.pre else x

    def after(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y if self.pre else self.norm(x + y)


class FeedForward:
    fc1: Linear
    fc2: Linear

    def __init__(self, activation: str) -> None:
        self.activation = _ACTIVATIONS[activation]

    def __call__(self, x: Tensor) -> Tensor:
        return self.fc2(self.activation(self.fc1(x)))


class EncoderLayer:
    self_attn: Attention
    self_attn_norm: Residual
    mlp: FeedForward
    final_norm: Residual

    def __call__(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """``x`` [B, S, C]"""
        y = self.self_attn_norm.before(x)
        x = self.self_attn_norm.after(x, self.self_attn(y, *self.self_attn.keys_values(y), mask)[0])
        return self.final_norm.after(x, self.mlp(self.final_norm.before(x)))


class DecoderLayer:
    self_attn: Attention
    self_attn_norm: Residual
    cross_attn: Attention
    cross_attn_norm: Residual
    mlp: FeedForward
    final_norm: Residual

    def __call__(self, x: Tensor, state: Translations, index: int) -> tuple[Tensor, Tensor]:
        """The next token of each row, ``x`` [R, 1, C]; with it the weights of the sources, [R, H, S]."""
        y = self.self_attn_norm.before(x)
        k, v = state.append(index, *self.self_attn.keys_values(y))
        x = self.self_attn_norm.after(x, self.self_attn(y, k, v, None)[0])
        # rows of one source share its keys: they are its queries, so that no key is copied
        y = state.by_source(self.cross_attn_norm.before(x))  # [B, rows of each, C]
        y, weights = self.cross_attn(y, *state.cross[index], state.mask)
        x = self.cross_attn_norm.after(x, state.by_row(y)[:, None])
        x = self.final_norm.after(x, self.mlp(self.final_norm.before(x)))
        return x, state.by_row(weights.transpose(1, 2))


@dataclass(eq=False)
class Translations:
    """What is remembered of R rows on their way, and of their B sources: an ``interface.DecodeState``."""

    sources: Tensor  # [R] which of the B sources each row translates
    cross: list[tuple[Tensor, Tensor]]  # per decoder layer: keys and values of the sources [B, H, S, D]
    mask: Tensor | None  # [B, 1, 1, S] of 0 and -inf; None: all sources are equally long
    width: int  # S of the longest source at the beginning
    shortlists: list[NDArray[np.int32] | None]  # of each source
    tokens: int = 0  # that each row has so far
    past: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # per layer [R, H, T, D]
    slots: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))  # [R] of its source

    def __len__(self) -> int:
        return len(self.sources)

    def select(self, rows: Sequence[int]) -> None:
        """Row i becomes what row ``rows[i]`` was."""
        if list(rows) != list(range(len(self))):
            chosen = torch.tensor(rows, dtype=torch.int64, device=self.sources.device)
            self.sources = self.sources[chosen]
            self.past = [(k[chosen], v[chosen]) for k, v in self.past]
        here = self.sources.cpu().numpy()
        held = np.unique(here)
        count = len(self.cross[0][0]) if self.cross else 0
        if len(held) <= _HELD * count:
            kept = torch.from_numpy(held).to(self.sources.device)
            self.cross = [(k[kept], v[kept]) for k, v in self.cross]
            self.mask = None if self.mask is None else self.mask[kept]
            self.shortlists = [self.shortlists[at] for at in held]
            here = np.searchsorted(held, here)
            self.sources = torch.from_numpy(here).to(self.sources.device)
        seen: dict[int, int] = {}
        slots = []
        for source in here.tolist():
            slots.append(seen.get(source, 0))
            seen[source] = slots[-1] + 1
        self.slots = torch.tensor(slots, dtype=torch.int64, device=self.sources.device)

    def append(self, index: int, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of a layer, those of the new token behind them."""
        if index == len(self.past):
            self.past.append((k, v))
        else:
            before_k, before_v = self.past[index]
            self.past[index] = torch.cat([before_k, k], dim=2), torch.cat([before_v, v], dim=2)
        return self.past[index]

    def by_source(self, x: Tensor) -> Tensor:
        """[R, 1, C] → [B, most rows of one source, C]; zeros where a source has fewer."""
        grid = x.new_zeros(len(self.cross[0][0]), int(self.slots.max()) + 1, x.shape[-1])
        grid[self.sources, self.slots] = x[:, 0]
        return grid

    def by_row(self, x: Tensor) -> Tensor:
        """[B, rows of one source, …] → [R, …]"""
        return x[self.sources, self.slots]


class Seq2SeqTransformer:
    """An ``interface.Seq2SeqModel`` on torch. ``build`` fills in what is declared here."""

    batch_invariant = False

    embed_source: Callable[[Tensor], Tensor]  # [B, S] ids → [B, S, C]
    embed_target: Callable[[Tensor], Tensor]
    head: Linear
    bias: Tensor | None  # [target vocabulary]
    encoder: list[EncoderLayer]
    decoder: list[DecoderLayer]
    encoder_norm: LayerNorm | None
    decoder_norm: LayerNorm | None

    def __init__(self, config: Seq2SeqConfig, device: torch.device) -> None:
        self.config, self.device = config, device
        self.files: tuple[MappedFile, ...] = ()
        self.nbytes = 0
        self._positions = torch.zeros(0, config.d_model)

    def positions(self, start: int, stop: int) -> Tensor:
        """Sinusoids [stop - start, C] of tokens ``start`` to ``stop``: sines in the first half."""
        if stop > len(self._positions):
            half = self.config.d_model // 2
            steps = half if self.config.sinusoid == "transformer" else half - 1
            frequencies = torch.exp(torch.arange(half, dtype=torch.float64) * (-math.log(10000.0) / steps))
            places = torch.arange(2 * stop, dtype=torch.float64) + self.config.position_offset
            angles = places[:, None] * frequencies
            self._positions = torch.cat([angles.sin(), angles.cos()], dim=1).float().to(self.device)
        return self._positions[start:stop]

    @torch.inference_mode()
    def encode(
        self, sources: Sequence[SourceIds], cancelled: Callable[[], bool] = lambda: False
    ) -> Translations:
        c = self.config
        lengths = [len(source.ids) for source in sources]
        if not lengths or not min(lengths):
            raise ValueError("a source without ids")
        if any(not 0 <= id < c.vocab_size for source in sources for id in source.ids):
            raise ValueError("an id that the vocabulary does not have")
        width = max(lengths)
        ids = torch.full((len(sources), width), c.pad_token_id)
        mask = torch.zeros(len(sources), 1, 1, width)
        for row, source in enumerate(sources):
            ids[row, : lengths[row]] = torch.tensor(list(source.ids))
            mask[row, :, :, lengths[row] :] = -math.inf
        seen = mask.to(self.device) if min(lengths) < width else None
        check_files(self.files)
        x = self._embedded(self.embed_source(ids.to(self.device)), 0)
        for layer in self.encoder:
            if cancelled():
                raise Cancelled
            x = layer(x, seen)
        if self.encoder_norm is not None:
            x = self.encoder_norm(x)
        cross = [layer.cross_attn.keys_values(x) for layer in self.decoder]
        check_files(self.files)
        rows = torch.arange(len(sources), device=self.device)
        return Translations(rows, cross, seen, width, [source.shortlist for source in sources])

    def step(
        self, state: Translations, rows: Sequence[int], ids: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        logits, attention = self.logits(state, rows, ids)
        for row, source in enumerate(state.sources.tolist()):
            shortlist = state.shortlists[source]
            if shortlist is not None:
                outside = torch.ones(logits.shape[1], dtype=torch.bool)
                outside[torch.from_numpy(shortlist.astype(np.int64))] = False
                logits[row, outside.to(logits.device)] = -math.inf
        return torch.log_softmax(logits, dim=-1).cpu().numpy(), attention.cpu().numpy()

    @torch.inference_mode()
    def logits(self, state: Translations, rows: Sequence[int], ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        """As ``step``: the logits [R, target vocabulary] of what follows, float32, before any shortlist."""
        if any(not -1 <= id < self.config.decoder_vocab_size for id in ids):
            raise ValueError("an id that the vocabulary does not have")
        state.select(rows)
        check_files(self.files)
        embedded = self.embed_target(torch.tensor(ids, device=self.device).clamp(min=0)[:, None])
        embedded = embedded * torch.tensor([id >= 0 for id in ids], device=self.device)[:, None, None]
        x = self._embedded(embedded, state.tokens)  # [R, 1, C]
        heads = self.config.alignment_heads
        chosen: list[Tensor] = []
        for index, layer in enumerate(self.decoder):
            x, weights = layer(x, state, index)
            if not heads and index == len(self.decoder) - 1:
                chosen.append(weights.mean(1))
            chosen += [weights[:, head] for at, head in heads if at == index]
        state.tokens += 1
        if self.decoder_norm is not None:
            x = self.decoder_norm(x)
        logits = self.head(x[:, 0]).float()
        if self.bias is not None:
            logits = logits + self.bias
        check_files(self.files)
        attention = torch.stack(chosen).mean(0) if chosen else x.new_zeros(len(ids), state.width)
        return logits, attention

    def _embedded(self, vectors: Tensor, start: int) -> Tensor:
        if self.config.scale_embedding:
            vectors = vectors * math.sqrt(self.config.d_model)
        return vectors + self.positions(start, start + vectors.shape[1])

    def translate(
        self,
        sources: Sequence[SourceIds],
        options: SearchOptions = DEFAULT_SEARCH,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[list[Hypothesis]]:
        return search(self, self.config, sources, options, cancelled=cancelled)
