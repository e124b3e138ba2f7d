"""The KV cache of one sequence, laid out for the compiled kernels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_FIRST = 256  # tokens a new cache holds before it grows
_STEP = 32  # tokens that attention looks at together: capacities are multiples of it


class NativeState:
    """Keys and values as float16 of every layer, and the token ids they belong to.

    ``cache`` [layers, 2, heads, capacity · head_dim]: the keys of a head as [capacity / 8, head_dim, 8],
    its values as [capacity, head_dim]. The first tokens of either are its first numbers, so that growing
    copies a prefix. Layers with a sliding window keep their full length, so that any trim is possible.
    """

    def __init__(self, layers: int, heads: int, head_dim: int, max_tokens: int) -> None:
        self.layers, self.heads, self.head_dim, self.max_tokens = layers, heads, head_dim, max_tokens
        self.ids: list[int] = []
        self.capacity = 0
        self.cache = np.zeros((layers, 2, heads, 0), np.float16)

    def __len__(self) -> int:
        return len(self.ids)

    def reserve(self, tokens: int) -> None:
        """Make room for ``tokens`` in all. Raises ValueError beyond ``max_tokens``."""
        if tokens > self.max_tokens:
            raise ValueError(f"{tokens} tokens do not fit a context of {self.max_tokens}")
        if tokens <= self.capacity:
            return
        wanted = min(self.max_tokens, max(_FIRST, tokens, 2 * self.capacity))
        capacity = -(-wanted // _STEP) * _STEP
        # zeros: attention multiplies what lies behind the last token by 0, so it must be a number
        grown = np.zeros((self.layers, 2, self.heads, capacity * self.head_dim), np.float16)
        used = -(-len(self) // 8) * 8 * self.head_dim
        grown[..., :used] = self.cache[..., :used]
        self.cache, self.capacity = grown, capacity  # only now: memory may have ended above

    def advance(self, ids: Sequence[int]) -> None:
        """The tokens ``ids`` are in every layer now."""
        self.ids.extend(ids)

    def trim(self, tokens: int) -> None:
        """Forget everything behind the first ``tokens``."""
        del self.ids[tokens:]

    def common_prefix(self, ids: Sequence[int]) -> int:
        """How many of ``ids`` are already here, from the start."""
        limit = min(len(ids), len(self.ids))
        return next((i for i in range(limit) if ids[i] != self.ids[i]), limit)

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
