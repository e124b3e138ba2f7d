"""Attention of the compiled back end: against float64, to the bit, and what an int8 cache costs and saves."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autogpt_desktop.engine import native
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.decoder import NativeDecoder
from autogpt_desktop.engine.native.state import CacheType, NativeState, cache_bytes
from tests.tiny import write_tiny_gguf

pytestmark = [
    pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built"),
    pytest.mark.slow,
]
KINDS: list[CacheType] = ["float16", "int8"]
# what write_tiny_gguf is told
SHAPES: dict[str, dict[str, Any]] = {
    "64, 3 to 1": {"head_dim": 64, "heads": 3, "kv_heads": 1},
    "80": {"head_dim": 80, "heads": 2, "kv_heads": 2},
    "128, softcap": {
        "family": "gemma3", "layers": 6, "head_dim": 128, "heads": 4, "kv_heads": 2, "sliding_window": 300,
        "metadata": {"attn_logit_softcapping": 2.0},
    },
    "256, window": {"family": "gemma3", "layers": 6, "head_dim": 256, "kv_heads": 1, "sliding_window": 40},
    "24": {"head_dim": 24, "heads": 4, "kv_heads": 2},
    "12, too odd for vectors": {"head_dim": 12, "heads": 8, "kv_heads": 1},
}  # fmt: skip


def some_ids(count: int, seed: int = 3) -> list[int]:
    return np.random.default_rng(seed).integers(0, 270, count).tolist()


@pytest.fixture(scope="module", params=SHAPES)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("attention") / "tiny.gguf"
    write_tiny_gguf(path, quant="Q8_0", context=2048, **SHAPES[request.param])
    return path


def made(path: Path, kind: CacheType, threads: int = 2) -> NativeDecoder:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        engine = run_to_end(load(path, device="cpu", kv_cache=kind))
    finally:
        torch.set_num_threads(before)
    engine.close()
    assert isinstance(engine.decoder, NativeDecoder)
    return engine.decoder


@pytest.mark.parametrize("kind", KINDS)
def test_bits_do_not_depend_on_chunks_threads_or_company(file: Path, kind: CacheType) -> None:
    """Over several spans of keys, and single tokens behind a long context, whose keys threads share."""
    ids = some_ids(700)
    one, three = made(file, kind, 1), made(file, kind, 3)
    wanted = one.forward([(one.new_state(), ids)], "all")[0]
    state = three.new_state()
    cuts = [0, 1, 30, 255, 256, 257, 300, 640, 690, *range(691, 701)]
    parts = [three.forward([(state, ids[a:b])], "all")[0] for a, b in pairwise(cuts)]
    assert torch.equal(torch.cat(parts), wanted)
    states = [three.new_state() for _ in range(3)]
    three.forward([(states[0], ids[:600]), (states[1], ids[:20])])
    together = three.forward([(states[0], ids[600:601]), (states[1], ids[20:60]), (states[2], ids[:3])])
    assert all(torch.equal(got, wanted[at]) for got, at in zip(together, (600, 59, 2), strict=True))


@pytest.mark.parametrize("kind", KINDS)
def test_logits_equal_those_of_torch(file: Path, kind: CacheType) -> None:
    """The kernels alone are compared with float64 in native/check_kernels.cpp; here the whole way."""
    ids = some_ids(400)
    exact = run_to_end(load(file, device="cpu", float32=True))
    exact.close()
    decoder = made(file, kind)
    wanted = exact.decoder.forward([(exact.decoder.new_state(), ids)], "all")[0]
    got = decoder.forward([(decoder.new_state(), ids)], "all")[0]
    assert (got - wanted).norm() / wanted.norm() < 0.04
    divergence = F.kl_div(got.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="batchmean")
    assert divergence < 1e-3


def test_an_int8_state_trims_forks_grows_and_comes_back(file: Path) -> None:
    decoder, ids = made(file, "int8"), some_ids(400)
    state = decoder.new_state()
    wanted = decoder.forward([(state, ids)])[0]  # beyond the first capacity of 256
    fork, kept = state.fork(), state.snapshot(333)
    state.trim(50)
    decoder.forward([(state, some_ids(60, seed=8))])
    state.trim(50)
    assert torch.equal(decoder.forward([(state, ids[50:])])[0], wanted)
    fork.trim(399)
    assert torch.equal(decoder.forward([(fork, ids[399:])])[0], wanted)
    again = decoder.new_state()
    again.restore(ids[:333], kept)
    assert torch.equal(decoder.forward([(again, ids[333:])])[0], wanted)
    with pytest.raises(ValueError, match="another kind"):
        made(file, "float16").new_state().restore(ids[:333], kept)


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_cache_takes(kind: CacheType) -> None:
    state = NativeState(3, 2, 64, 1000, kind)
    state.reserve(512)
    assert state.nbytes == 512 * 3 * 2 * cache_bytes(kind, 64)
    assert cache_bytes("int8", 64) <= 0.54 * cache_bytes("float16", 64)


def test_a_smaller_cache_leaves_room_for_a_longer_context(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, quant="Q8_0", layers=2, head_dim=64, heads=2, kv_heads=1, context=100_000)
    monkeypatch.setattr("autogpt_desktop.engine.load._MAX_CACHE_BYTES", 2 * 64 * 4 * 10_000)
    lengths = {kind: made(path, kind).context_length for kind in KINDS}
    on_torch = run_to_end(load(path, device="cpu", compiled=False))
    on_torch.close()
    assert lengths["float16"] == 10_000
    assert lengths["int8"] == 2 * 64 * 4 * 10_000 // (2 * 2 * 68)
    assert on_torch.context_length == 5_000


@pytest.mark.weights
@pytest.mark.parametrize("model", ["starter_gguf", "gemma_gguf"])
def test_an_int8_cache_keeps_the_perplexity(model: str, request: pytest.FixtureRequest) -> None:
    path: Path = request.getfixturevalue(model)
    text = (Path(__file__).parents[2] / "data" / "prose.txt").read_text(encoding="utf-8")
    losses = {}
    for kind in KINDS:
        engine = run_to_end(load(path, device="cpu", context_length=513, kv_cache=kind))
        engine.close()
        ids, state, loss = engine.tokenizer.encode(text)[:513], engine.decoder.new_state(), 0.0
        for start in range(0, 512, 256):
            logits = engine.decoder.forward([(state, ids[start : start + 256])], "all")[0]
            targets = torch.tensor(ids[start + 1 : start + 257])
            loss += F.cross_entropy(logits, targets, reduction="sum").item()
        losses[kind] = loss / 512
    ratio = math.exp(losses["int8"] - losses["float16"])
    print(f"{model}: int8 {ratio - 1:+.3%} of float16, perplexity {math.exp(losses['float16']):.3f}")
    assert abs(ratio - 1) < 0.005
