"""A run and its results as one piece: progress in place, where it stopped, what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.sources import Preview
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.exporter import Exporter
from autogpt_desktop.ui.sentiment.grouping import Grouping
from autogpt_desktop.ui.sentiment.result_rows import ResultRows
from autogpt_desktop.ui.sentiment.results import Results
from autogpt_desktop.ui.sentiment.run_control import IDLE, PAUSED, RUNNING, STOPPED, RunControl
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.widgets.basic import button, label
from autogpt_desktop.ui.widgets.progress_row import ProgressRow

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class RunView(QWidget):
    """``corrected`` carries a text and the label that a user gave it, "" to take it back."""

    corrected = Signal(str, str)
    failed = Signal(object)
    changed = Signal()

    def __init__(self, context: AppContext, corrections: CorrectionList, panel_key: str) -> None:
        super().__init__()
        self.rows = ResultRows(corrections)
        self.rows.setParent(self)  # their timers end with the widgets that they show things in
        self.progress = ProgressRow(can_pause=True)
        self.control = RunControl(context, corrections, self.rows, self.progress)
        self.results = Results(context, corrections, self.rows, panel_key)
        self.grouping = Grouping(context, self.control)
        self.grouping.failed.connect(self.failed)
        self.results.add_grouping(self.grouping)
        self.results.corrected.connect(self.corrected)
        self.results.detail.job.failed.connect(self.failed)
        self.exporter = Exporter(context, self.control, self.results, self.grouping, self)
        self.status = label(size="small", tone="muted", wrap=True)
        self.resume_button = button(kind="quiet", icon="play")
        self.resume_button.clicked.connect(self.control.go_on)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.status, 1)
        line.addWidget(self.resume_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.progress)
        column.addWidget(self.control.writing)
        column.addLayout(line)
        column.addWidget(self.results, 1)
        self.control.changed.connect(self._show)
        self.control.failed.connect(self.failed)
        corrections.changed.connect(self.results.refresh_row)
        self.retranslate()

    def retranslate(self) -> None:
        self.progress.retranslate()
        self.control.writing.retranslate()
        self.results.retranslate()
        self.grouping.retranslate()
        self.resume_button.setText(tr("Go on"))
        self._show()

    def restyle(self) -> None:
        self.results.restyle()

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels: the run that is here ends, and its rows go."""
        self.close_run()
        self.results.set_scheme(scheme)
        self.grouping.table.set_scheme(scheme)

    def start_list(self, lines: list[str], two_way: bool) -> None:
        """Judge a list. A row that is looked at is left only when its text is another one."""
        row = self.results.detail.row
        same = 0 <= row < len(lines) and row < self.rows.count() and lines[row] == self.rows.text_of(row)
        if not same:
            self.results.close_row()
        self.grouping.offer(None)
        self.control.start_list(lines, two_way)

    def start_table(self, found: Preview, column: int, two_way: bool) -> None:
        self.results.begin()
        self.grouping.offer(found, column)
        self.control.start_table(found, column, two_way)

    def close_run(self) -> None:
        self.results.begin()
        self.control.close()

    def set_two_way(self, two_way: bool) -> None:
        self.control.set_two_way(two_way)
        self.results.refresh_row()

    def _show(self) -> None:
        control = self.control
        self.results.expected = control.total
        text = ""
        if control.state == STOPPED:
            text = tr("Stopped at row {n} of {total}. What is done is kept.",
                      n=f"{self.rows.count():,}", total=f"{control.total:,}")  # fmt: skip
        elif control.state in (RUNNING, PAUSED) and control.continued:
            text = tr("Continues at row {row}; what was done before is kept.",
                      row=f"{control.continued + 1:,}")  # fmt: skip
        self.status.setText(text)
        self.status.setVisible(bool(text))
        self.resume_button.setVisible(control.state == STOPPED)
        self.results.setVisible(control.state != IDLE)
        self.changed.emit()
