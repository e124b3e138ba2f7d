"""One question, one passage: the phrase that answers it, and the probability that any does.

Three ways to ask, by what the answer role's model is: an encoder with a question answering head gives spans
and says itself how sure it is; a decoder goes on with examples and can only copy (``extract``), and what it
copies is judged by ``rank``; a large chat model is told what to do (``chat_model``), and copies too.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, cast

from autogpt_desktop import paths
from autogpt_desktop.documents.text.passages import detect, sentences
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.answer.chat_model import can_chat, chat_prompt, read_passage
from autogpt_desktop.tasks.answer.extract import (
    Candidate,
    SpanConstraint,
    decode_candidates,
    phrase_candidates,
)
from autogpt_desktop.tasks.answer.lexicon import content_words, is_cjk, whole_expression
from autogpt_desktop.tasks.answer.rank import (
    SegmentedPassage,
    Weights,
    candidate_features,
    passage_signals,
    shipped_weights,
    start_bonus,
    word_overlaps,
)
from autogpt_desktop.tasks.answer.records import look_up

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.interface import State
    from autogpt_desktop.engine.torch_backend.encoder import EncoderEngine

PREFIX_OWNER = "answer"  # of the saved prefix: nothing of a user's text is in it
FOCUS_SENTENCES = 3  # of a passage that a small model reads: it loses its way in more
_HEADING = re.compile(r"\s*+#{1,6}+\s[^\n]*+\s*+\Z")  # says what a passage is about, and answers nothing
_MAX_SPAN_TOKENS = 30  # of an encoder's answer
_SPAN_STARTS = 8  # of an encoder, in each window
_LOOKED_UP = 0.95  # probability of what was found in a table by row and column
_SURE_ENOUGH = 0.5  # probability from which on an encoder's answer is given


@dataclass(frozen=True, slots=True)
class PassageAnswer:
    """What one passage says to a question. ``start`` and ``end`` are characters of its text."""

    start: int
    end: int
    text: str
    probability: float  # that the passage answers the question at all
    threshold: float  # the probability from which on the answer is given


@dataclass(frozen=True)
class Proposals:
    """All phrases of a passage that may be the answer to a question, unweighed.

    ``copy_logprob``: natural logarithm of the probability that an answer is copied from the passage; a chat
    model's is of the odds against saying that there is none; 0.0 for an encoder's."""

    question: str
    passage: SegmentedPassage
    candidates: list[Candidate]
    copy_logprob: float

    @cached_property
    def features(self) -> list[list[float]]:
        """Of each candidate, as ``rank.FEATURES`` names them."""
        return candidate_features(self.question, self.passage, self.candidates)

    @cached_property
    def signals(self) -> list[float]:
        """As ``rank.SIGNALS`` names them."""
        return passage_signals(self.question, self.passage, self.copy_logprob)


@cache
def prompts() -> dict[str, Any]:
    """``resources/prompts/answer.toml``."""
    return tomllib.loads((paths.resources() / "prompts" / "answer.toml").read_text(encoding="utf-8"))


@dataclass
class Reader:
    """The models of the answer and embed roles, for one job."""

    engine: Engine | EncoderEngine
    encoder: EncoderEngine | None
    cancelled: Callable[[], bool] = lambda: False
    _known: dict[str, bool] = field(default_factory=dict, repr=False)  # text → whether the encoder knows it

    @property
    def copies(self) -> bool:
        """Whether the answer comes from a decoder, which copies."""
        return not hasattr(self.engine, "spans")

    @cached_property
    def chats(self) -> bool:
        """Whether the decoder is told what to do instead of shown."""
        return can_chat(self.engine)

    def encoder_knows(self, text: str) -> bool:
        """Whether the embedding model understands the text's language."""
        if self.encoder is None:
            return False
        if text not in self._known:
            self._known[text] = knows_language(self.encoder, text)
        return self._known[text]

    def finds_across(self, languages: Iterable[str]) -> bool:
        """Whether the embedding model knows several languages, and these: texts that mean the same lie beside
        each other then, whatever they are written in."""
        known = self.encoder.config.languages if self.encoder is not None else ()
        return len(known) > 1 and all(code in known for code in languages if code)

    def read(self, question: str, text: str, written: str = "") -> Generator[Progress, None, PassageAnswer]:
        """The best phrase of ``text``. Raises ``Cancelled``, KnownError("prompt-too-long").

        ``written``: of a question that was translated, what the user wrote: a model that knows both
        languages is asked that, and the words that are looked for are the translation's."""
        if found := look_up(question, text):
            probability = _LOOKED_UP * found.coverage
            return PassageAnswer(
                found.start, found.end, text[found.start : found.end], probability, _SURE_ENOUGH * _LOOKED_UP
            )
        proposals = yield from self.propose(question, text, written)
        if self.copies:
            return best_answer(proposals, weights_for(proposals.passage, self.chats))
        if not proposals.candidates:
            return PassageAnswer(0, 0, "", 0.0, _SURE_ENOUGH)
        best = max(proposals.candidates, key=lambda one: one.logprob)  # a head was trained for just this
        probability = math.exp(best.stop_logprob)
        return PassageAnswer(best.start, best.end, text[best.start : best.end], probability, _SURE_ENOUGH)

    def propose(self, question: str, text: str, written: str = "") -> Generator[Progress, None, Proposals]:
        """All that may be the answer. ``written``: as for ``read``."""
        passage = yield from self.segment(question, text)
        if self.chats:
            prompt = chat_prompt(prompts(), "zh" if passage.is_cjk else "en")
            engine = cast("Engine", self.engine)
            reading = yield from read_passage(engine, prompt, written or question, text, self.cancelled)
            return Proposals(question, passage, reading.candidates, reading.odds)
        if self.copies:
            candidates, copy_logprob = yield from self._copied(question, passage, written or question)
            return Proposals(question, passage, candidates, copy_logprob)
        return Proposals(question, passage, (yield from self._head_spans(question, passage)), 0.0)

    def segment(self, question: str, text: str) -> Generator[Progress, None, SegmentedPassage]:
        """The text's sentences, with how near in meaning the question is to each."""
        spans = tuple(sentences(text)) or ((0, len(text)),)
        similarity: tuple[float, ...] = ()
        if not self.chats and self.copies and self.encoder_knows(question) and self.encoder_knows(text):
            vectors = yield from self.embed([question, *(text[start:end] for start, end in spans)], queries=1)
            similarity = tuple(float(vectors[0] @ vector) for vector in vectors[1:])
        return SegmentedPassage(text, spans, similarity)

    def embed(self, texts: Sequence[str], *, queries: int = 0) -> Generator[Progress, None, list[Any]]:
        """Vectors (tensors [hidden_size]), in the order of the texts; the first ``queries`` are questions."""
        assert self.encoder is not None
        vectors: dict[int, Any] = {}
        for step in self.encoder.embed(texts, self.cancelled, queries=queries):
            if isinstance(step, Progress):
                yield step
            else:
                index, vector = step
                vectors[index] = vector.cpu()
        return [vectors[index] for index in range(len(texts))]

    # A decoder, which copies

    def _copied(
        self, question: str, passage: SegmentedPassage, written: str
    ) -> Generator[Progress, None, tuple[list[Candidate], float]]:
        engine = cast("Engine", self.engine)
        text, pieces = focus(question, passage)
        prompt = prompts()["zh" if passage.is_cjk else "en"]
        encode = engine.tokenizer.encode
        prefix = encode("".join(prompt["example"].format(**one) for one in prompt["examples"]))
        state = yield from engine.prefix_state(prefix, PREFIX_OWNER, cancelled=self.cancelled)
        ids = prefix + encode(prompt["question"].format(passage=text, question=written), add_special=False)
        if len(ids) + 32 > engine.context_length:
            raise KnownError("prompt-too-long", tokens=len(ids), context=engine.context_length)
        nothing = prompt["question"].format(passage=text, question=prompt["neutral"])
        neutral = yield from self._logits(engine, state, prefix + encode(nothing, add_special=False))
        logits = yield from self._logits(engine, state, ids)  # what both have in common is not read again
        constraint = SpanConstraint(engine.tokenizer, text)
        candidates = yield from decode_candidates(
            engine,
            state,
            logits,
            constraint,
            neutral_logits=neutral,
            start_bonus=start_bonus(question, text),
            cancelled=self.cancelled,
        )
        if not is_cjk(text):
            first_logprobs = constraint.first_token_logprobs(logits, neutral)
            spans = [(piece.start, piece.end) for piece in pieces]
            candidates += phrase_candidates(text, spans, candidates, first_logprobs)
        in_passage = [moved for one in candidates if (moved := _in_passage(one, pieces))]
        return in_passage, constraint.copy_logprob(logits)

    def _logits(self, engine: Engine, state: State, ids: list[int]) -> Generator[Progress, None, Any]:
        """Bring ``state`` to ``ids``; the logits (a tensor [vocab_size]) behind them."""
        for step in engine.prefill(state, ids, self.cancelled):
            if isinstance(step, Progress):
                yield step
            else:
                logits = step
        return logits

    # An encoder with a question answering head

    def _head_spans(
        self, question: str, passage: SegmentedPassage
    ) -> Generator[Progress, None, list[Candidate]]:
        engine = cast("EncoderEngine", self.engine)
        windows = _windows(engine, question, passage)
        pairs = [(question, passage.text[start:end]) for start, end in windows]
        candidates: list[Candidate] = []
        for step in engine.spans(pairs, self.cancelled):
            if isinstance(step, Progress):
                yield step
                continue
            index, spans = step
            origin = windows[index][0]
            for first in spans.start.topk(min(_SPAN_STARTS, len(spans.offsets))).indices.tolist():
                last = first + int(spans.end[first : first + _MAX_SPAN_TOKENS].argmax())
                score = float(spans.start[first] + spans.end[last])
                answered = -math.log1p(math.exp(min(30.0, spans.null - score)))
                start, end = origin + spans.offsets[first][0], origin + spans.offsets[last][1]
                if start < end:
                    candidates.append(Candidate(start, end, score, 0.0, answered, last - first + 1))
        return candidates


