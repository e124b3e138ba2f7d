"""A model from nothing: its steps leave a folder that loads, whenever the run was stopped."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from autogpt_desktop.engine.build import build
from autogpt_desktop.engine.formats.hf_config import config_from_folder
from autogpt_desktop.engine.formats.safetensors import sources_from_folder
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.engine.torch_backend import training
from autogpt_desktop.lab.grow.grow import carried_state, compare_growth, grown, larger_shape
from autogpt_desktop.lab.runs.events import (
    Compared,
    Finished,
    Growth,
    Measured,
    Resumed,
    Sample,
    Stage,
    Train,
)
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from autogpt_desktop.lab.search.machine import Machine
from autogpt_desktop.lab.search.shapes import Candidate, realize
from autogpt_desktop.lab.train import run
from autogpt_desktop.lab.train.checkpoints import begin_again, last_good, read_checkpoint, write_checkpoint
from autogpt_desktop.lab.train.run import train_new
from autogpt_desktop.lab.train.settings import Deadline
from tests.lab.train.kit import VOCAB, Ticks, config, corpus, finish, settings, trainer

pytestmark = pytest.mark.slow  # models are trained

TINY = {
    "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2,
    "num_key_value_heads": 1, "head_dim": 8, "context": 16, "batch": 4, "precision": "float32",
}  # fmt: skip
MACHINE = Machine("float32", VOCAB, (32, 64), (1e-6, 3e-6), (1e-6, 2e-6), 1e-9)


class Letters:
    """A tokenizer of a letter for each token."""

    def decode(self, ids: list[int]) -> str:
        return "".join(chr(65 + token) for token in ids)


def spec(minutes: float = 1.0, **options: Any) -> RunSpec:
    return RunSpec("new", DataSpec(("none",)), minutes, device="cpu", options=TINY | options)


def known_machine(folder: Path) -> None:
    (folder / "search").mkdir(parents=True)
    (folder / "search" / "machine.json").write_text(json.dumps(MACHINE.values()), encoding="utf-8")


def test_a_run_leaves_a_folder_that_loads(tmp_path: Path) -> None:
    known_machine(tmp_path)
    events = list(train_new(spec(max_steps=40), corpus(), Letters(), tmp_path))
    done = events[-1]
    assert max(event.step for event in events if isinstance(event, Train)) == 40
    assert isinstance(done, Finished)
    assert (done.reason, done.result) == ("time", "result")
    assert done.bits_per_byte == pytest.approx(done.loss / torch.log(torch.tensor(2.0)).item() / 2, rel=1e-5)
    stages = [event.key for event in events if isinstance(event, Stage)]
    assert stages == ["stage.lab-training", "stage.lab-evaluating"]
    assert any(isinstance(event, Sample) and event.text for event in events)
    folder = tmp_path / "result"
    shape = config_from_folder(folder)
    assert shape.hidden_size == 16
    decoder = run_to_end(build(shape, sources_from_folder(folder, shape), torch.device("cpu"), 16))
    ids = corpus().held_out[:16].tolist()
    got = decoder.forward([(decoder.new_state(), ids)], "all")[0]
    saved = last_good(tmp_path)
    assert saved is not None
    with torch.no_grad():
        ours = training.all_logits(
            training.trainable(saved.config, saved.tensors, torch.device("cpu")), torch.tensor([ids])
        )[0]
    assert float((got - ours).abs().max()) < 1e-4


def test_a_stopped_run_is_of_use_and_goes_on(tmp_path: Path) -> None:
    known_machine(tmp_path)
    looks = itertools.count()
    brief = spec(max_steps=60, log_steps=1)
    seen = list(train_new(brief, corpus(), Letters(), tmp_path, stop=lambda: next(looks) > 12))
    stopped = seen[-1]
    assert isinstance(stopped, Finished)
    assert stopped.reason == "stopped"
    assert (tmp_path / "result" / "model.safetensors").exists()
    events = list(train_new(spec(max_steps=60), corpus(), Letters(), tmp_path))
    assert any(isinstance(event, Resumed) and event.step > 0 for event in events)
    done = events[-1]
    assert isinstance(done, Finished)
    assert done.reason == "time"
    assert done.loss < stopped.loss


def test_a_finished_run_goes_on_with_a_new_decay(tmp_path: Path) -> None:
    known_machine(tmp_path)
    brief = {"log_steps": 1, "warmup_steps": 4}
    first = list(train_new(spec(max_steps=60, **brief), corpus(), Letters(), tmp_path))
    (end,) = [event for event in first if isinstance(event, Finished)]
    stable = read_checkpoint(tmp_path / "checkpoint-stable")
    assert 40 < stable.state["step"] < 60  # where the decay began
    more = list(train_new(spec(max_steps=120, **brief), corpus(), Letters(), tmp_path, more=True))
    (resumed,) = [event for event in more if isinstance(event, Resumed)]
    assert resumed.step == 61
    rates = [event.learning_rate for event in more if isinstance(event, Train)]
    full = max(event.learning_rate for event in first if isinstance(event, Train))
    assert rates[0] == pytest.approx(full)
    assert rates[-1] < 0.2 * full
    done = more[-1]
    assert isinstance(done, Finished)
    assert done.loss < end.loss
    assert json.loads((tmp_path / "search" / "settings.json").read_text())["max_steps"] == 60


def test_the_weights_before_the_decay_go_on(tmp_path: Path) -> None:
    known_machine(tmp_path)
    list(train_new(spec(max_steps=60), corpus(), Letters(), tmp_path))
    stable, last = read_checkpoint(tmp_path / "checkpoint-stable"), last_good(tmp_path)
    assert last is not None
    assert begin_again(tmp_path, 0)
    again = last_good(tmp_path)
    assert again is not None
    assert all(torch.equal(again.tensors[name], one) for name, one in stable.tensors.items())
    assert again.state["best_loss"] == last.state["best_loss"]
    assert again.state["window"] == last.state["window"]
    assert not begin_again(tmp_path, 0)  # once
    shutil.rmtree(tmp_path / "checkpoint-stable")  # of an older version, or on a disk that was full
    (again.folder / "state.json").write_text(json.dumps(last.state))
    assert begin_again(tmp_path, 0)


def test_what_is_learned_with_does_not_change_with_the_time_that_is_left(tmp_path: Path) -> None:
    """A run that was cut late would otherwise come to other batches and rates: the machine's figures say what
    fits the time."""
    known_machine(tmp_path)
    free = {name: value for name, value in TINY.items() if name not in ("batch", "context")}
    brief = RunSpec(
        "new", DataSpec(("none",)), 1.0, device="cpu", options=free | {"max_steps": 6, "log_steps": 1}
    )
    data = corpus(60_000)
    whole = list(train_new(brief, data, Letters(), tmp_path / "whole", clock=Ticks(0.01)))
    known_machine(tmp_path / "cut")
    looks = itertools.count()
    list(train_new(brief, data, Letters(), tmp_path / "cut", clock=Ticks(0.01), stop=lambda: next(looks) > 3))
    late = Ticks(0.01)
    late.now = 58.0
    rest = list(train_new(brief, data, Letters(), tmp_path / "cut", clock=late))

    def batches(events: list[Any]) -> list[int]:
        tokens = [event.tokens for event in events if isinstance(event, Train)]
        return [after - before for before, after in itertools.pairwise(tokens)]

    assert len({*batches(whole), *batches(rest)}) == 1


def test_a_run_whose_time_is_over_before_it_learns_still_learns(tmp_path: Path) -> None:
    known_machine(tmp_path)
    late = Ticks(0.01)
    late.now = 500.0
    free = {name: value for name, value in TINY.items() if name not in ("batch", "context")}
    brief = RunSpec("new", DataSpec(("none",)), 0.1, device="cpu", options=free | {"log_steps": 1})
    events = list(train_new(brief, corpus(), Letters(), tmp_path, clock=late))
    assert max(event.step for event in events if isinstance(event, Train)) > 5
    assert isinstance(events[-1], Finished)
    config, _ = realize(Candidate(), MACHINE, -3.0, 1000)
    assert config.hidden_size > 0


def test_the_machine_is_measured_once(tmp_path: Path) -> None:
    brief = spec(minutes=0.5, max_steps=2)
    first = list(train_new(brief, corpus(), Letters(), tmp_path / "run"))
    assert len([event for event in first if isinstance(event, Measured)]) >= 3
    again = list(train_new(brief, corpus(), Letters(), tmp_path / "run"))
    assert len([event for event in again if isinstance(event, Measured)]) == 1  # the shape that trains


def test_a_run_that_has_time_tries_to_grow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known_machine(tmp_path)
    monkeypatch.setattr(run, "_GROW_MINUTES", 0.0)
    clock = Ticks(0.02)
    events = list(train_new(replace(spec(0.4), search=False), corpus(), Letters(), tmp_path, clock=clock))
    (growth,) = [event for event in events if isinstance(event, Growth)]
    assert growth.parameters_after > growth.parameters_before
    assert growth.difference <= 1e-5
    (compared,) = [event for event in events if isinstance(event, Compared)]
    assert set(compared.losses) == {"grown", "continued", "scratch"}
    assert compared.winner == min(compared.losses, key=lambda way: compared.losses[way])
    assert isinstance(events[-1], Finished)
    size = training.parameter_count(config_from_folder(tmp_path / "result"))
    larger = compared.winner in ("grown", "scratch")
    assert size == (growth.parameters_after if larger else growth.parameters_before)
    assert clock.now < 24 * 1.2  # the dial is kept


@pytest.mark.skipif(sys.platform == "win32", reason="nothing kills itself there")
def test_a_run_that_is_killed_again_and_again_comes_to_its_end(tmp_path: Path) -> None:
    """While it searches, writes, looks at a larger model and takes over the winner."""
    known_machine(tmp_path)
    root = Path(__file__).resolve().parents[3]
    said = {}
    for moment in ("trial", "writing", "growing", "comparing", "replacing", "never"):
        command = [sys.executable, "-m", "tests.lab.train.killed", str(tmp_path), moment]
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=600, check=False)
        said[moment] = done.stdout.split()
        killed = done.returncode == -signal.SIGKILL
        assert killed or (moment in ("never", "replacing") and not done.returncode), (moment, done.stderr)
    assert said["never"][-1] == "Finished"
    assert "Trial" not in said["growing"], "the search was over"
    assert "Resumed" in said["never"]
    shape = config_from_folder(tmp_path / "result")
    run_to_end(build(shape, sources_from_folder(tmp_path / "result", shape), torch.device("cpu"), 16))


def test_the_optimizer_s_averages_come_along(tmp_path: Path) -> None:
    first = trainer(tmp_path, max_steps=40)
    first.stop = lambda: first.state.step >= 20
    finish(first)
    saved = last_good(tmp_path)
    assert saved is not None
    how, target = larger_shape(saved.config)
    assert how == "wider"
    shape, weights = grown(saved.config, saved.tensors, target)
    state = carried_state(saved, target)
    write_checkpoint(tmp_path / "large", 20, shape, weights, state, saved.state, 0)
    one = trainer(tmp_path / "large", max_steps=24)
    one = type(one)(
        training.trainable(shape, weights, torch.device("cpu")),
        corpus(), settings(max_steps=24), Deadline(1e6), tmp_path / "large",
    )  # fmt: skip
    finish(one)
    before, after = saved.optimizer["exp_avg:embedding"], state["exp_avg:embedding"]
    assert torch.equal(after[:, :16], before)
    assert not after[:, 16:].any()
    assert one.state.step == 24


def test_from_scratch_may_win(tmp_path: Path) -> None:
    finish(trainer(tmp_path, max_steps=4))
    saved = last_good(tmp_path)
    assert saved is not None
    for tensor in saved.tensors.values():
        tensor.zero_()  # nothing can be learned from here
    saved.state["schedule"] |= {"decay_from": -1, "decay_to": -1}
    comparing = compare_growth(
        saved, ("deeper", config(num_hidden_layers=3)), corpus(), settings(),
        Deadline(1e4, clock=Ticks(0.05)), 10.0, tmp_path / "growth", lambda: False, torch.device("cpu"),
    )  # fmt: skip
    while True:
        try:
            next(comparing)
        except StopIteration as done:
            winner, begin = done.value
            break
    assert winner == "scratch"
    assert begin.state["step"] == 0
    assert begin.config.num_hidden_layers == 3
