"""A checkpoint's matrices as torch tensors, and what every storage of one can do."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.dequant import unpack
from autogpt_desktop.engine.formats.gguf import BLOCK

CHUNK = 1 << 22  # weights expanded at a time: bounds the temporary memory
_FLOATS = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}


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


def dense(source: CheckpointTensor) -> Tensor:
    """All values, [*shape] on the CPU: floats in their own type, other blocks as float32.

    Floats of a file that is mapped for writing (each process has pages of its own then) are not copied.
    """
    if source.type not in _FLOATS:
        return torch.from_numpy(source.dequantize())
    raw = source.rows(0, source.shape[0])
    if not raw.flags.writeable:  # torch knows no tensors that must not be written
        raw = raw.copy()
    return torch.from_numpy(raw).view(_FLOATS[source.type]).view(source.shape)


def row_chunks(source: CheckpointTensor) -> list[tuple[int, int]]:
    """Where to cut a matrix so that no more than ``CHUNK`` weights are expanded at a time."""
    rows, cols = source.shape
    step = max(1, CHUNK // cols)
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


def expanded(raw: np.ndarray, type: str) -> Tensor:
    """Blocks of some rows, uint8 [rows, bytes], as float32 [rows, cols]; torch uses every core for it."""
    if type in _FLOATS:
        return torch.from_numpy(raw.copy()).view(_FLOATS[type]).float()  # callers write into it
    values, size = BLOCK[type]
    shape = (raw.shape[0], raw.shape[1] // size * values)
    part = unpack(raw.reshape(-1), type, shape)
    grouped = torch.from_numpy(part.q).view(shape[0], -1, part.group).float()
    grouped.mul_(torch.from_numpy(part.scale)[:, :, None])
    if part.min is not None:
        grouped.add_(torch.from_numpy(part.min)[:, :, None])
    return grouped.view(shape)
