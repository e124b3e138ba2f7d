"""The Lab panel with a real worker and a tiny real model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop import runtime
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs.events import DataFound, Eval, Event, Finished, Sample, Train, Trial
from autogpt_desktop.lab.runs.log import LogWriter
from autogpt_desktop.lab.runs.spec import DataSpec, RunSpec
from autogpt_desktop.ui.lab.panel import LabPanel
from tests.tiny import write_tiny_gguf
from tests.ui.contexts import opened_context

WAIT = 60_000
FOUND = DataFound(3, 1000, 3000, 100, 300, duplicates=2, xz_bits_per_byte=2.5, samples=("In the beginning",))
EVENTS: tuple[Event, ...] = (
    FOUND,
    Trial(1, 5000, {"hidden_size": 32}, "done", loss=2.0, bits_per_byte=1.2),
    Trial(2, 9000, {"hidden_size": 64}, "failed", reason="no memory"),
    Trial(3, 7000, {"hidden_size": 48}, "done", loss=1.5, bits_per_byte=0.9),
    Train(10, 1000, 3.0, 1e-3, 5000.0),
    Eval(10, 1000, 3.0, bits_per_byte=1.44, best=True),
    Sample(10, "In the ", "beginning"),
    Train(20, 2000, 2.0, 1e-3, 5200.0),
    Eval(20, 2000, 2.0, bits_per_byte=0.96, best=True),
    Finished("time", "result", 2.0, 0.96),
)


def make_run(events: Sequence[Event] = EVENTS, name: str = "Genesis") -> runs.Run:
    run = runs.create(RunSpec("new", DataSpec(("/texts/genesis.txt",)), 5.0, name=name))
    writer = LogWriter(run.log)
    for seconds, event in enumerate(events):
        writer.write(float(seconds), event)
    writer.close()
    return runs.again(run)


@pytest.fixture
def lab_panel(no_models: Path, tmp_path: Path, qtbot: QtBot) -> Iterator[LabPanel]:
    write_tiny_gguf(no_models / "tiny.gguf")
    with opened_context(tmp_path / "history.db", runtime.make_models) as context:
        made = LabPanel(context)
        qtbot.addWidget(made)
        made.resize(900, 600)
        made.show()
        qtbot.waitExposed(made)
        yield made
        made.shutdown()
