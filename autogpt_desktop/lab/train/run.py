"""A language model from nothing but a text: its steps, numbered, in ``train_new``."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from autogpt_desktop.engine.config import ModelConfig
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.load import pick_device
from autogpt_desktop.engine.torch_backend.training import (
    new_tensors,
    parameter_count,
    parameters_of,
    tensors_of,
    trainable,
)
from autogpt_desktop.engine.torch_backend.transformer import Transformer
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.grow.grow import CONTINUED, GROWN, compare_growth, larger_shape
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Measured, Notice, ScalingLaw, Stage
from autogpt_desktop.lab.runs.memory import growth_bytes, new_model_bytes
from autogpt_desktop.lab.runs.spec import RunSpec
from autogpt_desktop.lab.search.machine import Machine, measure
from autogpt_desktop.lab.search.proposer import Proposer
from autogpt_desktop.lab.search.scaling import fit
from autogpt_desktop.lab.search.search import open_study, runs_of, search
from autogpt_desktop.lab.search.shapes import Candidate, fits, realize
from autogpt_desktop.lab.train.checkpoints import (
    begin_again,
    find,
    forget_after,
    last_good,
    newest_config,
    write_checkpoint,
)
from autogpt_desktop.lab.train.corpus import Corpus
from autogpt_desktop.lab.train.evaluate import bits_per_byte, held_out_loss
from autogpt_desktop.lab.train.memory import watched
from autogpt_desktop.lab.train.model_files import write_json, write_model
from autogpt_desktop.lab.train.parallel import Group, join_group
from autogpt_desktop.lab.train.samples import Sampler
from autogpt_desktop.lab.train.settings import Deadline, TrainSettings
from autogpt_desktop.lab.train.trainer import Outcome, Trainer

_MEASURE_SHARE, _SEARCH_SHARE, _GROW_SHARE = 0.04, 0.2, 0.15  # of the time
_LEARN_SHARE = 0.4  # … that learning has at least
_SEARCH_MINUTES, _GROW_MINUTES = 3.0, 8.0  # below, trials are too short to tell anything
_MOST_HELD_OUT = 1 << 18  # tokens that the last look reads
_OPTIONS = frozenset(TrainSettings.__dataclass_fields__)


def train_new(
    spec: RunSpec,
    corpus: Corpus,
    tokenizer: Any,
    folder: Path,
    *,
    stop: Callable[[], bool] = lambda: False,
    clock: Callable[[], float] | None = None,
    proposer: Callable[[], Proposer] | None = None,
    more: bool = False,
) -> Iterator[Event]:
    """Train a model on ``corpus`` within ``spec.minutes``; it stands in ``folder/result`` at the end.

    ``clock``: seconds of work so far, those before a break too. ``tokenizer`` has ``decode(ids)``;
    ``proposer`` opens the chat model that proposes trials; ``more``: a run that was finished has more time,
    and goes on with a new decay. Raises KnownError: training-…
    """
    if clock is None:
        began = time.monotonic()
        clock = lambda: time.monotonic() - began  # noqa: E731
    deadline = Deadline(spec.minutes * 60, spent=clock(), clock=clock)
    device, notices = pick_device(spec.device)
    yield from (Notice(one.key, dict(one.values)) for one in notices)
    group = join_group()
    plans = folder / "search"
    plans.mkdir(parents=True, exist_ok=True)

    # 1. how quick is this machine?
    machine = _kept(plans / "machine.json", Machine.of)
    if machine is None:
        yield Stage("stage.lab-measuring")
        machine = yield from _measured(corpus, device, spec.minutes * 60)
        _keep(plans / "machine.json", machine.values())

    # 2. which shape?
    candidate = _kept(plans / "chosen.json", lambda values: Candidate(**values))
    if candidate is None:
        candidate = Candidate()
        if spec.search and spec.minutes >= _SEARCH_MINUTES and not spec.options.get("hidden_size"):
            yield Stage("stage.lab-searching")
            part = deadline.part(_SEARCH_SHARE * deadline.seconds)
            helper = proposer() if proposer is not None else None
            try:
                candidate = yield from search(machine, corpus, plans, part, device, stop, spec.seed, helper)
            finally:
                if helper is not None:
                    helper.close()
            deadline.join(part)
        _keep(plans / "chosen.json", asdict(candidate))
    if last_good(folder) is None:  # on a busy machine the measuring may have taken all of a short run
        deadline.seconds = max(deadline.seconds, deadline.worked() + _LEARN_SHARE * spec.minutes * 60)
    config, settings = realize(candidate, machine, deadline.left(), len(corpus.train), spec.seed)
    config, settings = _as_wished(config, settings, spec.options)
    known = _kept(
        plans / "settings.json", lambda values: TrainSettings(**values | {"betas": tuple(values["betas"])})
    )
    if known is not None and last_good(folder) is not None:  # with less time left others would come out
        settings = replace(known, max_steps=settings.max_steps)
    else:
        _keep(plans / "settings.json", asdict(settings))
    if more and begin_again(folder, corpus.end_token):
        _keep(plans / "grown.json", {})
    if not fits(config, settings, machine):
        raise KnownError("training-no-memory")

    yield Measured(
        parameter_count(config),
        1 / machine.seconds_per_token(config, settings.batch * settings.context),
        machine.base + _needs(config, settings),
        {
            name: getattr(config, name)
            for name in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
                         "num_key_value_heads")
        } | {"context": settings.context, "batch": settings.batch, "learning_rate": settings.learning_rate},
    )  # fmt: skip

    # 3. train, with a look at a larger model after a while
    yield Stage("stage.lab-training")
    sampler = Sampler(corpus, tokenizer)
    # the last look and the result want their time too: two reads of each token, without gradients
    looked = min(len(corpus.held_out), _MOST_HELD_OUT)
    reserve = 2.0 + looked * 2 / 3 * machine.seconds_per_token(config, settings.batch * settings.context)
    reserve = min(reserve, 0.1 * deadline.seconds)
    asked = os.path.exists(plans / "grown.json")
    if spec.grow and spec.minutes >= _GROW_MINUTES and group.size == 1 and not asked:
        until = _OwnStop(stop, lambda: deadline.left() < 0.5 * deadline.seconds)
        parts: tuple[Any, ...] = config, corpus, settings, deadline, folder, until, sampler, device, reserve
        early = yield from watched(_needs(config, settings), _without_end(*parts))
        if early is None and not stop():
            # 4. grow: what comes of equal time with a larger model, and without
            yield Stage("stage.lab-growing")
            yield from _grow(corpus, settings, deadline, folder, stop, device, machine)
            _keep(plans / "grown.json", {})
    saved = newest_config(folder) or config  # it may have grown
    parts = config, corpus, settings, deadline, folder, stop, sampler, device, reserve
    trainer, outcome = yield from watched(_needs(saved, settings), _to_the_end(group, *parts))
    if not group.leads:
        return

    # 5. the better of the last and the best weights, read over the whole held-out text
    yield Stage("stage.lab-evaluating")
    stride = max(1, settings.context // 2)
    loss = held_out_loss(trainer.decoder, corpus, settings.context, stride=stride, limit=_MOST_HELD_OUT)
    yield Eval(outcome.step, outcome.tokens, loss, bits_per_byte(loss, corpus))
    yield from _law(plans, spec.seed, parameter_count(trainer.decoder.config), outcome.tokens, loss)
    _write_result(trainer.decoder, folder / "result", corpus)
    yield Finished(outcome.reason, "result", loss, bits_per_byte(loss, corpus))


class _OwnStop:
    """The user's stop, or one of our own."""

    def __init__(self, stop: Callable[[], bool], own: Callable[[], bool]) -> None:
        self.stop, self.own = stop, own

    def __call__(self) -> bool:
        return self.stop() or self.own()


