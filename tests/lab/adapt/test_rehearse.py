"""What the base says by itself: written once, and the adapter is held to it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from autogpt_desktop.engine.load import load, open_checkpoint, run_to_end
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.lab.adapt.encode import Encoded
from autogpt_desktop.lab.adapt.lora import LoraSettings, adapted, build_adapted, parameters
from autogpt_desktop.lab.adapt.loss import expected, soft_loss
from autogpt_desktop.lab.adapt.rehearse import own_texts, rehearsal
from autogpt_desktop.lab.adapt.trainer import AdaptSettings, AdaptTrainer
from tests.lab.adapt.kit import ticks, tiny_base
from tests.lab.adapt.test_trainer import made

pytestmark = pytest.mark.slow  # models are trained


def decoder_of(base: Path) -> Transformer:
    checkpoint = open_checkpoint(base)
    settings = LoraSettings(rank=4)
    return run_to_end(
        build_adapted(checkpoint.config, checkpoint.sources, torch.device("cpu"), 128, settings)
    )


def written(base: Path, folder: Path, seed: int = 3) -> list[Encoded]:
    engine = run_to_end(load(base, device="cpu", context_length=128))
    writing = own_texts(engine, folder, seed, 1e9, ticks())
    while True:
        try:
            next(writing)
        except StopIteration as done:
            return list(done.value)


def test_texts_are_written_once_and_by_the_seed(tmp_path: Path) -> None:
    base = tiny_base(tmp_path)
    first = written(base, tmp_path / "one")
    assert 4 <= len(first) <= 32
    again, other = written(base, tmp_path / "two"), written(base, tmp_path / "three", seed=4)
    assert [list(one.ids) for one in first] == [list(one.ids) for one in again]
    assert [list(one.ids) for one in first] != [list(one.ids) for one in other]
    kept = written(base, tmp_path / "one", seed=5)  # what is there counts
    assert [list(one.ids) for one in kept] == [list(one.ids) for one in first]


@pytest.mark.parametrize("likeliest", [4, 250])
def test_the_gradient_is_that_of_the_cross_entropy(tmp_path: Path, likeliest: int) -> None:
    base = tiny_base(tmp_path, quant="F32")
    decoder, texts = decoder_of(base), written(base, tmp_path)[:2]
    wanted = [expected(decoder, one, likeliest) for one in texts]
    for linear in adapted(decoder):
        linear.b.data.normal_(0, 0.1, generator=torch.Generator().manual_seed(1))
    soft_loss(decoder, texts, wanted).backward()
    linear = next(iter(adapted(decoder)))
    assert linear.b.grad is not None
    direction = linear.b.grad.sign()

    def plain() -> float:
        """All other tokens are one; by the ordinary pass."""
        total = 0.0
        for one, (ids, shares) in zip(texts, wanted, strict=True):
            (logits,) = decoder.forward([(decoder.new_state(), one.ids[:-1].tolist())], "all")
            q = F.softmax(logits.double(), -1)
            likely = q.gather(1, ids.long())
            rest = (1 - shares.double().sum(1)).clamp(min=0)
            total -= float((shares * likely.log()).sum())
            total -= float((rest * (1 - likely.sum(1)).clamp(min=1e-9).log()).sum())
        return total

    assert soft_loss(decoder, texts, wanted).item() == pytest.approx(plain(), rel=1e-4)
    step = 1e-3
    with torch.no_grad():
        linear.b += step * direction
        high = plain()
        linear.b -= 2 * step * direction
        low = plain()
    slope = float((linear.b.grad * direction).sum())
    assert (high - low) / (2 * step) == pytest.approx(slope, rel=0.02)


def test_what_is_rehearsed_is_not_forgotten(tmp_path: Path) -> None:
    settings = AdaptSettings(
        seconds=90.0, learning_rate=5e-3, batch_tokens=200, checkpoint_seconds=1e9, most_epochs=1e9
    )
    texts = written(tiny_base(tmp_path), tmp_path / "texts")
    changes, losses = [], []
    for rehearsed in (0.0, 1.0):
        trainer: AdaptTrainer = made(tmp_path, tmp_path / f"run-{rehearsed}", settings)
        held = rehearsal(trainer.decoder, texts)
        assert held is not None
        before = held.loss(trainer.decoder, 0).item()
        trainer.rehearsal = held if rehearsed else None
        list(trainer.run())
        changes.append(held.loss(trainer.decoder, 0).item() - before)
        losses.append(trainer.best_loss / trainer.first_loss)
    assert changes[1] < 0.7 * changes[0]
    assert losses[1] < 0.9  # and something is learned


def test_where_nothing_is_written_nothing_is_rehearsed(tmp_path: Path) -> None:
    decoder = decoder_of(tiny_base(tmp_path))
    assert rehearsal(decoder, []) is None
    assert parameters(decoder)
