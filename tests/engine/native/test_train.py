"""The compiled kernels of training against torch's operators, forward and back, in both types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import torch
from torch import Tensor

from autogpt_desktop.engine.native import train
from autogpt_desktop.engine.torch_backend import autograd

pytestmark = pytest.mark.skipif(train.library() is None, reason="no kernels for training here")
DTYPES = {torch.float32: 2e-5, torch.bfloat16: 2e-2}


@contextmanager
def plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(train, "library", lambda: None)
        yield


def numbers(*shape: int, dtype: torch.dtype = torch.float32, seed: int = 0) -> Tensor:
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return made.to(dtype).requires_grad_()


def both(
    monkeypatch: pytest.MonkeyPatch, work: Callable[..., Tensor], inputs: list[Tensor], tolerance: float
) -> None:
    """Results and gradients of ``work`` with the kernels and without."""
    found = []
    for compiled in (True, False):
        for one in inputs:
            one.grad = None
        if compiled:
            out = work(*inputs)
            out.backward(torch.ones_like(out).cumsum(-1) / out.shape[-1])
        else:
            with plain(monkeypatch):
                out = work(*inputs)
                out.backward(torch.ones_like(out).cumsum(-1) / out.shape[-1])
        found.append([out.detach(), *(one.grad for one in inputs)])
    for mine, torchs in zip(*found, strict=True):
        assert mine.dtype == torchs.dtype
        scale = float(torchs.float().abs().max())
        assert float((mine.float() - torchs.float()).abs().max()) <= tolerance * max(scale, 1e-3)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cols", [8, 24, 100])
def test_rms_norm(dtype: torch.dtype, cols: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [numbers(700, cols, dtype=dtype), numbers(cols, seed=1)]
    both(monkeypatch, lambda x, w: autograd.rms_norm(x, w, 1e-5), inputs, DTYPES[dtype])
    heads = [numbers(90, 5, cols, dtype=dtype), numbers(5, cols, seed=1)]
    both(monkeypatch, lambda x, w: autograd.rms_norm(x, w, 1e-5), heads, DTYPES[dtype])


def test_rms_norm_writes_the_products_type(monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [numbers(50, 64), numbers(64, seed=1)]
    both(monkeypatch, lambda x, w: autograd.rms_norm(x, w, 1e-5, torch.bfloat16), inputs, 2e-2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("cols", [16, 40, 2 * 37])
def test_swiglu(dtype: torch.dtype, cols: int, monkeypatch: pytest.MonkeyPatch) -> None:
    both(
        monkeypatch, lambda x: autograd.gated(x * 3, "silu"), [numbers(300, cols, dtype=dtype)], DTYPES[dtype]
    )


@pytest.mark.parametrize("dtype", DTYPES)
def test_rotary(dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch) -> None:
    angles = torch.randn(60, 1, 8, generator=torch.Generator().manual_seed(3))
    turns = torch.polar(torch.ones(60, 1, 8), angles)

    def work(x: Tensor) -> Tensor:
        return autograd.apply_rotary_emb(x[:, :5], turns)  # rows that lie apart

    both(monkeypatch, work, [numbers(60, 7, 16, dtype=dtype)], DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("length", "shared"), [(5, 4), (40, 2), (130, 1), (300, 2)])
def test_attention(dtype: torch.dtype, length: int, shared: int, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = [numbers(2, length, heads, 16, dtype=dtype, seed=heads) for heads in (4, shared)]
    inputs.append(numbers(2, length, shared, 16, dtype=dtype, seed=9))
    both(monkeypatch, lambda q, k, v: autograd.causal_attention(q, k, v, 0.25), inputs, DTYPES[dtype])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("vocabulary", [16, 257, 1000])
def test_cross_entropy(dtype: torch.dtype, vocabulary: int, monkeypatch: pytest.MonkeyPatch) -> None:
    targets = torch.randint(-1, vocabulary, (90,), generator=torch.Generator().manual_seed(2))

    def work(x: Tensor, weight: Tensor) -> Tensor:
        return autograd.linear_cross_entropy(x, weight, weight.detach().to(dtype), targets)[None]

    both(monkeypatch, work, [numbers(90, 32), numbers(vocabulary, 32, seed=4)], DTYPES[dtype])


def test_threads_change_nothing() -> None:
    found = []
    before = torch.get_num_threads()
    for count in (1, 2, 3):
        torch.set_num_threads(count)
        x, w = numbers(3000, 64), numbers(64, seed=1)
        autograd.rms_norm(x, w, 1e-5).sum().backward()
        assert x.grad is not None
        assert w.grad is not None
        found.append((x.grad, w.grad))
    torch.set_num_threads(before)
    assert all(torch.equal(a, b) for one in found[1:] for a, b in zip(one, found[0], strict=True))


def test_what_is_no_number_stays_none() -> None:
    x = torch.tensor([[float("nan"), 1.0] * 8], requires_grad=True)
    assert bool(torch.isnan(autograd.rms_norm(x, torch.ones(16), 1e-5, torch.bfloat16)).all())
    logits = torch.full((1, 16), float("nan"))
    loss = autograd.linear_cross_entropy(
        logits.requires_grad_(), torch.eye(16), torch.eye(16), torch.tensor([3])
    )
    assert bool(torch.isnan(loss.detach()))
