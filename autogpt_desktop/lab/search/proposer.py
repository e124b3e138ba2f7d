"""An installed chat model proposes trials: it is told in words what was tried, and answers in JSON.

In a fixed space such proposals seldom beat TPE and CMA-ES (arXiv 2603.24647), so that they are one of four
trials at most, and the run says at its end what they were worth. What the model says is a stranger's text:
only known fields are read, and only numbers within the space count.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autogpt_desktop.engine.config import Sampling
from autogpt_desktop.engine.generation.engine import Engine
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Text
from autogpt_desktop.lab.runs.events import Trial
from autogpt_desktop.lab.search.shapes import SPACE, Candidate
from autogpt_desktop.thinking import without_thinking

EVERY = 4  # which trial is proposed
_SHOWN = 8  # trials that it is told of: the best and the last
_TOKENS = 300  # of an answer, at most
_HEAT = 0.7
CONTEXTS = tuple(int(size) for size in SPACE["context"])
_MEANINGS = {
    "tokens_per_parameter": "tokens for each parameter: low means a large model, few steps",
    "aspect": "width divided by depth: low means deep and narrow",
    "head_dim": "numbers in an attention head",
    "queries_per_key": "query heads that share a key head",
    "mlp_ratio": "width of the MLP divided by the model's",
    "context": "tokens that it sees at once",
    "batch_tokens": "tokens of one step of the optimizer",
    "learning_rate": "at a width of 256",
}
_RANGES = ("tokens_per_parameter", "aspect", "mlp_ratio", "learning_rate")


class ProposalError(Exception):
    """Why an answer is no proposal."""


@dataclass
class Proposer:
    """``engine``: of a chat model; its answers differ with ``seed`` and from time to time."""

    engine: Engine
    seed: int = 0
    _asked: int = 0

    def propose(self, trials: Sequence[Trial], contexts: Sequence[int] = CONTEXTS) -> Candidate:
        """What it would try next, knowing what was tried; ``contexts``: those that the text is long enough
        for. Raises ProposalError for what cannot be used, whatever went wrong."""
        self._asked += 1
        messages = [{"role": "user", "content": prompt(trials, contexts)}]
        sampling = Sampling(_HEAT, seed=self.seed + self._asked, max_tokens=_TOKENS, thinking=False)
        try:
            ids = self.engine.chat_ids(messages)
            sampling = replace(sampling, stop=tuple(self.engine.template.stop))
            steps = self.engine.stream(ids, sampling)
            text = "".join(step.text for step in steps if isinstance(step, Text))
        except KnownError as error:
            raise ProposalError(error.key) from error
        return read_proposal(
            without_thinking(text), best_of(trials), [_known(one) for one in trials], contexts
        )

    def close(self) -> None:
        self.engine.close()


def prompt(trials: Sequence[Trial], contexts: Sequence[int] = CONTEXTS) -> str:
    """The space, what was tried, and what is asked."""
    lines = [
        "Small language models are trained for a short, equal time. Find settings that make the bits per "
        "byte of held-out text as low as possible. Settings:"
    ]
    for name, meaning in _MEANINGS.items():
        values = tuple(contexts) if name == "context" else SPACE[name]
        what = (" to " if name in _RANGES else " or ").join(f"{value:g}" for value in values)
        lines.append(f"- {name}: {what} ({meaning})")
    done = sorted((one for one in trials if one.status == "done"), key=lambda one: one.bits_per_byte)
    shown = [*done[: _SHOWN // 2], *(one for one in trials[-_SHOWN // 2 :] if one not in done[: _SHOWN // 2])]
    if shown:
        lines.append("Tried so far, the best first:")
    for one in shown:
        result = f"{one.bits_per_byte:.3f} bits per byte" if one.status == "done" else f"failed: {one.reason}"
        settings = {name: getattr(_known(one), name) for name in SPACE}
        lines.append(f"{json.dumps(settings)} -> {result}")
    lines.append(
        "Answer with one JSON object for the next trial, with these settings as names and numbers as "
        "values, unlike those above. Nothing else."
    )
    return "\n".join(lines)


def best_of(trials: Sequence[Trial]) -> Candidate:
    """What the best was made of; the usual shape where there is none yet."""
    done = [one for one in trials if one.status == "done"]
    return _known(min(done, key=lambda one: one.bits_per_byte)) if done else Candidate()


def _known(trial: Trial) -> Candidate:
    fields = Candidate.__dataclass_fields__
    return Candidate(**{name: value for name, value in trial.shape.items() if name in fields})


def read_proposal(
    text: str, best: Candidate, tried: Sequence[Candidate], contexts: Sequence[int] = CONTEXTS
) -> Candidate:
    """What the first JSON object says; settings that it does not name are those of ``best``. Raises
    ProposalError."""
    values = _first_object(text)
    changes: dict[str, Any] = {}
    for name, value in values.items():
        if name not in SPACE:
            continue
        allowed = tuple(contexts) if name == "context" else SPACE[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ProposalError(f"{name} is no number")
        if name in _RANGES:
            if not allowed[0] <= value <= allowed[1]:
                raise ProposalError(f"{name} {value:g} is not within {allowed[0]:g} to {allowed[1]:g}")
            changes[name] = float(value)
        elif value in allowed:
            changes[name] = int(value)
        else:
            raise ProposalError(f"{name} {value:g} is not one of {', '.join(f'{one:g}' for one in allowed)}")
    if not changes:
        raise ProposalError("no setting is named")
    candidate = replace(best, **changes)
    if candidate in tried:
        raise ProposalError("it was tried before")
    return candidate


def _first_object(text: str) -> Mapping[str, Any]:
    start = text.find("{")
    if start < 0:
        raise ProposalError("no JSON object")
    try:
        values, _ = json.JSONDecoder().raw_decode(text[start:])
    except (ValueError, RecursionError) as error:
        raise ProposalError("the JSON is broken") from error
    if not isinstance(values, dict):
        raise ProposalError("no JSON object")
    return values
