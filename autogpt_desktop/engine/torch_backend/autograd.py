"""The decoder's small operators, which in training keep little and compute their gradients in few passes.

Where no gradient is wanted they are plain expressions. A product in bfloat16 is ten times quicker than
what stands between two of them on a processor with AMX, so that each pass over memory counts.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function

from autogpt_desktop.engine.native import train

_CHUNK = 1 << 21  # logits that stand in float32 at a time


def _kernels(*tensors: Tensor) -> Any:
    """The compiled kernels, where they know these tensors: whole rows of float32 or bfloat16 on the CPU."""
    fit = all(one.device.type == "cpu" and one.dtype in _BRAIN and one.is_contiguous() for one in tensors)
    return train.library() if fit else None


_BRAIN = {torch.float32: 0, torch.bfloat16: 1}


def _trains(*tensors: Tensor) -> bool:
    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def rms_norm(x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype | None = None) -> Tensor:
    """x / rms(x) · w over the last dimension (Zhang and Sennrich, 2019). ``weight``: the shape's end.

    ``dtype``: what it is written in while it trains; None: that of ``x``.
    """
    if _trains(x, weight):
        result: Tensor = _RMSNorm.apply(x, weight, eps, dtype or x.dtype)
        return result
    return F.rms_norm(x, x.shape[-1:], None, eps) * weight


class _RMSNorm(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> Tensor:
        x = x.contiguous()
        kernels = _kernels(x, weight)
        if kernels is not None:
            out = torch.empty(x.shape, dtype=dtype)
            inverse = torch.empty(*x.shape[:-1], 1)
            cols = x.shape[-1]
            kernels.train_rms_norm(
                torch.get_num_threads(), _BRAIN[x.dtype], _BRAIN[dtype], x.data_ptr(), weight.data_ptr(), eps,
                x.numel() // cols, cols, weight.numel() // cols, out.data_ptr(), inverse.data_ptr(),
            )  # fmt: skip
            ctx.save_for_backward(x, weight, inverse)
            return out
        wide = x.float()
        inverse = torch.linalg.vector_norm(wide, dim=-1, keepdim=True).square_()
        inverse.div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, weight, inverse)
        return (wide * inverse).mul_(weight).to(dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None]:
        x, weight, inverse = ctx.saved_tensors
        grad = grad.contiguous()
        kernels = _kernels(x, weight, grad)
        if kernels is not None:
            dx, dweight, cols = torch.empty_like(x), torch.zeros_like(weight), x.shape[-1]
            done = kernels.train_rms_norm_back(
                torch.get_num_threads(), _BRAIN[x.dtype], _BRAIN[grad.dtype], grad.data_ptr(), x.data_ptr(),
                weight.data_ptr(), inverse.data_ptr(), x.numel() // cols, cols, weight.numel() // cols,
                dx.data_ptr(), dweight.data_ptr(),
            )  # fmt: skip
            if done:
                return dx, dweight, None, None
        normed = x * inverse
        grad = grad.float()
        dweight = (grad * normed).sum(tuple(range(x.dim() - weight.dim())))
        grad = grad * weight
        along = torch.linalg.vecdot(grad, normed).div_(x.shape[-1]).unsqueeze(-1)
        dx = torch.addcmul(grad, normed, along, value=-1).mul_(inverse).to(x.dtype)
        return dx, dweight, None, None


def gated(gate_up: Tensor, activation: str) -> Tensor:
    """act(gate) · up (Shazeer, 2020) of both side by side: [T, 2 · size] → [T, size]."""
    if activation != "gelu_tanh" and _trains(gate_up):
        result: Tensor = _SwiGLU.apply(gate_up)
        return result
    gate, up = gate_up.chunk(2, dim=-1)
    return (F.gelu(gate, approximate="tanh") if activation == "gelu_tanh" else F.silu(gate)) * up


class _SwiGLU(Function):
    @staticmethod
    def forward(ctx: Any, gate_up: Tensor) -> Tensor:
        ctx.save_for_backward(gate_up)
        kernels = _kernels(gate_up)
        if kernels is not None:
            size = gate_up.shape[-1] // 2
            out = torch.empty(*gate_up.shape[:-1], size, dtype=gate_up.dtype)
            kernels.train_swiglu(
                torch.get_num_threads(), _BRAIN[out.dtype], gate_up.data_ptr(), out.numel() // size, size,
                out.data_ptr(),
            )  # fmt: skip
            return out
        gate, up = gate_up.chunk(2, dim=-1)
        return F.silu(gate).mul_(up)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (gate_up,) = ctx.saved_tensors
        result = torch.empty_like(gate_up)
        grad = grad.contiguous()
        kernels = _kernels(gate_up, grad)
        if kernels is not None and grad.dtype == gate_up.dtype:
            size = grad.shape[-1]
            kernels.train_swiglu_back(
                torch.get_num_threads(), _BRAIN[grad.dtype], grad.data_ptr(), gate_up.data_ptr(),
                grad.numel() // size, size, result.data_ptr(),
            )  # fmt: skip
            return result
        gate, up = gate_up.chunk(2, dim=-1)
        dgate, dup = result.chunk(2, dim=-1)
        torch.mul(F.silu(gate), grad, out=dup)
        torch.ops.aten.silu_backward.grad_input(grad * up, gate, grad_input=dgate)
        return result


def apply_rotary_emb(x: Tensor, freqs_cis: Tensor) -> Tensor:
    """``x`` [T, heads, D] turned by ``freqs_cis`` [T, 1, D/2] (RoPE: Su et al., 2021)."""
    if _trains(x):
        result: Tensor = _Rotary.apply(x, freqs_cis)
        return result
    return _turn(x, freqs_cis)


def _turn(x: Tensor, freqs_cis: Tensor) -> Tensor:
    pairs = torch.view_as_complex(x.float().contiguous().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * freqs_cis).flatten(-2).to(x.dtype)


class _Rotary(Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, freqs_cis: Tensor) -> Tensor:
        ctx.freqs_cis = freqs_cis
        return _turned(x, freqs_cis, back=False)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _turned(grad, ctx.freqs_cis, back=True), None


def _turned(x: Tensor, freqs_cis: Tensor, *, back: bool) -> Tensor:
    """Rows may lie apart from each other, as q and k do among q, k and v."""
    heads, dim = x.shape[1:]
    table = torch.view_as_real(freqs_cis)
    kernels = _kernels(table) if x.dtype in _BRAIN and x.device.type == "cpu" else None
    if kernels is None or x.stride(2) != 1 or x.stride(1) != dim or dim % 8:
        return _turn(x, freqs_cis.conj() if back else freqs_cis)
    out = torch.empty(x.shape, dtype=x.dtype)
    kernels.train_rotary(
        torch.get_num_threads(), _BRAIN[x.dtype], x.data_ptr(), x.stride(0), table.data_ptr(), len(table),
        len(x), heads, dim, int(back), out.data_ptr(),
    )  # fmt: skip
    return out


def causal_attention(q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
    """softmax(QKᵀ · scale)V, where each token sees itself and what is before it.

    ``q`` [B, T, H, D], ``k`` and ``v`` [B, T, K, D] → [B, T, H, D]. On the CPU the products are batched
    ones of whole blocks: torch's own operator takes five times as long for the gradients there.
    """
    if q.device.type == "cpu":
        result: Tensor = _CausalAttention.apply(q, k, v, scale)
        return result
    q, k, v = (one.transpose(1, 2) for one in (q, k, v))
    grouped = q.shape[1] != k.shape[1]
    out = F.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, enable_gqa=grouped)
    return out.transpose(1, 2)


class _CausalAttention(Function):
    """Blocks of queries, each against the keys up to its end: half of the products is left out.

    The G queries that share a key lie behind each other, so that no key is copied for them.
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, scale: float) -> Tensor:
        batch, length, heads, dim = q.shape
        shared = k.shape[2]
        groups = heads // shared
        ctx.scale = scale
        # [B · K, T, D], the queries [B · K, T, G, D]
        keys = k.transpose(1, 2).reshape(batch * shared, length, dim)
        values = v.transpose(1, 2).reshape(batch * shared, length, dim)
        queries = q.view(batch, length, shared, groups, dim).transpose(1, 2)
        queries = queries.reshape(batch * shared, length, groups, dim)
        out = torch.empty(batch, length, shared, groups, dim, dtype=q.dtype)
        size = _block(length)
        weights = []
        for start in range(0, length, size):
            stop = min(start + size, length)
            rows = (stop - start) * groups
            block = queries[:, start:stop].reshape(-1, rows, dim)
            part = _shares(block, keys[:, :stop], start, groups, scale)
            mixed = torch.bmm(part, values[:, :stop]).view(batch, shared, stop - start, groups, dim)
            out[:, start:stop] = mixed.transpose(1, 2)
            weights.append(part)
        ctx.save_for_backward(queries, keys, values, *weights)
        return out.view(batch, length, heads, dim)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        queries, keys, values, *weights = ctx.saved_tensors
        batch, length, heads, dim = grad.shape
        groups = queries.shape[2]
        shared = heads // groups
        grads = grad.view(batch, length, shared, groups, dim).transpose(1, 2)
        grads = grads.reshape(batch * shared, length, groups, dim)
        dq = torch.empty(batch, length, shared, groups, dim, dtype=grad.dtype)
        dk = torch.zeros(batch * shared, length, dim, dtype=grad.dtype)
        dv = torch.zeros_like(dk)
        size = _block(length)
        for start, part in zip(range(0, length, size), weights, strict=True):
            stop = min(start + size, length)
            rows = (stop - start) * groups
            block = queries[:, start:stop].reshape(-1, rows, dim)
            come = grads[:, start:stop].reshape(-1, rows, dim)
            dv[:, :stop] += torch.bmm(part.transpose(1, 2), come)
            dweights = torch.bmm(come, values[:, :stop].transpose(1, 2))
            dscores = _shares_back(dweights, part, start, groups, ctx.scale)
            turned = torch.bmm(dscores, keys[:, :stop])
            dq[:, start:stop] = turned.view(batch, shared, stop - start, groups, dim).transpose(1, 2)
            dk[:, :stop] += torch.bmm(dscores.transpose(1, 2), block)
        dk, dv = (one.view(batch, shared, length, dim).transpose(1, 2) for one in (dk, dv))
        return dq.view(batch, length, heads, dim), dk, dv, None


