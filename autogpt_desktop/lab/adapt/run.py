"""An adapter from start to end: read, measure the base, train, write, measure again."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from autogpt_desktop.engine.formats.adapter import AdapterConfig, fingerprint, write_adapter
from autogpt_desktop.engine.formats.adapter_files import CONFIG, Base
from autogpt_desktop.engine.formats.encoder_config import is_encoder
from autogpt_desktop.engine.formats.seq2seq_config import is_seq2seq
from autogpt_desktop.engine.formats.untrusted import readable
from autogpt_desktop.engine.generation.batch import Continuation, generate
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.engine.load import Checkpoint, load, open_checkpoint, pick_device, run_to_end
from autogpt_desktop.engine.memory import physical_memory, trim_heap
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt.checkpoint import newest
from autogpt_desktop.lab.adapt.encode import Encoded, check, encode
from autogpt_desktop.lab.adapt.lora import LoraSettings, build_adapted, low_rank
from autogpt_desktop.lab.adapt.loss import passes
from autogpt_desktop.lab.adapt.precision import quicker_type
from autogpt_desktop.lab.adapt.rehearse import has_own_texts, kept_texts, own_texts, rehearsal
from autogpt_desktop.lab.adapt.trainer import AdaptSettings, AdaptTrainer
from autogpt_desktop.lab.data.examples import Example
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Notice, Sample, Stage
from autogpt_desktop.lab.runs.memory import adapter_bytes
from autogpt_desktop.lab.runs.spec import RunSpec
from autogpt_desktop.lab.train.memory import watched

log = logging.getLogger(__name__)
RESULT = "result"
_SAMPLES = 3  # that stand side by side
_ANSWERED = 24  # held-out questions whose answers are compared
_ANSWER_TOKENS = 256
_BEGINNING = 240  # characters of a text that the model goes on with …
_CONTINUED = 64  # … for so many tokens
_CHECKED = 6000  # tokens of held-out examples that are looked at during training
_MEASURE = 0.08  # share of the time for what the model says before and after
_REHEARSE = 0.04  # … for writing what is rehearsed
_TRAIN = 0.6  # share of the time that training has at least
_CONTEXT = 1024  # tokens of one example, unless the base keeps fewer in mind
_MEMORY_SHARE = 0.4  # of the machine's memory: for the frozen weights, or for what a step keeps


@dataclass(frozen=True, slots=True)
class Plan:
    """How the machine's memory is used."""

    dtype: torch.dtype
    keep: bool  # the frozen weights, expanded
    recompute: bool  # the layers' insides


