"""Models that nobody uses give their memory back after a while; the next job loads them again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from autogpt_desktop.settings import Settings
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.jobs.idle_unload import MINUTE, IdleUnload


class Pool:
    """Counts how often it is emptied."""

    def __init__(self) -> None:
        self.freed = 0
        self.loaded: tuple[Any, ...] = ()

    def unload(self, _path: Path | None = None) -> None:
        self.freed += 1


@pytest.fixture
def pool(shell_context: AppContext) -> Pool:
    made = Pool()
    shell_context._models._models = made  # type: ignore[assignment]
    return made


def run_job(context: AppContext, qtbot: QtBot, go: Event) -> Any:
    def run(_cancel: Event) -> Iterator[Any]:
        assert go.wait(60)
        return iter(())

    return context.worker.submit(run, title="job")


def test_they_go_when_nothing_was_done_for_so_long(
    shell_context: AppContext, pool: Pool, qtbot: QtBot
) -> None:
    assert Settings().unload_minutes == 30
    idle = IdleUnload(shell_context)
    assert not idle.timer.isActive()  # nothing is loaded
    shell_context.in_memory = {Path("a.gguf"): (1, "cpu")}
    shell_context.memory_changed.emit()
    assert idle.timer.interval() == 30 * MINUTE
    assert idle.timer.isActive()
    go = Event()
    job = run_job(shell_context, qtbot, go)
    qtbot.waitUntil(lambda: not idle.timer.isActive(), timeout=20_000)  # something works
    with qtbot.waitSignal(job.finished, timeout=20_000):
        go.set()
    qtbot.waitUntil(idle.timer.isActive, timeout=20_000)
    assert pool.freed == 0
    idle.timer.timeout.emit()
    qtbot.waitUntil(lambda: pool.freed == 1, timeout=20_000)
    assert shell_context.model() is None
    assert shell_context._models.loaded == ""  # the next message loads it again


def test_the_setting_changes_it_at_once(shell_context: AppContext, pool: Pool) -> None:
    idle = IdleUnload(shell_context)
    shell_context.in_memory = {Path("a.gguf"): (1, "cpu")}
    shell_context.set_unload_minutes(5)
    assert idle.timer.interval() == 5 * MINUTE
    shell_context.set_unload_minutes(0)
    assert not idle.timer.isActive()
    assert Settings.load().unload_minutes == 0
    shell_context.set_unload_minutes(10**12)  # from a file that somebody edited
    assert idle.timer.isActive()
