"""An encoder–decoder on the compiled back end: whole searches in C++, for any number of sentences at once."""

from __future__ import annotations

import ctypes
import math
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.formats.mapped import MappedFile, check_files
from autogpt_desktop.engine.interface import DEFAULT_SEARCH, Cancelled, Hypothesis, SearchOptions, SourceIds
from autogpt_desktop.engine.native import bindings

# slots of native/seq2seq.h
SELF_Q, SELF_K, SELF_V, SELF_O, CROSS_Q, CROSS_K, CROSS_V, CROSS_O, FFN_1, FFN_2 = range(10)
SELF_NORM, CROSS_NORM, FFN_NORM = range(3)
SOURCE_TABLE, TARGET_TABLE, OUTPUT_TABLE = range(3)
LAST = -1  # the norm behind all layers
FINE, MAX_FINE_COLUMNS = -1.0, 2048  # native::kFine, native::kMaxFineDepth
_ACTIVATIONS = ("relu", "silu", "gelu")
# Chosen by what they are for, not fitted. Larger models, which no cache near a core holds, are read once for
# all threads, not once for each: a pack's layers take some 10 MB, M2M100's 300.
_WIDE_BYTES = 48 << 20
# Of a pass of one thread: 16 tiles of 12 rows through the encoder, four in the decoder. With fewer tokens the
# tiles are less full, with more the activations leave the second cache.
_GROUP_TOKENS, _ROWS = 192, 48
_MAX_SOURCES = 1 << 20


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """A matrix [rows, cols] of int8, values · scale, or of float32.

    ``alpha``: what activations are multiplied by before they are rounded to int8; ``scale`` is that of a
    product then, with alpha's share. 0: what brings the largest of each token to 127. FINE: to 8191, as two
    int8 products.
    """

    values: NDArray[np.int8] | NDArray[np.float32]
    scale: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))  # [rows] or [1]
    alpha: float = 0.0

    @property
    def is_float(self) -> bool:
        return self.values.dtype == np.float32


class NativeDecodeState:
    """Rows on their way, in the library's memory."""

    def __init__(self, library: ctypes.CDLL, state: int) -> None:
        self.library, self.state = library, state
        weakref.finalize(self, library.seq2seq_free_state, state)

    def __len__(self) -> int:
        return int(self.library.seq2seq_rows(self.state))

    @property
    def longest(self) -> int:
        """Tokens of the longest source."""
        return int(self.library.seq2seq_longest(self.state))


