"""The compiled back end: every kernel against float64, and whole models against the torch path."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
import torch.nn.functional as F

from autogpt_desktop.engine import build as building
from autogpt_desktop.engine import native
from autogpt_desktop.engine.build import build
from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.checkpoint import CheckpointTensor
from autogpt_desktop.engine.formats.gguf import BLOCK, read_gguf
from autogpt_desktop.engine.formats.gguf_mapping import config_from_gguf, decoder_sources
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.native.decoder import NativeDecoder, build_native
from autogpt_desktop.engine.native.weights import TYPES
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from tests.tiny import FAMILIES, RECURRENT, write_tiny_gguf

pytestmark = [
    pytest.mark.skipif(native.library() is None, reason="the compiled back end is not built"),
    pytest.mark.slow,
]
CPU = torch.device("cpu")
KERNELS = native.kernel_sets()
SCALES = {
    "Q4_1": (0, 2), "Q5_1": (0, 2), "Q4_K": (0, 2), "Q5_K": (0, 2), "Q6_K": (208,), "Q2_K": (80, 82),
    "Q3_K": (108,), "MXFP4": (),
}  # fmt: skip


def random_source(type: str, rows: int, cols: int, seed: int) -> CheckpointTensor:
    """Blocks of random bits with scales of an ordinary size."""
    rng = np.random.default_rng(seed)
    values, size = BLOCK[type]
    blocks = rng.integers(0, 256, (rows * cols // values, size), dtype=np.uint8)
    for at in SCALES.get(type, (0,)):
        scales = rng.uniform(0.001, 0.02, len(blocks)).astype("<f2")
        blocks[:, at : at + 2] = scales.view(np.uint8).reshape(-1, 2)
    if type == "MXFP4":
        blocks[:, 0] = rng.integers(112, 123, len(blocks))  # exponents
    return CheckpointTensor((rows, cols), type, blocks=blocks.reshape(-1))


def expanded(source: CheckpointTensor) -> np.ndarray:
    """float64, by the gguf package and not by our own code."""
    assert source.blocks is not None
    kind = gguf.GGMLQuantizationType[source.type]
    return gguf.quants.dequantize(source.blocks.reshape(source.shape[0], -1), kind).astype(np.float64)


def bare(kernels: str, threads: int = 1) -> NativeDecoder:
    """A decoder without weights, whose head serves as the matrix under test."""
    return NativeDecoder(
        ModelConfig("llama", 8, 32, 32, 0, 1, 1, 32, 64), 64, threads=threads, kernels=kernels
    )


def product(decoder: NativeDecoder, x: np.ndarray, rows: int) -> np.ndarray:
    y = np.full((len(x), rows), np.nan, np.float32)
    assert not decoder.library.native_product(decoder.model, x.ctypes.data, len(x), y.ctypes.data)
    return y


def rounded(x: np.ndarray) -> np.ndarray:
    """What the kernels make of activations: int8 with a scale per 16, in float64."""
    groups = x.reshape(len(x), -1, 16).astype(np.float64)
    scale = np.abs(groups).max(axis=2, keepdims=True) / 127
    return (np.rint(groups / np.where(scale > 0, scale, 1)) * scale).reshape(x.shape)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("type", TYPES)
def test_products_equal_float64(type: str, kernels: str) -> None:
    rng = np.random.default_rng(5)
    decoder = bare(kernels, threads=2)
    for seed, (rows, blocks, tokens) in enumerate(
        [(1, 1, 1), (8, 2, 3), (13, 3, 5), (40, 1, 6), (131, 2, 35)]
    ):
        cols = blocks * max(BLOCK[type][0], 32)
        source = random_source(type, rows, cols, seed)
        decoder.set_matrix(-1, 0, source)
        x = rng.normal(size=(tokens, cols)).astype(np.float32)
        weights = expanded(source)
        y = product(decoder, x, rows)
        # against the same activations only float32 sums and float16 sub-scales are left
        exact = rounded(x) @ weights.T
        scale = np.abs(rounded(x)) @ np.abs(weights).T
        k_quant = type in ("Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_XS")
        requantized = type == "Q2_K"  # to 8 bits: a hundredth of what its own 2 bits round
        # one activation in thousands lies between two integers and may go the other way
        assert np.median(np.abs(y - exact) / scale) < (1e-3 if requantized else 1e-4 if k_quant else 1e-6)
        assert np.max(np.abs(y - exact) / scale) < (5e-3 if requantized else 2e-3)
        wanted = x.astype(np.float64) @ weights.T
        assert np.max(np.abs(y - wanted) / (np.abs(x) @ np.abs(weights).T)) < 0.01


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("type", TYPES)
def test_extreme_integers_do_not_overflow(type: str, kernels: str) -> None:
    """All bits set, and -128 in Q8_0, against activations of one size: the largest sums there are."""
    values, size = BLOCK[type]
    cols = max(values, 32)
    decoder = bare(kernels)
    for byte in (0xFF, 0x80, 0x00, 0x7F):
        blocks = np.full((8 * cols // values, size), byte, np.uint8)
        for at in SCALES.get(type, (0,)):
            blocks[:, at : at + 2] = np.frombuffer(np.float16(0.01).tobytes(), np.uint8)
        if type == "MXFP4":
            blocks[:, 0] = 120
        source = CheckpointTensor((8, cols), type, blocks=blocks.reshape(-1))
        decoder.set_matrix(-1, 0, source)
        for tokens in (1, 9):
            for x in (np.ones((tokens, cols), np.float32), -np.ones((tokens, cols), np.float32)):
                wanted = x.astype(np.float64) @ expanded(source).T
                assert np.allclose(product(decoder, x, 8), wanted, rtol=2e-3, atol=1e-3 * cols)


def test_the_processor_decides_which_kernels_run(monkeypatch: pytest.MonkeyPatch) -> None:
    capability = torch.backends.cpu.get_cpu_capability()
    assert KERNELS[-1] == "portable"
    assert len(set(KERNELS)) == len(KERNELS)
    assert ("avx2" in KERNELS) == capability.startswith("AVX")
    monkeypatch.delenv("AUTOGPT_DESKTOP_KERNELS", raising=False)
    assert bare("").kernels == KERNELS[0]
    assert [bare(name).kernels for name in KERNELS] == list(KERNELS)
    monkeypatch.setenv("AUTOGPT_DESKTOP_KERNELS", "portable")
    assert bare("").kernels == "portable"
    with pytest.raises(ValueError, match="no kernels 'mmx' here"):
        bare("mmx")


@pytest.mark.parametrize("type", TYPES)
def test_every_set_but_the_portable_gives_the_same_bits(type: str) -> None:
    """For every number of tokens in a tile, and rows that fill their groups and panels or do not."""
    rng = np.random.default_rng(7)
    for rows in (3, 8, 13, 16, 41):
        cols = 2 * max(BLOCK[type][0], 32)
        source = random_source(type, rows, cols, rows)
        x = rng.normal(size=(33, cols)).astype(np.float32) * rng.lognormal(size=(33, cols)).astype(np.float32)
        found = []
        for kernels in KERNELS:
            decoder = bare(kernels)
            decoder.set_matrix(-1, 0, source)
            at_once = product(decoder, x, rows)
            for count in range(1, 33):
                assert np.array_equal(product(decoder, x[:count], rows), at_once[:count]), (kernels, count)
            found.append(at_once)
        scale = np.abs(x).astype(np.float64) @ np.abs(expanded(source)).T
        for other in found[1:-1]:
            assert np.array_equal(found[0], other)
        # the portable one rounds a product before it adds it, and may round an activation the other way
        assert np.max(np.abs(found[0] - found[-1]) / scale) < 2e-3


@pytest.mark.parametrize("kernels", KERNELS)
def test_zeros_and_rows_in_another_order(kernels: str) -> None:
    decoder = bare(kernels)
    plain = random_source("Q4_1", 21, 64, 1)
    x = np.random.default_rng(2).normal(size=(2, 64)).astype(np.float32)
    x[0, :32] = 0
    decoder.set_matrix(-1, 0, plain)
    straight = product(decoder, x, 21)
    order = np.random.default_rng(1).permutation(21)
    decoder.set_matrix(-1, 0, CheckpointTensor(plain.shape, plain.type, blocks=plain.blocks, row_order=order))
    assert np.array_equal(product(decoder, x, 21), straight[:, order])
    assert np.array_equal(product(decoder, np.zeros((1, 64), np.float32), 21), np.zeros((1, 21), np.float32))


# --- whole models


def sources_of(path: Path) -> tuple[ModelConfig, dict[str, CheckpointTensor]]:
    file = read_gguf(path)
    config = config_from_gguf(file)
    return config, decoder_sources(file, config)


def made(path: Path, *, threads: int = 2, kernels: str = "") -> NativeDecoder:
    config, sources = sources_of(path)
    if config.attention_gate:
        sources = building._split_gates(config, sources)
    if not config.rope_interleaved:
        sources = building._interleave_heads(config, sources)
    return run_to_end(build_native(config, sources, 200, threads=threads, kernels=kernels))


def exact(path: Path) -> Transformer:
    decoder = run_to_end(build(*sources_of(path), CPU, 200, float32=True))
    assert isinstance(decoder, Transformer)
    return decoder


def some_ids(count: int, seed: int = 3) -> list[int]:
    return np.random.default_rng(seed).integers(0, 270, count).tolist()


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("quant", ["Q4_0", "Q5_1", "Q8_0"])
@pytest.mark.parametrize("family", FAMILIES)
def test_logits_of_every_family(family: str, quant: str, kernels: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, family, quant=quant, layers=7 if family == "gemma3" else 3)
    ids = some_ids(70)  # beyond gemma3's window of 16
    reference, decoder = exact(path), made(path, kernels=kernels)
    wanted = reference.forward([(reference.new_state(), ids)], "all")[0]
    got = decoder.forward([(decoder.new_state(), ids)], "all")[0]
    assert got.shape == wanted.shape
    assert got.dtype == torch.float32
    assert (got - wanted).norm() / wanted.norm() < 0.03
    assert (
        F.kl_div(got.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="batchmean") < 1e-3
    )


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("quant", ["Q4_0", "Q5_1", "Q8_0"])
@pytest.mark.parametrize("family", RECURRENT)
def test_logits_of_families_that_remember(family: str, quant: str, kernels: str, tmp_path: Path) -> None:
    """What is remembered takes every rounding along: off by what torch's packed products are, at the most."""
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, family, quant=quant, layers=4)
    ids = some_ids(70)
    reference, decoder = exact(path), made(path, kernels=kernels)
    wanted = reference.forward([(reference.new_state(), ids)], "all")[0]
    got = decoder.forward([(decoder.new_state(), ids)], "all")[0]
    assert (got - wanted).norm() / wanted.norm() < 0.06
    assert (
        F.kl_div(got.log_softmax(-1), wanted.log_softmax(-1), log_target=True, reduction="batchmean") < 2e-3
    )


