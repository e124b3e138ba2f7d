"""Which of the phrases that a model could copy answers a question, and whether any does.

A small model knows well where answers are and badly which of them is asked for. Its log-probabilities are
therefore weighed with what a question says by itself: the kind of answer that it wants (a number, a date, a
name), the words that stand around the answer, and how near in meaning the sentence is. Linear weights and a
logistic model on top, as in the baseline of Rajpurkar et al., 2016 (SQuAD), fitted by
``bench/fit_answer.py`` and kept in ``resources/calibration/answer.json``.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from autogpt_desktop import paths
from autogpt_desktop.tasks.answer.extract import Candidate
from autogpt_desktop.tasks.answer.lexicon import (
    CJK,
    EDGE_WORDS,
    STOP_WORDS,
    answer_type,
    content_words,
    head_words,
    is_cjk,
    type_match,
    words,
)

FEATURES = (
    "logprob", "per_token", "first", "prior", "stop", "length", "long", "meaning", "overlap", "near",
    "repeats", "edge", "wanted", "unwanted", "capital", "whole", "followed", "behind_common", "before_mark",
    "asked_for", "asked_for_next", "logprob_lag", "first_lag", "length_thing", "length_reason",
    "length_number", "capital_thing", "digit_thing", "comma",
)  # fmt: skip
SIGNALS = (
    "per_token", "mass", "similarity", "similarity_here", "coverage", "overlap", "overlap_here", "missing",
    "rank",
)  # fmt: skip


@dataclass(frozen=True)
class SegmentedPassage:
    """One passage as a question sees it."""

    text: str
    sentences: tuple[tuple[int, int], ...]
    similarity: tuple[float, ...]  # cosine of each sentence and the question; () without an encoder

    @cached_property
    def is_cjk(self) -> bool:
        return is_cjk(self.text)

    def sentence_at(self, character: int) -> int:
        """The number of the sentence that a character stands in; 0 for one between two."""
        inside = (i for i, (start, end) in enumerate(self.sentences) if start <= character < end)
        return next(inside, 0)


def word_overlaps(question: str, passage: SegmentedPassage) -> list[float]:
    """For each sentence the share of the question's words in it, rare ones (in the passage) counting more."""
    asked = set(content_words(question))
    inside = [set(content_words(passage.text[a:b])) for a, b in passage.sentences]
    seen = Counter(word for one in inside for word in one)
    weight = {word: math.log(1 + len(inside) / (0.5 + seen[word])) for word in asked}
    total = sum(weight.values()) or 1.0
    return [sum(weight[word] for word in asked & one) / total for one in inside]


def start_bonus(question: str, text: str) -> Callable[[int], float]:
    """What speaks for an answer that begins at a character, before the model is asked (natural log units)."""
    kind, asked, placed = answer_type(question), set(content_words(question)), words(text)

    def bonus(start: int) -> float:
        two = " ".join(text[start : start + 30].split()[:2])
        one = Candidate(start, start + max(1, len(two.split()[0]) if two else 1), 0.0, 0.0, 0.0, 1)
        repeated = any(word in asked for word, at, _ in words(two)[:1])
        return 1.5 * _near(asked, placed, one) + type_match(kind, two) - float(repeated)

    return bonus


def candidate_features(
    question: str, passage: SegmentedPassage, found: Sequence[Candidate]
) -> list[list[float]]:
    """A row of ``FEATURES`` for each candidate. Those that the model was not followed for ("followed") have
    no numbers of it but for the first token."""
    kind, head = answer_type(question), head_words(question)
    asked = set(content_words(question))
    overlap = word_overlaps(question, passage)
    meaning = list(passage.similarity) or overlap
    placed = words(passage.text)
    best_first = max(one.first_logprob for one in found)
    best = max((one.logprob for one in found if one.tokens), default=0.0)
    rows = []
    for one in found:
        phrase, followed = passage.text[one.start : one.end], float(one.tokens > 0)
        at = passage.sentence_at(one.start)
        inside = [word for word, start, _ in placed if one.start <= start < one.end]
        near = _near(asked, placed, one)
        carrying = list(content_words(phrase))
        repeats = sum(word in asked for word in carrying) / max(len(carrying), 1)
        wanted = type_match(kind, phrase)
        lower = phrase.lower().split()
        edge = bool(lower) and (lower[0] in EDGE_WORDS, lower[-1] in EDGE_WORDS | {"the"}).count(True)
        count = max(len(inside), 1) / (2 if CJK.search(phrase) else 1)
        digit = any(letter.isdigit() for letter in phrase)
        before, after = _around(passage, at, one)
        rows.append([
            followed * one.logprob,
            followed * one.logprob / (one.tokens + 1),
            one.first_logprob,
            one.neutral_logprob,
            followed * one.stop_logprob,
            math.log(count),
            max(0.0, count - 6) / 4,
            (meaning[at] - max(meaning)) if meaning else 0.0,
            (overlap[at] - max(overlap)) if overlap else 0.0,
            near,
            repeats,
            float(edge),
            float(wanted > 0),
            float(wanted < 0),
            float(phrase[:1].isupper()) if kind in ("person", "place") else 0.0,
            float(len(lower) > 0 and not carrying),
            followed,
            float(before in STOP_WORDS),
            float(not after),
            float(not head.isdisjoint(inside)),
            float(not head.isdisjoint(word for word, _, _ in words(after)[:1])),
            followed * (one.logprob - best),
            one.first_logprob - best_first,
            math.log(count) * (kind == "thing"),
            math.log(count) * (kind == "reason"),
            math.log(count) * (kind in ("number", "date")),
            float(kind == "thing" and phrase[:1].isupper()),
            float(digit and kind not in ("number", "date")),
            float("," in phrase),
        ])  # fmt: skip
    return rows


