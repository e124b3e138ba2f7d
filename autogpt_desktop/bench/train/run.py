"""``autogpt-desktop bench train --lora | --head``: what training on this machine comes to."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from autogpt_desktop.bench.quality.run import lines
from autogpt_desktop.bench.train.head import measure_head
from autogpt_desktop.bench.train.lora import measure_lora
from autogpt_desktop.catalog.installed import resolve
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr

_PROSE = 12_000  # characters


def bench_train(options: argparse.Namespace) -> int:
    """Measure what is asked for and print figures, or JSON. Raises KnownError: bench-data, bench-train, and
    what training can raise."""
    data = Path(options.data or "")
    if not options.data or not data.is_dir():
        raise KnownError("bench-data", folder=str(options.data or ""))
    result: dict[str, Any] = {}
    for name in ("lora", "head"):
        if not getattr(options, name):
            continue
        print(tr("measuring: {task}", task=name), file=sys.stderr, flush=True)
        if name == "head":
            result[name] = measure_head(data, options.minutes or 2.0, options.seed)
        else:
            prose = _prose(data)
            base = resolve(options.model)
            result[name] = measure_lora(base, options.minutes or 10.0, options.seed, prose)
    if not result:
        raise KnownError("bench-train")
    print(json.dumps(result, indent=2) if options.json else "\n".join(lines(result)))
    return 0


def _prose(data: Path) -> str:
    """Sentences that have nothing to do with what is learned."""
    try:
        return (data / "flores-dev" / "en.txt").read_text(encoding="utf-8")[:_PROSE]
    except OSError as error:
        raise KnownError("bench-data", folder=str(data)) from error
