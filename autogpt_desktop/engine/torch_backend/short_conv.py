"""Convolutions over a few tokens, each channel by itself; layers that have one in place of attention (lfm2).

Shapes: T new tokens, C channels, W tokens that the convolution sees.
"""

from __future__ import annotations

import torch
from torch import Tensor

from autogpt_desktop.engine.torch_backend.linear import QuantLinear


def causal_conv(x: Tensor, weight: Tensor, window: Tensor) -> tuple[Tensor, Tensor]:
    """Each token's sum over itself and the W - 1 before it, ``window`` being those before the first.

    ``x`` [T, C], ``weight`` [W, C], ``window`` [W - 1, C]. Returns the sums [T, C] and the next window.
    """
    seen = torch.cat([window, x])
    total = seen[: len(x)] * weight[0]
    for at in range(1, len(weight)):
        total = total + seen[at : at + len(x)] * weight[at]
    return total, seen[len(x) :]


class ShortConv:
    """A gated short convolution: C · conv(B · x), each of the three a product with the layer's input."""

    def __init__(self, inputs: QuantLinear, out: QuantLinear, weight: Tensor) -> None:
        """``inputs``: B, C and x on top of each other. ``weight`` [W, C]."""
        self.inputs, self.out, self.weight = inputs, out, weight

    def run(self, rows: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """One sequence's tokens: what ``inputs`` made of them, [T, 3 · C] → [T, C].

        ``before`` and ``after``: the window, flat; the second is written.
        """
        b, c, x = rows.chunk(3, dim=-1)
        mixed, window = causal_conv(b * x, self.weight, before.view(len(self.weight) - 1, -1))
        after.copy_(window.reshape(-1))
        return c * mixed
