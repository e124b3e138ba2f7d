"""The KV cache of one sequence: what attention has seen, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from autogpt_desktop.engine.cached_tokens import FIRST_CAPACITY, CachedTokens, check_arrays
from autogpt_desktop.engine.recurrent import MEMORY, PLACES, Recurrent, check_places


class KVCache(CachedTokens):
    """Keys and values of every layer, and the token ids they belong to.

    Layers with a sliding window keep their full length too, so that the cache can be trimmed at
    any token. Memory grows by doubling, up to the context length, with what is really used.
    """

    def __init__(
        self,
        layers: int,
        heads: int,
        head_dim: int,
        max_tokens: int,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        recurrent: tuple[int, int] = (0, 0),
    ) -> None:
        """``layers``: those that attend. ``recurrent``: those that do not, and the numbers each keeps."""
        super().__init__(layers, heads, head_dim, max_tokens)
        self.dtype, self.device = dtype, torch.device(device)
        self.memory: Recurrent[Tensor] | None = None
        if recurrent[0]:
            self.memory = Recurrent(lambda: torch.zeros(recurrent, device=self.device), Tensor.clone)
        self.keys: list[Tensor] = []  # per layer [heads, capacity, head_dim]
        self.values: list[Tensor] = []

    def capacity_for(self, tokens: int) -> int:
        """As above, in powers of two: tensors that come in few sizes can be handed on (``cuda_graph``)."""
        capacity = super().capacity_for(tokens)
        if capacity == self.capacity:
            return capacity
        return min(self.max_tokens, max(FIRST_CAPACITY, 1 << (capacity - 1).bit_length()))

    def reserve(self, tokens: int) -> None:
        """Make room for ``tokens`` in all. Raises ValueError beyond ``max_tokens``."""
        capacity = self.capacity_for(tokens)
        if capacity == self.capacity:
            return
        empty = torch.empty(self.heads, 0, self.head_dim, dtype=self.dtype, device=self.device)
        for tensors in (self.keys, self.values):
            tensors.extend([empty] * (self.layers - len(tensors)))
            for layer, old in enumerate(tensors):
                # one at a time, so that two copies of the whole never stand side by side; where memory
                # ends half-way, what was there is still whole
                if old.shape[1] < capacity:
                    tensors[layer] = self._grown(old, capacity)
        self.capacity = capacity

    def _grown(self, old: Tensor, capacity: int) -> Tensor:
        new = torch.empty(self.heads, capacity, self.head_dim, dtype=self.dtype, device=self.device)
        new[:, : len(self)] = old[:, : len(self)]
        return new

    def update_and_fetch(self, layer: int, keys: Tensor, values: Tensor) -> tuple[Tensor, Tensor]:
        """Write the new ``keys`` and ``values`` [heads, new tokens, head_dim] behind the old ones.

        Returns views of all of them, [heads, tokens, head_dim]. The tokens count only once
        ``advance`` is called, so that a pass that is given up half-way leaves the cache as it was.
        """
        start, stop = len(self), len(self) + keys.shape[1]
        self.keys[layer][:, start:stop] = keys
        self.values[layer][:, start:stop] = values
        return self.keys[layer][:, :stop], self.values[layer][:, :stop]

    def fork(self, room: int = 0) -> KVCache:
        """A copy that goes its own way, with room for ``room`` more tokens."""
        other = KVCache(
            self.layers, self.heads, self.head_dim, self.max_tokens, dtype=self.dtype, device=self.device
        )
        other.reserve(min(self.max_tokens, len(self) + room))
        for mine, copy in ((self.keys, other.keys), (self.values, other.values)):
            for source, target in zip(mine, copy, strict=False):
                target[:, : len(self)] = source[:, : len(self)]
        other.memory = None if self.memory is None else self.memory.fork()
        other.ids = list(self.ids)
        return other

    def snapshot(self, tokens: int) -> dict[str, NDArray[np.generic]]:
        """ "keys" and "values" [layers, heads, tokens, head_dim]; bfloat16 as its bits in uint16. With
        recurrent layers their memory, as ``recurrent`` has it.

        Raises ValueError for more tokens than there are, or whose memory is not kept.
        """
        tokens = self._checked(tokens)
        arrays: dict[str, NDArray[np.generic]] = {}
        for name, tensors in (("keys", self.keys), ("values", self.values)):
            shape = (self.layers, self.heads, tokens, self.head_dim)
            whole = torch.stack([t[:, :tokens] for t in tensors]) if tensors else torch.empty(shape)
            arrays[name] = self._as_bits(whole.to(self.dtype)).cpu().numpy()
        if self.memory is not None:
            copies = self.memory.snapshot(tokens, len(self))
            arrays[PLACES] = np.array([place for place, _ in copies], np.int64)
            arrays[MEMORY] = torch.stack([copy for _, copy in copies]).cpu().numpy()
        return arrays

    def _as_bits(self, tensor: Tensor) -> Tensor:
        return tensor.view(torch.uint16) if self.dtype == torch.bfloat16 else tensor  # NumPy has no bfloat16

    @torch.inference_mode()
    def restore(self, ids: Sequence[int], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Become what ``snapshot`` was taken of. Raises ValueError for arrays that do not fit."""
        shape = (self.layers, self.heads, len(ids), self.head_dim)
        wanted = self._as_bits(torch.empty(0, dtype=self.dtype)).numpy().dtype
        own = {name: array for name, array in arrays.items() if name not in (PLACES, MEMORY)}
        check_arrays(own if self.memory else arrays, {"keys": (shape, wanted), "values": (shape, wanted)})
        places: list[int] = []
        if self.memory is not None:
            places = check_places(arrays, len(ids), tuple(self.memory.now.shape))
        self.capacity_for(len(ids))
        self.trim(0)
        self.reserve(len(ids))
        for name, tensors in (("keys", self.keys), ("values", self.values)):
            whole = torch.from_numpy(np.ascontiguousarray(arrays[name])).view(self.dtype)
            for layer, target in enumerate(tensors):
                target[:, : len(ids)] = whole[layer]
        if self.memory is not None:
            copies = torch.tensor(arrays[MEMORY], device=self.device).unbind()
            self.memory.restore([*zip(places, map(Tensor.clone, copies), strict=True)])
        self.ids = list(ids)

    @property
    def nbytes(self) -> int:
        own = sum(t.nbytes for t in (*self.keys, *self.values))
        return own + (self.memory.nbytes if self.memory else 0)
