"""The choice between the rows and the shares of groups of them, which are counted on the worker."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Event
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.events import Result
from autogpt_desktop.i18n import message, tr
from autogpt_desktop.tasks.sentiment.groups import Groups, month_of
from autogpt_desktop.tasks.sentiment.sources import Preview
from autogpt_desktop.ui.jobs.model_jobs import until_cancelled
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.sentiment.groups_view import GroupTable
from autogpt_desktop.ui.sentiment.run_control import RUNNING, RunControl
from autogpt_desktop.ui.widgets.boxes import ComboBox

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

LATER_MS = 400  # behind the latest change of a verdict
MOST_COLUMNS = 100  # that are offered
DATES = 0.7  # of the first cells, from which a column can be grouped by month

Choice = tuple[int, bool]  # the number of a column, whether by month


class Grouping(QObject):
    """``chosen`` comes when the rows are to be shown or groups; ``failed`` carries an error."""

    chosen = Signal()
    failed = Signal(object)

    def __init__(self, context: AppContext, control: RunControl) -> None:
        super().__init__(control)
        self._context, self._control = context, control
        self.combo = ComboBox()
        self.combo.setSizeAdjustPolicy(ComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.combo.setMinimumContentsLength(13)
        self.combo.activated.connect(self._on_chosen)
        self.table = GroupTable()
        self._offered: list[tuple[str, Choice]] = []
        self._said = ""  # about dates that may be read in two ways
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_end)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(LATER_MS)
        self._timer.timeout.connect(self.refresh)
        control.changed.connect(self._on_control)
        control.rows.counted.connect(self._on_counted)

    @property
    def choice(self) -> Choice | None:
        """None: the rows."""
        found: Choice | None = self.combo.currentData()
        return found

    def retranslate(self) -> None:
        self.combo.setAccessibleName(tr("Rows or groups"))
        self.table.retranslate()
        self._fill(self.choice)

    def offer(self, found: Preview | None, texts: int = -1) -> None:
        """The columns of a table, but for the one with the texts; None: a list has no others."""
        self._job.detach()
        self._said = ""
        self._offered = []
        names = found.table.columns if found is not None else ()
        for column, name in list(enumerate(names))[:MOST_COLUMNS]:
            if found is not None and column != texts:
                self._offered.append((name, (column, False)))
                cells = [row[column] for row in found.rows if column < len(row) and row[column].strip()]
                if cells and sum(bool(month_of(cell)) for cell in cells) >= DATES * len(cells):
                    self._offered.append((name, (column, True)))
        self._fill(None)
        self.chosen.emit()

    def _fill(self, chosen: Choice | None) -> None:
        self.combo.clear()
        self.combo.addItem(tr("Rows"), None)
        for name, choice in self._offered:
            short = " ".join(name.split())[:40]
            text = tr("By month of {column}", column=short) if choice[1] else tr("By {column}", column=short)
            self.combo.addItem(text, choice)
        places = [None, *(choice for _, choice in self._offered)]
        self.combo.setCurrentIndex(places.index(chosen) if chosen in places else 0)
        self.combo.setVisible(bool(self._offered))

    def refresh(self) -> None:
        """Count the groups, with the verdicts of now."""
        run, choice = self._control.table_run, self.choice
        if run is None or choice is None or not self._control.rows.count():
            return
        own = self._control.rows.corrected_labels()
        column, by_month = choice

        def job(cancel: Event) -> Iterator[object]:
            steps = run.groups(column, by_month=by_month, own=own, cancelled=cancel.is_set)
            yield from until_cancelled(steps, cancel)

        lane = "interactive" if self._control.state == RUNNING else "background"
        self._job.start_plain(job, title=tr("Counting groups"), lane=lane)

    def _on_chosen(self) -> None:
        self.chosen.emit()
        self.refresh()

    def _on_control(self) -> None:
        if self._control.table_run is None:
            self._job.detach()
            self.table.show_groups(Groups((), "", labels=self._control.scheme.labels), False)
        elif self._control.state != RUNNING:
            self.refresh()

    def _on_counted(self) -> None:
        if self.choice is not None and not self._timer.isActive():
            self._timer.start()

    def _on_event(self, event: object) -> None:
        if not isinstance(event, Result):
            return
        self.table.show_groups(event.value, self._control.rows.two_way)
        if event.value.unclear and event.value.unclear != self._said:
            self._said = event.value.unclear
            self._context.toast(message("notice.sentiment-dates-unclear", date=self._said))
        self.chosen.emit()

    def _on_end(self, state: str, error: object) -> None:
        if state == "failed":
            self.failed.emit(error)
