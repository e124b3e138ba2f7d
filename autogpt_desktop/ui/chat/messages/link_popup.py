"""Asks before a link of a message opens."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Qt, Signal, SignalInstance
from PySide6.QtGui import QGuiApplication, QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import button, label

_LONG = 600  # characters of an address that scrolls
OPENABLE = ("http://", "https://", "mailto:")


class LinkPopup(QFrame):
    """Shows where a link leads; only its button opens it. Goes when the focus goes, or with Esc."""

    open_requested = Signal(str)

    def __init__(self, address: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.address = address
        self._parent = parent
        self._before: QWidget | None = None  # had the focus
        self.setObjectName("card")
        self.setAccessibleName(tr("Open this link?"))
        shown = label(_breakable(address), wrap=True)
        shown.setFixedWidth(min(420, parent.width() - 80))
        shown.setAccessibleName(address)
        self.open_button = button(tr("Open in browser"))
        self.open_button.setEnabled(address.lower().startswith(OPENABLE))
        self.open_button.clicked.connect(self._open)
        self.copy_button = button(tr("Copy address"))
        self.copy_button.clicked.connect(self._copy)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(self.copy_button)
        row.addWidget(self.open_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(12)
        column.addWidget(_scrolled(shown) if len(address) > _LONG else shown)
        column.addLayout(row)

    def open_at(self, place: QPoint) -> None:
        """Show it below a global position, inside the parent."""
        self.adjustSize()
        room = self._parent.rect().adjusted(8, 8, -8, -8)
        corner = self._parent.mapFromGlobal(place) + QPoint(-16, 14)
        if corner.y() + self.height() > room.bottom():
            corner.setY(corner.y() - self.height() - 36)
        corner.setX(max(room.left(), min(corner.x(), room.right() - self.width())))
        self.move(corner)
        self.show()
        self.raise_()
        self._before = QApplication.focusWidget()
        self.copy_button.setFocus(Qt.FocusReason.PopupFocusReason)  # Enter must not open by accident
        _focus_changed().connect(self._on_focus)

    def leave(self) -> None:
        _focus_changed().disconnect(self._on_focus)
        now = QApplication.focusWidget()
        if self._before is not None and now is not None and self.isAncestorOf(now):
            self._before.setFocus(Qt.FocusReason.PopupFocusReason)
        self.hide()
        self.deleteLater()

    def _on_focus(self, _old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and not self.isAncestorOf(new):
            self.leave()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        else:
            super().keyPressEvent(event)

    def _open(self) -> None:
        self.open_requested.emit(self.address)
        self.leave()

    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.address)
        self.leave()


def _scrolled(shown: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setWidget(shown)
    area.setFixedSize(shown.width() + 16, 220)
    return area


def _focus_changed() -> SignalInstance:
    application = QApplication.instance()
    assert isinstance(application, QApplication)
    return application.focusChanged


def _breakable(address: str) -> str:
    """The whole address, with places to wrap."""
    return "\u200b".join(address[i : i + 24] for i in range(0, len(address), 24))
