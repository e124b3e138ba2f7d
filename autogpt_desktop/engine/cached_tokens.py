"""What the KV caches of all back ends have in common: the token ids that they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.recurrent import Recurrent

FIRST_CAPACITY = 256  # tokens a new cache holds before it grows


class CachedTokens:
    """The tokens of one sequence, which every back end counts alike; the subclass keeps what they left."""

    layout = ""  # what the shapes of a snapshot do not tell of it
    memory: Recurrent[Any] | None = None  # of layers that remember without keys and values

    def __init__(self, layers: int, heads: int, head_dim: int, max_tokens: int) -> None:
        self.layers, self.heads, self.head_dim, self.max_tokens = layers, heads, head_dim, max_tokens
        self.ids: list[int] = []
        self.capacity = 0  # tokens there is memory for

    def __len__(self) -> int:
        return len(self.ids)

    def capacity_for(self, tokens: int) -> int:
        """The capacity to grow to so that ``tokens`` fit in all. Raises ValueError beyond ``max_tokens``."""
        if tokens > self.max_tokens:
            raise ValueError(f"{tokens} tokens do not fit a context of {self.max_tokens}")
        if tokens <= self.capacity:
            return self.capacity
        return min(self.max_tokens, max(FIRST_CAPACITY, tokens, 2 * self.capacity))

    def advance(self, ids: list[int]) -> None:
        """The tokens ``ids`` are in every layer now."""
        self.ids.extend(ids)
        if self.memory is not None:
            self.memory.advance()

    @property
    def recurrent(self) -> bool:
        return self.memory is not None

    def reach(self, tokens: int) -> int:
        """What ``trim(tokens)`` would leave."""
        tokens = min(tokens, len(self.ids))
        return tokens if self.memory is None else self.memory.reach(tokens, len(self.ids))

    def mark(self, *, draft: bool = False) -> None:
        """Make the end a place that ``trim`` can come back to."""
        if self.memory is not None:
            self.memory.mark(len(self.ids), draft)

    def trim(self, tokens: int) -> None:
        """Forget everything behind the first ``tokens``, or behind the last marked place before them."""
        if self.memory is not None:
            tokens = self.memory.trim(tokens, len(self.ids))
        del self.ids[tokens:]

    def _checked(self, tokens: int) -> int:
        """``tokens``, if a snapshot can have so many."""
        if not 0 <= tokens <= len(self.ids):
            raise ValueError(f"a snapshot of {tokens} tokens of {len(self.ids)}")
        return tokens

    def common_prefix(self, ids: Sequence[int]) -> int:
        """How many of ``ids`` are already here, from the start."""
        limit = min(len(ids), len(self.ids))
        return next((i for i in range(limit) if ids[i] != self.ids[i]), limit)


def check_arrays(
    arrays: Mapping[str, NDArray[np.generic]], wanted: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]
) -> None:
    """Raise ValueError unless ``arrays`` have exactly the names, shapes and types that are ``wanted``."""
    found = {name: (array.shape, array.dtype) for name, array in arrays.items()}
    if found != dict(wanted):
        raise ValueError(f"a snapshot of another kind: {found} instead of {dict(wanted)}")
