"""Other words at a place of a translation: the likeliest that the model would say there, and how it goes on
behind each.

A word is some tokens: those that begin one are followed while they are likely enough, all side by side, and
behind a whole word the likeliest rest is taken, of which the first token begins something new. One state
carries all of them: the source and what stands before the place are read once.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.generation.alignment import stands_alone
from autogpt_desktop.engine.interface import Cancelled, Hypothesis, Seq2SeqModel, SourceIds
from autogpt_desktop.errors import KnownError

# Probability of a word at the place. Packs are sure of nearly every word, and what they say of 500 is still
# another word for it, where it is one token; words put together of several are mostly none below some 50.
_LEAST, _LEAST_PARTS = 0.002, 0.03
_TOKENS = 48  # of those that may follow that are looked at: what is left has no word of that probability
_OPEN = 12  # words that are followed side by side
_SPACE = "▁"
_JOINS = "'’-"  # within a word: "leu-lhe"
Array = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class WordChoice:
    """A translation with a word at the place. ``probability``: of that word there; ``rest``: the mean
    log-probability of what follows it."""

    hypothesis: Hypothesis
    probability: float
    rest: float


@dataclass(slots=True, eq=False)
class _Way:
    """A translation on its way. ``word``: the tokens since the place, while they are still one word."""

    row: int
    ids: list[int]
    logprobs: list[float]
    attention: list[Array]
    word: str = ""
    chance: float = 0.0  # logarithm, of the word
    size: int = 0  # tokens in front of the rest; 0: the word goes on
    ended: bool = False

    def then(self, token: int, logprob: float, attention: Array, **changes: object) -> _Way:
        """With one more token."""
        values = {"word": self.word, "chance": self.chance, "size": self.size, **changes}
        return _Way(
            self.row, [*self.ids, token], [*self.logprobs, logprob], [*self.attention, attention], **values  # type: ignore[arg-type]
        )  # fmt: skip


@dataclass(slots=True)
class WordSearch:
    """``pieces``: what each id spells. ``limit``: tokens of a translation. ``most``: words asked for."""

    model: Seq2SeqModel
    config: Seq2SeqConfig
    pieces: Mapping[int, str]
    limit: int
    most: int = 8
    cancelled: Callable[[], bool] = lambda: False
    _state: object = field(default=None, init=False, repr=False)

    def choices(self, source: SourceIds, behind_blank: bool) -> list[WordChoice]:
        """Of the place behind ``source.prefix``, the likeliest word first. ``behind_blank``: does a word
        begin there? Raises ``Cancelled`` and KnownError("model-numbers")."""
        start = self.config.decoder_start_token_id
        self._state = self.model.encode([source], self.cancelled)
        way = _Way(0, [], [], [])
        logprobs, attention = self._step([0], [-1 if start is None else start])
        for token in source.prefix:
            way = way.then(token, float(logprobs[0, token]), attention[0])
            logprobs, attention = self._step([0], [token])
        ways, done = [way], list[_Way]()
        first = len(source.prefix)
        while ways:
            following = list[_Way]()
            for at, one in enumerate(ways):
                one.row = at
                following += self._following(one, logprobs[at], attention[at], first, behind_blank)
            done += [one for one in following if one.ended]
            ways = self._kept([one for one in following if not one.ended])
            if ways:
                logprobs, attention = self._step([one.row for one in ways], [one.ids[-1] for one in ways])
        done.sort(key=lambda one: -one.chance)
        return [_choice(one) for one in done[: self.most]]

    def _step(self, rows: Sequence[int], ids: Sequence[int]) -> tuple[Array, Array]:
        if self.cancelled():
            raise Cancelled
        logprobs, attention = self.model.step(self._state, rows, ids)
        if np.isnan(logprobs.max()):
            raise KnownError("model-numbers")
        logprobs[:, list(self.config.bad_words_ids)] = -np.inf
        return logprobs, attention

    def _kept(self, ways: Sequence[_Way]) -> list[_Way]:
        """The likeliest words: of the whole ones as many as are asked for, and of those that go on."""
        ranked = sorted((one for one in ways if one.size), key=lambda one: -one.chance)
        unique: dict[str, _Way] = {}
        for one in ranked:  # a word may be spelled by other tokens
            unique.setdefault(one.word, one)
        whole = list(unique.values())[: self.most]
        begun = sorted((one for one in ways if not one.size), key=lambda one: -one.chance)[:_OPEN]
        return [*whole, *begun]

    def _following(
        self, way: _Way, logprobs: Array, attention: Array, first: int, behind_blank: bool
    ) -> list[_Way]:
        end = self.config.eos_token_id
        if way.size:
            token = end if len(way.ids) + 1 >= self.limit else int(logprobs.argmax())
            return [way.then(token, float(logprobs[token]), attention, ended=token == end)]
        if len(way.ids) + 2 >= self.limit:
            return []
        count = min(_TOKENS, len(logprobs))
        top = np.argpartition(logprobs, len(logprobs) - count)[len(logprobs) - count :]
        made, behind, ends = list[_Way](), list[int](), list[float]()
        for token in top[np.argsort(-logprobs[top])].tolist():
            logprob = float(logprobs[token])
            if logprob == -math.inf:
                break
            piece = "" if token == end else self.pieces.get(token, "")
            goes_on = _begins(piece, behind_blank) if len(way.ids) == first else _goes_on(way.word, piece)
            if goes_on:
                if way.chance + logprob >= math.log(_LEAST):
                    word, chance = way.word + piece.replace(_SPACE, ""), way.chance + logprob
                    made.append(way.then(token, logprob, attention, word=word, chance=chance))
            elif len(way.ids) > first:
                behind.append(token)
                ends.append(logprob)
        chance = way.chance + math.log(sum(map(math.exp, ends))) if ends else -math.inf
        least = _LEAST if _is_whole(way.ids[first:], self.pieces) else _LEAST_PARTS
        if chance >= math.log(least) and any(map(str.isalnum, way.word)):
            token = behind[0]
            made.append(
                way.then(token, ends[0], attention, chance=chance, size=len(way.ids), ended=token == end)
            )
        return made


def _is_whole(ids: Sequence[int], pieces: Mapping[int, str]) -> bool:
    """Is it one token, apart from one that is a blank alone?"""
    return sum(pieces.get(id, "") != _SPACE for id in ids) == 1


def _begins(piece: str, behind_blank: bool) -> bool:
    """May a word begin with this?"""
    spelled = piece.replace(_SPACE, "")
    return (
        bool(piece)
        and (not behind_blank or piece.startswith(_SPACE))
        and (not spelled or spelled[0].isalnum() or piece.startswith("<0x"))
    )


def _goes_on(word: str, piece: str) -> bool:
    """Does a word go on with this, or end in front of it?"""
    if not piece or not word:
        return bool(piece)
    if piece.startswith("<0x"):
        return True
    here = piece[0]
    if here == _SPACE or stands_alone(here) or stands_alone(word[-1]):
        return False
    return here.isalnum() or here in _JOINS or unicodedata.category(here)[0] == "M"


def _choice(way: _Way) -> WordChoice:
    ids = tuple(way.ids[:-1])  # without the end token
    rest = way.logprobs[way.size :]
    found = Hypothesis(
        ids,
        np.array(way.logprobs, np.float32),
        sum(way.logprobs),
        True,
        np.stack(way.attention).astype(np.float32),
    )
    return WordChoice(found, math.exp(way.chance), sum(rest) / max(1, len(rest)))
