"""Where the window stands: restored at the start, saved soon after each change.

Who switches the computer off, or whose application is ended, finds it as it was.
"""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QEvent, QObject, QSize, QTimer
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from autogpt_desktop.ui.context import AppContext

SAVE_MS = 1500  # after the last change
_CHANGES = (QEvent.Type.Move, QEvent.Type.Resize, QEvent.Type.WindowStateChange)


class WindowPlace(QObject):
    """Size, place, screen, and whether it is maximized, as Qt's own bytes in ``settings.window_geometry``."""

    def __init__(self, window: QWidget, context: AppContext) -> None:
        super().__init__(window)
        self._window, self._context = window, context
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SAVE_MS)
        self._timer.timeout.connect(self._save)
        window.installEventFilter(self)

    def restore(self) -> None:
        text = self._context.settings.window_geometry.encode("ascii", "ignore")
        saved = QByteArray.fromBase64(QByteArray(text))
        if saved.isEmpty() or not self._window.restoreGeometry(saved):
            # not window.screen(): PySide 6.11 lets the window's end take that QScreen with it
            screen = QGuiApplication.primaryScreen().availableGeometry()
            size = QSize(1100, 760).boundedTo(screen.size())
            self._window.resize(size)
            self._window.move(screen.center() - self._window.rect().center())

    def note(self) -> None:
        """Into the settings, which are saved by somebody else."""
        saved = self._window.saveGeometry().toBase64().data()
        self._context.settings.window_geometry = bytes(saved).decode("ascii")

    def save_soon(self) -> None:
        self._timer.start()

    def stop(self) -> None:
        self._timer.stop()

    def _save(self) -> None:
        if self._window.isVisible():
            self.note()
        self._context.save_settings(by_user=False)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _CHANGES and self._window.isVisible():
            self.save_soon()
        return super().eventFilter(watched, event)
