"""Many short prompts behind one shared prefix: scored or continued together.

One pass of the decoder carries a token, or a part of the prompt, of every sequence that is alive, and a
sequence that ends makes room for the next prompt (Yu et al., 2022: Orca, iteration-level batching). Each
sequence's result is what it would be alone wherever the back end's passes do not depend on the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from autogpt_desktop.engine.generation.engine import Engine, StopStrings
from autogpt_desktop.engine.generation.sampling import argmax, logsumexp
from autogpt_desktop.engine.interface import State
from autogpt_desktop.engine.tokenizer.tokenizer import StreamDecoder
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress

Choose = Callable[[int, Tensor, list[int]], int]  # prompt's number, logits [vocab_size], answer so far → id
BATCH = 16  # sequences alive at once: enough to be bound by arithmetic, few enough to show progress
_PASS_TOKENS = 256  # of a pass, so that a cancelled job ends soon


@dataclass(frozen=True, slots=True)
class Continuation:
    """What followed prompt number ``index``."""

    index: int
    text: str  # up to the stop string
    ids: tuple[int, ...]  # generated, without the token that ended it
    logprobs: tuple[float, ...]  # natural logarithm of each id's probability
    finish_reason: str  # "stop", "length"


@dataclass
class _Sequence:
    index: int
    state: State
    pending: list[int]  # ids that the state has not seen yet
    room: int  # tokens that may still be generated
    stop: StopStrings
    decoder_text: StreamDecoder
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    text: str = ""


def generate(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    *,
    prefix: State | None = None,
    max_tokens: int | Sequence[int] = 128,
    stop: Sequence[str] = (),
    choose: Choose | None = None,
    batch: int = BATCH,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Continuation]:
    """Continue every prompt (token ids, each behind ``prefix``), greedily or as ``choose`` says.

    Yields a Progress behind each pass (so that more urgent work can come between) and each Continuation
    as it is complete, in the order in which they end. ``max_tokens``: for all, or one number for each.
    ``prefix`` is not changed. Raises KnownError("prompt-too-long") for a prompt that leaves no room,
    KnownError("prompt-empty") for one without a token, and ``Cancelled`` when ``cancelled()`` says so.
    """
    limits = [max_tokens] * len(prompts) if isinstance(max_tokens, int) else list(max_tokens)
    done = 0
    for alive, ready in _passes(engine, prompts, limits, prefix, stop, batch, cancelled):
        for sequence, logits in ready:
            if _extend(engine, sequence, logits, choose):
                alive.remove(sequence)
                done += 1
                yield _continuation(sequence)
        yield Progress("stage.generating", done, len(prompts))


def _passes(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    limits: Sequence[int],
    prefix: State | None,
    stop: Sequence[str],
    batch: int,
    cancelled: Callable[[], bool],
) -> Iterator[tuple[list[_Sequence], list[tuple[_Sequence, Tensor]]]]:
    """After each pass: who is alive, and who of them has logits now. The caller removes those that end."""
    before = 0 if prefix is None else len(prefix)
    waiting = list(reversed(list(enumerate(prompts))))
    alive: list[_Sequence] = []
    while waiting or alive:
        while waiting and len(alive) < batch:
            index, ids = waiting.pop()
            if not ids:
                raise KnownError("prompt-empty", model=engine.name)
            room = _room(engine, before + len(ids), limits[index])
            state = engine.new_state() if prefix is None else prefix.fork(len(ids) + room)
            alive.append(
                _Sequence(index, state, list(ids), room, StopStrings(stop), engine.tokenizer.stream())
            )
        yield alive, _one_pass(engine, alive, cancelled)


def _room(engine: Engine, length: int, wanted: int) -> int:
    if length >= engine.context_length:
        raise KnownError("prompt-too-long", tokens=length, context=engine.context_length)
    return min(wanted, engine.context_length - length)


def _one_pass(
    engine: Engine, alive: Sequence[_Sequence], cancelled: Callable[[], bool]
) -> list[tuple[_Sequence, Tensor]]:
    """Feed what is pending, oldest first, within the tokens of a pass; who has logits to go on with now."""
    budget, work = _PASS_TOKENS, []
    for sequence in alive:
        if budget <= 0:
            break
        ids = sequence.pending[:budget]
        budget -= len(ids)
        work.append((sequence, ids))
    rows = engine.decoder.forward([(s.state, ids) for s, ids in work], cancelled=cancelled)
    ready = []
    for (sequence, ids), logits in zip(work, rows, strict=True):
        del sequence.pending[: len(ids)]
        if not sequence.pending:
            ready.append((sequence, logits))
    return ready


def _extend(engine: Engine, sequence: _Sequence, logits: Tensor, choose: Choose | None) -> bool:
    """Choose the next token; True when that ends the sequence."""
    if sequence.room <= 0:
        return True
    token = argmax(logits) if choose is None else choose(sequence.index, logits, sequence.ids)
    if token in engine.tokenizer.eos_ids:
        sequence.room = -1
        return True
    sequence.ids.append(token)
    sequence.logprobs.append(float(logits[token]) - logsumexp(logits))
    sequence.text += sequence.stop.push(sequence.decoder_text.push(token))
    sequence.pending.append(token)
    sequence.room -= 1
    return sequence.stop.hit or sequence.room == 0


def _continuation(sequence: _Sequence) -> Continuation:
    text = sequence.text
    if not sequence.stop.hit:
        text += sequence.stop.finish()  # without a last character that is not whole
    reason = "stop" if sequence.stop.hit or sequence.room < 0 else "length"
    return Continuation(sequence.index, text, tuple(sequence.ids), tuple(sequence.logprobs), reason)


def choice_logprobs(
    engine: Engine,
    prompts: Sequence[Sequence[int]],
    choices: Sequence[int],
    *,
    prefix: State | None = None,
    batch: int = BATCH,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | tuple[int, Tensor]]:
    """The log-probability of each of ``choices`` (token ids) as the next token behind every prompt.

    Yields (number of the prompt, float32 [choices]) in order, and a Progress behind each pass. Raises as
    ``generate`` does.
    """
    wanted = torch.tensor(list(choices))
    done = 0
    for alive, ready in _passes(engine, prompts, [1] * len(prompts), prefix, (), batch, cancelled):
        for sequence, logits in ready:
            alive.remove(sequence)
            done += 1
            yield sequence.index, logits[wanted].float().cpu() - logsumexp(logits)
        yield Progress("stage.scoring", done, len(prompts))
