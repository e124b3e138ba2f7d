"""Which of the phrases that a model could copy answers a question, and whether any does.

A small model knows well where answers are and badly which of them is asked for. Its log-probabilities are
therefore weighed with what a question says by itself: the type of answer that it wants (a number, a date, a
name) and the words that stand around the answer. Linear weights and a logistic model on top, as in the
baseline of Rajpurkar et al., 2016 (SQuAD), fitted by ``bench/quality/fit_answer.py`` and kept in
``resources/calibration/answer.json``. ``docs/answer-features.md`` tells what each number gains.
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
    STOP_WORDS,
    answer_type,
    content_words,
    is_cjk,
    type_match,
    words,
)

_COMMON = ("per_token", "stop", "overlap", "near", "repeats", "unwanted", "behind_common")
_SPACED = ("prior", "followed", "logprob_lag", "length_number")
_CJK = ("first", "before_mark")
_CHAT = ("logprob_lag",)  # a large model knows what is asked for
FEATURES = (*_COMMON, *_SPACED, *_CJK)  # of a phrase; those of _CHAT are among them
FEATURES_OF_KIND = {  # kind of text → those that it is fitted with; the others have no weight there
    "meaning": (*_COMMON, *_SPACED),
    "words": (*_COMMON, *_SPACED),
    "wide": (*_COMMON, *_CJK),
    "chat": _CHAT,
    "chat_wide": _CHAT,
}
SIGNALS = ("mass", "similarity", "coverage", "overlap")  # of a passage
_NEAR_WORDS = 25  # on each side of a phrase
_AROUND = 40  # characters on each side of a phrase in which the next word is looked for


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
    in_sentences = [set(content_words(passage.text[start:end])) for start, end in passage.sentences]
    sentences_with = Counter(word for one in in_sentences for word in one)
    weight = {word: math.log(1 + len(in_sentences) / (0.5 + sentences_with[word])) for word in asked}
    total = sum(weight.values()) or 1.0
    return [sum(weight[word] for word in asked & one) / total for one in in_sentences]


def start_bonus(question: str, text: str) -> Callable[[int], float]:
    """What speaks for an answer that begins at a character, before the model is asked (natural log units)."""
    expected, asked, placed = answer_type(question), set(content_words(question)), words(text)

    def bonus(start: int) -> float:
        two = " ".join(text[start : start + 30].split()[:2])
        end = start + max(1, len(two.split()[0]) if two else 1)
        repeated = any(word in asked for word, _, _ in words(two)[:1])
        return 1.5 * _nearness(asked, placed, start, end) + type_match(expected, two) - float(repeated)

    return bonus


def candidate_features(
    question: str, passage: SegmentedPassage, candidates: Sequence[Candidate]
) -> list[list[float]]:
    """A row of ``FEATURES`` for each candidate. Those that the model was not followed for ("followed") have
    no numbers of it but for the first token."""
    expected, asked = answer_type(question), set(content_words(question))
    overlap = word_overlaps(question, passage)
    best_overlap = max(overlap, default=0.0)
    best_logprob = max((one.logprob for one in candidates if one.tokens), default=0.0)
    placed = words(passage.text)
    rows = []
    for one in candidates:
        phrase, followed = passage.text[one.start : one.end], float(one.tokens > 0)
        sentence = passage.sentence_at(one.start)
        carrying = content_words(phrase)
        length = max(sum(one.start <= start < one.end for _, start, _ in placed), 1)  # words
        before, after = _words_around(passage, sentence, one)
        row = {
            "per_token": followed * one.logprob / (one.tokens + 1),
            "prior": one.neutral_logprob,
            "stop": followed * one.stop_logprob,
            "overlap": overlap[sentence] - best_overlap,
            "near": _nearness(asked, placed, one.start, one.end),
            "repeats": sum(word in asked for word in carrying) / max(len(carrying), 1),
            "unwanted": float(type_match(expected, phrase) < 0),
            "followed": followed,
            "behind_common": float(before in STOP_WORDS),
            "logprob_lag": followed * (one.logprob - best_logprob),
            "length_number": math.log(length) * (expected in ("number", "date")),
            "first": one.first_logprob,
            "before_mark": float(not after),
        }
        rows.append([row[name] for name in FEATURES])
    return rows


_BEFORE = re.compile(r"(\w+)\s*$")
_AFTER = re.compile(r"\s*(\w+)")


def _words_around(passage: SegmentedPassage, sentence: int, one: Candidate) -> tuple[str, str]:
    """The words beside a candidate in its sentence, in lower case; "" where a mark or nothing stands."""
    start, end = passage.sentences[sentence]
    before = _BEFORE.search(passage.text[max(start, one.start - _AROUND) : one.start])
    after = _AFTER.match(passage.text[one.end : max(one.end, min(end, one.end + _AROUND))])
    return before[1].lower() if before else "", after[1].lower() if after else ""


def _nearness(asked: set[str], placed: list[tuple[str, int, int]], start: int, end: int) -> float:
    """How close to a phrase the question's words stand: 1 / (2 + distance in words), summed over them, as a
    share."""
    first = next((i for i, (_, word_start, _) in enumerate(placed) if word_start >= start), 0)
    last = max((i for i, (_, _, word_end) in enumerate(placed) if word_end <= end), default=first)
    best: dict[str, float] = {}
    for i in range(max(0, first - _NEAR_WORDS), min(len(placed), last + _NEAR_WORDS + 1)):
        word = placed[i][0]
        if word in asked and not first <= i <= last:
            distance = first - i if i < first else i - last
            best[word] = max(best.get(word, 0.0), 1 / (2 + distance))
    return 3 * sum(best.values()) / max(len(asked), 1)


def passage_signals(question: str, passage: SegmentedPassage, copy_logprob: float) -> list[float]:
    """What tells whether the passage answers the question at all, one number for each of ``SIGNALS``.

    ``copy_logprob``: natural logarithm of the probability that an answer is copied from the passage.
    """
    asked, in_passage = set(content_words(question)), set(content_words(passage.text))
    return [
        copy_logprob,
        max(passage.similarity, default=0.0),
        len(asked & in_passage) / max(len(asked), 1),
        max(word_overlaps(question, passage), default=0.0),
    ]


@dataclass(frozen=True)
class Weights:
    """Fitted constants. ``rank``: per feature; ``answered``: bias, then one per signal; ``threshold``: the
    least probability with which an answer is given."""

    rank: tuple[float, ...]
    answered: tuple[float, ...]
    threshold: float

    def score(self, row: Sequence[float]) -> float:
        return sum(weight * value for weight, value in zip(self.rank, row, strict=True))

    def probability(self, signals: Sequence[float]) -> float:
        """That the passage answers the question."""
        total = self.answered[0] + sum(w * v for w, v in zip(self.answered[1:], signals, strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))


@cache
def shipped_weights(kind: str) -> Weights:
    """The shipped constants: "meaning" with an encoder, "words" without one, "wide" for Chinese text; "chat"
    and "chat_wide" of a chat model."""
    text = (paths.resources() / "calibration" / "answer.json").read_text(encoding="utf-8")
    constants = json.loads(text)[kind]
    rank = tuple(float(constants["rank"].get(name, 0.0)) for name in FEATURES)
    answered = tuple(float(constants["answered"][name]) for name in ("bias", *SIGNALS))
    return Weights(rank, answered, float(constants["least"]))
