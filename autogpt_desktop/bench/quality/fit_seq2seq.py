"""How good translation packs are and how sure they may be: sentences of FLORES dev. How far
they are from what is so is told of the second half, by weights fitted to the first."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.bench.quality.fit_translate import error, fit, write
from autogpt_desktop.documents.text.glossary import Glossary
from autogpt_desktop.engine.generation.seq2seq import Sentence, Seq2SeqEngine
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.translate.confidence import SEQ2SEQ, confidence, probability, signals
from autogpt_desktop.tasks.translate.prompts import SourceSentence, judged

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

COMMAND = "autogpt-desktop bench quality --task translate --fit --model firefox-en-pt --data DIR"
PAIRS = (("en", "pt"), ("pt", "en"))  # their packs: firefox-en-pt, firefox-pt-en
USABLE = 50.0  # chrF from which a sentence of a pack counts as of use
_FOLDS = 5


def fit_seq2seq(models: Models, data_dir: Path) -> dict[str, Any]:
    """Fit to the sentences of PAIRS, write the weights, and return them with the expected calibration error
    of each pair's second half where only the first was fitted to. Raises KnownError("bench-data")."""
    rows: list[dict[str, float]] = []
    useful: list[bool] = []
    engines: list[Seq2SeqEngine] = []
    for source, target in PAIRS:
        engine: Any = run_to_end(models.get(f"firefox-{source}-{target}"))
        engines.append(engine)
        found = _read(engine, data_dir, source, target, "first")
        rows, useful = rows + found.rows, useful + found.useful
    half = fit(rows, useful)
    figures: dict[str, Any] = {}
    for engine, (source, target) in zip(engines, PAIRS, strict=True):
        held = _read(engine, data_dir, source, target, "second")
        sure = [probability(half, row) for row in held.rows]
        figures[f"{source}-{target} held-out ECE"] = error(sure, held.useful)
        rows, useful = rows + held.rows, useful + held.useful
    figures["cross-validated ECE"] = cross_validated(rows, useful)
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


def measure_seq2seq(engine: Seq2SeqEngine, data_dir: Path, limit: int = 0) -> dict[str, Any]:
    """For each pair of the model that there are sentences for, of the second half of them: chrF and BLEU, the
    share that is flagged, the share of use and how far the confidence is from it.
    Raises KnownError("bench-data") where there are none for any."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    known = sorted(path.stem for path in (data_dir / "flores-dev").glob("*.txt"))
    pairs = [(a, b) for a in known for b in known if engine.translates(a, b)]
    if not pairs:
        raise KnownError("bench-data", folder=str(data_dir / "flores-dev"))
    found: dict[str, Any] = {}
    for source, target in pairs:
        held = _read(engine, data_dir, source, target, "second", limit)
        sure = [confidence(row, SEQ2SEQ) for row in held.rows]
        tokens = {"zh": "zh", "ja": "char", "ko": "char"}.get(target, "13a")
        found[f"{source}-{target}"] = {
            "sentences": len(held.made),
            "seconds": held.seconds,
            "chrF2": CHRF().corpus_score(held.made, [held.references]).score,
            "BLEU": BLEU(tokenize=tokens).corpus_score(held.made, [held.references]).score,
            "flagged": sum(map(bool, held.flags)) / len(held.made),
            "usable": sum(held.useful) / len(held.useful),
            "confidence": sum(sure) / len(sure),
            "confidence_ece": error(sure, held.useful),
        }
    return found


@dataclass(slots=True)
class _Half:
    """Sentences with what became of them."""

    made: list[str]
    references: list[str]
    flags: list[tuple[str, ...]]
    rows: list[dict[str, float]]
    useful: list[bool]
    seconds: float


def _read(
    engine: Seq2SeqEngine, data_dir: Path, source: str, target: str, half: str, limit: int = 0
) -> _Half:
    from sacrebleu.metrics.chrf import CHRF

    texts, references = halves(data_dir, source, target, half, limit)
    metric, started = CHRF(), time.perf_counter()
    found = _Half([], references, [], [], [], 0.0)
    made = engine.translate([Sentence(text) for text in texts], source, target)
    found.seconds = time.perf_counter() - started
    for text, reference, (one,) in zip(texts, references, made, strict=True):
        chosen = judged(SourceSentence(text, source), one.text, one.logprobs, target, Glossary())
        found.made.append(chosen.text)
        found.flags.append(chosen.flags)
        found.rows.append(signals(text, chosen.text, source, target, chosen.logprob, chosen.flags))
        found.useful.append(bool(metric.sentence_score(chosen.text, [reference]).score >= USABLE))
    return found


def halves(
    data_dir: Path, source: str, target: str, half: str = "", limit: int = 0
) -> tuple[list[str], list[str]]:
    """Sentences of FLORES dev and their translations: the "first" half, the "second", or "" for all.
    Raises KnownError("bench-data")."""
    found = []
    for code in (source, target):
        path = data_dir / "flores-dev" / f"{code}.txt"
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except OSError as problem:
            raise KnownError("bench-data", folder=str(path.parent)) from problem
        middle = len(lines) // 2
        lines = lines[:middle] if half == "first" else lines[middle:] if half == "second" else lines
        found.append(lines[: limit or len(lines)])
    return found[0], found[1]
