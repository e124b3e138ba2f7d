"""Adapters: their gradient, what they are on disk, and what a model says that was loaded with one."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from autogpt_desktop.engine import native
from autogpt_desktop.engine.build import build, in_decoder_order
from autogpt_desktop.engine.formats.adapter import AdapterConfig, LowRank, read_adapter, write_adapter
from autogpt_desktop.engine.formats.adapter_files import Base
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import Checkpoint, load, open_checkpoint, run_to_end
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.lab.adapt.encode import Encoded
from autogpt_desktop.lab.adapt.lora import LoraSettings, adapted, build_adapted, low_rank, parameters
from autogpt_desktop.lab.adapt.loss import packed_loss, shared_prefix
from tests.lab.adapt.kit import merged
from tests.tiny import write_tiny_gguf

CPU = torch.device("cpu")
SETTINGS = LoraSettings(rank=4, alpha=8.0, seed=3)


def opened(tmp_path: Path, family: str = "llama", quant: str = "F32") -> Checkpoint:
    return open_checkpoint(write_tiny_gguf(tmp_path / "base.gguf", family, quant=quant).path)


def trainable(checkpoint: Checkpoint, *, keep: bool = True, filled: bool = True) -> Transformer:
    decoder = run_to_end(build_adapted(checkpoint.config, checkpoint.sources, CPU, 128, SETTINGS, keep=keep))
    if filled:
        generator = torch.Generator().manual_seed(1)
        for linear in adapted(decoder):
            linear.b.data.normal_(0, 0.1, generator=generator)
    return decoder


def sequences(lengths: tuple[int, ...] = (5, 9, 9, 30)) -> list[Encoded]:
    random = np.random.default_rng(0)
    return [
        Encoded(random.integers(3, 250, size).astype(np.int32), random.random(size - 1) < 0.6)
        for size in lengths
    ]


def plain_loss(decoder: Transformer, sequences: list[Encoded]) -> float:
    """By the ordinary pass, one sequence at a time."""
    total = 0.0
    for one in sequences:
        (logits,) = decoder.forward([(decoder.new_state(), one.ids[:-1].tolist())], "all")
        losses = torch.nn.functional.cross_entropy(
            logits, torch.from_numpy(one.ids[1:].astype(np.int64)), reduction="none"
        )
        total += float(losses[torch.from_numpy(one.learned)].sum())
    return total


@pytest.mark.parametrize("family", ["llama", "qwen2", "qwen3", "gemma3"])
def test_packed_sequences_have_the_loss_that_each_has_alone(tmp_path: Path, family: str) -> None:
    decoder = trainable(opened(tmp_path, family))
    found = sequences()
    assert packed_loss(decoder, found).item() == pytest.approx(plain_loss(decoder, found), rel=1e-4)


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("family", ["llama", "gemma3"])
def test_what_sequences_begin_with_is_computed_once_with_the_same_gradient(
    tmp_path: Path, family: str, recompute: bool
) -> None:
    decoder = trainable(opened(tmp_path, family))
    beginning = np.random.default_rng(5).integers(3, 250, 20).astype(np.int32)
    found = []
    for one in sequences((6, 11, 30)):
        ids = np.concatenate([beginning, one.ids])
        found.append(Encoded(ids, np.concatenate([np.zeros(20, np.bool_), one.learned])))
    assert shared_prefix(found) == 20

    def gradients(groups: list[list[Encoded]]) -> tuple[float, list[Tensor]]:
        total = 0.0
        for group in groups:
            loss = packed_loss(decoder, group, recompute=recompute)
            loss.backward()
            total += loss.item()
        found = [tensor.grad for tensor in parameters(decoder) if tensor.grad is not None]
        for tensor in parameters(decoder):
            tensor.grad = None
        return total, found

    once, one_by_one = gradients([found]), gradients([[one] for one in found])
    assert once[0] == pytest.approx(one_by_one[0], rel=1e-5)
    for got, expected in zip(once[1], one_by_one[1], strict=True):
        assert torch.allclose(got, expected, atol=1e-4 * float(expected.abs().max()) + 1e-6)


def test_an_adapter_begins_as_its_base(tmp_path: Path) -> None:
    checkpoint = opened(tmp_path)
    base = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 128, float32=True))
    fresh = trainable(checkpoint, filled=False)
    ids = [5, 80, 17, 200, 31]
    assert torch.allclose(
        fresh.forward([(fresh.new_state(), ids)], "all")[0],
        base.forward([(base.new_state(), ids)], "all")[0],
        atol=1e-5,
    )


def test_the_gradient_is_that_of_a_small_change(tmp_path: Path) -> None:
    decoder = trainable(opened(tmp_path, "qwen3"))
    found = sequences()
    packed_loss(decoder, found).backward()
    generator = torch.Generator().manual_seed(7)
    for tensor in (parameters(decoder)[0], parameters(decoder)[1], parameters(decoder)[5]):
        assert tensor.grad is not None
        way = torch.randn(tensor.shape, generator=generator)
        step = 2e-3
        with torch.no_grad():
            tensor += step * way
            high = packed_loss(decoder, found).item()
            tensor -= 2 * step * way
            low = packed_loss(decoder, found).item()
            tensor += step * way
        expected = (high - low) / (2 * step)
        assert float((tensor.grad * way).sum()) == pytest.approx(expected, rel=0.02, abs=0.02)


@pytest.mark.parametrize("recompute", [False, True])
def test_weights_that_are_expanded_at_each_use_have_the_same_gradient(
    tmp_path: Path, recompute: bool
) -> None:
    checkpoint = opened(tmp_path, quant="Q8_0")
    found = sequences((6, 11))

    def gradients(decoder: Transformer, recompute: bool) -> list[Tensor]:
        packed_loss(decoder, found, recompute=recompute).backward()
        return [tensor.grad for tensor in parameters(decoder) if tensor.grad is not None]

    kept = gradients(trainable(checkpoint), False)
    again = gradients(trainable(checkpoint, keep=False), recompute)
    assert len(kept) == len(again) == 2 * 4 * 2
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(kept, again, strict=True))


def saved(tmp_path: Path, decoder: Transformer) -> Path:
    config = AdapterConfig(Base("Tiny", "abc"), SETTINGS.rank, SETTINGS.alpha, "my style")
    write_adapter(tmp_path / "adapter", config, low_rank(decoder))
    return tmp_path / "adapter"


@pytest.mark.parametrize("family", ["llama", "qwen3", "gemma3"])
def test_loaded_on_torch_it_says_what_was_trained(tmp_path: Path, family: str) -> None:
    checkpoint = opened(tmp_path, family)
    trained = trainable(checkpoint)
    low = read_adapter(saved(tmp_path, trained), checkpoint.config)
    decoder = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 128, compiled=False, adapter=low))
    ids = [5, 80, 17, 200, 31, 7]
    expected = trained.forward([(trained.new_state(), ids)], "all")[0]
    found = decoder.forward([(decoder.new_state(), ids)], "all")[0]
    assert torch.allclose(found, expected, atol=1e-4)
    plain = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 128, compiled=False))
    assert not torch.allclose(plain.forward([(plain.new_state(), ids)], "all")[0], expected, atol=1e-2)


def test_peft_has_the_same_matrices(tmp_path: Path) -> None:
    """W + (alpha / r) · B A, in Hugging Face's row order, is what PEFT merges."""
    tiny = write_tiny_gguf(tmp_path / "base.gguf", "llama")
    checkpoint = open_checkpoint(tiny.path)
    trained = trainable(checkpoint)
    low = read_adapter(saved(tmp_path, trained), checkpoint.config)
    name = "model.layers.1.self_attn.q_proj"
    whole = tiny.weights[f"{name}.weight"] + low[name].scale * low[name].b @ low[name].a
    ordered = in_decoder_order(checkpoint.config, low)
    ours = merged(checkpoint.sources, ordered)[f"{name}.weight"].dequantize()
    half = checkpoint.config.head_dim // 2
    theirs = whole.reshape(-1, 2, half, whole.shape[1]).swapaxes(1, 2).reshape(whole.shape)
    assert np.allclose(ours, theirs, atol=1e-6)
    assert low[name].scale == SETTINGS.alpha / SETTINGS.rank


