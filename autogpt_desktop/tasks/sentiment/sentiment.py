"""Sentiment: texts in, calibrated probabilities of positive, neutral and negative out.

A text is scored whole where it fits one window, else window by window on sentences' borders, and the
windows are combined (``calibration.combined``). How a model is asked is in ``scorers``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final

from autogpt_desktop.documents.text.scripts import HAN, KANA
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.sentiment.calibration import Calibration, label_of
from autogpt_desktop.tasks.sentiment.corrections import Corrections, adjusted
from autogpt_desktop.tasks.sentiment.measure import (
    MOST_CHARACTERS,
    CalibratedScorer,
    Measured,
    Part,
    judged,
    measure,
    windows,
)
from autogpt_desktop.tasks.sentiment.probe_scorer import make_scorer
from autogpt_desktop.tasks.sentiment.scorers import Score

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

ROLE: Final = "sentiment"
CHUNK = 64  # texts between two results: enough for full passes, soon enough to be seen
MOST_SENTENCES = 400  # of one text that get a score of their own
MOST_WORDS = 160  # left out one by one to explain a text
_WORD = re.compile(rf"[{HAN}{KANA}]{{1,2}}|[^\W{HAN}{KANA}]+(?:['’-][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class SentenceScore:
    """One sentence of a text: its characters and probabilities."""

    start: int
    end: int
    positive: float
    neutral: float
    negative: float


@dataclass(frozen=True, slots=True)
class Scored:
    """A text's sentiment. The three probabilities sum to one; of an empty text all are 0."""

    index: int
    label: str  # "positive", "neutral", "negative"; "" for an empty text
    positive: float
    neutral: float
    negative: float
    sentences: tuple[SentenceScore, ...] = ()
    flags: tuple[str, ...] = ()
    language: str = ""
    d: float = 0.0  # log-odds before calibration

    @property
    def shares(self) -> tuple[float, ...]:
        """The probabilities in the order of the labels."""
        return self.positive, self.neutral, self.negative


@dataclass(frozen=True, slots=True)
class WordWeight:
    """A word and what it carries: how much the calibrated log-odds fall when it is left out."""

    start: int
    end: int
    weight: float


@dataclass(frozen=True, slots=True)
class Explained:
    """One text with the weight of its words; of a long text those of the windows that decided most."""

    scored: Scored
    words: tuple[WordWeight, ...]


def sentiment(
    models: Models,
    texts: Iterable[str],
    *,
    two_way: bool = False,
    sentences: bool = False,
    corrections: Corrections | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Scored]:
    """Score texts, in order, as they come; ``texts`` is read in chunks and never held as a whole.

    ``models`` hands out engines (``get("sentiment")``). ``two_way`` leaves neutral out. ``sentences``
    scores each sentence of a text too. ``corrections`` adjust the calibration. Raises ``Cancelled``,
    KnownError: sentiment-head, sentiment-model, prompt-too-long, and whatever loading can raise.
    """
    calibrated = yield from ready(models, corrections, cancelled)
    total = len(texts) if isinstance(texts, Sized) else 0
    waiting, done = iter(texts), 0
    while chunk := list(islice(waiting, CHUNK)):
        measured = yield from measure(calibrated, chunk, cancelled, done, total)
        inside: list[tuple[SentenceScore, ...]] = [()] * len(chunk)
        if sentences:
            inside = yield from _sentences(calibrated, chunk, measured, two_way, cancelled)
        for at, one in enumerate(measured):
            yield scored(done + at, one, calibrated.scale, two_way, inside[at])
        done += len(chunk)
        yield Progress("stage.scoring", done, total)


def ready(
    models: Models, corrections: Corrections | None, cancelled: Callable[[], bool]
) -> Generator[Progress | Notice, None, CalibratedScorer]:
    """The role's model, its prefix and its constants."""
    engine = yield from models.get(ROLE)
    scorer = yield from make_scorer(engine, cancelled)
    constants = yield from scorer.scale(cancelled)
    scale = constants.scale
    if corrections is not None:
        scale = yield from adjusted(corrections, scorer, scale, cancelled)
    return CalibratedScorer(scorer, constants, scale)


def scored(
    index: int,
    measured: Measured,
    scale: Calibration,
    two_way: bool = False,
    sentences: tuple[SentenceScore, ...] = (),
) -> Scored:
    """The verdict on what was measured, with the constants of ``scale``."""
    if not measured.parts:
        return Scored(index, "", 0.0, 0.0, 0.0, (), measured.flags)
    d, shares = judged(measured.parts, scale, two_way)
    return Scored(index, label_of(shares), *shares, sentences, measured.flags, measured.language, d)


