"""Prompt-lookup drafts: guess the next tokens from what was already written.

Where an answer copies (a translation keeps names, an extract quotes, an edit changes a word), the tokens
behind an earlier occurrence of its last words are likely its next ones (Saxena, 2023: "Prompt Lookup
Decoding"). One pass verifies several of them (Leviathan et al., 2023: "Fast Inference from Transformers
via Speculative Decoding"); the sampler decides at every position, so the answer is the one it would have
been. ``Engine.tokens`` does that; here is what to draft, and whether it pays.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_DRAFT = 8  # tokens of a draft
_DEEPEST = 8  # tokens of context that a search compares; a match that goes on grows beyond
_MARGIN = 1.05  # a draft must promise this much more speed, or the estimates' noise would decide
_FORGET = 0.95  # what an old observation still counts at the next one
_PRIOR = (0.2, 0.35, 0.5, 0.65, 0.75, 0.8, 0.85, 0.9)  # chance that a match of 1, 2, … tokens goes on
_PRIOR_WEIGHT = 4.0  # observations
_COSTS = tuple(1 + 0.3 * further for further in range(MAX_DRAFT + 1))  # a guess; see StepCosts
_DRIFT = 0.01  # back to the guess, a step


class StepCosts:
    """What passes over several tokens of one sequence cost, in passes over one: running averages.

    They begin at a guess and drift back to it while they are not measured, so that one bad measurement,
    or a time when something else kept the processor busy, does not shut drafts out for good.
    """

    def __init__(self) -> None:
        self.relative = list(_COSTS)  # of 1, 2, … tokens
        self._one: float | None = None  # seconds

    @property
    def known(self) -> bool:
        """Has a pass over one token been measured, without which no other means anything?"""
        return self._one is not None

    def update(self, width: int, seconds: float) -> None:
        """A pass over ``width`` tokens took ``seconds``."""
        if width > 1:
            if self._one is not None:
                old = self.relative[width - 1]
                self.relative[width - 1] += 0.25 * (min(seconds / self._one, 2 * old) - old)
            return
        self._one = (
            seconds if self._one is None else self._one + 0.25 * (min(seconds, 2 * self._one) - self._one)
        )
        self.relative = [
            cost + _DRIFT * (guess - cost) for cost, guess in zip(self.relative, _COSTS, strict=True)
        ]


class PromptLookup:
    """Drafts for one sequence. Push every token that is chosen; ``draft`` when about to compute.

    How often a match of each length goes on is counted at every token, drafted or not, so that drafting
    stops while it does not pay and begins again when it would.
    """

    def __init__(self, costs: StepCosts) -> None:
        self.costs = costs
        self.drafted = self.accepted = 0  # tokens
        self._tokens = np.empty(0, np.int32)
        self._length = 0
        self._drafted_to = 0  # where the draft that is being verified ends
        self._source = 0  # the token that is expected next; 0: none is
        self._matched = 0  # tokens before it that equal the sequence's last ones
        self._went_on = [p * _PRIOR_WEIGHT for p in _PRIOR]
        self._seen = [_PRIOR_WEIGHT] * len(_PRIOR)

    def begin(self, ids: Sequence[int], room: int) -> None:
        """The prompt, behind which at most ``room`` tokens will be pushed."""
        self._tokens = np.empty(len(ids) + room, np.int32)
        self._tokens[: len(ids)] = ids
        self._length, self._source, self._drafted_to = len(ids), 0, 0

    def push(self, token: int) -> None:
        """``token`` is the sequence's next."""
        expected = bool(self._source and self._tokens[self._source] == token)
        if self._source:
            self._observe(min(self._matched, _DEEPEST) - 1, expected)
        self._tokens[self._length] = token
        self.accepted += self._length < self._drafted_to and expected
        self._length += 1
        if expected:  # what was the longest match still is, a token longer
            self._source += 1
            self._matched += 1
        else:
            self._drafted_to = 0
            self._search()

    def _observe(self, kind: int, went_on: bool) -> None:
        prior = (1 - _FORGET) * _PRIOR_WEIGHT  # old observations give way to the first guess
        self._went_on[kind] = self._went_on[kind] * _FORGET + went_on + prior * _PRIOR[kind]
        self._seen[kind] = self._seen[kind] * _FORGET + 1 + prior

    def _search(self) -> None:
        """The latest of the earlier places whose tokens equal the last ones for the longest."""
        tokens, last = self._tokens[: self._length], self._length - 1
        ends = np.flatnonzero(tokens[:last] == tokens[last])
        self._source, self._matched = 0, 0
        while len(ends):
            self._source, self._matched = int(ends[-1]) + 1, self._matched + 1
            if self._matched == _DEEPEST:
                break
            ends = ends[ends >= self._matched]
            ends = ends[tokens[ends - self._matched] == tokens[last - self._matched]]

    def draft(self, most: int) -> list[int]:
        """The next tokens' guess, as long as promises the most tokens a second; [] where none pays."""
        if not self._source or not self.costs.known:
            return []
        length, best, reached, expected = 0, _MARGIN, 1.0, 1.0
        for count, cost in enumerate(self.costs.relative[1 : most + 1], 1):
            kind = min(self._matched + count - 1, _DEEPEST) - 1
            reached *= self._went_on[kind] / self._seen[kind]
            expected += reached
            if expected / cost > best:
                length, best = count, expected / cost
        # a source close to the end runs into the draft itself, as in LZ77: the answer goes in circles
        draft = self._tokens[self._source : min(self._source + length, self._length)].tolist()
        while len(draft) < length:
            draft.append(draft[len(draft) - (self._length - self._source)])
        self.drafted += length
        self._drafted_to = self._length + length
        return draft
