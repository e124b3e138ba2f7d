"""A checkpoint's matrices as they come, and what every storage of one can do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from autogpt_desktop.engine.formats.dequant import dequantize, unpack
from autogpt_desktop.engine.formats.gguf import BLOCK

CHUNK = 1 << 22  # weights expanded at a time: bounds the temporary memory
_HALVES = {"F16": torch.float16, "BF16": torch.bfloat16}


@dataclass(frozen=True)
class CheckpointTensor:
    """A tensor as a checkpoint stores it: GGUF blocks, or a torch tensor of an HF folder."""

    shape: tuple[int, ...]
    type: str
    blocks: np.ndarray | None = None  # uint8, [bytes]
    tensor: Tensor | None = None
    row_order: np.ndarray | None = None  # int64 [rows]: row i of the layer is row row_order[i] here
    # bytes from … to of the blocks are not needed for now: a mapped file then leaves this process's memory
    forget: Callable[[int, int], None] | None = None

    def rows(self, start: int, stop: int) -> np.ndarray:
        """The raw blocks of some rows, uint8 [rows, bytes per row]."""
        assert self.blocks is not None
        table = self.blocks.reshape(self.shape[0], -1)
        return table[start:stop] if self.row_order is None else table[self.row_order[start:stop]]

    def dense(self) -> Tensor:
        """All values. [*shape], matrices of F16 and BF16 in that type, other blocks and vectors float32, a
        tensor as it is."""
        if self.tensor is not None:
            return self.tensor if self.row_order is None else self.tensor[torch.from_numpy(self.row_order)]
        if len(self.shape) == 1:
            assert self.blocks is not None
            values = dequantize(self.blocks, self.type, self.shape)
            return torch.from_numpy(values if self.row_order is None else values[self.row_order])
        if self.type in _HALVES:
            return torch.from_numpy(np.array(self.rows(0, self.shape[0])).view(np.int16)).view(
                _HALVES[self.type]
            )
        raw = np.ascontiguousarray(self.rows(0, self.shape[0]))
        return torch.from_numpy(dequantize(raw.reshape(-1), self.type, self.shape))


class Weight:
    """A matrix [rows, cols] in some storage."""

    rows: int
    cols: int

    def matmul(self, x: Tensor) -> Tensor:
        """``x`` [..., cols] float → x Wᵀ [..., rows], float32."""
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """Bytes of memory held (or mapped)."""
        raise NotImplementedError


def row_chunks(source: CheckpointTensor) -> list[tuple[int, int]]:
    """Where to cut a matrix so that no more than ``CHUNK`` weights are expanded at a time."""
    rows, cols = source.shape
    step = max(1, CHUNK // cols)
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


def expanded(raw: np.ndarray, type: str) -> Tensor:
    """Blocks of some rows, uint8 [rows, bytes], as float32 [rows, cols]; torch uses every core for it."""
    values, size = BLOCK[type]
    shape = (raw.shape[0], raw.shape[1] // size * values)
    part = unpack(raw.reshape(-1), type, shape)
    grouped = torch.from_numpy(part.q).view(shape[0], -1, part.group).float()
    grouped.mul_(torch.from_numpy(part.scale)[:, :, None])
    if part.min is not None:
        grouped.add_(torch.from_numpy(part.min)[:, :, None])
    return grouped.view(shape)
