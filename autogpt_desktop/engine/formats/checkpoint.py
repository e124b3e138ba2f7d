"""A checkpoint's tensors as they come, with no library for tensors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from autogpt_desktop.engine.formats.dequant import dequantize
from autogpt_desktop.engine.formats.mapped import MappedFile

FLOAT_TYPES = frozenset({"F32", "F16", "BF16"})


@dataclass(frozen=True)
class CheckpointTensor:
    """A tensor as a checkpoint stores it: blocks of a GGUF type, which the floats of an HF folder are too."""

    shape: tuple[int, ...]
    type: str  # a key of ``gguf.BLOCK``
    blocks: np.ndarray  # uint8 [bytes], a view of the mapped file
    row_order: np.ndarray | None = None  # int64 [rows]: row i of the layer is row row_order[i] here
    stored_rows: int = 0  # in the blocks, where the order leaves some out; 0: as many as the shape has
    # bytes from … to of the blocks are not needed for now: a mapped file then leaves this process's memory
    forget: Callable[[int, int], None] | None = None
    file: MappedFile | None = None  # where the blocks lie

    def raw(self) -> np.ndarray:
        """All blocks, in the order of the file. uint8 [bytes]"""
        return self.blocks

    @property
    def block_rows(self) -> int:
        """Rows that lie in the blocks."""
        return self.stored_rows or self.shape[0]

    def rows(self, start: int, stop: int) -> np.ndarray:
        """The raw blocks of some rows, uint8 [rows, bytes per row]; a view where the order is the file's."""
        table = self.raw().reshape(self.block_rows, -1)
        return table[start:stop] if self.row_order is None else table[self.row_order[start:stop]]

    def dequantize(self) -> np.ndarray:
        """All values, float32 [*shape]."""
        raw = np.ascontiguousarray(self.rows(0, self.shape[0]))
        return dequantize(raw.reshape(-1), self.type, self.shape)


def files_of(sources: Iterable[CheckpointTensor]) -> tuple[MappedFile, ...]:
    """The files that the tensors lie in."""
    return tuple(dict.fromkeys(source.file for source in sources if source.file is not None))
