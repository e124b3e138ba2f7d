"""The leaderboard of a search: every trial with its shape, the best first; columns sort."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTableWidget, QTableWidgetItem

from autogpt_desktop.i18n import tr
from autogpt_desktop.lab.runs.events import Trial
from autogpt_desktop.ui.widgets.basic import plain_tooltip

_BITS = 1  # the column
_STATES = ("done", "pruned", "failed")


class _Cell(QTableWidgetItem):
    """Sorts by its number."""

    def __init__(self, text: str, number: float) -> None:
        super().__init__(text)
        self.number = number

    def __lt__(self, other: QTableWidgetItem) -> bool:
        return isinstance(other, _Cell) and self.number < other.number


class TrialTable(QTableWidget):
    def __init__(self) -> None:
        super().__init__(0, 6)
        self.setEditTriggers(QTableWidget.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QTableWidget.SelectionBehavior.SelectRows)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.verticalHeader().hide()
        self.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.horizontalHeader().setStretchLastSection(True)
        self.horizontalHeader().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)  # the best first
        self._shown: list[Trial] = []
        self.retranslate()

    def retranslate(self) -> None:
        names = [tr("Trial"), tr("Bits per byte"), tr("Loss"), tr("Parameters"), tr("State"), tr("Shape")]
        self.setHorizontalHeaderLabels(names)
        self.setAccessibleName(tr("Trials of the search"))
        trials, self._shown = self._shown, []
        self.show_trials(trials)

    def show_trials(self, trials: Sequence[Trial]) -> None:
        """The best first."""
        if list(trials) == self._shown:
            return
        self._shown = list(trials)
        states = dict(zip(_STATES, (tr("done"), tr("given up"), tr("failed")), strict=True))
        # heads have none
        self.setColumnHidden(_BITS, bool(trials) and not any(one.bits_per_byte for one in trials))
        self.setSortingEnabled(False)
        self.setRowCount(len(trials))
        for row, trial in enumerate(trials):
            shape = ", ".join(f"{name} {_short(value)}" for name, value in trial.shape.items())
            state = states.get(trial.status, trial.status)
            if trial.proposed_by == "model":
                state += " · " + tr("proposed by a model")
            cells = [
                _Cell(str(trial.number), trial.number),
                _Cell(
                    f"{trial.bits_per_byte:.3f}" if trial.bits_per_byte else "–", trial.bits_per_byte or 99
                ),
                _Cell(f"{trial.loss:.3f}" if trial.loss else "–", trial.loss or 99),
                _Cell(f"{trial.parameters:,}", trial.parameters),
                _Cell(state, _STATES.index(trial.status) if trial.status in _STATES else 9),
                _Cell(trial.reason or shape, row),
            ]
            for column, cell in enumerate(cells):
                if 0 < column < 4:
                    cell.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                cell.setToolTip(plain_tooltip(trial.reason or shape))
                self.setItem(row, column, cell)
        self.setSortingEnabled(True)


def _short(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