def _shares(block: Tensor, keys: Tensor, start: int, groups: int, scale: float) -> Tensor:
    """softmax(QKᵀ · scale) of queries from ``start`` on, [N, queries · groups, keys]."""
    rows, total = block.shape[1], keys.shape[1]
    if train.library() is None or block.dtype not in _BRAIN:
        mask = _mask(rows // groups, total, groups, block.dtype)
        return torch.softmax(torch.baddbmm(mask, block, keys.transpose(1, 2), alpha=scale), -1)
    scores = torch.bmm(block, keys.transpose(1, 2)).contiguous()
    kernels = _kernels(scores)
    kernels.train_softmax(
        torch.get_num_threads(), _BRAIN[scores.dtype], scores.data_ptr(), len(scores) * rows, total,
        rows // groups, groups, start, scale,
    )  # fmt: skip
    return scores


def _shares_back(dweights: Tensor, shares: Tensor, start: int, groups: int, scale: float) -> Tensor:
    """The gradient of QKᵀ, in place of ``dweights`` where that can be."""
    kernels = _kernels(dweights, shares)
    if kernels is None:
        return torch._softmax_backward_data(dweights, shares, -1, shares.dtype).mul_(scale)
    rows = shares.shape[1]
    kernels.train_softmax_back(
        torch.get_num_threads(), _BRAIN[shares.dtype], dweights.data_ptr(), shares.data_ptr(),
        len(shares) * rows, shares.shape[2], rows // groups, groups, start, scale,
    )  # fmt: skip
    return dweights


def _block(length: int) -> int:
    """Queries at a time."""
    return length if length <= 128 else 128 if length <= 512 else 256


def _mask(new: int, total: int, groups: int, dtype: torch.dtype) -> Tensor:
    """[new · groups, total] of 0 and a number that no score outweighs."""
    other, position = torch.arange(total), torch.arange(total - new, total).repeat_interleave(groups)
    return torch.zeros(len(position), total, dtype=dtype).masked_fill_(other > position[:, None], -1e30)


def linear(x: Tensor, weight: Tensor, cast: Tensor) -> Tensor:
    """x Wᵀ in the type of ``cast``, a copy of ``weight``, which gets the gradient in its own type."""
    if _trains(x, weight):
        result: Tensor = _CastLinear.apply(x, weight, cast)
        return result
    return F.linear(x.to(cast.dtype), cast)


class _CastLinear(Function):
    """Mixed precision (Micikevicius et al., 2018): products in bfloat16, weights in float32."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, cast: Tensor) -> Tensor:
        ctx.dtypes = x.dtype, weight.dtype
        x = x.to(cast.dtype)
        ctx.save_for_backward(x, cast)
        return F.linear(x, cast)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        x, cast = ctx.saved_tensors
        grad = grad.to(cast.dtype)
        dx = dweight = None
        if ctx.needs_input_grad[0]:
            dx = (grad @ cast).to(ctx.dtypes[0])
        if ctx.needs_input_grad[1]:
            rows = grad.reshape(-1, grad.shape[-1])
            dweight = (rows.T @ x.reshape(-1, x.shape[-1])).to(ctx.dtypes[1])
        return dx, dweight, None


def linear_cross_entropy(
    x: Tensor, weight: Tensor, cast: Tensor, targets: Tensor, *, count: int = 0, softcap: float = 0.0
) -> Tensor:
    """Mean of -log softmax(x Wᵀ)[target], a scalar, a few rows of logits at a time.

    ``x`` [N, hidden_size], ``cast`` a copy of ``weight`` [vocab_size, hidden_size] in the type of the
    product, ``targets`` [N], below 0: left out. ``count``: what the sum is divided by; 0: the targets.
    The gradients are computed along with the loss, so that the logits [N, vocab_size] never stand whole
    (as Liger Kernel does: Hsu et al., 2024).
    """
    result: Tensor = _LinearCrossEntropy.apply(x, weight, cast, targets, count, softcap)
    return result


class _LinearCrossEntropy(Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, cast: Tensor, targets: Tensor, count: int, softcap: float
    ) -> Tensor:
        kept = targets >= 0
        count = count or max(1, int(kept.sum()))
        total = torch.zeros((), dtype=torch.float32, device=x.device)
        dx = torch.empty(x.shape, dtype=x.dtype, device=x.device) if ctx.needs_input_grad[0] else None
        dweight = torch.zeros_like(weight, dtype=torch.float32) if ctx.needs_input_grad[1] else None
        step = max(16, _CHUNK // len(weight))
        for start in range(0, len(x), step):
            here = slice(start, start + step)
            rows, wanted = x[here].to(cast.dtype), targets[here].clamp_min(0)[:, None]
            logits = F.linear(rows, cast)
            kernels = None if softcap else _kernels(logits, cast)
            if kernels is not None:
                losses, aims = torch.empty(len(rows)), targets[here].contiguous()
                learns = dx is not None or dweight is not None
                kernels.train_cross_entropy(
                    torch.get_num_threads(), _BRAIN[logits.dtype], logits.data_ptr(), aims.data_ptr(),
                    *logits.shape, 1 / count if learns else 0.0, losses.data_ptr(),
                )  # fmt: skip
                total += losses.sum()
                if dx is not None:
                    dx[here] = logits @ cast
                if dweight is not None:
                    dweight += logits.T @ rows
                continue
            logits = logits.float()
            capped = torch.tanh_(logits.div_(softcap)) if softcap else logits
            if softcap:
                logits = capped * softcap
            logs = torch.log_softmax(logits, -1)
            total -= logs.gather(1, wanted)[:, 0].mul_(kept[here]).sum()
            if dx is None and dweight is None:
                continue
            grad = logs.exp_()
            grad.scatter_add_(1, wanted, torch.full_like(wanted, -1, dtype=grad.dtype))
            grad.mul_(kept[here, None] / count)
            if softcap:
                grad.mul_(1 - capped * capped)
            grad = grad.to(cast.dtype)
            if dx is not None:
                dx[here] = grad @ cast
            if dweight is not None:
                dweight += grad.T @ rows
        ctx.save_for_backward(dx, dweight)
        ctx.dtype = weight.dtype
        return total / count

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, None, None, None, None]:
        dx, dweight = ctx.saved_tensors
        if float(grad.detach()) != 1.0:
            dx = None if dx is None else dx * grad
            dweight = None if dweight is None else dweight * grad
        return dx, None if dweight is None else dweight.to(ctx.dtype), None, None, None, None
