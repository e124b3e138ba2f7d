"""XQuAD (Artetxe et al., 2020) as the answers are measured on it, and SQuAD's measures of an answer."""

from __future__ import annotations

import json
import random
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autogpt_desktop.errors import KnownError

TOP = 3  # passages among which the right paragraph is to be


@dataclass(frozen=True, slots=True)
class Item:
    """A question, its paragraph and right answers; and a paragraph that does not answer it."""

    article: int
    question: str
    context: str
    answers: tuple[str, ...]
    other: str
    same_article: bool  # ``other`` is of the same article


def load_items(data: Path, language: str, limit: int, seed: int) -> list[Item]:
    """XQuAD's questions in an order drawn with ``seed``; every other one's wrong paragraph is of the same
    article. ``limit`` 0: all. Raises KnownError("bench-data")."""
    file = data / "xquad" / f"{language}.json"
    try:
        articles = json.loads(file.read_text(encoding="utf-8"))["data"]
    except OSError as error:
        raise KnownError("bench-data", folder=str(file)) from error
    contexts = [[paragraph["context"] for paragraph in article["paragraphs"]] for article in articles]
    questions = [
        (number, paragraph["context"], question)
        for number, article in enumerate(articles)
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]
    draw = random.Random(seed)
    draw.shuffle(questions)
    items = []
    for index, (number, context, question) in enumerate(questions[: limit or None]):
        inside = [text for text in contexts[number] if text != context]
        outside = [text for at, texts in enumerate(contexts) if at != number for text in texts]
        same = bool(index % 2 and inside)
        other = draw.choice(inside if same else outside)
        answers = tuple(answer["text"] for answer in question["answers"])
        items.append(Item(number, question["question"], context, answers, other, same))
    return items


def normalized_words(text: str, cjk: bool = False) -> list[str]:
    """The words that SQuAD's measure compares; Chinese by characters."""
    text = text.lower()
    if cjk:
        return re.findall(r"[a-z0-9]+|[^\W_]", text)
    text = "".join(letter for letter in text if letter not in string.punctuation)
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def f1(answer: str, references: Sequence[str], cjk: bool = False) -> float:
    """The best harmonic mean of precision and recall of words (Rajpurkar et al., 2016)."""
    best, given = 0.0, normalized_words(answer, cjk)
    for one in references:
        reference = normalized_words(one, cjk)
        common = sum((Counter(given) & Counter(reference)).values())
        if common:
            best = max(best, 2 * common / (len(given) + len(reference)))
    return best


def exact_match(answer: str, references: Sequence[str], cjk: bool = False) -> bool:
    return any(normalized_words(answer, cjk) == normalized_words(one, cjk) for one in references)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was said to an item's question: over its own paragraph (``answerable``) or over the other one."""

    item: Item
    answerable: bool
    answer: str  # the best phrase, given or not
    given: bool


def figures(outcomes: Sequence[Outcome], cjk: bool = False) -> dict[str, Any]:
    """F1 and exact match as SQuAD counts them, and how often the right thing was done: answered, refused."""
    answerable = [one for one in outcomes if one.answerable]
    refused = {
        same: [not one.given for one in outcomes if not one.answerable and one.item.same_article == same]
        for same in (False, True)
    }
    scores = [f1(one.answer, one.item.answers, cjk) for one in answerable]
    exact = [one.given and exact_match(one.answer, one.item.answers, cjk) for one in answerable]
    return {
        "questions": len(answerable),
        "f1": mean([one.given * score for one, score in zip(answerable, scores, strict=True)]),
        "exact_match": mean(exact),
        "f1_always_answering": mean(scores),
        "answered": mean([one.given for one in answerable]),
        "refused_other_article": mean(refused[False]),
        "refused_same_article": mean(refused[True]),
    }


def mean(values: Sequence[float]) -> float:
    """0.0 of no values."""
    return sum(values) / max(1, len(values))
