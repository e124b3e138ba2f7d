"""A run that searches, trains and grows, and kills itself where it is told to: FOLDER MOMENT."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from autogpt_desktop.lab.runs.events import Compared, Event, Stage, Trial
from autogpt_desktop.lab.train import model_files, run
from tests.lab.train.kit import Ticks, corpus
from tests.lab.train.test_run import Letters, spec

MOMENTS = ("trial", "growing", "comparing", "replacing", "writing")


def end() -> None:
    """As if somebody had pulled the plug."""
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))


def moments(events: Iterator[Event]) -> Iterator[str]:
    """What has just happened."""
    trials = compared = 0
    for event in events:
        if isinstance(event, Trial):
            trials += 1
            yield "trial" if trials == 2 else ""
        elif isinstance(event, Stage):
            compared += event.key == "stage.lab-comparing"
            yield "growing" if event.key == "stage.lab-growing" else "comparing" if compared == 3 else ""
        elif isinstance(event, Compared) and event.what == "growth":
            yield "replacing"
        else:
            yield ""
        print(type(event).__name__, flush=True)


def main(folder: Path, moment: str) -> None:
    torch.set_num_threads(1)
    run._SEARCH_MINUTES = run._GROW_MINUTES = 0.0  # type: ignore[misc]
    clock, kept = Ticks(0.02), folder / "now"
    clock.now = float(kept.read_text()) if kept.exists() else 0.0
    if moment in ("writing", "replacing"):
        real: Any = model_files.save_file

        def half(tensors: Any, path: Path, metadata: Any = None) -> None:
            real(tensors, path, metadata)
            if state["armed"]:
                os.truncate(path, path.stat().st_size // 2)
                end()

        model_files.save_file = half
    state = {"armed": moment == "writing"}
    wanted = {key: value for key, value in spec().options.items() if not key.startswith(("hidden", "num_"))}
    brief = replace(spec(0.6), options={"precision": "float32", "context": wanted["context"], "batch": 4})
    for now in moments(run.train_new(brief, corpus(), Letters(), folder, clock=clock)):
        kept.write_text(str(clock.now))
        if now == moment == "replacing":
            state["armed"] = True  # the winner's checkpoint is written next
        elif now and now == moment:
            end()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
