"""Training: it learns, it ends by the clock, and whatever breaks it, it goes on where it was."""

from __future__ import annotations

import dataclasses
import itertools
import math
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.torch_backend import training
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs.events import Checkpoint, Eval, Event, Notice, Resumed, Sample, Train
from autogpt_desktop.lab.train import checkpoints
from autogpt_desktop.lab.train import trainer as module
from autogpt_desktop.lab.train.corpus import Corpus
from autogpt_desktop.lab.train.evaluate import bits_per_byte, held_out_loss
from autogpt_desktop.lab.train.schedule import Schedule
from autogpt_desktop.lab.train.settings import Deadline
from autogpt_desktop.lab.train.windows import Windows
from tests.lab.train.kit import VOCAB, Ticks, config, corpus, decoder, finish, settings, trainer

pytestmark = pytest.mark.slow  # models are trained


def curve(events: list[Event]) -> dict[int, float]:
    return {event.step: event.loss for event in events if isinstance(event, Train)}


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_it_learns_and_leaves_a_folder_that_loads(optimizer: str, tmp_path: Path) -> None:
    one = trainer(tmp_path, max_steps=150, optimizer=optimizer)
    events, outcome = finish(one)
    losses = curve(events)
    assert losses[1] == pytest.approx(math.log(VOCAB), rel=0.1)
    assert outcome.loss < 0.6 * losses[1]
    assert outcome.reason == "time"
    assert outcome.bits_per_byte == pytest.approx(outcome.loss / math.log(2) / 2)
    folder = checkpoints.find(tmp_path)[-1]
    shape = config_from_folder(folder)
    tensors = load_file(folder / "model.safetensors")
    again = training.trainable(shape, tensors, torch.device("cpu"))
    assert held_out_loss(again, corpus(), 16) == pytest.approx(outcome.loss, rel=1e-5)
    assert [type(event) for event in events[-2:]] == [Eval, Checkpoint]