def _sentences(
    calibrated: CalibratedScorer,
    texts: Sequence[str],
    measured: Sequence[Measured],
    two_way: bool,
    cancelled: Callable[[], bool],
) -> Generator[Progress, None, list[tuple[SentenceScore, ...]]]:
    """Each text's sentences with their own probabilities; a text of one sentence is not asked again."""
    from autogpt_desktop.documents.text.sentences import sentences as cut

    spans = [
        cut(text[:MOST_CHARACTERS])[:MOST_SENTENCES] if whole.parts else []
        for text, whole in zip(texts, measured, strict=True)
    ]
    asked = list(
        dict.fromkeys(
            text[start:end]
            for text, cuts in zip(texts, spans, strict=True)
            if len(cuts) > 1
            for start, end in cuts
        )
    )
    found: dict[str, Measured] = {}
    for at in range(0, len(asked), CHUNK):
        some = asked[at : at + CHUNK]
        found |= dict(zip(some, (yield from measure(calibrated, some, cancelled)), strict=True))
    result = []
    for text, cuts, whole in zip(texts, spans, measured, strict=True):
        scores = []
        for start, end in cuts:
            one = found[text[start:end]] if len(cuts) > 1 else whole
            if one.parts:
                scores.append(SentenceScore(start, end, *judged(one.parts, calibrated.scale, two_way)[1]))
        result.append(tuple(scores))
    return result


def explain(
    models: Models,
    text: str,
    *,
    two_way: bool = False,
    corrections: Corrections | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Explained]:
    """The words that carried the decision: each is left out once, and what changes is its weight
    (occlusion: Zeiler and Fergus 2014; Li, Monroe and Jurafsky 2016). Raises as ``sentiment`` does."""
    calibrated = yield from ready(models, corrections, cancelled)
    whole = (yield from measure(calibrated, [text], cancelled))[0]
    yield from _explained(calibrated, text, whole, two_way, cancelled)


def look(
    models: Models,
    text: str,
    *,
    words: bool = True,
    two_way: bool = False,
    corrections: Corrections | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Progress | Notice | Scored | Explained]:
    """``sentiment`` of one text with its sentences, and then, with ``words``, what ``explain`` says of it:
    the text is read once for both."""
    calibrated = yield from ready(models, corrections, cancelled)
    measured = yield from measure(calibrated, [text], cancelled)
    inside = yield from _sentences(calibrated, [text], measured, two_way, cancelled)
    yield scored(0, measured[0], calibrated.scale, two_way, inside[0])
    if words:
        yield from _explained(calibrated, text, measured[0], two_way, cancelled)


def _explained(
    calibrated: CalibratedScorer, text: str, whole: Measured, two_way: bool, cancelled: Callable[[], bool]
) -> Iterator[Progress | Explained]:
    """The weights of the words of a text that was measured as a ``whole``."""
    plain, spans, _ = windows(text, calibrated.scorer)
    places = [at for at, character in enumerate(text) if not character.isspace()]
    chosen: list[tuple[int, int, int]] = []  # window, and a word's start and end in ``plain``
    for at in sorted(range(len(spans)), key=lambda at: -abs(calibrated.scale.z(whole.parts[at].d))):
        words = [match.span() for match in _WORD.finditer(plain, *spans[at])]
        chosen += [(at, *word) for word in words[: MOST_WORDS - len(chosen)]]
    without = [plain[spans[at][0] : start] + plain[end : spans[at][1]] for at, start, end in chosen]
    changed: dict[int, Score] = {}
    for step in calibrated.scorer.scores(without, cancelled):
        if isinstance(step, Progress):
            yield step
        else:
            changed[step[0]] = step[1]

    def z(parts: Sequence[Part]) -> float:
        return calibrated.scale.z(judged(parts, calibrated.scale, two_way)[0]) if parts else 0.0

    complete = z(whole.parts)
    weights = []
    for number, (at, start, end) in enumerate(chosen):
        instead = list(whole.parts)
        instead[at] = Part(*changed[number], instead[at].tokens)
        first = places[start - plain.count(" ", 0, start)]  # white space is what the two differ in
        weights.append(WordWeight(first, first + end - start, complete - z(instead)))
    weights.sort(key=lambda word: word.start)
    yield Explained(scored(0, whole, calibrated.scale, two_way), tuple(weights))
