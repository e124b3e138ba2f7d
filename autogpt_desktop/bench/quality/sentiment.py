"""Sentiment measured on SST-2 dev (Socher et al. 2013): accuracy, calibration, speed; and its constants,
fitted on SST-2 train and on this app's own sentences."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop.bench.quality import fit_probe
from autogpt_desktop.engine.generation.probe import hidden_rows
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Progress
from autogpt_desktop.tasks.sentiment import calibration as scales
from autogpt_desktop.tasks.sentiment.measure import CalibratedScorer, Measured, measure, tidy
from autogpt_desktop.tasks.sentiment.probe_scorer import heads_file, own_sentences, packed, with_probes
from autogpt_desktop.tasks.sentiment.scorers import Constants, PromptScorer, constants_file
from autogpt_desktop.tasks.sentiment.sentiment import CHUNK, ROLE, ready, scored, sentiment

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

BINS = 15
FIT = 600  # sentences of the train split
THROUGHPUT = 1000  # short texts
DEPTHS = 2 / 3, 7 / 9  # of a model's layers: on the train split they do better than later ones
TOKENS = 9  # the question behind the text, of a base model
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


def measure_sentiment(models: Models, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """Accuracy and expected calibration error, two-way; the share of neutral, three-way; texts a second
    with the cached prefix and batches, and one at a time without either. ``limit`` 0: all of dev."""
    dev = rows(data_dir, "dev", limit, seed)
    judge = run_to_end(ready(models, None, _never))
    measured = _measured(judge, [text for text, _ in dev])
    two = [scored(at, one, judge.scale, True) for at, one in enumerate(measured)]
    three = [scored(at, one, judge.scale) for at, one in enumerate(measured)]
    truth = [positive for _, positive in dev]
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


def throughput(models: Models, data_dir: Path, count: int, seed: int) -> dict[str, float]:
    """Texts a second both ways, in turn, and what the kept prefix saves."""
    texts = [text for text, _ in rows(data_dir, "train", count, seed)]
    engine = run_to_end(models.get(ROLE))
    if hasattr(engine, "classify"):
        return {}
    slow = run_to_end(with_probes(PromptScorer(engine, batch=1, prefix=False), _never))
    alone = texts[:_SLOW]
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


def fit_sentiment(models: Models, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """Constants for the role's model, written to ``resources/calibration``: of the words alone Platt's from
    ``limit`` (0: 600) sentences of the train split and the band from our own; and two heads from ``limit``
    (0: all) of the train split and our own."""
    engine = run_to_end(models.get(ROLE))
    if hasattr(engine, "classify"):
        raise KnownError("sentiment-model", name=engine.name)
    asking = PromptScorer(engine)
    run_to_end(asking.prepare(_never))
    train = rows(data_dir, "train", limit or FIT, seed)
    own = own_sentences()
    d = _log_odds(asking, [text for text, _ in train])
    slope, offset = scales.fit_platt(d, [positive for _, positive in train])
    # what is not neutral: our plain opinions, and the train split's harder ones
    labels = [one.label for one in own] + ["positive" if positive else "negative" for _, positive in train]
    with_own = _log_odds(asking, [one.text for one in own]) + d
    band = scales.fit_band(with_own, labels, scales.Calibration(slope, offset))
    every = _read(constants_file())
    entry = {
        "model": engine.name,
        "slope": round(slope, 4),
        "offset": round(offset, 4),
        "band": [round(cut, 4) for cut in band],
        "languages": every.get(asking.key, {}).get("languages", list(engine.config.languages)),
        "fitted": f"{len(train)} sentences of SST-2 train (seed {seed}), {len(own)} of our own for the band",
    }
    _write(constants_file(), asking.key, entry)
    train = rows(data_dir, "train", limit, seed)
    layers = sorted({max(1, round(depth * engine.config.num_hidden_layers)) for depth in DEPTHS})
    record, figures = fit_heads(
        engine.name,
        layers,
        _seen(asking, layers, [text for text, _ in train]),
        [positive for _, positive in train],
        _seen(asking, layers, [one.text for one in own]),
    )
    _write(heads_file(), asking.key, record)
    return entry | {"heads": figures}


def fit_heads(
    name: str, layers: Sequence[int], train: Any, positive: Sequence[bool], own: Any
) -> tuple[dict[str, Any], dict[str, float]]:
    """What ``heads_file`` holds of a model, and how good it is on rows that a head was not fitted on.

    ``train`` [sentences, layers · hidden_size], ``own`` the same of ``own_sentences``, float32.
    """
    labels = [one.label for one in own_sentences()]
    fitted = fit_probe.heads(train, positive, own, labels)
    record = {
        "model": name,
        "fitted": f"{len(train)} sentences of SST-2 train, {len(own)} of our own",
        "layers": list(layers),
        "tokens": TOKENS,
        "bias": [round(fitted[head][1], 6) for head in ("positive", "neutral")],
        **{head: packed(fitted[head][0]) for head in ("positive", "neutral")},
    }
    sides, plain = fitted["positive"][2][: len(train)], fitted["neutral"][2][: len(own)]
    neutral = [label == "neutral" for label in labels]
    figures = {
        "accuracy": _share((z > 0) == truth for z, truth in zip(sides, positive, strict=True)),
        "neutral_recall": _share(z > 0 for z, truth in zip(plain, neutral, strict=True) if truth),
        "polar_recall": _share(z <= 0 for z, truth in zip(plain, neutral, strict=True) if not truth),
        "neutral_calibration_error": scales.calibration_error([*map(scales.sigmoid, plain)], neutral, BINS),
    }
    return record, figures


def _share(right: Iterable[bool]) -> float:
    every = list(right)
    return sum(every) / max(1, len(every))


def _seen(asking: PromptScorer, layers: Sequence[int], texts: Sequence[str]) -> Any:
    """What the heads read, float32 [texts, layers · hidden_size]."""
    import torch

    found = {}
    for group, state in asking.prompts([tidy(text) for text in texts]):
        prompts = [ids for _, ids in group]
        for step in hidden_rows(asking.engine, prompts, layers, TOKENS, prefix=state):
            if not isinstance(step, Progress):
                found[group[step[0]][0]] = step[1].flatten()
    return torch.stack([found[index] for index in range(len(texts))])


def _log_odds(asking: PromptScorer, texts: Sequence[str]) -> list[float]:
    scale = scales.Calibration()
    return [
        scored(0, one, scale).d
        for one in _measured(CalibratedScorer(asking, Constants(scale, ()), scale), texts)
    ]


def _measured(judge: CalibratedScorer, texts: Sequence[str]) -> list[Measured]:
    found = []
    for at in range(0, len(texts), CHUNK):
        found += run_to_end(measure(judge, texts[at : at + CHUNK], _never))
    return found


def _read(file: Path) -> dict[str, Any]:
    return dict(json.loads(file.read_text(encoding="utf-8"))) if file.is_file() else {}


def _write(file: Path, key: str, entry: dict[str, Any]) -> None:
    """``entry`` in the place of the model's earlier one."""
    every = {old: value for old, value in _read(file).items() if value["model"] != entry["model"]}
    every[key] = entry
    file.write_text(json.dumps(every, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _seconds(make_scorer: PromptScorer, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    for text in texts:
        for _ in make_scorer.scores([text], _never):
            pass
    return time.perf_counter() - started


def _never() -> bool:
    return False
