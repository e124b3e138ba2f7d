"""States of both back ends: what is kept of a sequence, and taking it away and bringing it back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from autogpt_desktop.engine import native
from autogpt_desktop.engine.interface import Decoder
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.torch_backend.kv_cache import KVCache
from tests.tiny import write_tiny_gguf

KINDS = ["torch"] + (["compiled"] if native.library() is not None else [])


def ids_of(count: int, seed: int = 1) -> list[int]:
    return np.random.default_rng(seed).integers(0, 270, count).tolist()


@pytest.fixture(scope="module", params=KINDS)
def decoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Decoder:
    path = tmp_path_factory.mktemp("state") / "tiny.gguf"
    write_tiny_gguf(path, "gemma3", quant="Q8_0", layers=7, context=1024)
    engine = run_to_end(load(path, device="cpu", compiled=request.param != "torch"))
    engine.close()
    return engine.decoder


@pytest.mark.slow
@pytest.mark.parametrize("tokens", [1, 37, 64, 300])
def test_a_restored_state_goes_on_to_the_bit(decoder: Decoder, tokens: int) -> None:
    ids, more = ids_of(300), ids_of(20, seed=2)
    state = decoder.new_state()
    decoder.forward([(state, ids)])
    kept = state.snapshot(tokens)
    state.trim(tokens)
    wanted = decoder.forward([(state, more)], "all")[0]
    other = decoder.new_state()
    decoder.forward([(other, ids_of(90, seed=3))])  # what it held is gone
    other.restore(ids[:tokens], kept)
    assert other.ids == ids[:tokens]
    assert len(other) == tokens
    again = other.snapshot(tokens)
    assert kept.keys() == again.keys()
    assert all(np.array_equal(kept[name], again[name]) for name in kept)
    assert torch.equal(decoder.forward([(other, more)], "all")[0], wanted)


def test_a_snapshot_is_a_copy_and_holds_no_later_token(decoder: Decoder) -> None:
    ids = ids_of(40)
    long, short = decoder.new_state(), decoder.new_state()
    decoder.forward([(long, ids)])
    decoder.forward([(short, ids[:21])])
    kept, wanted = long.snapshot(21), short.snapshot(21)
    decoder.forward([(long, ids)])
    assert all(np.array_equal(kept[name], wanted[name]) for name in wanted)
    assert sum(array.nbytes for array in long.snapshot(0).values()) == 0


def test_snapshots_that_do_not_fit_are_refused(decoder: Decoder) -> None:
    ids = ids_of(40)
    state = decoder.new_state()
    decoder.forward([(state, ids)])
    kept = state.snapshot(40)
    with pytest.raises(ValueError, match="41 tokens of 40"):
        state.snapshot(41)
    other = decoder.new_state()
    decoder.forward([(other, ids[:5])])
    name = next(iter(kept))
    bad = [
        {},
        kept | {"more": kept[name]},
        kept | {name: kept[name][:-1]},
        kept | {name: kept[name].view("u1")},
    ]
    for arrays in bad:
        with pytest.raises(ValueError, match="another kind"):
            other.restore(ids, arrays)
    with pytest.raises(ValueError, match="another kind"):
        other.restore(ids + ids, kept)
    assert other.ids == ids[:5]


def test_bfloat16_goes_through_numpy_as_its_bits() -> None:
    state = KVCache(2, 1, 4, 64, dtype=torch.bfloat16)
    state.reserve(3)
    for layer in range(2):
        state.update_and_fetch(layer, torch.randn(1, 3, 4), torch.randn(1, 3, 4))
    state.advance([1, 2, 3])
    kept = state.snapshot(2)
    assert kept["keys"].dtype == np.uint16
    other = KVCache(2, 1, 4, 64, dtype=torch.bfloat16)
    other.restore([1, 2], kept)
    assert all(torch.equal(a[:, :2], b[:, :2]) for a, b in zip(state.keys, other.keys, strict=True))
    assert all(torch.equal(a[:, :2], b[:, :2]) for a, b in zip(state.values, other.values, strict=True))