def _windows(engine: EncoderEngine, question: str, passage: SegmentedPassage) -> list[tuple[int, int]]:
    """As many sentences together as the encoder has room for beside the question, the last one of a
    window again in the next. A sentence that has no room is cut in halves."""
    room = max(engine.config.max_tokens - engine.tokens(question), 16)
    parts, sizes = list[tuple[int, int]](), list[int]()
    waiting = list(reversed(passage.sentences))
    while waiting:
        start, end = waiting.pop()
        size = engine.tokens(passage.text[start:end])
        if size > room and end - start > 1:
            middle = (start + end) // 2
            at = passage.text.rfind(" ", start + 1, middle)
            waiting += [(middle if at < 0 else at, end), (start, middle if at < 0 else at)]
        else:
            parts.append((start, end))
            sizes.append(size)
    windows, first = list[tuple[int, int]](), 0
    while True:
        last, used = first, sizes[first]
        while last + 1 < len(sizes) and used + sizes[last + 1] <= room:
            last += 1
            used += sizes[last]
        windows.append((parts[first][0], parts[last][1]))
        if last + 1 == len(sizes):
            return windows
        first = last if last > first and sizes[last] + sizes[last + 1] <= room else last + 1


def knows_language(encoder: EncoderEngine, text: str) -> bool:
    """By what the embedding model says that it knows; one that says nothing is taken to know English."""
    known = encoder.config.languages or ("en",)
    if is_cjk(text):
        return bool({"zh", "ja"} & set(known))
    ranked = detect(text)
    if not ranked or (ranked[0][1] < 0.9 and text.isascii()):  # too short to tell
        return "en" in known
    return ranked[0][0] in known


