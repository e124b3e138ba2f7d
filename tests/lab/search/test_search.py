"""The search: shapes that fit the dial, trials that fail and are told, one study for several processes."""

from __future__ import annotations

import math
import threading
from pathlib import Path

import optuna
import pytest
import torch

from autogpt_desktop.engine.torch_backend.training import parameter_count
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs.events import Compared, Event, Measured, Trial
from autogpt_desktop.lab.search import search as module
from autogpt_desktop.lab.search.machine import Machine, layer_parameters, measure, memory_bytes, shape
from autogpt_desktop.lab.search.scaling import fit
from autogpt_desktop.lab.search.search import open_study, runs_of, search, suggest, usual_point
from autogpt_desktop.lab.search.shapes import Candidate, fits, realize
from autogpt_desktop.lab.train.settings import Deadline
from autogpt_desktop.lab.train.trainer import Outcome, Trainer
from tests.lab.train.kit import VOCAB, Ticks, corpus

pytestmark = pytest.mark.slow  # models are trained

MACHINE = Machine("float32", 4096, (128, 256, 512), (2e-6, 6e-6, 2e-5), (2e-6, 4e-6, 8e-6), 1e-9)


def test_more_time_buys_a_larger_model() -> None:
    sizes = [
        parameter_count(realize(Candidate(), MACHINE, seconds, 10**7)[0]) for seconds in (1, 30, 1200, 36000)
    ]
    assert sizes == sorted(sizes)
    assert sizes[-1] > 10 * sizes[0]
    config, settings = realize(Candidate(), MACHINE, 1200, 10**7)
    tokens = 1200 / MACHINE.seconds_per_token(config, settings.batch * settings.context)
    assert 0.3 < tokens / layer_parameters(config) / Candidate().tokens_per_parameter < 4


def test_a_small_text_gets_no_large_model() -> None:
    large, small = (realize(Candidate(), MACHINE, 36000, tokens)[0] for tokens in (10**8, 10**5))
    assert parameter_count(small) < parameter_count(large) / 4


def test_every_point_of_the_space_is_a_shape() -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(200):
        candidate = suggest(study.ask(), 10**6)
        config, settings = realize(candidate, MACHINE, 60, 10**6)
        assert config.num_attention_heads % config.num_key_value_heads == 0
        assert config.head_dim * config.num_attention_heads == config.hidden_size
        assert settings.batch >= 1
        assert settings.micro_batch >= 1
    study.enqueue_trial(usual_point(10**6))
    assert suggest(study.ask(), 10**6) == Candidate()


def test_what_does_not_fit_goes_through_in_parts_or_not_at_all() -> None:
    config, settings = realize(Candidate(batch_tokens=16384), MACHINE, 36000, 10**8)
    all_at_once = memory_bytes(config, 16384, 256)
    for memory, possible in ((all_at_once, True), (int(all_at_once * 0.7), True), (1 << 20, False)):
        machine = Machine(**(MACHINE.values() | {"memory": memory}))
        _, settings = realize(Candidate(batch_tokens=16384), machine, 36000, 10**8)
        assert fits(config, settings, machine) == possible
        if possible:
            used = memory_bytes(
                config,
                settings.micro_batch * settings.context,
                settings.context,
                recompute=settings.recompute,
            )
            assert used <= memory


def outcome_of(trainer: Trainer) -> Outcome:
    """Better with a higher learning rate, without training anything."""
    loss = 3.0 - 0.2 * math.log(trainer.settings.learning_rate / 1e-4)
    return Outcome("time", 10, 1000, loss, loss, 100.0)


def run_search(folder: Path, seconds: float) -> tuple[list[Event], Candidate]:
    folder.mkdir(exist_ok=True)
    machine = Machine(**(MACHINE.values() | {"vocab_size": VOCAB}))
    deadline = Deadline(seconds, clock=Ticks(0.5))
    running = search(machine, corpus(), folder, deadline, torch.device("cpu"))
    events: list[Event] = []
    while True:
        try:
            events.append(next(running))
        except StopIteration as done:
            return events, done.value


def test_the_better_third_gets_more_time_and_the_usual_shape_takes_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_outcome", outcome_of)
    monkeypatch.setattr(module, "trainable", lambda *_: None)
    monkeypatch.setattr(
        module, "Trainer", lambda _, __, settings, *___: type("T", (), {"settings": settings})
    )
    events, best = run_search(tmp_path, 80.0)
    trials = [event for event in events if isinstance(event, Trial)]
    assert len(trials) > 8
    assert {trial.rung for trial in trials} >= {0, 1}
    usual = [trial for trial in trials if trial.shape["aspect"] == Candidate().aspect]
    assert {trial.rung for trial in usual} >= {0, 1}
    (compared,) = [event for event in events if isinstance(event, Compared)]
    assert compared.winner == "searched"
    assert best.learning_rate > Candidate().learning_rate
    assert len(runs_of(open_study(tmp_path, 0)[0])) == len(trials)


