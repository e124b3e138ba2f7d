"""The small heads on Gemma: what they are worth on sentences they were not fitted on, and when they serve."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.storage.corrections import Corrections
from autogpt_desktop.tasks.sentiment import probe_scorer
from autogpt_desktop.tasks.sentiment.calibration import Calibration, refit
from autogpt_desktop.tasks.sentiment.measure import CalibratedScorer, Part, judged, measure, tidy
from autogpt_desktop.tasks.sentiment.probe_scorer import (
    ProbeScorer,
    heads,
    make_scorer,
    own_sentences,
    packed,
    unpacked,
)
from autogpt_desktop.tasks.sentiment.scorers import PromptScorer
from autogpt_desktop.tasks.sentiment.sentiment import Scored, scored, sentiment
from tests.tiny import write_tiny_gguf

CHECK = Path(__file__).with_name("check.tsv")
Row = tuple[str, str, str]  # language ("xx": one of many), label, sentence


def never() -> bool:
    return False


def check_rows() -> list[Row]:
    lines = CHECK.read_text(encoding="utf-8").splitlines()[1:]
    return [(language, label, text) for language, label, text in (line.split("\t") for line in lines)]


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    models = ModelPool(lambda role: gemma_gguf, device="cpu", context_length=2048)
    yield models
    models.unload()


@pytest.fixture(scope="module")
def judge(models: ModelPool) -> CalibratedScorer:
    asking = run_to_end(make_scorer(run_to_end(models.get("sentiment")), never))
    constants = run_to_end(asking.scale(never))
    return CalibratedScorer(asking, constants, constants.scale)


@pytest.fixture(scope="module")
def checked(judge: CalibratedScorer) -> list[tuple[Row, Scored, Scored]]:
    """Sentences with their verdict three-way and two-way."""
    rows = check_rows()
    measured = run_to_end(measure(judge, [text for _, _, text in rows], never))
    return [
        (row, scored(0, one, judge.scale), scored(0, one, judge.scale, True))
        for row, one in zip(rows, measured, strict=True)
    ]


def test_no_sentence_is_both_fitted_on_and_checked() -> None:
    fitted, check = {one.text for one in own_sentences()}, {text for _, _, text in check_rows()}
    assert not fitted & check
    assert len(fitted) == len(own_sentences()) > 600
    for label in ("positive", "neutral", "negative"):
        assert sum(one.label == label for one in own_sentences()) > 60


@pytest.mark.parametrize("languages", [("en",), ("zh",), ("fr", "de", "es"), ("xx",)])
def test_plain_statements_are_neutral_and_opinions_are_not(
    checked: list[tuple[Row, Scored, Scored]], languages: tuple[str, ...]
) -> None:
    some = [(row[1], one) for row, one, _ in checked if row[0] in languages]
    plain = [one.label == "neutral" for label, one in some if label == "neutral"]
    opinions = [one.label != "neutral" for label, one in some if label != "neutral"]
    assert sum(plain) >= 0.8 * len(plain)
    assert sum(opinions) >= 0.85 * len(opinions)


def test_opinions_on_anything_get_their_side(checked: list[tuple[Row, Scored, Scored]]) -> None:
    right = [two.label == row[1] for row, _, two in checked if row[1] != "neutral"]
    assert sum(right) >= 0.92 * len(right)
    assert all(two.neutral == 0 for _, _, two in checked)


def test_a_model_of_the_same_shape_that_does_not_know_is_asked_for_words(
    judge: CalibratedScorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(judge.scorer, ProbeScorer)
    plain = PromptScorer(judge.scorer.engine)
    found = heads(plain.key)
    assert found is not None
    translated_text = (tuple(-w for w in found.weights[0]), found.weights[1])
    wrong = probe_scorer.Heads(found.layers, found.tokens, translated_text, found.bias, "x")
    monkeypatch.setattr(probe_scorer, "heads", lambda key: wrong)
    monkeypatch.setattr(probe_scorer, "_trusted", {})
    asking = run_to_end(make_scorer(judge.scorer.engine, never))
    assert type(asking) is PromptScorer
    assert asking.key == plain.key != judge.scorer.key


@pytest.mark.slow
def test_other_models_have_no_heads(tmp_path: Path) -> None:
    file = write_tiny_gguf(tmp_path / "tiny.gguf", family="gemma3", quant="Q8_0", context=4096).path
    asking = run_to_end(make_scorer(run_to_end(load(file, device="cpu")), never))
    assert type(asking) is PromptScorer
    assert heads(asking.key) is None
    assert not asking.knows_neutral


def test_alone_and_without_the_prefix_the_heads_say_the_same(judge: CalibratedScorer) -> None:
    texts = ["What a wonderful evening!", "The shop opens at nine."]
    engine = judge.scorer.engine  # type: ignore[attr-defined]
    slow = run_to_end(probe_scorer.with_probes(PromptScorer(engine, batch=1, prefix=False), never))
    one, other = (dict(_scores(asking, texts)) for asking in (judge.scorer, slow))
    for index in range(len(texts)):
        assert abs(one[index][0] - other[index][0]) < 0.3
        assert abs(one[index][1] - other[index][1]) < 0.1


def test_the_question_begins_in_the_prefix(judge: CalibratedScorer) -> None:
    asking = judge.scorer
    assert isinstance(asking, PromptScorer)
    assert asking.start
    for text in ("What a wonderful evening!", ":) 7", "好", "\n"):
        behind, whole = asking._behind(text), asking._whole(text)
        assert behind is None or [*asking.prefix, *behind] == whole
    assert len(asking._behind("Good") or []) == len(asking._whole("Good")) - len(asking.prefix)
    assert asking._whole("Good")[-1] == asking._encode(" is")[-1]


def _scores(asking: Any, texts: list[str]) -> list[tuple[int, tuple[float, float]]]:
    return [step for step in asking.scores(texts, never) if isinstance(step, tuple)]


def test_a_verdict_is_not_drowned_by_plain_windows() -> None:
    plain, verdict = Part(-0.4, 0.95, 300), Part(4.0, 0.05, 300)
    d, shares = judged([plain] * 4 + [verdict], Calibration(), False)
    assert d > 1
    assert shares[0] > max(shares[1:])
    assert abs(sum(shares) - 1) < 1e-9
    assert judged([plain] * 5, Calibration(), False)[1][1] > 0.9
    assert judged([plain] * 5, Calibration(), True)[1][1] == 0


def test_corrections_move_the_neutral_head() -> None:
    labels = ["positive", "negative", *["neutral"] * 30]
    d, p = [2.0, -2.0, *[0.5] * 30], [0.05, 0.05, *[0.3] * 30]
    moved = refit(Calibration(), d, labels, p)
    assert moved.neutral > 0.5
    assert moved.neutral_share(0.3) > 0.5 > 0.3 == Calibration().neutral_share(0.3)
    assert moved.band == Calibration().band
    back = refit(Calibration(), [2.0] * 20 + [-2.0] * 20, ["positive"] * 20 + ["negative"] * 20, [0.6] * 40)
    assert back.neutral < -0.3
    assert back.slope >= 1
    assert refit(Calibration(), d[2:], labels[2:], p[2:]) == Calibration()


def test_a_persons_neutral_ones_count(models: ModelPool, tmp_path: Path) -> None:
    text = "The screen is big."
    before = next(one for one in sentiment(models, [text]) if isinstance(one, Scored))
    corrections = Corrections(tmp_path / "corrections.json")
    corrections.add("Lovely.", "positive")
    corrections.add("Awful.", "negative")
    for thing in ("screen", "case", "box", "desk", "lamp", "door", "car", "house"):
        corrections.add(f"The {thing} is very big.", "neutral")
    after = next(one for one in sentiment(models, [text], corrections=corrections) if isinstance(one, Scored))
    assert after.neutral > before.neutral
    read = Corrections(tmp_path / "corrections.json")
    assert all(len(one.scores) == 2 for one in read.all)


def test_numbers_survive_being_packed() -> None:
    numbers = [0.0, 1.5, -3.25, 1e-7]
    assert unpacked(packed(numbers)) == pytest.approx(tuple(numbers))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("it 's a  film , not bad .", "it's a film, not bad."),
        ("they did n't laugh !", "they didn't laugh!"),
        ("( really ) $ 5", "(really) $5"),
        ("happy friday :) and .5 or ...", "happy friday :) and .5 or ..."),
        (" 你好 ， 世界 ", "你好 ， 世界"),
    ],
)
def test_tokenised_english_is_read_as_people_write_it(text: str, wanted: str) -> None:
    assert tidy(text) == wanted
    assert wanted.replace(" ", "") == text.replace(" ", "")
