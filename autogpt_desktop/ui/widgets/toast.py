"""Notices in the window, newest below: they leave by themselves, errors stay longer.

They lie over what can be scrolled, never over titles, the place where one writes, or a control: those are
measured, wherever a panel has them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt, QTimer
from PySide6.QtGui import QAccessible, QAccessibleAnnouncementEvent, QCursor, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import ICON, button, icon_button, label, name_button, parent_of
from autogpt_desktop.ui.widgets.focus import can_focus, hand_on

AT_MOST = 3
WIDTH = 560
GAP = 8  # px around the notices
UNDO_MS = 10_000
AGAIN_MS = 500  # what is in sight may change under a notice
FIELD = 160  # px: what is written into is covered only if it is higher
CONTROLS = (QAbstractButton, QLineEdit, QComboBox, QAbstractSpinBox, QTabBar)


@dataclass(frozen=True)
class ToastRequest:
    """What ``AppContext.toast`` was asked to say."""

    text: str
    undo: Callable[[], None] | None = None
    action_text: str = ""  # of the button, "": Undo
    error: bool = False
    milliseconds: int = 0  # that it stays, 0: as long as such a notice does
    replaces: str = ""  # the text of an older notice that is no longer true


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
        self._timer.timeout.connect(self._on_time)
        self._pointer = QPoint()  # where it was when the time began to run
        self._start()

    def milliseconds(self) -> int:
        """How long it stays when nobody reads it."""
        request = self.request
        reading = 60 * len(request.text)
        usual = UNDO_MS if request.undo else 4_000 + reading
        return request.milliseconds or (20_000 + reading if request.error else usual)

    def dismiss(self) -> None:
        self._timer.stop()
        self._area.remove(self)

    def focus_input(self) -> None:
        (self.action or self.close_button).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)

    def _on_action(self) -> None:
        undo = self.request.undo
        self.dismiss()
        if undo is not None:
            undo()

    def _start(self) -> None:
        self._pointer = QCursor.pos()
        self._timer.start(self.milliseconds())

    def _on_time(self) -> None:
        """Nobody should have to hurry: a pointer that came here meanwhile, or the focus, gives it more time.

        A pointer that only rests where it appeared does not.
        """
        pointer = QCursor.pos()
        came = pointer != self._pointer and self.rect().contains(self.mapFromGlobal(pointer))
        focused = QApplication.focusWidget()
        if came or (focused is not None and self.isAncestorOf(focused)):
            self._start()
        else:
            self.dismiss()


class ToastArea(QWidget):
    """The place of the notices: in the middle, above the footer and the composers of what is in sight.

    ``kept_clear`` gives the widgets that no notice covers: those in the upper half of the window stand
    above, the others below.
    """

    def __init__(self, window: QWidget, kept_clear: Callable[[], Sequence[QWidget]]) -> None:
        super().__init__(window)
        self._kept_clear = kept_clear
        self._watched: list[QWidget] = []
        self._before: QWidget | None = None  # had the focus before ``focus_newest``
        self._toasts: list[Toast] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._again = QTimer(self)
        self._again.setInterval(AGAIN_MS)
        self._again.timeout.connect(self._make_way)
        window.installEventFilter(self)
        self.hide()

    def toasts(self) -> list[Toast]:
        return list(self._toasts)

    def add(self, request: ToastRequest) -> Toast:
        """Show ``request``; the same text again replaces its older notice."""
        stale = (request.text, request.replaces)
        for old in [toast for toast in self._toasts if toast.request.text in stale]:
            self.remove(old)
        while len(self._toasts) >= AT_MOST:
            self.remove(self._toasts[0])
        if not self._toasts:
            self._watch()
        toast = Toast(self, request)
        self._toasts.append(toast)
        self._column.addWidget(toast)
        toast.show()  # a hidden one has no size in the layout
        self.place()
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
            self.place()

    def focus_newest(self) -> None:
        """The newest notice's button has the focus; from a notice, back to where the user came from."""
        focused = QApplication.focusWidget()
        if focused is not None and self.isAncestorOf(focused):
            self._leave()
        elif self._toasts:
            self._before = focused
            self._toasts[-1].focus_input()

    def _leave(self) -> None:
        before, self._before = self._before, None
        if can_focus(before):
            before.setFocus(Qt.FocusReason.ShortcutFocusReason)
        else:
            hand_on(parent_of(self))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kinds = (QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.Hide)
        if self._toasts and event.type() in kinds:
            QTimer.singleShot(0, self, self.place)  # when everything has its new size
        return super().eventFilter(watched, event)

    def _watch(self) -> None:
        """What must stay clear may grow, and another panel may come, while there are notices."""
        for widget in self._kept_clear():
            if widget not in self._watched:
                self._watched.append(widget)
                widget.installEventFilter(self)

    def place(self) -> None:
        """Put the notices where they cover nothing that has to be seen."""
        if not self._toasts:
            self._again.stop()
            self.hide()
            return
        self._again.start()
        self._watch()
        window = parent_of(self)
        width = min(WIDTH, window.width() - 2 * GAP)
        self._column.activate()
        wraps = self._column.hasHeightForWidth()
        height = self._column.heightForWidth(width) if wraps else self.sizeHint().height()
        left = self._center() - width // 2
        left = max(GAP, min(left, window.width() - width - GAP))
        top, bottom = self._room(QRect(left, 0, width, window.height()))
        if height > bottom - top and len(self._toasts) > 1:
            self.remove(self._toasts[0])
            return
        height = min(height, max(bottom - top, 40))
        self.setGeometry(self._free_place(QRect(left, bottom - height, width, height), top))
        self.show()
        self.raise_()

    def _make_way(self) -> None:
        """Something came under the notices; they do not move for what scrolls by."""
        if any(area.intersects(self.geometry()) for area in self._controls()[0]):
            self.place()

    def _controls(self) -> tuple[list[QRect], list[QRect]]:
        """What is pressed or written into and is in sight: for good, and in what can be scrolled."""
        fixed: list[QRect] = []
        scrolled: list[QRect] = []
        for widget in parent_of(self).findChildren(QWidget):
            field = isinstance(widget, QAbstractScrollArea) and 0 < widget.height() < FIELD
            if not widget.isVisible() or not (field or isinstance(widget, CONTROLS)):
                continue
            if self.isAncestorOf(widget):
                continue
            visible = widget.visibleRegion().boundingRect()
            if not visible.isEmpty():
                area = QRect(widget.mapTo(parent_of(self), visible.topLeft()), visible.size())
                (scrolled if self._can_scroll(widget) else fixed).append(area)
        return fixed, scrolled

    def _can_scroll(self, widget: QWidget) -> bool:
        around = widget.parentWidget()
        while around is not None and around is not parent_of(self):
            if isinstance(around, QAbstractScrollArea) and around.verticalScrollBar().maximum() > 0:
                return True
            around = around.parentWidget()
        return False

    def _free_place(self, wanted: QRect, top: int) -> QRect:
        """The lowest place that covers no control; if there is none, one that covers what can be scrolled."""
        fixed, scrolled = self._controls()
        for areas in (fixed + scrolled, fixed):
            near = [area.adjusted(-GAP, -GAP, GAP, GAP) for area in areas]
            bottoms = {wanted.bottom(), *(area.top() - 1 for area in near)}
            for bottom in sorted(bottoms, reverse=True):
                place = QRect(wanted)
                place.moveBottom(bottom)
                if top <= place.top() and bottom <= wanted.bottom() and not any(map(place.intersects, near)):
                    return place
        return wanted

    def _center(self) -> int:
        """Over the one composer in sight; else the window's."""
        window = parent_of(self)
        low = [self._area(widget) for widget in self._kept_clear() if widget.isVisible()]
        low = [area for area in low if area.top() > window.height() // 2 and area.width() < window.width()]
        return low[0].center().x() if len(low) == 1 else window.width() // 2

    def _area(self, widget: QWidget) -> QRect:
        return QRect(widget.mapTo(parent_of(self), QPoint()), widget.size())

    def _room(self, strip: QRect) -> tuple[int, int]:
        """From where to where there is nothing in the strip that has to stay clear."""
        window = parent_of(self)
        top, bottom = 0, window.height()
        for widget in self._kept_clear():
            area = self._area(widget)
            if not widget.isVisible() or not area.intersects(strip):
                continue
            if area.center().y() < window.height() // 2:
                top = max(top, area.bottom() + 1)
            else:
                bottom = min(bottom, area.top())
        return top + GAP, bottom - GAP
