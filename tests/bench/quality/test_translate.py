"""Measuring translations: what counts as bad, how systems are compared, the whole run on a few sentences."""

from __future__ import annotations

from pathlib import Path

import pytest

from autogpt_desktop.bench.quality import translate
from autogpt_desktop.bench.quality.translate import is_bad, measure_translate, scores
from autogpt_desktop.engine.model_pool import ModelPool
from autogpt_desktop.errors import KnownError

SOURCE = "The old bridge over the river was closed on Monday."
GOOD = "Le vieux pont sur la rivière a été fermé lundi."


@pytest.mark.parametrize(
    ("translation", "bad"),
    [(GOOD, False), ("Le vieux pont.", True), (GOOD * 4, True), ("le pont de la " * 3, True), (SOURCE, True)],
)
def test_what_is_bad(translation: str, bad: bool) -> None:
    assert is_bad(SOURCE, translation, 1.0, "fr") is bad


@pytest.mark.slow
def test_the_better_system_scores_better() -> None:
    references = [GOOD, "Le musée ouvre à midi.", "Il pleut depuis trois jours.", "Où est la gare ?"] * 5
    worse = [text.replace("e", "a").replace("i", "o") for text in references]
    found = scores({"three-shot": worse, "best": references}, references, "fr")
    assert found["best"]["chrF2"] == pytest.approx(100)
    assert found["three-shot"]["chrF2"] < 60
    assert found["best"]["p"] < 0.05
    assert "p" not in found["three-shot"]


def test_a_pair_is_measured(gemma_gguf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "flores-dev"
    folder.mkdir()
    (folder / "en.txt").write_text(f"{SOURCE}\nGood morning.\n", encoding="utf-8")
    (folder / "fr.txt").write_text(f"{GOOD}\nBonjour.\n", encoding="utf-8")
    monkeypatch.setattr(translate, "PAIRS", (("en", "fr"),))
    models = ModelPool(lambda role: gemma_gguf, device="cpu", context_length=2048)
    try:
        figures = measure_translate(models, tmp_path)["en-fr"]
        monkeypatch.setattr(translate, "PAIRS", (("en", "fr"), ("fr", "en")))
        again = measure_translate(models, tmp_path)
        assert again["en-fr"] == figures, "a pair that was measured was measured again"
        assert again["fr-en"]["sentences"] == 2
        with pytest.raises(KnownError, match="bench-data"):
            measure_translate(models, tmp_path / "nowhere")
    finally:
        models.unload()
    assert 0 < again["examples"]["kept"] < again["examples"]["read each time"]
    assert figures["sentences"] == 2
    assert all("BLEU" in figures[name] for name in ("three-shot", "quick", "best"))
    assert all(figures[name]["chrF2"] > 20 for name in ("three-shot", "quick", "best"))
    assert figures["best"]["bad_unmarked"] == 0
    assert 0 <= figures["best"]["flagged"] <= 1
