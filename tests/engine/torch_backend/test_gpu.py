"""What a GPU does, on whatever device is present: the CPU runs the same passes and products always."""

from __future__ import annotations

import dataclasses
import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode

from autogpt_desktop.engine.build import build
from autogpt_desktop.engine.config import ModelConfig, Sampling
from autogpt_desktop.engine.formats.gguf import read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf, decoder_sources
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.torch_backend import cuda_graph, linear, packed_int
from autogpt_desktop.engine.torch_backend.cuda_graph import MAX_GRAPHS, GraphedDecode, GraphedPass
from autogpt_desktop.engine.torch_backend.kv_cache import KVCache
from autogpt_desktop.engine.torch_backend.linear import DenseWeight, storage_kind
from autogpt_desktop.engine.torch_backend.packed_int import (
    Int4Weight,
    TwoInt4Weight,
    inner_tiles,
    packed_works,
)
from autogpt_desktop.engine.torch_backend.transformer import BatchPass, EagerPass, Transformer
from autogpt_desktop.events import Text
from tests.engine.torch_backend.test_linear import random_source, reference
from tests.tiny import write_tiny_gguf

pytestmark = pytest.mark.slow  # together they take seconds

GPUS = [
    name
    for name, there in (("cuda", torch.cuda.is_available()), ("mps", torch.backends.mps.is_available()))
    if there
]
DEVICES = ["cpu", *GPUS]
CONTEXT = 700  # two doublings of the cache, and a last step that is none
# keys and values are bfloat16 on a GPU, and the two ways attend to them in different blocks
TOLERANCE = {"cpu": 2e-5, "cuda": 0.02, "mps": 0.02}
VARIANTS: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "llama": ("llama", {}, {}),
    "qwen2": ("qwen2", {}, {}),
    "qwen3": ("qwen3", {}, {}),
    "gemma3": ("gemma3", {"layers": 7, "sliding_window": 24}, {}),
    "gemma3-wide-window": ("gemma3", {"layers": 7, "sliding_window": 200}, {}),
    "softcaps": ("gemma3", {"layers": 7}, {"attn_logit_softcap": 0.5, "final_logit_softcap": 3.0}),
    "two-int4-and-int8": ("llama", {"quant": "Q8_0"}, {}),
    "int4": ("qwen3", {"quant": "Q4_0"}, {}),
}


def quantized(variant: str) -> str | None:
    quant: str | None = VARIANTS[variant][1].get("quant")
    return quant


def tiny(folder: Path, variant: str, device: str) -> Transformer:
    """A small random decoder on torch."""
    family, shape, change = VARIANTS[variant]
    file = read_gguf(write_tiny_gguf(folder / "tiny.gguf", family, **({"context": CONTEXT} | shape)).path)
    config: ModelConfig = dataclasses.replace(config_from_gguf(file), **change)
    sources = decoder_sources(file, config)
    decoder = run_to_end(build(config, sources, torch.device(device), CONTEXT, compiled=False))
    assert isinstance(decoder, Transformer)
    return decoder


def steps_of(decoder: Transformer) -> GraphedDecode:
    """The decoder's own on CUDA; elsewhere the same passes without a graph."""
    if decoder.graphed_decode is None:
        decoder.graphed_decode = GraphedDecode(decoder, graphed=False)
    assert isinstance(decoder.graphed_decode, GraphedDecode)
    return decoder.graphed_decode


def some_ids(count: int, seed: int = 0) -> list[int]:
    return torch.randint(3, 250, (count,), generator=torch.Generator().manual_seed(seed)).tolist()


