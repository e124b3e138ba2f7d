"""One question, one passage: the phrase that answers it, and the probability that any does.

Three ways to ask, by what the answer role's model is: an encoder with a question answering head gives
spans; a decoder goes on with examples and can only copy (``answer_copy``); both are judged by
``answer_rank``. A large chat model is asked in ``answer_chat`` instead.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.documents.text.passages import detect, sentences
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.answer.extract import Candidate, Copier, Vocabulary, candidates, first_tokens
from autogpt_desktop.tasks.answer.lexicon import WIDE, content, words
from autogpt_desktop.tasks.answer.phrases import phrases
from autogpt_desktop.tasks.answer.rank import (
    Passage,
    Weights,
    beginnings,
    features,
    overlaps,
    signals,
    weights,
)
from autogpt_desktop.tasks.answer.whole import whole

OWNER = "answer"  # of the saved prefix: nothing of a person's text is in it
FOCUS = 3  # sentences of a passage that a small model reads: it loses its way in more
_HEADING = re.compile(r"\s*#{1,6}\s[^\n]*\s*\Z")  # says what a passage is about, and answers nothing
_LONGEST_SPAN = 30  # tokens of an encoder's answer


@dataclass(frozen=True, slots=True)
class Reading:
    """What one passage says to a question. ``start`` and ``end`` are characters of its text."""

    start: int
    end: int
    text: str
    probability: float  # that the passage answers the question at all


@cache
def prompts() -> dict[str, Any]:
    """``resources/prompts/answer.toml``."""
    return tomllib.loads((paths.resources() / "prompts" / "answer.toml").read_text(encoding="utf-8"))


def is_wide(text: str) -> bool:
    """Written without spaces for the larger part, as Chinese is."""
    letters = sum(letter.isalpha() for letter in text)
    return 3 * len(WIDE.findall(text)) > letters


@dataclass
class Reader:
    """The models of the answer and embed roles, for one job."""

    engine: Any  # Engine or EncoderEngine
    encoder: Any | None  # EncoderEngine
    cancelled: Callable[[], bool] = lambda: False

    @property
    def copies(self) -> bool:
        """Whether the answer comes of a decoder."""
        return not hasattr(self.engine, "spans")

    def knows(self, text: str) -> bool:
        """Whether the embedding model understands the text's language."""
        return self.encoder is not None and knows_language(self.encoder, text)

    def read(self, question: str, text: str, written: str = "") -> Generator[Progress, None, Reading]:
        """The best phrase of ``text``. Raises ``Cancelled``, KnownError("prompt-too-long").

        ``written``: of a question that was translated, what the person wrote: a model that knows both
        languages is asked that, and the words that are looked for are the translation's."""
        passage, found, mass = yield from self.consider(question, text, written)
        if not found:
            return Reading(0, 0, "", 0.0)
        if not self.copies:  # a head was trained for just this
            best = max(found, key=lambda one: one.logprob)
            return _reading(best.start, best.end, text, math.exp(best.stop))
        constants = constants_for(text, bool(passage.similarity))
        scores = [constants.score(row) for row in features(question, passage, found)]
        best_score = max(scores)
        best = found[scores.index(best_score)]
        values = signals(question, passage, best, mass, best_score)
        place = whole(question, text, best.start, best.end)
        return _reading(*place, text, constants.probability(values))

    def consider(
        self, question: str, text: str, written: str = ""
    ) -> Generator[Progress, None, tuple[Passage, list[Candidate], float]]:
        """All that may be the answer, unweighed: the passage's sentences, phrases, and the mass of copies."""
        passage = yield from self._prepare(question, text)
        found, mass = yield from (
            self._copied(question, passage, written or question)
            if self.copies
            else self._spans(question, passage)
        )
        return passage, found, mass

    def _prepare(self, question: str, text: str) -> Generator[Progress, None, Passage]:
        spans = tuple(sentences(text)) or ((0, len(text)),)
        similarity: tuple[float, ...] = ()
        if self.copies and self.knows(question) and self.knows(text):
            vectors = yield from self.vectors([question, *(text[a:b] for a, b in spans)])
            similarity = tuple(float(vectors[0] @ vector) for vector in vectors[1:])
        return Passage(text, spans, similarity)

    def vectors(self, texts: Sequence[str]) -> Generator[Progress, None, list[Any]]:
        """Embeddings, in the order of the texts."""
        assert self.encoder is not None
        found: list[Any] = [None] * len(texts)
        for step in self.encoder.embed(texts, self.cancelled):
            if isinstance(step, Progress):
                yield step
            else:
                found[step[0]] = step[1].cpu()
        return found

    # A decoder, which copies

    def _copied(
        self, question: str, passage: Passage, written: str
    ) -> Generator[Progress, None, tuple[list[Candidate], float]]:
        text, pieces = focus(question, passage)
        asked = prompts()["zh" if is_wide(passage.text) else "en"]
        encode = self.engine.tokenizer.encode
        prefix = encode("".join(asked["example"].format(**one) for one in asked["examples"]))
        state = yield from self.engine.prefix_state(prefix, OWNER, cancelled=self.cancelled)
        ids = prefix + encode(asked["question"].format(passage=text, question=written), add_special=False)
        if len(ids) + 32 > self.engine.context_length:
            raise KnownError("prompt-too-long", tokens=len(ids), context=self.engine.context_length)
        nothing = asked["question"].format(passage=text, question=asked["neutral"])
        neutral = yield from self._logits(state, prefix + encode(nothing, add_special=False))
        logits = yield from self._logits(state, ids)  # what both have in common is not read again
        copier = Copier(Vocabulary.of(self.engine.tokenizer), text)
        mass = copier.mass(logits)
        found = yield from candidates(
            self.engine,
            state,
            logits,
            copier,
            neutral=neutral,
            bonus=beginnings(question, text),
            cancelled=self.cancelled,
        )
        if not is_wide(text):
            firsts = first_tokens(self.engine, logits, copier, neutral)
            found += phrases(text, [(start, end) for start, end, _ in pieces], found, firsts)
        return [moved for one in found if (moved := _moved(one, pieces))], mass

    def _logits(self, state: Any, ids: list[int]) -> Generator[Progress, None, Any]:
        """Bring ``state`` to ``ids``; the logits behind them."""
        for step in self.engine.prefill(state, ids, self.cancelled):
            if isinstance(step, Progress):
                yield step
        return step

    # An encoder with a question answering head

    def _spans(
        self, question: str, passage: Passage
    ) -> Generator[Progress, None, tuple[list[Candidate], float]]:
        windows = self._windows(question, passage)
        pairs = [(question, passage.text[start:end]) for start, end in windows]
        found: list[Candidate] = []
        for step in self.engine.spans(pairs, self.cancelled):
            if isinstance(step, Progress):
                yield step
                continue
            index, spans = step
            for first in spans.start.topk(min(8, len(spans.offsets))).indices.tolist():
                last = first + int(spans.end[first : first + _LONGEST_SPAN].argmax())
                score = float(spans.start[first] + spans.end[last])
                answered = -math.log1p(math.exp(min(30.0, spans.null - score)))
                a, b = (windows[index][0] + at for at in (spans.offsets[first][0], spans.offsets[last][1]))
                if a < b:
                    found.append(Candidate(a, b, score, 0.0, answered, last - first + 1))
        return found, 0.0

    def _windows(self, question: str, passage: Passage) -> list[tuple[int, int]]:
        """As many sentences together as the encoder has room for beside the question, the last one of a
        window again in the next. A sentence that has no room is cut in halves."""
        room = max(self.engine.config.max_tokens - self.engine.tokens(question), 16)
        parts, sizes = list[tuple[int, int]](), list[int]()
        waiting = list(reversed(passage.sentences))
        while waiting:
            start, end = waiting.pop()
            size = self.engine.tokens(passage.text[start:end])
            if size > room and end - start > 1:
                middle = (start + end) // 2
                at = passage.text.rfind(" ", start + 1, middle)
                waiting += [(middle if at < 0 else at, end), (start, middle if at < 0 else at)]
            else:
                parts.append((start, end))
                sizes.append(size)
        found, first = list[tuple[int, int]](), 0
        while True:
            last, used = first, sizes[first]
            while last + 1 < len(sizes) and used + sizes[last + 1] <= room:
                last += 1
                used += sizes[last]
            found.append((parts[first][0], parts[last][1]))
            if last + 1 == len(sizes):
                return found
            first = last if last > first and sizes[last] + sizes[last + 1] <= room else last + 1


