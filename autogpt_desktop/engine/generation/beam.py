"""Greedy and beam search of encoder–decoders: the likeliest translations, n-best, from forced prefixes and
with terms that must appear.

Works on ``interface.Seq2SeqModel.encode`` and ``step``, whichever back end they run on. When a beam search
ends, and which hypotheses it keeps, is ruled in two ways: as ``generate`` of transformers does it (Wolf et
al., 2020), or as Marian does (Junczys-Dowmunt et al., 2018), whose beam has a place less for each hypothesis
that is finished. Scores are divided by length ** length_penalty in both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from autogpt_desktop.engine.config import Seq2SeqConfig
from autogpt_desktop.engine.generation.constraints import (
    NOTHING,
    Progress,
    Term,
    allocate,
    progress,
    token_count,
)
from autogpt_desktop.engine.interface import (
    DEFAULT_SEARCH,
    Cancelled,
    Hypothesis,
    SearchOptions,
    Seq2SeqModel,
    SourceIds,
)
from autogpt_desktop.errors import KnownError

_PASS_TOKENS = 4096  # of the sources of a pass, padding and beams included
_LEAST_CONSTRAINED = 4  # places of a beam with terms
Array = NDArray[np.float32]


def search(
    model: Seq2SeqModel,
    config: Seq2SeqConfig,
    sources: Sequence[SourceIds],
    options: SearchOptions = DEFAULT_SEARCH,
    *,
    terms: Sequence[Sequence[Term]] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> list[list[Hypothesis]]:
    """For each source its best hypotheses, the best first.

    ``terms``: for each source those that must appear, see ``constraints``. Prefixes count nothing in a
    score, but in the length. Raises ``Cancelled``, ValueError for terms that cannot be, and
    KnownError("model-numbers") for weights that are damaged.
    """
    if not 1 <= options.n_best <= options.beam_size:
        raise ValueError("more hypotheses than the beam has places")
    wanted = list(terms) or [()] * len(sources)
    found: list[list[Hypothesis]] = [[] for _ in sources]
    for batch in _batches(sources, options.beam_size):
        sentences = [_sentence(config, sources[at], wanted[at], options) for at in batch]
        for at, one in zip(batch, _translate(model, config, sentences, cancelled), strict=True):
            found[at] = one
    return found


def _batches(sources: Sequence[SourceIds], beam: int) -> Iterator[list[int]]:
    """Sources of like length together, so that little is padded."""
    order = sorted(range(len(sources)), key=lambda at: -len(sources[at].ids))
    while order:
        count = max(1, _PASS_TOKENS // (beam * max(1, len(sources[order[0]].ids))))
        yield order[:count]
        order = order[count:]


def _translate(
    model: Seq2SeqModel, config: Seq2SeqConfig, sentences: list[Sentence], cancelled: Callable[[], bool]
) -> list[list[Hypothesis]]:
    start = -1 if config.decoder_start_token_id is None else config.decoder_start_token_id
    state = model.encode([sentence.source for sentence in sentences], cancelled)
    alive, rows, ids = sentences, list(range(len(sentences))), [start] * len(sentences)
    while alive:
        if cancelled():
            raise Cancelled
        logprobs, attention = model.step(state, rows, ids)
        if np.isnan(logprobs.max()):
            raise KnownError("model-numbers")
        at, rows, ids = 0, [], []
        for sentence in alive:
            here = slice(at, at + len(sentence.beam))
            for parent, token in sentence.advance(logprobs[here], attention[here]):
                rows.append(at + parent)
                ids.append(token)
            at = here.stop
        alive = [sentence for sentence in alive if sentence.beam]
    return [sentence.hypotheses() for sentence in sentences]


@dataclass(frozen=True, slots=True, eq=False)
class Token:
    """One token of a hypothesis, and what is before it."""

    id: int
    logprob: float
    attention: Array  # [source ids]
    before: Token | None


@dataclass(frozen=True, slots=True, eq=False)
class Beam:
    """A hypothesis on its way."""

    score: np.float32 = field(default_factory=lambda: np.float32(0))
    last: Token | None = None
    progress: Progress = NOTHING


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    score: float
    last: Token | None
    ended: bool
    unsaid: int = 0  # terms that are missing


def _sentence(
    config: Seq2SeqConfig, source: SourceIds, terms: Sequence[Term], options: SearchOptions
) -> Sentence:
    if terms:
        return Constrained(config, source, options, terms)
    if options.beam_size == 1:
        return Greedy(config, source, options)
    return (
        MarianBeam(config, source, options) if options.rule == "marian" else Sentence(config, source, options)
    )


class Sentence:
    """A source on its way through a beam search by the rule of transformers."""

    def __init__(self, config: Seq2SeqConfig, source: SourceIds, options: SearchOptions) -> None:
        self.source, self.options = source, options
        self.end, self.bad = config.eos_token_id, list(config.bad_words_ids)
        by_source = int(np.ceil(options.max_length_factor * len(source.ids)))
        self.limit = max(min(options.max_length, by_source), len(source.prefix) + 1)
        self.beam = [Beam()]
        self.length = 0  # tokens that each hypothesis of the beam has
        self.finished: list[Finished] = []  # the best first

    @property
    def places(self) -> int:
        return self.options.beam_size

    def advance(self, logprobs: Array, attention: Array) -> list[tuple[int, int]]:
        """One more token for each of the beam, of ``logprobs`` [beam, vocabulary]: the new beam as (which
        of the old ones, token); empty where the search has ended."""
        attention = attention[:, : len(self.source.ids)]
        self.length += 1
        if self.length <= len(self.source.prefix):
            token = self.source.prefix[self.length - 1]
            return self._keep([(0, token, self.beam[0].score)], logprobs, attention)
        allowed = logprobs
        if self.bad or (self.options.force_end and self.length == self.limit):
            allowed = logprobs.copy()
            allowed[:, self.bad] = -np.inf
            if self.options.force_end and self.length == self.limit:
                allowed[:] = -np.inf
                allowed[:, self.end] = 0
        return self._step(allowed, logprobs, attention)

    def _step(self, allowed: Array, logprobs: Array, attention: Array) -> list[tuple[int, int]]:
        totals = allowed + np.array([one.score for one in self.beam], np.float32)[:, None]
        candidates = self._best(totals, 2 * self.places)
        running, ended = [], list[Finished]()
        for rank, (parent, token, score) in enumerate(candidates):
            if token != self.end and self.length < self.limit:
                running.append((parent, token, score))
            elif rank < self.places:
                last = self._token(parent, token, logprobs, attention)
                ended.append(Finished(self._normalized(score), last, token == self.end))
        full = len(self.finished) >= self.places
        if not (full and self.options.early_stopping is True):
            self.finished = sorted(self.finished + ended, key=lambda one: -one.score)[: self.places]
        chosen = running[: self.places]
        if not chosen or self._is_over(chosen[0][2]):
            self.beam = []
            return []
        return self._keep(chosen, logprobs, attention)

    def _is_over(self, best: np.float32) -> bool:
        """Can nothing better come? ``best``: the score of the best that goes on."""
        if len(self.finished) < self.places:
            return False
        early = self.options.early_stopping
        if early is True:
            return True
        hopeful = early == "never" and self.options.length_penalty > 0
        length = self.limit if hopeful else self.length
        return not float(best) / length**self.options.length_penalty > self.finished[-1].score

    def _best(self, totals: Array, count: int) -> list[tuple[int, int, np.float32]]:
        """The best (row, token, score) of [rows, vocabulary]."""
        flat = totals.reshape(-1)
        count = min(count, len(flat))
        top = np.argpartition(flat, len(flat) - count)[len(flat) - count :]
        top = top[np.lexsort((top, -flat[top]))]
        size = totals.shape[1]
        return [(int(at) // size, int(at) % size, flat[at]) for at in top if flat[at] > -np.inf]

    def _normalized(self, score: np.float32) -> float:
        return float(score) / self.length**self.options.length_penalty

    def _token(self, parent: int, token: int, logprobs: Array, attention: Array) -> Token:
        return Token(token, float(logprobs[parent, token]), attention[parent], self.beam[parent].last)

    def _keep(
        self, chosen: Sequence[tuple[int, int, np.float32]], logprobs: Array, attention: Array
    ) -> list[tuple[int, int]]:
        self.beam = [
            Beam(
                score,
                self._token(parent, token, logprobs, attention),
                self.beam[parent].progress.after(token),
            )
            for parent, token, score in chosen
        ]
        return [(parent, token) for parent, token, _ in chosen]

    def hypotheses(self) -> list[Hypothesis]:
        return [self._hypothesis(one) for one in self.finished[: self.options.n_best]]

    def _hypothesis(self, one: Finished) -> Hypothesis:
        tokens: list[Token] = []
        last = one.last
        while last is not None:
            tokens.append(last)
            last = last.before
        tokens.reverse()
        ids = tuple(token.id for token in tokens)
        alignment = np.zeros((0, 0), np.float32)
        if self.options.alignments:
            alignment = np.stack([token.attention for token in tokens]).astype(np.float32)
        return Hypothesis(
            ids[:-1] if one.ended else ids,
            np.array([token.logprob for token in tokens], np.float32),
            one.score,
            one.ended,
            alignment,
        )


class Greedy(Sentence):
    """The likeliest token each time."""

    def _step(self, allowed: Array, logprobs: Array, attention: Array) -> list[tuple[int, int]]:
        token = int(allowed[0].argmax())
        score = self.beam[0].score + allowed[0, token]
        if token == self.end or self.length == self.limit:
            last = self._token(0, token, logprobs, attention)
            self.finished = [Finished(self._normalized(score), last, token == self.end)]
            self.beam = []
            return []
        return self._keep([(0, token, score)], logprobs, attention)


class MarianBeam(Sentence):
    """Beam search by Marian's rule: a finished hypothesis takes a place, none is left, the search ends."""

    def _step(self, allowed: Array, logprobs: Array, attention: Array) -> list[tuple[int, int]]:
        totals = allowed + np.array([one.score for one in self.beam], np.float32)[:, None]
        running = []
        for parent, token, score in self._best(totals, self.places - len(self.finished)):
            if token != self.end and self.length < self.limit:
                running.append((parent, token, score))
            else:
                last = self._token(parent, token, logprobs, attention)
                self.finished.append(Finished(self._normalized(score), last, token == self.end))
        return self._keep(running, logprobs, attention)

    def hypotheses(self) -> list[Hypothesis]:
        self.finished.sort(key=lambda one: -one.score)
        return super().hypotheses()


