"""Work that goes on, in place: what it does, a bar, pause and cancel."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QProgressBar, QWidget

from autogpt_desktop.events import Progress
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, label


class ProgressRow(QWidget):
    """Hidden until ``begin``. The panel connects ``paused``, ``resumed`` and ``cancelled``.

    ``can_pause``: it has a button that pauses and goes on.
    """

    paused = Signal()
    resumed = Signal()
    cancelled = Signal()

    def __init__(self, *, can_pause: bool = False) -> None:
        super().__init__()
        self._can_pause = can_pause
        self._is_paused = False
        self.text = ElidedLabel(size="small", tone="muted")
        self.count = label(size="small", tone="muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.pause_button = button(kind="quiet")
        self.pause_button.clicked.connect(self._on_pause)
        self.cancel_button = button(kind="quiet")
        self.cancel_button.clicked.connect(self.cancelled)
        line = QHBoxLayout()
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.text, 1)
        line.addWidget(self.count)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.addLayout(line, 0, 0)
        grid.addWidget(self.bar, 1, 0)
        grid.addWidget(self.pause_button, 0, 1, 2, 1)
        grid.addWidget(self.cancel_button, 0, 2, 2, 1)
        grid.setColumnStretch(0, 1)
        self.retranslate()
        self.hide()

    def retranslate(self) -> None:
        self.pause_button.setText(tr("Go on") if self._is_paused else tr("Pause"))
        self.cancel_button.setText(tr("Cancel"))

    def begin(self, text: str) -> None:
        """Show it, with a bar that does not know how far it is."""
        self._is_paused = False
        self.retranslate()
        self.set_text(text)
        self.count.clear()
        self.bar.setRange(0, 0)
        self.pause_button.setVisible(self._can_pause)
        self.show()

    def set_text(self, text: str) -> None:
        self.text.set_text(text)
        self.bar.setAccessibleName(text)

    def advance(self, progress: Progress) -> None:
        """How far it is: ``done`` of ``total``, in whatever the job counts."""
        if progress.total <= 0:
            self.bar.setRange(0, 0)
            self.count.clear()
            return
        self.bar.setRange(0, 1000)  # counts of rows and of bytes fit no int
        self.bar.setValue(min(1000, progress.done * 1000 // progress.total))
        self.count.setText(f"{progress.done:,} / {progress.total:,}")

    def set_paused(self, paused: bool) -> None:
        """The work was paused, or goes on, by whatever means."""
        self._is_paused = paused
        self.retranslate()

    def end(self) -> None:
        self.hide()

    def _on_pause(self) -> None:
        self.set_paused(not self._is_paused)
        (self.paused if self._is_paused else self.resumed).emit()
