"""Notices in the window, newest below: they leave by themselves, errors stay longer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QEnterEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import ICON, button, icon_button, label, name_button, parent_of

AT_MOST = 3
WIDTH = 560


@dataclass(frozen=True)
class ToastRequest:
    """What ``AppContext.toast`` was asked to say."""

    text: str
    undo: Callable[[], None] | None = None
    action_text: str = ""  # of the button, "": Undo
    error: bool = False


class Toast(QFrame):
    """One notice."""

    def __init__(self, area: ToastArea, request: ToastRequest) -> None:
        super().__init__(area)
        self.setObjectName("toast")
        self.request = request
        self._area = area
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 8, 8)
        row.setSpacing(8)
        if request.error:
            sign = QLabel()
            sign.setPixmap(icons.icon("warning", "surface").pixmap(ICON, self.devicePixelRatioF()))
            row.addWidget(sign)
        text = label(request.text, wrap=True)
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        text.setAccessibleName(request.text)
        row.addWidget(text, 1)
        self.action = None
        if request.undo is not None:
            self.action = button(request.action_text or tr("Undo"))
            self.action.setAccessibleName(f"{self.action.text()}: {request.text}")
            self.action.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            self.action.clicked.connect(self._on_action)
            row.addWidget(self.action)
        self.close_button = icon_button("close", "surface")
        name_button(self.close_button, tr("Close this notice"))
        self.close_button.clicked.connect(self.dismiss)
        row.addWidget(self.close_button)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)
        self._milliseconds = 10_000 if request.undo else 4_000 + 60 * len(request.text)
        if request.error:
            self._milliseconds = 20_000 + 60 * len(request.text)
        self._start()

    def dismiss(self) -> None:
        self._timer.stop()
        self._area.remove(self)

    def _on_action(self) -> None:
        undo = self.request.undo
        self.dismiss()
        if undo is not None:
            undo()

    def _start(self) -> None:
        self._timer.start(self._milliseconds)

    def enterEvent(self, event: QEnterEvent) -> None:
        self._timer.stop()  # nobody should have to hurry while reading
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        self._start()
        super().leaveEvent(event)


class ToastArea(QWidget):
    """The place of the notices: under the header, in the middle, above everything else."""

    def __init__(self, window: QWidget, top: int) -> None:
        super().__init__(window)
        self._top = top
        self._toasts: list[Toast] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        window.installEventFilter(self)
        self.hide()

    def toasts(self) -> list[Toast]:
        return list(self._toasts)

    def add(self, request: ToastRequest) -> Toast:
        """Show ``request``; the same text again replaces its older notice."""
        for old in [toast for toast in self._toasts if toast.request.text == request.text]:
            self.remove(old)
        while len(self._toasts) >= AT_MOST:
            self.remove(self._toasts[0])
        toast = Toast(self, request)
        self._toasts.append(toast)
        self._column.addWidget(toast)
        toast.show()  # a hidden one has no size in the layout
        self._place()
        event = QAccessibleAnnouncementEvent(toast, request.text)
        if request.error:
            event.setPoliteness(QAccessible.AnnouncementPoliteness.Assertive)
        QAccessible.updateAccessibility(event)
        return toast

    def remove(self, toast: Toast) -> None:
        if toast in self._toasts:
            self._toasts.remove(toast)
            self._column.removeWidget(toast)
            toast.hide()
            toast.deleteLater()
            self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        if not self._toasts:
            self.hide()
            return
        window = parent_of(self)
        width = min(WIDTH, window.width() - 32)
        self._column.activate()
        wraps = self._column.hasHeightForWidth()
        height = self._column.heightForWidth(width) if wraps else self.sizeHint().height()
        self.setGeometry((window.width() - width) // 2, self._top, width, height)
        self.show()
        self.raise_()
