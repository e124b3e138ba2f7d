"""One decoder for every family: what differs between llama, qwen3, gemma3, phi3 and others is in ModelConfig.

What some families have in place of attention is in ``delta_net`` and ``short_conv``.
Read from the top: attention, Layer, Transformer. Shapes: T new tokens, S tokens in
all, H query heads, K key/value heads, G = H / K queries that share a key, D head_dim.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import accumulate
from typing import Literal, Protocol, cast

import torch
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.mapped import MappedFile, check_files
from autogpt_desktop.engine.interface import Cancelled as Cancelled
from autogpt_desktop.engine.interface import check_layers
from autogpt_desktop.engine.torch_backend.autograd import apply_rotary_emb, gated
from autogpt_desktop.engine.torch_backend.kv_cache import KVCache
from autogpt_desktop.engine.torch_backend.linear import QuantLinear
from autogpt_desktop.engine.torch_backend.norms import HeadNorm, RMSNorm
from autogpt_desktop.engine.torch_backend.packed_int import cache_dtype
from autogpt_desktop.engine.torch_backend.rotary import attention_temperature, rotary_embeddings, state_layout

_MOST_SHARED = 1024  # tokens in one pass of several sequences
_SMALL_LAYER = 6 << 20  # bytes of weights


def attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, scale: float, softcap: float) -> Tensor:
    """softmax(QKᵀ/√d_k)V: "Attention Is All You Need" (Vaswani et al., 2017), equation 1.

    ``q`` [K, G·T, D], ``k`` and ``v`` [K, S, D], ``mask`` [G·T, S] of 0 and -inf, ``scale`` 1/√d_k.
    The G queries that share a key (grouped-query attention, Ainslie et al., 2023) lie behind each
    other, so that no key is copied. Returns [K, G·T, D].
    """
    scores = torch.matmul(q, k.transpose(1, 2)).float() * scale  # QKᵀ/√d_k  [K, G·T, S]
    if softcap:
        scores = torch.tanh(scores / softcap) * softcap
    if mask is not None:
        scores = scores + mask
    return torch.matmul(torch.softmax(scores, dim=-1).to(v.dtype), v)


def causal_mask(new: int, total: int, groups: int, window: int, device: torch.device) -> Tensor | None:
    """What ``new`` tokens at the end of ``total`` may not see. [groups · new, total] of 0 and -inf.

    Each sees itself and what is before it, at most ``window`` tokens in all where there is a window.
    None where nothing is hidden.
    """
    if new == 1 and (not window or total <= window):
        return None
    position = torch.arange(total - new, total, device=device)[:, None]
    other = torch.arange(total, device=device)[None, :]
    hidden = other > position
    if window:
        hidden |= other <= position - window
    return torch.zeros(new, total, device=device).masked_fill_(hidden, -math.inf).repeat(groups, 1)


class Pass(Protocol):
    """What the layers of one pass share: where its T tokens stand, what they see, and where they go."""

    dtype: torch.dtype  # of keys and values
    freqs_cis: dict[bool, Tensor]  # by whether the layer's window slides: rotations, complex64 [T, 1, D/2]
    temperature: Tensor | None  # what queries are scaled by besides, [T, 1, 1]

    def attend(self, layer: Layer, qk: Tensor, v: Tensor) -> Tensor:
        """What each token takes from those it sees: ``qk`` [T, H + K, D], ``v`` [T, K, D] → [T, H · D]."""


class RememberingPass(Pass, Protocol):
    """Of a decoder with layers that have a memory of their own; training knows none."""

    def remember(self, layer: Layer, rows: Tensor) -> Tensor:
        """What each token takes from the layer's memory: ``rows`` that its mixer's inputs made → the same."""


class Mixer(Protocol):
    """What a layer has in place of attention: see ``GatedDeltaNet`` and ``ShortConv``."""

    inputs: QuantLinear
    out: QuantLinear

    def run(self, rows: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """One sequence's tokens; ``before`` and ``after`` are its memory, flat, the second is written."""


