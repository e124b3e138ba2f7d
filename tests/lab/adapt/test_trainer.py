"""The loop: it learns, it stops, it goes on where it was cut, and it survives a loss that is no number."""

from __future__ import annotations

import itertools
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from autogpt_desktop.engine.load import open_checkpoint, run_to_end
from autogpt_desktop.engine.tokenizer.chat_template import ChatTemplate
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.adapt import trainer as training
from autogpt_desktop.lab.adapt.encode import Encoded, encode
from autogpt_desktop.lab.adapt.lora import LoraSettings, build_adapted, parameters
from autogpt_desktop.lab.adapt.trainer import AdaptSettings, AdaptTrainer
from autogpt_desktop.lab.runs.events import Checkpoint, Eval, Event, Notice, Resumed, Train
from tests.lab.adapt.kit import letters, ticks, tiny_base

DATA = Path(__file__).parents[2] / "data"
pytestmark = pytest.mark.slow  # models are trained

SETTINGS = AdaptSettings(
    seconds=90.0, learning_rate=2e-2, batch_tokens=200, checkpoint_seconds=7.0, most_epochs=1e9, patience=99
)


def made(
    tmp_path: Path, folder: Path, settings: AdaptSettings = SETTINGS, rank: int = 4, more: bool = False
) -> AdaptTrainer:
    checkpoint = open_checkpoint(tiny_base(tmp_path))
    template = ChatTemplate.for_tokenizer(checkpoint.tokenizer)
    encoded = encode(letters(30), checkpoint.tokenizer, template, 128).sequences
    template.close()
    decoder = run_to_end(
        build_adapted(
            checkpoint.config, checkpoint.sources, torch.device("cpu"), 128, LoraSettings(rank=rank)
        )
    )
    return AdaptTrainer(decoder, encoded[:24], encoded[24:], settings, folder, clock=ticks(0.5), more=more)


def curve(events: list[Event]) -> dict[tuple[type, int], float]:
    return {(type(one), one.step): one.loss for one in events if isinstance(one, Eval | Train)}