def test_a_trial_that_fails_is_told_and_the_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reasons = iter([KnownError("training-diverged"), MemoryError(), RuntimeError("odd")] * 100)

    def fail(trainer: Trainer) -> Outcome:
        raise next(reasons)

    monkeypatch.setattr(module, "_outcome", fail)
    events, best = run_search(tmp_path, 30.0)
    told = [event.reason for event in events if isinstance(event, Trial) and event.status == "failed"]
    assert told[:3] == ["training-diverged", "memory", "odd"]
    assert best == Candidate()


def test_a_trial_that_was_cut_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cut(trainer: Trainer) -> Outcome:
        raise KeyboardInterrupt

    for name, value in (("_outcome", cut), ("trainable", lambda *_: None)):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(
        module, "Trainer", lambda _, __, settings, *___: type("T", (), {"settings": settings})
    )
    with pytest.raises(KeyboardInterrupt):
        run_search(tmp_path, 80.0)
    monkeypatch.setattr(module, "_outcome", outcome_of)
    events, _ = run_search(tmp_path, 80.0)
    first = next(event for event in events if isinstance(event, Trial))
    assert first.shape["aspect"] == Candidate().aspect, "the usual shape was under way"
    assert any(isinstance(event, Compared) for event in events)


@pytest.mark.slow
def test_trials_train(tmp_path: Path) -> None:
    events, _ = run_search(tmp_path, 300.0)
    done = [event for event in events if isinstance(event, Trial) and event.status == "done"]
    assert done
    assert all(0 < trial.loss < 4 and trial.tokens > 0 for trial in done)


def test_several_share_one_study(tmp_path: Path) -> None:
    machine_numbers: list[int] = []

    def work(seed: int) -> None:
        study, samplers = open_study(tmp_path, seed)
        study.sampler = samplers[seed % 2]
        for _ in range(4):
            trial = study.ask()
            suggest(trial, 10**6)
            study.tell(trial, 1.0)
            machine_numbers.append(trial.number)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    open_study(tmp_path, 0)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(machine_numbers) == list(range(12))


def test_nothing_is_proposed_twice(tmp_path: Path) -> None:
    seen = set()
    for _ in range(3):  # processes that join one study, before any sampler has learned from results
        study, samplers = open_study(tmp_path, 5)
        for sampler in samplers:
            study.sampler = sampler
            trial = study.ask()
            seen.add(suggest(trial, 10**6))
            study.tell(trial, 3.0)
    assert len(seen) == 6


def test_a_machine_is_measured() -> None:
    *measured, machine = measure(64, torch.device("cpu"), widths=(32, 64), tokens=256)
    assert all(isinstance(one, Measured) and one.tokens_per_second > 0 for one in measured)
    assert isinstance(machine, Machine)
    assert machine == Machine.of(machine.values())
    narrow, wide = (machine.seconds_per_token(shape(64, width, 2), 256) for width in (64, 4096))
    assert 0 < narrow < wide


def test_what_was_measured_badly_stays_within_reason() -> None:
    odd = Machine("float32", 4096, (128, 256), (1e-9, 3e-5), (5e-5, 1e-6), 1e-9)
    for width in (32, 64, 128, 512, 2048):
        assert 1e-9 < odd.seconds_per_token(shape(4096, width, 2), 4096) < 0.1


def test_a_scaling_law_is_found_again() -> None:
    runs = [
        (n, d, 1.5 + 400 / n**0.5 + 300 / d**0.4)
        for n in (10**5, 10**6, 10**7) for d in (10**6, 10**7, 10**8)
    ]  # fmt: skip
    assert fit(runs[:5]) is None
    law = fit(runs)
    assert law is not None
    wanted = 1.5 + 400 / (3 * 10**7) ** 0.5 + 300 / (3 * 10**8) ** 0.4
    assert law.loss(3 * 10**7, 3 * 10**8) == pytest.approx(wanted, rel=0.02)
    low, high = law.band(3 * 10**7, 3 * 10**8)
    assert low <= law.loss(3 * 10**7, 3 * 10**8) * 1.001
    assert high >= law.loss(3 * 10**7, 3 * 10**8) * 0.999
    assert high - low < 0.5
