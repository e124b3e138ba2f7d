"""In which order a corpus is read: the same for the same seed, wherever reading begins."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


class Windows:
    """Stretches of ``context`` tokens in random order, each once in an epoch; other cuts in each epoch.

    Window ``number`` is always the same, so that one number is all that a checkpoint has to keep.
    """

    def __init__(self, tokens: NDArray[np.generic], context: int, seed: int) -> None:
        self.tokens, self.seed = tokens, seed
        self.context = max(1, min(context, len(tokens) - 1))
        self.count = max(1, (len(tokens) - 1) // self.context)  # in an epoch
        self._epoch, self._order, self._shift = -1, np.empty(0, np.int64), 0

    def start(self, number: int) -> int:
        """Where window ``number`` begins."""
        epoch, place = divmod(number, self.count)
        if epoch != self._epoch:
            random = np.random.default_rng([self.seed, epoch])
            self._order, self._epoch = random.permutation(self.count), epoch
            spare = len(self.tokens) - 1 - self.count * self.context
            # the first cut moves by up to a window; what it leaves before it is read in other epochs
            self._shift = (
                int(random.integers(0, spare + 1))
                if self.count < 2
                else int(random.integers(0, self.context))
            )
        start = int(self._order[place]) * self.context + self._shift
        return min(start, len(self.tokens) - 1 - self.context)

    def batch(self, numbers: list[int], device: torch.device) -> tuple[Tensor, Tensor]:
        """Tokens and what follows each of them, [windows, context] int64."""
        size = self.context + 1
        rows = np.stack([self.tokens[start : start + size] for start in map(self.start, numbers)])
        ids = torch.from_numpy(rows.astype(np.int64)).to(device)
        return ids[:, :-1].contiguous(), ids[:, 1:].contiguous()
