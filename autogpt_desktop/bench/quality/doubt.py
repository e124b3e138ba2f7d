"""How many bad translations are marked, and how many good ones: by the texts alone, with a pack, and with the
language model that translates.

Good ones are the references of FLORES dev, bad ones the same damaged on purpose (``damage``).
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop import paths
from autogpt_desktop.bench.quality.damage import Pairs, damaged
from autogpt_desktop.bench.quality.fit_seq2seq import halves
from autogpt_desktop.catalog.installed import installed
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.translate.checks import flags, size
from autogpt_desktop.tasks.translate.doubt import Reading, Scorer, flags_by, flags_with, readings
from autogpt_desktop.tasks.translate.model_doubt import ModelReading, model_readings, with_model_doubts

if TYPE_CHECKING:
    from autogpt_desktop.engine.generation.engine import Engine
    from autogpt_desktop.engine.model_pool import Models

COMMAND = "autogpt-desktop bench quality --task doubt --fit --data DIR"
FITTED = ("en", "pt")  # the pair whose first half the limits are fitted to; the second is measured
PAIRS = (
    ("en", "pt"), ("pt", "en"), ("en", "fr"), ("en", "de"), ("en", "es"), ("en", "it"), ("en", "ru"),
    ("ru", "en"), ("en", "ar"), ("en", "zh"), ("zh", "en"), ("en", "ja"), ("en", "ko"), ("it", "es"),
)  # fmt: skip
# Pairs that a language model's limits are fitted to, by the first half; others, and the second, are measured.
MODEL_FITTED = (("en", "de"), ("en", "ru"), ("en", "zh"), ("zh", "en"))
MODEL_SENTENCES = 12  # of each pair: to read one takes a second
_NEGATIONS = ("not", "added not")
_SEEN = 0.85  # of those that lost a "not", or have one more
_NEEDED = ("good", "swapped", "dropped", "added not")


def measure_doubt(models: Models, data_dir: Path, limit: int = 0, seed: int = 0) -> dict[str, Any]:
    """For each pair the share that is marked, by kind; "pack" with the pack of the pair, "back" with that of
    the other direction, where they are installed; "model" with the language model, of few sentences.
    Raises KnownError("bench-data")."""
    found: dict[str, Any] = {}
    model = language_model(models)
    for source, target in PAIRS:
        half = "second" if (source, target) == FITTED else ""
        some = damaged(*halves(data_dir, source, target, half, limit), source, target, seed)
        packs = {"pack": _pack(models, source, target), "back": _pack(models, target, source)}
        found[f"{source}-{target}"] = {
            name: {kind: _share(flags_with(scorer, pairs, source, target)) for kind, pairs in some.items()}
            for name, scorer in {"texts": None, **packs}.items()
            if scorer is not None or name == "texts"
        }
        if model is not None:
            found[f"{source}-{target}"]["model"] = {
                kind: _share(_flags_by(model, pairs, source, target))
                for kind, pairs in _few(data_dir, source, target, "second", limit, seed).items()
            }
            print(f"{source}-{target}", file=sys.stderr, flush=True)
    return found


def fit_doubt(models: Models, data_dir: Path, limit: int = 0, seed: int = 0) -> dict[str, Any]:
    """Fit the limits to the first half of FITTED's sentences, and write them: each in the middle between what
    nearly all good ones are and what nearly all bad ones are; those of the language model, where there is
    one, to the pairs of MODEL_FITTED. Raises KnownError("bench-data")."""
    fitted: dict[str, Any] = {}
    model = language_model(models)
    if model is not None:
        fitted |= _fit_model(model, data_dir, limit, seed)
    scorer = _pack(models, *FITTED)
    if scorer is None:
        raise KnownError("bench-data", folder=f"firefox-{FITTED[0]}-{FITTED[1]}")
    some = damaged(*halves(data_dir, *FITTED, "first", limit), *FITTED, seed)
    made = {kind: [one for one in readings(scorer, some[kind], *FITTED) if one] for kind in _NEEDED}
    limits = limits_of(made)
    file = paths.resources() / "calibration" / "translate.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    value |= fitted | {
        "sizes": sizes(data_dir),
        "doubt": limits,
        "fitted doubt": f"{len(made['good'])} sentences of FLORES dev: {COMMAND}",
    }
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return dict(limits) | fitted


def language_model(models: Models) -> Engine | None:
    """The one that translates, where it is one."""
    from autogpt_desktop.engine.generation.engine import Engine

    try:
        loaded: Any = run_to_end(models.get("translate"))
    except KnownError:
        return None
    return loaded if isinstance(loaded, Engine) else None


def _fit_model(model: Engine, data_dir: Path, limit: int, seed: int) -> dict[str, Any]:
    """See ``fit_doubt``."""
    read: dict[str, list[tuple[tuple[str, ...], ModelReading]]] = {}
    count = 0
    for source, target in MODEL_FITTED:
        some = _few(data_dir, source, target, "first", limit, seed)
        count += len(some["good"])
        some.pop("number")  # is told by the texts
        pairs = [(kind, pair) for kind, some_pairs in some.items() for pair in some_pairs]
        made = run_to_end(model_readings(model, [pair for _, pair in pairs], source, target))
        for (kind, pair), one in zip(pairs, made, strict=True):
            if one is not None:
                read.setdefault(kind, []).append((flags(*pair, source, target), one))
        print(f"{source}-{target}", file=sys.stderr, flush=True)
    return {
        "doubt model": model_limits_of(read),
        "fitted doubt model": f"{model.name}, {count} sentences of FLORES dev, {len(MODEL_FITTED)} pairs:"
        f" {COMMAND}",
    }


def model_limits_of(read: Mapping[str, Sequence[tuple[tuple[str, ...], ModelReading]]]) -> dict[str, float]:
    """See ``fit_doubt``: by kind the flags of the texts alone, and what the model thinks."""
    good = [one for _, one in read["good"]]
    limits = {
        "explained": _middle(
            [one.explained for one in good], 0.02, [one.explained for _, one in read["swapped"]], 0.8
        ),
        "half": _middle([one.half for one in good], 0.1, [one.half for _, one in read["dropped"]], 0.8),
        "length": round(_quantile([one.length for one in good], 0.1), 2),
        "negation beside words": -4.0,  # the model must be rather sure to gainsay them
    }

    def seen(limit: float) -> float:
        """The share of each kind, the lesser."""
        given = limits | {"negation": limit}
        found = [[bool(with_model_doubts(*pair, given)) for pair in read[kind]] for kind in _NEGATIONS]
        return min(sum(some) / max(len(some), 1) for some in found)

    steps = [step / 10 for step in range(60)]
    return limits | {"negation": max((limit for limit in steps if seen(limit) >= _SEEN), default=0.0)}


def _middle(good: Sequence[float], low: float, bad: Sequence[float], high: float) -> float:
    return round((_quantile(good, low) + _quantile(bad, high)) / 2, 2)


def _few(data_dir: Path, source: str, target: str, half: str, limit: int, seed: int) -> dict[str, Pairs]:
    """As many sentences as a language model reads in some minutes: the first of the half, and half as many of
    all those with a "not"."""
    most = limit or MODEL_SENTENCES
    texts, others = halves(data_dir, source, target, half)
    some = damaged(texts[:most], others[:most], source, target, seed)
    every = damaged(texts, others, source, target, seed)
    return some | {kind: every[kind][: (most + 1) // 2] for kind in _NEGATIONS}


def _flags_by(model: Engine, pairs: Pairs, source: str, target: str) -> list[tuple[str, ...]]:
    said = [flags(*pair, source, target) for pair in pairs]
    return run_to_end(flags_by(model, said, pairs, source, target))


def sizes(data_dir: Path) -> dict[str, float]:
    """See ``checks.usual_size``."""
    found = {}
    for path in sorted((data_dir / "flores-dev").glob("*.txt")):
        english, others = halves(data_dir, "en", path.stem, "first")
        found[path.stem] = round(sum(size(text, path.stem) for text in others) / sum(map(len, english)), 3)
    return found


def limits_of(made: dict[str, list[Reading]]) -> dict[str, float]:
    """See ``fit_doubt``."""
    likely, likely_bad = ([one.logprob for one in made[kind]] for kind in ("good", "swapped"))
    gaps, gaps_bad = ([one.gap for one in made[kind]] for kind in ("good", "dropped"))
    added, added_bad = (
        [one.added for one in made[kind] if one.added is not None] for kind in ("good", "added not")
    )
    return {
        "logprob": round((_quantile(likely, 0.01) + _quantile(likely_bad, 0.95)) / 2, 1),
        "gap": float(math.ceil((_quantile(gaps, 0.99) + _quantile(gaps_bad, 0.05)) / 2)),
        "lost": 0.0,  # as likely with the "not" as without it
        "added": round((_quantile(added, 1) + _quantile(added_bad, 0.2)) / 2, 1),
    }


def _quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)] if values else 0.0


def _pack(models: Models, source: str, target: str) -> Scorer | None:
    """The pack of a pair, where there is one."""
    names = [one.name for one in installed() if (source, target) in one.pairs and not one.problem]
    engine: Any = run_to_end(models.get(names[0])) if names else None
    return engine


def _share(marked: Any) -> str:
    values = [bool(one) for one in marked]
    return f"{sum(values) / max(len(values), 1):.3f} of {len(values)}"
