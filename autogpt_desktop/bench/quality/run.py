"""How good the tasks are: ``autogpt-desktop bench quality --data DIR``.

Every task of ``TASKS`` measures itself in a module of its name beside this one, by a function
``measure_<task>(models, data_dir, limit, seed) -> dict``; ``models`` hands out engines by role, and
``limit`` 0 is everything. A task with constants has ``fit_<task>`` beside it.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.runtime import open_models
from autogpt_desktop.settings import ROLES, Settings

TASKS = ("sentiment", "translate", "doubt", "answer")


def quality(options: argparse.Namespace) -> int:
    """Measure the tasks (``--task``, else all) and print their figures, or JSON. With ``--fit`` the
    constants of the tasks that have some are fitted instead. Raises KnownError("bench-data")."""
    data = Path(options.data or "")
    if not options.data or not data.is_dir():
        raise KnownError("bench-data", folder=str(options.data or ""))
    result: dict[str, Any] = {}
    given = {} if options.model == "autogpt" else dict.fromkeys(ROLES, options.model)
    models = open_models(Settings.load(), given, options.device)
    try:
        for task in options.task or TASKS:
            module = importlib.import_module(f"autogpt_desktop.bench.quality.{task}")
            if options.fit and not hasattr(module, f"fit_{task}"):
                continue
            print(tr("measuring: {task}", task=task), file=sys.stderr, flush=True)
            measure = getattr(module, f"{'fit' if options.fit else 'measure'}_{task}")
            with models.job() as job:
                result[task] = measure(job, data, options.limit, options.seed)
    finally:
        models.unload()
    if options.json:
        print(json.dumps(result, indent=2, ensure_ascii=False))
    else:
        for task, figures in result.items():
            print(f"{task}\n" + "\n".join(lines(figures, "  ")))
    return 0


def lines(figures: dict[str, Any], indent: str = "") -> list[str]:
    """Figures for people: a line each, nested ones indented."""
    found = []
    for name, value in figures.items():
        if isinstance(value, dict):
            found += [f"{indent}{name}", *lines(value, indent + "  ")]
        else:
            found.append(f"{indent}{name:<32}{f'{value:.4g}' if isinstance(value, float) else value}")
    return found
