"""A run leaves a core to the window, and what it learns is the same as with all of them."""

from __future__ import annotations

import os

import pytest
import torch

from autogpt_desktop import paths
from autogpt_desktop.lab.courtesy import IDLE, LOOK, Courtesy
from autogpt_desktop.lab.process import work
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.events import Train
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from autogpt_desktop.lab.runs.window import last_busy, mark_busy
from autogpt_desktop.lab.train.settings import Deadline
from autogpt_desktop.lab.train.trainer import Trainer
from tests.lab.test_process import count
from tests.lab.train.kit import corpus, decoder, finish, settings


class Machine:
    """Time, the window's word, and torch's threads."""

    def __init__(self, threads: int) -> None:
        self.time, self.word, self.threads = 100.0, 1, threads
        self.courtesy = Courtesy(lambda: self.time, lambda: self.word, self.set)

    def set(self, wanted: int) -> int:
        before, self.threads = self.threads, wanted or self.threads
        return before

    def after(self, seconds: float, *, busy: bool = False) -> int:
        self.time += seconds
        self.word += busy
        self.courtesy()
        return self.threads


def test_one_thread_is_given_while_the_window_is_busy_and_taken_back_when_it_rests() -> None:
    machine = Machine(4)
    assert machine.after(LOOK) == 4, "an old word is none"
    assert machine.after(LOOK, busy=True) == 3
    for _ in range(8):
        assert machine.after(1.0, busy=True) == 3
    assert machine.after(IDLE - 1) == 3
    assert machine.after(2.0) == 4
    machine.after(LOOK, busy=True)
    machine.courtesy.take_back()
    assert machine.threads == 4
    assert Machine(1).after(LOOK, busy=True) == 1
    nothing_loaded = Machine(0)
    assert nothing_loaded.after(LOOK, busy=True) == 0


def test_it_is_looked_for_a_few_times_a_second_alone() -> None:
    machine, asked = Machine(2), []
    machine.courtesy._busy = lambda: len(asked) if asked.append(1) is None else 0
    for _ in range(100):
        machine.after(LOOK / 10)
    assert len(asked) <= 11


def test_the_window_says_it_beside_the_runs_and_nowhere_else() -> None:
    mark_busy()
    assert not paths.training_dir().exists()
    run = runs.create(RunSpec("new", DataSpec(("/texts",)), minutes=5, name="test"))
    assert last_busy() == 0
    mark_busy()
    first = last_busy()
    assert first > 0
    os.utime(paths.training_dir() / "window-busy", (1, 1))
    assert last_busy() != first
    assert [one.id for one in runs.all_runs()] == [run.id]


@pytest.mark.slow
def test_a_run_asks_between_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr("autogpt_desktop.lab.courtesy.set_threads", lambda wanted: 0)
    monkeypatch.setattr("autogpt_desktop.lab.process.Courtesy.__call__", lambda self: asked.append(1))
    run = runs.create(RunSpec("new", DataSpec(("/texts",)), minutes=5, name="test"))
    assert work(run, make=count).state == "finished"
    assert len(asked) > 900


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_number_of_threads_changes_nothing_of_what_is_learned(precision: str) -> None:
    shape = {"hidden_size": 192, "intermediate_size": 512, "head_dim": 48, "max_position_embeddings": 64}

    def losses(change: bool) -> list[float]:
        steps = [0]

        def stop() -> bool:
            steps[0] += 1
            if change:
                torch.set_num_threads(1 + steps[0] // 3 % 3)
            return False

        plan = settings(context=64, batch=12, max_steps=24, precision=precision)
        one = Trainer(decoder(**shape), corpus(), plan, Deadline(1e6), None, stop)
        return [event.loss for event in finish(one)[0] if isinstance(event, Train)]

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        steady = losses(False)
        assert len(steady) == 24
        assert losses(True) == pytest.approx(steady, abs=1e-6)
    finally:
        torch.set_num_threads(before)