@pytest.mark.parametrize(("optimizer", "precision"), [("muon", "float32"), ("adamw", "bfloat16")])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(
    optimizer: str, precision: str, tmp_path: Path
) -> None:
    more = {"max_steps": 30, "optimizer": optimizer, "precision": precision, "micro_batch": 2}
    whole, _ = finish(trainer(tmp_path / "whole", **more))
    stopped = trainer(tmp_path / "parts", **more)
    stopped.stop = lambda: stopped.state.step >= 13
    first, outcome = finish(stopped)
    assert outcome.reason == "stopped"
    second, _ = finish(trainer(tmp_path / "parts", **more))
    assert Resumed(13) in second
    wanted, got = curve(whole), curve(first) | curve(second)
    assert wanted.keys() == got.keys()
    assert max(abs(wanted[step] - got[step]) for step in wanted) <= 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_process_that_was_killed_goes_on_as_if_it_had_not(optimizer: str, tmp_path: Path) -> None:
    whole, _ = finish(trainer(tmp_path / "whole", max_steps=40, optimizer=optimizer))
    root = Path(__file__).resolve().parents[3]
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.lab.train.kit", str(tmp_path / "cut"), optimizer],
        cwd=root, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        if line.startswith("Train(step=17"):
            os.kill(child.pid, signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
            break
    child.stdout.close()
    child.wait()
    assert not (tmp_path / "cut" / "checkpoint-000000040").exists()
    events, _ = finish(trainer(tmp_path / "cut", max_steps=40, optimizer=optimizer))
    (begin,) = [event.step for event in events if isinstance(event, Resumed)]
    assert 10 <= begin < 40
    wanted, got = curve(whole), curve(events)
    assert list(got) == list(range(begin + 1, 41))
    assert max(abs(wanted[step] - got[step]) for step in got) <= 1e-6


def test_the_clock_begins_the_decay_in_the_last_fifth_and_ends_the_run(tmp_path: Path) -> None:
    one = trainer(tmp_path)
    one.deadline = Deadline(20.0, clock=lambda: 0.2 * one.state.step)
    events, outcome = finish(one)
    assert outcome.reason == "time"
    rates = [event.learning_rate for event in events if isinstance(event, Train)]
    highest = max(rates)
    falls = [step for step in range(1, len(rates)) if rates[step] < highest and step > 10]
    assert rates[0] < highest
    assert len(falls) > 5
    assert falls == list(range(falls[0], len(rates)))
    assert 0.5 < falls[0] / len(rates) < 0.95
    assert rates[-1] < 0.3 * highest


def test_numbers_that_run_away_lead_back_to_the_last_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = trainer(tmp_path, max_steps=30, checkpoint_seconds=0.0)
    real, bad = one._gradients, iter([False] * 12 + [True] + [False] * 100)
    monkeypatch.setattr(one, "_gradients", lambda: math.nan if next(bad) else real())
    events, _ = finish(one)
    (notice,) = [event for event in events if isinstance(event, Notice)]
    step = notice.values["step"]
    assert notice == Notice("notice.training-diverged", {"step": step})
    assert step > 8
    rates = {event.step: event.learning_rate for event in events if isinstance(event, Train)}
    assert list(rates) == list(range(1, 31))
    assert rates[step + 1] == pytest.approx(rates[step] / 2)
    assert all(math.isfinite(loss) for loss in curve(events).values())


def test_what_never_comes_to_numbers_says_so(tmp_path: Path) -> None:
    one = trainer(tmp_path, max_steps=30)
    one._gradients = lambda: math.nan  # type: ignore[method-assign]
    with pytest.raises(KnownError) as caught:
        finish(one)
    assert caught.value.key == "training-diverged"


@pytest.mark.skipif(sys.platform == "win32", reason="no limits of files there")
def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    import resource

    one = trainer(tmp_path, max_steps=30)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill(event: Event) -> None:
        if isinstance(event, Train) and event.step == 20:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))

    try:
        with pytest.raises(KnownError) as caught:
            finish(one, fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert caught.value.key == "training-disk-full"
    assert not list(tmp_path.glob("*.new"))
    saved = checkpoints.last_good(tmp_path)
    assert saved is not None
    assert saved.state["step"] == 0
    _, outcome = finish(trainer(tmp_path, max_steps=30))
    assert outcome.step == 30


def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-000000003.new").mkdir()  # a process was killed
    finish(trainer(tmp_path, max_steps=12, checkpoint_seconds=0.0))
    kept = checkpoints.find(tmp_path)
    assert [path.name for path in kept] == ["checkpoint-000000011", "checkpoint-000000012"]
    assert not list(tmp_path.glob("*.new"))
    weights = kept[-1] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    saved = checkpoints.last_good(tmp_path)
    assert saved is not None
    assert saved.folder == kept[0]


def test_without_progress_the_end_comes_early_and_the_best_weights_stay(tmp_path: Path) -> None:
    small = corpus(200)  # learned by heart soon, which does not help elsewhere
    one = trainer(tmp_path, max_steps=3000, data=small, eval_seconds=0.0, patience=3, learning_rate=0.03)
    one.deadline = Deadline(1e6, clock=Ticks(0.5))
    one.clock = Ticks(40.0)  # a look at every second step
    events, outcome = finish(one)
    looks = [event for event in events if isinstance(event, Eval)]
    assert outcome.reason == "converged"
    assert outcome.step < 3000
    assert outcome.loss == min(event.loss for event in looks)
    assert held_out_loss(one.decoder, small, 16) == pytest.approx(outcome.loss, rel=1e-5)


def test_samples_are_written_at_the_end(tmp_path: Path) -> None:
    one = trainer(tmp_path, max_steps=3)
    one.sampler = lambda made: [("a", str(len(made.layers)))]
    events, _ = finish(one)
    assert Sample(3, "a", "2") in events


def test_parts_of_a_step_add_up_to_the_step(tmp_path: Path) -> None:
    whole, _ = finish(trainer(tmp_path / "a", max_steps=6))
    parts, _ = finish(trainer(tmp_path / "b", max_steps=6, micro_batch=1, recompute=True))
    wanted, got = curve(whole), curve(parts)
    assert max(abs(wanted[step] - got[step]) for step in wanted) < 1e-5


def test_windows_come_once_in_an_epoch_wherever_reading_begins() -> None:
    data = corpus().train
    one, other = Windows(data, 16, 3), Windows(data, 16, 3)
    starts = [one.start(number) for number in range(2 * one.count)]
    first = sorted(starts[: one.count])
    assert len(set(first)) >= one.count - 1
    assert all(b - a >= 15 for a, b in itertools.pairwise(first) if b != first[-1])
    assert [other.start(number) for number in reversed(range(2 * one.count))] == starts[::-1]
    assert [Windows(data, 16, 4).start(n) for n in range(9)] != starts[:9]
    short = Windows(data[:10], 64, 0)
    ids, targets = short.batch([0, 1, 2], torch.device("cpu"))
    assert ids.shape == (3, 9)
    assert torch.equal(ids[:, 1:], targets[:, :-1])


def test_every_token_of_the_held_out_text_counts_once() -> None:
    data, made = corpus(), decoder()
    ids = torch.from_numpy(data.held_out.astype("int64"))[None]
    before = torch.cat([torch.zeros(1, 1, dtype=torch.int64), ids[:, :-1]], 1)
    with torch.no_grad():
        logs = torch.cat([training.all_logits(made, part)[0].log_softmax(-1) for part in before.split(16, 1)])
    wanted = -logs.gather(1, ids.T).mean()
    assert held_out_loss(made, data, 16) == pytest.approx(float(wanted), rel=1e-5)
    assert held_out_loss(made, data, 16, stride=8) == pytest.approx(float(wanted), rel=0.05)
    assert held_out_loss(made, data, 16, limit=200) == pytest.approx(float(wanted), rel=0.1)
    empty = Corpus(data.train, data.held_out[:1], 2, VOCAB, 0)
    assert math.isfinite(held_out_loss(made, empty, 16))
    assert bits_per_byte(math.log(2), data) == 0.5


def test_the_learning_rate_follows_from_the_state_alone() -> None:
    one = Schedule(4)
    assert [one.factor(step) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    one.begin_decay(10, 10)
    assert one.factor(15) == 0.5
    again = Schedule(**dataclasses.asdict(one))
    again.replan(15, 20)  # slower than was thought: from where it is, later to zero
    assert again.factor(15) == 0.5
    assert again.factor(25) == 0.25
    assert again.over(35)
    assert not again.over(34)


def test_a_machine_that_slept_did_not_work() -> None:
    now = [0.0]
    one = Deadline(100.0, clock=lambda: now[0])
    now[0] = 10.0
    assert one.left() == 90.0
    now[0] = 10_000.0
    assert one.left() == 90.0
    part = one.part(30.0)
    now[0] += 20.0
    assert part.left() == 10.0
    one.join(part)
    assert one.left() == 70.0


def test_the_quicker_precision_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = trainer(tmp_path, precision="auto", max_steps=2)
    times = iter([0.0, 9.0, 10.0, 14.0, 20.0, 21.0, 30.0, 31.0] + [100.0] * 100)
    monkeypatch.setattr(module.time, "perf_counter", lambda: next(times))
    finish(one)
    assert one.state.precision == "bfloat16"
    assert settings().precision == "float32"
    assert config().family == "llama"