def adapt(
    spec: RunSpec,
    base: Path,
    train: Sequence[Example],
    held_out: Sequence[Example],
    folder: Path,
    *,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] = time.monotonic,
    more: bool = False,
) -> Iterator[Event]:
    """Train an adapter for the model at ``base`` and leave it in ``folder``/result.

    Goes on from the newest checkpoint in ``folder``; ``more``: of a run that was finished and has more time,
    from its best adapter. ``spec.options``: fields of ``LoraSettings`` and
    ``AdaptSettings``. Raises KnownError: lab-base-not-trainable, lab-no-examples, lab-too-few-examples,
    lab-examples-too-long, training-diverged, training-disk-full, no-memory, and whatever opening the base
    can raise.
    """
    begun = clock()
    yield Stage("stage.lab-reading")
    opened = open_base(base)
    context = min(_CONTEXT, opened.config.max_position_embeddings)
    template = ChatTemplate.for_tokenizer(opened.tokenizer)
    try:
        learned, kept = (encode(part, opened.tokenizer, template, context) for part in (train, held_out))
    finally:
        template.close()
    check(learned, kept)
    if empty := learned.empty + kept.empty:
        yield Notice("notice.lab-empty-answers", {"count": empty})
    if too_long := learned.too_long + kept.too_long:
        yield Notice("notice.lab-examples-too-long", {"count": too_long, "tokens": context})

    # 1. what the base says, and writes by itself; of a run that goes on the folder has both
    asked = _questions(held_out)
    limit = _MEASURE * spec.minutes * 60
    before, texts = None, list[Encoded]()
    rehearses = bool(float(spec.options.get("rehearsed", 1.0)))
    is_new = newest(folder) is None
    if (is_new and asked) or (rehearses and not has_own_texts(folder)):
        yield Stage("stage.lab-before")
        with _opened(base, None) as engine:
            if is_new:
                before = yield from _said(engine, asked, "before", 0, limit, stop, clock)
            if rehearses:
                seconds = _REHEARSE * spec.minutes * 60
                texts = yield from _own_texts(engine, folder, spec.seed, seconds, stop, clock)
    elif rehearses:
        texts = kept_texts(folder)

    # 2. train, and hold it to what the base says by itself
    yield Stage("stage.lab-loading")
    device = pick_device(spec.device)[0]
    options = dict(spec.options)
    lora = LoraSettings(**_picked(options, LoraSettings), seed=spec.seed)
    whole = spec.minutes * 60
    seconds = max(_TRAIN * whole, whole - 2 * (clock() - begun))
    settings = AdaptSettings(seconds, **_picked(options, AdaptSettings), seed=spec.seed)
    plan = plan_memory(opened, device, settings.batch_tokens)
    settings = replace(settings, recompute=plan.recompute)
    needs = adapter_bytes(
        opened.config,
        passes(learned.sequences, settings.batch_tokens, settings.seed),
        size=plan.dtype.itemsize,
        rank=lora.rank,
        keep=plan.keep,
        recompute=plan.recompute,
    )

    def learn() -> Generator[Event, None, AdaptTrainer]:
        decoder = run_to_end(
            build_adapted(
                opened.config, opened.sources, device, context, lora, dtype=plan.dtype, keep=plan.keep
            )
        )
        checked = _first_tokens(kept.sequences, _CHECKED)
        trainer = AdaptTrainer(decoder, learned.sequences, checked, settings, folder, stop, clock, more)
        trainer.rehearsal = rehearsal(decoder, texts)
        yield Stage("stage.lab-training")
        for event in trainer.run():
            is_first = isinstance(event, Eval) and not event.step
            yield replace(event, accuracy=before) if is_first and isinstance(event, Eval) else event
        return trainer

    trainer = yield from watched(needs, learn())

    # 3. keep it
    title = spec.name or base.stem
    with readable(base.name):
        trained_on = Base(_name_of(spec, base), fingerprint(base), str(base))
    known = AdapterConfig(trained_on, lora.rank, lora.alpha, title)
    result = folder / RESULT
    write_adapter(result, known, low_rank(trainer.decoder))
    step, tokens = trainer.step, trainer.tokens
    loss, reason = trainer.best_loss, trainer.reason
    del trainer
    trim_heap()

    # 4. what it says now
    yield Stage("stage.lab-after")
    with _opened(base, result) as engine:
        after = yield from _said(engine, asked, "after", step, 2 * limit, lambda: False, clock)
    if after is not None:
        yield Eval(step, tokens, loss, accuracy=after, best=True)
    yield Finished(reason, RESULT, loss)


def open_base(base: Path) -> Checkpoint:
    """Raises KnownError("lab-base-not-trainable") for what is no decoder that we know."""
    if os.path.isdir(base) and (is_encoder(base) or is_seq2seq(base) or os.path.isfile(base / CONFIG)):
        raise KnownError("lab-base-not-trainable", name=base.name)
    try:
        return open_checkpoint(base)
    except KnownError as error:
        if error.key == "unknown-family":
            raise KnownError("lab-base-not-trainable", name=base.name) from error
        raise


def plan_memory(opened: Checkpoint, device: torch.device, batch_tokens: int) -> Plan:
    """Expand the frozen weights where memory allows it, and keep what a step needs for its gradient."""
    c = opened.config
    count = sum(
        source.shape[0] * source.shape[1] for source in opened.sources.values() if len(source.shape) == 2
    )
    dtype = quicker_type(device)
    memory = physical_memory()
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
    keep = count * dtype.itemsize <= _MEMORY_SHARE * memory
    inside = c.num_hidden_layers * (14 * c.hidden_size + 8 * c.intermediate_size) * 4 * batch_tokens
    return Plan(dtype, keep, inside > _MEMORY_SHARE / 2 * memory)


