"""What a translation pack thinks of translations that it did not make: those of language models, of people.

The pack reads a translation as if it had written it (``Seq2SeqEngine.score``). One that says something else
is unlikely from word to word; what it leaves out stands in no link; and one that lost its "not" is likelier
as the translation of the sentence without it. A pack of the other direction reads them the other way round.
The limits were fitted by ``bench quality --fit --task doubt``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Protocol

from autogpt_desktop import paths
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.translate.checks import GUESSED, flags, longest_gap
from autogpt_desktop.tasks.translate.negation import without

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.generation.seq2seq import TextHypothesis

Cancelled = Callable[[], bool]
ASKED = ("unlike", "omitted", "negation")  # the flags that a pack decides


class Scorer(Protocol):
    """An encoder–decoder: see ``Seq2SeqEngine``."""

    def translates(self, source: str, target: str) -> bool: ...

    def score(
        self, pairs: Sequence[tuple[str, str]], source: str, target: str, *, cancelled: Cancelled = ...
    ) -> list[TextHypothesis | None]: ...


@dataclass(frozen=True, slots=True)
class Reading:
    """What a pack thinks of one translation. ``logprob``: mean of its tokens' natural logarithms of
    probability. ``gap``: the most words in a row of the sentence that stand in no link. ``lost``: how much
    likelier (in all) the translation is where one "not" is taken out of the side the pack reads, at most;
    ``added``: the same of the side that it writes. Below zero, or None: no "not" there."""

    logprob: float
    gap: int
    lost: float | None = None
    added: float | None = None


def flags_with(
    scorer: Scorer | None,
    pairs: Sequence[tuple[str, str]],
    source: str,
    target: str,
    glossary: Glossary | None = None,
    cancelled: Cancelled = lambda: False,
) -> list[tuple[str, ...]]:
    """What is wrong with translations, as ``checks.flags`` and the pack say; by the texts alone where there
    is no pack of the pair, or where it cannot read them."""
    made = readings(scorer, pairs, source, target, cancelled) if scorer else [None] * len(pairs)
    found = []
    for (text, translation), reading in zip(pairs, made, strict=True):
        said = flags(text, translation, source, target, glossary)
        found.append(said if reading is None else with_doubts(said, reading))
    return found


def flags_by(
    judge: Scorer | Engine,
    said: Sequence[Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    source: str,
    target: str,
    cancelled: Cancelled = lambda: False,
) -> Generator[Progress, None, list[tuple[str, ...]]]:
    """What is wrong with translations: what the texts alone ``said``, and what a pack or a language model
    thinks of them. Raises ``Cancelled``."""
    from autogpt_desktop.engine.generation.engine import Engine

    if isinstance(judge, Engine):
        from autogpt_desktop.tasks.translate.model_doubt import flags_by_model

        return (yield from flags_by_model(judge, said, pairs, source, target, cancelled))
    yield Progress("stage.scoring", 0, len(pairs))
    read = readings(judge, pairs, source, target, cancelled)
    return [
        tuple(flags) if reading is None else with_doubts(flags, reading)
        for flags, reading in zip(said, read, strict=True)
    ]


def with_doubts(said: Sequence[str], reading: Reading) -> tuple[str, ...]:
    """What the texts alone say, and what a reading says, which knows better where words were guessed by."""
    return tuple(dict.fromkeys((*doubts(reading), *(flag for flag in said if flag not in GUESSED))))


def doubts(reading: Reading, limits: Mapping[str, float] | None = None) -> tuple[str, ...]:
    """The flags of ASKED that a reading speaks for."""
    limits = fitted() if limits is None else limits
    unlike = reading.logprob < limits["logprob"]
    negation = (reading.lost is not None and reading.lost > limits["lost"]) or (
        reading.added is not None and reading.added > limits["added"]
    )
    said = {"unlike": unlike, "omitted": reading.gap >= limits["gap"], "negation": negation and not unlike}
    return tuple(flag for flag in ASKED if said[flag])


def readings(
    scorer: Scorer,
    pairs: Sequence[tuple[str, str]],
    source: str,
    target: str,
    cancelled: Cancelled = lambda: False,
) -> list[Reading | None]:
    """None: the pack cannot read it, or is made for neither direction. Raises ``Cancelled``."""
    forward = scorer.translates(source, target)
    if not forward and not scorer.translates(target, source):
        return [None] * len(pairs)
    languages = (source, target) if forward else (target, source)
    given = [pair if forward else pair[::-1] for pair in pairs]
    taken = [(without(one, languages[0]), without(other, languages[1])) for one, other in given]
    others = [
        (at, changed, read)
        for at, ((one, other), (ones, theirs)) in enumerate(zip(given, taken, strict=True))
        for changed, read in (
            # a "not" that both have is looked for from the side that is read alone
            [((less, other), True) for less in ones] or [((one, less), False) for less in theirs]
        )
    ]
    asked = [*given, *(changed for _, changed, _ in others)]
    scored = scorer.score(asked, *languages, cancelled=cancelled)
    gains: list[dict[bool, float]] = [{} for _ in given]
    for (at, _, read), less in zip(others, scored[len(given) :], strict=True):
        whole = scored[at]
        if whole is not None and less is not None:
            gain = sum(less.logprobs) - sum(whole.logprobs)
            gains[at][read] = max(gain, gains[at].get(read, gain))
    found: list[Reading | None] = []
    for (text, _), one, gained in zip(pairs, scored, gains, strict=False):
        if one is None:
            found.append(None)
            continue
        linked = [link[:2] if forward else link[2:] for link in one.links]
        gap = longest_gap(text, linked, source)
        found.append(Reading(one.logprob, gap, gained.get(True), gained.get(False)))
    return found


@cache
def fitted() -> dict[str, float]:
    """The limits that ship."""
    file = paths.resources() / "calibration" / "translate.json"
    found: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))["doubt"]
    return found
