"""The icon in the system tray: notifications, and, where the user wants it there, the quick translation."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QMenu, QSystemTrayIcon, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.widgets.basic import bring_to_front
from autogpt_desktop.ui.widgets.icons import app_icon

NOTICE_MS = 10_000
_AFTER_MS = 15_000  # when the icon of a notice goes, where it is not wanted otherwise


class Tray(QObject):
    """It belongs to ``window`` and goes with it: nothing runs on behind a closed window."""

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window)
        self._context, self._window = context, window
        self.icon: QSystemTrayIcon | None = None  # made when first needed
        self.menu: QMenu | None = None
        context.tray_changed.connect(self.settle)
        context.language_changed.connect(self._name)

    def settle(self) -> None:
        """Show it where it is wanted and there is a tray, else hide it."""
        wanted = self._context.settings.tray and QSystemTrayIcon.isSystemTrayAvailable()
        if wanted:
            self._made().show()
        elif self.icon is not None:
            self.icon.hide()

    def notify(self, title: str, text: str) -> None:
        """A desktop notification, where the desktop shows some."""
        if not QSystemTrayIcon.isSystemTrayAvailable() or not QSystemTrayIcon.supportsMessages():
            return
        icon = self._made()
        icon.show()
        # a file's name or a title may look like the tags that desktops read in a notification
        icon.showMessage(title, text.replace("<", "‹"), app_icon(), NOTICE_MS)
        QTimer.singleShot(_AFTER_MS, self, self.settle)

    def end(self) -> None:
        """The window closes."""
        self._context.tray_changed.disconnect(self.settle)
        if self.icon is not None:
            self.icon.hide()

    def _made(self) -> QSystemTrayIcon:
        if self.icon is None:
            self.menu = QMenu(self._window)
            for slot in (self._context.popup_requested.emit, self._show_window, self._window.close):
                self.menu.addAction("").triggered.connect(slot)
            self.icon = QSystemTrayIcon(app_icon(), self)
            self.icon.setContextMenu(self.menu)
            self.icon.setToolTip("AutoGPT Desktop")
            self.icon.activated.connect(self._on_activated)
            self.icon.messageClicked.connect(self._show_window)
            self._name()
        return self.icon

    def _name(self) -> None:
        texts = [tr("Quick translation"), tr("Show the window"), tr("Quit")]
        for action, text in zip(self.menu.actions() if self.menu is not None else (), texts, strict=False):
            action.setText(text)

    def _show_window(self) -> None:
        bring_to_front(self._window)

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason == QSystemTrayIcon.ActivationReason.Trigger:  # a click; a menu opens by itself
            self._context.popup_requested.emit()
