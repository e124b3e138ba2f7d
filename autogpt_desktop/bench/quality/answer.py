"""Answers measured on XQuAD: F1 and exact match, refusals, and the right paragraph among the first three; and
the constants that weigh the candidates, fitted."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.bench.quality.answer_cross_lingual import measure_cross_lingual
from autogpt_desktop.bench.quality.fit_answer import cross_validated, fit, observe, write
from autogpt_desktop.bench.quality.retrieval import paragraph_index
from autogpt_desktop.bench.quality.xquad import TOP, Item, Outcome, figures, load_items, mean
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.tasks.answer.answer import is_accepted, open_reader, search
from autogpt_desktop.tasks.answer.indexing import embedder
from autogpt_desktop.tasks.answer.query import Query
from autogpt_desktop.tasks.answer.reader import Reader

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels


def measure_answer(models: JobModels, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """The figures, each with its number of questions. ``limit`` 0: all questions."""
    reader = run_to_end(open_reader(models))
    result = {
        "en": _reading(reader, load_items(data_dir, "en", limit, seed)),
        "zh": _reading(reader, load_items(data_dir, "zh", limit, seed), cjk=True),
    }
    for language in ("en", "zh"):
        result[f"retrieval_{language}"] = _retrieval(models, data_dir, language, limit, seed)
    return result | measure_cross_lingual(models, data_dir, limit, seed)


def fit_answer(models: JobModels, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """The constants for the roles' models, from ``limit`` (0: all) questions of each language, written to
    ``resources/calibration/answer.json``; and how good they are on articles that they were not fitted on."""
    reader = run_to_end(open_reader(models))
    english = load_items(data_dir, "en", limit, seed)
    alone = Reader(reader.engine, None)
    readers = {"words": alone, "meaning": reader, "wide": reader}
    if reader.chats:
        readers = {"chat": alone, "chat_wide": alone}
    elif reader.encoder is None:
        del readers["meaning"]
    result: dict[str, Any] = {}
    for kind, one in readers.items():
        items = load_items(data_dir, "zh", limit, seed) if kind.endswith("wide") else english
        observations = observe(one, items)
        constants = fit(observations, kind)
        write({kind: constants})
        result[kind] = constants | {"cross_validated": cross_validated(observations, kind)}
    return result


def _reading(reader: Reader, items: Sequence[Item], cjk: bool = False) -> dict[str, Any]:
    """Questions with their paragraph given, and with one that does not answer them."""
    outcomes, seconds = [], {True: 0.0, False: 0.0}
    for answerable in (True, False):
        started = time.perf_counter()
        for item in items:
            text = item.context if answerable else item.other
            read = run_to_end(reader.read(item.question, text))
            given = is_accepted(reader, item.question, text, read)
            outcomes.append(Outcome(item, answerable, read.text, given))
        seconds[answerable] = time.perf_counter() - started
    return figures(outcomes, cjk) | {"ms_per_question": 1000 * seconds[True] / max(1, len(items))}


def _retrieval(models: JobModels, data_dir: Path, language: str, limit: int, seed: int) -> dict[str, Any]:
    """Share of questions whose paragraph is among the first three of all paragraphs."""
    reader = run_to_end(open_reader(models))
    items = load_items(data_dir, language, 0, seed)
    contexts = sorted({item.context for item in items})
    right = []
    with paragraph_index(contexts, run_to_end(embedder(models))) as index:
        for item in items[: limit or None]:
            passages = run_to_end(search(reader, index, Query(item.question), TOP))
            right.append(any(contexts[int(one.path.stem)] == item.context for one in passages))
    return {"questions": len(right), "paragraphs": len(contexts), "in_first_three": mean(right)}
