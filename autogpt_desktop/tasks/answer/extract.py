"""Phrases of a passage that a decoder may answer with: decoding that can only copy, letter by letter.

At every step only tokens are allowed that go on somewhere in the passage from what was written so far;
an answer may begin where a word begins and end where one ends. Works on bytes, so it does not depend on
how a tokenizer would have cut the passage. Several beginnings are followed side by side, and every end on
the way is a candidate, so that others can choose among the n best.

A small model follows few beginnings, and the right one is not always among them. What begins and ends where
phrases do (Rajpurkar et al., 2016, take constituents of a parse; here marks, small words, names and numbers
stand for it) is a candidate too, with what the model gives to its first word alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.answer.lexicon import STOP_WORDS

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.interface import State
    from autogpt_desktop.engine.tokenizer.tokenizer import Tokenizer

BEAMS = 10  # beginnings that are followed side by side
NEUTRAL_WEIGHT = 0.5  # of what is likely whatever is asked
MAX_TOKENS = 14  # of an answer
MAX_PHRASE_WORDS = 8  # of a phrase that the model did not follow
_MAX_TOKEN_BYTES = 24  # that are looked up as one token
_NO_WORDS = "\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff"
_WORD_LETTER = re.compile(rf"[^\W{_NO_WORDS}]")  # letters that make words together; Chinese ones stand alone
_NO_START = frozenset(" \t\r\n.,;:!?)]}»”’%。，、；：！？）】》」』…·-–—/'*`|")
_NO_END = frozenset(" \t\r\n,;:([{«“‘。，、；：！？（【《「『…·-–—/*`|")
_IN_NUMBER = re.compile(r"\d[.,:]\d")  # 4,200 and 2.4 and 10:30 are one
_SURE = -0.7  # log-probability of the end behind which nothing else is tried
_HOPELESS = 7.0  # natural log units behind the best answer so far: not gone on with


@dataclass(frozen=True, slots=True)
class Candidate:
    """A phrase ``passage[start:end]`` and its natural log-probabilities under the model.

    With 0 ``tokens`` the model was asked for the first one alone."""

    start: int
    end: int
    first_logprob: float  # of its first token
    rest_logprob: float  # of its other tokens, summed
    stop_logprob: float  # of ending here
    tokens: int
    neutral_logprob: float = 0.0  # of its first token, whatever is asked

    @property
    def logprob(self) -> float:
        return self.first_logprob + self.rest_logprob + self.stop_logprob


class Vocabulary:
    """The tokens of a model by their bytes, and those that end an answer."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.ids: dict[bytes, int] = {}
        stop_ids = set(tokenizer.eos_ids)
        for id in range(tokenizer.vocab_size):
            if tokenizer.is_control(id):
                continue
            text = tokenizer.token_bytes(id)
            if text.startswith(b"\n"):
                stop_ids.add(id)
            if 0 < len(text) <= _MAX_TOKEN_BYTES and (len(text) > 1 or text not in self.ids):
                self.ids[text] = id
        self.stop_ids = sorted(stop_ids)
        self.eos_id = min(tokenizer.eos_ids)

    _cache: ClassVar[WeakKeyDictionary[Tokenizer, Vocabulary]] = WeakKeyDictionary()

    @classmethod
    def of(cls, tokenizer: Tokenizer) -> Vocabulary:
        """The tokenizer's vocabulary, made once."""
        cached = cls._cache.get(tokenizer)
        if cached is None:
            cached = cls._cache[tokenizer] = cls(tokenizer)
        return cached


