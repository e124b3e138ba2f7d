"""Muon: an optimizer for the matrices of hidden layers (Jordan et al., 2024).

Momentum, whose matrix is replaced by the nearest orthogonal one: all directions are learned at the same
speed. The steps are scaled so that AdamW's learning rates and weight decay fit (Liu et al., 2025).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # Jordan's: the slope at zero is as steep as converges
_STEPS = 5


def orthogonal(matrices: Tensor) -> Tensor:
    """UVᵀ, nearly, of each matrix UΣVᵀ [N, rows, cols]: a Newton–Schulz iteration of the fifth order."""
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.transpose(1, 2) if tall else matrices
    norm = torch.linalg.vector_norm(x.float(), dim=(1, 2), keepdim=True)
    x = x / norm.clamp_min_(1e-12).to(x.dtype)
    for _ in range(_STEPS):
        square = torch.bmm(x, x.transpose(1, 2))
        poly = torch.baddbmm(square, square, square, beta=b, alpha=c)
        x = torch.baddbmm(x, poly, x, beta=a)
    return x.transpose(1, 2) if tall else x


class Muon:
    """``splits`` says of which matrices, rows on top of each other, each parameter consists."""

    def __init__(
        self,
        parameters: Mapping[str, Tensor],
        splits: Mapping[str, Sequence[int]],
        *,
        momentum: float = 0.95,
        weight_decay: float = 0.1,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.parameters, self.splits = dict(parameters), dict(splits)
        self.momentum, self.weight_decay, self.dtype = momentum, weight_decay, dtype
        self.buffers = {name: torch.zeros_like(one) for name, one in self.parameters.items()}

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """One step along the gradients, with Nesterov's momentum."""
        shapes: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
        for name, parameter in self.parameters.items():
            if parameter.grad is None:
                continue
            buffer = self.buffers[name].lerp_(parameter.grad, 1 - self.momentum)
            ahead = parameter.grad.lerp(buffer, self.momentum)
            rows = list(self.splits[name])
            for target, direction in zip(parameter.split(rows), ahead.split(rows), strict=True):
                shapes.setdefault((target.shape[0], target.shape[1]), []).append((target, direction))
        for (rows_here, cols), pairs in shapes.items():
            directions = orthogonal(torch.stack([direction for _, direction in pairs]).to(self.dtype))
            size = learning_rate * 0.2 * max(rows_here, cols) ** 0.5
            for (target, _), direction in zip(pairs, directions, strict=True):
                target.mul_(1 - learning_rate * self.weight_decay).add_(direction, alpha=-size)
