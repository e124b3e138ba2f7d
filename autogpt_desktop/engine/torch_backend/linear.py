"""Linear layers whose weights stay quantized in memory.

How a checkpoint's tensor is kept follows from its type and the kind of device:

=============  ===================================  ================================================
storage        for                                  kept as
=============  ===================================  ================================================
Int4Weight     Q4_0, Q4_1, Q4_K                     torch's packed int4 with a scale and a zero per
                                                    32 weights: the file's own numbers, scales
                                                    rounded to bfloat16
TwoInt4Weight  CUDA: every other quantized type     two packed int4 matrices side by side, 8 bits
                                                    with a scale and a zero per 32 weights
Int8Weight     Q5_0, Q5_1, Q5_K, Q6_K, Q8_0; all    int8 with one scale per row: requantized, error
               quantized types on MPS and on GPUs   about a tenth of the file's own rounding
               without the int4 product
BlockWeight    CPU: Q2_K, Q3_K, IQ4, MXFP4, odd     the file's blocks, memory-mapped, expanded at
               shapes                               each use
DenseWeight    F32, F16, BF16; GPUs: odd shapes     a plain tensor
=============  ===================================  ================================================

The packed products are in ``packed``; on CPU they are fast with bfloat16 activations only, so
activations are rounded to bfloat16 on the way in.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from autogpt_desktop.engine.formats.adapter import LowRank
from autogpt_desktop.engine.formats.checkpoint import FLOAT_TYPES, CheckpointTensor
from autogpt_desktop.engine.formats.dequant import dequantize
from autogpt_desktop.engine.torch_backend.packed_int import (
    GROUP,
    Int4Weight,
    Int8Weight,
    TwoInt4Weight,
    packed_works,
    product_dtype,
)
from autogpt_desktop.engine.torch_backend.weight import CHUNK, Weight, dense

INT4_TYPES = frozenset({"Q4_0", "Q4_1", "Q4_K"})
INT8_TYPES = frozenset({"Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q8_0"})


class DenseWeight(Weight):
    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.rows, self.cols = tensor.shape

    def matmul(self, x: Tensor) -> Tensor:
        return F.linear(x.to(self.tensor.dtype), self.tensor).float()

    @property
    def nbytes(self) -> int:
        return self.tensor.nbytes


class BlockWeight(Weight):
    """The file's own blocks, expanded a few rows at a time whenever they are needed: exact and slow."""

    def __init__(self, sources: Sequence[CheckpointTensor], device: torch.device) -> None:
        self.sources, self.device = tuple(sources), device
        self.rows, self.cols = sum(s.shape[0] for s in sources), sources[0].shape[1]

    def matmul(self, x: Tensor) -> Tensor:
        step = max(1, CHUNK // self.cols)
        parts = []
        for source in self.sources:
            for start in range(0, source.shape[0], step):
                raw = np.ascontiguousarray(source.rows(start, min(start + step, source.shape[0])))
                values = dequantize(raw.reshape(-1), source.type, (raw.shape[0], self.cols))
                parts.append(F.linear(x.float(), torch.from_numpy(values).to(self.device)))
        return torch.cat(parts, dim=-1)

    @property
    def nbytes(self) -> int:
        return sum(s.blocks.nbytes for s in self.sources)


def storage_kind(type: str, cols: int, device: str = "cpu") -> str:
    """The storage that a tensor of this type gets on a kind of device: see the table above."""
    if type in FLOAT_TYPES:
        return "dense"
    if device == "cpu":
        if cols % GROUP or type not in INT4_TYPES | INT8_TYPES:
            return "blocks"
    elif cols % GROUP:
        return "dense"
    if type in INT4_TYPES and packed_works("int4", device):
        return "int4"
    return "two-int4" if device == "cuda" and packed_works("int4", device) else "int8"


def store(sources: Sequence[CheckpointTensor], device: torch.device, *, float32: bool = False) -> Weight:
    """Stack matrices of one storage kind on top of each other and store them on ``device``.

    ``float32`` expands everything: for checking, never for use (it takes 6 to 8 times the memory).
    """
    kind = "dense" if float32 else storage_kind(sources[0].type, sources[0].shape[1], device.type)
    if kind == "dense":
        parts = [dense(s) for s in sources]
        if float32:
            parts = [p.float() for p in parts]
        elif sources[0].type not in FLOAT_TYPES:
            parts = [p.to(product_dtype(device)) for p in parts]
        elif device.type == "cpu" and parts[0].dtype == torch.float16:
            # CPUs multiply float16 some fifty times slower than bfloat16
            parts = [p.bfloat16() for p in parts]
        return DenseWeight((parts[0] if len(parts) == 1 else torch.cat(parts)).contiguous().to(device))
    if kind == "int4":
        return Int4Weight(sources, device)
    if kind == "two-int4":
        return TwoInt4Weight(sources, device)
    if kind == "int8":
        return Int8Weight(sources, device, packed=packed_works("int8", device.type))
    return BlockWeight(sources, device)


class QuantLinear:
    """y = x Wᵀ + b, whatever W is stored as. One layer may be several of the file's matrices in a row."""

    def __init__(
        self,
        sources: Sequence[CheckpointTensor],
        bias: Tensor | None,
        device: torch.device,
        *,
        float32: bool = False,
    ) -> None:
        groups: list[list[CheckpointTensor]] = []
        for source in sources:
            kind = storage_kind(source.type, source.shape[1], device.type)
            if (
                groups
                and storage_kind(groups[-1][0].type, source.shape[1], device.type) == kind
                and (kind != "dense" or groups[-1][0].type == source.type)
            ):
                groups[-1].append(source)
            else:
                groups.append([source])
        self.weights = [store(group, device, float32=float32) for group in groups]
        self.bias = None if bias is None else bias.float().to(device)

    @classmethod
    def of(cls, weights: Sequence[Weight], bias: Tensor | None) -> QuantLinear:
        """Of matrices that are stored already, one on top of the other."""
        made = cls.__new__(cls)
        made.weights, made.bias = list(weights), bias
        return made

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` [tokens, cols] → [tokens, rows], float32; while it trains in the type of the product."""
        parts = [weight.matmul(x) for weight in self.weights]
        y = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
        return y if self.bias is None else y + self.bias.to(y.dtype)

    @property
    def nbytes(self) -> int:
        return sum(weight.nbytes for weight in self.weights)


class LowRankLinear:
    """A linear layer and what an adapter adds to it: y = x Wᵀ + b + (x Aᵀ)(s B)ᵀ (Hu et al., 2021).

    ``parts``: of each matrix in the layer its rows and what is added, None for nothing."""

    def __init__(
        self, base: QuantLinear, parts: Sequence[tuple[int, LowRank | None]], device: torch.device
    ) -> None:
        self.base = base
        self.a = torch.from_numpy(np.concatenate([low.a for _, low in parts if low is not None])).to(device)
        self.parts: list[tuple[slice, slice, Tensor]] = []  # rows, columns of x Aᵀ, (s B)ᵀ
        row = column = 0
        for rows, low in parts:
            if low is not None:
                rank = len(low.a)
                b = torch.from_numpy(np.ascontiguousarray((low.b * np.float32(low.scale)).T)).to(device)
                self.parts.append((slice(row, row + rows), slice(column, column + rank), b))
                column += rank
            row += rows

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` [tokens, cols] → [tokens, rows], float32."""
        y, low = self.base(x), F.linear(x.float(), self.a)
        for rows, columns, b in self.parts:
            y[:, rows] += low[:, columns] @ b
        return y

    @property
    def nbytes(self) -> int:
        return self.base.nbytes + self.a.nbytes + sum(b.nbytes for _, _, b in self.parts)


class Embedding:
    """Token vectors, read from the file's own blocks row by row: exact, and no second copy in memory."""

    def __init__(self, source: CheckpointTensor, device: torch.device) -> None:
        self.source, self.device = source, device

    def __call__(self, ids: Tensor) -> Tensor:
        """``ids`` [tokens] int64 on any device → [tokens, hidden_size] float32."""
        table = self.source.blocks.reshape(self.source.shape[0], -1)
        raw = np.ascontiguousarray(table[ids.cpu().numpy()])
        values = dequantize(raw.reshape(-1), self.source.type, (len(raw), self.source.shape[1]))
        return torch.from_numpy(values).to(self.device)
