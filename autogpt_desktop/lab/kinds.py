"""How each kind of run is made, step by step, from the files to the result's folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.catalog.installed import installed, resolve
from autogpt_desktop.catalog.roles import missing, resolve_role
from autogpt_desktop.engine.formats.adapter import base_of
from autogpt_desktop.engine.formats.adapter_files import is_adapter
from autogpt_desktop.lab.clock import WorkClock
from autogpt_desktop.lab.data import prepare
from autogpt_desktop.lab.export.folder import complete_folder
from autogpt_desktop.lab.runs.events import DataFound, Eval, Event, Finished, Measured, Resumed, Stage, Train
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.forecast import remember_result, remember_speed
from autogpt_desktop.lab.runs.log import LogReader
from autogpt_desktop.settings import Settings

if TYPE_CHECKING:
    from autogpt_desktop.lab.search.proposer import Proposer

_READING = 0.3  # of a run's time
Stop = Callable[[], bool]
Make = Callable[[Run, Stop, WorkClock], Iterator[Event]]


def prepare_data(run: Run, stop: Stop, clock: WorkClock) -> Iterator[Event]:
    """What is in the files, in the run's folder: from then on the files are not needed."""
    if prepare.is_ready(run.data):
        return
    if run.spec.kind == "new":
        yield from prepare.prepare_corpus(run.spec, run.data, stop)
    else:
        yield from prepare.prepare_examples(run.spec, run.data, stop)


def make_new(run: Run, stop: Stop, clock: WorkClock) -> Iterator[Event]:
    """A language model from nothing: data, tokenizer, search, training, growth, the model's folder."""
    # 1. the data
    yield from prepare_data(run, stop, clock)
    corpus, tokenizer, found = prepare.open_corpus(run.data)

    # 2. the model
    from autogpt_desktop.lab.train.run import train_new

    finished = None
    best, tokens = Eval(0, 0, 0.0), 0
    worked = _training_clock(run, clock)
    more: dict[str, Any] = {"more": True} if run.has_more else {}
    if run.spec.proposer:
        more["proposer"] = _proposer(run.spec.proposer, run.spec.seed)
    for event in train_new(run.spec, corpus, tokenizer, run.folder, stop=stop, clock=worked, **more):
        if run.has_more and isinstance(event, Resumed | Finished):
            run.begin_more()
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


def _proposer(model: str, seed: int) -> Callable[[], Proposer]:
    """What opens the chat model that proposes shapes. Raises KnownError for one that is not there."""
    place = resolve(model)

    def opened() -> Proposer:
        from autogpt_desktop.engine.load import load, run_to_end
        from autogpt_desktop.lab.search.proposer import Proposer

        adapter = place if is_adapter(place) else None
        base = base_of(place, resolve) if adapter else place
        engine = run_to_end(load(base, device="cpu", context_length=4096, adapter=adapter))
        return Proposer(engine, seed)

    return opened


def _training_clock(run: Run, clock: WorkClock) -> Callable[[], float]:
    """Of the time for reading the data no more than a share counts: much text, on a busy machine, must not
    leave a short run with a model that has learned nothing."""
    reading = next(
        (one.seconds for one in LogReader(run.log).read_all() if isinstance(one.event, DataFound)), clock()
    )
    free = max(0.0, reading - _READING * run.spec.minutes * 60)
    return lambda: clock() - free


def make_adapted(run: Run, stop: Stop, clock: WorkClock) -> Iterator[Event]:
    """An adapter for an installed model."""
    from autogpt_desktop.lab.adapt.run import adapt

    base = resolve(run.spec.base)
    yield from prepare_data(run, stop, clock)
    train, held_out = prepare.open_examples(run.data)
    more = {"more": True} if run.has_more else {}
    for event in adapt(run.spec, base, train, held_out, run.folder, stop=stop, clock=clock, **more):
        if run.has_more and isinstance(event, Resumed | Finished):
            run.begin_more()
        yield event


def make_head(run: Run, stop: Stop, clock: WorkClock) -> Iterator[Event]:
    """A small model for the user's own labels, on top of an installed one; or one that finds by
    meaning, or finds answers in texts."""
    from autogpt_desktop.lab.adapt.head import HeadBase, train_head

    yield from prepare_data(run, stop, clock)
    if run.spec.task == "embed":
        from autogpt_desktop.lab.adapt.embed import train_embedding

        base = _bases(run.spec.base)[0][1]
        pairs = prepare.open_examples(run.data)
        yield from train_embedding(run.spec, base, *pairs, run.folder, stop=stop, clock=clock)
        return
    if run.spec.task == "answer":
        from autogpt_desktop.lab.adapt.spans import train_spans

        base = _bases(run.spec.base)[0][1]
        asked = prepare.open_examples(run.data)
        yield from train_spans(run.spec, base, *asked, run.folder, stop=stop, clock=clock)
        return
    train, held_out = prepare.open_labeled(run.data)
    bases = [HeadBase(name, path) for name, path in _bases(run.spec.base)]
    yield from train_head(run.spec, train, held_out, bases, run.folder, stop=stop, clock=clock)


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
