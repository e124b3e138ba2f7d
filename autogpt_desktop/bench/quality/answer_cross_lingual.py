"""Questions in English over Chinese paragraphs and the reverse: XQuAD has the same ones in both."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from autogpt_desktop.bench.quality.retrieval import paragraph_index
from autogpt_desktop.bench.quality.xquad import TOP, f1, load_items
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.tasks.answer.answer import is_accepted, open_reader, search
from autogpt_desktop.tasks.answer.cross_lingual import translate_query
from autogpt_desktop.tasks.answer.indexing import embedder
from autogpt_desktop.tasks.answer.query import Query

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels

MAX_QUESTIONS = 120  # each is translated several times


def measure_cross_lingual(models: JobModels, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """For questions in one language over paragraphs in the other: how often the right one of all is among
    the first three, as they are asked and without translating them; and F1 with the paragraph given."""
    count = min(limit or MAX_QUESTIONS, MAX_QUESTIONS)
    return {
        f"{asking}_over_{written}": _measure(models, data_dir, asking, written, count, seed)
        for asking, written in (("en", "zh"), ("zh", "en"))
    }


def _measure(
    models: JobModels, data: Path, asking: str, written: str, count: int, seed: int
) -> dict[str, Any]:
    reader = run_to_end(open_reader(models))
    # the same seed puts the same questions into the same order
    questions = [item.question for item in load_items(data, asking, count, seed)]
    items = load_items(data, written, count, seed)
    contexts = sorted({item.context for item in load_items(data, written, 0, seed)})
    retrieved, untranslated, answered, refused = (list[bool]() for _ in range(4))
    scores: list[float] = []
    with paragraph_index(contexts, run_to_end(embedder(models))) as index:
        for question, item in zip(questions, items, strict=True):
            query = run_to_end(translate_query(models, question, {written: 1}))
            for asked, hits in ((query, retrieved), (Query(question), untranslated)):
                passages = run_to_end(search(reader, index, asked, TOP))
                hits.append(any(contexts[int(one.path.stem)] == item.context for one in passages))
            for context in (item.context, item.other):
                version = query.for_text(context)
                read = run_to_end(reader.read(version, context, question))
                accepted = is_accepted(reader, version, context, read, names=False)
                if context == item.context:
                    answered.append(accepted)
                    scores.append(accepted * f1(read.text, item.answers, written == "zh"))
                else:
                    refused.append(not accepted)
    return {
        "questions": len(questions),
        "paragraphs": len(contexts),
        "in_first_three": fmean(retrieved),
        "in_first_three_untranslated": fmean(untranslated),
        "f1": fmean(scores),
        "answered": fmean(answered),
        "refused": fmean(refused),
    }