class NativeSeq2Seq:
    """A ``Seq2SeqModel``; weights are set with ``set_…``, and then ``finish`` looks whether all are there.

    ``threads``: 0 uses all. ``kernels``: one of ``native.kernel_sets()``, "" for what AUTOGPT_DESKTOP_KERNELS
    says or else the fastest. Raises ValueError for a set that this processor cannot run and MemoryError.
    """

    batch_invariant = True

    def __init__(self, config: Seq2SeqConfig, *, threads: int = 0, kernels: str = "") -> None:
        library = self.library = bindings.library()
        kernels = kernels or os.environ.get("AUTOGPT_DESKTOP_KERNELS", "")
        if kernels and kernels not in native.kernel_sets():
            raise ValueError(f"no kernels {kernels!r} here, only {', '.join(native.kernel_sets())}")
        c = self.config = config
        start = -1 if c.decoder_start_token_id is None else c.decoder_start_token_id
        shape = bindings.Shape(
            c.vocab_size, c.decoder_vocab_size, c.d_model, c.encoder_layers, c.decoder_layers,
            c.encoder_attention_heads, c.decoder_attention_heads, c.encoder_ffn_dim, c.decoder_ffn_dim,
            c.decoder_kind == "ssru", c.norm == "pre", _ACTIVATIONS.index(c.activation_function),
            start, c.eos_token_id, math.sqrt(c.d_model) if c.scale_embedding else 1.0, c.layer_norm_eps,
        )  # fmt: skip
        self.model = library.seq2seq_new(
            ctypes.byref(shape), min(threads or os.cpu_count() or 1, 64), kernels.encode()
        )
        if not self.model:
            raise MemoryError("the compiled back end could not start")
        weakref.finalize(self, library.seq2seq_free, self.model)
        self.files: tuple[MappedFile, ...] = ()  # that its tables lie in
        self._tables: list[np.ndarray] = []  # which the library reads where they are
        self._packed = 0
        self._positions = np.zeros((0, 0), np.float32)
        self._lock = threading.Lock()  # the workspace holds one call at a time
        pairs = np.asarray(c.alignment_heads, np.int32).reshape(-1, 2)
        self._check(library.seq2seq_alignment(self.model, pairs.ctypes.data, len(pairs)))
        suppressed = np.asarray(c.bad_words_ids, np.int32)
        self._check(library.seq2seq_suppressed(self.model, suppressed.ctypes.data, len(suppressed)))

    @property
    def kernels(self) -> str:
        """The name of the set of kernels it runs on."""
        return str(self.library.seq2seq_kernels(self.model).decode())

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the weights hold, those in a mapped file with them."""
        return self._packed + sum({table.ctypes.data: table.nbytes for table in self._tables}.values())

    def reserve(self, shapes: Iterable[tuple[int, int]], floats: bool) -> None:
        """One stretch of memory for matrices of these shapes, which ``set_linear`` packs."""
        size = self.library.seq2seq_packed_size
        self._packed = sum(int(size(rows, cols, floats)) for rows, cols in shapes)
        self._check(self.library.seq2seq_reserve(self.model, self._packed))

    def set_linear(
        self, decoder: bool, layer: int, slot: int, weights: Weights, bias: NDArray[np.float32] | None
    ) -> None:
        """Pack one matrix of a layer."""
        rows, cols = weights.values.shape
        values = np.ascontiguousarray(weights.values)
        scale = np.ascontiguousarray(
            np.broadcast_to(weights.scale, rows) if not weights.is_float else [], np.float32
        )
        q, w = (None, values.ctypes.data) if weights.is_float else (values.ctypes.data, None)
        bias = None if bias is None else _floats(bias, rows)
        self._check(
            self.library.seq2seq_linear(
                self.model, decoder, layer, slot, rows, cols, q, w, scale.ctypes.data, weights.alpha,
                None if bias is None else bias.ctypes.data,
            )
        )  # fmt: skip

    def set_table(self, which: int, weights: Weights, bias: NDArray[np.float32] | None = None) -> None:
        """An embedding or the output layer. Values whose rows are whole cache lines stay where they are."""
        rows, cols = weights.values.shape
        values = np.ascontiguousarray(weights.values)
        if not weights.is_float and cols % 64:
            values = np.zeros((rows, -(-cols // 64) * 64), np.int8)
            values[:, :cols] = weights.values
        self._tables.append(values)
        scale = np.ascontiguousarray(weights.scale, np.float32)
        q, w = (None, values.ctypes.data) if weights.is_float else (values.ctypes.data, None)
        bias = None if bias is None else _floats(bias, rows)
        self._check(
            self.library.seq2seq_table(
                self.model, which, rows, cols, values.shape[1], q, w, scale.ctypes.data, scale.size,
                weights.alpha, None if bias is None else bias.ctypes.data,
            )
        )  # fmt: skip

    def set_norm(
        self, decoder: bool, layer: int, slot: int, scale: NDArray[np.float32], bias: NDArray[np.float32]
    ) -> None:
        """A layer norm; of layer LAST the one behind all layers."""
        scale, bias = _floats(scale, self.config.d_model), _floats(bias, self.config.d_model)
        self._check(
            self.library.seq2seq_norm(self.model, decoder, layer, slot, scale.ctypes.data, bias.ctypes.data)
        )

    def finish(self) -> None:
        """Raises ValueError unless all is there, in the shapes of the configuration."""
        self._reserve_positions(min(512, self.config.max_position_embeddings))
        if not self.library.seq2seq_complete(self.model):
            raise ValueError("weights are missing, or do not have the shapes of the configuration")

    def _reserve_positions(self, count: int) -> None:
        if count > len(self._positions):
            count = min(self.config.max_position_embeddings, 1 << (count - 1).bit_length())
            self._positions = positions(self.config, count)
            self.library.seq2seq_positions(self.model, self._positions.ctypes.data, count)

    @staticmethod
    def _check(code: int) -> None:
        if code == 1:
            raise MemoryError("no memory for the model")
        if code:
            raise ValueError("weights that do not fit the model")

    @property
    def _wide(self) -> bool:
        return self._packed > _WIDE_BYTES

    def translate(
        self,
        sources: Sequence[SourceIds],
        options: SearchOptions = DEFAULT_SEARCH,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[list[Hypothesis]]:
        """For each source its best hypotheses, the best first; all sources are searched side by side.

        Raises ``Cancelled``, and ValueError for empty sources, ids that the vocabularies do not have and
        sources or prefixes longer than the model's positions.
        """
        if not 1 <= options.n_best <= options.beam_size <= 256:
            raise ValueError("n_best is from 1 to beam_size")
        if not sources:
            return []
        check_files(self.files)
        requests, kept = self._requests(sources, options)
        failure: list[BaseException] = []

        def ask() -> int:
            try:
                return bool(cancelled())
            except BaseException as error:  # it cannot travel through the library
                failure.append(error)
                return 1

        wanted = bindings.Options(
            options.beam_size,
            options.n_best,
            options.alignments,
            options.force_end,
            options.length_penalty,
            _GROUP_TOKENS,
            _ROWS,
        )
        result = ctypes.c_void_p()
        with self._lock:
            self._reserve_positions(max(max(r.count, r.limit) for r in requests))
            code = self.library.seq2seq_translate(
                self.model, requests, len(requests), ctypes.byref(wanted), self._wide, bindings.Callback(ask),
                ctypes.byref(result),
            )  # fmt: skip
        del kept
        if failure:
            raise failure[0]
        if code == 3:
            raise Cancelled
        self._check(code)
        try:
            hypotheses = self._hypotheses(result, sources, options.alignments)
        finally:
            self.library.seq2seq_free_result(result)
        check_files(self.files)
        return hypotheses

    def _requests(self, sources: Sequence[SourceIds], options: SearchOptions) -> tuple[Any, list[np.ndarray]]:
        """The library's requests, and the arrays that they point into."""
        c, most = self.config, self.config.max_position_embeddings
        if len(sources) > _MAX_SOURCES:
            raise ValueError("too many sources for one call")
        kept: list[np.ndarray] = []

        def ids(values: Sequence[int] | NDArray[np.int32], size: int) -> NDArray[np.int32]:
            array = np.ascontiguousarray(values, np.int64)
            if array.ndim != 1 or (array.size and not 0 <= array.min() <= array.max() < size):
                raise ValueError("ids that the vocabulary does not have")
            kept.append(array.astype(np.int32))
            return cast("NDArray[np.int32]", kept[-1])

        requests = (bindings.Request * len(sources))()
        empty = np.zeros(0, np.int32)
        for request, source in zip(requests, sources, strict=True):
            text = ids(source.ids, c.vocab_size)
            prefix = ids(source.prefix, c.decoder_vocab_size) if len(source.prefix) else empty
            if not 1 <= len(text) <= most or len(prefix) >= most:
                raise ValueError(f"a source has from 1 to {most} tokens")
            if (prefix == c.eos_token_id).any():
                raise ValueError("a prefix does not end a translation")
            request.ids, request.count = text.ctypes.data, len(text)
            request.prefix, request.prefix_count = prefix.ctypes.data, len(prefix)
            if source.shortlist is not None:
                allowed = ids(np.union1d(source.shortlist, [*prefix, c.eos_token_id]), c.decoder_vocab_size)
                request.shortlist, request.shortlist_count = allowed.ctypes.data, len(allowed)
            limit = min(options.max_length, math.ceil(options.max_length_factor * len(text)))
            request.limit = max(1, min(max(limit, len(prefix) + 1), most))
        return requests, kept

    def _hypotheses(
        self, result: ctypes.c_void_p, sources: Sequence[SourceIds], aligned: bool
    ) -> list[list[Hypothesis]]:
        counts, lengths, finished, ids = (self._array(result, at, np.int32) for at in range(4))
        scores, logprobs, alignment = (self._array(result, at, np.float32) for at in range(4, 7))
        numbers: Iterator[int] = iter(range(len(lengths)))
        id_at = log_at = cell_at = 0
        out: list[list[Hypothesis]] = []
        for source, count in zip(sources, counts.tolist(), strict=True):
            found: list[Hypothesis] = []
            for _ in range(count):
                at = next(numbers)
                length = int(lengths[at])
                steps, width = length + int(finished[at]), len(source.ids) if aligned else 0
                cells = alignment[cell_at : cell_at + steps * width].reshape(steps if aligned else 0, width)
                found.append(
                    Hypothesis(
                        tuple(ids[id_at : id_at + length].tolist()),
                        logprobs[log_at : log_at + steps],
                        float(scores[at]),
                        bool(finished[at]),
                        cells,
                    )
                )
                id_at, log_at, cell_at = id_at + length, log_at + steps, cell_at + steps * width
            out.append(found)
        return out

    def _array(self, result: ctypes.c_void_p, which: int, type: type[np.generic]) -> np.ndarray:
        count = ctypes.c_int64()
        address = self.library.seq2seq_result(result, which, ctypes.byref(count))
        if not count.value:
            return np.zeros(0, type)
        raw = (ctypes.c_uint8 * (4 * count.value)).from_address(address)
        return np.frombuffer(memoryview(raw), type).copy()

    def encode(
        self, sources: Sequence[SourceIds], cancelled: Callable[[], bool] = lambda: False
    ) -> NativeDecodeState:
        """One row for each source, before the first step."""
        check_files(self.files)
        requests, kept = self._requests(sources, DEFAULT_SEARCH)
        state = ctypes.c_void_p()
        with self._lock:
            self._reserve_positions(max((request.count for request in requests), default=1))
            if cancelled():
                raise Cancelled
            self._check(
                self.library.seq2seq_encode(
                    self.model, requests, len(requests), self._wide, ctypes.byref(state)
                )
            )
        del kept
        check_files(self.files)
        assert state.value is not None
        return NativeDecodeState(self.library, state.value)

    def step(
        self, state: NativeDecodeState, rows: Sequence[int], ids: Sequence[int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``Seq2SeqModel.step``. Raises ValueError beyond the model's positions."""
        check_files(self.files)
        parents, tokens = np.asarray(rows, np.int32), np.asarray(ids, np.int32)
        vocab, longest = self.config.decoder_vocab_size, state.longest
        if parents.shape != tokens.shape or parents.ndim != 1:
            raise ValueError("as many rows as ids")
        if parents.size and not (0 <= parents.min() <= parents.max() < len(state)):
            raise ValueError("no such row")
        if tokens.size and not (-1 <= tokens.min() <= tokens.max() < vocab):
            raise ValueError("ids that the vocabulary does not have")
        logprobs = np.empty((len(tokens), vocab), np.float32)
        attention = np.empty((len(tokens), longest), np.float32)
        with self._lock:
            if len(tokens):
                self._reserve_positions(
                    self.library.seq2seq_position(state.state, parents.ctypes.data, len(parents)) + 1
                )
            self._check(
                self.library.seq2seq_step(
                    self.model, state.state, parents.ctypes.data, tokens.ctypes.data, len(tokens), self._wide,
                    logprobs.ctypes.data, attention.ctypes.data,
                )
            )  # fmt: skip
        check_files(self.files)
        return logprobs, attention


def _floats(values: NDArray[np.float32], count: int) -> NDArray[np.float32]:
    array = np.ascontiguousarray(values, np.float32).reshape(-1)
    if array.size != count:
        raise ValueError("weights that do not fit the model")
    return array


def positions(config: Seq2SeqConfig, count: int) -> NDArray[np.float32]:
    """Sinusoids [count, d_model]: sines, then cosines."""
    half = config.d_model // 2
    steps = half if config.sinusoid == "transformer" else max(1, half - 1)
    angles = np.arange(config.position_offset, config.position_offset + count)[:, None] * np.exp(
        -math.log(10000.0) / steps * np.arange(half)
    )
    return np.ascontiguousarray(np.concatenate([np.sin(angles), np.cos(angles)], axis=1), np.float32)
