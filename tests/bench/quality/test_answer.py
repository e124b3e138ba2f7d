"""SQuAD's measure, and the constants' fit, on numbers that can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from autogpt_desktop.bench.quality.fit_answer import (
    Observation,
    cross_validated,
    fit,
    fit_answered,
    fit_rank,
    threshold,
)
from autogpt_desktop.bench.quality.xquad import Item, exact_match, f1, load_items
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.answer.extract import Candidate
from autogpt_desktop.tasks.answer.rank import FEATURES_OF_KIND, SegmentedPassage
from autogpt_desktop.tasks.answer.reader import Proposals


def test_f1_counts_words_as_squad_does() -> None:
    assert f1("The Old Mill!", ["old mill"]) == 1.0
    assert f1("old mill", ["the old stone mill"]) == pytest.approx(0.8)
    assert f1("rye", ["old mill", "wheat"]) == 0.0
    assert exact_match("the mill.", ["Mill"])
    assert not exact_match("mills", ["mill"])
    assert f1("1782年", ["1782 年"], cjk=True) == 1.0


def test_the_weights_find_the_feature_that_counts() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randn(6, 3, generator=draw) for _ in range(40)]
    scores = [(row[:, 1] == row[:, 1].max()).float() for row in rows]
    found = fit_rank(rows, scores)
    assert found[1] > 1
    assert found[[0, 2]].abs().max() < 0.2 * found[1]


def test_the_logistic_model_separates_and_the_threshold_keeps_its_share() -> None:
    draw = torch.Generator().manual_seed(0)
    rows = torch.randn(200, 2, generator=draw)
    answers = (rows[:, 0] > 0).float()
    found = fit_answered(rows, answers)
    probabilities = torch.sigmoid(rows @ found[1:] + found[0])
    assert ((probabilities > 0.5).float() == answers).float().mean() > 0.97
    least = threshold(probabilities[answers > 0], 0.9)
    assert (probabilities[answers > 0] >= least).float().mean() == pytest.approx(0.9, abs=0.02)


def test_wrong_paragraphs_come_from_both_kinds_of_places(tmp_path: Path) -> None:
    def article(name: str) -> dict[str, object]:
        return {
            "paragraphs": [
                {
                    "context": f"{name} {n}",
                    "qas": [{"question": f"{name}{n}?", "answers": [{"text": str(n)}]}],
                }
                for n in range(3)
            ]
        }

    (tmp_path / "xquad").mkdir()
    data = {"data": [article("a"), article("b")]}
    (tmp_path / "xquad" / "en.json").write_text(json.dumps(data), encoding="utf-8")
    found = load_items(tmp_path, "en", 0, 3)
    assert [item.same_article for item in found] == [False, True] * 3
    assert all(
        item.other != item.context and (item.other[0] == item.context[0]) == item.same_article
        for item in found
    )
    assert load_items(tmp_path, "en", 2, 3) == found[:2]
    with pytest.raises(KnownError, match="bench-data"):
        load_items(tmp_path, "zh", 0, 0)


def observations() -> list[Observation]:
    """Of each article one question; the model likes the right phrase, and another text shares no word."""
    seen = []
    for article in range(16):
        right, other = f"Tom{article} built the mill near Aldby.", "Penguins eat krill and fish."
        item = Item(article, "Who built the mill?", right, (f"Tom{article}",), other, bool(article % 2))
        for text, answerable in ((right, True), (other, False)):
            first = Candidate(0, text.index(" "), -1.0, -0.5, -0.2, 2)
            second = Candidate(text.rindex(" ") + 1, len(text) - 1, -4.0, -2.5, -2.2, 2)
            passage = SegmentedPassage(text, ((0, len(text)),), ())
            proposals = Proposals(item.question, passage, [second, first], -0.5 if answerable else -3.0)
            seen.append(Observation(item, answerable, proposals))
    return seen


@pytest.mark.slow
def test_constants_are_measured_on_articles_that_they_were_not_fitted_on() -> None:
    figures = cross_validated(observations(), "words")
    assert figures["questions"] == 16
    assert figures["f1_always_answering"] == 1.0
    assert figures["refused_other_article"] == figures["refused_same_article"] == 1.0


@pytest.mark.parametrize("kind", ["words", "wide"])
def test_a_kind_is_fitted_with_its_own_features(kind: str) -> None:
    constants = fit(observations(), kind)
    assert tuple(constants["rank"]) == FEATURES_OF_KIND[kind]
    assert constants["rank"]["stop"] > 0
    assert 0 < constants["least"] < 1
