"""A CSV or XLSX file, or a file with a text a line: its preview, then its run and results."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.verdicts import TableSource
from autogpt_desktop.tasks.sentiment.sources import Preview, TableOptions
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.run_view import RunView
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.sentiment.source_card import SourceCard
from autogpt_desktop.ui.widgets.basic import button, label

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class TablePage(QWidget):
    """``text_found`` carries the text of a document that is no table."""

    corrected = Signal(str, str)
    failed = Signal(object)
    changed = Signal()
    text_found = Signal(str)
    opened = Signal()
    open_requested = Signal()
    started = Signal(object)  # TableSource of what is run

    def __init__(self, context: AppContext, corrections: CorrectionList, panel_key: str) -> None:
        super().__init__()
        self._context = context
        self.two_way = False
        self._wanted: TableSource | None = None  # to be run as soon as it is read again
        self._sentence = label(size="heading", wrap=True)
        self._sentence.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open_button = button(kind="primary", icon="folder")
        self.open_button.clicked.connect(self.open_requested)
        self.again_button = button(kind="quiet", icon="undo")
        self.again_button.clicked.connect(self._open_again)
        self._empty = QWidget()
        empty = QVBoxLayout(self._empty)
        empty.addStretch(2)
        empty.addWidget(self._sentence)
        empty.addSpacing(8)
        empty.addWidget(self.open_button, 0, Qt.AlignmentFlag.AlignHCenter)
        empty.addWidget(self.again_button, 0, Qt.AlignmentFlag.AlignHCenter)
        empty.addStretch(3)
        self.card = SourceCard(context)
        self.card.opened.connect(self._on_opened)
        self.card.started.connect(self._on_started)
        self.card.closed.connect(self._on_closed)
        self.card.text_found.connect(self.text_found)
        self.card.failed.connect(self.failed)
        self.run_view = RunView(context, corrections, panel_key)
        self.run_view.corrected.connect(self.corrected)
        self.run_view.failed.connect(self.failed)
        self.run_view.changed.connect(self._show)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self._empty, 1)
        column.addWidget(self.card)
        column.addWidget(self.run_view, 1)
        self.retranslate()

    def retranslate(self) -> None:
        self._sentence.setText(
            tr("Drop a CSV or XLSX file here: each row gets one of your labels")
            if self.scheme.is_own
            else tr("Drop a CSV or XLSX file here: each row gets its sentiment")
        )
        self.open_button.setText(tr("Open a table or a document…"))
        self.card.retranslate()
        self.run_view.retranslate()
        self._show()

    def restyle(self) -> None:
        self.run_view.restyle()

    def open(self, path: Path) -> None:
        """Show its first rows; a run of another file ends, and goes on when that is opened again."""
        self._wanted = None
        self.card.open(path)

    def run_again(self, source: TableSource) -> None:
        """One that was run before: what is done is kept, and is there at once."""
        self._wanted = source
        options = TableOptions(source.sheet, source.delimiter, source.header_row)
        self.card.open_again(Path(source.path), options, source.column)

    def set_two_way(self, two_way: bool) -> None:
        self.two_way = two_way
        self.run_view.set_two_way(two_way)

    @property
    def scheme(self) -> Scheme:
        """The labels that rows get."""
        return self.run_view.rows.scheme

    def set_scheme(self, scheme: Scheme) -> None:
        """Judge by other labels; a table that was begun is begun again, what is done of it is kept."""
        begun = self.run_view.control.table_run is not None
        self.run_view.set_scheme(scheme)
        if begun and self._wanted is None:
            self.card.start()
        self.retranslate()

    def stop(self) -> bool:
        """Esc: stop what runs, a file that is being read first; False where nothing does."""
        if self.card.reading.isVisible():
            self.card.stop_reading()
            return True
        return self.run_view.control.stop()

    def _latest(self) -> tuple[Path, TableOptions, str] | None:
        """What was run last, how it was read and its column; None where it is no longer there."""
        stored = self._context.settings.sentiment_table
        if len(stored) not in (3, 5) or not os.path.isfile(stored[0]):
            return None
        path, sheet, column, *how = stored
        options = TableOptions(sheet)
        if how and how[1].isdigit():  # of a workbook there is no delimiter
            options = TableOptions(sheet, None if sheet else how[0], int(how[1]))
        return Path(path), options, column

    def _open_again(self) -> None:
        latest = self._latest()
        if latest is not None:
            self._wanted = None
            self.card.open_again(*latest)

    def _on_opened(self) -> None:
        self.run_view.close_run()
        self._show()
        self.opened.emit()
        wanted, found = self._wanted, self.card.preview
        self._wanted = None
        same = wanted is not None and found is not None and found.table.path == Path(wanted.path)
        if wanted is not None and same and self.card.columns.currentText() == wanted.column[:80]:
            self.card.start()

    def _on_started(self, found: Preview, column: int) -> None:
        table = found.table
        self._context.settings.sentiment_table = [
            *(str(table.path), table.sheet, table.columns[column]),
            *(table.delimiter, str(table.header_row)),
        ]
        self._context.save_settings()
        delimiter = None if table.sheet else table.delimiter
        name = table.columns[column]
        self.run_view.start_table(found, column, self.two_way)
        self.started.emit(TableSource(str(table.path), table.sheet, name, delimiter, table.header_row))
        self.run_view.results.table.setFocus()

    def _on_closed(self) -> None:
        self.run_view.close_run()
        self._show()
        self.open_button.setFocus()

    def _show(self) -> None:
        has_file = self.card.preview is not None
        running = self.run_view.control.table_run is not None
        self._empty.setVisible(not has_file)
        if not has_file:
            latest = self._latest()
            self.again_button.setVisible(latest is not None)
            if latest is not None:
                self.again_button.setText(tr("Open {name} again; what is done is kept", name=latest[0].name))
        self.card.setVisible(has_file)
        self.run_view.setVisible(has_file and running)
        self.layout().setStretchFactor(self.card, 0 if running else 1)  # type: ignore[union-attr]
        self.changed.emit()
