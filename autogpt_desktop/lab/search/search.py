"""Which shape learns most in the time: TPE and CMA-ES take turns, successive halving picks.

Trials are short runs of models that are small in proportion. The better third of a rung is tried again
with three times the time (successive halving: Jamieson and Talwalkar, 2016), proposals come from Optuna
(Akiba et al., 2019): TPE (Bergstra et al., 2011) and CMA-ES (Hansen and Ostermeier, 2001) in turn. The
study is a file, which several processes, also on several machines, may share. In a fixed space such a
search does better than agents, and nothing matters more than that no trial dies for want of memory
(arXiv 2603.24647): shapes that do not fit are not tried.

What wins a short run may lose a long one: a short context and few tokens a step learn quickly and not far.
So the space begins where the usual shape stands, and another must be better by more than a trial can err.
"""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Generator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from autogpt_desktop.engine.memory import out_of_memory
from autogpt_desktop.engine.torch_backend.training import new_tensors, parameter_count, trainable
from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs.events import Compared, Event, Trial
from autogpt_desktop.lab.search.machine import Machine
from autogpt_desktop.lab.search.shapes import Candidate, fits, realize
from autogpt_desktop.lab.train.corpus import Corpus
from autogpt_desktop.lab.train.settings import Deadline
from autogpt_desktop.lab.train.trainer import Outcome, Trainer

log = logging.getLogger(__name__)
_ETA = 3  # one of so many goes on to the next rung, with so many times the time
_RUNGS = 3
_FIRST_SHARE = 1 / 14  # of the search's time: a trial of the first rung
_MARGIN = 0.01  # by which another shape must be better than the usual one, of its bits per byte
_STARTUP = 2  # trials by chance before results count: there are few in all
_CONTEXTS, _BATCH_TOKENS = (128, 256, 512), (2048, 4096, 8192)
_FIELDS = "candidate", "rung", "loss", "tokens", "parameters", "shape"


def suggest(trial: optuna.Trial, train_tokens: int) -> Candidate:
    """A point of the space. All are numbers, so that CMA-ES knows them too."""
    contexts = contexts_of(train_tokens)
    return Candidate(
        tokens_per_parameter=trial.suggest_float("tokens_per_parameter", 3.0, 30.0, log=True),
        aspect=trial.suggest_float("aspect", 16.0, 128.0, log=True),
        head_dim=(32, 64)[_whole(trial, "head_dim", 2)],
        queries_per_key=(1, 2, 4)[_whole(trial, "queries_per_key", 3)],
        mlp_ratio=trial.suggest_float("mlp_ratio", 1.5, 4.0),
        context=contexts[_whole(trial, "context", len(contexts))],
        batch_tokens=_BATCH_TOKENS[_whole(trial, "batch_tokens", len(_BATCH_TOKENS))],
        learning_rate=trial.suggest_float("learning_rate", 2e-3, 2e-2, log=True),
    )


def contexts_of(train_tokens: int) -> list[int]:
    """Those that a text of so many tokens has room for."""
    return [size for size in _CONTEXTS if size * 4 <= train_tokens] or [32]


def _whole(trial: optuna.Trial, name: str, count: int) -> int:
    return min(count - 1, int(trial.suggest_float(name, 0.0, float(count))))


def usual_point(train_tokens: int) -> dict[str, float]:
    """The default candidate as a point, which is tried first."""
    c = Candidate()
    contexts = contexts_of(train_tokens)
    place = contexts.index(c.context) if c.context in contexts else len(contexts) - 1
    return {
        "tokens_per_parameter": c.tokens_per_parameter,
        "aspect": c.aspect,
        "head_dim": 1.5,
        "queries_per_key": 1.5,
        "mlp_ratio": c.mlp_ratio,
        "context": place + 0.5,
        "batch_tokens": _BATCH_TOKENS.index(c.batch_tokens) + 0.5,
        "learning_rate": c.learning_rate,
    }


