"""How many bad translations are marked, and how many good ones: by the texts alone, and with a pack.

Good ones are the references of FLORES dev, bad ones the same damaged on purpose (``damage``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autogpt_desktop import paths
from autogpt_desktop.bench.quality.damage import damaged
from autogpt_desktop.bench.quality.fit_seq2seq import halves
from autogpt_desktop.catalog.installed import installed
from autogpt_desktop.engine.load import run_to_end
from autogpt_desktop.errors import KnownError
from autogpt_desktop.tasks.translate.checks import size
from autogpt_desktop.tasks.translate.doubt import Reading, Scorer, flags_with, readings

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import Models

COMMAND = "autogpt-desktop bench quality --task doubt --fit --data DIR"
FITTED = ("en", "pt")  # the pair whose first half the limits are fitted to; the second is measured
PAIRS = (
    ("en", "pt"), ("pt", "en"), ("en", "fr"), ("en", "de"), ("en", "es"), ("en", "it"), ("en", "ru"),
    ("ru", "en"), ("en", "ar"), ("en", "zh"), ("zh", "en"), ("en", "ja"), ("en", "ko"),
)  # fmt: skip
_NEEDED = ("good", "swapped", "dropped", "added not")


def measure_doubt(models: Models, data_dir: Path, limit: int = 0, seed: int = 0) -> dict[str, Any]:
    """For each pair the share that is marked, by kind; "pack" with the pack of the pair, "back" with that of
    the other direction, where they are installed. Raises KnownError("bench-data")."""
    found: dict[str, Any] = {}
    for source, target in PAIRS:
        half = "second" if (source, target) == FITTED else ""
        some = damaged(*halves(data_dir, source, target, half, limit), source, target, seed)
        packs = {"pack": _pack(models, source, target), "back": _pack(models, target, source)}
        found[f"{source}-{target}"] = {
            name: {kind: _share(flags_with(scorer, pairs, source, target)) for kind, pairs in some.items()}
            for name, scorer in {"texts": None, **packs}.items()
            if scorer is not None or name == "texts"
        }
    return found


def fit_doubt(models: Models, data_dir: Path, limit: int = 0, seed: int = 0) -> dict[str, Any]:
    """Fit the limits to the first half of FITTED's sentences, and write them: each in the middle between what
    nearly all good ones are and what nearly all bad ones are. Raises KnownError("bench-data")."""
    scorer = _pack(models, *FITTED)
    if scorer is None:
        raise KnownError("bench-data", folder=f"firefox-{FITTED[0]}-{FITTED[1]}")
    some = damaged(*halves(data_dir, *FITTED, "first", limit), *FITTED, seed)
    made = {kind: [one for one in readings(scorer, some[kind], *FITTED) if one] for kind in _NEEDED}
    limits = limits_of(made)
    file = paths.resources() / "calibration" / "translate.json"
    value = json.loads(file.read_text(encoding="utf-8"))
    value |= {
        "sizes": sizes(data_dir),
        "doubt": limits,
        "fitted doubt": f"{len(made['good'])} sentences of FLORES dev: {COMMAND}",
    }
    file.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")
    return dict(limits)


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
