"""What a language model thinks of translations: told by what each side explains of the other."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from autogpt_desktop.engine.load import load, run_to_end
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.translate import model_doubt
from autogpt_desktop.tasks.translate.model_doubt import (
    ModelReading,
    flags_by_model,
    model_readings,
    with_model_doubts,
)

LIMITS = {"explained": 0.2, "half": 0.5, "length": 0.85, "negation": 1.5, "negation beside words": -4.0}
SAME = {
    "we": "nous", "not": "pas", "red": "rouge", "house": "maison", "saw": "vu", "rain": "pluie",
    "dogs": "chiens", "sleep": "dorment", "well": "bien", "here": "ici", "old": "vieux", "sea": "mer",
}  # fmt: skip
GOOD = (
    "we saw red house here rain dogs do not sleep well here old sea",
    ("nous vu rouge maison ici pluie chiens ne dorment pas bien ici vieux mer"),
)


def scripted(
    _engine: Any, asked: Sequence[Any], *_: Any
) -> Generator[Progress, None, dict[Any, list[float]]]:
    """Expects a word (-1) whose counterpart is given, and no other (-4); a "not" on one side alone is odd."""
    yield Progress("stage.scoring", 0, len(asked))
    back = {other: word for word, other in SAME.items()}

    def logprobs(forward: bool, given: str, read: str) -> list[float]:
        words, said, known = given.split(), read.split(), back if forward else SAME
        found = [-1.0 if known.get(word) in words else -4.0 for word in said]
        denies = [bool({"not", "pas"} & {*some}) for some in (words, said)]
        return [*found[:-1], found[-1] - 3 * (given != "…" and denies[0] != denies[1])]

    return {one: logprobs(*one) for one in asked}


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], tuple[str, ...]]:
    monkeypatch.setattr(model_doubt, "_read", scripted)

    def flags(text: str, other: str, said: tuple[str, ...] = ()) -> tuple[str, ...]:
        (reading,) = run_to_end(model_readings(None, [(text, other)], "en", "fr"))  # type: ignore[arg-type]
        assert reading is not None
        return with_model_doubts(said, reading, LIMITS)

    return flags


def test_a_good_translation_explains_its_sentence(marked: Any) -> None:
    assert marked(*GOOD) == ()
    assert marked(*GOOD, ("names", "numbers")) == ("names", "numbers")


def test_that_of_another_sentence_does_not(marked: Any) -> None:
    assert marked(GOOD[0], "elle aime le thé et les gâteaux de son village") == ("unlike",)


def test_what_is_left_out_is_not_explained(marked: Any) -> None:
    half = " ".join(GOOD[1].split()[7:])
    assert marked(GOOD[0], half) == ("omitted",)
    assert marked(GOOD[0], half + " et tout cela fut dit autrement ce jour-là") == ()  # as long as usual


def test_a_not_that_one_side_has_alone(marked: Any) -> None:
    text, other = GOOD
    assert marked(text, other.replace("ne ", "").replace("pas ", "")) == ("negation",)
    assert marked(text.replace("do not ", ""), other) == ("negation",)
    assert marked(text, other, ("negation",)) == ()  # both have one: the model gainsays the words


def test_the_model_gainsays_what_words_guess_where_it_is_sure() -> None:
    sure, unsure = ModelReading(0.6, 1.0, lost=-6.0), ModelReading(0.6, 1.0, lost=-1.0)
    assert with_model_doubts(("negation",), sure, LIMITS) == ()
    assert with_model_doubts(("negation",), unsure, LIMITS) == ("negation",)
    assert with_model_doubts((), unsure, LIMITS) == ()


def test_what_cannot_be_read_is_left_to_the_texts(marked: Any) -> None:
    assert run_to_end(model_readings(None, [("Hello", "")], "en", "fr")) == [None]  # type: ignore[arg-type]
    assert run_to_end(model_readings(None, [("Hello", "Hej")], "en", "sv")) == [None]  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_real_model_tells_a_translation_from_another(gemma_gguf: Path) -> None:
    engine: Any = run_to_end(load(gemma_gguf, device="cpu", context_length=2048))
    pairs = [
        ("The museum is closed on Mondays.", "Le musée est fermé le lundi."),
        ("The museum is closed on Mondays.", "Ma sœur a acheté trois kilos de pommes."),
        ("She did not answer the letter.", "Elle a répondu à la lettre."),
    ]
    found = run_to_end(flags_by_model(engine, [()] * 3, pairs, "en", "fr"))
    assert found == [(), ("unlike",), ("negation",)]
    engine.close()
