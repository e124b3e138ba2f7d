"""What a run over a list or a table asks of a model, whatever its labels are."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from autogpt_desktop.documents.run_results import Numbers
from autogpt_desktop.events import Notice, Progress
from autogpt_desktop.tasks.sentiment.calibration import Calibration
from autogpt_desktop.tasks.sentiment.corrections import Corrections
from autogpt_desktop.tasks.sentiment.groups import LABELS
from autogpt_desktop.tasks.sentiment.measure import CalibratedScorer, Measured, measure
from autogpt_desktop.tasks.sentiment.own_labels import Labeled
from autogpt_desktop.tasks.sentiment.run_store import packed, unpacked
from autogpt_desktop.tasks.sentiment.scorers import Scorer
from autogpt_desktop.tasks.sentiment.sentiment import Scored, ready, scored

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

Verdict = (
    Scored | Labeled
)  # what became of one text: ``index``, ``label``, ``shares``, ``flags``, ``language``


class Judge(Protocol):
    """A model that is ready, and how what it says of a text becomes a verdict.

    What is measured of a text is kept; ``verdict`` is made of it without the model.
    """

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def key(self) -> tuple[str, ...]:
        """What stored results hold for."""

    def measure(
        self, texts: Sequence[str], cancelled: Callable[[], bool], done: int = 0, total: int = 0
    ) -> Generator[Progress, None, list[Any]]:
        """Raises ``Cancelled``. ``done`` and ``total`` count texts, for the Progress."""

    def verdict(self, index: int, measured: Any, two_way: bool) -> Verdict: ...

    def packed(self, measured: Any) -> tuple[Numbers, str]:
        """As numbers and a note, for a store."""

    def unpacked(self, numbers: Numbers, note: str) -> Any: ...

    def columns(self, two_way: bool) -> list[str]:
        """The names of what an export has behind a table's own columns."""

    def cells(self, verdict: Any, two_way: bool, own: str | None) -> list[Any]:
        """One row of them. ``own``: the label that a user gave."""

    def rest(self) -> None:
        """Nothing is asked for now: let go of what only makes it quicker."""


MakeJudge = Callable[
    ["Models", Corrections | None, Callable[[], bool]], Generator[Progress | Notice, None, Judge]
]


@dataclass(frozen=True)
class SentimentJudge:
    """Positive, neutral and negative, with the constants to judge by."""

    calibrated: CalibratedScorer

    @property
    def scorer(self) -> Scorer:
        return self.calibrated.scorer

    @property
    def scale(self) -> Calibration:
        return self.calibrated.scale

    @property
    def labels(self) -> tuple[str, ...]:
        return LABELS

    @property
    def key(self) -> tuple[str, ...]:
        return self.scorer.key, str(self.scorer.window)

    def measure(
        self, texts: Sequence[str], cancelled: Callable[[], bool], done: int = 0, total: int = 0
    ) -> Generator[Progress, None, list[Measured]]:
        return (yield from measure(self.calibrated, texts, cancelled, done, total))

    def verdict(self, index: int, measured: Measured, two_way: bool) -> Scored:
        return scored(index, measured, self.scale, two_way)

    def packed(self, measured: Measured) -> tuple[Numbers, str]:
        return packed(measured)

    def unpacked(self, numbers: Numbers, note: str) -> Measured:
        return unpacked(numbers, note)

    def columns(self, two_way: bool) -> list[str]:
        return ["sentiment", "positive", *([] if two_way else ["neutral"]), "negative", "flags"]

    def cells(self, verdict: Scored, two_way: bool, own: str | None) -> list[Any]:
        """Label, shares and flags; of a label that a user gave "corrected" stands among the flags."""
        shares = [verdict.positive, *([] if two_way else [verdict.neutral]), verdict.negative]
        cells: list[Any] = [round(share, 4) for share in shares] if verdict.label else [""] * len(shares)
        corrected = () if own is None else ("corrected",)
        flags = " ".join((*verdict.flags, *corrected, verdict.language)).strip()
        return [verdict.label if own is None else own, *cells, flags]

    def rest(self) -> None:
        self.scorer.rest()


def sentiment_judge(
    models: Models, corrections: Corrections | None, cancelled: Callable[[], bool]
) -> Generator[Progress | Notice, None, Judge]:
    """The model that plays the role, as ``sentiment.ready`` has it."""
    return SentimentJudge((yield from ready(models, corrections, cancelled)))
