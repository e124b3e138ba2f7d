"""The results of a list or a table: the shares of the labels, a search, the rows, and one row closely."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.sentiment.chart import Chart
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.grouping import Grouping
from autogpt_desktop.ui.sentiment.result_rows import Filter, ResultRows
from autogpt_desktop.ui.sentiment.row_detail import RowDetail
from autogpt_desktop.ui.sentiment.scheme import SENTIMENT, Scheme
from autogpt_desktop.ui.sentiment.table_view import ResultTable
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, label, name_field
from autogpt_desktop.ui.widgets.boxes import ComboBox

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

BESIDE_FROM = 720  # pixels of width from which a row is looked at beside the table, else below it
BELOW_FROM = 540  # pixels of height that both need below each other
_LEAST_BARS = 3  # of the chart that are seen at the least
SEARCH_MS = 180
COUNT_MS = 100
# what the list of filters offers: certainty from and to, corrected, foreign, without a text
_FILTERS: tuple[Filter, ...] = (
    Filter(),
    Filter(certainty=(0.9, 2.0)),
    Filter(certainty=(0.6, 0.9)),
    Filter(certainty=(0.0001, 0.6)),
    Filter(corrected=True),
    Filter(foreign=True),
    Filter(label=""),
)


class Results(QWidget):
    """``corrected`` carries the texts of rows and the label that a user gave them ("": taken back)."""

    corrected = Signal(str, str)

    def __init__(
        self, context: AppContext, corrections: CorrectionList, rows: ResultRows, panel_key: str
    ) -> None:
        super().__init__()
        self.rows = rows
        self.expected = 0  # rows that there will be
        self.scheme = SENTIMENT
        self.chart = Chart()
        self.chart_area = QScrollArea()  # of many labels some are seen at once
        self.chart_area.setWidgetResizable(True)
        self.chart_area.setFrameShape(QFrame.Shape.NoFrame)
        self.chart_area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.chart_area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.chart_area.setWidget(self.chart)
        self.chart.row_focused.connect(self._show_bar)
        self.chart.pressed.connect(self._on_bar)
        self.note = label(size="small", tone="muted", wrap=True)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.kinds = ComboBox()
        self.kinds.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.kinds.setMinimumContentsLength(13)
        self.found = label(size="small", tone="muted")
        self.reset_button = button(kind="quiet")
        self.reset_button.clicked.connect(self.reset_filter)
        self.table = ResultTable(context, rows, panel_key)
        self.table.row_opened.connect(self._on_row_opened)
        self.table.corrected.connect(self._on_corrected)
        self.detail = RowDetail(context, corrections, panel_key)
        self.detail.stepped.connect(self.table.step)
        self.detail.corrected.connect(self._on_corrected)
        self.detail.closed.connect(self.close_row)
        self.detail.hide()
        filters = QHBoxLayout()
        filters.setSpacing(8)
        filters.addWidget(self.search, 1)
        filters.addWidget(self.kinds)
        self._filters = filters
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.note, 1)
        below.addWidget(self.found)
        below.addWidget(self.reset_button)
        self._all = QWidget()
        column = self._all_column = QVBoxLayout(self._all)
        column.setSpacing(8)
        column.addWidget(self.chart_area)
        column.addLayout(filters)
        column.addLayout(below)
        column.addWidget(self.table, 1)
        self._grouping: Grouping | None = None
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.addWidget(self._all)
        self.splitter.addWidget(self.detail)
        self.splitter.setStretchFactor(0, 3)
        self.splitter.setStretchFactor(1, 2)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self.splitter)
        self._search_timer, self._count_timer = self._timer(SEARCH_MS), self._timer(COUNT_MS)
        self._search_timer.timeout.connect(self._apply_filter)
        self._count_timer.timeout.connect(self._show_counts)
        self.search.textChanged.connect(self._search_timer.start)
        self.kinds.activated.connect(self._apply_filter)
        rows.counted.connect(self._on_counted)
        rows.refiltered.connect(self._show_found)
        self._label: str | None = None  # of the bar that filters
        self.retranslate()

    def _timer(self, milliseconds: int) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(milliseconds)
        return timer

    def retranslate(self) -> None:
        name_field(self.search, tr("Search in the texts"))
        self._fill_kinds()
        self.kinds.setAccessibleName(tr("Which rows"))
        self.reset_button.setText(tr("Show all"))
        self.table.retranslate()
        self.detail.retranslate()
        self._show_counts()

    def _fill_kinds(self) -> None:
        """What can be filtered by; own labels are neither corrected here nor of some languages alone."""
        chosen = self._kind()
        self.kinds.clear()
        names = (
            tr("All"),
            tr("Certain: 90 % or more"),
            tr("Rather certain: 60 to 90 %"),
            tr("Uncertain: below 60 %"),
            tr("Corrected by me"),
            tr("Unknown language"),
            tr("Without a text"),
        )
        for number, (name, kind) in enumerate(zip(names, _FILTERS, strict=True)):
            if not (self.scheme.is_own and (kind.corrected or kind.foreign)):
                self.kinds.addItem(name, number)
        self.kinds.setCurrentIndex(max(0, self.kinds.findData(_FILTERS.index(chosen))))

    def _kind(self) -> Filter:
        return _FILTERS[self.kinds.currentData() or 0]

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels: the rows go."""
        self.scheme, self._label = scheme, None
        self.chart.set_scheme(scheme)
        self.table.set_scheme(scheme)
        self.detail.set_scheme(scheme)
        self._fill_kinds()
        self._fit_chart()
        self.reset_filter()

    def _fit_chart(self) -> None:
        """As high as its bars, but no more than a third of the room: the rows want the rest."""
        most = max(self.chart.height_of(_LEAST_BARS), self.height() // 3)
        self.chart_area.setFixedHeight(min(self.chart.height_of(len(self.chart.labels())), most))

    def _show_bar(self, top: int, bottom: int) -> None:
        self.chart_area.ensureVisible(0, top, 0, 4)
        self.chart_area.ensureVisible(0, bottom, 0, 4)

    def add_grouping(self, grouping: Grouping) -> None:
        """Groups in the rows' place, where a user wants them."""
        self._grouping = grouping
        self._gap = QWidget()
        self._gap.hide()
        self._filters.insertWidget(0, self._gap, 1)
        self._filters.addWidget(grouping.combo)
        self._all_column.addWidget(grouping.table, 1)
        grouping.table.hide()
        grouping.chosen.connect(self._show_grouping)

    def _show_grouping(self) -> None:
        grouping = self._grouping
        if grouping is None:
            return
        grouped = grouping.choice is not None
        if grouped and self.detail.row >= 0:
            self.close_row()
        for of_rows in (self.search, self.kinds, self.table):
            of_rows.setVisible(not grouped)
        for of_groups in (self._gap, grouping.table):
            of_groups.setVisible(grouped)
        self._show_found()

    def restyle(self) -> None:
        if self._grouping is not None:
            self._grouping.table.restyle()
        self.chart.restyle()
        self._fit_chart()
        self.table.restyle()
        self.detail.verdict.restyle()

    # --- rows -------------------------------------------------------------------------------

    def begin(self) -> None:
        """Other rows are about to come."""
        self.close_row()
        self.reset_filter()
        self.table.restyle()

    def close_row(self) -> None:
        """The table alone."""
        had_focus = self.detail.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        self.table.follows = False
        self.detail.clear()
        self.detail.hide()
        self._place()
        self.table.clearSelection()
        self.table.setCurrentIndex(self.rows.index(-1, -1))
        if had_focus:
            self.table.setFocus()

    def step(self, by: int) -> None:
        self.table.step(by)

    def refresh_row(self) -> None:
        """The row that is looked at, with the constants of now."""
        if self.detail.row >= 0:
            row = self.detail.row
            self.detail.show_row(row, self.rows.text_of(row), self.rows.two_way)

    def _on_row_opened(self, row: int) -> None:
        if row != self.detail.row:
            self.detail.show()
            self.table.follows = True
            self._place()
            self.detail.show_row(row, self.rows.text_of(row), self.rows.two_way)

    def _on_corrected(self, row: int, chosen: str) -> None:
        self.corrected.emit(self.rows.text_of(row), chosen)

    # --- filter -----------------------------------------------------------------------------

    def reset_filter(self) -> None:
        self._label = None
        self.search.clear()
        self.kinds.setCurrentIndex(0)
        self._apply_filter()

    def _on_bar(self, pressed: str) -> None:
        if self._grouping is not None and self._grouping.choice is not None:
            return  # the filter is of rows
        self._label = None if self._label == pressed else pressed
        if self._label is not None and self._kind().label == "":
            self.kinds.setCurrentIndex(0)
        self._apply_filter()

    def _apply_filter(self) -> None:
        self._search_timer.stop()
        kind = self._kind()
        if kind.label is not None:
            self._label = None
        filter_ = Filter(
            label=kind.label if kind.label is not None else self._label,
            text=self.search.text().strip(),
            certainty=kind.certainty,
            corrected=kind.corrected,
            foreign=kind.foreign,
        )
        self.chart.choose(self._label)
        self.rows.set_filter(filter_)
        self._show_found()

    # --- counts -----------------------------------------------------------------------------

    def _on_counted(self) -> None:
        if not self._count_timer.isActive():
            self._count_timer.start()  # at most ten times a second, however fast rows come

    def _show_counts(self) -> None:
        counts, rows = self.rows.counts(), self.rows
        if rows.two_way != self.chart.two_way:
            self.chart.show_counts(counts, rows.two_way)
            self._fit_chart()
        self.chart.show_counts(counts, rows.two_way)
        self.table.fit_numbers(max(rows.count(), self.expected))
        parts = []
        if rows.count_corrected():
            parts.append(tr("{n} corrected by you", n=f"{rows.count_corrected():,}"))
        if counts[""]:
            parts.append(tr("{n} without a text", n=f"{counts['']:,}"))
        if rows.count_foreign():
            parts.append(
                tr("{n} in languages that the model does not know ({languages}): do not rely on these",
                   n=f"{rows.count_foreign():,}", languages=rows.foreign_text())
            )  # fmt: skip
        self.note.setText(" · ".join(parts))
        self._show_found()

    def _show_found(self) -> None:
        if self._grouping is not None and self._grouping.choice is not None:
            self.reset_button.hide()
            self.found.setText(tr("{n} groups", n=f"{self._grouping.table.rows.rowCount():,}"))
            return
        shown, total = self.rows.rowCount(), self.rows.count()
        filtered = not self.rows.filter.is_empty
        self.reset_button.setVisible(filtered)
        self.found.setText(
            tr("{shown} of {total}", shown=f"{shown:,}", total=f"{total:,}")
            if filtered
            else tr("{n} texts", n=f"{total:,}")
        )

    # --- Qt ---------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_chart()
        self._place()

    def _place(self) -> None:
        """The row that is looked at stands beside the table, below it, or where there is no room for
        both in its place."""
        wide = self.width() >= BESIDE_FROM
        orientation = Qt.Orientation.Horizontal if wide else Qt.Orientation.Vertical
        if orientation != self.splitter.orientation():
            self.splitter.setOrientation(orientation)
            self.splitter.setSizes([3000, 2000])
        alone = not self.detail.isHidden() and not wide and self.height() < BELOW_FROM
        had_focus = self.table.hasFocus()
        beside = wide and not self.detail.isHidden()
        self._all_column.setContentsMargins(0, 0, 8 if beside else 0, 0)
        self.detail.set_left_margin(8 if beside else 0)
        self._all.setVisible(not alone)
        if alone and had_focus:
            self.detail.close_button.setFocus()
