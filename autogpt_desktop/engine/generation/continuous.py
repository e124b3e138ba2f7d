"""Answers to many callers, decoded together: each may come, and go, between two passes.

One pass of the decoder carries a token of every answer that is being written, and what is left of its
tokens goes to prompts that are still read (Yu et al., 2022: Orca; Agrawal et al., 2023: Sarathi). An answer
is what it would be alone wherever the back end's passes do not depend on the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.engine import Engine, StopStrings
from autogpt_desktop.engine.generation.grammar import Grammar
from autogpt_desktop.engine.generation.recent_states import RecentStates
from autogpt_desktop.engine.generation.sampling import Sampler, count_penalties, logsumexp, make_sampler
from autogpt_desktop.engine.interface import State
from autogpt_desktop.engine.memory import out_of_memory, physical_memory
from autogpt_desktop.engine.tokenizer.tokenizer import StreamDecoder
from autogpt_desktop.errors import KnownError

MOST_ALIVE = 32  # answers that are written at once; the next wait
MEMORY_SHARE = 1 / 8  # of the machine's, that the answers' states may come to: one alone may have more
_WORTH_WAITING = 64  # tokens: a prompt that begins with as many that another one reads waits for it
_PASS_TOKENS = 256  # of a pass with prompts in it: enough to be quick, few enough that answers flow


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """One token, as the model itself sees it: before temperature, penalties and grammars."""

    id: int
    logprob: float
    top: tuple[tuple[int, float], ...] = ()  # the likeliest in its place


@dataclass(frozen=True, slots=True)
class Piece:
    """What a pass added to an answer."""

    text: str = ""  # whole characters, up to a stop string
    token: TokenLogprob | None = None  # where the request asks for them
    prompt: tuple[
        TokenLogprob, ...
    ] = ()  # of the prompt's tokens behind the first, once, where it is asked for
    finish_reason: str = ""  # "stop", "length": the last one
    error: KnownError | None = None  # the last one


@dataclass(eq=False, slots=True)
class Request:
    """A prompt and how it is to be gone on with."""

    ids: Sequence[int]
    sampling: Sampling
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    logit_bias: tuple[tuple[int, float], ...] = ()
    top_logprobs: int | None = None  # None: none at all, 0: those of the answer's tokens alone
    prompt_logprobs: bool = False
    control_text: bool = False  # are control tokens part of the text?
    grammar: Callable[[], Grammar] | None = None  # made when its turn comes
    paused: Callable[[], bool] = lambda: False  # nobody takes what is there already: the others go first
    cancelled: Callable[[], bool] = lambda: False
    # set by the batch
    cached_tokens: int = 0  # of the prompt, known from before
    new_tokens: int = 0


@dataclass(eq=False, slots=True)
class _Alive:
    request: Request
    state: State
    pending: list[int]  # ids that the state has not seen yet
    room: int  # tokens that may still be written
    sample: Sampler
    stop: StopStrings
    text: StreamDecoder
    grammar: Grammar | None
    reserved: int  # bytes
    ids: list[int] = field(default_factory=list)
    prompt: list[TokenLogprob] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        return bool(self.ids)

    @property
    def scores(self) -> bool:
        """Is its prompt still read token by token?"""
        return self.request.prompt_logprobs and len(self.pending) > 1


class ContinuousBatch:
    """The answers that one engine writes. ``recent`` keeps what was computed for those that come next."""

    def __init__(
        self, engine: Engine, recent: RecentStates, *, most: int = MOST_ALIVE, memory: int = 0
    ) -> None:
        self.engine, self.recent, self._most = engine, recent, most
        self._memory = memory or int(physical_memory() * MEMORY_SHARE)
        self._waiting: list[Request] = []
        self._alive: list[_Alive] = []

    def add(self, request: Request) -> None:
        """Queue a request. Raises KnownError: prompt-empty, prompt-too-long."""
        if not request.ids:
            raise KnownError("prompt-empty", model=self.engine.name)
        # the last token of a prompt that is only scored needs no room behind it
        if len(request.ids) + (request.sampling.max_tokens > 0) > self.engine.context_length:
            raise KnownError("prompt-too-long", tokens=len(request.ids), context=self.engine.context_length)
        self._waiting.append(request)

    @property
    def requests(self) -> list[Request]:
        """Those that are not complete."""
        return [*(one.request for one in self._alive), *self._waiting]

    @property
    def idle(self) -> bool:
        return not self._waiting and not self._alive

    @property
    def stalled(self) -> bool:
        """Is everything that is left waiting for those who read it?"""
        return not self._waiting and bool(self._alive) and all(one.request.paused() for one in self._alive)

    def step(self, cancelled: Callable[[], bool] = lambda: False) -> Iterator[tuple[Request, Piece]]:
        """One pass: what it added to whom. Raises ``Cancelled``."""
        for gone in [one for one in self._alive if one.request.cancelled()]:
            self._end(gone)
        self._waiting = [one for one in self._waiting if not one.cancelled()]
        yield from self._admit()
        work = self._work()
        try:
            for one in [one for one in self._alive if one.scores][:1]:
                self._score_prompt(one, cancelled)
            rows = []
            if work:
                batch = [(one.state, ids) for one, ids in work]
                rows = self.engine.decoder.forward(batch, cancelled=cancelled)
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            yield from self._give_up(error)
            return
        for (one, ids), logits in zip(work, rows, strict=True):
            del one.pending[: len(ids)]
            if not one.pending:
                yield one.request, self._extend(one, logits)

    def _admit(self) -> Iterator[tuple[Request, Piece]]:
        for request in list(self._waiting):
            if len(self._alive) >= self._most:
                return
            if self._is_being_read(request):
                continue
            room = min(request.sampling.max_tokens, self.engine.context_length - len(request.ids))
            wanted = self._bytes(len(request.ids) + room)
            if self._alive and sum(one.reserved for one in self._alive) + wanted > self._memory:
                return
            self._waiting.remove(request)
            try:
                self._alive.append(self._begin(request, room, wanted))
            except KnownError as error:
                yield request, Piece(error=error)
            except (MemoryError, RuntimeError) as error:
                if not out_of_memory(error):
                    raise
                yield request, Piece(error=KnownError("no-memory-to-answer"))

    def _is_being_read(self, request: Request) -> bool:
        """Does another one read the same beginning right now? It need not be read twice."""
        begin = list(request.ids[:_WORTH_WAITING])
        return len(begin) == _WORTH_WAITING and any(
            not one.writes and len(one.state) < len(begin) and list(one.request.ids[: len(begin)]) == begin
            for one in self._alive
        )

    def _begin(self, request: Request, room: int, wanted: int) -> _Alive:
        grammar = request.grammar() if request.grammar is not None else None
        state = None
        if not request.prompt_logprobs:
            # a neighbor that is still there may have read the same
            state = self.recent.find(request.ids, [one.state for one in self._alive])
        state = state or self.engine.new_state()
        request.cached_tokens = len(state)
        return _Alive(
            request, state, list(request.ids[len(state) :]), room, make_sampler(request.sampling),
            StopStrings(request.sampling.stop),
            self.engine.tokenizer.stream(skip_special=not request.control_text), grammar, wanted,
        )  # fmt: skip

    def _score_prompt(self, one: _Alive, cancelled: Callable[[], bool]) -> None:
        """Read a part of a prompt with the logits of all its tokens; the last token stays pending."""
        chunk, behind = one.pending[:-1][:_PASS_TOKENS], one.pending[1 : _PASS_TOKENS + 1]
        rows = self.engine.decoder.forward([(one.state, chunk)], "all", cancelled)[0]
        for token, row in zip(behind, rows, strict=True):
            one.prompt.append(self._logprob(one.request, token, row))
        del one.pending[: len(chunk)]

    def _work(self) -> list[tuple[_Alive, list[int]]]:
        """Who takes part in the next pass, with which ids: answers first, then prompts, the oldest first."""
        able = [one for one in self._alive if not one.scores and not one.request.paused()]
        work = [(one, list(one.pending)) for one in able if one.writes]
        budget = _PASS_TOKENS - len(work)
        for one in able:
            if one.writes or budget <= 0:
                continue
            # of a large model so few that what is written meanwhile, and the window, do not wait for long
            budget = min(budget, self.engine.decoder.prefill_chunk(len(one.state)))
            ids = one.pending[:budget]
            budget -= len(ids)
            work.append((one, ids))
        return work

    def _extend(self, one: _Alive, logits: Tensor) -> Piece:
        """Choose the next token; the answer is over where the piece has a reason."""
        request, tokenizer = one.request, self.engine.tokenizer
        prompt, one.prompt = tuple(one.prompt), []
        if one.room <= 0:  # nothing was asked for
            self._end(one)
            return Piece(prompt=prompt, finish_reason="length")
        try:
            row = logits.float()
            if request.frequency_penalty or request.presence_penalty:
                row = count_penalties(row, one.ids, request.frequency_penalty, request.presence_penalty)
            if request.logit_bias:
                row = row.clone()
                for id, bias in request.logit_bias:
                    row[id] += bias
            if one.grammar is not None:
                row = one.grammar.allowed(row)
            token = one.sample(row, one.ids)
            if one.grammar is not None:
                one.grammar.push(token)
        except KnownError as error:
            self._end(one)
            return Piece(error=error)
        request.new_tokens += 1
        if token in tokenizer.eos_ids:
            text = one.stop.finish()
            self._end(one)
            return Piece(text, prompt=prompt, finish_reason="stop")
        known = self._logprob(request, token, logits) if request.top_logprobs is not None else None
        one.ids.append(token)
        one.room -= 1
        text, reason = one.stop.push(one.text.push(token)), ""
        if one.stop.hit or (one.grammar is not None and one.grammar.complete):
            reason = "stop"
        elif one.room == 0:
            reason = "length"
        if reason:
            text += "" if one.stop.hit else one.stop.finish()  # a character that is not whole is left out
            self._end(one)
        else:
            one.pending = [token]
        return Piece(text, known, prompt, reason)

    def _logprob(self, request: Request, token: int, logits: Tensor) -> TokenLogprob:
        row = logits.detach().float().cpu()
        total = logsumexp(row)
        values, ids = torch.topk(row, min(request.top_logprobs or 0, len(row)))
        top = zip(ids.tolist(), (values.numpy().astype(np.float64) - total).tolist(), strict=True)
        return TokenLogprob(token, float(row[token]) - total, tuple(top))

    def _end(self, one: _Alive) -> None:
        self._alive.remove(one)
        self.recent.keep(one.state)

    def _give_up(self, error: BaseException) -> Iterator[tuple[Request, Piece]]:
        """Memory ended: the youngest answer goes, the others try again."""
        self.recent.forget_all()
        one = self._alive.pop()
        known = KnownError("no-memory-to-answer")
        known.__cause__ = error
        yield one.request, Piece(error=known)

    def _bytes(self, tokens: int) -> int:
        c = self.engine.config
        return 4 * tokens * c.num_hidden_layers * c.num_key_value_heads * c.head_dim
