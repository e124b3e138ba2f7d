"""Follows a run's log while it grows, and says how the run stands."""

from __future__ import annotations

import os

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

from autogpt_desktop.errors import KnownError
from autogpt_desktop.lab.runs import folder as runs
from autogpt_desktop.lab.runs import launch
from autogpt_desktop.lab.runs.events import Failed, Finished
from autogpt_desktop.lab.runs.folder import Run
from autogpt_desktop.lab.runs.log import LogReader
from autogpt_desktop.ui.lab.record import RunRecord

EVERY_MS = 500
HIDDEN_MS = 5000  # nobody sees the curves: only whether it has ended is looked for
_STATE_EVERY = 4  # looks at the log between two at the run's state


class RunFollower(QObject):
    """``changed``: the record has more; ``state_changed``: the run began, ended, or was renamed.

    A run that goes on is looked at by a timer. One that rests is looked at when the system says that
    something in its folder has changed: it may be resumed from the terminal or by another window.
    """

    changed = Signal()
    state_changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.run: Run | None = None
        self.record = RunRecord()
        self._reader: LogReader | None = None
        self._looks = 0
        self._seen = True
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self._on_timer)
        self._more = QTimer(self)  # of a long log, once the window has had its turn
        self._more.setSingleShot(True)
        self._more.setInterval(0)
        self._more.timeout.connect(self.look)
        self._watcher = QFileSystemWatcher(self)
        self._watcher.directoryChanged.connect(self._on_touched)
        self._watcher.fileChanged.connect(self._on_touched)

    def follow(self, run: Run | None) -> None:
        """From now on this one; None: none."""
        self.stop()
        self.run, self.record = run, RunRecord()
        self._reader = LogReader(run.log) if run is not None else None
        if run is not None:
            self.look()
            self.look_at_state()

    @property
    def running(self) -> bool:
        return self.run is not None and (self.run.state == "running" or launch.is_starting(self.run))

    @property
    def polls(self) -> bool:
        """Whether a timer looks."""
        return self._timer.isActive()

    def set_seen(self, seen: bool) -> None:
        """The page came in sight, or went."""
        self._seen = seen
        self._timer.setInterval(EVERY_MS if seen else HIDDEN_MS)
        if seen and self.run is not None:
            self.look()

    def look(self) -> None:
        """At what the log has more."""
        if self._reader is None:
            return
        # about a megabyte at once, so that the window stays quick; a long log is read by and by
        new = self._reader.read()
        for logged in new:
            self.record.add(logged)
        if new:
            self.changed.emit()
            self._more.start()
        if any(isinstance(logged.event, Finished | Failed) for logged in new):
            self.look_at_state()

    def look_at_state(self) -> None:
        """Whether the process lives, and what it came to."""
        if self.run is None:
            return
        try:
            self.run = runs.again(self.run)
        except KnownError:  # deleted meanwhile
            self.follow(None)
        self._poll_or_watch()
        self.state_changed.emit()

    def stop(self) -> None:
        """The panel closes; the run goes on."""
        self._timer.stop()
        self._more.stop()
        self._unwatch()

    # --- inside

    def _poll_or_watch(self) -> None:
        if self.running:
            self._unwatch()
            if not self._timer.isActive():
                self._timer.start()
            return
        self._timer.stop()
        if self.run is not None:
            there = {*self._watcher.files(), *self._watcher.directories()}
            wanted = [str(place) for place in (self.run.folder, self.run.log) if os.path.exists(place)]
            if missing := [place for place in wanted if place not in there]:
                self._watcher.addPaths(missing)

    def _unwatch(self) -> None:
        if places := [*self._watcher.files(), *self._watcher.directories()]:
            self._watcher.removePaths(places)

    def _on_timer(self) -> None:
        self._looks += 1
        if self._seen:
            self.look()
        if not self._seen or self._looks % _STATE_EVERY == 0:
            self.look_at_state()

    def _on_touched(self, _place: str) -> None:
        self.look()
        self.look_at_state()