class AppendingPass(Pass, Protocol):
    """One sequence's tokens, which are kept behind those of a state."""

    def append(
        self, layer: int, sliding: bool, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Keep the new ``keys`` and ``values`` [K, T, D]; what is attended to then, and what is hidden.

        Returns keys and values [K, S, D], and a mask as ``attention`` takes it.
        """


class EagerPass:
    """Any number of tokens, behind those of a state: tensors as long as what is there."""

    def __init__(self, decoder: Transformer, state: KVCache, new: int) -> None:
        c, start, stop = decoder.config, len(state), len(state) + new
        self.state, self.new, self.window, self.dtype = state, new, c.sliding_window, state.dtype
        groups = c.num_attention_heads // c.num_key_value_heads
        masks = {False: causal_mask(new, stop, groups, 0, decoder.device)}
        if any(c.sliding_layers):
            masks[True] = causal_mask(new, stop, groups, c.sliding_window, decoder.device)
        self.masks = masks
        self.freqs_cis = {
            False: decoder.rope.freqs_cis(start, stop),
            True: decoder.local_rope.freqs_cis(start, stop),
        }
        self.temperature = attention_temperature(c, torch.arange(start, stop, device=decoder.device))

    def append(
        self, layer: int, sliding: bool, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        k, v = self.state.update_and_fetch(layer, keys, values)
        mask, seen = self.masks[sliding], self.window + self.new - 1
        if sliding and k.shape[1] > seen:
            # nothing older than the window of the first new token can be seen
            k, v = k[:, -seen:], v[:, -seen:]
            mask = None if mask is None or self.new == 1 else mask[:, -seen:]
        return k, v, mask

    def attend(self, layer: Layer, qk: Tensor, v: Tensor) -> Tensor:
        return layer.attend_appended(qk, v, self)

    def remember(self, layer: Layer, rows: Tensor) -> Tensor:
        memory = self.state.memory
        assert layer.mixer is not None
        assert memory is not None
        return layer.mixer.run(rows, memory.now[layer.slot], memory.next[layer.slot])


class BatchPass:
    """Tokens of several sequences, one behind the other: they share every product but attention."""

    def __init__(self, passes: Sequence[EagerPass]) -> None:
        self.dtype = passes[0].dtype
        stops = list(accumulate(one.new for one in passes))
        self.parts = [(slice(stop - one.new, stop), one) for one, stop in zip(passes, stops, strict=True)]
        kinds = (False, True)
        self.freqs_cis = {sliding: torch.cat([one.freqs_cis[sliding] for one in passes]) for sliding in kinds}
        scales = [one.temperature for one in passes if one.temperature is not None]
        self.temperature = torch.cat(scales) if scales else None

    def attend(self, layer: Layer, qk: Tensor, v: Tensor) -> Tensor:
        return torch.cat([layer.attend_appended(qk[rows], v[rows], part) for rows, part in self.parts])

    def remember(self, layer: Layer, rows: Tensor) -> Tensor:
        return torch.cat([part.remember(layer, rows[at]) for at, part in self.parts])


def _normed(norm: RMSNorm | None, x: Tensor) -> Tensor:
    return x if norm is None else norm(x)


class Layer:
    """One decoder layer: x + attention(norm(x)), then x + mlp(norm(x)); gemma3 norms the results too, olmo2
    the results alone.

    With a ``mixer`` that stands in place of attention.
    """

    qkv: QuantLinear  # with ``attention_gate`` the gate's rows come last
    o: QuantLinear
    mixer: Mixer | None = None
    gate_up: QuantLinear
    down: QuantLinear
    input_norm: RMSNorm | None = None
    mlp_norm: RMSNorm | None = None
    attention_out_norm: RMSNorm | None = None
    mlp_out_norm: RMSNorm | None = None
    qk_norm: HeadNorm | None = None

    def __init__(self, config: ModelConfig, index: int) -> None:
        self.config, self.index, self.slot = config, index, config.slots[index]
        self.sliding = bool(config.sliding_layers[index]) if config.sliding_layers else False
        self.rotated = not (config.unrotated_layers and config.unrotated_layers[index])
        self.scale = config.query_scale or config.head_dim**-0.5

    def __call__(self, x: Tensor, through: Pass) -> Tensor:
        """``x`` [T, hidden_size] float32 → the same."""
        out = self.mix(_normed(self.input_norm, x), through)
        x = x + self._scaled(_normed(self.attention_out_norm, out))
        out = self.down(gated(self.gate_up(_normed(self.mlp_norm, x)), self.config.hidden_act))
        return x + self._scaled(_normed(self.mlp_out_norm, out))

    def _scaled(self, out: Tensor) -> Tensor:
        factor = self.config.residual_scale
        return out if factor == 1.0 else out * factor

    def mix(self, x: Tensor, through: Pass) -> Tensor:
        """What the tokens take from those before them, [T, hidden_size] → the same."""
        if self.mixer is not None:
            return self.mixer.out(cast(RememberingPass, through).remember(self, self.mixer.inputs(x)))
        return self.o(self.attend(x, through))

    @property
    def linears(self) -> list[QuantLinear]:
        mixing = [self.qkv, self.o] if self.mixer is None else [self.mixer.inputs, self.mixer.out]
        return [*mixing, self.gate_up, self.down]

    def attend(self, x: Tensor, through: Pass) -> Tensor:
        """``x`` [T, hidden_size] → [T, H · D]."""
        c = self.config
        heads, shared, dim = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        rows = self.qkv(x).view(len(x), -1, dim)
        qk, v, gate = rows.split([heads + shared, shared, heads if c.attention_gate else 0], dim=1)
        if self.qk_norm is not None and not c.qk_norm_behind_rope:
            qk = self.qk_norm(qk)
        if self.rotated:
            qk = apply_rotary_emb(qk, through.freqs_cis[self.sliding])
        if self.qk_norm is not None and c.qk_norm_behind_rope:
            qk = self.qk_norm(qk)
        if through.temperature is not None:
            qk = torch.cat([qk[:, :heads] * through.temperature, qk[:, heads:]], dim=1)
        out = through.attend(self, qk.to(through.dtype), v.to(through.dtype))
        return out * torch.sigmoid(gate.reshape(out.shape)) if c.attention_gate else out

    def attend_appended(self, qk: Tensor, v: Tensor, through: AppendingPass) -> Tensor:
        """One sequence's tokens: ``qk`` [T, H + K, D], ``v`` [T, K, D] → [T, H · D]."""
        c, new = self.config, len(qk)
        heads, shared, dim = c.num_attention_heads, c.num_key_value_heads, c.head_dim
        k = qk[:, heads:].transpose(0, 1)
        k, v, mask = through.append(self.slot, self.sliding, k, v.transpose(0, 1))
        q = qk[:, :heads].view(new, shared, -1, dim).permute(1, 2, 0, 3).reshape(shared, -1, dim)
        out = attention(q, k, v, mask, self.scale, c.attn_logit_softcap)
        out = out.view(shared, -1, new, dim).permute(2, 0, 1, 3)
        return out.reshape(new, heads * dim)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch's operators use ``count`` threads; 0 leaves their number alone."""
    before = torch.get_num_threads()
    if count:
        torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Transformer:
    """Token ids in, logits out, through the interface of every loaded decoder: ``forward``."""

    embedding: Callable[[Tensor], Tensor]  # ids [tokens] → [tokens, hidden_size] float32
    layers: list[Layer]
    norm: RMSNorm
    head: QuantLinear
    graphed_decode: DecodeStep | None = None  # a quicker way for a pass of one token, where there is one
    batch_invariant = False  # torch picks other kernels for other sizes, which round differently

    def __init__(self, config: ModelConfig, device: torch.device, context_length: int) -> None:
        self.config, self.device, self.context_length = config, device, context_length
        self.files: tuple[MappedFile, ...] = ()  # that its weights lie in
        # on the CPU each sequence goes alone: torch rounds differently in products of other sizes
        self.shares_passes = device.type != "cpu"
        self.rope, self.local_rope = rotary_embeddings(config, context_length, device)

    def new_state(self) -> KVCache:
        """An empty sequence."""
        c = self.config
        state = KVCache(
            c.attention_layers,
            c.num_key_value_heads,
            c.head_dim,
            self.context_length,
            dtype=cache_dtype(self.device),
            device=self.device,
            recurrent=(c.recurrent_layers, c.recurrent_size),
        )
        state.layout = state_layout(state.layout, c, self.context_length)
        return state

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the weights hold."""
        return self.head.nbytes + sum(part.nbytes for layer in self.layers for part in layer.linears)

    @cached_property
    def small_layers(self) -> bool:
        """Is one token's work in a layer over before a second thread has woken up?"""
        return sum(part.nbytes for part in self.layers[0].linears) < _SMALL_LAYER

    def prefill_chunk(self, before: int) -> int:
        """Tokens in one pass of a prefill behind ``before`` others: enough to be quick, few enough that
        one layer stays short and its scores [K, G·T, S] small."""
        c = self.config
        per_layer = c.hidden_size * (3 * c.intermediate_size + 2 * c.num_attention_heads * c.head_dim)
        budget = 2e9 if self.device.type == "cpu" else 4e11  # multiply-adds in one layer
        per_layer += 2 * before * c.num_attention_heads * c.head_dim
        return max(16, min(512, int(budget / per_layer)))

    @torch.inference_mode()
    def forward(
        self,
        batch: Sequence[tuple[KVCache, Sequence[int]]],
        logits: Literal["last", "all"] = "last",
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Tensor]:
        """Append ids to each state and return each one's logits, float32.

        [vocab_size] of the last token for "last", [ids, vocab_size] for "all". Raises ``Cancelled``
        between layers (the state is then as before) and ValueError when a state would overflow.
        """
        check_files(self.files)
        work = [(state, list(ids)) for state, ids in batch]
        distinct = len({id(state) for state, _ in work}) == len(work) > 1
        if self.shares_passes and distinct and sum(len(ids) for _, ids in work) <= _MOST_SHARED:
            return self._forward_together(work, logits, cancelled)
        return [self._forward(state, ids, logits, cancelled) for state, ids in work]

    def _forward(self, state: KVCache, ids: list[int], logits: str, cancelled: Callable[[], bool]) -> Tensor:
        state.reserve(len(state) + len(ids))
        if self.graphed_decode is not None and len(ids) == 1:
            if cancelled():
                raise Cancelled
            y = self.graphed_decode(self, state, ids[0])
            if y is not None:
                state.advance(ids)
                return y if logits == "last" else y[None]
        x = self.embed(ids)
        through = EagerPass(self, state, len(ids))
        with threads(1 if len(ids) == 1 and self.small_layers else 0):
            for layer in self.layers:
                if cancelled():
                    raise Cancelled
                x = layer(x, through)
        y = self.logits(x[-1:] if logits == "last" else x)
        check_files(self.files)
        state.advance(ids)
        return y[0] if logits == "last" else y

    def _forward_together(
        self, work: list[tuple[KVCache, list[int]]], logits: str, cancelled: Callable[[], bool]
    ) -> list[Tensor]:
        """The weights are read once for all."""
        x = self._through(work, self.layers, cancelled)
        sizes = [len(ids) for _, ids in work]
        if logits == "last":
            y = list(self.logits(x[torch.tensor(sizes).cumsum(0).sub(1).to(x.device)]))
        else:
            y = list(self.logits(x).split(sizes))
        check_files(self.files)
        for state, ids in work:
            state.advance(ids)
        return y

    def _through(
        self,
        work: list[tuple[KVCache, list[int]]],
        layers: Sequence[Layer],
        cancelled: Callable[[], bool],
        look: Callable[[int, Tensor], None] = lambda number, x: None,
    ) -> Tensor:
        """All tokens, one sequence behind the other, through ``layers`` from the first on; ``look`` sees
        what each, counted from 1, leaves."""
        for state, ids in work:
            state.reserve(len(state) + len(ids))
        x = self.embed([token for _, ids in work for token in ids])
        through = BatchPass([EagerPass(self, state, len(ids)) for state, ids in work])
        for number, layer in enumerate(layers, 1):
            if cancelled():
                raise Cancelled
            x = layer(x, through)
            look(number, x)
        return x

    @torch.inference_mode()
    def hidden(
        self,
        batch: Sequence[tuple[KVCache, Sequence[int]]],
        layers: Sequence[int],
        tokens: int = 1,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Tensor]:
        """As ``interface.Decoder``; later layers and the head are not run. Raises as ``forward`` does."""
        check_layers(layers, len(self.layers))
        work = [(state, list(ids)) for state, ids in batch]
        if len({id(state) for state, _ in work}) != len(work):
            raise ValueError("a state is in the batch twice")
        seen: list[list[Tensor]] = [[] for _ in work]

        def look(number: int, x: Tensor) -> None:
            if number in layers:
                for rows, part in zip(
                    seen, self.head_input(x).split([len(ids) for _, ids in work]), strict=True
                ):
                    rows.append(part[-tokens:].mean(0))

        check_files(self.files)
        self._through(work, self.layers[: layers[-1]], cancelled, look)
        check_files(self.files)
        return [torch.stack(rows) for rows in seen]

    def embed(self, ids: list[int]) -> Tensor:
        """What the first layer takes, [T, hidden_size] float32."""
        x = self.embedding(torch.tensor(ids, dtype=torch.int64))
        return x * self.config.embedding_scale if self.config.embedding_scale != 1.0 else x

    def head_input(self, x: Tensor) -> Tensor:
        """What the last layer gave, [T, hidden_size], as the head takes it: scaled like the logits, too."""
        x, scale = self.norm(x), self.config.logit_scale
        return x if scale == 1.0 else x * scale

    def logits(self, x: Tensor) -> Tensor:
        """What the last layer gave, [T, hidden_size] → [T, vocab_size] float32."""
        y, softcap = self.head(self.head_input(x)), self.config.final_logit_softcap
        return torch.tanh(y / softcap) * softcap if softcap else y


class DecodeStep(Protocol):
    """Appends one token to a state in some quicker way; leaves counting it to the caller."""

    def __call__(self, decoder: Transformer, state: KVCache, token: int) -> Tensor | None:
        """Its logits, [vocab_size] float32; None where only the ordinary way will do."""
