"""Figures of encoder–decoders, and of translations damaged on purpose."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autogpt_desktop.bench.quality.damage import KINDS, damaged
from autogpt_desktop.bench.quality.doubt import limits_of
from autogpt_desktop.bench.quality.fit_seq2seq import halves
from autogpt_desktop.bench.quality.translate import measure_translate
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.translate.doubt import Reading, doubts
from tests.tasks.translate.test_seq2seq import dictionary

ENGLISH = ["The cat sleeps.", "A red house.", "The dog sees a cat.", "The dog sleeps here."]
FRENCH = ["Le chat dort.", "Une maison rouge.", "Le chien voit un chat.", "Le chien dort ici."]


class Models:
    def get(self, role: str) -> Any:
        yield SimpleNamespace()
        return dictionary()


def test_an_encoder_decoder_is_measured_on_what_nothing_was_fitted_to(tmp_path: Path) -> None:
    with pytest.raises(KnownError, match="bench-data"):
        measure_translate(Models(), tmp_path)  # type: ignore[arg-type]
    folder = tmp_path / "flores-dev"
    folder.mkdir()
    for code, lines in (("en", ENGLISH), ("fr", FRENCH), ("de", FRENCH)):
        (folder / f"{code}.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    figures = measure_translate(Models(), tmp_path)  # type: ignore[arg-type]
    assert list(figures) == ["en-fr"]
    assert figures["en-fr"]["sentences"] == 2
    assert figures["en-fr"]["chrF2"] > 50
    assert 0 <= figures["en-fr"]["confidence_ece"] <= 1
    assert halves(tmp_path, "en", "fr", "first")[0] == ENGLISH[:2]
    assert halves(tmp_path, "en", "fr", "second")[1] == FRENCH[2:]


def test_each_damage_is_one() -> None:
    texts = ["It is not far: 12 km.", "We ate."]
    found = damaged(texts, ["Não é longe: 12 km.".lower(), "Comemos."], "en", "pt")
    assert set(found) == {"good", *KINDS}
    assert found["not"] == [(texts[0], "é longe: 12 km.")]
    assert found["added not"] == [("It is far: 12 km.", "não é longe: 12 km.")]
    assert found["swapped"][0] == (texts[0], "Comemos.")
    assert found["dropped"][0][0] == " ".join(texts)
    ((_, number),) = found["number"]
    assert number != "não é longe: 12 km."
    assert len(number) == len("não é longe: 12 km.")


def test_limits_lie_between_good_and_bad() -> None:
    made = {
        "good": [Reading(-1 - at / 100, at % 3, added=-5.0) for at in range(100)],
        "swapped": [Reading(-8 - at / 100, 3) for at in range(100)],
        "dropped": [Reading(-3.0, 8 + at % 5) for at in range(100)],
        "added not": [Reading(-1.5, 1, added=9.0)],
    }
    limits = limits_of(made)
    for kind, flags in (
        ("good", ()),
        ("swapped", ("unlike",)),
        ("dropped", ("omitted",)),
        ("added not", ("negation",)),
    ):
        assert all(doubts(one, limits) == flags for one in made[kind])
    assert doubts(Reading(-1.0, 0, lost=0.5), limits) == ("negation",)
    assert doubts(Reading(-1.0, 0, lost=-0.5), limits) == ()