def _measured(corpus: Corpus, device: torch.device, seconds: float) -> Generator[Event, None, Machine]:
    """Fewer shapes where there is little time."""
    widths = (64, 128) if seconds < 120 else (128, 256) if seconds < 300 else (128, 256, 512)
    tokens = 512 if seconds < 120 else 2048
    budget = _MEASURE_SHARE * seconds
    for one in measure(corpus.vocab_size, device, widths=widths, tokens=tokens, budget=budget):
        if isinstance(one, Machine):
            return one
        yield one
    raise AssertionError("measure ends with the machine")


def _as_wished(
    config: ModelConfig, settings: TrainSettings, options: dict[str, Any]
) -> tuple[ModelConfig, TrainSettings]:
    """What ``options`` of an experiment say."""
    shape = {name: value for name, value in options.items() if name in ModelConfig.__dataclass_fields__}
    learning = {name: value for name, value in options.items() if name in _OPTIONS}
    if "context" in learning:
        shape["max_position_embeddings"] = learning["context"]
    return replace(config, **shape), replace(settings, **learning)


def _trainer(
    config: ModelConfig,
    corpus: Corpus,
    settings: TrainSettings,
    deadline: Deadline,
    folder: Path,
    stop: Callable[[], bool],
    sampler: Sampler,
    device: torch.device,
    reserve: float,
) -> Trainer:
    """Of the last checkpoint's shape, where there is one."""
    saved = last_good(folder)
    if saved is not None:
        config, tensors = saved.config, saved.tensors
    else:
        tensors = new_tensors(config, settings.seed)
    decoder = trainable(config, tensors, device)
    # the last look and the result want their time too
    spare = Deadline(deadline.seconds - reserve, spent=deadline.worked(), clock=deadline.clock)
    return Trainer(decoder, corpus, settings, spare, folder, stop, sampler=sampler)