@pytest.mark.slow
def test_a_run_by_steps_follows_from_them_whatever_the_clock_says(tmp_path: Path) -> None:
    settings = replace(SETTINGS, seconds=1.0, max_steps=30)
    whole = made(tmp_path, tmp_path / "whole", settings)
    wanted = curve(list(whole.run()))
    assert [step for kind, step in wanted if kind is Train] == list(range(1, 31))
    cut = made(tmp_path, tmp_path / "cut", settings)
    first = list(itertools.takewhile(lambda one: not (isinstance(one, Train) and one.step == 17), cut.run()))
    again = made(tmp_path, tmp_path / "cut", replace(settings, seconds=9999.0))
    again.clock = ticks(0.013)
    got = curve(first) | curve(list(again.run()))
    assert got.keys() == wanted.keys()
    assert max(abs(got[at] - wanted[at]) for at in wanted) <= 1e-6
    pairs = zip(parameters(whole.decoder), parameters(again.decoder), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


@pytest.mark.slow
def test_it_learns_and_ends_with_the_time(tmp_path: Path) -> None:
    trainer = made(tmp_path, tmp_path / "run")
    events = list(trainer.run())
    evals = [one for one in events if isinstance(one, Eval)]
    assert trainer.reason == "time"
    assert evals[0].step == 0
    assert min(one.loss for one in evals) < 0.8 * evals[0].loss
    assert len(list((tmp_path / "run").glob("checkpoint-*"))) == 2
    best = min(evals, key=lambda one: one.loss)
    assert best.best
    found, _ = training.evaluate(trainer.decoder, trainer.held_out, 200)
    assert found == pytest.approx(best.loss, rel=1e-5)  # the best is what is left


@pytest.mark.slow
def test_what_was_cut_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = made(tmp_path, tmp_path / "whole")
    expected = list(whole.run())
    cut = made(tmp_path, tmp_path / "cut")
    events: list[Event] = []
    for event in cut.run():  # as a process that is killed: nothing is closed or written behind this
        events.append(event)
        if sum(isinstance(one, Checkpoint) for one in events) == 2:
            break
    resumed = made(tmp_path, tmp_path / "cut")
    later = list(resumed.run())
    assert isinstance(later[0], Resumed)
    assert later[0].step > 0
    known, found = curve(expected), curve(later)
    assert len(found) > 8
    assert found == pytest.approx({place: known[place] for place in found}, abs=1e-6)
    for one, other in zip(parameters(whole.decoder), parameters(resumed.decoder), strict=True):
        assert torch.allclose(one, other, atol=1e-6)


@pytest.mark.slow
def test_a_checkpoint_of_the_first_version_is_gone_on_from(tmp_path: Path) -> None:
    """The folder was written by that version, ended behind its second checkpoint."""
    with zipfile.ZipFile(DATA / "adapter-checkpoint.zip") as archive:
        archive.extractall(tmp_path / "run")
    old = torch.load(tmp_path / "run" / "checkpoint-14" / "state.pt", weights_only=True)
    trainer = made(tmp_path, tmp_path / "run", rank=1)
    steps = trainer.run()
    assert next(steps) == Resumed(14)
    pairs = [(trainer.parameters, old["parameters"]), (trainer._best, old["best"])]
    moments = trainer.optimizer.state_dict()["state"]
    for number, state in old["optimizer"].items():
        pairs.append((list(moments[number].values()), [state[name] for name in moments[number]]))
    for ours, theirs in pairs:
        assert all(torch.equal(one, other) for one, other in zip(ours, theirs, strict=True))
    assert (trainer.tokens, trainer.epoch, trainer.place) == (2248, 3, 2)
    before = trainer.best_loss
    list(steps)
    assert trainer.reason == "time"
    assert trainer.best_loss < before
    assert not list((tmp_path / "run").glob("*/state.pt"))  # the old ones gave way to new ones


@pytest.mark.slow
def test_with_more_time_the_best_goes_on_to_a_new_decay(tmp_path: Path) -> None:
    brief = replace(SETTINGS, seconds=30.0)
    first = made(tmp_path, tmp_path / "run", brief)
    list(first.run())
    more = made(tmp_path, tmp_path / "run", replace(SETTINGS, seconds=120.0), more=True)
    events = list(more.run())
    assert events[0] == Resumed(first.step)
    rates = [one.learning_rate for one in events if isinstance(one, Train)]
    assert max(rates) == pytest.approx(SETTINGS.learning_rate, rel=0.05)
    assert rates[-1] < 0.2 * SETTINGS.learning_rate
    assert more.best_loss < first.best_loss
    assert more.step > 2 * first.step
    cut = made(tmp_path, tmp_path / "run", replace(SETTINGS, seconds=120.0))  # killed and resumed behind that
    assert [type(one) for one in itertools.islice(cut.run(), 1)] == [Resumed]
    assert cut.since_seconds == more.since_seconds > 0


def test_it_ends_early_where_nothing_becomes_better(tmp_path: Path) -> None:
    settings = replace(SETTINGS, learning_rate=1e-12, patience=2, evaluations=10)
    trainer = made(tmp_path, tmp_path / "run", settings)
    list(trainer.run())
    assert trainer.reason == "converged"
    assert trainer.seconds < 60


def test_it_stops_when_it_is_told(tmp_path: Path) -> None:
    trainer = made(tmp_path, tmp_path / "run")
    asked = itertools.count()
    trainer.stop = lambda: next(asked) == 5
    events = list(trainer.run())
    assert trainer.reason == "stopped"
    assert trainer.step == 5
    assert isinstance(events[-1], Checkpoint)


@pytest.mark.slow
def test_a_loss_that_is_no_number_goes_back_and_slows_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = made(tmp_path, tmp_path / "run")
    real, calls = training.packed_loss, itertools.count()

    def broken(decoder: object, sequences: list[Encoded], **kind: bool) -> torch.Tensor:
        loss = real(decoder, sequences, **kind)  # type: ignore[arg-type]
        return loss * float("nan") if torch.is_grad_enabled() and next(calls) == 6 else loss

    monkeypatch.setattr(training, "packed_loss", broken)
    events = list(trainer.run())
    (notice,) = [one for one in events if isinstance(one, Notice)]
    assert (notice.key, trainer.rate) == ("notice.training-diverged", 0.5)
    assert all(torch.isfinite(tensor).all() for tensor in parameters(trainer.decoder))
    assert trainer.reason == "time"

    monkeypatch.setattr(training, "packed_loss", lambda *a, **k: real(*a, **k) * float("nan"))
    trainer = made(tmp_path, tmp_path / "other")
    trainer.evaluated = 0.0  # as behind the first evaluation
    with pytest.raises(KnownError) as caught:
        list(trainer.run())
    assert caught.value.key == "training-diverged"


@pytest.mark.slow
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    trainer = made(tmp_path, tmp_path / "run")
    list(trainer.run())
    last, before = sorted(
        (tmp_path / "run").glob("checkpoint-*"), key=lambda path: -int(path.name.split("-")[1])
    )
    (last / "adapter.safetensors").write_bytes(b"cut")
    resumed = made(tmp_path, tmp_path / "run")
    (first, *_) = resumed.run()
    assert first == Resumed(int(before.name.split("-")[1]))
