"""How sure a translation is: a probability, which no better sign makes smaller."""

from __future__ import annotations

import random

import pytest

from autogpt_desktop.bench.quality.fit_seq2seq import cross_validated
from autogpt_desktop.bench.quality.fit_translate import FLAG, error, fit, usable
from autogpt_desktop.tasks.translate.confidence import SEQ2SEQ, SIGNS, confidence, signals

SOURCE, GOOD = "The bridge was closed on Monday.", "Le pont a été fermé lundi."


def sure(
    logprob: float = -0.5,
    flags: tuple[str, ...] = (),
    agreement: float | None = 0.6,
    text: str = GOOD,
) -> float:
    return confidence(signals(SOURCE, text, "en", "fr", logprob, flags, agreement))


def test_better_signs_are_never_less_sure() -> None:
    assert 0 < sure(-3) <= sure(-1) <= sure(-0.1) < 1
    assert sure(flags=("repeats", "language")) < sure(flags=("numbers",)) < sure()
    assert sure(agreement=0.2) <= sure(agreement=0.9)
    assert sure(text=GOOD * 4) <= sure()
    assert sure(text="Le pont") <= sure()
    assert sure(-2, agreement=None) < sure(-0.2, agreement=None)
    assert 0 <= sure(float("-inf"), ("empty",), 0.0, "") < 0.5


def test_the_fit_finds_what_made_the_data() -> None:
    draw = random.Random(0)
    rows = [{"logprob": -2 * draw.random(), "length": draw.random(), "flags": 0.0} for _ in range(1000)]
    useful = [draw.random() < 1 / (1 + 2.718 ** -(2 + 3 * row["logprob"])) for row in rows]
    found = fit(rows, useful)
    assert found["bias"] == pytest.approx(2, abs=0.7)
    assert found["logprob"] == pytest.approx(3, abs=0.7)
    assert -0.5 < found["length"] <= 0
    assert found["flags"] <= FLAG
    wrong = fit([{"logprob": row["logprob"]} for row in rows], [not one for one in useful])
    assert wrong["logprob"] * SIGNS["logprob"] >= 0


def test_calibration_error_and_what_is_of_use() -> None:
    assert error([0.1] * 10 + [0.9] * 10, [True] + [False] * 9 + [True] * 9 + [False]) == pytest.approx(0)
    assert error([0.9] * 4, [False] * 4) == pytest.approx(0.9)
    assert usable(50, "fr")
    assert not usable(30, "fr")
    assert usable(30, "zh")


def test_encoder_decoders_have_weights_of_their_own() -> None:
    """These are surer of each token: what is usual for a language model is a bad sign of theirs."""

    def sure_of(logprob: float, *flags: str) -> float:
        return confidence(signals(SOURCE, GOOD, "en", "fr", logprob, flags), SEQ2SEQ)

    assert sure_of(-0.05) > 0.8
    assert sure_of(-0.6) < 0.1 < sure_of(-0.25) < sure_of(-0.05)
    assert sure_of(-0.1, "negation") < sure_of(-0.1)


@pytest.mark.slow
def test_what_the_fit_did_not_see_is_judged() -> None:
    draw = random.Random(1)
    rows = [{"logprob": -2 * draw.random(), "length": draw.random(), "flags": 0.0} for _ in range(300)]
    useful = [draw.random() < 1 / (1 + 2.718 ** -(2 + 3 * row["logprob"])) for row in rows]
    assert cross_validated(rows, useful) < 0.12
    assert cross_validated(rows, [draw.random() < 0.5 for _ in rows]) < 0.12  # no sign says anything
