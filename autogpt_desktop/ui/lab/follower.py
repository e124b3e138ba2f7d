"""Follows a run's log while it grows, and says how the run stands."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs import launch
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.log import LogReader
from autogpt_desktop.ui.lab.record import RunRecord

EVERY_MS = 500
_STATE_EVERY = 4  # looks at the log between two at the run's state


class RunFollower(QObject):
    """``changed``: the record has more; ``state_changed``: the run began, ended, or was renamed."""

    changed = Signal()
    state_changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.run: Run | None = None
        self.record = RunRecord()
        self._reader: LogReader | None = None
        self._looks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.look)

    def follow(self, run: Run | None) -> None:
        """From now on this one; None: none."""
        self.run, self.record = run, RunRecord()
        self._reader = LogReader(run.log) if run is not None else None
        if run is None:
            self._timer.stop()
            return
        self._timer.start()
        self.look()
        self.look_at_state()

    @property
    def running(self) -> bool:
        return self.run is not None and (self.run.state == "running" or launch.is_starting(self.run))

    def look(self) -> None:
        """At what the log has more."""
        if self._reader is None:
            return
        new = self._reader.read()  # about a megabyte at most, so that the window stays quick
        for logged in new:
            self.record.add(logged)
        if new:
            self.changed.emit()
        self._looks += 1
        if self._looks % _STATE_EVERY == 0:
            self.look_at_state()

    def look_at_state(self) -> None:
        """Whether the process lives, and what it came to."""
        if self.run is None:
            return
        try:
            self.run = runs.again(self.run)
        except KnownError:  # deleted meanwhile
            self.follow(None)
        self.state_changed.emit()

    def stop(self) -> None:
        """The panel closes; the run goes on."""
        self._timer.stop()