def _reading(start: int, end: int, text: str, probability: float) -> Reading:
    return Reading(start, end, text[start:end], probability)


def knows_language(encoder: Any, text: str) -> bool:
    """By what the embedding model says that it knows; one that says nothing is taken to know English."""
    known = encoder.config.languages or ("en",)
    if is_wide(text):
        return bool({"zh", "ja"} & set(known))
    found = detect(text)
    if not found or (found[0][1] < 0.9 and text.isascii()):  # too short to tell
        return "en" in known
    return found[0][0] in known


def constants_for(text: str, meaning: bool) -> Weights:
    if is_wide(text):
        return weights("wide")
    return weights("meaning" if meaning else "words")


def focus(question: str, passage: Passage, most: int = FOCUS) -> tuple[str, list[tuple[int, int, int]]]:
    """The sentences that a question is most likely answered by, in order, as one text.

    Also where they come from: (start in that text, its end, start in the passage).
    """
    near = passage.similarity or overlaps(question, passage)
    said = [
        at for at, (start, end) in enumerate(passage.sentences) if not _HEADING.match(passage.text[start:end])
    ]
    best = sorted(said or range(len(near)), key=lambda index: -near[index])[:most]
    gap = "" if is_wide(passage.text) else " "
    text, pieces = "", list[tuple[int, int, int]]()
    for index in sorted(best):
        start, end = passage.sentences[index]
        sentence = passage.text[start:end]
        start += len(sentence) - len(sentence.lstrip())
        sentence = sentence.strip()
        text += gap if text else ""
        pieces.append((len(text), len(text) + len(sentence), start))
        text += sentence
    return text, pieces


