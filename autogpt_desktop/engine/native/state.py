"""The KV cache of one sequence, laid out for the compiled kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.cached_tokens import CachedTokens, check_arrays
from autogpt_desktop.engine.recurrent import MEMORY, PLACES, Recurrent, check_places

CacheType = Literal["float16", "int8"]
_STEP = 32  # capacities are multiples of it, for the kernels
_BLOCK = 16  # tokens whose keys lie between each other


def cache_bytes(kind: CacheType, head_dim: int) -> int:
    """Bytes of the key and the value of one token, layer and head."""
    return 2 * (head_dim + 4) if kind == "int8" else 4 * head_dim


class NativeState(CachedTokens):
    """Keys and values of every layer, and the token ids they belong to.

    ``cache`` [layers, 2, heads, capacity · head_dim], float16 or int8: the keys of a head as
    [capacity / 16, head_dim, 16], its values as [capacity, head_dim]. For int8, x = scale · q with
    ``scales`` [layers, 2, heads, capacity], float32. The first tokens of any are its first numbers, so that
    growing copies a prefix. Layers with a sliding window keep their full length, so that any trim is
    possible.
    """

    layout = f"keys by {_BLOCK}"

    def __init__(
        self,
        layers: int,
        heads: int,
        head_dim: int,
        max_tokens: int,
        kind: CacheType = "float16",
        recurrent: tuple[int, int] = (0, 0),
    ) -> None:
        """``layers``: those that attend. ``recurrent``: those that do not, and the numbers each keeps."""
        super().__init__(layers, heads, head_dim, max_tokens)
        self.kind: CacheType = kind
        self.memory: Recurrent[NDArray[np.float32]] | None = None
        if recurrent[0]:
            self.memory = Recurrent(lambda: np.zeros(recurrent, np.float32), np.copy)
        self.cache, self.scales = self._room(0)

    def _room(self, capacity: int) -> tuple[NDArray[np.generic], NDArray[np.float32] | None]:
        # zeros: attention multiplies what lies behind the last token by 0, so it must be a number
        shape = self.layers, 2, self.heads, capacity
        cache = np.zeros((*shape[:3], capacity * self.head_dim), self.kind)
        return cache, np.zeros(shape, np.float32) if self.kind == "int8" else None

    def reserve(self, tokens: int) -> None:
        """Make room for ``tokens`` in all. Raises ValueError beyond ``max_tokens``."""
        if tokens <= self.capacity and tokens <= self.max_tokens:
            return
        capacity = -(-self.capacity_for(tokens) // _STEP) * _STEP
        room = self._room(capacity)
        self._copy_to(*room)
        (self.cache, self.scales), self.capacity = room, capacity  # only now: memory may have ended above

    def _copy_to(self, cache: NDArray[np.generic], scales: NDArray[np.float32] | None) -> None:
        used = self._numbers(len(self))
        cache[..., :used] = self.cache[..., :used]
        if scales is not None and self.scales is not None:
            scales[..., : len(self)] = self.scales[..., : len(self)]

    def fork(self, room: int = 0) -> NativeState:
        """A copy that goes its own way, with room for ``room`` more tokens."""
        other = NativeState(self.layers, self.heads, self.head_dim, self.max_tokens, self.kind)
        other.reserve(min(self.max_tokens, len(self) + room))
        self._copy_to(other.cache, other.scales)
        other.memory = None if self.memory is None else self.memory.fork()
        other.ids = list(self.ids)
        return other

    def _numbers(self, tokens: int) -> int:
        """How many of a head's first numbers hold ``tokens``."""
        return -(-tokens // _BLOCK) * _BLOCK * self.head_dim

    def snapshot(self, tokens: int) -> dict[str, NDArray[np.generic]]:
        """The first numbers of ``cache``, zero behind the last token, and the first of ``scales``. With
        recurrent layers their memory, as ``recurrent`` has it.

        Raises ValueError for more tokens than there are, or whose memory is not kept.
        """
        cache = self.cache[..., : self._numbers(self._checked(tokens))].copy()
        if over := tokens % _BLOCK:
            last = cache[..., -_BLOCK * self.head_dim :]
            last[:, 0].reshape(self.layers, self.heads, self.head_dim, _BLOCK)[..., over:] = 0
            last[:, 1].reshape(self.layers, self.heads, _BLOCK, self.head_dim)[..., over:, :] = 0
        arrays: dict[str, NDArray[np.generic]] = {"cache": cache}
        if self.scales is not None:
            arrays["scales"] = self.scales[..., :tokens].copy()
        if self.memory is not None:
            copies = self.memory.snapshot(tokens, len(self))
            arrays[PLACES] = np.array([place for place, _ in copies], np.int64)
            arrays[MEMORY] = np.stack([copy for _, copy in copies])
        return arrays

    def restore(self, ids: Sequence[int], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Become what ``snapshot`` was taken of. Raises ValueError for arrays that do not fit."""
        numbers, shape = self._numbers(len(ids)), (self.layers, 2, self.heads)
        wanted = {"cache": ((*shape, numbers), self.cache.dtype)}
        if self.scales is not None:
            wanted["scales"] = ((*shape, len(ids)), self.scales.dtype)
        own = {name: array for name, array in arrays.items() if name not in (PLACES, MEMORY)}
        check_arrays(own if self.memory else arrays, wanted)
        places: list[int] = []
        if self.memory is not None:
            places = check_places(arrays, len(ids), self.memory.now.shape)
        self.capacity_for(len(ids))
        self.trim(0)
        self.reserve(len(ids))
        self.cache[..., :numbers] = arrays["cache"]
        if self.scales is not None:
            self.scales[..., : len(ids)] = arrays["scales"]
        if self.memory is not None:
            self.memory.restore([*zip(places, map(np.copy, arrays[MEMORY]), strict=True)])
        self.ids = list(ids)

    @property
    def nbytes(self) -> int:
        own = self.cache.nbytes + (0 if self.scales is None else self.scales.nbytes)
        return own + (self.memory.nbytes if self.memory else 0)