class SpanConstraint:
    """Which tokens may come next if all that is written is a span of one passage.

    Positions are bytes of the passage's UTF-8: ``starts`` are those that a span may begin at, ``ends`` those
    that it may end at; ``characters`` tells which character begins at a position.
    """

    def __init__(self, tokenizer: Tokenizer, passage: str) -> None:
        self.tokenizer, self.passage = tokenizer, passage
        self.vocabulary = Vocabulary.of(tokenizer)
        self.bytes = passage.encode("utf-8", "replace")
        position, self.characters = 0, dict[int, int]()
        for index, letter in enumerate(passage):
            self.characters[position] = index
            position += len(letter.encode("utf-8", "replace"))
        self.characters[position] = len(passage)
        self.starts = tuple(at for at, index in self.characters.items() if self._can_start(index))
        self.ends = frozenset(at for at, index in self.characters.items() if self._can_end(index))

    def _can_start(self, index: int) -> bool:
        text = self.passage
        if index >= len(text) or text[index] in _NO_START:
            return False
        return not self._inside_word(index)

    def _can_end(self, index: int) -> bool:
        text = self.passage
        if index == 0 or text[index - 1] in _NO_END:
            return False
        return not self._inside_word(index)

    def _inside_word(self, index: int) -> bool:
        """Whether a word or a number goes on over the place before character ``index``."""
        text = self.passage
        if not 0 < index < len(text):
            return False
        if _WORD_LETTER.match(text[index - 1]) and _WORD_LETTER.match(text[index]):
            return True
        return any(_IN_NUMBER.fullmatch(text[at : at + 3]) for at in (index - 2, index - 1) if at >= 0)

    def first_tokens(self) -> dict[int, set[int]]:
        """Token → positions behind it, of all tokens that a span may begin with."""
        allowed: dict[int, set[int]] = {}
        for position in self.starts:
            self._add_tokens(b" ", position, allowed)
            self._add_tokens(b"", position, allowed)
        return allowed

    def next_tokens(self, positions: set[int]) -> dict[int, set[int]]:
        """The same behind what was written so far, which ends at ``positions``."""
        allowed: dict[int, set[int]] = {}
        for position in positions:
            self._add_tokens(b"", position, allowed)
        return allowed

    def copy_logprob(self, logits: Any) -> float:
        """The natural logarithm of the probability that the next token begins a span of the passage.

        ``logits``: tensor [vocab_size], behind the prompt."""
        tokens = sorted(self.first_tokens())
        return float(logits.float().log_softmax(0)[tokens].logsumexp(0)) if tokens else -30.0

    def first_token_logprobs(self, logits: Any, neutral_logits: Any) -> dict[int, tuple[float, float]]:
        """For each character that a span may begin at, the natural log-probability of its likeliest first
        token, and that token's whatever is asked (``neutral_logits``)."""
        logprobs, neutral = (one.float().log_softmax(0) for one in (logits, neutral_logits))
        best: dict[int, tuple[float, float]] = {}
        allowed = self.first_tokens()
        tokens = sorted(allowed)
        for token, *values in zip(tokens, logprobs[tokens].tolist(), neutral[tokens].tolist(), strict=True):
            pair = values[0], values[1]
            for start in self.start_characters(token, allowed[token]):
                best[start] = max(best.get(start, pair), pair)
        return best

    def start_characters(self, token: int, positions: set[int]) -> list[int]:
        """The characters at which a span begins whose first token ends at ``positions``."""
        size = self.token_size(token)
        return [self.characters[position - size] for position in positions]

    def token_size(self, token: int) -> int:
        """Bytes of a first token, without the space in front."""
        text = self.tokenizer.token_bytes(token)
        return len(text) - text.startswith(b" ")

    def _add_tokens(self, before: bytes, position: int, allowed: dict[int, set[int]]) -> None:
        ids = self.vocabulary.ids
        for size in range(1, min(_MAX_TOKEN_BYTES, len(self.bytes) - position) + 1):
            token = ids.get(before + self.bytes[position : position + size])
            if token is not None:
                allowed.setdefault(token, set()).add(position + size)


@dataclass
class _Beam:
    """One beginning and what was written behind it."""

    positions: set[int]  # bytes of the passage where what was written may end
    size: int  # bytes written
    first_logprob: float
    neutral_logprob: float
    rest_logprob: float = 0.0
    tokens: int = 1
    candidates: list[Candidate] = field(default_factory=list)

    def add_candidates(self, constraint: SpanConstraint, ends: set[int], stop_logprob: float) -> None:
        """What was written so far is a candidate, wherever it stands."""
        for position in sorted(ends):
            start, end = constraint.characters[position - self.size], constraint.characters[position]
            self.candidates.append(
                Candidate(
                    start,
                    end,
                    self.first_logprob,
                    self.rest_logprob,
                    stop_logprob,
                    self.tokens,
                    self.neutral_logprob,
                )
            )


