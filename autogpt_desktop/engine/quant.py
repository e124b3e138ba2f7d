"""Linear layers whose weights stay quantised in memory.

A checkpoint's tensor becomes one of four kinds of storage, by its own type and nothing else:

===========  ============================  ==========================================================
storage      for                           kept as
===========  ============================  ==========================================================
Int4Weight   Q4_0, Q4_1, Q4_K              torch's packed int4 with a scale and a zero per 32 weights:
                                           the file's own numbers, scales rounded to bfloat16
Int8Weight   Q5_0, Q5_1, Q5_K, Q6_K, Q8_0  int8 with one scale per row: requantised, error about a tenth
                                           of the file's own rounding
BlockWeight  Q2_K, Q3_K, odd shapes        the file's blocks, memory-mapped, expanded at each use
DenseWeight  F32, F16, BF16                a plain tensor
===========  ============================  ==========================================================

The packed ops are ``torch._weight_int4pack_mm`` (with a CPU twin) and ``torch._weight_int8pack_mm``;
on CPU they are fast with bfloat16 activations only, so activations are rounded to bfloat16 at their door.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from autogpt_desktop.engine.dequant import dequantize, unpack
from autogpt_desktop.engine.gguf import BLOCK

INT4_TYPES = frozenset({"Q4_0", "Q4_1", "Q4_K"})
INT8_TYPES = frozenset({"Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q8_0"})
DENSE_TYPES = frozenset({"F32", "F16", "BF16"})
GROUP = 32  # weights that share a scale in Int4Weight
_ROW_MULTIPLE = 16  # the packed CPU ops need whole tiles of rows; int8 reads past the end without them
_CHUNK = 1 << 22  # weights expanded at a time while packing: bounds the temporary memory


@dataclass(frozen=True)
class Source:
    """A tensor as a checkpoint stores it: GGUF blocks, or a torch tensor of an HF folder."""

    shape: tuple[int, ...]
    type: str
    blocks: np.ndarray | None = None  # uint8, [bytes]
    tensor: Tensor | None = None
    row_order: np.ndarray | None = None  # int64 [rows]: row i of the layer is row row_order[i] here

    def rows(self, start: int, stop: int) -> np.ndarray:
        """The raw blocks of some rows, uint8 [rows, bytes per row]."""
        assert self.blocks is not None
        table = self.blocks.reshape(self.shape[0], -1)
        return table[start:stop] if self.row_order is None else table[self.row_order[start:stop]]

    def dense(self) -> Tensor:
        """All values. [*shape], float32 for blocks, else the tensor's own type."""
        if self.tensor is not None:
            return self.tensor if self.row_order is None else self.tensor[torch.from_numpy(self.row_order)]
        if len(self.shape) == 1:
            assert self.blocks is not None
            values = dequantize(self.blocks, self.type, self.shape)
            return torch.from_numpy(values if self.row_order is None else values[self.row_order])
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

    def __init__(self, sources: Sequence[Source], device: torch.device) -> None:
        self.sources, self.device = tuple(sources), device
        self.rows, self.cols = sum(s.shape[0] for s in sources), sources[0].shape[1]

    def matmul(self, x: Tensor) -> Tensor:
        step = max(1, _CHUNK // self.cols)
        parts = []
        for source in self.sources:
            for start in range(0, source.shape[0], step):
                raw = np.ascontiguousarray(source.rows(start, min(start + step, source.shape[0])))
                values = dequantize(raw.reshape(-1), source.type, (raw.shape[0], self.cols))
                parts.append(F.linear(x.float(), torch.from_numpy(values).to(self.device)))
        return torch.cat(parts, dim=-1)

    @property
    def nbytes(self) -> int:
        return sum(s.blocks.nbytes for s in self.sources if s.blocks is not None)


class Int4Weight(Weight):
    """w = (q - 8) * scale + zero with q in 0…15, in groups of 32 along the columns."""

    def __init__(self, sources: Sequence[Source], device: torch.device) -> None:
        self.rows, self.cols = sum(s.shape[0] for s in sources), sources[0].shape[1]
        padded = -(-self.rows // _ROW_MULTIPLE) * _ROW_MULTIPLE
        quants = torch.zeros(padded, self.cols, dtype=torch.uint8)
        scale_zero = torch.zeros(self.cols // GROUP, padded, 2, dtype=torch.bfloat16)
        row = 0
        for source in sources:
            for start, stop in _row_chunks(source):
                raw = np.ascontiguousarray(source.rows(start, stop))
                part = unpack(raw.reshape(-1), source.type, (stop - start, self.cols))
                here = slice(row, row + stop - start)
                # Q4_0 counts from -8; the packed op wants 0…15
                shift = 8 if part.q.dtype == np.int8 else 0
                quants[here] = torch.from_numpy((part.q + shift).astype(np.uint8))
                scale = torch.from_numpy(part.scale)
                zero = (8 - shift) * scale
                if part.min is not None:
                    zero = zero + torch.from_numpy(part.min)
                scale_zero[:, here, 0] = scale.T.to(torch.bfloat16)
                scale_zero[:, here, 1] = zero.T.to(torch.bfloat16)
                row += stop - start
        self.on_cpu = device.type == "cpu"
        if self.on_cpu:
            self.packed = torch._convert_weight_to_int4pack_for_cpu(quants.int(), 1)
        else:
            nibbles = (quants[:, ::2] << 4 | quants[:, 1::2]).to(device)
            tiles = next(t for t in (8, 4, 2) if self.cols % (16 * t) == 0)
            self.packed = torch._convert_weight_to_int4pack(nibbles, tiles)
        self.scale_zero = scale_zero.to(device)

    def matmul(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, self.cols).bfloat16()
        op = torch._weight_int4pack_mm_for_cpu if self.on_cpu else torch._weight_int4pack_mm
        y = op(flat, self.packed, GROUP, self.scale_zero)[:, : self.rows]
        return y.float().view(*x.shape[:-1], self.rows)

    @property
    def nbytes(self) -> int:
        return self.packed.nbytes + self.scale_zero.nbytes


class Int8Weight(Weight):
    """w = q * scale with q in -127…127 and one scale per row."""

    def __init__(self, sources: Sequence[Source], device: torch.device) -> None:
        self.rows, self.cols = sum(s.shape[0] for s in sources), sources[0].shape[1]
        padded = -(-self.rows // _ROW_MULTIPLE) * _ROW_MULTIPLE
        quants = torch.zeros(padded, self.cols, dtype=torch.int8)
        scales = torch.zeros(padded, dtype=torch.bfloat16)
        row = 0
        for source in sources:
            for start, stop in _row_chunks(source):
                raw = np.ascontiguousarray(source.rows(start, stop))
                w = _expanded(raw, source.type)
                # round the scale before the weights, so that its rounding is no error of its own
                scale = (w.abs().amax(dim=1) / 127).clamp_min(1e-12).to(torch.bfloat16)
                here = slice(row, row + stop - start)
                quants[here] = w.div_(scale.float()[:, None]).round_().clamp_(-127, 127).to(torch.int8)
                scales[here] = scale
                row += stop - start
        self.quants, self.scales = quants.to(device), scales.to(device)

    def matmul(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, self.cols).bfloat16()
        if has_packed_product("int8", self.quants.device.type):
            y = torch._weight_int8pack_mm(flat, self.quants, self.scales)
        else:
            y = F.linear(flat, self.quants.bfloat16()) * self.scales
        y = y[:, : self.rows]
        return y.float().view(*x.shape[:-1], self.rows)

    @property
    def nbytes(self) -> int:
        return self.quants.nbytes + self.scales.nbytes


def _expanded(raw: np.ndarray, type: str) -> Tensor:
    """Blocks of some rows, uint8 [rows, bytes], as float32 [rows, cols]; torch uses every core for it."""
    values, size = BLOCK[type]
    shape = (raw.shape[0], raw.shape[1] // size * values)
    part = unpack(raw.reshape(-1), type, shape)
    grouped = torch.from_numpy(part.q).view(shape[0], -1, part.group).float()
    grouped.mul_(torch.from_numpy(part.scale)[:, :, None])
    if part.min is not None:
        grouped.add_(torch.from_numpy(part.min)[:, :, None])
    return grouped.view(shape)


def _row_chunks(source: Source) -> list[tuple[int, int]]:
    rows, cols = source.shape
    step = max(1, _CHUNK // cols)
    return [(start, min(start + step, rows)) for start in range(0, rows, step)]


@cache
def has_packed_product(kind: str, device: str) -> bool:
    """Does torch's packed product for "int4" or "int8" run here? Older cards lack one or both."""
    x = torch.ones(1, 64, dtype=torch.bfloat16, device=device)
    try:
        if kind == "int8":
            ones = torch.ones(16, dtype=torch.bfloat16, device=device)
            torch._weight_int8pack_mm(x, torch.ones(16, 64, dtype=torch.int8, device=device), ones)
        elif device == "cpu":
            quants = torch.ones(16, 64, dtype=torch.int32)
            packed = torch._convert_weight_to_int4pack_for_cpu(quants, 1)
            scale_zero = torch.ones(2, 16, 2, dtype=torch.bfloat16)
            torch._weight_int4pack_mm_for_cpu(x, packed, GROUP, scale_zero)
        else:
            quants = torch.ones(16, 32, dtype=torch.uint8, device=device)
            packed = torch._convert_weight_to_int4pack(quants, 4)
            scale_zero = torch.ones(2, 16, 2, dtype=torch.bfloat16, device=device)
            torch._weight_int4pack_mm(x, packed, GROUP, scale_zero)
    except (RuntimeError, NotImplementedError):
        return False
    return True


def storage_kind(type: str, cols: int) -> str:
    """Which storage a tensor of this type gets: "int4", "int8", "blocks" or "dense"."""
    if type in DENSE_TYPES:
        return "dense"
    if cols % GROUP == 0:
        if type in INT4_TYPES:
            return "int4"
        if type in INT8_TYPES:
            return "int8"
    return "blocks"


def store(sources: Sequence[Source], device: torch.device, *, float32: bool = False) -> Weight:
    """Stack matrices of one storage kind on top of each other and store them on ``device``.

    ``float32`` expands everything: for checking, never for use (it takes 6 to 8 times the memory).
    """
    kind = "dense" if float32 else storage_kind(sources[0].type, sources[0].shape[1])
    if kind == "dense":
        parts = [s.dense() for s in sources]
        if float32:
            parts = [p.float() for p in parts]
        elif device.type == "cpu" and parts[0].dtype == torch.float16:
            # CPUs multiply float16 some fifty times slower than bfloat16
            parts = [p.bfloat16() for p in parts]
        return DenseWeight((parts[0] if len(parts) == 1 else torch.cat(parts)).contiguous().to(device))
    if kind == "int4" and has_packed_product("int4", device.type):
        return Int4Weight(sources, device)
    return BlockWeight(sources, device) if kind == "blocks" else Int8Weight(sources, device)


class QuantLinear:
    """y = x Wᵀ + b, whatever W is stored as. One layer may be several of the file's matrices in a row."""

    def __init__(
        self, sources: Sequence[Source], bias: Tensor | None, device: torch.device, *, float32: bool = False
    ) -> None:
        groups: list[list[Source]] = []
        for source in sources:
            kind = storage_kind(source.type, source.shape[1])
            if (
                groups
                and storage_kind(groups[-1][0].type, source.shape[1]) == kind
                and (kind != "dense" or groups[-1][0].type == source.type)
            ):
                groups[-1].append(source)
            else:
                groups.append([source])
        self.weights = [store(group, device, float32=float32) for group in groups]
        self.bias = None if bias is None else bias.float().to(device)

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` [tokens, cols] → [tokens, rows], float32."""
        parts = [weight.matmul(x) for weight in self.weights]
        y = parts[0] if len(parts) == 1 else torch.cat(parts, dim=-1)
        return y if self.bias is None else y + self.bias

    @property
    def nbytes(self) -> int:
        return sum(weight.nbytes for weight in self.weights)


class Embedding:
    """Token vectors, read from the file's own blocks row by row: exact, and no second copy in memory."""

    def __init__(self, source: Source, device: torch.device) -> None:
        self.source, self.device = source, device
        self.table = None if source.blocks is not None else source.dense().to(device)

    def __call__(self, ids: Tensor) -> Tensor:
        """``ids`` [tokens] int64 on any device → [tokens, hidden_size] float32."""
        if self.table is not None:
            return self.table[ids.to(self.device)].float()
        assert self.source.blocks is not None
        table = self.source.blocks.reshape(self.source.shape[0], -1)
        raw = np.ascontiguousarray(table[ids.cpu().numpy()])
        values = dequantize(raw.reshape(-1), self.source.type, (len(raw), self.source.shape[1]))
        return torch.from_numpy(values).to(self.device)

    @property
    def nbytes(self) -> int:
        return 0 if self.table is None else self.table.nbytes


def bytes_per_weight(type: str) -> float:
    """Of a GGUF type."""
    values, size = BLOCK[type]
    return size / values