class Constrained(Sentence):
    """Beam search with terms that must appear, by dynamic beam allocation: see ``constraints``."""

    def __init__(
        self, config: Seq2SeqConfig, source: SourceIds, options: SearchOptions, terms: Sequence[Term]
    ) -> None:
        super().__init__(config, source, options)
        self.beam = [Beam(progress=progress(terms))]
        self.most = token_count(terms)
        self.limit = max(self.limit, min(options.max_length, len(source.prefix) + self.most + 1))

    @property
    def places(self) -> int:
        return max(self.options.beam_size, self.most + 1, _LEAST_CONSTRAINED)

    def _step(self, allowed: Array, logprobs: Array, attention: Array) -> list[tuple[int, int]]:
        scores = np.array([one.score for one in self.beam], np.float32)
        totals = allowed + scores[:, None]
        pool = {(row, token): score for row, token, score in self._best(totals, 2 * self.places)}
        for row, one in enumerate(self.beam):
            for token in (*one.progress.wanted(), int(totals[row].argmax())):
                if logprobs[row, token] > -np.inf:  # a wanted token may come though it is a bad one elsewhere
                    pool.setdefault((row, token), logprobs[row, token] + scores[row])
        ranked = sorted(((*key, score) for key, score in pool.items()), key=lambda one: (-one[2], *one[:2]))
        running = []
        for row, token, score in ranked:
            after = self.beam[row].progress.after(token)
            if token != self.end and self.length < self.limit:
                running.append((row, token, score, after.bank))
            elif after.complete or self.length == self.limit:
                last = self._token(row, token, logprobs, attention)
                ended = Finished(self._normalized(score), last, token == self.end, len(after.terms))
                self.finished.append(ended)
        self.finished.sort(key=lambda one: (one.unsaid, not one.ended, -one.score))
        del self.finished[self.places :]
        chosen = [running[at][:3] for at in allocate([one[3] for one in running], self.places, self.most)]
        whole = [score for row, token, score in chosen if self.beam[row].progress.after(token).complete]
        enough = len(self.finished) >= self.options.n_best and not self.finished[-1].unsaid
        if enough and (not whole or self._hopeless(max(whole))):
            self.beam = []
            return []
        return self._keep(chosen, logprobs, attention)

    def _hopeless(self, best: np.float32) -> bool:
        worst = self.finished[min(len(self.finished), self.options.n_best) - 1].score
        return float(best) / self.length**self.options.length_penalty <= worst
