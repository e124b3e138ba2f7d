"""How sure translation packs may be: fitted on FLORES dev, and checked on sentences that were left out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.bench.quality.fit_translate import error, fit, write
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.engine.generation.seq2seq import Sentence
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.tasks.translate.confidence import SEQ2SEQ, probability, signals
from autogpt_desktop.tasks.translate.prompts import SourceSentence, judged

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

COMMAND = "autogpt-desktop bench quality --task translate --fit --model firefox-en-pt"
PAIRS = (("en", "pt"), ("pt", "en"))  # their packs: firefox-en-pt, firefox-pt-en
USABLE = 50.0  # chrF from which a sentence of a pack counts as of use
_FOLDS = 5


def fit_seq2seq(models: Models, data_dir: Path) -> dict[str, Any]:
    """Fit to all sentences of PAIRS, write the weights, and return them with the error of each pair."""
    rows: list[dict[str, float]] = []
    useful: list[bool] = []
    figures: dict[str, Any] = {}
    for source, target in PAIRS:
        found, good = _pair(models, data_dir, source, target)
        figures[f"{source}-{target} cross-validated ECE"] = cross_validated(found, good)
        rows, useful = rows + found, useful + good
    weights = fit(rows, useful)
    write({SEQ2SEQ: weights}, f"{len(rows)} sentences of FLORES dev, {len(PAIRS)} packs: {COMMAND}")
    return figures | weights


def cross_validated(rows: Sequence[Mapping[str, float]], useful: Sequence[bool], seed: int = 0) -> float:
    """The expected calibration error on sentences that the fit did not see."""
    order = random.Random(seed).sample(range(len(rows)), len(rows))
    sure = [0.0] * len(rows)
    for fold in range(_FOLDS):
        others = [at for place, at in enumerate(order) if place % _FOLDS != fold]
        weights = fit([rows[at] for at in others], [useful[at] for at in others])
        for at in order[fold::_FOLDS]:
            sure[at] = probability(weights, rows[at])
    return error(sure, useful)


def _pair(
    models: Models, data_dir: Path, source: str, target: str
) -> tuple[list[dict[str, float]], list[bool]]:
    from sacrebleu.metrics.chrf import CHRF

    engine: Any = run_to_end(models.get(f"firefox-{source}-{target}"))
    texts, references = (
        (data_dir / "flores-dev" / f"{code}.txt").read_text(encoding="utf-8").splitlines()
        for code in (source, target)
    )
    metric, rows, useful = CHRF(), [], []
    made = engine.translate([Sentence(text) for text in texts], source, target)
    for text, reference, (one,) in zip(texts, references, made, strict=True):
        chosen = judged(SourceSentence(text, source), one.text, one.logprobs, target, Glossary())
        rows.append(signals(text, chosen.text, source, target, chosen.logprob, chosen.flags))
        useful.append(bool(metric.sentence_score(chosen.text, [reference]).score >= USABLE))
    return rows, useful
