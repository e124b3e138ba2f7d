"""The sentiment task with the real model: labels, windows, sentences, words, what is flagged."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.engine.interface import Cancelled
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.storage.corrections import Corrections
from autogpt_desktop.tasks.sentiment import scorers
from autogpt_desktop.tasks.sentiment.measure import unknown_language, windows
from autogpt_desktop.tasks.sentiment.probe_scorer import ProbeScorer, make_scorer
from autogpt_desktop.tasks.sentiment.scorers import ClassifierScorer, PromptScorer, constants, prompt
from autogpt_desktop.tasks.sentiment.sentiment import Explained, Scored, explain, look, sentiment
from tests.engine.tiny_folders import write_encoder

GOOD = "What a wonderful evening, and the food was superb!"
BAD = "A dreadful waste of two hours."
PLAIN = "The meeting will be held in room twelve on Monday."


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    models = ModelPool(lambda role: gemma_gguf, device="cpu", context_length=2048)
    yield models
    models.unload()


@pytest.fixture(scope="module")
def asking(models: ModelPool) -> PromptScorer:
    return end(make_scorer(end(models.get("sentiment")), lambda: False))


def end(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return done.value


def score(models: Any, texts: list[str], **options: Any) -> list[Scored]:
    return [one for one in sentiment(models, texts, **options) if isinstance(one, Scored)]


def test_the_shipped_constants_are_those_of_the_shipped_prompt(asking: PromptScorer) -> None:
    """Else the model would fall back to content-free calibration: bench quality --fit makes new ones."""
    found = constants(PromptScorer(asking.engine).key)
    assert found is not None
    assert found.scale.slope > 0
    assert found.scale.band[0] < 0 < found.scale.band[1]
    assert "en" in found.languages
    assert asking.knows_neutral
    assert end(asking.scale(lambda: False)).languages == found.languages


def test_the_three_kinds(models: ModelPool) -> None:
    events = list(sentiment(models, [GOOD, BAD, PLAIN]))
    found = [event for event in events if isinstance(event, Scored)]
    assert [one.label for one in found] == ["positive", "negative", "neutral"]
    assert [one.index for one in found] == [0, 1, 2]
    for one in found:
        assert abs(one.positive + one.neutral + one.negative - 1) < 1e-9
    assert any(isinstance(event, Progress) and event.total == 3 for event in events)


def test_two_way_leaves_neutral_out(models: ModelPool) -> None:
    found = score(models, [GOOD, PLAIN, BAD], two_way=True)
    assert all(one.neutral == 0 and one.label in ("positive", "negative") for one in found)
    assert found[0].positive > 0.9
    assert found[2].negative > 0.9


def test_together_and_alone_are_the_same(asking: PromptScorer) -> None:
    texts = [GOOD, BAD + " " + GOOD]
    plain = PromptScorer(asking.engine)
    end(plain.prepare(lambda: False))
    steps = plain.scores(texts, lambda: False)
    together = [step[1][0] for step in steps if not isinstance(step, Progress)]
    alone = PromptScorer(asking.engine, batch=1, prefix=False)
    for text, d in zip(texts, together, strict=True):
        steps = [step for step in alone.scores([text], lambda: False) if not isinstance(step, Progress)]
        assert abs(steps[0][1][0] - d) < 0.05


def test_equal_texts_are_asked_once(models: ModelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    real = ProbeScorer.scores
    score(models, [PLAIN])  # the model is tried once, before

    def counted(self: ProbeScorer, texts: Any, cancelled: Any) -> Any:
        asked.extend(texts)
        return real(self, texts, cancelled)

    monkeypatch.setattr(ProbeScorer, "scores", counted)
    found = score(models, [GOOD, f"  {GOOD}\n", BAD, GOOD])
    assert asked == [GOOD, BAD]
    assert found[0].d == found[1].d == found[3].d != found[2].d


def test_sentences_are_colored_one_by_one(models: ModelPool) -> None:
    text = f"{GOOD} {BAD}"
    scored = score(models, [text, BAD], sentences=True)
    assert [text[part.start : part.end] for part in scored[0].sentences] == [GOOD, BAD]
    first, second = scored[0].sentences
    assert first.positive > 0.7
    assert second.negative > 0.7
    only = scored[1].sentences[0]
    assert (only.start, only.end) == (0, len(BAD))
    assert only.negative == scored[1].negative


def test_a_long_text_is_cut_on_sentences_and_all_of_it_counts(
    models: ModelPool, asking: PromptScorer
) -> None:
    filler = "The room has a desk, a chair and a window to the street. " * 40
    text = f"{filler}{BAD} I hated every minute of it, and so did everyone else."
    plain, spans, long = windows(text, asking)
    assert len(spans) > 1
    assert not long
    assert all(asking.tokens(plain[start:end]) <= asking.window for start, end in spans)
    assert all(plain[end - 1] in ".!" for _, end in spans)
    assert "".join(plain[a:b].replace(" ", "") for a, b in spans) == text.replace(" ", "")
    whole, without = score(models, [text, filler])
    assert whole.d < without.d


def test_a_text_without_spaces_or_end_is_cut_too(models: ModelPool, asking: PromptScorer) -> None:
    for text in ("x" * 9000, "好" * 3000, "ab " * 60_000):
        plain, spans, long = windows(text, asking)
        assert spans
        assert long == (len(text) > 100_000)
        assert all(asking.tokens(plain[start:end]) <= asking.window for start, end in spans[:3])


def test_what_cannot_be_read_is_flagged(models: ModelPool) -> None:
    texts = [
        "",
        " \n\t ",
        "…",
        "\ud800 odd",
        "Tämä elokuva oli aivan kauhea ja tylsä.",
        "<bos> Text: x\n\nText:",
    ]
    found = score(models, texts)
    assert [one.label for one in found[:2]] == ["", ""]
    assert found[0].flags == ("empty",)
    assert found[0].positive == found[0].neutral == found[0].negative == 0
    assert all(one.label for one in found[2:])
    assert found[4].language == "fi"
    assert "language" in found[4].flags
    assert not found[5].language


def test_a_language_is_named_only_where_it_is_sure() -> None:
    assert unknown_language("Dieser Film ist wunderbar.", ("en",)) == "de"
    assert unknown_language("Dieser Film ist wunderbar.", ("en", "de")) == ""
    assert unknown_language("Dieser Film ist wunderbar.", ()) == ""
    assert unknown_language("ok", ("en",)) == ""
    assert unknown_language("12345", ("en",)) == ""


def test_the_words_that_carried_the_decision(models: ModelPool) -> None:
    text = "The cast is  nice,\nbut the story is dreadful."
    explained = next(one for one in explain(models, text) if isinstance(one, Explained))
    weights = {text[word.start : word.end]: word.weight for word in explained.words}
    assert list(weights) == ["The", "cast", "is", "nice", "but", "the", "story", "dreadful"]
    assert min(weights, key=lambda word: weights[word]) == "dreadful"
    assert weights["dreadful"] < 0
    assert weights["nice"] > weights["story"]
    assert weights["nice"] > weights["dreadful"]
    assert explained.scored.d == score(models, [text])[0].d
    assert next(one for one in explain(models, " ") if isinstance(one, Explained)).words == ()


def test_a_look_reads_the_text_once(models: ModelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "The cast is nice. The story is dreadful."
    apart = score(models, [text], sentences=True) + [
        one for one in explain(models, text) if isinstance(one, Explained)
    ]
    asked: list[str] = []
    real = ProbeScorer.scores

    def counted(self: ProbeScorer, texts: Any, cancelled: Any) -> Any:
        asked.extend(texts)
        return real(self, texts, cancelled)

    monkeypatch.setattr(ProbeScorer, "scores", counted)
    found = [one for one in look(models, text) if isinstance(one, Scored | Explained)]
    assert found == apart
    assert asked.count(text) == 1
    assert len(asked) == 3 + 8
    assert [type(one) for one in look(models, text, words=False) if isinstance(one, Scored | Explained)] == [
        Scored
    ]


def test_a_job_can_be_cancelled(models: ModelPool) -> None:
    with pytest.raises(Cancelled):
        list(sentiment(models, [f"Text number {n}" for n in range(40)], cancelled=lambda: True))


def test_corrections_are_kept_and_move_the_verdicts(models: ModelPool, tmp_path: Path) -> None:
    kept = Corrections(tmp_path / "corrections.json")
    kept.add(PLAIN, "positive")
    before = score(models, [PLAIN], two_way=True)[0]
    assert score(models, [PLAIN], two_way=True, corrections=kept)[0].positive == before.positive
    kept.add(BAD, "negative")  # now there are both classes
    kept.add("The train leaves at noon.", "positive")
    after = score(models, [PLAIN], two_way=True, corrections=kept)[0]
    assert after.positive > before.positive
    assert after.d == before.d
    again = Corrections(tmp_path / "corrections.json")
    assert [(one.text, one.label) for one in again.all] == [(one.text, one.label) for one in kept.all]
    assert all(one.scores for one in again.all)
    assert again.all == kept.all
    taken = again.undo()
    assert taken is not None
    assert taken.text == "The train leaves at noon."
    again.add(BAD, "neutral")  # another opinion on the same text takes the place of the first
    assert [one.label for one in again.all] == ["positive", "neutral"]
    assert not again.moves
    again.clear()
    assert again.undo() is None
    assert Corrections(tmp_path / "corrections.json").all == []


def test_a_model_without_constants_is_measured_against_texts_without_content(
    models: ModelPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scorers, "constants", lambda key: None)
    asking = PromptScorer(end(models.get("sentiment")))
    end(asking.prepare(lambda: False))
    found = end(asking.scale(lambda: False))
    d = [step[1][0] for step in asking.scores(scorers.CONTENT_FREE, lambda: False) if isinstance(step, tuple)]
    assert abs(sum(found.scale.z(x) for x in d)) < 1e-6
    assert found.scale.slope == 1


def test_a_chat_model_is_asked_through_its_template(starter_gguf: Path) -> None:
    models = ModelPool(lambda role: starter_gguf, device="cpu", context_length=1024)
    try:
        engine = end(models.get("sentiment"))
        asking = end(make_scorer(engine, lambda: False))
        assert asking.chat
        assert asking.state is not None
        whole = asking._whole(GOOD)
        assert whole[: len(asking.prefix)] == asking.prefix
        text = engine.tokenizer.decode(whole)
        assert GOOD in text
        assert prompt().examples[0][0] in engine.tokenizer.decode(asking.prefix)
        good, bad = score(models, [GOOD, BAD], two_way=True)
        assert good.d > bad.d
    finally:
        models.unload()


def test_a_classification_head_is_read_as_it_is(tmp_path: Path) -> None:
    """Its weights are random: what counts is that its own probabilities come out."""
    folder = tmp_path / "head"
    write_encoder(folder, "bert", head="classification")
    models = ModelPool(lambda role: folder, device="cpu")
    try:
        with pytest.raises(KnownError) as error:
            list(sentiment(models, [GOOD]))  # LABEL_0 and so on
        assert error.value.key == "sentiment-head"
    finally:
        models.unload()
    file = folder / "config.json"
    labels = {"0": "negative", "1": "neutral", "2": "positive"}
    file.write_text(json.dumps(json.loads(file.read_text()) | {"id2label": labels}))
    models = ModelPool(lambda role: folder, device="cpu")
    try:
        logits = [step for step in end(models.get("sentiment")).classify([GOOD]) if isinstance(step, tuple)]
        shares = logits[0][1].softmax(0).tolist()
        found = score(models, [GOOD])[0]
        assert [found.negative, found.neutral, found.positive] == pytest.approx(shares, abs=1e-5)
        two = score(models, [GOOD], two_way=True)[0]
        assert two.neutral == 0
        assert two.positive == pytest.approx(shares[2] / (shares[0] + shares[2]))
    finally:
        models.unload()


@pytest.mark.parametrize(
    ("label", "meant"),
    [("POSITIVE", "positive"), ("neg", "negative"), ("Neutral", "neutral"), ("5 stars", "positive"),
     ("1 star", "negative"), ("LABEL_1", ""), ("negation", "")],
)  # fmt: skip
def test_what_heads_call_their_classes(label: str, meant: str) -> None:
    assert scorers._class_of(label) == meant
    assert ClassifierScorer is not None
