"""The torch reference of Marian's students."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from autogpt_desktop.engine.formats.marian import Int8Matrix
from autogpt_desktop.engine.formats.marian_config import read_marian_model
from autogpt_desktop.engine.interface import Cancelled, SearchOptions, SourceIds
from autogpt_desktop.engine.torch_backend.marian import Int8Linear, MarianSeq2Seq
from tests.marian import write_tiny_marian

EOS, UNK = 0, 1
OPTIONS = SearchOptions(max_length=20, alignments=True)


@pytest.fixture(params=["all", "apart", "none", "fine"])
def model(tmp_path: Path, request: pytest.FixtureRequest) -> MarianSeq2Seq:
    tied = request.param if request.param != "fine" else "all"
    path = write_tiny_marian(tmp_path / "m.bin", tied=tied, vocab=(64, 64) if tied == "all" else (64, 72))
    return MarianSeq2Seq(read_marian_model(path), fine=request.param == "fine")


def sources(count: int, seed: int = 0, **more: object) -> list[SourceIds]:
    chance = np.random.default_rng(seed)
    return [
        SourceIds([*chance.integers(2, 64, chance.integers(0, 12)).tolist(), EOS], **more)  # type: ignore[arg-type]
        for _ in range(count)
    ]


def test_integer_products_are_exact(tmp_path: Path) -> None:
    chance = np.random.default_rng(0)
    values = chance.integers(-127, 128, (24, 4096), np.int8)
    linear = Int8Linear.of(Int8Matrix(values, 50.0, 10.0), np.ones(24, np.float32), torch.device("cpu"))
    x = torch.from_numpy(chance.normal(0, 20, (3, 5, 4096)).astype(np.float32))
    rounded = np.rint(np.clip(x.numpy() * np.float32(10), -127, 127)).astype(np.int64)
    expected = (rounded @ values.T.astype(np.int64)).astype(np.float32) * np.float32(1 / 500) + 1
    assert np.array_equal(linear(x).numpy(), expected)


def test_fine_products_are_exact(tmp_path: Path) -> None:
    """14 bits, a scale for each row: as near to floats as their weights are, and the same bits alone."""
    chance = np.random.default_rng(0)
    values = chance.integers(-127, 128, (24, 2048), np.int8)
    linear = Int8Linear.of(Int8Matrix(values, 50.0, 10.0), None, torch.device("cpu"), fine=True)
    x = chance.normal(0, 20, (7, 2048)).astype(np.float32)
    x[3] = 8191.0  # the largest sums
    x[4] = 0.0
    linear.values[5] = 127
    found = linear(torch.from_numpy(x)).numpy()
    scale = np.abs(x).max(-1, keepdims=True).clip(1e-20) / np.float32(8191)
    rounded = np.rint(x / scale).astype(np.int64)
    expected = (rounded @ linear.values.numpy().T.astype(np.int64)).astype(np.float32) * (
        scale / np.float32(50)
    )
    assert np.array_equal(found, expected)
    exact = x.astype(np.float64) @ linear.values.numpy().T / 50
    assert np.abs(found - exact).max() < 1e-3 * np.abs(exact).max()
    assert np.array_equal(linear(torch.from_numpy(x[2:3])).numpy(), found[2:3])


@pytest.mark.slow
def test_a_sentence_does_not_depend_on_its_batch(model: MarianSeq2Seq) -> None:
    batch = sources(20)
    together = model.translate(batch, OPTIONS)
    for source, (hypothesis,) in zip(batch, together, strict=True):
        (alone,) = model.translate([source], OPTIONS)[0]
        assert hypothesis.ids == alone.ids
        assert np.allclose(hypothesis.logprobs, alone.logprobs, atol=1e-3)
        assert np.allclose(hypothesis.alignment, alone.alignment, atol=1e-3)


def test_what_a_hypothesis_says(model: MarianSeq2Seq) -> None:
    batch = sources(12, 1)
    for source, (hypothesis,) in zip(batch, model.translate(batch, OPTIONS), strict=True):
        steps = len(hypothesis.ids) + hypothesis.finished
        assert hypothesis.logprobs.shape == (steps,)
        assert hypothesis.alignment.shape == (steps, len(source.ids))
        assert np.allclose(hypothesis.alignment.sum(1), 1, atol=1e-5)
        assert hypothesis.score == pytest.approx(float(hypothesis.logprobs.mean()), abs=1e-5)
        assert UNK not in hypothesis.ids
        assert EOS not in hypothesis.ids
        assert steps <= max(1, int(np.ceil(2.5 * len(source.ids))))
        assert hypothesis.finished or steps == min(20, int(np.ceil(2.5 * len(source.ids))))
    assert model.translate([]) == []


def test_steps_are_what_translate_takes(model: MarianSeq2Seq) -> None:
    batch = sources(6, 2)
    state = model.encode(batch)
    ids = [-1] * len(batch)
    taken: list[list[int]] = [[] for _ in batch]
    for _ in range(5):
        logprobs, attention = model.step(state, range(len(batch)), ids)
        assert logprobs.shape == (len(batch), model.config.decoder_vocab_size)
        assert np.allclose(np.exp(logprobs.astype(np.float64)).sum(1), 1, atol=1e-4)
        assert attention.shape == (len(batch), max(len(source.ids) for source in batch))
        logprobs[:, UNK] = -np.inf
        ids = logprobs.argmax(1).tolist()
        for row, id in enumerate(ids):
            taken[row].append(id)
    for row, (hypothesis,) in enumerate(model.translate(batch, OPTIONS)):
        expected = [*hypothesis.ids, EOS][:5]
        assert taken[row][: len(expected)] == expected[: len(taken[row])]


def test_rows_are_forked_and_dropped(model: MarianSeq2Seq) -> None:
    batch = sources(3, 3)
    state = model.encode(batch)
    model.step(state, [0, 1, 2], [-1, -1, -1])
    forked, _ = model.step(state, [2, 2, 0], [5, 6, 7])
    assert len(state) == 3
    for row, (source, id) in enumerate([(2, 5), (2, 6), (0, 7)]):
        alone = model.encode([batch[source]])
        model.step(alone, [0], [-1])
        expected, _ = model.step(alone, [0], [id])
        assert np.allclose(forked[row], expected[0], atol=1e-3)


@pytest.mark.slow
def test_only_words_of_the_shortlist_come_out(model: MarianSeq2Seq) -> None:
    chance = np.random.default_rng(4)
    batch = [
        SourceIds(source.ids, shortlist=np.sort(chance.choice(64, 16, replace=False)).astype(np.int32))
        for source in sources(8, 4)
    ]
    batch[3] = SourceIds(batch[3].ids)  # one without
    for part in (batch, batch[:3]):
        for source, (hypothesis,) in zip(part, model.translate(part, OPTIONS), strict=True):
            if source.shortlist is not None:
                assert set(hypothesis.ids) <= set(source.shortlist.tolist())
            assert model.translate([source], OPTIONS)[0][0].ids == hypothesis.ids
    logprobs, _ = model.step(model.encode(batch[:3]), [0, 1, 2], [-1] * 3)
    for row, source in enumerate(batch[:3]):
        assert source.shortlist is not None
        assert np.isfinite(logprobs[row]).sum() == 16
        assert np.isfinite(logprobs[row, source.shortlist]).all()


def test_a_prefix_is_kept(model: MarianSeq2Seq) -> None:
    for shortlist in (None, np.array([0, 3, 9], np.int32)):
        (hypothesis,) = model.translate([SourceIds([5, 6, 7, EOS], [9, 8], shortlist)], OPTIONS)[0]
        assert hypothesis.ids[:2] == (9, 8)
        assert len(hypothesis.logprobs) == len(hypothesis.ids) + hypothesis.finished
        assert np.isfinite(hypothesis.logprobs).all()


def test_beams(model: MarianSeq2Seq) -> None:
    batch = sources(6, 5)
    greedy = model.translate(batch, OPTIONS)
    found = model.translate(batch, SearchOptions(beam_size=4, n_best=3, max_length=20, alignments=True))
    for (best, *others), (one,) in zip(found, greedy, strict=True):
        assert len({best.ids, *(other.ids for other in others)}) == 1 + len(others)
        assert [best.score, *(other.score for other in others)] == sorted(
            (hypothesis.score for hypothesis in (best, *others)), reverse=True
        )
        assert best.score > one.score - 1.0
        assert best.alignment.shape == (len(best.ids) + best.finished, best.alignment.shape[1])
        assert UNK not in best.ids


def test_what_is_refused(model: MarianSeq2Seq) -> None:
    for ids in ([64, EOS], [-1], [2] * 5000, []):
        with pytest.raises(ValueError, match="ids"):
            model.translate([SourceIds(ids)])
    with pytest.raises(ValueError, match="vocabulary"):
        model.translate([SourceIds([2, EOS], shortlist=np.array([0, 500], np.int32))])
    with pytest.raises(Cancelled):
        model.translate(sources(2), cancelled=lambda: True)
