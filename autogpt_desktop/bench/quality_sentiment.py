"""Sentiment measured on SST-2 dev (Socher et al. 2013): accuracy, calibration, speed; and its constants,
fitted on SST-2 train and on this app's own sentences."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks import sentiment_scale as scales
from autogpt_desktop.tasks.sentiment import ROLE, Judge, Scored, measure, ready, scored, sentiment
from autogpt_desktop.tasks.sentiment_ask import DecoderAsker, constants_file, prompt

BINS = 15
FIT = 600  # sentences of the train split
THROUGHPUT = 1000  # short texts
_SLOW = 24  # of them, one at a time with the examples read again: their time is like that of any others

Row = tuple[str, bool]


def rows(data: Path, split: str, limit: int, seed: int) -> list[Row]:
    """(sentence, is positive) of a split; with ``limit`` so many, drawn with ``seed``."""
    file = data / "sst2" / f"{split}.tsv"
    try:
        found = [line.rsplit("\t", 1) for line in file.read_text(encoding="utf-8").splitlines()[1:]]
    except OSError as error:
        raise KnownError("bench-data", folder=str(file)) from error
    every = [(text, label == "1") for text, label in found]
    return random.Random(seed).sample(every, limit) if 0 < limit < len(every) else every


def measure_sentiment(models: Any, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """Accuracy and expected calibration error, two-way; the share of neutral, three-way; texts a second
    with the cached prefix and batches, and one at a time without either. ``limit`` 0: all of dev."""
    dev = rows(data_dir, "dev", limit, seed)
    two = _scored(models, [text for text, _ in dev], two_way=True)
    truth = [positive for _, positive in dev]
    three = _judged_again(models, two)
    share = sum(one.label == "neutral" for one in three) / len(three)
    right = [(one.label == "positive") == positive for one, positive in zip(two, truth, strict=True)]
    decided = [ok for ok, one in zip(right, three, strict=True) if one.label != "neutral"]
    return {
        "texts": len(dev),
        "accuracy": sum(right) / len(right),
        "calibration_error": scales.calibration_error([one.positive for one in two], truth, BINS),
        "neutral_share": share,
        "accuracy_of_the_others": sum(decided) / max(1, len(decided)),
        "throughput": throughput(models, data_dir, min(limit or THROUGHPUT, THROUGHPUT), seed),
    }


def throughput(models: Any, data_dir: Path, count: int, seed: int) -> dict[str, float]:
    """Texts a second both ways, in turn, and what the kept prefix saves."""
    texts = [text for text, _ in rows(data_dir, "train", count, seed)]
    engine = run_to_end(models.get(ROLE))
    if hasattr(engine, "classify"):
        return {}
    slow, alone = DecoderAsker(engine, batch=1, prefix=False), texts[:_SLOW]
    slow_s = _seconds(slow, alone[: _SLOW // 2])
    started = time.perf_counter()
    list(sentiment(models, texts, two_way=True))
    fast_s = time.perf_counter() - started
    slow_s += _seconds(slow, alone[_SLOW // 2 :])
    started = time.perf_counter()
    state = engine.new_state()
    for _ in engine.prefill(state, slow.prefix):
        pass
    computed = time.perf_counter() - started
    started = time.perf_counter()
    run_to_end(engine.prefix_state(slow.prefix, "sentiment"))
    kept = time.perf_counter() - started
    fast, one = len(texts) / fast_s, len(alone) / slow_s
    return {
        "texts": len(texts),
        "texts_per_second": fast,
        "one_at_a_time_per_second": one,
        "ratio": fast / one,
        "prefix_tokens": len(slow.prefix),
        "prefix_computed_s": computed,
        "prefix_kept_s": kept,
    }


def fit_sentiment(models: Any, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """Constants for the role's model, written to ``resources/calibration/sentiment.json``: Platt's from
    ``limit`` (0: 600) sentences of the train split, the band from our own sentences."""
    judge = run_to_end(ready(models, None, _never))
    engine = run_to_end(models.get(ROLE))
    train = rows(data_dir, "train", limit or FIT, seed)
    d = _log_odds(judge, [text for text, _ in train])
    slope, offset = scales.fit_platt(d, [positive for _, positive in train])
    scale = scales.Scale(slope, offset)
    own = prompt().band
    # what is not neutral: our plain opinions, and the train split's harder ones
    labels = [label for _, label in own] + ["positive" if positive else "negative" for _, positive in train]
    band = scales.fit_band(_log_odds(judge, [text for text, _ in own]) + d, labels, scale)
    file = constants_file()
    every = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    entry = {
        "model": engine.name,
        "slope": round(slope, 4),
        "offset": round(offset, 4),
        "band": [round(cut, 4) for cut in band],
        "languages": every.get(judge.asker.key, {}).get("languages", list(engine.config.languages)),
        "fitted": f"{len(train)} sentences of SST-2 train (seed {seed}), {len(own)} of our own for the band",
    }
    every = {key: value for key, value in every.items() if value["model"] != engine.name}
    every[judge.asker.key] = entry
    file.write_text(json.dumps(every, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return entry


def _log_odds(judge: Judge, texts: Sequence[str]) -> list[float]:
    measured = run_to_end(measure(judge, texts, _never))
    return [scored(0, one, judge.scale).d for one in measured]


def _scored(models: Any, texts: Sequence[str], two_way: bool) -> list[Scored]:
    return [one for one in sentiment(models, texts, two_way=two_way) if isinstance(one, Scored)]


def _judged_again(models: Any, two: Sequence[Scored]) -> list[Scored]:
    """The same three-way, without asking the model again."""
    judge = run_to_end(ready(models, None, _never))
    found = []
    for one in two:
        shares = judge.scale.probabilities(judge.scale.z(one.d))
        found.append(Scored(one.index, scales.label_of(shares), *shares, d=one.d))
    return found


def _seconds(asker: DecoderAsker, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    for text in texts:
        for _ in asker.scores([text], _never):
            pass
    return time.perf_counter() - started


def _never() -> bool:
    return False
