"""One row of the results, looked at closely: its sentences, its words, what a user says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.sentiment.corrections import CorrectionList
from autogpt_desktop.ui.sentiment.marked_text import MarkedText
from autogpt_desktop.ui.sentiment.scheme import Scheme
from autogpt_desktop.ui.sentiment.verdict import Verdict
from autogpt_desktop.ui.sentiment.verdict_job import VerdictJob
from autogpt_desktop.ui.widgets.basic import icon_button, label, name_button

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

MOST_SHOWN = 200_000  # characters


class RowDetail(QWidget):
    """``stepped`` asks for the next row (1) or the one before (-1)."""

    stepped = Signal(int)
    corrected = Signal(int, str)  # row, label
    closed = Signal()

    def __init__(self, context: AppContext, corrections: CorrectionList, panel_key: str) -> None:
        super().__init__()
        self.row = -1
        self.title = label(size="small", tone="muted")
        self.before, self.behind = icon_button("chevron-up"), icon_button("chevron-down")
        self.close_button = icon_button("close")
        self.before.clicked.connect(lambda: self.stepped.emit(-1))
        self.behind.clicked.connect(lambda: self.stepped.emit(1))
        self.close_button.clicked.connect(self.closed)
        self.verdict = Verdict()
        self.verdict.corrected.connect(self._on_corrected)
        self.field = MarkedText(context, panel_key)
        self.field.setReadOnly(True)
        self.field.setMinimumHeight(56)
        self.job = VerdictJob(context, corrections, self.field, self.verdict)
        head = QHBoxLayout()
        head.setSpacing(4)
        for made in (self.before, self.title, self.behind):
            head.addWidget(made)
        head.addStretch(1)
        head.addWidget(self.close_button)
        column = self._column = QVBoxLayout(self)
        column.setContentsMargins(8, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.verdict)
        column.addWidget(self.field, 1)
        self.retranslate()

    def set_left_margin(self, pixels: int) -> None:
        """Between the table and what stands beside it."""
        self._column.setContentsMargins(pixels, 0, 0, 0)

    def retranslate(self) -> None:
        name_button(self.before, tr("Row before"), "Alt+Up")
        name_button(self.behind, tr("Next row"), "Alt+Down")
        name_button(self.close_button, tr("Close this row"))
        self.field.setAccessibleName(tr("Text of the row"))
        self.verdict.retranslate()
        self._show_title()

    def set_scheme(self, scheme: Scheme) -> None:
        """Other labels."""
        self.job.set_scheme(scheme)

    def show_row(self, row: int, text: str, two_way: bool) -> None:
        """Look at one row."""
        self.row = row
        self._show_title()
        shown = text[:MOST_SHOWN]
        if self.field.text() != shown:
            self.field.setPlainText(shown)
        self.job.start(self.field.text(), two_way)

    def clear(self) -> None:
        self.row = -1
        self.job.stop()
        self.field.clear()

    def _show_title(self) -> None:
        self.title.setText(tr("Row {n}", n=f"{self.row + 1:,}") if self.row >= 0 else "")

    def _on_corrected(self, chosen: str) -> None:
        if self.row >= 0:
            self.corrected.emit(self.row, chosen)