@pytest.mark.parametrize(
    ("family", "options"),
    [
        ("llama", {"metadata": {"final_logit_softcapping": 3.0}}),
        ("gemma3", {"metadata": {"final_logit_softcapping": 3.0, "attn_logit_softcapping": 1.0}}),
        ("llama", {"rope_freqs": True, "tied": True}),
        ("qwen3", {"heads": 3, "kv_heads": 1, "head_dim": 64}),
        ("llama", {"heads": 4, "kv_heads": 4, "hidden": 96, "intermediate": 160, "head_dim": 24}),
        ("llama", {"heads": 8, "kv_heads": 1, "head_dim": 12, "hidden": 96}),
        ("qwen35", {"layers": 4, "delta_heads": (1, 3), "tied": True}),
        ("lfm2", {"layers": 4, "hidden": 96, "intermediate": 160, "head_dim": 24}),
    ],
)
def test_logits_of_unusual_shapes(family: str, options: dict, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, family, quant="Q8_0", **options)
    ids = some_ids(40)
    reference, decoder = exact(path), made(path)
    wanted = reference.forward([(reference.new_state(), ids)], "all")[0]
    got = decoder.forward([(decoder.new_state(), ids)], "all")[0]
    assert (got - wanted).norm() / wanted.norm() < (0.06 if family in RECURRENT else 0.03)


