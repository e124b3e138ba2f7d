"""A card or drawer over the window: not a dialog, nothing stops behind it.

Esc or a click beside it closes it, Tab stays inside, the focus returns to where it was.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QShowEvent
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QScrollArea, QWidget

from autogpt_desktop.ui.widgets.basic import parent_of, set_property
from autogpt_desktop.ui.widgets.focus import can_focus, hand_on, tab_chain


class Overlay(QWidget):
    """Fill ``self.card`` with a layout; ``placement`` is "drawer", "center" or "anchor"."""

    closed = Signal()

    def __init__(self, window: QWidget, *, placement: str, width: int) -> None:
        super().__init__(window)
        self.setObjectName("scrim")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        set_property(self, "dim", "false" if placement == "anchor" else "true")
        self._placement = placement
        self._width = width
        self._anchor: QWidget | None = None
        self._before: QWidget | None = None
        self.card = QFrame(self)
        self.card.setObjectName("drawer" if placement == "drawer" else "card")
        self.hide()
        window.installEventFilter(self)

    def open(self, anchor: QWidget | None = None) -> None:
        """Show it, under ``anchor`` where that is the placement."""
        self._anchor = anchor
        if not self.isVisible():
            self._before = QApplication.focusWidget()
        self.setGeometry(parent_of(self).rect())
        self.show()
        self.raise_()
        self.place()
        self.focus_input()

    def close_overlay(self) -> None:
        if not self.isVisible():
            return
        before, self._before = self._before, None
        back = can_focus(before)
        if back and before is not None:  # first: what is hidden gives the focus to anybody
            before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.hide()
        if not back:
            hand_on(self)
        self.closed.emit()

    def toggle(self, anchor: QWidget | None = None) -> None:
        if self.isVisible():
            self.close_overlay()
        else:
            self.open(anchor)

    def focus_input(self) -> None:
        """To its first control; to itself where that is hidden, because Esc must come here."""
        self.setFocus(Qt.FocusReason.PopupFocusReason)
        self.focus_first()

    def focus_first(self) -> None:
        """Where the focus goes when it opens."""
        chain = self._focus_chain()
        (chain[0] if chain else self).setFocus(Qt.FocusReason.PopupFocusReason)  # Esc must come here

    def place(self) -> None:
        """Put the card where it belongs."""
        area = self.rect()
        width = min(self._width, area.width())
        if self._placement == "drawer":
            self.card.setGeometry(area.width() - width, 0, width, area.height())
            return
        margin = 8
        layout = self.card.layout()
        if layout is not None:
            layout.activate()
        wraps = self.card.hasHeightForWidth()
        height = self.card.heightForWidth(width) if wraps else self.card.sizeHint().height()
        height = max(height, self.card.minimumSizeHint().height())
        if self._placement == "anchor" and self._anchor is not None:
            corner = self._anchor.mapTo(parent_of(self), QPoint(0, self._anchor.height() + 4))
            if corner.y() > area.height() * 0.6:  # an anchor in the footer: open upwards
                top = self._anchor.mapTo(parent_of(self), QPoint(0, 0)).y() - 4
                height = min(height, top - margin)
                corner.setY(top - height)
            height = min(height, area.height() - corner.y() - margin)
            left = max(margin, min(corner.x(), area.width() - width - margin))
            self.card.setGeometry(left, corner.y(), width, height)
            return
        height = min(height, area.height() - 2 * margin)
        left, top = (area.width() - width) // 2, (area.height() - height) // 2
        self.card.setGeometry(left, top, width, height)

    # --- Qt ---------------------------------------------------------------------------------

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and self.isVisible():
            self.setGeometry(parent_of(self).rect())
            self.place()
        return super().eventFilter(watched, event)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.place()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.close_overlay()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if not self.card.geometry().contains(event.position().toPoint()):
            self.close_overlay()

    def focusNextPrevChild(self, forward: bool) -> bool:
        chain = self._focus_chain()
        if not chain:
            return True
        now = QApplication.focusWidget()
        at = chain.index(now) if now in chain else (-1 if forward else 0)
        target = chain[(at + (1 if forward else -1)) % len(chain)]
        reason = Qt.FocusReason.TabFocusReason if forward else Qt.FocusReason.BacktabFocusReason
        target.setFocus(reason)
        ensure_visible(target)
        return True

    def _focus_chain(self) -> list[QWidget]:
        """Every widget of the card that Tab can reach, in order."""
        chain = tab_chain(self.window())
        start = chain.index(self.card)
        return [
            widget
            for widget in chain[start + 1 :] + chain[:start]
            if self.card.isAncestorOf(widget)
            and widget.isVisibleTo(self)
            and widget.isEnabled()
            and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and not isinstance(widget, QScrollArea)
            and widget.focusProxy() is None
        ]


def ensure_visible(widget: QWidget) -> None:
    """Scroll what ``widget`` lies in so that it can be seen."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QScrollArea) and not isinstance(widget, QAbstractScrollArea):
            parent.ensureWidgetVisible(widget, 0, 24)
        parent = parent.parentWidget()
