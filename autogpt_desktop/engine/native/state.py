"""The KV cache of one sequence, laid out for the compiled kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.cache import CachedTokens, check_arrays

_STEP = 32  # tokens that attention looks at together: capacities are multiples of it
_BLOCK = 8  # tokens whose keys lie between each other


class NativeState(CachedTokens):
    """Keys and values as float16 of every layer, and the token ids they belong to.

    ``cache`` [layers, 2, heads, capacity · head_dim]: the keys of a head as [capacity / 8, head_dim, 8],
    its values as [capacity, head_dim]. The first tokens of either are its first numbers, so that growing
    copies a prefix. Layers with a sliding window keep their full length, so that any trim is possible.
    """

    def __init__(self, layers: int, heads: int, head_dim: int, max_tokens: int) -> None:
        super().__init__(layers, heads, head_dim, max_tokens)
        self.cache = np.zeros((layers, 2, heads, 0), np.float16)

    def reserve(self, tokens: int) -> None:
        """Make room for ``tokens`` in all. Raises ValueError beyond ``max_tokens``."""
        if tokens <= self.capacity and tokens <= self.max_tokens:
            return
        capacity = -(-self.capacity_for(tokens) // _STEP) * _STEP
        # zeros: attention multiplies what lies behind the last token by 0, so it must be a number
        grown = np.zeros((self.layers, 2, self.heads, capacity * self.head_dim), np.float16)
        used = self._numbers(len(self))
        grown[..., :used] = self.cache[..., :used]
        self.cache, self.capacity = grown, capacity  # only now: memory may have ended above

    def fork(self) -> NativeState:
        """A copy that goes its own way."""
        other = NativeState(self.layers, self.heads, self.head_dim, self.max_tokens)
        other.reserve(len(self))
        used = self._numbers(len(self))
        other.cache[..., :used] = self.cache[..., :used]
        other.ids = list(self.ids)
        return other

    def _numbers(self, tokens: int) -> int:
        """How many of a head's first numbers hold ``tokens``."""
        return -(-tokens // _BLOCK) * _BLOCK * self.head_dim

    def snapshot(self, tokens: int) -> dict[str, NDArray[np.generic]]:
        """The first numbers of ``cache``, zero behind the last token. Raises ValueError for too many."""
        cache = self.cache[..., : self._numbers(self._checked(tokens))].copy()
        if over := tokens % _BLOCK:
            last = cache[..., -_BLOCK * self.head_dim :]
            last[:, 0].reshape(self.layers, self.heads, self.head_dim, _BLOCK)[..., over:] = 0
            last[:, 1].reshape(self.layers, self.heads, _BLOCK, self.head_dim)[..., over:, :] = 0
        return {"cache": cache}

    def restore(self, ids: Sequence[int], arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Become what ``snapshot`` was taken of. Raises ValueError for arrays that do not fit."""
        numbers = self._numbers(len(ids))
        check_arrays(arrays, {"cache": ((self.layers, 2, self.heads, numbers), self.cache.dtype)})
        self.capacity_for(len(ids))
        self.trim(0)
        self.reserve(len(ids))
        self.cache[..., :numbers] = arrays["cache"]
        self.ids = list(ids)

    @property
    def nbytes(self) -> int:
        return self.cache.nbytes
