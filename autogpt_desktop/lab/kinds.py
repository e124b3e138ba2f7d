"""How each kind of run is made, step by step, from the files to the result's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

from autogpt_desktop.catalog.installed import installed, resolve
from autogpt_desktop.catalog.roles import missing, resolve_role
from autogpt_desktop.lab.clock import WorkClock
from autogpt_desktop.lab.data import prepare
from autogpt_desktop.lab.data.forecast import remember_result, remember_speed
from autogpt_desktop.lab.export.folder import complete_folder
from autogpt_desktop.lab.runs.events import Eval, Event, Finished, Measured, Stage, Train
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.log import LogReader
from autogpt_desktop.settings import Settings

Stop = Callable[[], bool]
Make = Callable[[Run, Stop, WorkClock], Iterator[Event]]


def make_new(run: Run, stop: Stop, clock: WorkClock) -> Iterator[Event]:
    """A language model from nothing: data, tokenizer, search, training, growth, the model's folder."""
    # 1. the data, of which nothing is needed any more once it is in the run's folder
    if not prepare.is_ready(run.data):
        yield from prepare.prepare_corpus(run.spec, run.data, stop)
    corpus, tokenizer, found = prepare.open_corpus(run.data)

    # 2. the model
    train_new = import_module("autogpt_desktop.lab.train.run").train_new
    finished = None
    best, tokens = Eval(0, 0, 0.0), 0
    for event in train_new(run.spec, corpus, tokenizer, run.folder, stop=stop, clock=clock):
        if isinstance(event, Finished):
            finished = event
            continue
        if isinstance(event, Measured):
            remember_speed(event)
        elif isinstance(event, Train):
            tokens = max(tokens, event.tokens)
        elif isinstance(event, Eval) and event.best:
            best = event
        yield event
    finished = finished or Finished("stopped" if stop() else "time", "result", best.loss, best.bits_per_byte)
    if run.result is None:  # it was stopped before there was one
        raise prepare.Stopped
    remember_result(tokens, finished.bits_per_byte)

    # 3. the files around it
    yield Stage("stage.lab-exporting")
    complete_folder(run.folder / "result", tokenizer, run.spec, found, LogReader(run.log).read_all())
    yield finished


def make_adapted(run: Run, stop: Stop, clock: WorkClock) -> Iterator[Event]:
    """An adapter for an installed model."""
    adapt = import_module("autogpt_desktop.lab.adapt.run").adapt

    base = resolve(run.spec.base)
    if not prepare.is_ready(run.data):
        yield from prepare.prepare_examples(run.spec, run.data, stop)
    train, held_out = prepare.open_examples(run.data)
    yield from adapt(run.spec, base, train, held_out, run.folder, stop=stop, clock=clock)


def make_head(run: Run, stop: Stop, clock: WorkClock) -> Iterator[Event]:
    """A small model for the user's own labels, on top of an installed one."""
    head = import_module("autogpt_desktop.lab.adapt.head")

    if not prepare.is_ready(run.data):
        yield from prepare.prepare_examples(run.spec, run.data, stop)
    train, held_out = ([(row.text, row.label) for row in side] for side in prepare.open_labelled(run.data))
    bases = [head.HeadBase(name, path) for name, path in _bases(run.spec.base)]
    yield from head.train_head(run.spec, train, held_out, bases, run.folder, stop=stop, clock=clock)


def _bases(wanted: str) -> list[tuple[str, Path]]:
    """The models that may carry a head: the one that was asked for, else the one that finds passages by
    meaning and the chat model. Raises KnownError: model-missing, no-model."""
    if wanted:
        return [(Path(wanted).stem, resolve(wanted))]
    models, settings = installed(), Settings.load()
    names = dict.fromkeys(resolve_role(role, settings, models) for role in ("embed", "chat"))
    bases = [(model.name, model.path) for name in names for model in models if model.name == name]
    if not bases:
        raise missing("embed")
    return bases


KINDS: dict[str, Make] = {"new": make_new, "adapt": make_adapted, "head": make_head}
