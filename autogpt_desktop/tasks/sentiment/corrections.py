"""What a user said of texts moves the calibration: those that a model has not met are scored first."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from functools import lru_cache
from typing import Protocol

from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.sentiment.calibration import Calibration, refit
from autogpt_desktop.tasks.sentiment.measure import CalibratedScorer, judged, measure
from autogpt_desktop.tasks.sentiment.scorers import Constants, Scorer

NEUTRAL = "/neutral"


class Correction(Protocol):
    """One text and what a user calls it. ``scores``: log-odds d by model (``Scorer.key``), and P(neutral)
    by key + NEUTRAL of a model that gives it."""

    @property
    def text(self) -> str: ...

    @property
    def label(self) -> str: ...

    @property
    def scores(self) -> dict[str, float]: ...


class Corrections(Protocol):
    """All of them, and where they are kept: ``storage.corrections``."""

    @property
    def all(self) -> Sequence[Correction]: ...

    @property
    def moves(self) -> bool:
        """Whether there is enough to adjust by: something positive and something negative."""

    def save(self) -> None:
        """Keep the scores that were put there."""


def adjusted(
    corrections: Corrections, scorer: Scorer, scale: Calibration, cancelled: Callable[[], bool]
) -> Generator[Progress, None, Calibration]:
    """``scale``, moved by the corrections (``calibration.refit``). Texts that this model has not met are
    scored first. Raises what ``Corrections.save`` does."""
    if not corrections.moves:
        return scale
    every = list(corrections.all)
    needed = {scorer.key, scorer.key + NEUTRAL} if scorer.knows_neutral else {scorer.key}
    new = [one for one in every if not needed <= one.scores.keys()]
    if new:
        calibrated = CalibratedScorer(scorer, Constants(scale, ()), scale)
        measured = yield from measure(calibrated, [one.text for one in new], cancelled, 0, len(new))
        for one, found in zip(new, measured, strict=True):
            d, shares = judged(found.parts, scale, False) if found.parts else (0.0, (0.25, 0.5, 0.25))
            one.scores[scorer.key] = d
            if scorer.knows_neutral:
                one.scores[scorer.key + NEUTRAL] = shares[1]
        corrections.save()
    scores = tuple(one.scores[scorer.key] for one in every)
    neutral = tuple(one.scores[scorer.key + NEUTRAL] for one in every) if scorer.knows_neutral else ()
    return _refitted(scale, scores, tuple(one.label for one in every), neutral)


@lru_cache(maxsize=8)  # it is asked for with every text that is typed
def _refitted(
    scale: Calibration, scores: tuple[float, ...], labels: tuple[str, ...], neutral: tuple[float, ...]
) -> Calibration:
    return refit(scale, scores, labels, neutral)