def decode_candidates(
    engine: Engine,
    prefix: State,
    logits: Any,
    constraint: SpanConstraint,
    *,
    neutral_logits: Any | None = None,
    start_bonus: Callable[[int], float] = lambda start: 0.0,
    beams: int = BEAMS,
    max_tokens: int = MAX_TOKENS,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, list[Candidate]]:
    """Phrases of the passage that may follow ``prefix``; ``logits``: tensor [vocab_size] behind it.

    Beginnings that are likely whatever is asked (``neutral_logits``: behind an empty question) count for
    less: pointwise mutual information (Holtzman et al., 2021). ``start_bonus`` is what else speaks for
    beginning at a character. The likeliest first. Raises ``Cancelled``.
    """
    from autogpt_desktop.engine.generation.batch import generate
    from autogpt_desktop.engine.generation.sampling import logsumexp

    first_tokens = constraint.first_tokens()
    if not first_tokens:
        return []
    tokens = sorted(first_tokens)
    logprobs = logits.float().log_softmax(0)[tokens].tolist()
    neutral = [0.0] * len(tokens)
    if neutral_logits is not None:
        neutral = neutral_logits.float().log_softmax(0)[tokens].tolist()
    scored = []
    for token, logprob, neutral_logprob in zip(tokens, logprobs, neutral, strict=True):
        bonus = max(map(start_bonus, constraint.start_characters(token, first_tokens[token])))
        size = constraint.token_size(token)
        score = logprob - NEUTRAL_WEIGHT * neutral_logprob + bonus
        scored.append((score, token, size, logprob, neutral_logprob))
    best = sorted(scored, reverse=True)[:beams]
    alive = [_Beam(first_tokens[token], size, *logprobs) for _, token, size, *logprobs in best]
    vocabulary = constraint.vocabulary
    best_end = -float("inf")

    def choose(index: int, row: Any, _: list[int]) -> int:
        nonlocal best_end
        beam = alive[index]
        total = logsumexp(row)
        stop_logprob = float(row[vocabulary.stop_ids].logsumexp(0)) - total
        ends = beam.positions & constraint.ends
        so_far = beam.first_logprob + beam.rest_logprob
        if ends:
            beam.add_candidates(constraint, ends, stop_logprob)
            best_end = max(best_end, so_far + stop_logprob)
        following = constraint.next_tokens(beam.positions)
        if not following or (ends and (stop_logprob > _SURE or so_far < best_end - _HOPELESS)):
            return vocabulary.eos_id
        allowed = sorted(following)
        scores = row[allowed]
        at = int(scores.argmax())
        beam.rest_logprob += float(scores[at]) - total
        beam.positions, beam.tokens = following[allowed[at]], beam.tokens + 1
        beam.size += len(constraint.tokenizer.token_bytes(allowed[at]))
        return allowed[at]

    prompts = [[token] for _, token, *_ in best]
    for step in generate(
        engine, prompts, prefix=prefix, max_tokens=max_tokens, choose=choose, cancelled=cancelled
    ):
        if isinstance(step, Progress):
            yield step
    unique: dict[tuple[int, int], Candidate] = {}
    for one in (candidate for beam in alive for candidate in beam.candidates):
        span = one.start, one.end
        if span not in unique or unique[span].logprob < one.logprob:
            unique[span] = one
    return sorted(unique.values(), key=lambda one: -one.logprob)


# Phrases that the model did not follow

_TOKEN = re.compile(r"\w+(?:[.,:’'&/-]\w+)*%?|[^\w\s]")
_BREAKS = frozenset('.;:()!?"”“*`|')  # no phrase goes over these


def phrase_candidates(
    text: str,
    sentences: Sequence[tuple[int, int]],
    decoded: Sequence[Candidate],
    first_logprobs: Mapping[int, tuple[float, float]],
) -> list[Candidate]:
    """Phrases inside each of ``sentences`` (start, end) of the text that are not among ``decoded``.

    ``first_logprobs``: as ``SpanConstraint.first_token_logprobs``. Their ``tokens`` is 0.
    """
    seen = {(one.start, one.end) for one in decoded}
    phrases: list[Candidate] = []
    for begin, finish in sentences:
        tokens = [(match[0], match.start(), match.end()) for match in _TOKEN.finditer(text, begin, finish)]
        for first, (word, start, _) in enumerate(tokens):
            if start not in first_logprobs or word.lower() in STOP_WORDS:
                continue
            logprob, neutral_logprob = first_logprobs[start]
            for last in range(first, min(len(tokens), first + MAX_PHRASE_WORDS)):
                word, _, end = tokens[last]
                if word in _BREAKS:
                    break
                following = tokens[last + 1][0] if last + 1 < len(tokens) else "."
                if (start, end) not in seen and _can_end_between(word, following):
                    seen.add((start, end))
                    phrases.append(Candidate(start, end, logprob, 0.0, 0.0, 0, neutral_logprob))
    return phrases


def _can_end_between(word: str, following: str) -> bool:
    """Whether a phrase may end between the two words."""
    if word == "," or word.lower() in STOP_WORDS:
        return False
    if not following[0].isalnum() or following.lower() in STOP_WORDS or word[0].isupper():
        return True
    return any(letter.isdigit() for letter in word)
