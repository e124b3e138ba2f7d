"""One token at a time on a GPU: a pass of fixed shape, captured once as a CUDA graph and replayed.

In eager mode a token of a small model is some five hundred tiny kernels, and launching them takes ten
times as long as running them. A CUDA graph launches them all at once, but it replays the very same
kernels on the very same memory. So this pass has no shape that grows and no number that Python decides:

- the token's embedding and its position lie in two tensors that are filled before each replay;
- keys and values are written at that position (``index_copy_``) into the state's own tensors;
- attention goes over their whole capacity, and a mask made from the position hides what is empty.
  Where a sliding window is much shorter than the capacity, its rows are gathered instead.

A state's capacity doubles as it grows (``KVCache``), so a conversation of 4096 tokens meets five
graphs. A graph belongs to the tensors it was captured on; when their state is gone or has outgrown
them, the next state of that capacity moves into them, and its graph is there already. States stay
the caller's: what they hold can be read, trimmed, forked and prefilled at any time.

The pass is plain torch and is checked against ``EagerPass`` on the CPU; capture and replay have not
been run on hardware yet. A capture that fails is logged, and that decoder goes on in eager mode.
"""

from __future__ import annotations

import logging
import weakref
from collections.abc import Sequence

import torch
from torch import Tensor

from autogpt_desktop.engine.memory import out_of_memory
from autogpt_desktop.engine.torch_backend.kv_cache import KVCache
from autogpt_desktop.engine.torch_backend.linear import BlockWeight
from autogpt_desktop.engine.torch_backend.rotary import RotaryEmbedding, attention_temperature
from autogpt_desktop.engine.torch_backend.transformer import Layer, Pass, Transformer

log = logging.getLogger(__name__)

MAX_GRAPHS = 6  # the latest used; each keeps one capacity's keys and values
_REST = 64  # tokens of others after which a state may lose its graph to another
_WARM_UP = 2  # passes before a capture: libraries set up their workspaces in the first
_GATHER = 2  # a window is gathered where the capacity is more than this many times as long


