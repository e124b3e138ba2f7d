"""Our own engine, timed."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from autogpt_desktop import paths
from autogpt_desktop.auto import AutoModel
from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.generation.sampling import argmax
from autogpt_desktop.engine.interface import State
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.packed_cache import Writer
from autogpt_desktop.events import Done


class Ours:
    """``plan.Runner`` over an Engine."""

    name = "autogpt-desktop"
    loads_file = True

    def __init__(self, path: Path, device: str, folder: Path) -> None:
        """``folder`` keeps packed weights; a load that is not ``cached`` empties it."""
        self.path, self.device, self.folder = path, device, folder
        self._engine: Engine | None = None
        self.state: State | None = None
        self.next = 0

    @property
    def engine(self) -> Engine:
        """The loaded engine."""
        assert self._engine is not None, "load first"
        return self._engine

    def load(self, context: int, *, cached: bool) -> None:
        if not cached:
            paths.packed_file(self.path, self.folder).unlink(missing_ok=True)
        self._engine = run_to_end(load(self.path, device=self.device, packed_cache=self.folder))
        # an answer that ends early would end a measurement early
        self._engine.tokenizer.eos_ids = frozenset()

    def close(self) -> None:
        for thread in threading.enumerate():
            if isinstance(thread, Writer):  # the next load is to find what this one leaves
                thread.join()
        if self._engine is not None:
            self._engine.close()
        self._engine = self.state = None

    def start(self) -> None:
        self.state = self.engine.new_state()

    def read(self, ids: Sequence[int]) -> None:
        assert self.state is not None
        *_, logits = self.engine.prefill(self.state, [*self.state.ids, *ids])
        assert isinstance(logits, Tensor)
        self.next = argmax(logits)

    def decode(self, count: int) -> None:
        decoder = self.engine.decoder
        for _ in range(count):
            self.next = argmax(decoder.forward([(self.state, [self.next])])[0])

    def batch(self, prompts: Sequence[Sequence[int]], count: int) -> float:
        decoder = self.engine.decoder
        states = [decoder.new_state() for _ in prompts]
        rows = decoder.forward(list(zip(states, prompts, strict=True)))
        tokens = [argmax(row) for row in rows]
        began = time.perf_counter()
        for _ in range(count):
            rows = decoder.forward([(s, [t]) for s, t in zip(states, tokens, strict=True)])
            tokens = [argmax(row) for row in rows]
        return time.perf_counter() - began

    def panels(self, ids: Sequence[int], count: int) -> dict[str, float]:
        """Tokens per second of ``Engine.stream``, as the panels use it, and of ``AutoModel.generate``."""
        count = max(2, count)
        greedy = Sampling(temperature=0.0, max_tokens=count)
        (done,) = [e for e in self.engine.stream(list(ids), greedy) if isinstance(e, Done)]
        clock = _Clock()
        AutoModel(self.engine).generate(torch.tensor([list(ids)]), max_new_tokens=count, streamer=clock)
        first, last = clock.times[1], clock.times[-1]  # the prompt comes before the first token
        return {
            "stream_tps": done.tokens_per_second,
            "generate_tps": (len(clock.times) - 2) / (last - first),
        }

    def matrix_bytes(self) -> int:
        """Packed bytes that one token reads: all layers and the head, but no table of token vectors."""
        embedding = getattr(self.engine.decoder, "embedding", None)
        return self.engine.weight_bytes - (0 if embedding is None else int(embedding.nbytes))


class _Clock:
    """A streamer that notes when something came."""

    def __init__(self) -> None:
        self.times: list[float] = []

    def put(self, _value: Tensor) -> None:
        self.times.append(time.perf_counter())

    def end(self) -> None:
        pass
