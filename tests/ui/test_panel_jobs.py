"""What panels let the worker do, and how it ends."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event

import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from autogpt_desktop.errors import KnownError
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.panel_job import PanelJob


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "known"),
    [
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), True),
        (RuntimeError("a bug"), False),
    ],
)
def test_memory_that_runs_out_is_no_bug(
    shell_context: AppContext, qtbot: QtBot, error: Exception, known: bool
) -> None:
    def job(_cancel: Event) -> Iterator[object]:
        yield 1
        raise error

    owner, ended = QObject(), list[tuple[str, object]]()
    made = PanelJob(shell_context, owner)
    made.ended.connect(lambda state, why: ended.append((state, why)))
    made.start_plain(job, title="")
    qtbot.waitUntil(lambda: bool(ended), timeout=20_000)
    ((state, why),) = ended
    assert state == "failed"
    assert (isinstance(why, KnownError) and why.key == "no-memory-for-job") == known
