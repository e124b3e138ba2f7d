"""Drop-downs, number boxes and sliders. The wheel changes none of them by accident.

``tests/ui/widgets/test_boxes.py`` sees to it that the window has no others.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QComboBox, QDoubleSpinBox, QSlider, QSpinBox, QWidget

ROWS = 20  # of a list that is open; one that is longer scrolls
# these pass the focus on and bring it back: a list that opens, another window, a card over the window
_PASSING = (
    Qt.FocusReason.PopupFocusReason,
    Qt.FocusReason.ActiveWindowFocusReason,
    Qt.FocusReason.MenuBarFocusReason,
)
_MOVES = (
    *(Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home),
    *(Qt.Key.Key_End, Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_F4),
)


class _WheelGuard(QObject):
    """Hands the wheel on to what scrolls around ``box``, unless the user went to the box before.

    It stands at each box: one of the whole application would need the interpreter for every event,
    which a job on another thread may hold.
    """

    def __init__(self, box: QWidget) -> None:
        super().__init__(box)
        self._entered = False
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # with WheelFocus the wheel itself would enter it
        box.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFocusEvent) and event.reason() not in _PASSING:
            self._entered = event.gotFocus()
        elif event.type() in (QEvent.Type.MouseButtonPress, QEvent.Type.KeyPress):
            self._entered = True  # it had the focus before
        elif event.type() == QEvent.Type.Wheel and not self._is_used(watched):
            event.ignore()
            return True
        return False

    def _is_used(self, box: QObject) -> bool:
        return self._entered and isinstance(box, QWidget) and box.hasFocus()


class ComboBox(QComboBox):
    """A drop-down that shows all of its rows at once where the screen has room."""

    def __init__(self) -> None:
        super().__init__()
        self.setMaxVisibleItems(ROWS)
        _WheelGuard(self)

    def showPopup(self) -> None:
        view = self.view()
        beside = 2 * view.frameWidth() + view.verticalScrollBar().sizeHint().width()
        room = self.screen().availableGeometry().width()
        view.setMinimumWidth(min(view.sizeHintForColumn(0) + beside, room))  # else long rows end in …
        super().showPopup()


class OpeningBox(ComboBox):
    """One whose list the keys open: what they pass would be chosen, and do something."""

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Typed letters look for a row, in the open list too."""
        typed = event.text()
        plain = event.modifiers() & ~Qt.KeyboardModifier.ShiftModifier == Qt.KeyboardModifier.NoModifier
        if event.key() in _MOVES and not event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.showPopup()
        elif plain and typed.strip() and typed.isprintable():
            self.showPopup()
            self.view().keyboardSearch(typed)
        else:
            super().keyPressEvent(event)


class Slider(QSlider):
    """A dial from ``low`` to ``high``, from left to right."""

    def __init__(self, low: int, high: int) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.setRange(low, high)
        self.setPageStep(1)
        _WheelGuard(self)


class NumberBox(QDoubleSpinBox):
    """A number with decimals."""

    def __init__(self, low: float, high: float, step: float, decimals: int = 2) -> None:
        super().__init__()
        self.setDecimals(decimals)
        self.setRange(low, high)
        self.setSingleStep(step)
        _number_looks(self)


class WholeBox(QSpinBox):
    """A whole number."""

    def __init__(self, low: int, high: int, step: int) -> None:
        super().__init__()
        self.setRange(low, high)
        self.setSingleStep(step)
        _number_looks(self)


def _number_looks(box: NumberBox | WholeBox) -> None:
    _WheelGuard(box)
    box.setFixedWidth(112)
    box.setAlignment(Qt.AlignmentFlag.AlignRight)
    box.lineEdit().setTextMargins(0, 0, 6, 0)