def open_study(folder: Path, seed: int) -> tuple[optuna.Study, list[optuna.samplers.BaseSampler]]:
    """The study of ``folder``, shared by all processes that open it, and what proposes in turn."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(folder / "study.log")))
    study = optuna.create_study(
        storage=storage, study_name="search", load_if_exists=True, direction="minimize"
    )
    # each its own chance, also of a process that joins in or goes on: the same would be proposed twice
    seed += 2 * len(study.get_trials(deepcopy=False))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # CMA-ES is marked experimental, where it is told its options
        samplers: list[optuna.samplers.BaseSampler] = [
            optuna.samplers.TPESampler(seed=seed, n_startup_trials=_STARTUP, multivariate=True),
            optuna.samplers.CmaEsSampler(
                seed=seed + 1, n_startup_trials=_STARTUP, warn_independent_sampling=False
            ),
        ]
    study.sampler = samplers[0]
    return study, samplers


def search(
    machine: Machine,
    corpus: Corpus,
    folder: Path,
    deadline: Deadline,
    device: torch.device,
    stop: Callable[[], bool] = lambda: False,
    seed: int = 0,
) -> Generator[Event, None, Candidate]:
    """The best candidate that could be found before ``deadline``; each trial is told, failures too.

    The usual shape takes part in every rung; another one must beat it where both had the most time.
    """
    study, samplers = open_study(folder, seed)
    first = max(2.0, deadline.left() * _FIRST_SHARE)
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(usual_point(len(corpus.train)), user_attrs={"rung": 0, "usual": True})
    number = 0
    while not stop():
        promoted = _promote(study, first, deadline.left())
        if not promoted and deadline.left() < 1.2 * first:
            break
        study.sampler = samplers[number % 2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trial = study.ask()
            candidate = suggest(trial, len(corpus.train))
        rung = int(trial.user_attrs.get("rung", 0))
        seconds = first * _ETA**rung
        if seconds > deadline.left():  # told so that nobody waits for it
            study.tell(trial, state=TrialState.FAIL)
            break
        number += 1
        yield _tried(study, trial, candidate, rung, machine, corpus, deadline, seconds, device, stop, seed)
    best, losses = _chosen(study)
    if losses:
        yield Compared("default", losses, "default" if best == Candidate() else "searched")
    return best


def _tried(
    study: optuna.Study,
    trial: optuna.Trial,
    candidate: Candidate,
    rung: int,
    machine: Machine,
    corpus: Corpus,
    deadline: Deadline,
    seconds: float,
    device: torch.device,
    stop: Callable[[], bool],
    seed: int,
) -> Trial:
    """One short run. What goes wrong is told, and the search goes on."""
    began = time.monotonic()
    config, settings = realize(candidate, machine, seconds, len(corpus.train), seed)
    shape = asdict(candidate) | {
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.num_hidden_layers,
        "intermediate_size": config.intermediate_size,
        "num_attention_heads": config.num_attention_heads,
        "num_key_value_heads": config.num_key_value_heads,
        "batch": settings.batch,
    }
    parameters, reason, outcome = parameter_count(config), "", None
    part = deadline.part(seconds)
    if not fits(config, settings, machine):
        reason = "memory"
    else:
        settings = replace(settings, eval_seconds=1e9, sample_seconds=1e9)
        try:
            decoder = trainable(config, new_tensors(config, seed), device)
            outcome = _outcome(Trainer(decoder, corpus, settings, part, None, stop))
        except KnownError as error:
            reason = error.key
        except (MemoryError, RuntimeError, ValueError) as error:
            reason = "memory" if out_of_memory(error) else str(error)[:200]
    deadline.join(part)
    took = time.monotonic() - began
    if outcome is None or not math.isfinite(outcome.loss) or outcome.reason == "stopped":
        study.tell(trial, state=TrialState.FAIL)
        return Trial(
            trial.number,
            parameters,
            shape,
            "failed",
            train_seconds=took,
            reason=reason or "stopped",
            rung=rung,
        )
    values = (asdict(candidate), rung, outcome.loss, outcome.tokens, parameters, shape)
    for name, value in zip(_FIELDS, values, strict=True):
        trial.set_user_attr(name, value)
    study.tell(trial, outcome.bits_per_byte)
    return Trial(
        trial.number,
        parameters,
        shape,
        "done",
        outcome.loss,
        outcome.bits_per_byte,
        outcome.tokens,
        took,
        rung=rung,
    )


def _outcome(trainer: Trainer) -> Outcome:
    running = trainer.run()
    while True:
        try:
            next(running)
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome


def _promote(study: optuna.Study, first: float, left: float) -> bool:
    """Put the best that waits for it into the next rung; the usual shape goes along with the first."""
    trials = study.get_trials(deepcopy=False)
    if any(one.state == TrialState.WAITING for one in trials):
        return True
    went = {one.user_attrs.get("from") for one in trials}
    for rung in reversed(range(_RUNGS - 1)):
        if first * _ETA ** (rung + 1) > left:
            continue
        here = sorted(
            (
                one
                for one in trials
                if one.state == TrialState.COMPLETE and one.user_attrs.get("rung") == rung
            ),
            key=lambda one: float(one.value or math.inf),
        )
        best = here[: len(here) // _ETA]
        if best:
            best += [one for one in here if one.user_attrs.get("usual") and one not in best]
        for one in best:
            if one.number not in went:
                more = {"rung": rung + 1, "from": one.number, "usual": bool(one.user_attrs.get("usual"))}
                study.enqueue_trial(one.params, user_attrs=more)
                return True
    return False


def _chosen(study: optuna.Study) -> tuple[Candidate, dict[str, float]]:
    """The best of the highest rung that the usual shape reached too; bits per byte of both."""
    done = [one for one in study.get_trials(deepcopy=False) if one.state == TrialState.COMPLETE]
    for rung in reversed(range(_RUNGS)):
        here = [one for one in done if one.user_attrs["rung"] == rung]
        usual = [float(one.value or 0) for one in here if one.user_attrs.get("usual")]
        others = [one for one in here if not one.user_attrs.get("usual")]
        if not usual or not others:
            continue
        best = min(others, key=lambda one: float(one.value or math.inf))
        losses = {"default": min(usual), "searched": float(best.value or math.inf)}
        if losses["searched"] < losses["default"] * (1 - _MARGIN):
            values: dict[str, Any] = best.user_attrs["candidate"]
            return Candidate(**values), losses
        return Candidate(), losses
    return Candidate(), {}


def runs_of(study: optuna.Study) -> list[tuple[int, int, float]]:
    """Parameters, tokens and held-out nats per token of every trial that was done: see ``scaling``."""
    return [
        (one.user_attrs["parameters"], one.user_attrs["tokens"], one.user_attrs["loss"])
        for one in study.get_trials(deepcopy=False)
        if one.state == TrialState.COMPLETE
    ]