def _without_end(*parts: Any) -> Generator[Event, None, Outcome | None]:
    """Train until our own stop; None: it was that one, and training is to go on."""
    outcome = yield from _trainer(*parts).run()
    return None if outcome.reason == "stopped" else outcome


def _to_the_end(group: Group, *parts: Any) -> Generator[Event, None, tuple[Trainer, Outcome]]:
    trainer = _trainer(*parts)
    trainer.group = group
    outcome = yield from trainer.run()
    return trainer, outcome


def _needs(config: ModelConfig, settings: TrainSettings) -> int:
    return new_model_bytes(
        config,
        context=settings.context,
        micro_batch=settings.micro_batch or settings.batch,
        precision=settings.precision,
        optimizer=settings.optimizer,
        recompute=settings.recompute,
        accumulates=0 < settings.micro_batch < settings.batch,
    )


def _grow(
    corpus: Corpus,
    settings: TrainSettings,
    deadline: Deadline,
    folder: Path,
    stop: Callable[[], bool],
    device: torch.device,
    machine: Machine,
) -> Generator[Event, None, None]:
    saved = last_good(folder)
    if saved is None or saved.state["schedule"]["decay_from"] >= 0 or saved.state.get("grown"):
        return
    how, shape = larger_shape(saved.config)
    if not fits(shape, settings, machine):
        return
    place = folder / "growth"
    shutil.rmtree(place, ignore_errors=True)
    seconds = _GROW_SHARE * deadline.seconds / 3
    quiet = replace(settings, eval_seconds=1e9)
    needs = growth_bytes(shape, _needs(shape, settings))
    winner, begin = yield from watched(
        needs,
        compare_growth(saved, (how, shape), corpus, quiet, deadline, seconds, place, stop, device),
    )
    shutil.rmtree(place, ignore_errors=True)
    if winner != CONTINUED:
        forget_after(folder, -1)  # the best weights are another model's now
        old = find(folder)
        for one in old[:-1]:  # the newest stays until its follower is whole
            shutil.rmtree(one, ignore_errors=True)
        step = begin.state["step"] + (winner == GROWN)  # a step that learns nothing, so that both stand
        state = begin.state | {"grown": True, "step": step}
        new = write_checkpoint(
            folder, step, begin.config, begin.tensors, begin.optimizer, state, corpus.end_token
        )
        for one in old[-1:]:
            if one != new:  # from scratch: what was learned is not gone on with
                shutil.rmtree(one, ignore_errors=True)


def _law(plans: Path, seed: int, parameters: int, tokens: int, loss: float) -> Iterator[Event]:
    """From this run and its trials, where there are enough: what twice the time would come to."""
    if not os.path.exists(plans / "study.log"):
        return
    study, _ = open_study(plans, seed)
    runs = [*runs_of(study), (parameters, tokens, loss)]
    law = fit(runs, seed)
    if law is None:
        return
    numbers = {"floor": law.floor, "a": law.a, "alpha": law.alpha, "b": law.b, "beta": law.beta}
    expected = law.loss(parameters, 2 * tokens)
    low, high = law.band(parameters, 2 * tokens)
    yield ScalingLaw(len(runs), parameters, 2 * tokens, expected, low, high, numbers)


def _write_result(decoder: Transformer, folder: Path, corpus: Corpus) -> None:
    """Whole or not at all. Raises KnownError("training-disk-full"), OSError."""
    scratch = folder.with_name("scratch-result")
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        tensors = tensors_of(decoder.config, parameters_of(decoder))
        write_model(scratch, decoder.config, tensors, corpus.end_token)
        config_from_folder(scratch)
        shutil.rmtree(folder, ignore_errors=True)
        scratch.rename(folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise


def _kept(path: Path, read: Callable[[dict[str, Any]], Any]) -> Any:
    """What an earlier part of this run found out, or None."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return read(json.loads(path.read_text(encoding="utf-8")))
    return None


def _keep(path: Path, values: dict[str, Any]) -> None:
    scratch = path.with_name(path.name + ".new")
    write_json(scratch, values)
    scratch.replace(path)
