"""The arithmetic of calibration: probabilities, fits, combination, corrections."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autogpt_desktop.tasks.sentiment.calibration import (
    Calibration,
    calibration_error,
    combined,
    fit_band,
    fit_platt,
    label_of,
    refit,
    sigmoid,
)


def drawn(slope: float, offset: float, count: int, seed: int = 0) -> tuple[list[float], list[bool]]:
    """Log-odds and truths of a model whose right calibration is known."""
    chance = random.Random(seed)
    d = [chance.gauss(0, 2) for _ in range(count)]
    return d, [chance.random() < sigmoid(slope * x + offset) for x in d]


@pytest.mark.slow
@given(st.floats(-1e4, 1e4), st.floats(0, 20), st.booleans())
def test_probabilities_sum_to_one(z: float, band: float, two_way: bool) -> None:
    shares = Calibration(1.0, 0.0, (-band, band / 2)).probabilities(z, two_way)
    assert math.isclose(sum(shares), 1.0, abs_tol=1e-9)
    assert all(0 <= share <= 1 for share in shares)
    assert not two_way or shares[1] == 0


def test_neutral_is_the_band_in_the_middle() -> None:
    scale = Calibration(1.0, 0.0, (-2.0, 2.0))
    labels = [label_of(scale.probabilities(z)) for z in (-5, -0.5, 0, 0.5, 5)]
    assert labels == ["negative", "neutral", "neutral", "neutral", "positive"]
    up = [scale.probabilities(z / 10)[0] for z in range(-50, 50)]
    assert up == sorted(up)


@pytest.mark.slow
def test_platt_finds_the_constants_that_made_the_data() -> None:
    d, truth = drawn(1.7, -0.8, 20_000)
    slope, offset = fit_platt(d, truth)
    assert abs(slope - 1.7) < 0.1
    assert abs(offset + 0.8) < 0.1
    probabilities = [sigmoid(slope * x + offset) for x in d]
    assert calibration_error(probabilities, truth) < 0.01
    assert calibration_error([sigmoid(6 * x) for x in d], truth) > 0.05


def test_platt_stays_finite_where_the_classes_do_not_overlap() -> None:
    slope, offset = fit_platt([-3.0, -2.0, 2.0, 3.0], [False, False, True, True])
    assert 0 < slope < 10
    assert abs(offset) < 1
    with pytest.raises(ValueError, match="both classes"):
        fit_platt([1.0, 2.0], [True, True])


def test_the_calibration_error_by_hand() -> None:
    # two bins: confidence 0.6, right every second time; confidence 0.9, always right
    error = calibration_error([0.6, 0.6, 0.1, 0.1], [True, False, False, False])
    assert math.isclose(error, 0.5 * 0.1 + 0.5 * 0.1)


def test_the_band_is_as_wide_as_neutral_texts_lie() -> None:
    scale, polar = Calibration(2.0, 0.0), [-4.0, -3.0, 3.0, 4.0]
    labels = ["negative", "negative", "positive", "positive"]
    narrow = fit_band([*polar, -0.2, 0.1], [*labels, "neutral", "neutral"], scale)
    wide = fit_band([*polar, -1.4, 1.2, -1.3, 1.5], [*labels, *["neutral"] * 4], scale)
    assert wide[0] < narrow[0] < 0 < narrow[1] < wide[1] < 8
    with pytest.raises(ValueError, match="neutral and other"):
        fit_band(polar, labels, scale)


def test_windows_count_by_length_and_by_strength() -> None:
    scale = Calibration(1.0, 0.0, (-1.0, 1.0))
    assert combined([(3.0, 10)], scale) == 3.0
    longer = combined([(3.0, 300), (-3.0, 100)], scale)
    assert math.isclose(longer, 1.5)
    # an opinion among facts is not averaged away: more than its share of the length
    assert combined([(4.0, 100), (0.0, 100), (0.0, 100)], scale) > 4 / 3 * 1.4
    # and one window does not outvote many that say the opposite
    assert combined([(6.0, 100), *[(-3.0, 100)] * 6], scale) < 0


@pytest.mark.slow
def test_corrections_move_the_constants_and_more_of_them_move_them_further() -> None:
    shipped = Calibration(1.0, 0.0, (-1.0, 1.0))
    d, truth = drawn(1.0, 2.0, 400, seed=1)  # this person's texts are more positive than the model says
    labels = ["positive" if one else "negative" for one in truth]
    few, many = refit(shipped, d[:10], labels[:10]), refit(shipped, d, labels)
    assert 0 < few.offset < many.offset
    assert abs(many.offset - 2) < 0.5
    assert abs(many.slope - 1) < 0.35


def test_corrections_of_one_class_alone_change_nothing() -> None:
    shipped = Calibration(2.0, 0.3, (-1.2, 1.0))
    assert refit(shipped, [1.0, 2.0, 0.1], ["positive", "positive", "neutral"]) == shipped
    assert refit(shipped, [], []) == shipped


def test_corrections_that_contradict_the_model_do_not_turn_it_round() -> None:
    shipped = Calibration(1.0, 0.0, (-1.0, 1.0))
    translated_text = refit(shipped, [3.0, -3.0] * 30, ["negative", "positive"] * 30)
    assert 0 < translated_text.slope < 0.5


def test_neutral_corrections_widen_the_band() -> None:
    shipped = Calibration(1.0, 0.0, (-1.0, 1.0))
    d = [-6.0, 6.0, *[2.0, -2.0] * 20]
    wider = refit(shipped, d, ["negative", "positive", *["neutral"] * 40])
    assert wider.band[1] > shipped.band[1] * 1.5


@pytest.mark.slow
def test_a_few_flat_contradictions_do_not_take_all_neutral_away() -> None:
    """Nine plain statements called positive: those like them lean there, but others stay neutral."""
    labels = ["positive"] * 9 + ["negative"]
    moved = refit(Calibration(), [-0.5] * 9 + [-6.0], labels, [0.999] * 9 + [0.001])
    assert moved.neutral_share(0.999) > 0.9
    assert moved.neutral_share(0.7) < 0.4
    assert 0 < moved.offset < 4
    assert sigmoid(moved.z(-6.0)) < 0.5
    many = refit(Calibration(), [-0.5] * 300 + [-6.0] * 30, ["positive"] * 300 + ["negative"] * 30,
                 [0.999] * 300 + [0.001] * 30)  # fmt: skip
    assert many.neutral < moved.neutral
    assert many.neutral_share(0.99) < 0.5
