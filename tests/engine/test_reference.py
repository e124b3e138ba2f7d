"""Are the numbers right? Our decoder against ``transformers`` with the same weights, dequantized.

Tiny random models of every family and format, and both real models on 750 tokens of English. On
float32 compute the logits must agree position by position, on the packed weights in perplexity.
"""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from autogpt_desktop.engine.load import load, run_to_end
from tests.engine.reference import (
    Forward,
    held_bytes,
    mixed_gguf,
    our_forward,
    reference_forward,
    reference_model,
)
from tests.tiny import RECURRENT, write_tiny_gguf

pytestmark = pytest.mark.slow  # together they take seconds

PROSE = Path(__file__).parent.parent / "data" / "prose.txt"
POSITIONS = 500  # compared one by one
TOKENS = 750  # of the perplexity: more than the window of 512 that Gemma sees
CHUNK = 250  # Gemma's logits of so many tokens take a quarter of a gigabyte

BIG = {"hidden": 256, "intermediate": 256, "heads": 4, "kv_heads": 2, "head_dim": 64}  # whole blocks of 256


@dataclass
class Agreement:
    """How far two models agree on the positions they were both shown."""

    positions: int = 0
    equal: int = 0
    largest: float = 0.0
    divergence: float = 0.0

    def add(self, expected: torch.Tensor, ours: torch.Tensor) -> None:
        """Logits [tokens, vocab_size] of the reference and of ours."""
        assert ours.dtype == torch.float32
        assert ours.shape == expected.shape
        for left, right in zip(expected.split(50), ours.split(50), strict=True):  # bounds the memory
            p, q = left.log_softmax(-1), right.log_softmax(-1)
            delta = (p - q).abs().max().item()
            assert math.isfinite(delta)
            self.positions += len(p)
            self.equal += int((p.argmax(-1) == q.argmax(-1)).sum())
            self.largest = max(self.largest, delta)
            self.divergence += F.kl_div(q, p, reduction="sum", log_target=True).item()

    def check(self) -> None:
        assert self.positions >= POSITIONS
        assert self.equal >= 0.995 * self.positions, f"top-1 {self.equal} of {self.positions}"
        assert self.largest < 0.02, f"max |Δ log p| {self.largest}"


