"""A decoder on the compiled back end, behind the same door as ``engine.transformer.Transformer``."""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from autogpt_desktop.engine import native
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.native.state import NativeState
from autogpt_desktop.engine.quant import Embedding, Source
from autogpt_desktop.engine.transformer import Cancelled, RotaryEmbedding
from autogpt_desktop.events import Progress

TYPES = ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K")  # the order of native::Type
_MATRICES = (
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
)  # fmt: skip
_INPUT_NORM, _MLP_NORM, _ATTENTION_OUT_NORM, _MLP_OUT_NORM, _BIAS, _QK_NORM = range(6)
_CHUNK_WORK = 4e9  # multiply-adds of one layer and one chunk of a prefill
_CALL_WORK = 2e9  # multiply-adds between two looks at ``cancelled``: some 50 ms


def runs(config: ModelConfig, sources: dict[str, Source]) -> bool:
    """Does the compiled back end run this checkpoint: is it here, and are all matrices in its formats?"""
    names = _matrix_names(config)
    return (
        all(
            s.blocks is not None and s.type in TYPES and s.shape[1] % 32 == 0
            for s in map(sources.get, names)
            if s
        )
        and all(name in sources for name in names)
        and config.head_dim % 2 == 0
        and native.library() is not None
    )


def _matrix_names(config: ModelConfig) -> list[str]:
    """Every matrix, in the order they are packed."""
    names = [f"model.layers.{i}.{name}.weight" for i in range(config.num_hidden_layers) for name in _MATRICES]
    return [*names, _head(config)]


def _head(config: ModelConfig) -> str:
    return "model.embed_tokens.weight" if config.tie_word_embeddings else "lm_head.weight"


