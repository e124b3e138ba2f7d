"""A decoder on a card whose memory may end in the middle of an answer: it goes on on the processor.

A KV cache grows with the conversation, and other programs take of the same memory. States are the
caller's, and stay good across the move: each remembers the ids it held, and the processor reads them
again before it goes on with that state.
"""

from __future__ import annotations

import gc
import logging
import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.interface import Decoder, State
from autogpt_desktop.engine.memory import out_of_memory

log = logging.getLogger(__name__)


class CpuFallbackState:
    """A state (see ``interface.State``) that outlives the decoder it was begun on."""

    def __init__(self, owner: CpuFallbackDecoder, inner: State, unread: Sequence[int] = ()) -> None:
        self.owner, self.inner = owner, inner
        self.unread = list(unread)  # all ids, where ``inner`` holds only the first of them yet; else empty
        owner.states.add(self)

    @property
    def ids(self) -> list[int]:
        return self.unread or self.inner.ids

    @property
    def layout(self) -> str:
        return self.inner.layout

    def __len__(self) -> int:
        return len(self.ids)

    def reserve(self, tokens: int) -> None:
        self.inner.reserve(tokens)

    @property
    def recurrent(self) -> bool:
        return self.inner.recurrent

    def mark(self, *, draft: bool = False) -> None:
        if not self.unread:
            self.inner.mark(draft=draft)

    def reach(self, tokens: int) -> int:
        return min(tokens, len(self.unread)) if self.unread else self.inner.reach(tokens)

    def trim(self, tokens: int) -> None:
        del self.unread[tokens:]
        self.inner.trim(tokens)
        if len(self.unread) == len(self.inner):
            self.unread = []

    def go_back(self, tokens: int) -> None:
        """Hold the first ``tokens`` again, whatever has to be read once more for that."""
        held = self.ids[:tokens]
        self.trim(tokens)
        if len(self) < len(held):
            self.unread = held

    def common_prefix(self, ids: Sequence[int]) -> int:
        held = self.ids
        limit = min(len(ids), len(held))
        return next((i for i in range(limit) if ids[i] != held[i]), limit)

    def fork(self, room: int = 0) -> CpuFallbackState:
        try:
            return CpuFallbackState(self.owner, self.inner.fork(room), self.unread)
        except (MemoryError, RuntimeError) as error:
            if self.owner.moved or not out_of_memory(error):
                raise
        # no room for a copy: its first pass reads the ids again, and moves if that takes too much as well
        return CpuFallbackState(self.owner, self.owner.inner.new_state(), self.ids)

    def snapshot(self, tokens: int) -> dict[str, NDArray[np.generic]]:
        self.owner.catch_up(self, lambda: False)
        return self.inner.snapshot(tokens)

    def restore(self, ids: Sequence[int], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        self.inner.restore(ids, arrays)
        self.unread = []

    @property
    def nbytes(self) -> int:
        return self.inner.nbytes


class CpuFallbackDecoder:
    """A ``Decoder`` that hands everything to another one, and to a third once memory has run out there.

    ``on_cpu`` makes the third. Where it raises, the error of the card is raised, and nothing has changed.
    """

    def __init__(self, inner: Decoder, on_cpu: Callable[[], Decoder]) -> None:
        self.inner, self._on_cpu = inner, on_cpu
        self.config: ModelConfig = inner.config
        self.context_length, self.batch_invariant = inner.context_length, inner.batch_invariant
        self.moved = False
        self.states: weakref.WeakSet[CpuFallbackState] = weakref.WeakSet()

    def __getattr__(self, name: str) -> Any:
        """What only one kind of decoder has to say."""
        return getattr(self.__dict__["inner"], name)

    def new_state(self) -> CpuFallbackState:
        return CpuFallbackState(self, self.inner.new_state())

    @property
    def nbytes(self) -> int:
        return self.inner.nbytes

    def prefill_chunk(self, before: int) -> int:
        return self.inner.prefill_chunk(before)

    def forward(
        self,
        batch: Sequence[tuple[CpuFallbackState, Sequence[int]]],
        logits: Literal["last", "all"] = "last",
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Tensor]:
        """As ``interface.Decoder``; where the card's memory ends, on the processor, which takes a while."""
        return self._safely(batch, lambda inner, work: inner.forward(work, logits, cancelled), cancelled)

    def hidden(
        self,
        batch: Sequence[tuple[CpuFallbackState, Sequence[int]]],
        layers: Sequence[int],
        tokens: int = 1,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Tensor]:
        """As ``interface.Decoder``, and as ``forward``."""
        return self._safely(
            batch, lambda inner, work: inner.hidden(work, layers, tokens, cancelled), cancelled
        )

    def _safely(
        self,
        batch: Sequence[tuple[CpuFallbackState, Sequence[int]]],
        run: Callable[[Decoder, list[tuple[Any, Sequence[int]]]], list[Tensor]],
        cancelled: Callable[[], bool],
    ) -> list[Tensor]:
        lengths = [len(state) for state, _ in batch]
        try:
            return self._run(batch, run, cancelled)
        except (MemoryError, RuntimeError) as error:
            if self.moved or not out_of_memory(error):
                raise
            for (state, _), tokens in zip(batch, lengths, strict=True):
                state.go_back(tokens)  # those that came first in the batch may have gone on already
            log.warning("the card's memory ran out: %s", str(error))  # kept records keep no frames
            decoder = self._on_cpu()
        # only here: the error's frames held on to tensors on the card
        self._move(decoder)
        return self._run(batch, run, cancelled)

    def _run(
        self,
        batch: Sequence[tuple[CpuFallbackState, Sequence[int]]],
        run: Callable[[Decoder, list[tuple[Any, Sequence[int]]]], list[Tensor]],
        cancelled: Callable[[], bool],
    ) -> list[Tensor]:
        for state, _ in batch:
            self.catch_up(state, cancelled)
        return run(self.inner, [(state.inner, ids) for state, ids in batch])

    def catch_up(self, state: CpuFallbackState, cancelled: Callable[[], bool]) -> None:
        """Read what ``state`` has not read yet on this decoder. Raises ``Cancelled`` between layers."""
        inner = state.inner
        while len(inner) < len(state.unread):
            start = len(inner)
            chunk = state.unread[start : start + self.inner.prefill_chunk(start)]
            self.inner.forward([(inner, chunk)], cancelled=cancelled)
        state.unread = []

    def _move(self, decoder: Decoder) -> None:
        for state in self.states:
            state.unread = list(state.ids)
            state.inner = decoder.new_state()
        self.inner, self.moved, self.batch_invariant = decoder, True, decoder.batch_invariant
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