def best_answer(proposals: Proposals, weights: Weights) -> PassageAnswer:
    """The phrase that the constants prefer, dates and numbers as a whole."""
    scored = [
        (weights.score(row), at)
        for at, row in enumerate(proposals.features)
        if not _only_asks(proposals, proposals.candidates[at])
    ]
    if not scored:
        return PassageAnswer(0, 0, "", 0.0, weights.threshold)
    best = proposals.candidates[max(scored, key=lambda one: one[0])[1]]
    text = proposals.passage.text
    start, end = whole_expression(proposals.question, text, best.start, best.end)
    probability = weights.probability(proposals.signals)
    return PassageAnswer(start, end, text[start:end], probability, weights.threshold)


def _only_asks(proposals: Proposals, one: Candidate) -> bool:
    """Whether a phrase is of a sentence that asks the same: the answer stands behind it."""
    passage = proposals.passage
    start, end = passage.sentences[passage.sentence_at(one.start)]
    sentence = passage.text[start:end].rstrip()
    return sentence.endswith(("?", "？")) and set(content_words(proposals.question)) <= set(
        content_words(sentence)
    )


def weights_for(passage: SegmentedPassage, chats: bool = False) -> Weights:
    """The constants for a text in Chinese, or one read with an embedding model or without; ``chats``: by a
    chat model."""
    if chats:
        return shipped_weights("chat_wide" if passage.is_cjk else "chat")
    if passage.is_cjk:
        return shipped_weights("wide")
    return shipped_weights("meaning" if passage.similarity else "words")


@dataclass(frozen=True, slots=True)
class Piece:
    """A sentence in the focused text, and the character of the passage that it begins at."""

    start: int
    end: int
    origin: int


def focus(question: str, passage: SegmentedPassage, most: int = FOCUS_SENTENCES) -> tuple[str, list[Piece]]:
    """The sentences that a question is most likely answered by, in order, as one text; and its pieces."""
    relevance = passage.similarity or word_overlaps(question, passage)
    prose = [
        at for at, (start, end) in enumerate(passage.sentences) if not _HEADING.match(passage.text[start:end])
    ]
    best = sorted(prose or range(len(relevance)), key=lambda index: -relevance[index])[:most]
    gap = "" if passage.is_cjk else " "
    text, pieces = "", list[Piece]()
    for index in sorted(best):
        start, end = passage.sentences[index]
        sentence = passage.text[start:end]
        start += len(sentence) - len(sentence.lstrip())
        sentence = sentence.strip()
        text += gap if text else ""
        pieces.append(Piece(len(text), len(text) + len(sentence), start))
        text += sentence
    return text, pieces


def _in_passage(candidate: Candidate, pieces: list[Piece]) -> Candidate | None:
    """From the focused text to the passage; None for a phrase over the edge of two sentences."""
    for piece in pieces:
        if piece.start <= candidate.start and candidate.end <= piece.end:
            by = piece.origin - piece.start
            return replace(candidate, start=candidate.start + by, end=candidate.end + by)
    return None