def conversations(decoder: Transformer) -> Iterator[torch.Tensor]:
    """Logits along the way of two conversations that grow, are trimmed, forked and take turns."""

    def decode(state: KVCache, count: int, seed: int) -> Iterator[torch.Tensor]:
        for token in some_ids(count, seed):
            yield decoder.forward([(state, [token])])[0]

    first, second = decoder.new_state(), decoder.new_state()
    yield from decode(first, 3, 1)  # from nothing
    decoder.forward([(first, some_ids(240, 2))])
    yield from decode(first, 16, 3)  # beyond 256
    fork = first.fork()
    decoder.forward([(second, some_ids(30, 4))])
    for turn in range(3):
        for state in (first, second, fork):
            yield from decode(state, 2, 5 + turn)
    first.trim(100)
    yield from decode(first, 4, 9)
    yield decoder.forward([(first, some_ids(20, 10))])[0]  # a chunk reads what the single tokens left
    yield decoder.forward([(first, [5])], "all")[0][0]
    decoder.forward([(second, some_ids(500, 11))])
    yield from decode(second, 3, 12)
    yield from (row for row in decoder.forward([(first, [7]), (second, [8]), (fork, [9])]))
    decoder.forward([(fork, some_ids(CONTEXT - len(fork) - 2, 13))])
    yield from decode(fork, 2, 14)  # to the very end
    assert len(fork) == CONTEXT


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_pass_of_fixed_shape_gives_what_the_ordinary_one_gives(
    variant: str, device: str, tmp_path: Path
) -> None:
    decoder = tiny(tmp_path, variant, device)
    steps = steps_of(decoder)
    got = list(conversations(decoder))
    assert steps.kept
    assert not steps.failed
    decoder.graphed_decode = None
    wanted = list(conversations(decoder))
    assert len(got) == len(wanted) > 40
    for ours, theirs in zip(got, wanted, strict=True):
        assert ours.dtype == torch.float32
        # products of bfloat16 activations turn a last bit's difference into a few of theirs
        limit = 0.02 if quantized(variant) else TOLERANCE[device]
        assert (ours - theirs).norm() < limit * theirs.norm()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("variant", VARIANTS)
def test_sequences_that_share_a_pass_get_what_they_get_alone(
    variant: str, device: str, tmp_path: Path
) -> None:
    decoder = tiny(tmp_path, variant, device)
    results: list[list[torch.Tensor]] = []
    for shared in (True, False):
        decoder.shares_passes = shared
        states = [decoder.new_state() for _ in range(3)]
        rows = decoder.forward([(states[0], some_ids(60)), (states[1], some_ids(7)), (states[2], [5])])
        chunks = [(states[2], some_ids(30, 1)), (states[0], [6]), (states[1], [7])]
        rows += list(torch.cat(decoder.forward(chunks, "all")))
        rows += decoder.forward([(state, [8]) for state in states])
        rows += decoder.forward([(states[0], [3]), (states[0], [4])])  # one sequence in two parts
        assert [len(state) for state in states] == [64, 9, 32]
        assert states[0].ids[-2:] == [3, 4]
        results.append(rows)
    limit = 0.03 if quantized(variant) else TOLERANCE[device]
    assert len(results[0]) == len(results[1]) == 3 + 32 + 3 + 2
    for together, alone in zip(*results, strict=True):
        assert (together - alone).norm() < limit * alone.norm()


def test_a_shared_pass_that_is_cancelled_leaves_all_states(tmp_path: Path) -> None:
    decoder = tiny(tmp_path, "llama", "cpu")
    decoder.shares_passes, asked = True, iter([False, True])
    states = [decoder.new_state() for _ in range(2)]
    with pytest.raises(Cancelled):
        decoder.forward([(states[0], [5, 6]), (states[1], [7])], cancelled=lambda: next(asked))
    assert [len(state) for state in states] == [0, 0]


@pytest.mark.parametrize("device", DEVICES)
def test_what_a_gone_state_left_is_taken_over_and_harms_nobody(device: str, tmp_path: Path) -> None:
    decoder = tiny(tmp_path, "gemma3", device)
    steps, ids = steps_of(decoder), some_ids(20)
    wanted = decoder.forward([(decoder.new_state(), ids)])[0]

    def answer() -> KVCache:
        state = decoder.new_state()
        decoder.forward([(state, ids[:15])])
        for token in ids[15:]:
            logits = decoder.forward([(state, [token])])[0]
        assert (logits - wanted).norm() < max(TOLERANCE[device], 1e-4) * wanted.norm()
        return state

    state = answer()
    tensors = state.keys[0]
    with torch.inference_mode():
        for tensor in (*state.keys, *state.values):
            tensor[:, 10:] = torch.nan  # a conversation that went wrong
    del state
    gc.collect()
    state = answer()
    assert state.keys[0] is tensors
    assert len(steps.kept) == 1
    other = answer()
    assert other.keys[0] is not tensors, "what a state holds is its own"
    assert len(steps.kept) == 2, "what a state holds is its own"
    decoder.forward([(state, some_ids(300))])
    decoder.forward([(state, [5])])
    third = answer()
    assert third.keys[0] is tensors, "what was outgrown is handed on"
    assert len(steps.kept) == 3, "what was outgrown is handed on"


