"""A table before it is run: its first rows, which column holds the texts, and from which sheet."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.events import Result
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.sentiment.sources import Preview, TableOptions, opening_file, previewing
from autogpt_desktop.ui.jobs.panel_job import PanelJob
from autogpt_desktop.ui.sentiment.source_choices import SourceChoices
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, icon_button, label, name_button
from autogpt_desktop.ui.widgets.progress_row import ProgressRow
from autogpt_desktop.ui.widgets.theme import theme

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

CELL = 160  # characters of a cell that are shown
WIDEST = 320  # pixels of a column

Index = QModelIndex | QPersistentModelIndex


class _Cells(QAbstractTableModel):
    """The first rows; the chosen column is tinted."""

    def __init__(self) -> None:
        super().__init__()
        self.names: tuple[str, ...] = ()
        self.rows: tuple[tuple[str, ...], ...] = ()
        self.chosen = 0

    def show_preview(self, found: Preview) -> None:
        self.beginResetModel()
        self.names, self.rows, self.chosen = found.table.columns, found.rows, found.column
        self.endResetModel()

    def choose(self, column: int) -> None:
        self.chosen = column
        if self.rows:
            last = self.index(len(self.rows) - 1, len(self.names) - 1)
            self.dataChanged.emit(self.index(0, 0), last)
        self.headerDataChanged.emit(Qt.Orientation.Horizontal, 0, len(self.names) - 1)

    def rowCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index | None = None) -> int:
        return 0 if parent is not None and parent.isValid() else len(self.names)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row = self.rows[index.row()]
        cell = row[index.column()] if index.column() < len(row) else ""
        if role == Qt.ItemDataRole.DisplayRole:
            return " ".join(cell[:CELL].split())
        if role == Qt.ItemDataRole.BackgroundRole and index.column() == self.chosen:
            return theme().color("accent_soft")
        if role == Qt.ItemDataRole.ForegroundRole:
            return QColor(theme().color("text" if index.column() == self.chosen else "muted"))
        return None

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return ("✓ " if section == self.chosen else "") + self.names[section][:60]
        return None


def _result(steps: Generator[None, None, Preview | str]) -> Iterator[object]:
    """A job of them; at each step the worker looks whether to go on."""
    found = yield from steps
    yield Result(found)


class SourceCard(QWidget):
    """``started`` carries the Preview and the column's number, ``text_found`` the text of a document that
    is no table, ``closed`` that the file is no longer wanted."""

    started = Signal(object, int)
    text_found = Signal(str)
    opened = Signal()
    closed = Signal()
    failed = Signal(object)

    def __init__(self, context: AppContext) -> None:
        super().__init__()
        self.reading = ProgressRow()  # the panel shows it: there may be no card yet
        self.reading.cancelled.connect(self.stop_reading)
        self.preview: Preview | None = None
        self.is_choosing = False  # it is read anew because of a choice, where the focus stays
        self._job = PanelJob(context, self)
        self._job.yielded.connect(self._on_event)
        self._job.ended.connect(self._on_end)
        self.title = ElidedLabel()
        self.facts = label(size="small", tone="muted")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_file)
        self.choices = SourceChoices()
        self.columns = self.choices.columns
        self.choices.column_chosen.connect(self._on_column)
        self.choices.options_chosen.connect(self._on_options)
        self.note = label(size="small", tone="muted", wrap=True)
        self.note.hide()
        self.start_button = button(kind="primary")
        self.start_button.clicked.connect(self.start)
        self.change_button = button(kind="quiet")
        self.change_button.clicked.connect(self._unfold)
        self.cells = _Cells()
        self.table = self._make_table()
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self.title, 1)
        head.addWidget(self.facts)
        head.addWidget(self.change_button)
        head.addWidget(self.close_button)
        self.choices.add_action(self.start_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.choices)
        column.addWidget(self.note)
        column.addWidget(self.table, 1)
        self.retranslate()

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.cells)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTabKeyNavigation(False)
        table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        table.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the list of columns does the same by keys
        table.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        table.verticalHeader().hide()
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setSectionsClickable(True)
        table.horizontalHeader().sectionClicked.connect(self.choose_column)
        table.clicked.connect(self._on_cell)
        table.setMinimumHeight(96)
        return table

    def retranslate(self) -> None:
        self.reading.retranslate()
        name_button(self.close_button, tr("Close the file"))
        self.choices.retranslate()
        self.start_button.setText(tr("Start"))
        self.change_button.setText(tr("Change how it is read"))
        self.table.setAccessibleName(tr("First rows of the table"))
        self._show_facts()

    # --- files ------------------------------------------------------------------------------

    def open(self, path: Path) -> None:
        """Read the first rows of a table, or the whole of another document."""

        def job(_cancel: Event) -> Iterator[object]:
            yield from _result(opening_file(path))

        self._read(job, path.name)

    def open_again(self, path: Path, options: TableOptions, column: str) -> None:
        """The first rows of a table that was run before, or is to be read in another way."""

        def job(_cancel: Event) -> Iterator[object]:
            yield from _result(previewing(path, options, column))

        self._read(job, path.name)

    def _on_options(self, options: TableOptions) -> None:
        if self.preview is not None:
            self.open_again(self.preview.table.path, options, self.columns.currentText())
            self.is_choosing = True

    def _read(self, job: Callable[[Event], Iterator[object]], name: str) -> None:
        self.is_choosing = False
        text = tr("Reading {file}", file=name)
        self.reading.begin(text)
        self._job.start_plain(job, title=text)

    def stop_reading(self) -> None:
        """Forget the file that is being read; what is open stays."""
        self._job.detach()
        self.reading.end()

    def close_file(self) -> None:
        self.stop_reading()
        self.preview = None
        self.closed.emit()

    def _on_event(self, event: object) -> None:
        if not isinstance(event, Result):
            return
        if isinstance(event.value, str):
            self.text_found.emit(event.value)
            return
        self.show_preview(event.value)
        self.opened.emit()
        self.is_choosing = False

    def _on_end(self, state: str, error: object) -> None:
        self.reading.end()
        if state == "failed":
            self.failed.emit(error)

    # --- what is shown ----------------------------------------------------------------------

    def show_preview(self, found: Preview) -> None:
        self.preview = found
        table = found.table
        self.title.set_text(table.path.name)
        self.choices.show_preview(found, found.column)
        self.cells.show_preview(found)
        self._fit_columns()
        self._show_facts()
        self._show_note()
        self._unfold()

    def choose_column(self, column: int) -> None:
        self.columns.setCurrentIndex(column)
        self._on_column(column)

    def fold(self) -> None:
        """The run has begun: make room for its rows."""
        self.choices.hide()
        self.note.hide()
        self.table.hide()
        self.change_button.show()

    def _unfold(self) -> None:
        self.choices.show()
        self._show_note()
        self.table.show()
        self.change_button.hide()
        if not self.is_choosing:
            self.start_button.setFocus()

    @property
    def is_folded(self) -> bool:
        return self.table.isHidden()

    def start(self) -> None:
        if self.preview is not None:
            self.fold()
            self.started.emit(self.preview, self.columns.currentIndex())

    def _fit_columns(self) -> None:
        head = self.table.horizontalHeader()
        head.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        metrics = self.table.fontMetrics()
        for column, name in enumerate(self.cells.names[:50]):
            cells = [row[column][:60] for row in self.cells.rows[:12] if column < len(row)]
            wide = max(metrics.horizontalAdvance(text) for text in (f"✓ {name[:40]}", *cells))
            self.table.setColumnWidth(column, min(WIDEST, wide + 24))
        chosen = self.cells.index(0, self.cells.chosen)
        self.table.scrollTo(chosen)

    def _show_facts(self) -> None:
        if self.preview is None:
            self.facts.clear()
            return
        table = self.preview.table
        facts = [table.encoding.upper()] if table.encoding else []
        if len(table.columns) > 1:
            facts.append(tr("{n} columns", n=f"{len(table.columns):,}"))
        self.facts.setText(" · ".join(facts))

    def _show_note(self) -> None:
        """Of the chosen column: what will be missing."""
        found = self.preview
        has_formulas = found is not None and self.cells.chosen in found.formulas
        self.note.setVisible(has_formulas)
        if has_formulas:
            self.note.setText(
                tr("This column holds formulas whose results the file does not have. Save it once in a "
                   "spreadsheet program, and open it here again.")
            )  # fmt: skip

    def _on_column(self, column: int) -> None:
        self.cells.choose(column)
        self._show_note()
        self.table.scrollTo(self.cells.index(0, column))

    def _on_cell(self, index: QModelIndex) -> None:
        self.choose_column(index.column())
