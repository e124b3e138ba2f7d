"""Decoding that can only copy: what the model writes is a phrase of the passage, letter by letter.

At every step only tokens are allowed that go on somewhere in the passage from what was written so far;
an answer may begin where a word begins and end where one ends. Works on bytes, so it does not depend on
how a tokenizer would have cut the passage. Several beginnings are followed side by side, and every end on
the way is a candidate, so that others can choose among the n best.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from autogpt_desktop.events import Progress

BEGINNINGS = 10  # followed side by side
PRIOR = 0.5  # weight of what is likely whatever is asked
MOST_TOKENS = 14  # of an answer
_LONGEST_TOKEN = 24  # bytes that are looked up as one token
_WIDE = "\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff\U00020000-\U0003ffff\u0e00-\u0eff"
_JOINED = re.compile(rf"[^\W{_WIDE}]")  # letters that make words together; Chinese ones stand alone
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
    first: float  # of its first token
    rest: float  # of its other tokens, summed
    stop: float  # of ending here
    tokens: int
    prior: float = 0.0  # of its first token, whatever is asked

    @property
    def logprob(self) -> float:
        return self.first + self.rest + self.stop


class Vocabulary:
    """The tokens of a model by their bytes, and those that end an answer."""

    def __init__(self, tokenizer: Any) -> None:
        self.ids: dict[bytes, int] = {}
        stop = set(tokenizer.eos_ids)
        for id in range(tokenizer.vocab_size):
            if tokenizer.is_control(id):
                continue
            text = tokenizer.token_bytes(id)
            if text.startswith(b"\n"):
                stop.add(id)
            if 0 < len(text) <= _LONGEST_TOKEN and (len(text) > 1 or text not in self.ids):
                self.ids[text] = id
        self.stop = sorted(stop)
        self.end = min(tokenizer.eos_ids)

    _known: ClassVar[WeakKeyDictionary[Any, Vocabulary]] = WeakKeyDictionary()

    @classmethod
    def of(cls, tokenizer: Any) -> Vocabulary:
        """The tokenizer's vocabulary, made once."""
        known = cls._known.get(tokenizer)
        if known is None:
            known = cls._known[tokenizer] = cls(tokenizer)
        return known


class Copier:
    """Where one passage can be entered, followed and left. Positions are bytes of its UTF-8."""

    def __init__(self, vocabulary: Vocabulary, passage: str) -> None:
        self.vocabulary, self.passage = vocabulary, passage
        self.bytes = passage.encode("utf-8", "replace")
        at, self.character = 0, dict[int, int]()  # byte → character
        for index, letter in enumerate(passage):
            self.character[at] = index
            at += len(letter.encode("utf-8", "replace"))
        self.character[at] = len(passage)
        self.starts = tuple(at for at, index in self.character.items() if self._starts(index))
        self.ends = frozenset(at for at, index in self.character.items() if self._ends(index))

    def _starts(self, index: int) -> bool:
        text = self.passage
        if index >= len(text) or text[index] in _NO_START:
            return False
        return not self._inside(index)

    def _ends(self, index: int) -> bool:
        text = self.passage
        if index == 0 or text[index - 1] in _NO_END:
            return False
        return not self._inside(index)

    def _inside(self, index: int) -> bool:
        """Whether a word or a number goes on over the place before character ``index``."""
        text = self.passage
        if not 0 < index < len(text):
            return False
        if _JOINED.match(text[index - 1]) and _JOINED.match(text[index]):
            return True
        return any(_IN_NUMBER.fullmatch(text[at : at + 3]) for at in (index - 2, index - 1) if at >= 0)

    def first(self) -> dict[int, set[int]]:
        """Token → positions behind it, of all tokens that an answer may begin with."""
        found: dict[int, set[int]] = {}
        for at in self.starts:
            self._tokens_at(b" ", at, found)
            self._tokens_at(b"", at, found)
        return found

    def mass(self, logits: Any) -> float:
        """The natural logarithm of the probability that what comes next is copied."""
        tokens = sorted(self.first())
        return float(logits.float().log_softmax(0)[tokens].logsumexp(0)) if tokens else -30.0

    def next(self, positions: set[int]) -> dict[int, set[int]]:
        """The same behind what was written so far, which ends at ``positions``."""
        found: dict[int, set[int]] = {}
        for at in positions:
            self._tokens_at(b"", at, found)
        return found

    def _tokens_at(self, before: bytes, at: int, found: dict[int, set[int]]) -> None:
        ids = self.vocabulary.ids
        for size in range(1, min(_LONGEST_TOKEN, len(self.bytes) - at) + 1):
            token = ids.get(before + self.bytes[at : at + size])
            if token is not None:
                found.setdefault(token, set()).add(at + size)


