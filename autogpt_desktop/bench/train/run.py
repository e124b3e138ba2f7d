"""``autogpt-desktop bench train --lora | --head | --speed | …``: what training on this machine comes to.

``--new``, ``--shapes`` and ``--optimizers`` want ``--data``, a file or folder of text, such as five megabytes
of public-domain English (Debian's package ``sword-text-web``).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from autogpt_desktop.bench.quality.run import lines
from autogpt_desktop.bench.train.head import measure_head
from autogpt_desktop.bench.train.lora import measure_lora
from autogpt_desktop.bench.train.new import measure_new, muon_or_adamw, searched_or_usual
from autogpt_desktop.bench.train.speed import measure_speed
from autogpt_desktop.catalog.installed import resolve
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr

_PROSE = 12_000  # characters


def bench_train(options: argparse.Namespace) -> int:
    """Measure what is asked for and print figures, or JSON. Raises KnownError: bench-data, bench-train, and
    what training can raise."""
    result: dict[str, Any] = {}
    for name, (measure, minutes) in MEASURES.items():
        if getattr(options, name):
            print(tr("measuring: {task}", task=name), file=sys.stderr, flush=True)
            result[name] = measure(options, options.minutes or minutes)
    if not result:
        raise KnownError("bench-train")
    print(json.dumps(result, indent=2) if options.json else "\n".join(lines(result)))
    return 0


def _data(options: argparse.Namespace) -> Path:
    data = Path(options.data or "")
    if not options.data or not data.exists():
        raise KnownError("bench-data", folder=str(options.data or ""))
    return data


def _lora(options: argparse.Namespace, minutes: float) -> Any:
    prose = _prose(_data(options))
    return measure_lora(resolve(options.model), minutes, options.seed, prose)


# what is measured, and the minutes that the figure asks for
MEASURES: dict[str, tuple[Callable[[argparse.Namespace, float], Any], float]] = {
    "lora": (_lora, 10.0),
    "head": (lambda options, minutes: measure_head(_data(options), minutes, options.seed), 2.0),
    "speed": (lambda options, _: measure_speed(options.limit), 0.0),
    "new": (lambda options, minutes: measure_new(_data(options), minutes, options.seed), 20.0),
    "shapes": (lambda options, minutes: searched_or_usual(_data(options), minutes, options.seed), 20.0),
    "optimizers": (lambda options, minutes: muon_or_adamw(_data(options), minutes, options.seed), 5.0),
}


def _prose(data: Path) -> str:
    """Sentences that have nothing to do with what is learned."""
    try:
        return (data / "flores-dev" / "en.txt").read_text(encoding="utf-8")[:_PROSE]
    except OSError as error:
        raise KnownError("bench-data", folder=str(data)) from error