@pytest.mark.parametrize("device", DEVICES)
def test_numbers_gone_wrong_are_forgotten_with_their_tokens(device: str, tmp_path: Path) -> None:
    decoder = tiny(tmp_path, "llama", device)
    steps_of(decoder)
    state = decoder.new_state()
    decoder.forward([(state, some_ids(10))])
    wanted = decoder.forward([(state, [5])])[0].clone()
    with torch.inference_mode():
        state.values[0][:, 10:] = torch.nan
    assert decoder.forward([(state, [6])])[0].isnan().all()
    state.trim(10)
    assert torch.allclose(decoder.forward([(state, [5])])[0], wanted, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_more_states_than_graphs(device: str, tmp_path: Path) -> None:
    decoder = tiny(tmp_path, "llama", device)
    steps, ids = steps_of(decoder), some_ids(MAX_GRAPHS + 2)
    states = [decoder.new_state() for _ in ids]
    for _ in range(2):
        for state, token in zip(states, ids, strict=True):
            decoder.forward([(state, [token])])
    assert len(steps.kept) == MAX_GRAPHS, "the others go the ordinary way"
    decoder.graphed_decode = None
    for state, token in zip(states, ids, strict=True):
        assert state.ids == [token, token]
        fresh = decoder.new_state()
        decoder.forward([(fresh, [token, token])])
        for mine, its in zip(state.keys, fresh.keys, strict=True):
            assert torch.allclose(mine[:, :2].float(), its[:, :2].float(), atol=0.02)


def test_a_decoder_is_freed_when_it_is_let_go(tmp_path: Path) -> None:
    decoder = tiny(tmp_path, "llama", "cpu")
    steps_of(decoder)
    decoder.forward([(decoder.new_state(), [5])])
    gone = cuda_graph.weakref.ref(decoder)
    gc.disable()
    try:
        del decoder
        assert gone() is None, "a full card cannot wait for the garbage collector"
    finally:
        gc.enable()


def test_stop_comes_between_two_tokens(tmp_path: Path) -> None:
    decoder = tiny(tmp_path, "llama", "cpu")
    steps_of(decoder)
    state = decoder.new_state()
    decoder.forward([(state, [5])])
    with pytest.raises(Cancelled):
        decoder.forward([(state, [6])], cancelled=lambda: True)
    assert state.ids == [5]


@pytest.mark.parametrize(
    ("error", "for_good"),
    [
        (RuntimeError("operation not permitted when stream is capturing"), True),
        (torch.OutOfMemoryError("CUDA out of memory"), False),
    ],
)
def test_a_capture_that_fails_leaves_the_ordinary_way(
    error: RuntimeError,
    for_good: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    decoder = tiny(tmp_path, "llama", "cpu")
    state = decoder.new_state()
    wanted = decoder.forward([(decoder.new_state(), [5, 6])])[0]

    def broken(*_: Any) -> None:
        raise error

    monkeypatch.setattr(cuda_graph.CapturedGraph, "_capture", broken)
    steps = decoder.graphed_decode = GraphedDecode(decoder)
    with caplog.at_level(logging.WARNING):
        decoder.forward([(state, [5])])
        got = decoder.forward([(state, [6])])[0]
    assert torch.allclose(got, wanted, atol=1e-5)
    assert steps.failed is for_good
    assert not steps.kept
    assert len(caplog.records) == (1 if for_good else 2)


def test_a_graph_is_filled_replayed_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own graph is played by one that runs the pass again into the tensor it gave at capture, as
    a replay does; what is checked is what goes in and what comes out."""
    if torch.cuda.is_available():
        pytest.skip("the real ones run here")
    order: list[str] = []

    class Stream:
        def wait_stream(self, other: Stream) -> None:
            order.append("wait")

    class Graph:
        capturing: Graph | None = None
        pass_: tuple[GraphedPass, Transformer, torch.Tensor]

        def replay(self) -> None:
            order.append("replay")
            step, decoder, logits = self.pass_
            logits.copy_(run(step, decoder))

    @contextmanager
    def capture(graph: Graph, *, capture_error_mode: str) -> Iterator[None]:
        order.append("capture")
        Graph.capturing = graph
        yield
        Graph.capturing = None

    @contextmanager
    def on(stream: Stream) -> Iterator[None]:
        yield

    run = GraphedPass.run

    def watched(self: GraphedPass, decoder: Transformer) -> torch.Tensor:
        logits = run(self, decoder)
        if Graph.capturing is not None:
            Graph.capturing.pass_ = (self, decoder, logits)
        order.append("run")
        return logits

    monkeypatch.setattr(GraphedPass, "run", watched)
    doubles = {"Stream": Stream, "current_stream": Stream, "stream": on, "graph": capture, "CUDAGraph": Graph}
    for name, double in doubles.items():
        monkeypatch.setattr(torch.cuda, name, double)
    decoder = tiny(tmp_path, "gemma3", "cpu")
    decoder.graphed_decode = GraphedDecode(decoder)
    got = list(conversations(decoder))
    assert order[:7] == ["wait", "run", "run", "wait", "capture", "run", "replay"]
    assert not decoder.graphed_decode.failed
    assert order.count("replay") > 30 > 3 * order.count("capture") > 0
    decoder.graphed_decode = None
    for ours, theirs in zip(got, conversations(decoder), strict=True):
        assert (ours - theirs).norm() < TOLERANCE["cpu"] * theirs.norm()


def test_weights_that_the_processor_expands_are_not_captured(tmp_path: Path) -> None:
    VARIANTS["q2"] = ("llama", {"quant": "Q2_K", "hidden": 256, "intermediate": 256}, {})
    try:
        decoder = tiny(tmp_path, "q2", "cpu")
    finally:
        del VARIANTS["q2"]
    assert GraphedDecode(decoder).failed
    assert GraphedDecode(decoder)(decoder, decoder.new_state(), 5) is None


@pytest.mark.parametrize("variant", ["qwen3", "gemma3", "two-int4-and-int8", "int4"])
def test_a_pass_asks_the_device_for_nothing(
    variant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With stand-ins for tensors that have a device and no numbers, so that a read of one, or a tensor
    that is on the wrong device, raises; what a capture refuses, this refuses too."""
    monkeypatch.setattr(linear, "storage_kind", lambda type, cols, _: storage_kind(type, cols, "cuda"))
    monkeypatch.setattr(linear, "packed_works", lambda kind, device: True)
    with FakeTensorMode(allow_non_fake_inputs=True), torch.inference_mode():
        decoder = tiny(tmp_path, variant, "meta")
        kinds = {type(weight) for layer in decoder.layers for weight in layer.qkv.weights}
        assert kinds == {{"Q8_0": TwoInt4Weight, "Q4_0": Int4Weight}.get(quantized(variant), DenseWeight)}
        state = decoder.new_state()
        state.reserve(300)
        logits = GraphedPass(decoder, state.keys, state.values).run(decoder)
        assert logits.device.type == "meta"
        assert logits.shape == (decoder.config.vocab_size,)
        other = decoder.new_state()
        other.reserve(10)
        prefill, one = EagerPass(decoder, state, 8), EagerPass(decoder, other, 1)
        for tokens, through in ((8, prefill), (1, one), (9, BatchPass([prefill, one]))):
            x = torch.zeros(tokens, decoder.config.hidden_size, device="meta")
            for layer in decoder.layers:
                x = layer(x, through)
            assert decoder.logits(x).device.type == "meta"


def test_a_read_would_be_noticed() -> None:
    with FakeTensorMode(), pytest.raises(DataDependentOutputException):
        torch.zeros(1, device="meta").item()


# The packed products.


@pytest.mark.parametrize("device", DEVICES)
def test_packed_products_are_right_here(device: str) -> None:
    """The probe itself. An older card may lack both; the next test checks what runs then."""
    if device == "mps" or (device == "cuda" and torch.cuda.get_device_capability() < (8, 0)):
        pytest.skip("may or may not have them")
    assert packed_works("int4", device)
    assert packed_works("int8", device)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "type", ["Q2_K", "Q3_K", "Q4_0", "Q4_1", "Q4_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q8_0"]
)
def test_every_format_on_every_device(type: str, device: str) -> None:
    source = random_source(type, cols=768)
    weight = linear.store([source], torch.device(device))
    for tokens in (1, 3, 40):
        x = torch.randn(tokens, 768, generator=torch.Generator().manual_seed(tokens))
        wanted = x @ reference(source).T
        got = weight.matmul(x.to(device)).cpu()
        assert got.shape == wanted.shape
        assert got.dtype == torch.float32
        assert (got - wanted).norm() < 0.012 * wanted.norm()


@pytest.mark.parametrize("type", ["Q2_K", "Q3_K", "Q5_0", "Q5_1", "Q5_K", "Q6_K", "Q8_0"])
def test_two_int4_products_are_one_of_eight_bits(type: str) -> None:
    source = random_source(type)
    x = torch.randn(7, source.shape[1], generator=torch.Generator().manual_seed(2))
    wanted = x @ reference(source).T
    weight = TwoInt4Weight([source, source], torch.device("cpu"))
    got = weight.matmul(x)
    assert (got - torch.cat([wanted, wanted], dim=1)).norm() < 0.006 * got.norm()
    assert weight.nbytes <= 1.3 * weight.rows * weight.cols * 48 / 40 + 64, "ten bits and the padding"


@pytest.mark.parametrize("cols", [96, 576, 640, 1024])
@pytest.mark.parametrize("kind", [Int4Weight, TwoInt4Weight])
def test_what_a_gpu_is_handed_has_the_shape_it_wants(kind: type[Int4Weight], cols: int) -> None:
    """torch's own shape checks, which need no card; the C++ ones are repeated here."""
    weight = kind([random_source("Q4_0" if kind is Int4Weight else "Q8_0", cols=cols)], torch.device("meta"))
    wide, tiles = cols * kind.columns_per_weight, inner_tiles(cols * kind.columns_per_weight)
    assert weight.packed.shape == (48 // 8, wide // (16 * tiles), 32, tiles // 2)
    assert weight.packed.dtype == torch.int32
    assert weight.scale_zero.shape == (wide // 32, 48, 2)
    assert weight.scale_zero.dtype == torch.bfloat16
    assert weight.scale_zero.is_contiguous()
    assert wide % (16 * tiles) == 0
    with FakeTensorMode(allow_non_fake_inputs=True):
        assert weight.matmul(torch.empty(3, cols, device="meta")).shape == (3, 40)


def test_the_even_column_is_the_upper_half_of_a_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Tensor] = []
    monkeypatch.setattr(torch, "_convert_weight_to_int4pack", lambda nibbles, tiles: seen.append(nibbles))
    quants = torch.arange(16, dtype=torch.uint8).repeat(16, 2)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *_: self)
    packed_int.pack_int4(quants, torch.device("meta"))
    assert seen[0][0, :3].tolist() == [0x01, 0x23, 0x45]


@pytest.mark.parametrize("kind", ["int4", "int8"])
@pytest.mark.parametrize("fault", ["zeros", "missing", "nan"])
def test_a_product_that_is_wrong_or_missing_is_found_out(
    kind: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = {"int4": "_weight_int4pack_mm_for_cpu", "int8": "_weight_int8pack_mm"}[kind]
    right = getattr(torch, name)

    def wrong(*args: Any) -> torch.Tensor:
        if fault == "missing":
            raise NotImplementedError(f"Could not run 'aten::{name}' with arguments from this backend")
        return right(*args) * (0.0 if fault == "zeros" else torch.nan)

    monkeypatch.setattr(torch, name, wrong)
    assert packed_works.__wrapped__(kind, "cpu") is False


def test_a_probe_without_memory_decides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch, "_weight_int8pack_mm", full)
    with pytest.raises(torch.OutOfMemoryError):
        packed_works.__wrapped__("int8", "cpu")


@pytest.mark.parametrize(
    ("device", "int4", "expected"),
    [
        ("cuda", True, ["int4", "two-int4", "two-int4", "dense", "dense"]),
        ("cuda", False, ["int8", "int8", "int8", "dense", "dense"]),
        ("mps", True, ["int4", "int8", "int8", "dense", "dense"]),
        ("mps", False, ["int8", "int8", "int8", "dense", "dense"]),
        ("cpu", True, ["int4", "int8", "blocks", "blocks", "dense"]),
    ],
)
def test_where_weights_are_kept(
    device: str, int4: bool, expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linear, "packed_works", lambda kind, place: int4 if kind == "int4" else True)
    asked = [("Q4_K", 512), ("Q6_K", 512), ("Q2_K", 512), ("Q8_0", 48), ("BF16", 512)]
    assert [storage_kind(type, cols, device) for type, cols in asked] == expected


# Whole models.


@pytest.mark.slow
@pytest.mark.parametrize("device", GPUS)
def test_the_starter_model_answers_on_a_gpu_as_on_the_processor(device: str, starter_gguf: Path) -> None:
    answers = []
    for place in (device, "cpu"):
        engine = run_to_end(load(starter_gguf, device=place, context_length=1024))
        assert engine.device == place
        assert not engine.notices
        ids = engine.chat_ids([{"role": "user", "content": "What is the capital of France?"}])
        sampling = Sampling(temperature=0.0, max_tokens=24)
        answers.append("".join(e.text for e in engine.stream(ids, sampling) if isinstance(e, Text)))
        if device == "cuda" and place == device:
            steps = engine.decoder.graphed_decode  # type: ignore[attr-defined]
            assert steps.kept
            assert steps.kept[0].graph is not None
            assert not steps.failed
        engine.close()
    assert all("Paris" in answer for answer in answers)
