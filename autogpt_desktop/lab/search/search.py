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

import json
import logging
import math
import time
import warnings
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
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
from autogpt_desktop.lab.runs.events import Compared, Event, Notice, Trial
from autogpt_desktop.lab.search.machine import Machine
from autogpt_desktop.lab.search.proposer import EVERY, ProposalError, Proposer
from autogpt_desktop.lab.search.shapes import SPACE, Candidate, contexts_of, fits, realize
from autogpt_desktop.lab.train.corpus import Corpus
from autogpt_desktop.lab.train.settings import Deadline
from autogpt_desktop.lab.train.trainer import Outcome, Trainer

log = logging.getLogger(__name__)
_ETA = 3  # one of so many goes on to the next rung, with so many times the time
_RUNGS = 3
_FIRST_SHARE = 1 / 14  # of the search's time: a trial of the first rung
_MARGIN = 0.01  # by which another shape must be better than the usual one, of its bits per byte
_STARTUP = 2  # trials by chance before results count: there are few in all
_TRYING = "trying.json"  # the number of the trial that is under way
_FIELDS = "candidate", "rung", "loss", "tokens", "parameters", "shape"


def suggest(trial: optuna.Trial, train_tokens: int) -> Candidate:
    """A point of the space. All are numbers, so that CMA-ES knows them too."""

    def between(name: str, *, log: bool = True) -> float:
        return trial.suggest_float(name, *SPACE[name], log=log)

    return Candidate(
        tokens_per_parameter=between("tokens_per_parameter"),
        aspect=between("aspect"),
        head_dim=_one_of(trial, "head_dim", SPACE["head_dim"]),
        queries_per_key=_one_of(trial, "queries_per_key", SPACE["queries_per_key"]),
        mlp_ratio=between("mlp_ratio", log=False),
        context=_one_of(trial, "context", contexts_of(train_tokens)),
        batch_tokens=_one_of(trial, "batch_tokens", SPACE["batch_tokens"]),
        learning_rate=between("learning_rate"),
    )


def _one_of(trial: optuna.Trial, name: str, values: Sequence[float]) -> int:
    return int(values[min(len(values) - 1, int(trial.suggest_float(name, 0.0, float(len(values)))))])


def usual_point(train_tokens: int) -> dict[str, float]:
    """The default candidate as a point, which is tried first."""
    return point_of(Candidate(), train_tokens)


def point_of(c: Candidate, train_tokens: int) -> dict[str, float]:
    """A candidate as ``suggest`` has it, in the middle of what stands for it."""
    contexts = contexts_of(train_tokens)
    place = contexts.index(c.context) if c.context in contexts else len(contexts) - 1
    return {
        "tokens_per_parameter": c.tokens_per_parameter,
        "aspect": c.aspect,
        "head_dim": SPACE["head_dim"].index(c.head_dim) + 0.5,
        "queries_per_key": SPACE["queries_per_key"].index(c.queries_per_key) + 0.5,
        "mlp_ratio": c.mlp_ratio,
        "context": place + 0.5,
        "batch_tokens": SPACE["batch_tokens"].index(c.batch_tokens) + 0.5,
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
    proposer: Proposer | None = None,
) -> Generator[Event, None, Candidate]:
    """The best candidate that could be found before ``deadline``; each trial is told, failures too.

    The usual shape takes part in every rung; another one must beat it where both had the most time.
    ``proposer``: a chat model, whose every fourth trial it is; what that was worth is told at the end.
    """
    study, samplers = open_study(folder, seed)
    _try_again(study, folder / _TRYING)
    tried: list[Trial] = []
    first = max(2.0, deadline.left() * _FIRST_SHARE)
    if not study.get_trials(deepcopy=False):
        study.enqueue_trial(usual_point(len(corpus.train)), user_attrs={"rung": 0, "usual": True})
    number = 0
    while not stop():
        promoted = _promote(study, first, deadline.left())
        if not promoted and deadline.left() < 1.2 * first:
            break
        if proposer is not None and not promoted and number % EVERY == EVERY - 1:
            failed = _enqueue(study, proposer, tried, len(corpus.train))
            if failed is not None:
                number += 1
                tried.append(failed)
                yield failed
                continue
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
        (folder / _TRYING).write_text(json.dumps(trial.number), encoding="utf-8")
        one = _tried(study, trial, candidate, rung, machine, corpus, deadline, seconds, device, stop, seed)
        (folder / _TRYING).unlink(missing_ok=True)
        one = replace(one, proposed_by=str(trial.user_attrs.get("proposed_by", "search")))
        tried.append(one)
        yield one
    if proposer is not None:
        yield from _worth(proposer, tried)
    best, losses = _chosen(study)
    if losses:
        yield Compared("default", losses, "default" if best == Candidate() else "searched")
    return best


def _try_again(study: optuna.Study, trying: Path) -> None:
    """The trial that this run's process was at when it was cut: nobody else would end it, and the usual shape
    has to be among the others."""
    with suppress(OSError, ValueError):
        number = json.loads(trying.read_text(encoding="utf-8"))
        trying.unlink()
        for one in study.get_trials(deepcopy=False):
            if one.number == number and one.state == TrialState.RUNNING:
                study.tell(one.number, state=TrialState.FAIL)
                study.enqueue_trial(one.params, user_attrs=one.user_attrs)


def _enqueue(study: optuna.Study, proposer: Proposer, tried: list[Trial], tokens: int) -> Trial | None:
    """Put what the chat model proposes next in the queue; the failed trial where that cannot be used."""
    began = time.monotonic()
    contexts = contexts_of(tokens)
    first = [one for one in tried if one.rung == 0 and one.shape]
    try:
        candidate = proposer.propose(first, contexts)
    except ProposalError as error:
        trial = study.ask()
        study.tell(trial, state=TrialState.FAIL)
        return Trial(
            trial.number, 0, {}, "failed",
            train_seconds=time.monotonic() - began, reason=str(error)[:200], proposed_by="model",
        )  # fmt: skip
    study.enqueue_trial(point_of(candidate, tokens), user_attrs={"rung": 0, "proposed_by": "model"})
    return None


def _worth(proposer: Proposer, tried: list[Trial]) -> Iterator[Notice]:
    """The best of the chat model's trials beside the search's, of those that had equal time."""
    theirs = [one for one in tried if one.proposed_by == "model" and one.rung == 0]
    best = {
        by: min((one.bits_per_byte for one in tried
                 if one.proposed_by == by and one.status == "done" and one.rung == 0), default=math.inf)
        for by in ("model", "search")
    }  # fmt: skip
    values = {
        "model": proposer.engine.name,
        "count": len(theirs),
        "failed": sum(one.status != "done" for one in theirs),
        "best": f"{best['model']:.3f}",
        "search": f"{best['search']:.3f}",
    }
    useful = math.isfinite(best["model"]) and math.isfinite(best["search"])
    yield Notice("notice.lab-proposer-worth" if useful else "notice.lab-proposer-nothing", values)


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
                more |= {name: one.user_attrs[name] for name in ("proposed_by",) if name in one.user_attrs}
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
