"""What the window shows of an answer: which sentence, which part of a passage, and where in a text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.documents.index.collection import Collection
from autogpt_desktop.documents.index.index import Index
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.answer.evidence import (
    Finding,
    Places,
    ask_collection,
    ask_text,
    excerpt,
    nearest_sentence,
    sentence_at,
    warm_up,
)

MILL = "The Brenner mill was built in 1782 by Anna Holt. It ground rye until 1911."
TEA = "青云茶园建于1956年。茶园的创始人是林秀英，她在福州学习制茶。"


def test_the_nearest_sentence() -> None:
    assert MILL[slice(*nearest_sentence("Who built the Brenner mill?", MILL))] == MILL[:48]
    assert MILL[slice(*nearest_sentence("Until when did it grind rye?", MILL))] == MILL[49:]
    assert TEA[slice(*nearest_sentence("茶园的创始人是谁？", TEA))] == TEA[12:]
    assert nearest_sentence("Do penguins fly?", MILL) == (0, 0)
    assert nearest_sentence("Who?", "") == (0, 0)


def test_the_sentence_around_a_phrase() -> None:
    at = MILL.index("rye")
    assert MILL[slice(*sentence_at(MILL, at, at + 3))] == MILL[49:]
    assert sentence_at(MILL, 30, at) == (0, len(MILL))
    at = TEA.index("林秀英")
    assert TEA[slice(*sentence_at(TEA, at, at + 3))] == TEA[12:]


@pytest.mark.parametrize("most", [40, 80, 200])
def test_an_excerpt_holds_what_it_is_about(most: int) -> None:
    text = " ".join(f"Sentence number {number} tells of the year {1900 + number}." for number in range(60))
    for number in (0, 30, 59):
        at = text.index(f"year {1900 + number}")
        first, last = excerpt(text, at, at + 9, most)
        assert 0 <= first <= at
        assert at + 9 <= last <= len(text)
        assert last - first <= most
    assert excerpt(MILL, 3, 5, 1000) == (0, len(MILL))
    first, last = excerpt(text, 0, len(text), most)
    assert first == 0
    assert last <= most


@pytest.fixture(scope="module")
def models(gemma_gguf: Path) -> Iterator[ModelPool]:
    def path(role: str) -> Path:
        if role == "embed":
            raise KnownError("no-model-for-role", role=role, name="", model="")
        return gemma_gguf

    models = ModelPool(path, device="cpu")
    yield models
    models.unload()


def test_a_long_text_is_searched_and_offsets_are_its_own(models: ModelPool) -> None:
    noise = [f"Paragraph {number} is about the weather in the year {1900 + number}." for number in range(120)]
    text = "\n\n".join([*noise[:90], MILL, *noise[90:]])
    steps = list(ask_text(models, "Who built the Brenner mill?", text))
    kinds = [type(step) for step in steps if isinstance(step, Places | Finding)]
    assert kinds == [Places, Finding]
    found = next(step for step in steps if isinstance(step, Places)).places
    for place in found:
        assert text[place.passage.start : place.passage.end] == place.passage.text
    assert isinstance(steps[-1], Finding)
    answered, around = steps[-1].answered, steps[-1].sentences
    assert answered.answer == "Anna Holt"
    passage = found[answered.citations[0].passage].passage
    assert passage.text[slice(*around[0])] == MILL[:48]


def test_the_same_from_files_all_and_chosen(models: ModelPool, tmp_path: Path) -> None:
    root = tmp_path / "files"
    root.mkdir()
    (root / "mill.txt").write_text(MILL, encoding="utf-8")
    (root / "other.txt").write_text("The Brenner bridge was built in 1850 by Karl Stein.", encoding="utf-8")
    collection = Collection(tmp_path / "kept", "c", (root,))
    index = Index(collection)
    list(index.index())
    index.close()

    def ask(**options: Any) -> tuple[set[str], str]:
        places: set[str] = set()
        for step in ask_collection(models, "Who built the Brenner mill?", collection, **options):
            if isinstance(step, Places):
                places = {place.passage.path.name for place in step.places}
            elif isinstance(step, Finding):
                return places, step.answered.answer
        return places, "nothing came"

    assert ask() == ({"mill.txt", "other.txt"}, "Anna Holt")
    assert ask(only=[root / "mill.txt"]) == ({"mill.txt"}, "Anna Holt")
    assert ask(only=[root / "mill.txt"], whole=True) == ({"mill.txt"}, "Anna Holt")
    assert ask(only=[root / "other.txt"])[0] == {"other.txt"}
    with pytest.raises(KnownError, match="nothing-to-search"):
        ask(only=[root / "gone.txt"])


def test_warming_up_ends_and_can_be_cancelled(models: ModelPool) -> None:
    list(warm_up(models))
    assert models.loaded[0].engine.prompt_cache.nbytes > 0
    assert not [step for step in warm_up(models, lambda: True) if not isinstance(step, Progress)]


def test_cancelling_ends_it_without_an_error(models: ModelPool) -> None:
    calls = 0

    def cancelled() -> bool:
        nonlocal calls
        calls += 1
        return calls > 3

    steps = list(ask_text(models, "Who built the Brenner mill?", MILL, cancelled=cancelled))
    assert not any(isinstance(step, Finding) for step in steps)


@pytest.mark.parametrize(
    ("question", "text", "key"), [(" ", MILL, "empty-question"), ("Who?", " \n ", "empty-passage")]
)
def test_nothing_to_ask_is_said(models: ModelPool, question: str, text: str, key: str) -> None:
    with pytest.raises(KnownError, match=key):
        list(ask_text(models, question, text))
