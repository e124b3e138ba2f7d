"""Small heads on a model that is asked for a sentiment: how positive a text is, and how neutral.

Both are linear in what some layers make of the prompt's last tokens (Alain and Bengio 2016), and hold for
one model with one prompt. A model of the same shape with other weights must first give the right answers to
some sentences of ours; else it is asked for the words alone, as any other model is.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
from array import array
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from autogpt_desktop import paths
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.sentiment.calibration import Calibration, sigmoid
from autogpt_desktop.tasks.sentiment.scorers import (
    ClassifierScorer,
    Constants,
    PromptScorer,
    Score,
    Scorer,
    constants,
)

TRIED = 4  # of our sentences for each label, that a model must get right
_trusted: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()  # by decoder


@dataclass(frozen=True, slots=True)
class Own:
    """A sentence written for this app, for fitting."""

    language: str  # ISO 639-1
    label: str  # "positive", "neutral", "negative"
    text: str


@dataclass(frozen=True, slots=True)
class Heads:
    """What ships for one model: log-odds = weights · x + bias; x: the means of the prompt's last ``tokens``
    as ``layers`` (from 1) leave them, one behind the other."""

    layers: tuple[int, ...]
    tokens: int
    weights: tuple[tuple[float, ...], tuple[float, ...]]  # positive rather than negative; neutral
    bias: tuple[float, float]
    version: str  # changes with every number


def heads_file() -> Path:
    return paths.resources() / "calibration" / "sentiment-heads.json"


@cache
def own_sentences() -> tuple[Own, ...]:
    """What the heads and the neutral band are fitted on beside public data. No model is shown them."""
    file = paths.resources() / "calibration" / "sentiment-sentences.tsv"
    rows = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[1:])
    return tuple(Own(language, label, text) for language, label, text in rows)


def packed(numbers: Sequence[float]) -> str:
    """Numbers as base64 of little-endian float32."""
    return base64.b64encode(_ordered(array("f", numbers)).tobytes()).decode()


def unpacked(text: str) -> tuple[float, ...]:
    numbers = array("f")
    numbers.frombytes(base64.b64decode(text))
    return tuple(_ordered(numbers))


def _ordered(numbers: array[float]) -> array[float]:
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def heads(key: str) -> Heads | None:
    """The shipped heads for a scorer's ``key``; None where there are none for this model and prompt."""
    file = heads_file()
    found = json.loads(file.read_text(encoding="utf-8")).get(key) if os.path.isfile(file) else None
    if found is None:
        return None
    weights = unpacked(found["positive"]), unpacked(found["neutral"])
    seen = json.dumps([found[name] for name in ("layers", "tokens", "positive", "neutral", "bias")])
    version = hashlib.sha256(seen.encode()).hexdigest()[:12]
    bias = found["bias"][0], found["bias"][1]
    return Heads(tuple(found["layers"]), int(found["tokens"]), weights, bias, version)


def with_probes(
    scorer: PromptScorer, cancelled: Callable[[], bool]
) -> Generator[Progress, None, PromptScorer]:
    """``scorer`` with the heads that ship for it, if they suit the model; else as it is."""
    found = heads(scorer.key)
    if found is None:
        return scorer
    made = ProbeScorer(scorer, found)
    decoder = scorer.engine.decoder
    if decoder not in _trusted:
        _trusted[decoder] = yield from _suits(made, cancelled)
    return made if _trusted[decoder] else scorer


def _suits(scorer: ProbeScorer, cancelled: Callable[[], bool]) -> Generator[Progress, None, bool]:
    tried: list[Own] = []
    for label in ("positive", "neutral", "negative"):
        tried += [one for one in own_sentences() if (one.language, one.label) == ("en", label)][:TRIED]
    right = 0
    for step in scorer.scores([one.text for one in tried], cancelled):
        if isinstance(step, Progress):
            yield step
            continue
        index, (d, neutral) = step
        said = "neutral" if neutral > 0.5 else "positive" if d > 0 else "negative"
        right += said == tried[index].label
    return right == len(tried)


class ProbeScorer(PromptScorer):
    """A language model with two heads in the place of its own."""

    knows_neutral = True

    def __init__(self, scorer: PromptScorer, found: Heads) -> None:
        from autogpt_desktop.engine.generation.probe import probe

        self.__dict__ |= scorer.__dict__
        self.plain_key = scorer.key
        self.key = f"{scorer.key}-{found.version}"
        self.copies: list[Any] = []  # of the prefix's state
        self.probe = probe(found.layers, found.tokens, found.weights, found.bias)

    def scores(
        self, texts: Sequence[str], cancelled: Callable[[], bool]
    ) -> Iterator[Progress | tuple[int, Score]]:
        from autogpt_desktop.engine.generation.batch import BATCH
        from autogpt_desktop.engine.generation.probe import probe_logits

        for group, state in self.prompts(texts):
            prompts = [ids for _, ids in group]
            batch = self.batch or BATCH
            states = self.copies if state is not None else None
            for step in probe_logits(
                self.engine,
                prompts,
                self.probe,
                prefix=state,
                batch=batch,
                states=states,
                cancelled=cancelled,
            ):
                if isinstance(step, Progress):
                    yield step
                else:
                    d, neutral = step[1].tolist()
                    yield group[step[0]][0], (d, sigmoid(neutral))

    def rest(self) -> None:
        self.copies.clear()

    def scale(self, cancelled: Callable[[], bool]) -> Generator[Progress, None, Constants]:
        """The heads are calibrated as they are."""
        yield from ()
        shipped = constants(self.plain_key)
        return Constants(Calibration(), shipped.languages if shipped else tuple(self.engine.config.languages))


def make_scorer(engine: Any, cancelled: Callable[[], bool]) -> Generator[Progress, None, Scorer]:
    """The way to ask ``engine``, with its prefix computed. Raises KnownError("sentiment-head")."""
    if hasattr(engine, "classify"):
        return ClassifierScorer(engine)
    made = PromptScorer(engine)
    yield from made.prepare(cancelled)
    return (yield from with_probes(made, cancelled))
