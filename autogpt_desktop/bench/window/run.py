"""Start the window in a process of its own, let it tell how far it is, and show its figures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import Any

from autogpt_desktop import paths
from autogpt_desktop.bench.child import module_command
from autogpt_desktop.bench.speed.table import display_width
from autogpt_desktop.bench.window.measure import PROGRESS, STARTED
from autogpt_desktop.bench.window.streams import LINES, streams
from autogpt_desktop.catalog.installed import installed
from autogpt_desktop.i18n import tr

_MODULE = "autogpt_desktop.bench.window.measure"
_LAST_LINES = 40  # of what the window printed, when it failed


def run(model: Path, device: str, lines: int = 0) -> dict[str, Any]:
    """Start the app with ``model`` and measure it; each streamed answer has so many ``lines``, 0: 2,000.

    Raises RuntimeError with what the app printed last.
    """
    pack = find_pack()
    if pack is None:
        _tell(tr("No translation pack is installed: the time of a translation is not measured."))
    with tempfile.TemporaryDirectory() as home:
        environment = os.environ | {"AUTOGPT_DESKTOP_HOME": home}
        _python(environment, "prepare", str(model), device, str(pack or ""))
        environment |= {STARTED: repr(time.time())}
        output = _python(environment, "measure", str(lines or LINES))
    figures: dict[str, Any] = json.loads(output.splitlines()[-1])
    return figures


def find_pack() -> Path | None:
    """A translation pack from English that is installed, or that a checkout has for its tests."""
    models = [model.path for model in installed() if ("en" in {pair[0] for pair in model.pairs})]
    models += sorted((paths.bundled_models() / "for-tests").glob("firefox-en-*"))
    return next((model for model in models if model.is_dir()), None)


def _python(environment: dict[str, str], *arguments: str) -> str:
    """What it prints; what it tells on standard error is told at once."""
    command = [*module_command(_MODULE), *arguments]
    last = deque[str](maxlen=_LAST_LINES)
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        subprocess.Popen(
            command,
            env=environment,
            stdout=output,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
        ) as process,
    ):
        assert process.stderr is not None
        for line in process.stderr:
            last.append(line)
            _tell(_worded(line.rstrip("\n")))
        if process.wait():
            raise RuntimeError("".join(last))
        output.seek(0)
        return output.read()


def _worded(line: str) -> str:
    """A line of progress in the language of who waits; another one as it is."""
    if not line.startswith(PROGRESS):
        return line
    values = json.loads(line.removeprefix(PROGRESS))
    if name := values.pop("stream", ""):
        return f"{streams()[name].title}: {' · '.join(f'{value:.0f}' for value in values.values())} ms"
    steps = {"starting": tr("starting"), "asking": tr("asking"), "translating": tr("translating")}
    return steps[values["step"]]


def table(figures: dict[str, Any]) -> str:
    """The figures for people."""
    rows = [
        ("window_painted_s", tr("window painted, s"), 2),
        ("model_cold_s", tr("model ready after a cold start, s"), 2),
        ("model_load_s", tr("model ready, torch already imported, s"), 2),
        ("loading_stall_ms", tr("longest stall while loading, ms"), 0),
        ("first_token_s", tr("first token after Enter, s"), 2),
        ("second_turn_s", tr("first token of the second turn, s"), 2),
        ("window_tps", tr("tokens per second in the window"), 1),
        ("stop_ms", tr("Stop to quiet, ms"), 0),
        ("translate_key_ms", tr("a key in a sentence of 20 words to its translation on the screen, ms"), 0),
        ("translate_key_longest_ms", tr("the same, the slowest of its last keys, ms"), 0),
        ("open_3000_s", tr("a conversation of 3,000 messages opens, s"), 3),
        ("scroll_p99_ms", tr("a scrolling step in it (p99), ms"), 0),
    ]
    titles = {"model": tr("what the model says")} | {name: each.title for name, each in streams().items()}
    heading = tr("event loop stands still while this streams, ms")
    width = max(map(display_width, (heading, *titles.values(), *(label for _, label, _ in rows))))

    def line(label: str, *values: str) -> str:
        blanks = (" " * max(0, 10 - display_width(value)) + value for value in values)
        return label + " " * (width - display_width(label)) + "".join(blanks)

    shown = [line(label, f"{figures[key]:.{digits}f}") for key, label, digits in rows if key in figures]
    shown += ["", line(heading, tr("median"), tr("p99"), tr("longest"))]
    for name, stalls in figures["streams"].items():
        shown.append(
            line(titles[name], *(f"{stalls[key]:.1f}" for key in ("median_ms", "p99_ms", "longest_ms")))
        )
    return "\n".join(shown)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
