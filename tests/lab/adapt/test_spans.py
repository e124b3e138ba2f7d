"""Answers out of texts: an encoder learns where they stand, and is a model that Questions reads with then."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend.encoder import load_encoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.spans import RESULT, Asked, f1, find_answer, questions_of, train_spans
from autogpt_desktop.lab.data.examples import Example, question_about
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Notice
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from autogpt_desktop.tasks.answer.reader import Reader
from tests.engine.torch_backend.test_encoder import WORDS, write_encoder
from tests.lab.adapt.kit import ticks, tiny_base

SPEC = RunSpec("head", DataSpec(()), 5.0, task="answer")
ANSWERS, OTHERS = WORDS[2:5], WORDS[5:]


def examples(count: int, seed: int = 0) -> list[Example]:
    """The answer is the one word of a text that is among the first ones; each fifth text has none."""
    chooser = random.Random(seed)
    found = []
    for at in range(count):
        words = chooser.sample(OTHERS, 5)
        answer = "" if at % 5 == 4 else chooser.choice(ANSWERS)
        if answer:
            words.insert(chooser.randrange(6), answer)
        found.append(question_about(" ".join(words), OTHERS[3], answer))
    return found


def learn(tmp_path: Path, data: list[Example], held: list[Example]) -> list[Event]:
    return list(train_spans(SPEC, tmp_path / "base", data, held, tmp_path / "run", clock=ticks(0.01)))


@pytest.mark.slow
@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_what_was_taught_is_found_and_the_result_is_a_model(tmp_path: Path, family: str) -> None:
    write_encoder(tmp_path / "base", family)
    events = learn(tmp_path, examples(400), examples(60, seed=1))
    evals = [one for one in events if isinstance(one, Eval)]
    best = max(one.accuracy or 0 for one in evals)
    assert best > 0.8
    assert isinstance(events[-1], Finished)
    assert events[-1].loss == pytest.approx(1 - best)
    engine = run_to_end(load_encoder(tmp_path / "run" / RESULT))
    assert engine.config.head == "question_answering"
    reader = Reader(engine, None)
    right = 0.0
    for one in questions_of(examples(40, seed=2)).asked:
        answer = run_to_end(reader.read(one.question, one.context))
        said = answer.text if answer.probability >= answer.threshold else ""
        right += f1(said, one.answer)
    assert right / 40 > 0.7


@pytest.mark.slow
def test_transformers_loads_it(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    import torch

    write_encoder(tmp_path / "base", "bert")
    learn(tmp_path, examples(40), examples(10, seed=1))
    theirs, info = transformers.AutoModelForQuestionAnswering.from_pretrained(
        tmp_path / "run" / RESULT, output_loading_info=True
    )
    assert not info["missing_keys"]
    engine = run_to_end(load_encoder(tmp_path / "run" / RESULT))
    pair = (OTHERS[3], " ".join(WORDS[:6]))
    (encoding,) = engine.encode([pair])
    ((_, spans),) = [step for step in engine.spans([pair]) if isinstance(step, tuple)]
    with torch.no_grad():
        logits = theirs(
            torch.tensor([encoding.ids]), token_type_ids=torch.tensor([encoding.type_ids])
        ).start_logits[0]
    inside = [at for at, number in enumerate(encoding.sequence_ids) if number == 1]
    assert torch.allclose(logits[inside], spans.start, atol=1e-5)


def test_answers_are_looked_for_as_they_stand() -> None:
    text = "Ann met Anna  in New\nYork. Anna left."
    assert text[slice(*(find_answer(text, "anna") or (0, 0)))] == "Anna"
    assert text[slice(*(find_answer(text, "New York") or (0, 0)))] == "New\nYork"
    assert find_answer("北京是中国的首都。", "首都") == (6, 8)
    assert find_answer(text, "Boston") is None
    asked = (("who?", "ANNA"), ("where?", "Boston"), ("why?", ""))
    found = questions_of([question_about(text, *one) for one in asked])
    assert [one.answer for one in found.asked] == ["Anna", ""]
    assert found.lost == ["Boston"]


def test_f1_counts_words() -> None:
    assert f1("the New York", "New York") == 1
    assert f1("", "") == 1
    assert f1("York", "") == 0
    assert f1("York", "New York") == pytest.approx(2 / 3)
    assert f1("北京市", "北京") == pytest.approx(0.8)


def test_long_texts_are_read_in_parts_that_hold_the_answer(tmp_path: Path) -> None:
    write_encoder(tmp_path / "base", "bert")  # 40 tokens
    from autogpt_desktop.lab.adapt.spans import _Learner

    model = _Learner(run_to_end(load_encoder(tmp_path / "base")), 0)
    words = [OTHERS[at % len(OTHERS)] for at in range(120)]
    words[100] = ANSWERS[0]
    text = " ".join(words)
    start = len(" ".join(words[:100])) + 1
    windows = model.windows(Asked(OTHERS[4], text, start, start + len(ANSWERS[0])))
    assert len(windows) > 2
    assert all(len(one.ids) <= 40 for one in windows)
    with_answer = [one for one in windows if one.first]
    assert with_answer
    vocabulary = model.engine.tokenizer.get_vocab()
    assert {one.ids[one.first] for one in with_answer} == {vocabulary[ANSWERS[0]]}
    assert len(with_answer) < len(windows)


def test_what_cannot_be_learned_is_said(tmp_path: Path) -> None:
    write_encoder(tmp_path / "base", "bert")
    wrong = [question_about("a b c d", f"where {at}", "elsewhere") for at in range(20)]
    none = [question_about("a b c d", f"where {at}", "") for at in range(20)]
    for base, data, key in (
        (tiny_base(tmp_path), examples(20), "lab-span-base"),
        (tmp_path / "base", examples(4), "lab-span-few"),
        (tmp_path / "base", wrong, "lab-span-few"),
        (tmp_path / "base", wrong + none, "lab-span-none"),
    ):
        steps = train_spans(SPEC, base, data, data[:4], tmp_path / "run")
        told: list[Event] = []
        with pytest.raises(KnownError) as caught:
            told.extend(steps)
        assert caught.value.key == key
        if data[0] is wrong[0]:
            (notice,) = [one for one in told if isinstance(one, Notice)]
            assert notice.values["example"] == "elsewhere"
