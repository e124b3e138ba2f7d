"""The sampler's filters, its draw, and stop strings."""

from __future__ import annotations

import math
from collections import Counter

import pytest
import torch

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.engine import StopStrings
from autogpt_desktop.engine.generation.sampling import candidates, logsumexp, make_sampler
from autogpt_desktop.errors import KnownError

OPEN = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "temperature": 1.0}
LOGITS = torch.tensor([0.5, 0.05, 0.25, 0.2]).log()


def kept(**settings: float) -> list[int]:
    return candidates(LOGITS, Sampling(**(OPEN | settings)))[1].tolist()  # type: ignore[arg-type]


def test_filters_keep_the_likeliest() -> None:
    assert kept() == [0, 2, 3, 1]
    assert kept(top_k=2) == [0, 2]
    assert kept(top_p=0.74) == [0, 2], "the token that crosses the line stays"
    assert kept(top_p=0.76) == [0, 2, 3]
    assert kept(top_p=0.0) == [0]
    assert kept(min_p=0.45) == [0, 2]
    assert kept(top_k=99) == [0, 2, 3, 1]


def test_temperature_zero_is_greedy() -> None:
    sample = make_sampler(Sampling(temperature=0.0))
    assert {sample(LOGITS, []) for _ in range(5)} == {0}


@pytest.mark.parametrize("temperature", [1e-6, 1e-44, 1e-320])
def test_the_coldest_temperatures_take_the_likeliest(temperature: float) -> None:
    sample = make_sampler(Sampling(temperature=temperature))
    assert {sample(LOGITS * 1e3, []) for _ in range(5)} == {0}


@pytest.mark.parametrize("temperature", [0.0, 1.0])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_damaged_weights_are_said_to_be_damaged(temperature: float, bad: float) -> None:
    sample = make_sampler(Sampling(temperature=temperature))
    with pytest.raises(KnownError, match="model-numbers"):
        sample(torch.tensor([0.0, bad, 1.0]), [])


@pytest.mark.slow
def test_draws_follow_the_probabilities_at_the_temperature() -> None:
    sample = make_sampler(Sampling(**(OPEN | {"temperature": 0.5}), seed=1))  # type: ignore[arg-type]
    counts = Counter(sample(LOGITS, []) for _ in range(4000))
    expected = torch.softmax(LOGITS / 0.5, 0)
    for token in range(4):
        assert counts[token] / 4000 == pytest.approx(float(expected[token]), abs=0.03)


def test_a_seed_repeats_and_another_differs() -> None:
    def run(seed: int | None) -> list[int]:
        sample = make_sampler(Sampling(**OPEN, seed=seed))  # type: ignore[arg-type]
        return [sample(LOGITS, []) for _ in range(40)]

    assert run(7) == run(7)
    assert run(7) != run(8)
    assert run(None) != run(None)


def test_repetition_penalty_lowers_what_was_said() -> None:
    logits = torch.tensor([2.0, 1.9, -1.0])
    greedy = make_sampler(Sampling(temperature=0.0, repetition_penalty=1.3))
    assert greedy(logits, []) == 0
    assert greedy(logits, [0]) == 1
    assert greedy(torch.tensor([-1.0, -1.1, -5.0]), [0]) == 1, "negative logits go down too"
    assert logits.tolist() == pytest.approx([2.0, 1.9, -1.0]), "the caller's logits are not touched"


def test_stop_strings_cut_and_hold_back() -> None:
    stop = StopStrings(["\nUser:", "END"])
    assert stop.push("Hello\n") == "Hello"
    assert stop.push("Us") == ""
    assert stop.push("ual") == "\nUsual"
    assert not stop.hit
    assert stop.push("ly E") == "ly "
    assert stop.push("ND and more") == ""
    assert stop.hit
    assert stop.finish() == ""


def test_what_was_held_back_comes_out_at_the_end() -> None:
    stop = StopStrings(["END"])
    assert stop.push("the EN") == "the "
    assert stop.finish() == "EN"
    assert StopStrings([]).push("x") == "x"


def test_the_total_is_right_and_the_same_whatever_the_number_of_threads() -> None:
    before = torch.get_num_threads()
    random = torch.Generator().manual_seed(5)
    try:
        for scale in (0.1, 4.0, 30.0):
            logits = torch.randn(262_144, generator=random) * scale
            totals = set()
            for threads in (1, 2, 3):
                torch.set_num_threads(threads)
                totals.add(logsumexp(logits))
            assert len(totals) == 1
            assert totals.pop() == pytest.approx(float(logits.double().logsumexp(0)), abs=2e-5)
    finally:
        torch.set_num_threads(before)
    assert logsumexp(torch.tensor([800.0, -float("inf"), 800.0])) == pytest.approx(800 + math.log(2))


def test_draws_from_a_whole_vocabulary_follow_the_probabilities() -> None:
    logits = torch.full((5000,), -20.0)
    logits[7], logits[4000], logits[4999] = 1.0, 1.0 + math.log(2), 1.0 + math.log(3)
    sample = make_sampler(Sampling(temperature=1.0, top_k=0, top_p=1.0, min_p=0.0, seed=5))
    drawn = Counter(sample(logits, []) for _ in range(1200))
    for token, share in ((7, 1 / 6), (4000, 2 / 6), (4999, 3 / 6)):
        assert drawn[token] / 1200 == pytest.approx(share, abs=0.05)
    logits[:] = -torch.inf  # as a grammar leaves it
    logits[123] = 0.0
    assert {sample(logits, []) for _ in range(20)} == {123}