@pytest.mark.parametrize("kernels", KERNELS)
@pytest.mark.parametrize("family", ["llama", "gemma3", *RECURRENT])
def test_bits_do_not_depend_on_batch_chunks_or_threads(family: str, kernels: str, tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, family, quant="Q5_0", layers=6, heads=8, kv_heads=2, head_dim=32)
    ids, other = some_ids(75), some_ids(41, seed=4)
    at_once: list[torch.Tensor] = []
    for threads in (1, 2, 3, 4):
        decoder = made(path, threads=threads, kernels=kernels)
        at_once.append(decoder.forward([(decoder.new_state(), ids)], "all")[0])
        assert torch.equal(at_once[0], at_once[-1])
    state = decoder.new_state()
    parts = [
        decoder.forward([(state, ids[a:b])], "all")[0] for a, b in ((0, 30), (30, 31), (31, 38), (38, 75))
    ]
    assert torch.equal(torch.cat(parts), at_once[0])
    state = decoder.new_state()
    single = [decoder.forward([(state, [token])])[0] for token in ids]
    assert torch.equal(torch.stack(single), at_once[0])
    states = [decoder.new_state() for _ in range(3)]
    decoder.forward([(states[0], ids[:20])])
    together = decoder.forward([(states[0], ids[20:]), (states[1], other), (states[2], ids[:1])])
    alone = decoder.forward([(decoder.new_state(), other)])[0]
    assert torch.equal(together[0], at_once[0][-1])
    assert torch.equal(together[1], alone)
    assert torch.equal(together[2], at_once[0][0])


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> NativeDecoder:
    path = tmp_path_factory.mktemp("native") / "tiny.gguf"
    write_tiny_gguf(path, "llama", quant="Q4_1", layers=4, context=2048)
    return made(path)