@dataclass
class _Path:
    """One beginning and what was written behind it."""

    positions: set[int]  # bytes of the passage where what was written may end
    size: int  # bytes written
    first: float
    prior: float
    rest: float = 0.0
    tokens: int = 1
    ends: list[Candidate] = field(default_factory=list)

    def end(self, copier: Copier, here: set[int], stop: float) -> None:
        """What was written so far is a candidate, wherever it stands."""
        for at in sorted(here):
            start, end = copier.character[at - self.size], copier.character[at]
            self.ends.append(Candidate(start, end, self.first, self.rest, stop, self.tokens, self.prior))


def candidates(
    engine: Any,
    prefix: Any,
    logits: Any,
    copier: Copier,
    *,
    neutral: Any | None = None,
    bonus: Callable[[int], float] = lambda start: 0.0,
    beginnings: int = BEGINNINGS,
    most_tokens: int = MOST_TOKENS,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, list[Candidate]]:
    """Phrases of the passage that may follow ``prefix`` (a state; ``logits`` are those behind it).

    Beginnings that are likely whatever is asked (``neutral``: logits behind an empty question) count for
    less: pointwise mutual information (Holtzman et al., 2021). ``bonus`` is what else speaks for beginning
    at a character. Likeliest first. Raises ``Cancelled``.
    """
    from autogpt_desktop.engine.generation.batch import generate
    from autogpt_desktop.engine.generation.sampling import logsumexp

    logprobs = logits.float().log_softmax(0)
    firsts = copier.first()
    if not firsts:
        return []
    tokens = sorted(firsts)
    values = logprobs[tokens].tolist()
    priors = neutral.float().log_softmax(0)[tokens].tolist() if neutral is not None else [0.0] * len(tokens)
    sizes = [_size(engine, token) for token in tokens]
    scored = []
    for token, size, value, prior in zip(tokens, sizes, values, priors, strict=True):
        more = max(bonus(copier.character[at - size]) for at in firsts[token])
        scored.append((value - PRIOR * prior + more, token, size, value, prior))
    best = sorted(scored, reverse=True)[:beginnings]
    token_bytes = engine.tokenizer.token_bytes
    paths = [_Path(firsts[token], size, value, prior) for _, token, size, value, prior in best]
    stop = copier.vocabulary.stop
    best_end = -float("inf")

    def choose(index: int, row: Any, _: list[int]) -> int:
        nonlocal best_end
        path = paths[index]
        total = logsumexp(row)
        ending = float(row[stop].logsumexp(0)) - total
        here = path.positions & copier.ends
        so_far = path.first + path.rest
        if here:
            path.end(copier, here, ending)
            best_end = max(best_end, so_far + ending)
        following = copier.next(path.positions)
        if not following or (here and (ending > _SURE or so_far < best_end - _HOPELESS)):
            return copier.vocabulary.end
        allowed = sorted(following)
        scores = row[allowed]
        at = int(scores.argmax())
        path.rest += float(scores[at]) - total
        path.positions, path.tokens = following[allowed[at]], path.tokens + 1
        path.size += len(token_bytes(allowed[at]))
        return allowed[at]

    prompts = [[one[1]] for one in best]
    for step in generate(
        engine, prompts, prefix=prefix, max_tokens=most_tokens, choose=choose, cancelled=cancelled
    ):
        if isinstance(step, Progress):
            yield step
    unique: dict[tuple[int, int], Candidate] = {}
    for found in (one for path in paths for one in path.ends):
        key = found.start, found.end
        if key not in unique or unique[key].logprob < found.logprob:
            unique[key] = found
    return sorted(unique.values(), key=lambda one: -one.logprob)


def first_tokens(engine: Any, logits: Any, copier: Copier, neutral: Any) -> dict[int, tuple[float, float]]:
    """For each character that an answer may begin at, the natural log-probability of its likeliest first
    token, and that token's whatever is asked (``neutral``, as for ``candidates``)."""
    logprobs, priors = (one.float().log_softmax(0) for one in (logits, neutral))
    found: dict[int, tuple[float, float]] = {}
    firsts = copier.first()
    tokens = sorted(firsts)
    for token, value, prior in zip(tokens, logprobs[tokens].tolist(), priors[tokens].tolist(), strict=True):
        size = _size(engine, token)
        for at in firsts[token]:
            start = copier.character[at - size]
            found[start] = max(found.get(start, (value, prior)), (value, prior))
    return found


def _size(engine: Any, token: int) -> int:
    """Bytes of a first token, without the space in front."""
    text = engine.tokenizer.token_bytes(token)
    return len(text) - text.startswith(b" ")
