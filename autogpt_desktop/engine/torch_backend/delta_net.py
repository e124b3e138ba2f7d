"""Gated DeltaNet (Yang, Kautz and Hatamizadeh, 2024): a memory S of fixed size in place of keys and values.

A token forgets a share of S, reads what S says of its key, and writes the difference to its value:

    S ← α S,   S ← S + k (β (v - Sᵀ k))ᵀ,   o = Sᵀ q          S [key dim, value dim], one for each value head

Shapes: T new tokens, K key heads, H value heads, D key dimensions, V value dimensions.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from autogpt_desktop.engine.config import DeltaNetConfig
from autogpt_desktop.engine.torch_backend.autograd import rms_norm
from autogpt_desktop.engine.torch_backend.linear import QuantLinear
from autogpt_desktop.engine.torch_backend.short_conv import causal_conv

CHUNK = 64  # tokens whose changes to S are worked out together
_EPS = 1e-6  # of the norm of queries and keys


def gated_delta_rule(
    q: Tensor, k: Tensor, v: Tensor, log_decay: Tensor, beta: Tensor, memory: Tensor
) -> tuple[Tensor, Tensor]:
    """What each token reads, and the memory behind the last one.

    ``q``, ``k`` [H, T, D], ``v`` [H, T, V], ``log_decay`` (of α), ``beta`` [H, T], ``memory`` [H, D, V].
    In a chunk that begins at S, with G_t the product of its α up to t, S_t = G_t S + Σ (G_t / G_i) k_i u_iᵀ
    over i ≤ t, so the u solve a triangular system: u_t = β_t (v_t - G_t Sᵀ k_t - Σ over i < t).
    """
    parts = []
    for start in range(0, q.shape[1], CHUNK):
        queries, keys, values = (x[:, start : start + CHUNK] for x in (q, k, v))
        rate = beta[:, start : start + CHUNK, None]
        total = log_decay[:, start : start + CHUNK].cumsum(1)  # log G
        share = (total[:, :, None] - total[:, None, :]).tril().exp().tril()  # G_t / G_i
        decay = total.exp()[..., None]
        system = rate * (keys @ keys.transpose(1, 2)) * share
        wanted = rate * (values - decay * (keys @ memory))
        written = torch.linalg.solve_triangular(system, wanted, upper=False, unitriangular=True)
        seen = (queries @ keys.transpose(1, 2)) * share
        parts.append(decay * (queries @ memory) + seen @ written)
        left = (total[:, -1:] - total).exp()[..., None]  # of what each token wrote, at the end
        memory = decay[:, -1:] * memory + (left * keys).transpose(1, 2) @ written
    return torch.cat(parts, dim=1), memory


class GatedDeltaNet:
    """A layer's Gated DeltaNet, between two products: ``inputs`` and ``out``."""

    def __init__(
        self,
        config: DeltaNetConfig,
        inputs: QuantLinear,
        out: QuantLinear,
        conv: Tensor,
        decay: Tensor,
        dt_bias: Tensor,
        norm: Tensor,
        eps: float,
    ) -> None:
        """``inputs``: queries, keys and values, the gate z, and the two numbers of a head that β and α come
        from, on top of each other. ``conv`` [W, channels], ``decay`` [H] below 0, ``norm`` [V]."""
        self.config, self.inputs, self.out = config, inputs, out
        self.conv, self.decay, self.dt_bias, self.norm, self.eps = conv, decay, dt_bias, norm, eps

    def run(self, rows: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """One sequence's tokens: what ``inputs`` made of them → [T, H · V].

        ``before`` and ``after``: the convolution's window and S, flat; the second is written.
        """
        c, new = self.config, len(rows)
        heads, channels = c.num_value_heads, c.conv_channels
        mixed, z, b, a = rows.split([channels, c.value_size, heads, heads], dim=-1)
        edge = (c.conv_kernel - 1) * channels
        mixed, window = causal_conv(mixed, self.conv, before[:edge].view(-1, channels))
        size = c.num_key_heads * c.key_head_dim
        q, k, v = F.silu(mixed).split([size, size, c.value_size], dim=-1)
        q, k = (self._of_value_heads(x.view(new, c.num_key_heads, -1)) for x in (q, k))
        log_decay = self.decay * F.softplus(a + self.dt_bias)
        memory = before[edge:].view(heads, c.key_head_dim, c.value_head_dim)
        out, memory = gated_delta_rule(
            q * c.key_head_dim**-0.5,
            k,
            v.view(new, heads, -1).transpose(0, 1),
            log_decay.T,
            b.sigmoid().T,
            memory,
        )
        after[:edge].copy_(window.reshape(-1))
        after[edge:].copy_(memory.reshape(-1))
        out = rms_norm(out.transpose(0, 1), self.norm, self.eps) * F.silu(z.view(new, heads, -1))
        return out.reshape(new, -1)

    def _of_value_heads(self, x: Tensor) -> Tensor:
        """[T, K, D] of length 1, as each value head wants it: [H, T, D]."""
        c = self.config
        x = (x * torch.rsqrt((x * x).sum(-1, keepdim=True) + _EPS)).transpose(0, 1)
        times = c.num_value_heads // c.num_key_heads
        return x.repeat(times, 1, 1) if c.gguf_layout else x.repeat_interleave(times, 0)