class GraphedPass:
    """One token at a position that is a tensor, on keys and values of one capacity (a ``Pass``)."""

    parts: Sequence[tuple[slice, Pass]] = ()

    def __init__(self, decoder: Transformer, keys: list[Tensor], values: list[Tensor]) -> None:
        c, device = decoder.config, decoder.device
        self.keys, self.values = list(keys), list(values)
        self.dtype, self.capacity = keys[0].dtype, keys[0].shape[1]
        self.x = torch.zeros(1, c.hidden_size, device=device)
        self.position = torch.zeros(1, dtype=torch.int64, device=device)
        self.tables = {False: self._table(decoder.rope), True: self._table(decoder.local_rope)}
        self.slots = torch.arange(self.capacity, device=device)
        self.window = c.sliding_window if any(c.sliding_layers) else 0
        self.gathers = 0 < _GATHER * self.window < self.capacity
        self.behind = torch.arange(1 - self.window, 1, device=device)  # the window, seen from its last token
        self.freqs_cis: dict[bool, Tensor] = {}
        self.temperature: Tensor | None = None
        self._masks: dict[bool, Tensor] = {}
        self._rows = self.behind

    def _table(self, rope: RotaryEmbedding) -> Tensor:
        """Rotations of every position there is room for, float32 [capacity, D/2, 2]."""
        return torch.view_as_real(rope.freqs_cis(0, self.capacity)[:, 0])

    def append(
        self, layer: int, sliding: bool, keys: Tensor, values: Tensor
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        k, v = self.keys[layer], self.values[layer]
        k.index_copy_(1, self.position, keys)
        v.index_copy_(1, self.position, values)
        if sliding and self.gathers:
            k, v = k.index_select(1, self._rows), v.index_select(1, self._rows)
        return k, v, self._masks[sliding]

    def attend(self, layer: Layer, qk: Tensor, v: Tensor) -> Tensor:
        return layer.attend_appended(qk, v, self)

    def run(self, decoder: Transformer) -> Tensor:
        """Logits [vocab_size] of the token whose embedding is in ``x``, at ``position``.

        No sync, no branch on what a tensor holds: this is what a graph captures.
        """
        for sliding, table in self.tables.items():
            freqs_cis = table.index_select(0, self.position)  # [1, D/2, 2]
            self.freqs_cis[sliding] = torch.view_as_complex(freqs_cis)[:, None]
        self.temperature = attention_temperature(decoder.config, self.position)
        self._masks[False] = _mask(self.slots > self.position)
        if self.gathers:
            rows = self.behind + self.position
            self._rows = rows.clamp_min(0)
            self._masks[True] = _mask(rows < 0)
        elif self.window:
            hidden = (self.slots > self.position) | (self.slots <= self.position - self.window)
            self._masks[True] = _mask(hidden)
        x = self.x
        for layer in decoder.layers:
            x = layer(x, self)
        return decoder.logits(x)[0]


def _mask(hidden: Tensor) -> Tensor:
    """``hidden`` bool [S] as ``attention`` takes it, [1, S] of 0 and -inf."""
    return torch.zeros(hidden.shape, device=hidden.device).masked_fill_(hidden, -torch.inf)[None]


class CapturedGraph:
    """A pass on some state's tensors, and its graph."""

    def __init__(self, decoder: Transformer, state: KVCache, graphed: bool) -> None:
        self.step = GraphedPass(decoder, state.keys, state.values)
        self.owner = weakref.ref(state)
        self.expected = -1  # the position that follows the last one
        self.used = 0  # at which call
        self.graph: torch.cuda.CUDAGraph | None = None
        self.logits: Tensor | None = None
        if graphed:
            self.step.position.fill_(len(state))
            self._capture(decoder)

    def _capture(self, decoder: Transformer) -> None:
        here, aside = torch.cuda.current_stream(), torch.cuda.Stream()
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            for _ in range(_WARM_UP):
                self.step.run(decoder)
        here.wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        # other threads may use the card meanwhile; that is no reason to give up
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self.logits = self.step.run(decoder)
        self.graph = graph

    def belongs_to(self, state: KVCache) -> bool:
        """Are these the very tensors that the state holds now?"""
        mine, its = (*self.step.keys, *self.step.values), (*state.keys, *state.values)
        return len(mine) == len(its) and all(a is b for a, b in zip(mine, its, strict=True))

    def free(self) -> bool:
        """Is the state gone that held these tensors, or has it outgrown them?"""
        owner = self.owner()
        return owner is None or not self.belongs_to(owner)

    def take_in(self, state: KVCache) -> None:
        """Move what ``state`` holds over here."""
        tokens = len(state)
        for mine, its in ((self.step.keys, state.keys), (self.step.values, state.values)):
            for target, source in zip(mine, its, strict=True):
                target[:, :tokens] = source[:, :tokens]
        state.keys[:], state.values[:] = self.step.keys, self.step.values
        self.owner, self.expected = weakref.ref(state), -1

    def clear(self, tokens: int) -> None:
        """Empty what lies behind ``tokens``. Attention gives it no weight, but 0 · NaN is NaN."""
        for tensor in (*self.step.keys, *self.step.values):
            tensor[:, tokens:].zero_()

    def __call__(self, decoder: Transformer, state: KVCache, token: int) -> Tensor:
        if len(state) != self.expected:
            self.clear(len(state))
        self.expected = len(state) + 1
        self.step.x.copy_(decoder.embed([token]))
        self.step.position.fill_(len(state))
        if self.graph is None or self.logits is None:
            return self.step.run(decoder)
        self.graph.replay()
        return self.logits.clone()  # the next replay writes over it


class GraphedDecode:
    """The ``DecodeStep`` of a decoder: finds, recycles or captures the graph of a state.

    ``graphed`` False runs the same passes without a graph: for tests on a machine without a GPU.
    """

    def __init__(self, decoder: Transformer, *, graphed: bool = True) -> None:
        self.graphed, self.failed = graphed, not can_capture(decoder)
        self.kept: list[CapturedGraph] = []  # the latest used last; none refers to the decoder, which has us
        self.calls = 0

    def __call__(self, decoder: Transformer, state: KVCache, token: int) -> Tensor | None:
        if self.failed:
            return None
        self.calls += 1
        found = self._find(state)
        if found is None:
            try:
                found = self._capture(decoder, state)
            except RuntimeError as error:
                if out_of_memory(error):
                    # not for good: what other graphs keep may be what is missing
                    log.warning("no room for a CUDA graph")
                    self.release()
                else:
                    log.warning("no CUDA graphs for this model: %s", error)
                    self.failed = True
                return None
            if found is None:
                return None
        found.used = self.calls
        return found(decoder, state, token)

    def _find(self, state: KVCache) -> CapturedGraph | None:
        """The one on this state's tensors, or a free one of its capacity, moved into."""
        found = next((kept for kept in self.kept if kept.belongs_to(state)), None)
        if found is None:
            same = (kept for kept in self.kept if kept.step.capacity == state.capacity and kept.free())
            found = next(same, None)
            if found is not None:
                found.take_in(state)
        if found is not None:
            self.kept.remove(found)
            self.kept.append(found)
        return found

    def _capture(self, decoder: Transformer, state: KVCache) -> CapturedGraph | None:
        if len(self.kept) >= MAX_GRAPHS:
            leaving = next((kept for kept in self.kept if kept.free()), self.kept[0])
            if not leaving.free() and self.calls - leaving.used < _REST:
                return None  # more states take turns than there are graphs: capturing would never end
            self.kept.remove(leaving)
        captured = CapturedGraph(decoder, state, self.graphed)
        self.kept.append(captured)
        return captured

    def release(self) -> None:
        """Let go of all graphs, and of tensors that no state holds any more."""
        self.kept.clear()


def can_capture(decoder: Transformer) -> bool:
    """Does every product run on the device alone? Blocks that the CPU expands at each use do not."""
    if decoder.config.recurrent_layers:  # whose memory is another tensor behind each pass
        return False
    linears = [decoder.head, *(linear for layer in decoder.layers for linear in layer.linears)]
    return not any(isinstance(weight, BlockWeight) for linear in linears for weight in linear.weights)