class NativeDecoder:
    """Token ids in, logits out. Weights and workspace live in the library; states belong to the caller.

    ``threads``: 0 uses as many as torch does. ``portable`` keeps to the kernels for any processor.
    Raises MemoryError when the library gets none.
    """

    chunk_invariant = True

    def __init__(
        self, config: ModelConfig, context_length: int, *, threads: int = 0, portable: bool = False
    ) -> None:
        library = native.library()
        assert library is not None, "check runs() first"
        c, self.config, self.context_length, self.library = config, config, context_length, library
        shape = native.Shape(
            c.vocab_size, c.hidden_size, c.intermediate_size, c.num_hidden_layers, c.num_attention_heads,
            c.num_key_value_heads, c.head_dim, c.sliding_window, c.hidden_act == "gelu_tanh",
            c.rms_norm_eps, c.embedding_scale, c.query_scale or c.head_dim**-0.5,
            c.attn_logit_softcap, c.final_logit_softcap,
        )  # fmt: skip
        self.model = library.native_new(ctypes.byref(shape), threads or torch.get_num_threads(), portable)
        if not self.model:
            raise MemoryError("the compiled back end could not start")
        weakref.finalize(self, library.native_free, self.model)
        cpu = self.device = torch.device("cpu")
        self.rope = self.local_rope = RotaryEmbedding(config, config.rope_theta, True, cpu)
        if config.family == "gemma3":
            self.local_rope = RotaryEmbedding(config, config.rope_local_theta, False, cpu)
        self.embedding: Embedding | None = None  # None: the head's own rows
        self._lock = threading.Lock()  # the workspace holds one pass at a time

    @property
    def kernels(self) -> str:
        """ "avx2" or "portable"."""
        return str(self.library.native_kernels(self.model).decode())

    def reserve(self, sources: Iterable[Source]) -> None:
        """One stretch of memory for the matrices that ``set_matrix`` will pack, each of them once."""
        sizes = [self.library.native_packed_bytes(TYPES.index(s.type), *s.shape) for s in sources]
        self._check(self.library.native_reserve(self.model, sum(sizes)))

    def set_matrix(self, layer: int, slot: int, source: Source) -> None:
        """Pack a matrix; layer -1 is the head."""
        assert source.blocks is not None
        blocks = np.ascontiguousarray(source.blocks)
        order = None if source.row_order is None else np.ascontiguousarray(source.row_order, np.int64)
        self._check(
            self.library.native_matrix(
                self.model, layer, slot, TYPES.index(source.type), *source.shape,
                blocks.ctypes.data, None if order is None else order.ctypes.data,
            )
        )  # fmt: skip

    def set_vector(self, layer: int, slot: int, values: Tensor) -> None:
        """A norm's weights or a bias; layer -1 is the norm before the head."""
        array = np.ascontiguousarray(values.float().numpy())
        self._check(self.library.native_vector(self.model, layer, slot, array.ctypes.data, array.size))

    def set_sliding(self, layer: int) -> None:
        self.library.native_sliding(self.model, layer, 1)

    @staticmethod
    def _check(code: int) -> None:
        if code:
            raise MemoryError("no memory for the model")

    def new_state(self) -> NativeState:
        """An empty sequence."""
        c = self.config
        return NativeState(c.num_hidden_layers, c.num_key_value_heads, c.head_dim, self.context_length)

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the weights hold."""
        own = 0 if self.embedding is None else self.embedding.nbytes
        return int(self.library.native_nbytes(self.model)) + own

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
        work = [(state, list(ids)) for state, ids in batch]
        if len({id(state) for state, _ in work}) != len(work):
            raise ValueError("a state is in the batch twice")
        for state, ids in work:
            if not all(0 <= token < self.config.vocab_size for token in ids) or not ids:
                raise IndexError("no ids, or one outside the vocabulary")
            state.reserve(len(state) + len(ids))
        with self._lock:
            self._pass(work, cancelled)
            rows = self._logits(work, logits)
        for state, ids in work:
            state.advance(ids)
        if logits == "last":
            return list(rows)
        return list(rows.split([len(ids) for _, ids in work]))

    def _pass(self, work: list[tuple[NativeState, list[int]]], cancelled: Callable[[], bool]) -> None:
        if cancelled():
            raise Cancelled
        ids = np.array([token for _, ids in work for token in ids], np.int32)
        vectors = None
        if self.embedding is not None:
            vectors = np.ascontiguousarray(self.embedding(torch.from_numpy(ids).long()).numpy())
        sequences = (native.Sequence * len(work))()
        for entry, (state, new) in zip(sequences, work, strict=True):
            entry.cache, entry.capacity = state.cache.ctypes.data, state.capacity
            entry.start, entry.count = len(state), len(new)
        self._check(
            self.library.native_begin(
                self.model, ids.ctypes.data, None if vectors is None else vectors.ctypes.data,
                ctypes.byref(sequences), len(work),
            )
        )  # fmt: skip
        longest = max(len(state) + len(ids) for state, ids in work)
        turns = [rope.turns(0, longest) for rope in (self.rope, self.local_rope)]
        step = max(1, int(_CALL_WORK / (self._layer_work(longest) * len(ids))))
        layers = self.config.num_hidden_layers
        for start in range(0, layers, step):
            if start and cancelled():
                raise Cancelled
            stop = min(start + step, layers)
            self._check(
                self.library.native_layers(self.model, start, stop, *(table.data_ptr() for table in turns))
            )

    def _logits(self, work: list[tuple[NativeState, list[int]]], logits: str) -> Tensor:
        ends = np.cumsum([len(ids) for _, ids in work])
        pick = (ends - 1 if logits == "last" else np.arange(ends[-1])).astype(np.int32)
        rows = torch.empty(len(pick), self.config.vocab_size)
        self._check(self.library.native_logits(self.model, pick.ctypes.data, len(pick), rows.data_ptr()))
        return rows


def build_native(
    config: ModelConfig,
    sources: dict[str, Source],
    context_length: int,
    *,
    threads: int = 0,
    portable: bool = False,
) -> Generator[Progress, None, NativeDecoder]:
    """Pack the weights of a checkpoint that ``runs``, its heads in the row order of ``build``."""
    decoder = NativeDecoder(config, context_length, threads=threads, portable=portable)
    decoder.reserve(sources[name] for name in _matrix_names(config))
    total = config.num_hidden_layers + 1

    def norm(layer: int, slot: int, name: str) -> None:
        decoder.set_vector(layer, slot, sources[name].dense().float() + config.norm_weight_offset)

    for index in range(config.num_hidden_layers):
        yield Progress("stage.loading", index, total)
        at = f"model.layers.{index}"
        for slot, name in enumerate(_MATRICES):
            decoder.set_matrix(index, slot, sources[f"{at}.{name}.weight"])
        norm(index, _INPUT_NORM, f"{at}.input_layernorm.weight")
        if config.sandwich_norms:
            norm(index, _ATTENTION_OUT_NORM, f"{at}.post_attention_layernorm.weight")
            norm(index, _MLP_NORM, f"{at}.pre_feedforward_layernorm.weight")
            norm(index, _MLP_OUT_NORM, f"{at}.post_feedforward_layernorm.weight")
        else:
            norm(index, _MLP_NORM, f"{at}.post_attention_layernorm.weight")
        if config.attention_bias:
            biases = [sources[f"{at}.self_attn.{n}_proj.bias"].dense().float() for n in "qkv"]
            decoder.set_vector(index, _BIAS, torch.cat(biases))
        if config.qk_norm:
            parts = [
                (
                    sources[f"{at}.self_attn.{n}_norm.weight"].dense().float() + config.norm_weight_offset
                ).repeat(heads)
                for n, heads in (("q", config.num_attention_heads), ("k", config.num_key_value_heads))
            ]
            decoder.set_vector(index, _QK_NORM, torch.cat(parts))
        if config.sliding_layers and config.sliding_layers[index]:
            decoder.set_sliding(index)
    yield Progress("stage.loading", config.num_hidden_layers, total)
    norm(-1, 0, "model.norm.weight")
    decoder.set_matrix(-1, 0, sources[_head(config)])
    if not config.tie_word_embeddings:
        decoder.embedding = Embedding(sources["model.embed_tokens.weight"], decoder.device)
    yield Progress("stage.loading", total, total)
    return decoder
