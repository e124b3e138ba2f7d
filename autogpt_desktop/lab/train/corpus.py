"""Text as token ids, as training reads it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Corpus:
    """Documents one behind the other, each closed by the end token. Arrays may be mapped files."""

    train: NDArray[np.uint16] | NDArray[np.uint32]  # [tokens]
    held_out: NDArray[np.uint16] | NDArray[np.uint32]  # [tokens], of other documents
    held_out_bytes: int  # of UTF-8 that ``held_out`` stands for: bits per byte need it
    vocab_size: int
    end_token: int

    def __post_init__(self) -> None:
        if self.vocab_size < 1 or not 0 <= self.end_token < self.vocab_size:
            raise ValueError("a vocabulary needs its end token")
