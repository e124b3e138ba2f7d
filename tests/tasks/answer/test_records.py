"""A table is answered by its row and its column."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.documents.read.formats.parse import parse
from autogpt_desktop.documents.types import Limits
from autogpt_desktop.tasks.answer.extract import Candidate
from autogpt_desktop.tasks.answer.rank import SegmentedPassage
from autogpt_desktop.tasks.answer.reader import Proposals, best_answer, weights_for
from autogpt_desktop.tasks.answer.records import look_up

DATA = Path(__file__).parents[2] / "data" / "documents"


def plants(suffix: str) -> str:
    return parse((DATA / f"qa-plants{suffix}").read_bytes(), f"a{suffix}", Limits()).text()


def answer(question: str, text: str) -> str:
    found = look_up(question, text)
    return text[found.start : found.end] if found else ""


@pytest.mark.parametrize("suffix", [".csv", ".docx", ".html", ".md"])
def test_the_same_answers_from_every_kind_of_file(suffix):
    text = plants(suffix)
    questions = (DATA / "qa-questions.txt").read_text().splitlines()
    expected = ["April", "white", "110 cm", "5 euros", "Poppy", "Dahlia", "3 euros", "pink"]
    assert [answer(question, text) for question in questions] == expected


CITIES = (
    "城市: 北京; 人口: 2189万; 面积: 16410平方公里\n\n城市: 上海; 人口: 2487万; 面积: 6340平方公里\n\n"
    "城市: 广州; 人口: 1867万; 面积: 7434平方公里"
)
PEOPLE = (
    "Name: Ann Lee; Room: 14; Since: May 2019; Salary: $3,400\n"
    "Name: Bob Ray; Room: 9; Since: June 2021; Salary: $2,900\n"
    "Name: Ann Cox; Room: 3; Since: May 2022; Salary: $4,100"
)


@pytest.mark.parametrize(("question", "text", "expected"), [
    ("上海的人口是多少？", CITIES, "2487万"), ("哪个城市的面积是7434平方公里？", CITIES, "广州"),
    ("北京的面积有多大？", CITIES, "16410平方公里"),
    ("Which room is Bob Ray in?", PEOPLE, "9"), ("When did Ann Cox start?", PEOPLE, "May 2022"),
    ("Who has been in room 14?", PEOPLE, "Ann Lee"), ("What is the salary of Ann Lee?", PEOPLE, "$3,400"),
])  # fmt: skip
def test_rows_and_columns(question, text, expected):
    assert answer(question, text) == expected


@pytest.mark.parametrize(("question", "text"), [
    ("What is Ann's room?", PEOPLE),  # two rows
    ("Who is the president of France?", PEOPLE), ("Which room is Carl in?", PEOPLE),
    ("What does Bob Ray like?", PEOPLE),  # no column
    ("When does the iris flower?", "The iris flowers in April. Note: water it; feed it."),
    ("When does the iris flower?", ""), ("", PEOPLE), ("??", PEOPLE),
])  # fmt: skip
def test_what_cannot_be_told_is_left_to_the_model(question, text):
    assert answer(question, text) == ""


@pytest.mark.parametrize(("sentence", "expected"), [(0, "the mayor"), (1, "")])
def test_a_sentence_that_asks_the_same_answers_nothing(sentence, expected):
    """Of a page of questions and answers the answers count."""
    text = "Who closed the bridge? It was the mayor."
    passage = SegmentedPassage(text, ((0, 22), (23, len(text))), ())
    spans = [(text.index(phrase), text.index(phrase) + len(phrase)) for phrase in ("the bridge", "the mayor")]
    candidates = [Candidate(start, end, -1.0 - at, 0.0, -0.1, 2) for at, (start, end) in enumerate(spans)]
    proposals = Proposals("Who closed the bridge?", passage, candidates[: 2 - sentence], 0.0)
    assert best_answer(proposals, weights_for(passage)).text == expected
