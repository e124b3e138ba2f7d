"""Answers measured on XQuAD (Artetxe et al. 2020): F1 and exact match as SQuAD counts them, refusals, and
the right paragraph among the first three; and the constants that weigh the candidates, fitted."""

from __future__ import annotations

import json
import random
import re
import string
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.bench.quality.fit_answer import fit
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.answer.answer import accepted, open_reader
from autogpt_desktop.tasks.answer.reader import Reader

TOP = 3
FIT = 540  # questions that the constants are fitted on


@dataclass(frozen=True, slots=True)
class Item:
    """A question, its paragraph and right answers; and a paragraph that does not answer it."""

    article: int
    question: str
    context: str
    answers: tuple[str, ...]
    other: str
    near: bool  # ``other`` is of the same article


def items(data: Path, language: str, limit: int, seed: int) -> list[Item]:
    """XQuAD's questions in an order drawn with ``seed``; every other one's wrong paragraph is of the same
    article. ``limit`` 0: all. Raises KnownError("bench-data")."""
    file = data / "xquad" / f"{language}.json"
    try:
        articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    except OSError as error:
        raise KnownError("bench-data", folder=str(file)) from error
    draw, found = random.Random(seed), []
    every = [[paragraph["context"] for paragraph in article["paragraphs"]] for article in articles]
    asked = [
        (number, paragraph["context"], question)
        for number, article in enumerate(articles)
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    draw.shuffle(asked)
    for index, (number, context, question) in enumerate(asked[: limit or None]):
        near = bool(index % 2)
        inside = [text for text in every[number] if text != context]
        outside = [text for at, texts in enumerate(every) if at != number for text in texts]
        other = draw.choice(inside if near and inside else outside)
        answers = tuple(one["text"] for one in question["answers"])
        found.append(Item(number, question["question"], context, answers, other, near and bool(inside)))
    return found


def normal(text: str, wide: bool = False) -> list[str]:
    """The words that SQuAD's measure compares; Chinese by characters."""
    text = text.lower()
    if wide:
        return re.findall(r"[a-z0-9]+|[^\W_]", text)
    text = "".join(letter for letter in text if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def f1(answer: str, right: Sequence[str], wide: bool = False) -> float:
    """The best harmonic mean of precision and recall of words (Rajpurkar et al. 2016)."""
    best, said = 0.0, normal(answer, wide)
    for one in right:
        wanted = normal(one, wide)
        common = sum((Counter(said) & Counter(wanted)).values())
        if common:
            best = max(best, 2 * common / (len(said) + len(wanted)))
    return best


def exact(answer: str, right: Sequence[str], wide: bool = False) -> bool:
    return any(normal(answer, wide) == normal(one, wide) for one in right)


def measure_answer(models: Any, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """The figures, each with its number of questions. ``limit`` 0: all questions."""
    from autogpt_desktop.bench.quality.answer_cross_lingual import measure_across

    reader = run_to_end(open_reader(models))
    found = {
        "en": reading(reader, items(data_dir, "en", limit, seed)),
        "zh": reading(reader, items(data_dir, "zh", limit, seed), wide=True),
    }
    for language in ("en", "zh"):
        found[f"retrieval_{language}"] = retrieval(models, data_dir, language, limit, seed)
    return found | measure_across(models, data_dir, limit, seed)


def fit_answer(models: Any, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """The constants for the roles' models, from ``limit`` (0: 540) questions: see ``fit_answer``."""
    reader = run_to_end(open_reader(models))
    count = limit or FIT
    english = items(data_dir, "en", count, seed)
    made = {"words": fit(Reader(reader.engine, None), english, "words")}
    if reader.encoder is not None:
        made["meaning"] = fit(reader, english, "meaning")
    return made | {"wide": fit(reader, items(data_dir, "zh", count, seed), "wide")}


def reading(reader: Reader, asked: Sequence[Item], wide: bool = False) -> dict[str, Any]:
    """Questions with their paragraph given, and with one that does not answer them."""
    scores, best, right, answered, wrong = [], [], [], [], {True: list[bool](), False: list[bool]()}
    started = time.perf_counter()
    for item in asked:
        here = run_to_end(reader.read(item.question, item.context))
        given = accepted(reader, item.question, item.context, here)
        answered.append(given)
        best.append(f1(here.text, item.answers, wide))
        scores.append(best[-1] if given else 0.0)
        right.append(given and exact(here.text, item.answers, wide))
    seconds = time.perf_counter() - started
    for item in asked:
        there = run_to_end(reader.read(item.question, item.other))
        wrong[item.near].append(not accepted(reader, item.question, item.other, there))
    return {
        "questions": len(asked),
        "f1": _mean(scores),
        "exact_match": _mean(right),
        "f1_always_answering": _mean(best),
        "answered": _mean(answered),
        "refused_other_article": _mean(wrong[False]),
        "refused_same_article": _mean(wrong[True]),
        "ms_per_question": 1000 * seconds / max(1, len(asked)),
    }


def retrieval(models: Any, data_dir: Path, language: str, limit: int, seed: int) -> dict[str, Any]:
    """Share of questions whose paragraph is among the first three of all paragraphs."""
    from autogpt_desktop.bench.quality.retrieval import paragraph_index
    from autogpt_desktop.tasks.answer.answer import search
    from autogpt_desktop.tasks.answer.cross_lingual import Asked
    from autogpt_desktop.tasks.answer.index import embedder

    reader = run_to_end(open_reader(models))
    every = items(data_dir, language, 0, seed)
    contexts = sorted({item.context for item in every})
    right = []
    with paragraph_index(contexts, run_to_end(embedder(models))) as index:
        for item in every[: limit or None]:
            hits = run_to_end(search(reader, index, Asked(item.question), TOP))
            right.append(any(contexts[int(hit.path.stem)] == item.context for hit in hits))
    return {"questions": len(right), "paragraphs": len(contexts), "in_first_three": _mean(right)}


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))
