"""Low-rank adapters on a decoder whose own weights stay as they are.

LoRA: Hu et al., 2021 (arXiv 2106.09685). y = W x + s · B A x with A [r, cols], B [rows, r] and
s = alpha / r; only A and B are learned. B begins at zero, so that the adapted model begins as its base.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from autogpt_desktop.engine.build import build, in_decoder_order, interleaved_rows
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.adapter import LowRank
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.engine.torch_backend.weight import expanded, row_chunks
from autogpt_desktop.events import Progress


class FrozenMatrix:
    """A matrix [rows, cols] that is multiplied by and never learned: expanded once to ``dtype``, or with
    ``keep`` False from the file's blocks at each use, a matrix at a time."""

    def __init__(
        self, sources: Sequence[CheckpointTensor], dtype: torch.dtype, device: torch.device, *, keep: bool
    ) -> None:
        self.sources, self.dtype, self.device = tuple(sources), dtype, device
        self._kept = self._expand() if keep else None

    def _expand(self) -> Tensor:
        parts = [
            expanded(source.rows(*rows), source.type).to(self.device, self.dtype)
            for source in self.sources
            for rows in row_chunks(source)
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def tensor(self) -> Tensor:
        """[rows, cols]"""
        return self._expand() if self._kept is None else self._kept

    @property
    def nbytes(self) -> int:
        if self._kept is not None:
            return self._kept.nbytes
        return sum(source.blocks.nbytes for source in self.sources)


class _FrozenProduct(torch.autograd.Function):
    """x Wᵀ; the gradient goes to x alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: FrozenMatrix) -> Tensor:
        ctx.weight, ctx.dtype = weight, x.dtype
        return (x.to(weight.dtype) @ weight.tensor().t()).float()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        (grad,) = grads
        return (grad.to(ctx.weight.dtype) @ ctx.weight.tensor()).to(ctx.dtype), None


class FrozenLinear:
    """The decoder's head: as ``linear.QuantLinear``, with a gradient to x."""

    def __init__(self, weight: FrozenMatrix, bias: Tensor | None) -> None:
        self.weight, self.bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        y: Tensor = _FrozenProduct.apply(x, self.weight)
        return y if self.bias is None else y + self.bias

    @property
    def nbytes(self) -> int:
        return self.weight.nbytes


class _AdaptedProduct(torch.autograd.Function):
    """x Wᵀ + s · (x Aᵀ) Bᵀ, for matrices on top of each other that share x.

    ``a`` [parts · r, cols], ``b`` [rows, r]; rows of part p read columns p·r … of x Aᵀ. Products and what
    comes out in W's type, parameters and their gradients in float32.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, a: Tensor, b: Tensor, weight: FrozenMatrix, rows: list[int], scale: float
    ) -> Tensor:
        ctx.dtype = x.dtype
        x = x.to(weight.dtype)
        a, b, r = a.to(x.dtype), b.to(x.dtype), b.shape[1]
        y = x @ weight.tensor().t()
        low = x @ a.t()  # [T, parts · r]
        start = 0
        for part, count in enumerate(rows):
            y[:, start : start + count].addmm_(
                low[:, part * r : (part + 1) * r], b[start : start + count].t(), alpha=scale
            )
            start += count
        ctx.save_for_backward(x, a, b, low)
        ctx.weight, ctx.rows, ctx.scale = weight, rows, scale
        return y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Any, ...]:
        x, a, b, low = ctx.saved_tensors
        r, scale = b.shape[1], ctx.scale
        grad = grads[0].to(x.dtype)
        grad_low, grad_b = torch.empty_like(low), torch.empty(b.shape, dtype=torch.float32, device=b.device)
        start = 0
        for part, count in enumerate(ctx.rows):
            rows, columns = slice(start, start + count), slice(part * r, (part + 1) * r)
            grad_low[:, columns] = grad[:, rows] @ b[rows] * scale
            grad_b[rows] = grad[:, rows].t() @ low[:, columns] * scale
            start += count
        grad_a = (grad_low.t() @ x).float()
        grad_x = None
        if ctx.needs_input_grad[0]:
            grad_x = (grad @ ctx.weight.tensor()).addmm_(grad_low, a).to(ctx.dtype)
        return grad_x, grad_a, grad_b, None, None, None


class AdaptedLinear:
    """Matrices that share their input, each with an adapter."""

    def __init__(
        self, names: Sequence[str], rows: Sequence[int], weight: FrozenMatrix, bias: Tensor | None,
        settings: LoraSettings, generator: torch.Generator,
    ) -> None:  # fmt: skip
        self.names, self.rows, self.weight, self.bias = tuple(names), list(rows), weight, bias
        cols, r = weight.sources[0].shape[1], settings.rank
        self.scale = settings.alpha / r
        # Kaiming's uniform with a = √5, as the paper's code and PEFT begin
        bound = 1 / math.sqrt(cols)
        a = torch.empty(len(self.rows) * r, cols).uniform_(-bound, bound, generator=generator)
        self.a = a.to(weight.device).requires_grad_()
        self.b = torch.zeros(sum(self.rows), r, device=weight.device, requires_grad=True)

    def __call__(self, x: Tensor) -> Tensor:
        """``x`` [tokens, cols] → [tokens, rows], in the weights' type."""
        y: Tensor = _AdaptedProduct.apply(x, self.a, self.b, self.weight, self.rows, self.scale)
        return y if self.bias is None else y + self.bias

    @property
    def nbytes(self) -> int:
        return self.weight.nbytes + self.a.nbytes + self.b.nbytes

    def parts(self) -> Iterator[tuple[str, Tensor, Tensor]]:
        """(module's name, A [r, cols], B [rows, r]) of each matrix; views."""
        r = self.b.shape[1]
        starts = [sum(self.rows[:at]) for at in range(len(self.rows))]
        for at, (name, start, count) in enumerate(zip(self.names, starts, self.rows, strict=True)):
            yield name, self.a.detach()[at * r : (at + 1) * r], self.b.detach()[start : start + count]


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """``alpha`` / ``rank`` scales what the adapter adds."""

    rank: int = 16
    alpha: float = 32.0
    seed: int = 0


def adapted(decoder: Transformer) -> Iterator[AdaptedLinear]:
    """All adapters, in the order of the layers."""
    for layer in decoder.layers:
        for linear in (layer.qkv, layer.o, layer.gate_up, layer.down):
            if isinstance(linear, AdaptedLinear):
                yield linear


def parameters(decoder: Transformer) -> list[Tensor]:
    """What is learned."""
    return [tensor for linear in adapted(decoder) for tensor in (linear.a, linear.b)]


def build_adapted(
    config: ModelConfig,
    sources: dict[str, CheckpointTensor],
    device: torch.device,
    context_length: int,
    settings: LoraSettings,
    *,
    dtype: torch.dtype = torch.float32,
    keep: bool = True,
) -> Generator[Progress, None, Transformer]:
    """The Transformer of a checkpoint with new adapters on q, k, v, o, gate, up and down.

    ``dtype``: of the frozen weights and all products; ``keep`` False expands them at each use.
    """
    generator = torch.Generator().manual_seed(settings.seed)

    def linear(names: Sequence[str], matrices: Sequence[CheckpointTensor], bias: Tensor | None) -> Any:
        weight = FrozenMatrix(matrices, dtype, device, keep=keep)
        if bias is not None:
            bias = bias.float().to(device)
        if not names[0].startswith("model.layers."):
            return FrozenLinear(weight, bias)
        return AdaptedLinear(names, [one.shape[0] for one in matrices], weight, bias, settings, generator)

    decoder = yield from build(config, sources, device, context_length, compiled=False, linear=linear)
    assert isinstance(decoder, Transformer)
    decoder.graphed_decode = None  # its graphs would hold the weights of an earlier step
    return decoder


def low_rank(decoder: Transformer) -> dict[str, LowRank]:
    """The adapters by module, rows in Hugging Face's order; copies on the CPU."""
    found = {}
    for linear in adapted(decoder):
        for name, a, b in linear.parts():
            rows = b.float().cpu().numpy().copy()
            if name.endswith((".q_proj", ".k_proj")):
                ordered = np.empty_like(rows)
                ordered[interleaved_rows(decoder.config, len(rows))] = rows
                rows = ordered
            found[name] = LowRank(a.float().cpu().numpy().copy(), rows, linear.scale)
    return found


def set_low_rank(decoder: Transformer, values: dict[str, LowRank]) -> None:
    """The opposite of ``low_rank``. Raises KeyError and ValueError for another decoder's."""
    values = in_decoder_order(decoder.config, values)
    for linear in adapted(decoder):
        for name, a, b in linear.parts():
            a.copy_(torch.from_numpy(values[name].a))
            b.copy_(torch.from_numpy(values[name].b))
