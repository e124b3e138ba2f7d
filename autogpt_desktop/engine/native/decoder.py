"""A decoder on the compiled back end, with the interface of ``torch_backend.transformer.Transformer``."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from itertools import accumulate
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.adapter import LowRank
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor, files_of
from autogpt_desktop.engine.formats.mapped import MappedFile, check_files
from autogpt_desktop.engine.interface import Cancelled, check_layers
from autogpt_desktop.engine.native.packed_cache import PackedCache, PackedMatrix, Vectors, Writer
from autogpt_desktop.engine.native.state import CacheType, NativeState
from autogpt_desktop.engine.native.weights import (
    FLOATS,
    LAYER_KINDS,
    MATRICES,
    Quantize,
    pack,
    plan,
    type_number,
    vector_places,
    vectors,
)
from autogpt_desktop.engine.torch_backend.linear import Embedding
from autogpt_desktop.engine.torch_backend.rotary import rotary_embeddings, state_layout
from autogpt_desktop.events import Progress

log = logging.getLogger(__name__)
_CHUNK_WORK = 4e9  # multiply-adds of one layer and one chunk of a prefill
_CALL_WORK = 2e9  # multiply-adds between two looks at ``cancelled``: some 50 ms


def _ints(numbers: Sequence[int]) -> ctypes.Array[ctypes.c_int32]:
    return (ctypes.c_int32 * len(numbers))(*numbers)


class NativeDecoder:
    """Token ids in, logits out. Weights and workspace live in the library; states belong to the caller.

    ``threads``: 0 uses as many as torch does. ``kv_cache``: what new states keep, "float16" or "int8".
    ``kernels``: one of ``native.kernel_sets()``, "" for what AUTOGPT_DESKTOP_KERNELS says or else the
    fastest. Raises ValueError for a set that this processor cannot run and MemoryError when the library
    gets no memory.
    """

    batch_invariant = True

    def __init__(
        self,
        config: ModelConfig,
        context_length: int,
        *,
        threads: int = 0,
        kernels: str = "",
        kv_cache: CacheType = "float16",
    ) -> None:
        library = native.library()
        assert library is not None, "check runs() first"
        kernels = kernels or os.environ.get("AUTOGPT_DESKTOP_KERNELS", "")
        if kernels and kernels not in native.kernel_sets():
            raise ValueError(f"no kernels {kernels!r} here, only {', '.join(native.kernel_sets())}")
        c, self.config, self.context_length, self.library = config, config, context_length, library
        self.kv_cache = kv_cache
        shape = native.Shape(
            c.vocab_size, c.hidden_size, c.intermediate_size, c.num_hidden_layers, c.num_attention_heads,
            c.num_key_value_heads, c.head_dim, c.sliding_window, c.hidden_act == "gelu_tanh",
            c.rms_norm_eps, c.embedding_scale, c.query_scale or c.head_dim**-0.5,
            c.attn_logit_softcap, c.final_logit_softcap,
            c.residual_scale, c.logit_scale, c.attention_temperature, c.attention_temperature_length,
            1 if c.qk_norm_whole else 2 if c.qk_norm_behind_rope else 0,
            *_memory_shape(c), c.attention_gate,
        )  # fmt: skip
        threads = threads or torch.get_num_threads()
        self.model = library.native_new(ctypes.byref(shape), threads, kernels.encode())
        if not self.model:
            raise MemoryError("the compiled back end could not start")
        for layer in range(c.num_hidden_layers):
            library.native_layer_kind(self.model, layer, LAYER_KINDS.index(c.kind(layer)))
        self.files: tuple[MappedFile, ...] = ()  # that its weights lie in
        self._mapped: np.ndarray | None = None  # weights that are not in the library's memory
        self._shares: NativeDecoder | None = None  # whose weights these are
        self._writers: list[Writer] = []
        weakref.finalize(self, _end, library, self.model, self._writers)
        self.device = torch.device("cpu")
        self.rope, self.local_rope = rotary_embeddings(config, context_length, self.device)
        self.embedding: Embedding | None = None  # None: the head's own rows
        self._turned = 0  # positions in `_tables`, which `_turns` points to
        self._tables: list[Tensor] = []
        self._turns: list[int] = []
        self._lock = threading.Lock()  # the workspace holds one pass at a time

    @property
    def kernels(self) -> str:
        """The name of the set of kernels it runs on."""
        return str(self.library.native_kernels(self.model).decode())

    def reserve(self, nbytes: int) -> None:
        """One stretch of memory for the matrices that ``set_matrix`` will pack, each of them once."""
        self._check(self.library.native_reserve(self.model, nbytes))

    def set_matrix(self, layer: int, slot: int, source: CheckpointTensor, kind: int | None = None) -> None:
        """Pack a matrix; layer -1 is the head. ``kind``: of native::Kind; None: by the source's type."""
        if kind is None:
            kind = self.library.native_kind(type_number(source.type))

        def rows(type: int, address: int, order: int | None, first: int, last: int) -> None:
            self._check(
                self.library.native_matrix(
                    self.model, layer, slot, kind, type, *source.shape, address, order, first, last
                )
            )

        pack(source, rows)

    def use(self, places: Sequence[PackedMatrix], weights: np.ndarray) -> None:
        """Take matrices that are packed already, at their offsets in ``weights``."""
        self._mapped = weights
        for at in places:
            blocks = weights.ctypes.data + at.offset
            self._check(
                self.library.native_place(self.model, at.layer, at.slot, at.kind, at.rows, at.cols, blocks)
            )

    def keep(self, cache: PackedCache, places: Sequence[PackedMatrix], vectors: Vectors, nbytes: int) -> None:
        """Write the packed weights to ``cache``, beside other work."""
        address = self.library.native_weights(self.model)
        self._writers.append(cache.write(self.library, places, vectors, address, nbytes))

    def set_vector(self, layer: int, slot: int, values: np.ndarray) -> None:
        """A norm's weights or a bias, float32; layer -1 is the norm before the head."""
        array = np.ascontiguousarray(values, np.float32)
        self._check(self.library.native_vector(self.model, layer, slot, array.ctypes.data, array.size))

    def share(self, other: NativeDecoder) -> None:
        """Take the weights of a decoder of the same file, but not what is added to them."""
        self._shares = other.weights_owner
        self._check(self.library.native_share(self.model, other.model))
        self.files, self.embedding = other.files, other.embedding

    @property
    def weights_owner(self) -> NativeDecoder:
        """Whose weights these are: its own, or those that it shares."""
        return self._shares or self

    def adapt(self, layer: int, slot: int, added: LowRank) -> None:
        """Add a product beside a matrix, which stays as it is. ``added``: in the matrix' row order."""
        a, b = (np.ascontiguousarray(one, np.float32) for one in (added.a, added.b))
        self._check(
            self.library.native_adapt(
                self.model, layer, slot, len(a), len(b), a.shape[1], a.ctypes.data, b.ctypes.data, added.scale
            )
        )

    def set_sliding(self, layer: int) -> None:
        self.library.native_sliding(self.model, layer, 1)

    def set_unrotated(self, layer: int) -> None:
        """Its queries and keys do not turn with their position."""
        self.library.native_unrotated(self.model, layer, 1)

    @staticmethod
    def _check(code: int) -> None:
        if code:
            raise MemoryError("no memory for the model")

    def new_state(self) -> NativeState:
        """An empty sequence."""
        c = self.config
        state = NativeState(
            c.attention_layers,
            c.num_key_value_heads,
            c.head_dim,
            self.context_length,
            self.kv_cache,
            (c.recurrent_layers, c.recurrent_size),
        )
        state.layout = state_layout(state.layout, c, self.context_length)
        return state

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the weights hold, shared ones too."""
        return int(self.library.native_nbytes(self.model))

    def _layer_work(self, before: int) -> int:
        """Multiply-adds of one token in one layer, behind ``before`` others."""
        c = self.config
        width = c.num_attention_heads * c.head_dim
        return c.hidden_size * (3 * c.intermediate_size + 2 * width) + 2 * before * width

    def prefill_chunk(self, before: int) -> int:
        """Tokens in one pass of a prefill behind ``before`` others: enough to be quick, few enough that
        one layer stays short."""
        return max(16, min(256, int(_CHUNK_WORK / self._layer_work(before))))

    def forward(
        self,
        batch: Sequence[tuple[NativeState, Sequence[int]]],
        logits: Literal["last", "all"] = "last",
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Tensor]:
        """Append ids to each state and return each one's logits, float32.

        [vocab_size] of the last token for "last", [ids, vocab_size] for "all". All sequences go through
        the layers together, and each one's result is that of going alone, to the bit. Raises
        ``Cancelled`` between layers (the states are then as before) and ValueError when a state would
        overflow; a state may be in the batch only once.
        """
        check_files(self.files)
        work = self._reserved(batch)
        with self._lock:
            self._begin(work, cancelled)
            self._layers(work, 0, self.config.num_hidden_layers, cancelled)
            rows = self._logits(work, logits)
        check_files(self.files)
        for state, ids in work:
            state.advance(ids)
        if logits == "last":
            return list(rows)
        return list(rows.split([len(ids) for _, ids in work]))

    def hidden(
        self,
        batch: Sequence[tuple[NativeState, Sequence[int]]],
        layers: Sequence[int],
        tokens: int = 1,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Tensor]:
        """As ``interface.Decoder``; later layers and the head are not run. Raises as ``forward`` does."""
        check_layers(layers, self.config.num_hidden_layers)
        check_files(self.files)
        work = self._reserved(batch)
        sizes = [min(tokens, len(ids)) for _, ids in work]
        ends = accumulate(len(ids) for _, ids in work)
        pick = _ints([at for end, size in zip(ends, sizes, strict=True) for at in range(end - size, end)])
        seen = torch.empty(len(layers), len(pick), self.config.hidden_size)
        with self._lock:
            self._begin(work, cancelled)
            for start, stop, rows in zip((0, *layers), layers, seen, strict=False):
                self._layers(work, start, stop, cancelled)
                self._check(self.library.native_hidden(self.model, pick, len(pick), rows.data_ptr()))
        check_files(self.files)
        # one sequence at a time: its sums are then the same in any company
        return [torch.stack([rows.mean(0) for rows in part]) for part in seen.split(sizes, dim=1)]

    def _reserved(
        self, batch: Sequence[tuple[NativeState, Sequence[int]]]
    ) -> list[tuple[NativeState, list[int]]]:
        """The batch, checked, with room in each state."""
        work = [(state, list(ids)) for state, ids in batch]
        if len({id(state) for state, _ in work}) != len(work):
            raise ValueError("a state is in the batch twice")
        for state, ids in work:
            if not all(0 <= token < self.config.vocab_size for token in ids) or not ids:
                raise IndexError("no ids, or one outside the vocabulary")
            state.reserve(len(state) + len(ids))
        return work

    def _begin(self, work: list[tuple[NativeState, list[int]]], cancelled: Callable[[], bool]) -> None:
        """A pass: what its tokens are and where they go."""
        if cancelled():
            raise Cancelled
        # plain ctypes: behind a pass the caches are cold, and each call into numpy or torch takes long
        tokens = [token for _, ids in work for token in ids]
        vectors = None
        if self.embedding is not None:
            vectors = np.ascontiguousarray(self.embedding(torch.tensor(tokens)).numpy())
        sequences = (native.Sequence * len(work))()
        for entry, (state, new) in zip(sequences, work, strict=True):
            entry.cache, entry.capacity = state.cache.ctypes.data, state.capacity
            entry.scales = None if state.scales is None else state.scales.ctypes.data
            entry.start, entry.count = len(state), len(new)
            if state.memory is not None:
                entry.before, entry.after = state.memory.now.ctypes.data, state.memory.next.ctypes.data
        self._check(
            self.library.native_begin(
                self.model, _ints(tokens), None if vectors is None else vectors.ctypes.data,
                ctypes.byref(sequences), len(work),
            )
        )  # fmt: skip
        longest = _longest(work)
        if longest > self._turned:
            for rope in (self.rope, self.local_rope):
                rope.freqs_cis(0, longest)
            self._tables = [self.rope.table, self.local_rope.table]
            self._turned = min(map(len, self._tables))
            self._turns = [table.data_ptr() for table in self._tables]

    def _layers(
        self,
        work: list[tuple[NativeState, list[int]]],
        first: int,
        last: int,
        cancelled: Callable[[], bool],
    ) -> None:
        """Run layers ``first`` … ``last`` - 1; what they leave stays in the workspace."""
        tokens = sum(len(ids) for _, ids in work)
        step = max(1, int(_CALL_WORK / (self._layer_work(_longest(work)) * tokens)))
        for start in range(first, last, step):
            if start and cancelled():
                raise Cancelled
            self._check(self.library.native_layers(self.model, start, min(start + step, last), *self._turns))

    def _logits(self, work: list[tuple[NativeState, list[int]]], logits: str) -> Tensor:
        ends = list(accumulate(len(ids) for _, ids in work))
        pick = [end - 1 for end in ends] if logits == "last" else range(ends[-1])
        rows = torch.empty(len(pick), self.config.vocab_size)
        self._check(self.library.native_logits(self.model, _ints(pick), len(pick), rows.data_ptr()))
        return rows


def _memory_shape(c: ModelConfig) -> tuple[int, int, int, int, int, int]:
    """What native::Shape has of layers that do not attend: the convolution's tokens, and DeltaNet's heads."""
    d = c.delta_net
    if d is None:
        return c.short_conv_kernel, 0, 0, 0, 0, 0
    heads = d.num_key_heads, d.num_value_heads
    return d.conv_kernel, *heads, d.key_head_dim, d.value_head_dim, int(d.gguf_layout)


def _longest(work: list[tuple[NativeState, list[int]]]) -> int:
    return max(len(state) + len(ids) for state, ids in work)


def _end(library: ctypes.CDLL, model: int, writers: list[Writer]) -> None:
    for writer in writers:  # they read the model's memory
        writer.stop()
    library.native_free(model)


def build_native(
    config: ModelConfig,
    sources: dict[str, CheckpointTensor],
    context_length: int,
    *,
    threads: int = 0,
    kernels: str = "",
    quantize: Quantize | None = None,
    cache: PackedCache | None = None,
    kv_cache: CacheType = "float16",
    adapter: Mapping[str, LowRank] | None = None,
) -> Generator[Progress, None, NativeDecoder]:
    """Pack the weights of a checkpoint that ``is_supported``, its heads in the row order of ``build``; or
    take them from ``cache``, which otherwise is written afterwards.

    ``adapter``: what is added beside the matrices, by module; the packed weights are the base's alone."""
    decoder = NativeDecoder(config, context_length, threads=threads, kernels=kernels, kv_cache=kv_cache)
    places, nbytes = plan(config, sources, decoder.library, quantize)
    opened = None
    if cache and quantize == "int4" and any(sources[at.name].type in FLOATS for at in places):
        cache = cache.variant(quantize)
    if cache:
        opened = cache.open(decoder.library, decoder.model, places, vector_places(config), nbytes)
    decoder.files = files_of(sources.values())
    norms = opened.vectors if opened else list(vectors(config, sources))
    for layer, slot, values in norms:
        decoder.set_vector(layer, slot, values)
    for layer, sliding in enumerate(config.sliding_layers or ()):
        if sliding:
            decoder.set_sliding(layer)
    for layer, unrotated in enumerate(config.unrotated_layers):
        if unrotated:
            decoder.set_unrotated(layer)
    _adapt(decoder, adapter)
    if not config.tie_word_embeddings:
        decoder.embedding = Embedding(sources["model.embed_tokens.weight"], decoder.device)
    total = config.num_hidden_layers + 1
    if opened:
        decoder.files += (opened.file,)
        decoder.use(places, opened.weights)
    else:
        decoder.reserve(nbytes)
        begun = time.monotonic()
        for at in places:
            if at.slot == 0:
                yield Progress("stage.loading", at.layer % total, total)
            decoder.set_matrix(at.layer, at.slot, sources[at.name], at.kind)
        check_files(decoder.files)
        seconds = time.monotonic() - begun
        if cache and seconds < cache.worth:
            log.info("the packed weights are not kept: packing took %.1f s", seconds)
        elif cache:
            decoder.keep(cache, places, norms, nbytes)
    yield Progress("stage.loading", total, total)
    return decoder


def build_beside(other: NativeDecoder, adapter: Mapping[str, LowRank] | None) -> NativeDecoder:
    """A decoder with the weights of ``other`` and an adapter of its own, or none; nothing is loaded."""
    decoder = NativeDecoder(
        other.config, other.context_length, kernels=other.kernels, kv_cache=other.kv_cache
    )
    decoder.share(other)
    _adapt(decoder, adapter)
    return decoder


def _adapt(decoder: NativeDecoder, adapter: Mapping[str, LowRank] | None) -> None:
    for module, added in (adapter or {}).items():
        _, _, layer, name = module.split(".", 3)  # model.layers.0.self_attn.q_proj
        decoder.adapt(int(layer), MATRICES[name], added)
