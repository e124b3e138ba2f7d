"""Norms of a decoder's layers, and those of its queries and keys."""

from __future__ import annotations

import torch
from torch import Tensor

from autogpt_desktop.engine.torch_backend.autograd import rms_norm


class RMSNorm:
    """x / rms(x) · w (Zhang and Sennrich, 2019)."""

    dtype: torch.dtype | None = None  # what it writes while it trains; None: what it reads

    def __init__(self, weight: Tensor, eps: float) -> None:
        self.weight, self.eps = weight.float(), eps

    def __call__(self, x: Tensor) -> Tensor:
        return rms_norm(x, self.weight, self.eps, self.dtype)


class HeadNorm:
    """The same on each head of q and k, which have a weight for all heads of theirs."""

    def __init__(self, q: Tensor, k: Tensor, heads: int, shared: int, eps: float) -> None:
        self.q, self.k, self.heads, self.shared, self.eps = q.float(), k.float(), heads, shared, eps

    def __call__(self, qk: Tensor) -> Tensor:
        """``qk`` [T, H + K, D] → the same."""
        return rms_norm(qk, self.weight, self.eps)

    @property
    def weight(self) -> Tensor:
        """[H + K, D]"""
        return torch.cat([self.q.expand(self.heads, -1), self.k.expand(self.shared, -1)])


class WholeNorm(HeadNorm):
    """The same on all heads of q as one row, and on all of k: weights [H · D] and [K · D] (olmo2)."""

    def __call__(self, qk: Tensor) -> Tensor:
        parts = zip(qk.split([self.heads, self.shared], dim=1), (self.q, self.k), strict=True)
        rows = [rms_norm(x.flatten(1), weight, self.eps).view(x.shape) for x, weight in parts]
        return torch.cat(rows, dim=1)