@pytest.mark.parametrize("quant", ["Q4_1", "Q8_0"])
def test_loaded_on_the_compiled_back_end_it_is_near_the_merged_floats(tmp_path: Path, quant: str) -> None:
    checkpoint = opened(tmp_path, quant=quant)
    trained = trainable(checkpoint)
    low = read_adapter(saved(tmp_path, trained), checkpoint.config)
    sums = merged(checkpoint.sources, in_decoder_order(checkpoint.config, low))
    exact = run_to_end(build(checkpoint.config, sums, CPU, 128, float32=True))
    quick = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 128, adapter=low))
    plain = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 128))
    ids = [5, 80, 17, 200, 31, 7]

    def logits(decoder: object) -> Tensor:
        return decoder.forward([(decoder.new_state(), ids)], "all")[0]  # type: ignore[attr-defined]

    expected = logits(exact)
    error, moved = (logits(quick) - expected).norm(), (logits(plain) - expected).norm()
    assert error < 0.05 * expected.norm()
    assert error < 0.2 * moved
    # what int8 activations cost, which the base has as well, and nothing that the adapter brings
    base = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 128, float32=True))
    own = (logits(plain) - logits(base)).norm() / logits(base).norm()
    assert error / expected.norm() < 2 * own


@pytest.mark.parametrize("kernels", native.kernel_sets())
@pytest.mark.parametrize("family", ["llama", "qwen2", "gemma3"])
def test_the_compiled_back_end_adds_it_in_every_kind_of_pass(
    tmp_path: Path, family: str, kernels: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One token, some, many, a batch: the same bits, near those of torch, on each set of kernels."""
    monkeypatch.setenv("AUTOGPT_DESKTOP_KERNELS", kernels)
    checkpoint = opened(tmp_path, family, "Q8_0")
    low = read_adapter(saved(tmp_path, trainable(checkpoint)), checkpoint.config)
    exact = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 128, float32=True, adapter=low))
    decoder = run_to_end(build(checkpoint.config, checkpoint.sources, CPU, 128, adapter=low))
    ids = np.random.default_rng(5).integers(3, 250, 70).tolist()
    (whole,) = decoder.forward([(decoder.new_state(), ids)], "all")
    (expected,) = exact.forward([(exact.new_state(), ids)], "all")
    assert (whole - expected).norm() < 0.05 * expected.norm()
    state = decoder.new_state()
    cuts = (0, 33, 34, 40, 42, 70)
    parts = [decoder.forward([(state, ids[a:b])], "all")[0] for a, b in pairwise(cuts)]
    assert torch.equal(torch.cat(parts), whole)
    states = [decoder.new_state() for _ in range(20)]
    for at, one in enumerate(states):
        decoder.forward([(one, ids[: at + 2])])
    together = decoder.forward([(one, ids[at + 2 : at + 3]) for at, one in enumerate(states)])
    assert all(torch.equal(row, whole[at + 2]) for at, row in enumerate(together))


def test_the_base_stays_as_it_is_packed(tmp_path: Path) -> None:
    """An adapter takes its own memory and no more, and the packed copy on disk is the base's."""
    checkpoint = opened(tmp_path, quant="Q4_1")
    folder = saved(tmp_path, trainable(checkpoint))
    loads: dict[Path | None, Engine] = {}
    for adapter in (None, folder):
        loads[adapter] = run_to_end(
            load(tmp_path / "base.gguf", device="cpu", packed_cache=tmp_path / "packed", adapter=adapter)
        )
        for writer in loads[adapter].decoder._writers:  # type: ignore[attr-defined]
            writer.join()
    assert len(list((tmp_path / "packed").glob("*.packed"))) == 1
    assert loads[folder].decoder._mapped is not None  # type: ignore[attr-defined]
    added = loads[folder].weight_bytes - loads[None].weight_bytes
    numbers = sum(one.a.size + one.b.size for one in read_adapter(folder, checkpoint.config).values())
    assert 0 < added <= 2 * 2 * numbers  # float16, and rank 4 is padded to 8
    for engine in loads.values():
        engine.close()


def test_what_the_adapter_adds_is_finite_and_fits(tmp_path: Path) -> None:
    from autogpt_desktop.errors import KnownError

    checkpoint = opened(tmp_path)
    config = AdapterConfig(Base("Tiny"), 2, 2.0)
    name = "model.layers.0.mlp.up_proj"
    for a, b, key in (
        (np.zeros((2, 64)), np.full((128, 2), np.nan), "adapter-damaged"),
        (np.zeros((2, 63)), np.zeros((128, 2)), "adapter-base-changed"),
        (np.zeros((2, 64)), np.zeros((128, 3)), "adapter-base-changed"),
    ):
        low = LowRank(a.astype(np.float32), b.astype(np.float32), 1.0)
        write_adapter(tmp_path / "bad", config, {name: low})
        with pytest.raises(KnownError) as caught:
            read_adapter(tmp_path / "bad", checkpoint.config)
        assert caught.value.key == key
    (tmp_path / "bad" / "adapter_model.safetensors").write_bytes(b"\0" * 40)
    with pytest.raises(KnownError):
        read_adapter(tmp_path / "bad", checkpoint.config)