@contextmanager
def _opened(base: Path, adapter: Path | None) -> Iterator[Engine]:
    """The model that users would load."""
    engine: Engine = run_to_end(load(base, adapter=adapter, device="cpu", context_length=2 * _CONTEXT))
    try:
        yield engine
    finally:
        engine.close()
        trim_heap()


def _own_texts(
    engine: Engine,
    folder: Path,
    seed: int,
    seconds: float,
    stop: Callable[[], bool],
    clock: Callable[[], float],
) -> Generator[Event, None, list[Encoded]]:
    """None where it was stopped meanwhile."""
    yield Stage("stage.lab-rehearsing")
    writing = own_texts(engine, folder, seed, seconds, clock)
    while not stop():
        try:
            next(writing)
        except StopIteration as done:
            texts: list[Encoded] = done.value
            return texts
    return []


def _picked(options: dict[str, Any], kind: type) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in kind.__dataclass_fields__}  # type: ignore[attr-defined]


def _name_of(spec: RunSpec, base: Path) -> str:
    return base.stem if not spec.base or "/" in spec.base or "\\" in spec.base else spec.base


def _first_tokens(sequences: list[Encoded], most: int) -> list[Encoded]:
    """The first sequences, about ``most`` tokens of them: an evaluation is to take little of the time."""
    total = 0
    for at, one in enumerate(sequences):
        total += len(one.ids)
        if total > most:
            return sequences[: max(1, at)]
    return sequences


@dataclass(frozen=True, slots=True)
class _Question:
    """What is asked, and the answer that is wanted. Of a plain text: its beginning, and no messages."""

    messages: list[dict[str, str]]
    answer: str
    beginning: str = ""

    @property
    def prompt(self) -> str:
        return self.messages[-1]["content"] if self.messages else self.beginning

    def ids(self, engine: Engine) -> list[int]:
        return engine.chat_ids(self.messages) if self.messages else engine.tokenizer.encode(self.beginning)


def _questions(held_out: Sequence[Example]) -> list[_Question]:
    """Of conversations the last question and its answer; where there are none, how texts begin."""
    found: list[_Question] = []
    for example in held_out:
        if example.text.strip() and not example.turns and len(found) < _SAMPLES:
            found.append(_Question([], "", example.text.strip()[:_BEGINNING].rsplit(None, 1)[0]))
    if found:
        return found
    for example in held_out:
        messages = example.messages
        while messages and messages[-1]["role"] != "assistant":
            messages.pop()
        if len(messages) > 1 and messages[-1]["content"].strip():
            found.append(_Question(messages[:-1], messages[-1]["content"].strip()))
    return found[:_ANSWERED]


def _said(
    engine: Engine,
    asked: Sequence[_Question],
    label: str,
    step: int,
    seconds: float,
    stop: Callable[[], bool],
    clock: Callable[[], float],
) -> Generator[Sample, None, float | None]:
    """Samples of what ``engine`` says to ``asked``, whatever time they take; the others as far as
    ``seconds`` go. The generator returns the share of answers that are exactly the wanted ones, None where
    nothing is asked or time ran out."""
    begun = clock()
    prompts = [one.ids(engine) for one in asked]
    fitting = [at for at, ids in enumerate(prompts) if len(ids) < engine.context_length]
    answers: dict[int, str] = {}
    for part in (fitting[:_SAMPLES], fitting[_SAMPLES:]):
        limits = [_room(engine, asked[at]) for at in part]
        steps = generate(engine, [prompts[at] for at in part], max_tokens=limits, stop=engine.template.stop)
        for one in steps:
            if isinstance(one, Continuation):
                answers[part[one.index]] = one.text.strip()
            elif stop() or (len(answers) >= min(_SAMPLES, len(fitting)) and clock() - begun > seconds):
                break
    for at in sorted(answers)[:_SAMPLES]:
        yield Sample(step, asked[at].prompt, answers[at], label)
    # those that are short would count for all
    if not answers or len(answers) < len(fitting) or not asked[0].answer:
        return None
    return sum(text == asked[at].answer for at, text in answers.items()) / len(answers)


def _room(engine: Engine, one: _Question) -> int:
    """Tokens that an answer may have."""
    if not one.answer:
        return _CONTINUED
    return min(_ANSWER_TOKENS, 2 * len(engine.tokenizer.encode(one.answer)) + 16)
