"""Answers are copied, stand where they are said to stand, and are refused where the text has none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.cli.main import main
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Text
from autogpt_desktop.tasks.answer.answer import Answered, Evidence, answer_in_text
from autogpt_desktop.tasks.answer.extract import Candidate, SpanConstraint, phrase_candidates
from autogpt_desktop.tasks.answer.lexicon import (
    answer_type,
    content_words,
    type_match,
    whole_expression,
)
from autogpt_desktop.tasks.answer.query import follow_up_form
from autogpt_desktop.tasks.answer.rank import (
    FEATURES,
    SIGNALS,
    SegmentedPassage,
    candidate_features,
    passage_signals,
    shipped_weights,
)
from autogpt_desktop.tasks.answer.reader import Reader, focus, prompts

TEXT = (
    "The Brenner mill was built in 1782 by Anna Holt. It ground rye for three villages until 1911. "
    "Today it holds a small library with 4,200 books."
)


@pytest.fixture(scope="module")
def reader(gemma_gguf: Path) -> Iterator[Reader]:
    from autogpt_desktop.engine.load import load, run_to_end

    engine = run_to_end(load(gemma_gguf, device="cpu"))
    yield Reader(engine, None)
    engine.close()


def to_end(steps: Any) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def test_every_candidate_is_a_phrase_of_the_passage(reader: Reader) -> None:
    proposals = to_end(reader.propose("Who built the mill?", TEXT))
    found = proposals.candidates
    phrases = [TEXT[one.start : one.end] for one in found]
    assert "Anna Holt" in phrases
    assert all(phrase and phrase == phrase.strip() for phrase in phrases)
    assert all(one.logprob < 0 for one in found)
    assert proposals.copy_logprob < 0
    assert len({(one.start, one.end) for one in found}) == len(found)


@pytest.mark.parametrize(
    ("question", "answer"),
    [("Who built the Brenner mill?", "Anna Holt"), ("How many books does the library hold?", "4,200")],
)
def test_answers_from_a_text(reader: Reader, question: str, answer: str) -> None:
    found = to_end(reader.read(question, TEXT))
    assert answer in found.text
    assert TEXT[found.start : found.end] == found.text


def test_chinese_answers_begin_and_end_anywhere(reader: Reader) -> None:
    text = "老磨坊建于1782年，由安娜负责建造。现在里面有一座小图书馆，藏书四千册。"
    found = to_end(reader.read("老磨坊建于哪一年？", text))
    assert "1782" in found.text
    assert text[found.start : found.end] == found.text


def test_what_was_asked_does_not_matter_for_another_passage(reader: Reader) -> None:
    right = to_end(reader.read("Who built the Brenner mill?", TEXT))
    wrong = to_end(reader.read("Who built the Brenner mill?", "Penguins swim well. They eat krill and fish."))
    assert right.probability > shipped_weights("words").threshold > wrong.probability


def test_a_span_constraint_knows_where_words_begin_and_end(reader: Reader) -> None:
    text = "It cost $2.4 million (in 1931). 她在北京。 12,500 **bold**"
    constraint = SpanConstraint(reader.engine.tokenizer, text)
    starts = {constraint.characters[at] for at in constraint.starts}
    ends = {constraint.characters[at] for at in constraint.ends}
    at = text.index
    assert {0, at("cost"), at("$"), at("2"), at("million"), at("1931"), at("京")} <= starts
    assert not {at("ost"), at(")"), at(" "), at("。"), at("4 mill"), at("500")} & starts
    assert {2, at("million") + 7, at("1931") + 4, at("京")} <= ends
    assert not {at("ost"), at("(") + 1, at(",500"), at("500"), at("bold") + 5} & ends
    assert at("bold") in starts
    assert at("bold") + 4 in ends
    assert at("**") not in starts
    assert constraint.copy_logprob(flat_logits(reader)) <= 0


def flat_logits(reader: Reader) -> Any:
    import torch

    return torch.zeros(reader.engine.config.vocab_size)


def test_kinds_of_questions() -> None:
    asked = {
        "When was it built?": "date",
        "What year did it close?": "date",
        "How many books are there?": "number",
        "Who built it?": "person",
        "Where is it?": "place",
        "Why did it close?": "reason",
        "What did it grind?": "thing",
        "谁建了它？": "person",
        "有多少本书？": "number",
        "它建于什么时候？": "date",
    }
    assert {question: answer_type(question) for question in asked} == asked
    assert type_match("date", "in 1782") == 1
    assert type_match("date", "rye") == -1
    assert type_match("number", "4,200") == 1
    assert type_match("number", "Anna Holt") == -1
    assert type_match("person", "Anna Holt") == 1
    assert type_match("person", "rye") == -1


def test_the_focus_keeps_the_places() -> None:
    from autogpt_desktop.documents.text.passages import sentences

    spans = tuple(sentences(TEXT))
    text, pieces = focus("How many books does the library hold?", SegmentedPassage(TEXT, spans, ()), 1)
    assert text == "Today it holds a small library with 4,200 books."
    piece = pieces[0]
    assert text[piece.start : piece.end] == TEXT[piece.origin : piece.origin + piece.end - piece.start]


def test_signals_tell_a_question_from_another() -> None:
    seen = SegmentedPassage(TEXT, ((0, 49), (50, 95), (96, len(TEXT))), ())
    one = Candidate(TEXT.index("Anna"), TEXT.index("Anna") + 9, -1.0, -0.5, -0.2, 2)
    here = dict(zip(SIGNALS, passage_signals("Who built the Brenner mill?", seen, -0.5), strict=True))
    there = dict(zip(SIGNALS, passage_signals("Who won the Tour in Paris?", seen, -0.5), strict=True))
    assert here["coverage"] == 1.0
    assert there["coverage"] == 0.0
    assert here["overlap"] > there["overlap"] == 0.0
    assert len(candidate_features("Who built it?", seen, [one])[0]) == len(FEATURES)


def test_phrases_that_the_model_did_not_follow() -> None:
    text = "In 1782 Anna Holt built the Brenner mill (for 4,200 crowns), near Aldby. It ground rye."
    firsts = dict.fromkeys(range(len(text)), (-2.0, -1.0))
    followed = [Candidate(text.index("Anna"), text.index("Anna") + 9, -1.0, -0.5, -0.2, 2)]
    pieces = [(0, text.index(" It")), (text.index("It"), len(text))]
    made = phrase_candidates(text, pieces, followed, firsts)
    found = {text[one.start : one.end] for one in made}
    assert {"1782", "Brenner mill", "4,200", "4,200 crowns", "Aldby", "rye", "Anna", "Holt"} <= found
    assert not any(word in found for word in ("Anna Holt", "the Brenner mill", "mill (for", "ground"))
    assert all("(" not in phrase and "." not in phrase for phrase in found)
    assert all(one.tokens == 0 and one.logprob == -2.0 and one.neutral_logprob == -1.0 for one in made)
    assert phrase_candidates(text, pieces, [], {}) == []
    marked = phrase_candidates(
        "It is **twice a day** here", [(0, 26)], [], dict.fromkeys(range(26), (-1.0, 0.0))
    )
    assert all("*" not in "It is **twice a day** here"[one.start : one.end] for one in marked)
    rows = candidate_features(
        "Who built the Brenner mill?", SegmentedPassage(text, tuple(pieces), ()), [*followed, *made]
    )
    at = FEATURES.index("followed")
    assert [row[at] for row in rows] == [1.0] + [0.0] * len(made)


@pytest.mark.parametrize(
    ("question", "text", "copied", "answer"),
    [
        ("When was it signed?", "It was signed on 14 March 2021 by her.", "March", "14 March 2021"),
        ("When was it signed?", "It was signed on March 3rd, 2021.", "2021", "March 3rd, 2021"),
        ("In what year was it signed?", "It was signed on 14 March 2021.", "2021", "2021"),
        ("How heavy is it?", "It weighs 62.5 kg.", "kg", "62.5 kg"),
        ("How many seconds were left?", "With 17 seconds left.", "17", "17"),
        ("By how much did it rise?", "It rose by 12 percent.", "percent", "12 percent"),
        ("How much is it?", "It costs €3.4 million.", "million", "€3.4 million"),
        ("它建于哪一年？", "它建于一九八六年。", "九八六年", "一九八六年"),
        ("它什么时候开馆？", "它于2019年5月3日开馆。", "2019年", "2019年5月3日"),
        ("Who signed it?", "Signed on 14 March 2021 by May Day.", "May", "May"),
    ],
)
def test_dates_and_numbers_are_answered_whole(question: str, text: str, copied: str, answer: str) -> None:
    at = text.index(copied)
    start, end = whole_expression(question, text, at, at + len(copied))
    assert text[start:end] == answer


@pytest.mark.parametrize("kind", ["meaning", "words", "wide", "chat", "chat_wide"])
def test_the_shipped_constants_are_sound(kind: str) -> None:
    found = shipped_weights(kind)
    assert 0 < found.threshold < 1
    sure = dict.fromkeys(SIGNALS, 0.0) | {"coverage": 1.0, "overlap": 1.0}
    unsure = dict.fromkeys(SIGNALS, 0.0) | {"mass": -5.0}
    assert found.probability(list(sure.values())) > found.probability(list(unsure.values()))


def test_follow_ups_take_the_subject_along() -> None:
    before = ["Who built the Brenner mill?"]
    assert follow_up_form("When did she build it?", before) == "When did she build it? (Brenner)"
    assert (
        follow_up_form("How many books does the library hold?", before)
        == "How many books does the library hold?"
    )
    assert follow_up_form("When did she build it?", []) == "When did she build it?"
    assert follow_up_form("And the library?", before) == "And the library? (Brenner)"
    assert follow_up_form("老磨坊呢？", ["谁建了水塔？"]) == "老磨坊呢？ (谁建了水塔)"
    with_answer = ["Who built the mill? Anna Holt"]
    assert follow_up_form("Where did she study?", with_answer) == "Where did she study? (Anna Holt)"


def test_a_question_that_stands_alone_stays_as_it_is() -> None:
    before = ["How long do I bake the plum cake?"]
    alone = (
        "How much is the deposit?",
        "Who is the president of France?",
        "Is there a museum?",
        "押金多少？",
    )
    for question in alone:
        assert follow_up_form(question, before) == question


def test_examples_contain_their_answers() -> None:
    for language in ("en", "zh"):
        for one in prompts()[language]["examples"]:
            assert one["answer"] in one["passage"]
            assert content_words(one["question"])


def test_evidence_comes_first_then_the_answer_with_its_place(gemma_gguf: Path) -> None:
    models = ModelPool(lambda role: _path(role, gemma_gguf), device="cpu")
    try:
        with models.job() as job:
            events = list(answer_in_text(job, "Who built the Brenner mill?", TEXT))
            with pytest.raises(KnownError, match="empty-question"):
                list(answer_in_text(job, "  ", TEXT))
            with pytest.raises(KnownError, match="empty-passage"):
                list(answer_in_text(job, "Who?", " "))
    finally:
        models.unload()
    kept = [e for e in events if isinstance(e, Evidence | Text | Answered)]
    assert isinstance(kept[0], Evidence)
    assert isinstance(kept[-1], Answered)
    done = kept[-1]
    assert done.answered
    assert 0.5 < done.confidence <= 1
    assert "".join(e.text for e in kept if isinstance(e, Text)) == f"{done.answer} [1]"
    place = done.citations[0]
    assert TEXT[place.start : place.end] == done.answer


def _path(role: str, gemma: Path) -> Path:
    if role == "embed":
        raise KnownError("no-model-for-role", role=role, name="", model="")
    return gemma


def test_the_command_answers_from_files(
    tmp_path: Path, gemma_gguf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mill.txt").write_text(TEXT, encoding="utf-8")
    (tmp_path / "birds.md").write_text("# Birds\n\nPenguins swim well. They eat krill.", encoding="utf-8")
    arguments = ["--model", str(gemma_gguf), "--device", "cpu", "--json"]
    assert main(["ask", "Who built the Brenner mill?", str(tmp_path), *arguments]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["answered"]
    assert "Anna Holt" in found["answer"]
    place = found["citations"][0]
    assert place["path"].endswith("mill.txt")
    assert TEXT[place["start"] : place["end"]] == place["text"] == found["answer"]


def test_the_command_wants_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", "Who built it?"]) == 1
    assert "files or folders" in capsys.readouterr().err
    assert main(["ask", "Who built it?", str(tmp_path / "none.txt")]) == 1
    assert capsys.readouterr().out == ""
