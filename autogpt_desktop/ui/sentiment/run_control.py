"""The run over a list or a table: started, paused, gone on with, judged again, exported."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice, Progress, Result
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.tasks.sentiment.groups import Groups, write_groups
from autogpt_desktop.tasks.sentiment.run_store import Remembered
from autogpt_desktop.tasks.sentiment.sources import Preview, list_table
from autogpt_desktop.tasks.sentiment.table import Block, RunState, TableRun
from autogpt_desktop.ui.jobs.model_jobs import until_cancelled
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.result_rows import ResultRows
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.widgets.basic import time_text
from autogpt_desktop.ui.widgets.progress_row import ProgressRow

if TYPE_CHECKING:
    from autogpt_desktop.engine.model_pool import JobModels
    from autogpt_desktop.ui.context import AppContext

SHORT = 60  # lines of a list that a user waits for; a longer one is work for the background
IDLE, RUNNING, PAUSED, STOPPED, FINISHED = "idle", "running", "paused", "stopped", "finished"


class RunControl(QObject):
    """``changed`` comes with every new state. What runs lives on the worker; here are only its rows."""

    changed = Signal()
    failed = Signal(object)
    exported = Signal(Path, int)  # where to, how many rows

    def __init__(
        self, context: AppContext, corrections: CorrectionList, rows: ResultRows, progress: ProgressRow
    ) -> None:
        super().__init__(rows)
        self.rows, self.progress = rows, progress
        self.writing = ProgressRow()
        self.writing.cancelled.connect(self.cancel_export)
        self.state = IDLE
        self.name = ""  # of the file; "" for a list
        self.total = 0
        self.continued = 0  # rows that a run before had done
        self.table_run: TableRun | None = None
        self._context, self._corrections = context, corrections
        self._remembered = Remembered()
        self._two_way = False
        self._job, self._again, self._export = (PanelJob(context, self) for _ in range(3))
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_end)
        self._again.yielded.connect(self._on_judged)
        self._again.ended.connect(self._on_judged_all)
        self._export.yielded.connect(self._on_export)
        self._export.ended.connect(self._on_export_end)
        self._out = Path()
        self._resume = False
        self._fast = False  # a speed is shown
        progress.paused.connect(self.pause)
        progress.resumed.connect(self.go_on)
        progress.cancelled.connect(self.cancel)
        corrections.changed.connect(self._on_corrections)

    # --- what the panel asks ----------------------------------------------------------------

    @property
    def scheme(self) -> Scheme:
        """The labels that rows get."""
        return self.rows.scheme

    def start_list(self, lines: list[str], two_way: bool) -> None:
        """Judge a list's lines; those that were judged before are known."""
        table, digest = list_table(lines, "text")
        run = TableRun(
            table, "text", digest=digest, remembered=self._remembered, hold=True, judge=self.scheme.judge
        )
        self._start(run, "", two_way, "interactive" if len(lines) <= SHORT else "background")

    def start_table(self, preview: Preview, column: int, two_way: bool) -> None:
        """Judge a column of a file."""
        table = preview.table
        run = TableRun(table, str(column + 1), hold=True, judge=self.scheme.judge)
        run.column = column  # a name that is a number would be taken for one
        self._start(run, table.path.name, two_way, "background")

    def pause(self) -> None:
        self._resume = False
        if self.state == RUNNING:
            self._set(PAUSED)
            self._job.cancel()
            self.progress.set_paused(True)

    def go_on(self) -> None:
        """Behind a pause, or where a run was cancelled or failed."""
        if self.state not in (PAUSED, STOPPED) or self.table_run is None:
            return
        if self._job.running:  # it was asked to stop and has not yet: none of its rows may be lost
            self._resume = True
        else:
            self._submit(self.table_run, "background")

    def cancel(self) -> None:
        """Stop; what is there stays."""
        self._resume = False
        if self.state in (RUNNING, PAUSED):
            self._job.cancel()
            self.progress.end()
            self._set(STOPPED)

    def cancel_export(self) -> None:
        """Nothing is written then."""
        self._export.cancel()

    def stop(self) -> bool:
        """Esc: stop what runs; False where nothing does."""
        if self._export.running:
            self.cancel_export()
        elif self.busy:
            self.cancel()
        else:
            return False
        return True

    def close(self) -> None:
        """Forget the run and its rows."""
        for job in (self._job, self._again, self._export):
            job.detach()
        self.table_run, self.name, self.total, self.continued = None, "", 0, 0
        self.progress.end()
        self.writing.end()
        self.rows.clear()
        self._set(IDLE)

    def set_two_way(self, two_way: bool) -> None:
        if not self.scheme.is_own and two_way != self._two_way:
            self._two_way = self.rows.two_way = two_way
            self.judge_again()

    def judge_again(self) -> None:
        """From what was measured, without the model."""
        run, two_way, corrections = self.table_run, self._two_way, self._corrections
        if run is None:
            return

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            stored = corrections.get()
            yield from run.judge_again(models, two_way=two_way, corrections=stored, cancelled=cancel.is_set)

        self._again.start(job, title=tr("Judging again"), role=self.scheme.role)

    def export(self, path: Path, only: frozenset[int] | None) -> None:
        """Write the rows to a CSV or XLSX file; ``only`` those of these numbers."""
        run, own = self.table_run, self.rows.corrected_labels()
        if run is None:
            return
        self._out = path

        total = len(only) if only is not None else self.rows.count()

        def write(cancel: Event) -> Iterator[object]:
            count = 0
            yield from run.losses(path, is_filtered=only is not None)
            for count in run.export_steps(path, cancel.is_set, only=only, own=own):
                yield Progress("stage.writing-table", count, total)
            yield Result(count)

        self._write(path, write)

    def export_groups(self, path: Path, found: Groups, no_value: str) -> None:
        """Write groups; ``no_value``: what the one of empty cells is called."""
        run, two_way, total = self.table_run, self._two_way, len(found.groups)
        if run is None:
            return
        self._out = path

        def write(_cancel: Event) -> Iterator[object]:
            if os.path.exists(path) and path.samefile(run.table.path):
                raise KnownError("sentiment-own-file", name=path.name)
            count = 0
            for count in write_groups(path, found, two_way, no_value):
                yield Progress("stage.writing-table", count, total)
            yield Result(count)

        self._write(path, write)

    def _write(self, path: Path, write: Callable[[Event], Iterator[object]]) -> None:
        def job(cancel: Event) -> Iterator[object]:
            yield from until_cancelled(write(cancel), cancel)

        title = tr("Writing {file}", file=path.name)
        self.writing.begin(title)
        # behind a run that goes on a user would wait for its end
        lane = "interactive" if self.state == RUNNING else "background"
        self._export.start_plain(job, title=title, lane=lane)

    def outcome(self) -> tuple[int, ...]:
        """How many rows each label has by now."""
        counts = self.rows.counts()
        return tuple(counts.get(label, 0) for label in self.scheme.labels)

    @property
    def busy(self) -> bool:
        """Something runs or is to be gone on with."""
        return self.state in (RUNNING, PAUSED)

    # --- the worker's answers ---------------------------------------------------------------

    def _start(self, run: TableRun, name: str, two_way: bool, lane: str) -> None:
        self.close()
        self.table_run, self.name = run, name
        self._two_way = self.rows.two_way = two_way and not self.scheme.is_own
        self._submit(run, lane)

    def _submit(self, run: TableRun, lane: str) -> None:
        two_way, corrections = self._two_way, self._corrections
        self._resume = self._fast = False

        def job(models: JobModels, cancel: Event) -> Iterator[object]:
            try:
                yield from run.run(
                    models, two_way=two_way, corrections=corrections.get(), cancelled=cancel.is_set
                )
            finally:
                run.close()

        name = self.name or tr("a list")
        self.progress.begin(tr("Starting"))
        self._set(RUNNING)
        title = (
            tr("Labels of {name}", name=name) if self.scheme.is_own else tr("Sentiment of {name}", name=name)
        )
        self._job.start(job, title=title, role=self.scheme.role, lane=lane)

    def _on_event(self, event: object) -> None:
        if isinstance(event, Block):
            self.rows.add(event)
        elif isinstance(event, RunState):
            if self.total != event.total:
                self.total = event.total
                self.changed.emit()
            if self.state == RUNNING:
                self.progress.advance(Progress("", event.done, event.total))
                self._fast = event.rows_per_second > 0
                self.progress.set_text(self._speed(event))
        elif isinstance(event, Progress) and self.state == RUNNING:
            if event.stage == "stage.scoring":
                self.progress.advance(event)
            if event.stage != "stage.scoring" or not self._fast:  # else the speed stays to be read
                self.progress.set_text(message(event.stage))
        elif isinstance(event, Notice):
            if event.key == "notice.sentiment-continues":
                self.continued = int(event.values["done"])
                self.changed.emit()
            else:
                self._context.toast(message(event.key, **event.values))

    @staticmethod
    def _speed(state: RunState) -> str:
        if state.rows_per_second <= 0:
            return message("stage.scoring")
        speed = tr("{n} rows a second", n=_rate(state.rows_per_second))
        left = (state.total - state.done) / state.rows_per_second
        if left < 3:
            return speed
        return tr("{speed}, about {time} left", speed=speed, time=time_text(left))

    def _on_end(self, state: str, error: object) -> None:
        if self._resume and state == "cancelled" and self.table_run is not None:
            self._submit(self.table_run, "background")
            return
        if self.state == PAUSED and state == "cancelled":
            return
        self.progress.end()
        if state == "failed":
            self._set(STOPPED if self.rows.count() else IDLE)
            self.failed.emit(error)
        elif state == "done":
            self._set(FINISHED)
            if self.name:
                text = tr("{name}: {n} rows are done.", name=self.name, n=f"{self.rows.count():,}")
                self._context.notify(tr("Sentiment"), text)
        else:
            self._set(STOPPED)

    def _on_judged(self, event: object) -> None:
        if isinstance(event, Block):
            self.rows.add(event)

    def _on_judged_all(self, state: str, error: object) -> None:
        self.rows.on_judged()
        if state == "failed":
            self.failed.emit(error)

    def _on_corrections(self) -> None:
        if self.table_run is not None and not self.scheme.is_own:
            self.rows.on_corrections()
            self.judge_again()

    def _on_export(self, event: object) -> None:
        if isinstance(event, Progress):
            self.writing.advance(event)
        elif isinstance(event, Notice):
            self._context.toast(message(event.key, **event.values))
        elif isinstance(event, Result):
            self.exported.emit(self._out, event.value)

    def _on_export_end(self, state: str, error: object) -> None:
        self.writing.end()
        if state == "failed":
            self.failed.emit(error)

    def _set(self, state: str) -> None:
        self.state = state
        self.changed.emit()


def _rate(speed: float) -> str:
    return f"{speed:.1f}" if speed < 100 else f"{speed:,.0f}"