_BEFORE = re.compile(r"(\w+)\s*$")
_AFTER = re.compile(r"\s*(\w+)")


def _around(passage: SegmentedPassage, at: int, one: Candidate) -> tuple[str, str]:
    """The words beside a candidate in its sentence, in lower case; "" where a mark or nothing stands."""
    start, end = passage.sentences[at]
    before = _BEFORE.search(passage.text[max(start, one.start - 40) : one.start])
    after = _AFTER.match(passage.text[one.end : max(one.end, min(end, one.end + 40))])
    return before[1].lower() if before else "", after[1].lower() if after else ""


def _near(asked: set[str], placed: list[tuple[str, int, int]], one: Candidate) -> float:
    """How close the question's words stand: 1 / distance in words, summed over them, as a share."""
    first = next((i for i, (_, start, _) in enumerate(placed) if start >= one.start), 0)
    last = max((i for i, (_, _, end) in enumerate(placed) if end <= one.end), default=first)
    best: dict[str, float] = {}
    for i in range(max(0, first - 25), min(len(placed), last + 26)):
        word = placed[i][0]
        if word in asked and not first <= i <= last:
            distance = first - i if i < first else i - last
            best[word] = max(best.get(word, 0.0), 1 / (2 + distance))
    return 3 * sum(best.values()) / max(len(asked), 1)


def passage_signals(
    question: str, passage: SegmentedPassage, chosen: Candidate, mass: float, rank: float
) -> list[float]:
    """What tells whether the passage answers the question at all, one number for each of ``SIGNALS``.

    ``mass``: natural logarithm of the probability that an answer is copied from the passage; ``rank``: the
    weighted score of ``chosen``.
    """
    asked = set(content_words(question))
    there = set(content_words(passage.text))
    overlap = word_overlaps(question, passage)
    at = passage.sentence_at(chosen.start)
    named = _named(question)
    return [
        chosen.logprob / (chosen.tokens + 1),
        mass,
        max(passage.similarity, default=0.0),
        passage.similarity[at] if passage.similarity else 0.0,
        len(asked & there) / max(len(asked), 1),
        max(overlap, default=0.0),
        overlap[at] if overlap else 0.0,
        sum(word not in there for word in named) / max(len(named), 1),
        rank,
    ]


def _named(question: str) -> set[str]:
    """Names and numbers of a question: who asks about them wants nothing else."""
    found = words(question)
    return {
        word
        for word, start, _ in found[1:]
        if (question[start].isupper() or question[start].isdigit()) and word not in STOP_WORDS
    }


@dataclass(frozen=True)
class Weights:
    """Fitted constants. ``rank`` per feature; ``answered``: bias, then one per signal; and the threshold
    probability with which an answer is given."""

    rank: tuple[float, ...]
    answered: tuple[float, ...]
    threshold: float

    def score(self, row: Sequence[float]) -> float:
        return sum(weight * value for weight, value in zip(self.rank, row, strict=True))

    def probability(self, values: Sequence[float]) -> float:
        """That the passage answers the question."""
        total = self.answered[0] + sum(w * v for w, v in zip(self.answered[1:], values, strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@cache
def shipped_weights(kind: str) -> Weights:
    """The shipped constants: "meaning" with an encoder, "words" without one, "wide" for Chinese text."""
    text = (paths.resources() / "calibration" / "answer.json").read_text(encoding="utf-8")
    found = json.loads(text)[kind]
    rank = tuple(float(found["rank"][name]) for name in FEATURES)
    answered = tuple(float(found["answered"][name]) for name in ("bias", *SIGNALS))
    return Weights(rank, answered, float(found["least"]))
