"""Questions over texts in another language: asked in both, and said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.documents.index.collection import Collection
from autogpt_desktop.documents.index.index import Index
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.tasks.answer.answer import Answered, Evidence, answer_in_text, ask
from autogpt_desktop.tasks.answer.cross_lingual import language_shares, translate_query
from autogpt_desktop.tasks.answer.query import Query, QueryTranslation

TEA = "青云茶园建于1956年。茶园的创始人是林秀英，她在福州学习制茶。茶园每年生产三十吨绿茶。"
BRIDGE = "石龙大桥长820米，横跨清江，于2003年通车。大桥的总工程师是陈国栋。"
LIBRARY = "The city library opened in 1998. It has 42,000 books and employs nine people."
MILL = "The Brenner mill was built in 1782 by Anna Holt. It ground rye until 1911."


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    made = ModelPool(lambda role: _path(role, gemma_gguf), device="cpu")
    yield made
    made.unload()


def _path(role: str, gemma: Path) -> Path:
    if role == "embed":
        raise KnownError("no-model-for-role", role=role, name="", model="")
    return gemma


def to_end(steps: Any) -> tuple[list[Any], Any]:
    seen = []
    while True:
        try:
            seen.append(next(steps))
        except StopIteration as end:
            return seen, end.value


def _index(folder: Path, **texts: str) -> Index:
    root = folder / "files"
    root.mkdir()
    for name, text in texts.items():
        (root / f"{name}.txt").write_text(text, encoding="utf-8")
    index = Index(Collection(folder, "c", (root,)))
    for _ in index.index(None):
        pass
    return index


def test_an_english_question_finds_what_chinese_files_say(models: ModelPool, tmp_path: Path) -> None:
    index = _index(tmp_path, tea=TEA, bridge=BRIDGE)
    try:
        with models.job() as job:
            events = list(ask(job, "How long is the bridge?", index))
    finally:
        index.close()
    evidence = next(e for e in events if isinstance(e, Evidence))
    done = events[-1]
    assert evidence.passages[0].path.name == "bridge.txt"
    assert isinstance(done, Answered)
    assert done.question == "How long is the bridge?"
    assert done.also_asked
    assert "桥" in done.also_asked[0]
    assert "桥" in evidence.asked[0]
    notices = [e for e in events if isinstance(e, Notice)]
    assert Notice("notice.also-asked", {"question": done.also_asked[0]}) in notices
    assert done.answered
    assert "820" in done.answer


def test_a_chinese_question_over_an_english_text(models: ModelPool) -> None:
    with models.job() as job:
        events = list(answer_in_text(job, "图书馆有多少本书？", LIBRARY))
    done = events[-1]
    assert isinstance(done, Answered)
    assert "library" in done.also_asked[0]
    assert done.answered
    assert "42,000" in done.answer


def test_the_same_language_is_not_translated(models: ModelPool) -> None:
    with models.job() as job:
        for question, text in (("Who built the mill?", MILL), ("茶园是谁创办的？", TEA), ("1782?", TEA)):
            events, asked = to_end(translate_query(job, question, language_shares([text])))
            assert asked.translations == ()
            assert events == []
            assert asked.for_text(TEA) == asked.for_text(MILL) == question


def test_without_a_model_that_translates_it_is_said() -> None:
    def none(role: str) -> Path:
        raise KnownError("no-model-for-role", role=role, name="", model="")

    with ModelPool(none, device="cpu").job() as job:
        events, asked = to_end(translate_query(job, "Who founded the garden?", {"zh": 3}))
    assert events == [Notice("notice.question-not-translated")]
    assert asked.translations == ()
    assert asked.text == "Who founded the garden?"


def test_single_characters_are_searched_too() -> None:
    words = QueryTranslation("zh", ("桥上怎么长？", "桥梁有多长？")).search_words(
        "How long is the Shilong bridge?"
    )
    assert {"桥", "长"} <= set(words.split())
    assert "桥梁有多长？" in words
    assert "Shilong" in words


def test_each_text_is_asked_in_its_own_language() -> None:
    asked = Query("Who built it?", "en", (QueryTranslation("zh", ("谁建的？", "建造者是谁？")),))
    assert asked.for_text(MILL) == "Who built it?"
    assert asked.for_text(TEA) == "谁建的？"
    assert asked.for_text("建造者是陈国栋。") == "建造者是谁？"  # the one that meets the text's words


def test_of_both_languages_the_own_one_comes_first(models: ModelPool, tmp_path: Path) -> None:
    index = _index(tmp_path, tea=TEA, bridge=BRIDGE, mill=MILL)
    try:
        with models.job() as job:
            own = list(ask(job, "Who built the Brenner mill?", index))
            other = list(ask(job, "Who is the chief engineer of the bridge?", index))
    finally:
        index.close()
    assert own[-1].answered
    assert "Anna Holt" in own[-1].answer
    first = next(e for e in own if isinstance(e, Evidence))
    assert first.passages[0].path.name == "mill.txt"
    assert first.asked[0] == "Who built the Brenner mill?"
    found = next(e for e in other if isinstance(e, Evidence)).passages
    assert "bridge.txt" in {passage.path.name for passage in found}