@dataclass
class Tiny:
    family: str
    quant: str | tuple[str, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> Path:
        quants = (self.quant,) if isinstance(self.quant, str) else self.quant
        files = []
        for quant in quants:
            path = folder / f"{quant}.gguf"
            write_tiny_gguf(path, self.family, quant=quant, chat_template=None, **self.options)
            files.append(path)
        return mixed_gguf(folder / "mixed.gguf", files)


SLOW_TURNS = {"rope.freq_base": 300_000.0}
LINEAR = {"rope.scaling.type": "linear", "rope.scaling.factor": 4.0}
YARN = {"rope.scaling.type": "yarn", "rope.scaling.factor": 4.0, "rope.scaling.original_context_length": 64}
TINY = {
    "llama-f32": Tiny("llama", "F32"),
    "llama-f16-untied-mha": Tiny("llama", "F16", {"tied": False, "kv_heads": 4, "metadata": SLOW_TURNS}),
    "llama-bf16-tied": Tiny("llama", "BF16", {"tied": True}),
    "llama-rope-freqs-f32": Tiny("llama", "F32", {"rope_freqs": True}),
    "llama-rope-freqs-q8_0": Tiny("llama", "Q8_0", {"rope_freqs": True}),
    "llama-linear-rope-q4_1": Tiny("llama", "Q4_1", {"metadata": LINEAR}),
    "mistral-window-f32": Tiny("llama", "F32", {"metadata": {"attention.sliding_window": 24}}),
    "mistral-window-q4_0": Tiny("llama", "Q4_0", {"metadata": {"attention.sliding_window": 24}}),
    "llama-q2_k-q3_k": Tiny("llama", ("Q2_K", "Q3_K"), BIG),
    "llama-q4_k-q6_k-q3_k-q5_k": Tiny("llama", ("Q4_K", "Q6_K", "Q3_K", "Q5_K"), BIG),
    "llama-iq4_nl-mxfp4-iq4_xs": Tiny("llama", ("IQ4_NL", "MXFP4", "IQ4_XS"), BIG),
    "qwen2-f32": Tiny("qwen2", "F32"),
    "qwen2-q5_0": Tiny("qwen2", "Q5_0"),
    "qwen2-yarn-q4_k": Tiny("qwen2", "Q4_K", BIG | {"metadata": YARN}),
    "qwen3-f32": Tiny("qwen3", "F32"),
    "qwen3-q5_1": Tiny("qwen3", "Q5_1"),
    "qwen3-q6_k-tied": Tiny("qwen3", "Q6_K", BIG | {"tied": True}),
    "gemma3-f32": Tiny("gemma3", "F32", {"layers": 7}),
    "gemma3-linear-rope-q4_1-q8_0": Tiny("gemma3", ("Q4_1", "Q8_0"), {"layers": 7, "metadata": LINEAR}),
    "qwen35-f32": Tiny("qwen35", "F32", {"layers": 8}),
    "qwen35-one-value-head-a-key-q8_0": Tiny("qwen35", "Q8_0", {"layers": 4, "delta_heads": (4, 4)}),
    "qwen35-q4_0-q5_1": Tiny("qwen35", ("Q4_0", "Q5_1"), {"layers": 4, "delta_heads": (1, 4), "tied": True}),
    "lfm2-f32": Tiny("lfm2", "F32", {"layers": 6}),
    "lfm2-q8_0": Tiny("lfm2", "Q8_0", {"layers": 6}),
    "gemma3-softcap-q5_k": Tiny(
        "gemma3", "Q5_K", BIG | {"layers": 7, "metadata": SLOW_TURNS | {"final_logit_softcapping": 2.0}}
    ),
    "smollm3-f32": Tiny("smollm3", "F32", {"layers": 5, "tied": True}),
    "smollm3-q4_k": Tiny("smollm3", "Q4_K", BIG | {"layers": 4}),
    "granite-f32": Tiny("granite", "F32"),
    "granite-q5_0": Tiny("granite", "Q5_0"),
    "phi3-f32": Tiny("phi3", "F32"),
    "phi3-window-q4_1": Tiny("phi3", "Q4_1", {"metadata": {"attention.sliding_window": 24}}),
    "phi3-longrope-f32": Tiny("phi3", "F32", {"long_rope": True}),
    "phi3-longrope-q4_k-q6_k": Tiny("phi3", ("Q4_K", "Q6_K"), BIG | {"long_rope": True}),
    "olmo2-f32": Tiny("olmo2", "F32"),
    "olmo2-q8_0": Tiny("olmo2", "Q8_0"),
    "hunyuan-f32": Tiny("hunyuan-dense", "F32", {"tied": True}),
    "hunyuan-q4_0": Tiny("hunyuan-dense", "Q4_0", {"metadata": SLOW_TURNS}),
    "mistral3-f32": Tiny("mistral3", "F32"),
    "mistral3-q6_k": Tiny("mistral3", "Q6_K", BIG),
}


def random_sequences(vocab: int, count: int = 2, length: int = 250) -> list[list[int]]:
    chance = random.Random(11)
    return [[chance.randrange(vocab) for _ in range(length)] for _ in range(count)]


@pytest.mark.parametrize("name", TINY)
def test_tiny_models_agree_with_transformers(name: str, tmp_path: Path) -> None:
    """float32: the same logits. Packed: perplexity within 0.1 % on text drawn from the reference.

    The perplexity of such text is exp(H(p)) for the reference and exp(H(p) + KL(p‖q)) for ours, so
    that exp(KL) is their ratio, exactly and without drawing.
    """
    path = TINY[name].write(tmp_path)
    model = reference_model(path)
    exact = run_to_end(load(path, device="cpu", float32=True))
    packed = run_to_end(load(path, device="cpu"))
    same, near = Agreement(), Agreement()
    for ids in random_sequences(model.config.vocab_size):
        expected = reference_forward(model)(ids)
        assert 0.5 < expected.std(-1).mean() < 2, "flat or saturated logits would tell nothing"
        same.add(expected, in_pieces(our_forward(exact.decoder), ids))
        near.add(expected, in_pieces(our_forward(packed.decoder), ids))
    same.check()
    ratio = math.exp(near.divergence / near.positions)
    print(f"{name}: top-1 {same.equal}/{same.positions}, max {same.largest:.1e}; packed ratio {ratio:.5f}")
    # what recurrent layers remember takes every rounding along
    assert ratio < (1.003 if TINY[name].family in RECURRENT else 1.001)


def in_pieces(forward: Forward, ids: list[int]) -> torch.Tensor:
    """Logits of ``ids`` by way of the cache: a prefill, single tokens, and chunks behind them."""
    cuts = [0, 100, 101, 102, 170, len(ids)]
    return torch.cat([forward(ids[start:stop]) for start, stop in itertools.pairwise(cuts)])


@dataclass
class Comparison:
    """One real model on the prose, by transformers and by ours."""

    float32: Agreement
    reference_perplexity: float
    torch_perplexity: float
    compiled_perplexity: float
    compiled_bytes: int
    weight_bytes: int
    held_bytes: int
    file_bytes: int


def compare(path: Path) -> Comparison:
    """All four go chunk by chunk side by side, so that only one chunk's logits are ever held."""
    compiled = run_to_end(load(path, device="cpu", context_length=TOKENS))
    engine = run_to_end(load(path, device="cpu", context_length=TOKENS, compiled=False))
    exact = run_to_end(load(path, device="cpu", context_length=POSITIONS, float32=True))
    try:
        ids = engine.tokenizer.encode(PROSE.read_text(encoding="utf-8"))[: TOKENS + 1]
        assert len(ids) == TOKENS + 1
        reference = reference_forward(reference_model(path))
        float32 = our_forward(exact.decoder)
        ours = [our_forward(engine.decoder), our_forward(compiled.decoder)]
        agreement, losses = Agreement(), [0.0, 0.0, 0.0]
        for start in range(0, TOKENS, CHUNK):
            chunk, targets = ids[start : start + CHUNK], torch.tensor(ids[start + 1 : start + CHUNK + 1])
            expected = reference(chunk)
            if start < POSITIONS:
                agreement.add(expected, float32(chunk))
            for index, logits in enumerate((expected, *(forward(chunk) for forward in ours))):
                losses[index] += F.cross_entropy(logits, targets, reduction="sum").item()
        return Comparison(
            agreement,
            *(math.exp(loss / TOKENS) for loss in losses),
            compiled_bytes=compiled.weight_bytes,
            weight_bytes=engine.weight_bytes,
            held_bytes=held_bytes(engine.decoder),
            file_bytes=path.stat().st_size,
        )
    finally:
        for loaded in (compiled, engine, exact):
            loaded.close()


@pytest.fixture(scope="session")
def comparison(request: pytest.FixtureRequest) -> Comparison:
    return compare(request.getfixturevalue(request.param))


both = pytest.mark.parametrize("comparison", ["starter_gguf", "gemma_gguf"], indirect=True, scope="session")


@pytest.mark.weights
@both
def test_float32_logits_equal_transformers(comparison: Comparison) -> None:
    found = comparison.float32
    print(f"top-1 {found.equal} of {found.positions}, max |Δ log p| {found.largest:.4f}")
    found.check()


@pytest.mark.weights
@both
def test_perplexity_of_each_compute_path_is_that_of_the_reference(comparison: Comparison) -> None:
    expected = comparison.reference_perplexity
    assert 3 < expected < 60, "a model that reads English"
    for name in ("torch", "compiled"):
        found = getattr(comparison, f"{name}_perplexity")
        print(f"{name}: perplexity {found:.4f}, of the reference {expected:.4f}: {found / expected - 1:+.2%}")
        assert abs(found / expected - 1) < 0.01, name


@pytest.mark.weights
@both
def test_weights_stay_small(comparison: Comparison) -> None:
    size = comparison.file_bytes
    reported, held = comparison.weight_bytes, comparison.held_bytes
    print(f"reported {reported / size:.3f} × the file's bytes, held {held / size:.3f} ×")
    assert reported <= 1.6 * size
    assert comparison.compiled_bytes <= 1.6 * size
    assert held <= 1.6 * size
    assert reported == pytest.approx(held, rel=0.05), "the rest is norms and rotary tables"
