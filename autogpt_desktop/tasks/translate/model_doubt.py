"""What a language model thinks of translations, where no pack knows the pair: its own, those of people.

It reads each sentence behind the other, in both directions, as if it had translated it (the prompts are
those that it translates with), and behind no sentence at all. What one tells about the other is the
difference: pointwise mutual information. A translation of another sentence explains nothing; one that leaves
a part out does not explain that part; and one that lost its "not" is explained better by the sentence without
it. The limits were fitted by ``bench quality --fit --task doubt --model MODEL``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from autogpt_desktop import paths
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.prompts import LANGUAGES
from autogpt_desktop.tasks.translate.checks import GUESSED, relative_length
from autogpt_desktop.tasks.translate.negation import without
from autogpt_desktop.tasks.translate.prompts import SourceSentence, prompts

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine

_NOTHING = "…"  # in place of a sentence, where a text is read for itself
_VARIANTS = 2  # sentences without one of their "not"s that are compared
_LEAST = 12  # tokens of a sentence whose halves are looked at
_Question = tuple[bool, str, str]  # into the target's language?, what is given, what is read behind it


@dataclass(frozen=True, slots=True)
class ModelReading:
    """What a language model thinks of one translation.

    ``explained``: the share of what both would cost by themselves (in natural logarithms of probability)
    that each saves behind the other. ``half``: nats that a token saves in that half of the sentence which
    the translation explains less. ``length``: of the translation, by what is usual. ``lost``, ``added``:
    nats by which sentence and translation explain each other better where one "not" is taken out of the
    sentence, or of the translation; None: nothing to ask.
    """

    explained: float
    half: float
    length: float = 1.0
    lost: float | None = None
    added: float | None = None


def flags_by_model(
    engine: Engine,
    said: Sequence[Sequence[str]],
    pairs: Sequence[tuple[str, str]],
    source: str,
    target: str,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, list[tuple[str, ...]]]:
    """What the texts alone ``said``, and what the model thinks. Raises ``Cancelled``."""
    read = yield from model_readings(engine, pairs, source, target, cancelled)
    return [
        tuple(flags) if reading is None else with_model_doubts(flags, reading)
        for flags, reading in zip(said, read, strict=True)
    ]


def with_model_doubts(
    said: Sequence[str], reading: ModelReading, limits: Mapping[str, float] | None = None
) -> tuple[str, ...]:
    """The flags of the texts, in which those that words alone guess are doubted too."""
    limits = _fitted() if limits is None else limits
    unlike = reading.explained < limits["explained"]
    gain = max((one for one in (reading.lost, reading.added) if one is not None), default=None)
    limit = limits["negation beside words" if "negation" in said else "negation"]
    found = {
        "unlike": unlike,
        "omitted": not unlike and reading.half < limits["half"] and reading.length < limits["length"],
        "negation": "negation" in said if gain is None or unlike else gain > limit,
        "names": "names" in said,
    }
    others = [flag for flag in said if flag not in GUESSED]
    return tuple(dict.fromkeys((*(flag for flag in found if found[flag]), *others)))


def model_readings(
    engine: Engine,
    pairs: Sequence[tuple[str, str]],
    source: str,
    target: str,
    cancelled: Callable[[], bool] = lambda: False,
) -> Generator[Progress, None, list[ModelReading | None]]:
    """None where nothing is written, or the model has no examples of a language. Raises ``Cancelled``."""
    if not {source, target} <= set(LANGUAGES) or source == target:
        return [None] * len(pairs)
    asked: dict[_Question, None] = {}
    variants = [_variants(*pair, source, target) for pair in pairs]
    for (text, other), (texts, others) in zip(pairs, variants, strict=True):
        if text.strip() and other.strip():
            for one in (text, *texts):
                asked |= dict.fromkeys(_questions(one, other))
            for one in others:
                asked |= dict.fromkeys(_questions(text, one))
    found = yield from _read(engine, list(asked), source, target, cancelled)
    return [
        _reading(found, text, other, *more, relative_length(text, other, source, target))
        if text.strip() and other.strip()
        else None
        for (text, other), more in zip(pairs, variants, strict=True)
    ]


def _variants(text: str, other: str, source: str, target: str) -> tuple[list[str], list[str]]:
    """The sentence without a "not", and the translation, where one has more of them."""
    mine, theirs = without(text, source), without(other, target)
    if len(mine) == len(theirs):
        return [], []
    return mine[:_VARIANTS], theirs[:_VARIANTS]


def _questions(text: str, other: str) -> tuple[_Question, ...]:
    return (True, text, other), (True, _NOTHING, other), (False, other, text), (False, _NOTHING, text)


def _reading(
    found: Mapping[_Question, list[float]],
    text: str,
    other: str,
    texts: Sequence[str],
    others: Sequence[str],
    length: float,
) -> ModelReading:
    alone = [found[True, _NOTHING, other], found[False, _NOTHING, text]]
    both = [found[True, text, other], found[False, other, text]]
    cost = -sum(map(sum, alone))
    saved = [after - before for before, after in zip(alone[1], both[1], strict=True)]
    middle = len(saved) // 2
    halves = [saved[:middle], saved[middle:]] if len(saved) >= _LEAST else [saved]
    whole = _explained(found, text, other)
    lost = [
        sum(found[True, one, other]) - sum(both[0]) + _saved(found, False, other, one) - sum(saved)
        for one in texts
    ]
    added = [
        sum(found[False, one, text]) - sum(both[1]) + _saved(found, True, text, one)
        - _saved(found, True, text, other)
        for one in others
    ]  # fmt: skip
    return ModelReading(
        whole / cost if cost > 0 else 1.0,
        min(sum(half) / max(len(half), 1) for half in halves),
        length,
        max(lost, default=None),
        max(added, default=None),
    )


def _explained(found: Mapping[_Question, list[float]], text: str, other: str) -> float:
    return _saved(found, True, text, other) + _saved(found, False, other, text)


def _saved(found: Mapping[_Question, list[float]], forward: bool, given: str, read: str) -> float:
    return sum(found[forward, given, read]) - sum(found[forward, _NOTHING, read])


def _read(
    engine: Engine, asked: Sequence[_Question], source: str, target: str, cancelled: Callable[[], bool]
) -> Generator[Progress, None, dict[_Question, list[float]]]:
    """The natural logarithms of probability of the tokens that each question reads."""
    from autogpt_desktop.engine.generation.forced import forced_logprobs

    found: dict[_Question, list[float]] = {}
    for forward in (True, False):
        some = [one for one in asked if one[0] == forward]
        if not some:
            continue
        codes = (source, target) if forward else (target, source)
        made = prompts(engine, [SourceSentence(given, codes[0]) for _, given, _ in some], codes[1])
        state = yield from engine.prefix_state(made.prefix, "translate", cancelled=cancelled)
        pairs = [
            (line, _ids(engine, made.lead + read))
            for line, (_, _, read) in zip(made.lines, some, strict=True)
        ]
        logprobs = yield from forced_logprobs(engine, pairs, prefix=state, cancelled=cancelled)
        found |= zip(some, logprobs, strict=True)
    return found


def _ids(engine: Engine, text: str) -> list[int]:
    """Its ids as they are in the middle of a text."""
    encode = engine.tokenizer.encode
    line, whole = encode("\n", add_special=False), encode("\n" + text, add_special=False)
    return whole[len(line) :] if whole[: len(line)] == line else encode(text, add_special=False)


@cache
def _fitted() -> dict[str, float]:
    """The limits that ship."""
    file = paths.resources() / "calibration" / "translate.json"
    found: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))["doubt model"]
    return found
