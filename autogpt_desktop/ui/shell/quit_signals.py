"""Ctrl+C in the terminal and the end of a session close the window as its button would."""

from __future__ import annotations

import contextlib
import signal
import socket
from typing import Protocol

from PySide6.QtCore import QObject, QSocketNotifier


class Closable(Protocol):
    def close(self) -> object: ...


class QuitSignals(QObject):
    """SIGINT and SIGTERM → ``window.close()``, until ``release``."""

    def __init__(self, window: Closable) -> None:
        super().__init__()
        self._window = window
        # Python runs a handler between two byte codes, of which an idle event loop executes none:
        # the byte that Python writes into this pair wakes it up
        self._ours, self._pythons = socket.socketpair()
        self._ours.setblocking(False)
        self._pythons.setblocking(False)
        numbers = (signal.SIGINT, signal.SIGTERM)
        self._before = {number: signal.signal(number, self._close) for number in numbers}
        signal.set_wakeup_fd(self._pythons.fileno())
        self._notifier = QSocketNotifier(self._ours.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_wake)

    def release(self) -> None:
        """As it was before."""
        signal.set_wakeup_fd(-1)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._notifier.setEnabled(False)
        self._ours.close()
        self._pythons.close()

    def _on_wake(self) -> None:
        with contextlib.suppress(BlockingIOError):  # the notifier may ask twice for one byte
            self._ours.recv(64)

    def _close(self, *_: object) -> None:
        self._window.close()
