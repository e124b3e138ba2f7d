"""Questions in English over Chinese paragraphs and the reverse: XQuAD has the same ones in both."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import Any

from autogpt_desktop.bench.quality.answer import TOP, f1, items
from autogpt_desktop.bench.quality.retrieval import paragraph_index
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.tasks.answer.answer import accepted, open_reader, search
from autogpt_desktop.tasks.answer.cross_lingual import Asked, across
from autogpt_desktop.tasks.answer.index import embedder

MOST = 120  # questions: each is translated several times


def measure_across(models: Any, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """For questions in one language over paragraphs in the other: how often the right one of all is among
    the first three, as they are asked and without translating them; and F1 with the paragraph given."""
    return {
        f"{asking}_over_{written}": _measure(
            models, data_dir, asking, written, min(limit or MOST, MOST), seed
        )
        for asking, written in (("en", "zh"), ("zh", "en"))
    }


def _measure(models: Any, data: Path, asking: str, written: str, count: int, seed: int) -> dict[str, Any]:
    reader = run_to_end(open_reader(models))
    # the same seed puts the same questions into the same order
    asked = [item.question for item in items(data, asking, count, seed)]
    theirs = items(data, written, count, seed)
    contexts = sorted({item.context for item in items(data, written, 0, seed)})
    found, plain, given, refused = (list[bool]() for _ in range(4))
    scores: list[float] = []
    with paragraph_index(contexts, run_to_end(embedder(models))) as index:
        for question, item in zip(asked, theirs, strict=True):
            both = run_to_end(across(models, question, {written: 1}))
            for said, hits in ((both, found), (Asked(question), plain)):
                passages = run_to_end(search(reader, index, said, TOP))
                hits.append(any(contexts[int(one.path.stem)] == item.context for one in passages))
            for context, kept in ((item.context, given), (item.other, refused)):
                said_here = both.beside(context)
                reading = run_to_end(reader.read(said_here, context, question))
                kept.append(accepted(reader, said_here, context, reading, names=False))
                if context == item.context:
                    scores.append(kept[-1] * f1(reading.text, item.answers, written == "zh"))
    return {
        "questions": len(asked),
        "paragraphs": len(contexts),
        "in_first_three": fmean(found),
        "in_first_three_untranslated": fmean(plain),
        "f1": fmean(scores),
        "answered": fmean(given),
        "refused": 1 - fmean(refused),
    }