@pytest.mark.parametrize("family", ["llama", "gemma3", *RECURRENT])
def test_many_sequences_of_one_token_give_what_each_gives_alone(family: str, tmp_path: Path) -> None:
    """Few tokens, a batch's tile or two, and enough of them for panels all read weights in another way."""
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, family, quant="Q5_0", layers=4)
    decoder = made(path)
    prompts = [some_ids(3 + index % 5, seed=index) for index in range(40)]
    alone = [decoder.forward([(decoder.new_state(), ids)])[0] for ids in prompts]
    for count in (4, 5, 16, 17, 32, 40):
        states = [decoder.new_state() for _ in range(count)]
        for state, ids in zip(states, prompts, strict=False):
            decoder.forward([(state, ids[:-1])])
        together = decoder.forward([(state, ids[-1:]) for state, ids in zip(states, prompts, strict=False)])
        assert all(torch.equal(row, alone[index]) for index, row in enumerate(together)), count


def test_states_trim_fork_and_grow(tiny: NativeDecoder) -> None:
    ids = some_ids(60)
    state = tiny.new_state()
    first = tiny.forward([(state, ids)])[0]
    assert len(state) == 60
    assert state.ids == ids
    assert state.common_prefix([*ids[:7], 9999]) == 7
    fork = state.fork()
    state.trim(21)
    tiny.forward([(state, some_ids(30, seed=8))])
    state.trim(21)
    assert torch.equal(tiny.forward([(state, ids[21:])])[0], first), "as if the others had never been"
    again = tiny.forward([(fork, ids)])[0]
    fresh = tiny.new_state()
    fresh.reserve(150)
    assert fresh.nbytes > 0
    assert fresh.nbytes % fresh.capacity == 0
    assert torch.equal(tiny.forward([(fresh, ids + ids)])[0], again)
    with pytest.raises(ValueError, match="context"):
        tiny.forward([(fresh, ids + ids)])
    assert len(fresh) == 120


def test_growing_keeps_what_was_seen(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, "llama", quant="Q8_0", context=2048)
    config, sources = sources_of(path)
    decoder = run_to_end(build_native(config, sources, 2000, threads=2))
    ids, state, roomy = some_ids(700), decoder.new_state(), decoder.new_state()
    roomy.reserve(2000)
    for start in range(0, 700, 45):
        got = decoder.forward([(state, ids[start : start + 45])])[0]
    assert 700 <= state.capacity < 2000
    assert torch.equal(got, decoder.forward([(roomy, ids)])[0])


