"""The KV cache of one sequence, laid out for the compiled kernels."""

from __future__ import annotations

import numpy as np

from autogpt_desktop.engine.cache import CachedTokens

_STEP = 32  # tokens that attention looks at together: capacities are multiples of it


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
        used = -(-len(self) // 8) * 8 * self.head_dim
        grown[..., :used] = self.cache[..., :used]
        self.cache, self.capacity = grown, capacity  # only now: memory may have ended above

    def fork(self) -> NativeState:
        """A copy that goes its own way."""
        other = NativeState(self.layers, self.heads, self.head_dim, self.max_tokens)
        other.reserve(len(self))
        used = -(-len(self) // 8) * 8 * self.head_dim
        other.cache[..., :used] = self.cache[..., :used]
        other.ids = list(self.ids)
        return other

    @property
    def nbytes(self) -> int:
        return self.cache.nbytes
