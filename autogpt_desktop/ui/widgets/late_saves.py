"""What is to be saved while another program holds the file: told once, and written when it can be."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from autogpt_desktop.errors import KnownError

RETRY_MS = 2000
LAST_SECONDS = 2.0
LOCKED = "history-locked"


@dataclass(eq=False)
class Slot:
    """A row of a history that is written again and again. ``number``: 0 as long as it is not there."""

    number: int = 0


Write = Callable[[int], int]  # a row's number, 0: a new one → its number; raises KnownError


class LateSaves(QObject):
    """``saved`` comes when something was written. ``failed`` is told what goes wrong."""

    saved = Signal()

    def __init__(self, failed: Callable[[KnownError], object], parent: QObject) -> None:
        super().__init__(parent)
        self._failed = failed
        self._waiting: dict[Slot, Write] = {}  # in the order in which they came
        self._told = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(RETRY_MS)
        self._timer.timeout.connect(self.flush)

    def put(self, slot: Slot, write: Write) -> None:
        """Write a row, in place of what still waits to be written there."""
        self._waiting[slot] = write
        self.flush()

    def flush(self) -> None:
        """Write what waits, if the file is free."""
        self._timer.stop()
        for slot, write in list(self._waiting.items()):
            try:
                slot.number = write(slot.number)
            except KnownError as error:
                if error.key == LOCKED:
                    self._tell_once(error)
                    self._timer.start()
                    return
                self._failed(error)
            else:
                self._told = False
                self.saved.emit()
            del self._waiting[slot]

    def finish(self) -> None:
        """The window closes: the last moment to write what waits."""
        until = time.monotonic() + LAST_SECONDS
        while self._waiting and time.monotonic() < until:  # each try waits a little for the file
            self.flush()
        self._timer.stop()

    def _tell_once(self, error: KnownError) -> None:
        if not self._told:
            self._failed(KnownError("history-waits", **error.values))
        self._told = True
