"""Quantized matrices in torch's packed layouts, for the CPU (without the compiled back end) and GPUs.

torch's int4 product (tinygemm, by Jeff Johnson; ``aten/src/ATen/native/cuda/int4mm.cu`` and its CPU and
Metal twins) reads w = (q - 8) * scale + zero, q in 0…15, with a bfloat16 scale and zero per 32 columns:

    quants      [rows, cols]           uint8; on a GPU two neighbors share a byte, the even column on top
    scale_zero  [cols / 32, rows, 2]   bfloat16

On CUDA it wants compute capability 8.0, bfloat16 activations, rows a multiple of 8 and columns a
multiple of 16 · inner tiles (2, 4 or 8). It runs on the tensor cores at about the speed of memory.
torch's int8 product on CUDA is one plain thread per output, several times slower than memory and
hopeless in a prefill. So there an 8-bit weight is stored as two 4-bit ones side by side:

    w = (16 · hi + lo) · scale + min  →  [hi | lo] with scales [16 · scale | scale], against [x | x]

which is one int4 product of twice the columns that adds up in float32, and keeps the file's own
scales instead of one per row. Whether a device computes a product rightly is tried out, not assumed
(``packed_works``): what fails falls back to plain operators. Nothing here that is not also run on a
CPU has been run on hardware yet.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.dequant import GROUP as SCALE_GROUP
from autogpt_desktop.engine.formats.dequant import unpack
from autogpt_desktop.engine.memory import out_of_memory
from autogpt_desktop.engine.torch_backend.weight import CHUNK, Weight, expanded, row_chunks

log = logging.getLogger(__name__)

GROUP = 32  # columns that share a scale in the int4 product
_ROW_MULTIPLE = 16  # the packed CPU ops need whole tiles of rows; int8 reads past the end without them
_PLAIN_OP_TOKENS = 8  # up to here CUDA's int8 op, which reads all weights for each token, is worth it


def padded_rows(rows: int) -> int:
    return -(-rows // _ROW_MULTIPLE) * _ROW_MULTIPLE


def inner_tiles(cols: int) -> int:
    """How many 16-column tiles lie together in the GPU layout: the most that the columns allow."""
    return next(tiles for tiles in (8, 4, 2) if cols % (16 * tiles) == 0)


def pack_int4(quants: Tensor, device: torch.device) -> Tensor:
    """``quants`` uint8 [rows, cols] of 0…15, on the CPU, in the device's own layout, on the device.

    On CUDA and MPS int32 [rows / 8, cols / (16 · tiles), 32, tiles / 2].
    """
    if device.type == "cpu":
        return torch._convert_weight_to_int4pack_for_cpu(quants.int(), 1)
    nibbles = (quants[:, ::2] << 4 | quants[:, 1::2]).contiguous().to(device)
    return torch._convert_weight_to_int4pack(nibbles, inner_tiles(quants.shape[1]))


class Int4Weight(Weight):
    """Q4_0, Q4_1 and Q4_K: the file's own numbers, the scales rounded to bfloat16."""

    columns_per_weight = 1

    def __init__(self, sources: Sequence[CheckpointTensor], device: torch.device) -> None:
        self.rows, self.cols = sum(s.shape[0] for s in sources), sources[0].shape[1]
        packed_cols, padded = self.columns_per_weight * self.cols, padded_rows(self.rows)
        quants = torch.zeros(padded, packed_cols, dtype=torch.uint8)
        scale_zero = torch.zeros(packed_cols // GROUP, padded, 2, dtype=torch.bfloat16)
        row = 0
        for source in sources:
            for start, stop in row_chunks(source):
                here = slice(row, row + stop - start)
                self.fill(quants[here], scale_zero[:, here], source, start, stop)
                row += stop - start
        self.on_cpu = device.type == "cpu"
        self.packed = pack_int4(quants, device)
        self.scale_zero = scale_zero.to(device)

    def fill(
        self, quants: Tensor, scale_zero: Tensor, source: CheckpointTensor, start: int, stop: int
    ) -> None:
        """Write rows start…stop-1 of ``source`` into their part of the whole."""
        raw = np.ascontiguousarray(source.rows(start, stop))
        part = unpack(raw.reshape(-1), source.type, (stop - start, self.cols))
        # Q4_0 counts from -8; the packed op wants 0…15
        shift = 8 if part.q.dtype == np.int8 else 0
        quants.copy_(torch.from_numpy((part.q + shift).astype(np.uint8)))
        zero = (8 - shift) * part.scale
        if part.min is not None:
            zero = zero + part.min
        scale_zero[:, :, 0] = torch.from_numpy(part.scale).T
        scale_zero[:, :, 1] = torch.from_numpy(zero).T

    def product(self, x: Tensor) -> Tensor:
        """``x`` bfloat16 [tokens, packed columns] → bfloat16 [tokens, padded rows]."""
        op = torch._weight_int4pack_mm_for_cpu if self.on_cpu else torch._weight_int4pack_mm
        return op(x, self.packed, GROUP, self.scale_zero)

    def matmul(self, x: Tensor) -> Tensor:
        y = self.product(x.reshape(-1, self.cols).bfloat16().contiguous())[:, : self.rows]
        return y.float().view(*x.shape[:-1], self.rows)

    @property
    def nbytes(self) -> int:
        return self.packed.nbytes + self.scale_zero.nbytes


class TwoInt4Weight(Int4Weight):
    """More than 4 bits, as two int4 matrices side by side: see the module's description.

    Q8_0, Q5_0, Q5_1 and Q5_K keep their numbers (scales rounded to bfloat16); formats whose scales span
    16 weights (Q6_K, Q2_K, Q3_K) or whose numbers are chosen from 16 (IQ4_NL, IQ4_XS, MXFP4) are requantized
    to 8 bits per 32.
    """

    columns_per_weight = 2

    def fill(
        self, quants: Tensor, scale_zero: Tensor, source: CheckpointTensor, start: int, stop: int
    ) -> None:
        raw = np.ascontiguousarray(source.rows(start, stop))
        minimum: Tensor | float = 0.0
        if SCALE_GROUP.get(source.type) == GROUP:
            part = unpack(raw.reshape(-1), source.type, (stop - start, self.cols))
            q = torch.from_numpy(part.q.astype(np.int16))
            scale = torch.from_numpy(part.scale).bfloat16().float()
            if part.min is not None:
                minimum = torch.from_numpy(part.min)
        else:
            grouped = expanded(raw, source.type).view(stop - start, -1, GROUP)
            # round the scale before the weights, so that its rounding is no error of its own
            scale = (grouped.abs().amax(dim=2) / 127).clamp_min(1e-12).bfloat16().float()
            q = grouped.div_(scale[:, :, None]).round_().clamp_(-127, 127).view(stop - start, -1).short()
        quants[:, : self.cols] = (q >> 4) + 8
        quants[:, self.cols :] = q & 15
        groups = self.cols // GROUP
        scale_zero[:groups, :, 0] = 16 * scale.T  # its zero stays 0: hi counts from -8
        scale_zero[groups:, :, 0] = scale.T
        scale_zero[groups:, :, 1] = (8 * scale + minimum).T

    def matmul(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, self.cols).bfloat16()
        y = self.product(torch.cat([flat, flat], dim=1))[:, : self.rows]
        return y.float().view(*x.shape[:-1], self.rows)


class Int8Weight(Weight):
    """w = q * scale with q in -127…127 and one scale per row: requantized.

    ``packed``: is torch's int8 product to be used? Else plain operators expand a few rows at a time.
    """

    def __init__(
        self, sources: Sequence[CheckpointTensor], device: torch.device, *, packed: bool = True
    ) -> None:
        self.rows, self.cols = sum(s.shape[0] for s in sources), sources[0].shape[1]
        self.packed = packed
        quants = torch.zeros(padded_rows(self.rows), self.cols, dtype=torch.int8)
        scales = torch.zeros(len(quants), dtype=torch.bfloat16)
        row = 0
        for source in sources:
            for start, stop in row_chunks(source):
                w = expanded(np.ascontiguousarray(source.rows(start, stop)), source.type)
                scale = (w.abs().amax(dim=1) / 127).clamp_min(1e-12).to(torch.bfloat16)
                here = slice(row, row + stop - start)
                quants[here] = w.div_(scale.float()[:, None]).round_().clamp_(-127, 127).to(torch.int8)
                scales[here] = scale
                row += stop - start
        # CUDA's op computes in float32 whatever it is given, and would convert at each call
        self.dtype = torch.float32 if device.type == "cuda" else torch.bfloat16
        self.quants, self.scales = quants.to(device), scales.to(device, self.dtype)

    def matmul(self, x: Tensor) -> Tensor:
        flat = x.reshape(-1, self.cols)
        if self.packed and (flat.device.type != "cuda" or len(flat) <= _PLAIN_OP_TOKENS):
            flat = flat.to(self.dtype).contiguous()
            y = torch._weight_int8pack_mm(flat, self.quants, self.scales)[:, : self.rows].float()
        else:
            y = self.plain_product(flat)
        return y.view(*x.shape[:-1], self.rows)

    def plain_product(self, x: Tensor) -> Tensor:
        """``x`` [tokens, cols] → [tokens, rows] float32, with ordinary operators only."""
        dtype = product_dtype(x.device)
        x, step = x.to(dtype), max(1, 4 * CHUNK // self.cols)
        parts = [
            F.linear(x, self.quants[start : min(start + step, self.rows)].to(dtype))
            for start in range(0, self.rows, step)
        ]
        return torch.cat(parts, dim=1).float() * self.scales[: self.rows].float()

    @property
    def nbytes(self) -> int:
        return self.quants.nbytes + self.scales.nbytes


@cache
def has_bfloat16(device: str) -> bool:
    """Does this kind of device multiply bfloat16 itself? Cards before compute capability 8.0 do not."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device == "mps":
        try:
            ones = torch.ones(2, 2, dtype=torch.bfloat16, device=device)
            return float(ones.mm(ones).sum()) == 8.0
        except (RuntimeError, TypeError) as error:
            log.info("no bfloat16 on %s: %s", device, error)
            return False
    return True


def product_dtype(device: torch.device) -> torch.dtype:
    """What plain products of quantized weights are computed in.

    Not float16: unscaled sums of 8-bit weights, and some families' activations, go beyond its range.
    """
    return torch.bfloat16 if has_bfloat16(device.type) else torch.float32


def cache_dtype(device: torch.device) -> torch.dtype:
    """What keys and values are kept in."""
    if device.type == "cpu":
        return torch.float32
    return torch.bfloat16 if has_bfloat16(device.type) else torch.float16


@cache
def packed_works(kind: str, device: str) -> bool:
    """Does torch's packed product for "int4" or "int8" run here, and is its result right?

    Tried once for each kind of device, on small matrices of every tiling, one token and many: some
    versions of torch know an op on a device and compute nothing in it. Raises what lack of memory raises.
    """
    place, rng = torch.device(device), np.random.default_rng(0)
    try:
        for cols in (96, 576, 640):  # 2, 4 and 8 inner tiles; none a multiple of what a warp takes at once
            source = _random_q8(rng, 48, cols)
            weight = TwoInt4Weight([source], place) if kind == "int4" else Int8Weight([source], place)
            dense = expanded(source.rows(0, 48), source.type)
            for tokens in (1, 5, 33):
                x = torch.from_numpy(rng.normal(size=(tokens, cols)).astype(np.float32))
                wanted, got = x @ dense.T, weight.matmul(x.to(place)).cpu()
                if not bool((got - wanted).norm() < 0.02 * wanted.norm()):  # also where it is NaN
                    log.warning("torch's %s product is wrong on %s", kind, device)
                    return False
    except (RuntimeError, NotImplementedError, TypeError) as error:
        if out_of_memory(error):
            raise
        log.info("no %s product on %s: %s", kind, device, error)
        return False
    return True


def _random_q8(rng: np.random.Generator, rows: int, cols: int) -> CheckpointTensor:
    """A Q8_0 matrix: per 32 weights a float16 scale and 32 int8."""
    blocks = np.empty((rows * cols // 32, 34), np.uint8)
    blocks[:, :2] = rng.uniform(0.001, 0.02, len(blocks)).astype("<f2")[:, None].view(np.uint8)
    blocks[:, 2:] = rng.integers(-127, 128, (len(blocks), 32), dtype=np.int8).view(np.uint8)
    return CheckpointTensor((rows, cols), "Q8_0", blocks=blocks.reshape(-1))