def test_a_pass_can_be_cancelled_between_layers(tiny: NativeDecoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autogpt_desktop.engine.native.decoder._CALL_WORK", 1)
    ids, state, asked = some_ids(20), tiny.new_state(), 0
    before = tiny.forward([(state, ids)])[0]
    state.trim(10)

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    with pytest.raises(Cancelled):
        tiny.forward([(state, some_ids(9, seed=6))], cancelled=cancelled)
    assert asked == 3
    assert state.ids == ids[:10]
    assert torch.equal(tiny.forward([(state, ids[10:])])[0], before)


def test_threads_sleep_between_answers(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, "llama", quant="Q4_1")
    decoder = made(path, threads=4)
    decoder.forward([(decoder.new_state(), some_ids(30))])
    began = time.process_time()
    time.sleep(0.4)
    assert time.process_time() - began < 0.1, "four threads spinning would take 0.4 s and more"
    decoder.forward([(decoder.new_state(), some_ids(30))])


def test_one_token_after_another_is_the_same_on_any_number_of_threads(tmp_path: Path) -> None:
    """Many short steps, in which each thread makes the activations for itself and takes others' chunks."""
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, "gemma3", quant="Q4_1", layers=7)
    answers = []
    for threads in (1, 2, 5):
        decoder = made(path, threads=threads)
        state = decoder.new_state()
        answers.append(torch.stack([decoder.forward([(state, [token])])[0] for token in some_ids(150)]))
    assert torch.equal(answers[0], answers[1])
    assert torch.equal(answers[0], answers[2])


def test_bad_calls_are_refused(tiny: NativeDecoder) -> None:
    state = tiny.new_state()
    for ids in ([-1], [10**6], []):
        with pytest.raises(IndexError):
            tiny.forward([(state, ids)])
    with pytest.raises(ValueError, match="twice"):
        tiny.forward([(state, [1]), (state, [2])])
    assert len(state) == 0


# --- which back end is chosen


def test_without_the_library_the_decoder_runs_on_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, quant="Q4_1")
    assert isinstance(run_to_end(build(*sources_of(path), CPU, 64)), NativeDecoder)
    assert isinstance(run_to_end(build(*sources_of(path), CPU, 64, compiled=False)), Transformer)
    monkeypatch.setattr(native, "library", lambda: None)
    assert isinstance(run_to_end(build(*sources_of(path), CPU, 64)), Transformer)


def test_a_library_that_does_not_load_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "_native.so").write_bytes(b"not a library")
    monkeypatch.setattr(native, "__file__", str(tmp_path / "__init__.py"))
    fresh: Callable[[], ctypes.CDLL | None] = native.library.__wrapped__
    with caplog.at_level("INFO"):
        assert fresh() is None
    assert "cannot be used" in caplog.text
    assert "runs on torch" in caplog.text


def test_unquantized_models_run_on_torch(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    write_tiny_gguf(path, quant="F16")
    assert isinstance(run_to_end(build(*sources_of(path), CPU, 64)), Transformer)


# --- real weights


@pytest.fixture(scope="module")
def gemma(gemma_gguf: Path) -> Iterator[Engine]:
    engine = run_to_end(load(gemma_gguf, device="cpu", context_length=1200))
    yield engine
    engine.close()


def loss(decoder: NativeDecoder | Transformer, ids: list[int]) -> float:
    """Mean loss of a text, in parts: all logits of gemma3 at once take a gigabyte."""
    state, total = decoder.new_state(), 0.0
    for start in range(0, len(ids) - 1, 128):
        part = ids[start : start + 128]
        target = torch.tensor(ids[start + 1 : start + 129])
        logits = decoder.forward([(state, part)], "all")[0][: len(target)]
        total += F.cross_entropy(logits, target, reduction="sum").item()
    return total / (len(ids) - 1)


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.parametrize("name", ["starter", "gemma"])
def test_perplexity_within_one_percent_of_float32(name: str, request: pytest.FixtureRequest) -> None:
    engine: Engine = request.getfixturevalue(name)
    path: Path = request.getfixturevalue(f"{name}_gguf")
    assert isinstance(engine.decoder, NativeDecoder)
    text = (Path(__file__).parents[3] / "LICENSE").read_text(encoding="utf-8")
    ids = engine.tokenizer.encode(" ".join(text.split()))[:640]  # the window is 512
    assert len(ids) == 640
    reference = run_to_end(load(path, device="cpu", context_length=700, float32=True))
    ratio = np.exp(loss(engine.decoder, ids) - loss(reference.decoder, ids))
    reference.close()
    assert abs(ratio - 1) < 0.01
