"""What a model says of texts, before it is judged: windows of each text and their scores."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from autogpt_desktop.documents.text.languages import LETTERS, language_of
from autogpt_desktop.documents.text.scripts import count_letters
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.sentiment.calibration import Calibration, combined, sigmoid
from autogpt_desktop.tasks.sentiment.scorers import Constants, Score, Scorer

MOST_WINDOWS = 48  # of one text; of a longer one as many, evenly spread


MOST_CHARACTERS = 100_000  # of one text that are cut into sentences


_PLAIN = 0.9  # how much less a window counts that is surely neutral


_CUT = re.compile(r" (?=(?:n['’]t|['’](?:s|re|ve|ll|d|m))\b)|(?<=[($]) ")


_BEFORE = re.compile(r" (?=[,.;:!?%)](?: |$))")


EMPTY, LONG, LANGUAGE = "empty", "long", "language"


@dataclass(frozen=True, slots=True)
class Part:
    """What was measured of one window: enough to judge it again with other constants."""

    d: float  # log-odds, as the model gives them
    neutral: float  # P(neutral) of a head that has it, else -1
    tokens: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A text as a model sees it, before any calibration."""

    parts: tuple[Part, ...]
    flags: tuple[str, ...] = ()  # EMPTY, LONG (not all of it was read), LANGUAGE
    language: str = ""  # ISO 639-1, where it is one that the model does not know


@dataclass(frozen=True)
class CalibratedScorer:
    """A model that is ready, with the constants to judge by."""

    scorer: Scorer
    constants: Constants
    scale: Calibration  # of the constants, or as a user's corrections have moved it


def measure(
    calibrated: CalibratedScorer,
    texts: Sequence[str],
    cancelled: Callable[[], bool],
    done: int = 0,
    total: int = 0,
) -> Generator[Progress, None, list[Measured]]:
    """What the model says of each text; equal texts, and equal windows, are asked once.

    ``done`` and ``total`` count texts, for the Progress.
    """
    cut: list[list[str]] = []  # the windows of each text
    flags: list[list[str]] = []
    foreign: list[str] = []
    seen: dict[str, int] = {}
    same = [seen.setdefault(text, at) for at, text in enumerate(texts)]
    for at, text in enumerate(texts):
        plain, spans, long = windows(text if same[at] == at else "", calibrated.scorer)
        cut.append(pieces := [plain[start:end] for start, end in spans])
        foreign.append(unknown_language(text, calibrated.constants.languages) if pieces else "")
        named = ((EMPTY, not pieces), (LONG, long), (LANGUAGE, bool(foreign[-1])))
        flags.append([name for name, is_so in named if is_so])
    asked = list(dict.fromkeys(piece for pieces in cut for piece in pieces))
    found: dict[str, Score] = {}
    for step in calibrated.scorer.scores(asked, cancelled):
        if isinstance(step, Progress):
            yield Progress("stage.scoring", done + len(texts) * step.done // max(1, step.total), total)
        else:
            found[asked[step[0]]] = step[1]
    lengths = {
        piece: calibrated.scorer.tokens(piece) for pieces in cut if len(pieces) > 1 for piece in pieces
    }
    measured = [
        Measured(
            tuple(Part(*found[piece], lengths.get(piece, 1)) for piece in pieces), tuple(names), language
        )
        for pieces, names, language in zip(cut, flags, foreign, strict=True)
    ]
    return [measured[first] for first in same]


def judged(
    parts: Sequence[Part], scale: Calibration, two_way: bool
) -> tuple[float, tuple[float, float, float]]:
    """Log-odds d and the three probabilities of windows together."""
    if parts[0].neutral < 0:
        d = combined([(part.d, part.tokens) for part in parts], scale)
        return d, scale.probabilities(scale.z(d), two_way)
    # a head that knows neutral keeps its own, and plain windows count for little beside one with an
    # opinion; what is left is shared out by the log-odds
    shares = [scale.neutral_share(part.neutral) for part in parts]
    weights = [
        max(1, part.tokens) * (1.0 - _PLAIN * share) for part, share in zip(parts, shares, strict=True)
    ]
    first = parts[0].d  # taken off, so that one window's d stays what it is to the bit
    d = first + sum(w * (part.d - first) for w, part in zip(weights, parts, strict=True)) / sum(weights)
    mean = sum(weight * share for weight, share in zip(weights, shares, strict=True)) / sum(weights)
    neutral = 0.0 if two_way else mean
    positive = (1.0 - neutral) * sigmoid(scale.z(d))
    return d, (positive, neutral, 1.0 - neutral - positive)


def windows(text: str, scorer: Scorer) -> tuple[str, list[tuple[int, int]], bool]:
    """The text with tidy white space, the windows that are scored as (start, end) of it, and whether
    some of it is left out."""
    from autogpt_desktop.documents.text.sentences import sentences as cut

    plain, long = tidy(text[:MOST_CHARACTERS]), len(text) > MOST_CHARACTERS
    if not plain:
        return plain, [], long
    if len(plain.encode("utf-8", "replace")) <= scorer.window or scorer.tokens(plain) <= scorer.window:
        return plain, [(0, len(plain))], long
    held: list[tuple[int, int]] = []
    size = scorer.window + 1
    for sentence in cut(plain):
        for start, end in _chopped(plain, *sentence, scorer):
            tokens = scorer.tokens(plain[start:end]) + 1
            if size + tokens <= scorer.window:
                held[-1], size = (held[-1][0], end), size + tokens
            else:
                held.append((start, end))
                size = tokens
    if len(held) > MOST_WINDOWS:
        held = [held[at * (len(held) - 1) // (MOST_WINDOWS - 1)] for at in range(MOST_WINDOWS)]
        long = True
    return plain, held, long


def tidy(text: str) -> str:
    """Single white space, and none where tokenised English has some: "did n't", "well , yes ."

    Nothing else changes, so that places can be found again by counting other characters.
    """
    plain = " ".join(text.split())
    return _BEFORE.sub("", _CUT.sub("", plain)) if " " in plain else plain


def _chopped(text: str, start: int, end: int, scorer: Scorer) -> Iterator[tuple[int, int]]:
    """A sentence, in halves at white space (or anywhere) until each fits a window."""
    if end - start <= 8 * scorer.window and scorer.tokens(text[start:end]) <= scorer.window - 1:
        if text[start:end].strip():
            yield start, end
        return
    middle = (start + end) // 2
    space = text.rfind(" ", (start + middle) // 2, middle + 1)
    at = space + 1 if space > start else middle
    yield from _chopped(text, start, at, scorer)
    yield from _chopped(text, at, end, scorer)


def unknown_language(text: str, known: Sequence[str]) -> str:
    """The text's language if it is surely none of ``known``; "" too where nothing is known."""
    if not known or count_letters(text[:200]) < LETTERS:  # saves the work for short ones
        return ""
    found = language_of(text)
    return found.code if found.sure and found.code not in known else ""
