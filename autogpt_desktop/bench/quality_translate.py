"""How good translations are: sentences of FLORES against their references, beside plain three-shot.

The baseline is what anybody would try first: three examples, the likeliest token, up to the line's end,
nothing checked. Its template and examples are ``PLAIN`` rows of ``resources/prompts/translate.toml`` as
``prompts.translation_prefix`` writes them. Everything is scored by sacrebleu, and compared by paired
bootstrap (Koehn 2004).
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop.engine.batch import Continuation, generate
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.prompts import TRANSLATION_ENDS, translation_line, translation_prefix
from autogpt_desktop.tasks.translate import QUALITIES, Translation, translate_many

PAIRS = (("en", "fr"), ("fr", "en"), ("en", "es"), ("en", "de"), ("en", "zh"), ("zh", "en"))
PLAIN = (5, 6, 7)  # examples of the baseline: the best of those tried on 32 sentences of en → fr
SENTENCES = 200
_RESAMPLES = 1000


def measure_translate(models: Any, data_dir: Path, limit: int = 0, seed: int = 0) -> dict[str, Any]:
    """For each pair: chrF and BLEU of the baseline and of every quality, p of the difference in chrF, the
    share of sentences that are flagged, and how many bad ones are not. Raises KnownError("bench-data")."""
    engine = run_to_end(models.get("translate"))
    return {
        f"{source}-{target}": _pair(engine, models, data_dir, source, target, limit or SENTENCES, seed)
        for source, target in PAIRS
    }


def _pair(
    engine: Any, models: Any, data_dir: Path, source: str, target: str, limit: int, seed: int
) -> dict[str, Any]:
    texts, references = (_lines(data_dir, language) for language in (source, target))
    chosen = sorted(random.Random(seed).sample(range(len(texts)), min(limit, len(texts))))
    texts, references = [texts[at] for at in chosen], [references[at] for at in chosen]
    plain, seconds = _timed(lambda: three_shot(engine, texts, source, target))
    made: dict[str, list[str]] = {"three-shot": plain}
    figures: dict[str, Any] = {"sentences": len(texts), "three-shot": {"seconds": seconds}}
    usual = sum(map(len, references)) / sum(map(len, texts))
    for quality in QUALITIES:
        events, seconds = _timed(
            lambda quality=quality: list(translate_many(models, texts, source, target, quality=quality))
        )
        found = [event for event in events if isinstance(event, Translation)]
        made[quality] = [translation.text for translation in found]
        wrong = [is_bad(a, b.text, usual, target) for a, b in zip(texts, found, strict=True)]
        figures[quality] = {
            "seconds": seconds,
            "flagged": sum(bool(item.flags) for item in found) / len(found),
            "bad": sum(wrong),
            "bad_unmarked": sum(bad and not item.flags for bad, item in zip(wrong, found, strict=True)),
            "confidence_chrf": _agreement([item.confidence for item in found], made[quality], references),
        }
        print(f"{source}-{target} {quality} {seconds:.0f} s", file=sys.stderr, flush=True)
    figures["three-shot"]["bad"] = sum(
        is_bad(text, other, usual, target) for text, other in zip(texts, plain, strict=True)
    )
    for name, values in scores(made, references, target).items():
        figures[name] |= values
    return figures


def three_shot(engine: Any, texts: Sequence[str], source: str, target: str) -> list[str]:
    """The baseline's translations."""
    encode = engine.tokenizer.encode
    prefix = encode(translation_prefix(source, target, PLAIN), add_special=True)
    state = run_to_end(engine.prefix_state(prefix, "bench", save=False))
    prompts = [encode(translation_line(source, target, text), add_special=False) for text in texts]
    limits = [16 + 3 * len(prompt) for prompt in prompts]
    made = [""] * len(texts)
    for step in generate(engine, prompts, prefix=state, max_tokens=limits, stop=(TRANSLATION_ENDS,)):
        if isinstance(step, Continuation):
            made[step.index] = step.text.strip()
    return made


def scores(made: dict[str, list[str]], references: Sequence[str], target: str) -> dict[str, dict[str, float]]:
    """chrF, BLEU, and the p-value of chrF's difference to the first of ``made``."""
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF
    from sacrebleu.significance import PairedTest

    metrics: dict[str, Any] = {"chrF": CHRF(references=[list(references)])}
    metrics["BLEU"] = BLEU(tokenize="zh" if target == "zh" else "13a", references=[list(references)])
    test = PairedTest(list(made.items()), metrics, references=None, test_type="bs", n_samples=_RESAMPLES)
    _, results = test()
    table: dict[str, Any] = dict(results)
    found: dict[str, dict[str, float]] = {}
    for at, name in enumerate(table["System"]):
        name = name.removeprefix("Baseline: ")
        found[name] = {metric: values[at].score for metric, values in table.items() if metric != "System"}
        chrf = next(values[at] for metric, values in table.items() if metric.startswith("chrF"))
        if chrf.p_value is not None:
            found[name]["p"] = chrf.p_value
    return found


def is_bad(source: str, translation: str, usual: float, target: str) -> bool:
    """Under half or over 2.5 times the usual length, a phrase of four three times, or the source itself."""
    ratio = len(translation) / max(len(source), 1) / usual
    parts = list("".join(translation.split())) if target in ("zh", "ja") else translation.lower().split()
    phrases = Counter(tuple(parts[at : at + 4]) for at in range(len(parts) - 3))
    loops = bool(phrases) and max(phrases.values()) >= 3
    return not 0.5 <= ratio <= 2.5 or loops or translation.strip() == source.strip()


def _agreement(confidences: Sequence[float], made: Sequence[str], references: Sequence[str]) -> float:
    """Spearman's correlation of confidence with each sentence's chrF."""
    from sacrebleu.metrics.chrf import CHRF

    metric = CHRF()
    values = [metric.sentence_score(a, [b]).score for a, b in zip(made, references, strict=True)]
    one, other = _ranks(confidences), _ranks(values)
    middle = (len(one) - 1) / 2
    spread = sum((rank - middle) ** 2 for rank in range(len(one)))
    shared = sum((a - middle) * (b - middle) for a, b in zip(one, other, strict=True))
    return shared / spread if spread else 0.0


def _ranks(values: Sequence[float]) -> list[int]:
    ranks = [0] * len(values)
    for rank, at in enumerate(sorted(range(len(values)), key=values.__getitem__)):
        ranks[at] = rank
    return ranks


def _timed(work: Any) -> tuple[Any, float]:
    started = time.perf_counter()
    return work(), time.perf_counter() - started


def _lines(data_dir: Path, language: str) -> list[str]:
    path = data_dir / "flores-dev" / f"{language}.txt"
    try:
        return path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise KnownError("bench-data", folder=str(path.parent)) from error