def _moved(one: Candidate, pieces: list[tuple[int, int, int]]) -> Candidate | None:
    """From the focused text to the passage; None for a phrase over the edge of two sentences."""
    for start, end, origin in pieces:
        if start <= one.start and one.end <= end:
            by = origin - start
            return replace(one, start=one.start + by, end=one.end + by)
    return None


def align(answer: str, text: str) -> tuple[int, int] | None:
    """Where ``text`` says ``answer``: exactly, else the run of words that shares most with it (F1 ≥ 0.5)."""
    wanted = answer.strip().strip(".。\"'“”")
    if not wanted:
        return None
    at = text.find(wanted)
    if at < 0:
        at = text.lower().find(wanted.lower())
    if at >= 0 and len(text.lower()) == len(text):
        return at, at + len(wanted)
    aim = content(wanted) or [word for word, _, _ in words(wanted)]
    placed = words(text)
    best, found = 0.5, None
    for first in range(len(placed)):
        if placed[first][0] not in aim:
            continue
        left, common = list(aim), 0
        for last in range(first, min(len(placed), first + 2 * len(aim) + 4)):
            if placed[last][0] in left:
                left.remove(placed[last][0])
                common += 1
                size = len([w for w in placed[first : last + 1] if w[0] in aim or len(w[0]) > 2])
                score = 2 * common / (size + len(aim))
                if score > best or (found is None and score == best):
                    best, found = score, (placed[first][1], placed[last][2])
    return found
