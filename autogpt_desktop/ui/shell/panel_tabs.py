"""One column: a tab widget whose tabs can be dragged out of their bar, and the place of a panel in it."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QPoint, QPointF, QRect, Qt, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QIcon,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QTabBar, QTabWidget, QVBoxLayout, QWidget

from autogpt_desktop.ui.panel import PanelKind
from autogpt_desktop.ui.shell.window_tools import WindowTools
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import application, set_property
from autogpt_desktop.ui.widgets.theme import theme

NAME = 100  # px of the model's name for which the pictures of tabs make way
SPACE = 32  # px around a tab's name, see style.qss
LEAVE_X, LEAVE_Y = 48, 24  # px beyond the tabs, where a tab that is moved leaves its bar


class Slot(QWidget):
    """Where a panel stands; built when it is first seen. It moves between columns with its panel."""

    shown = Signal(object)

    def __init__(self, kind: PanelKind) -> None:
        super().__init__()
        self.kind = kind
        self.panel: QWidget | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)

    def build(self) -> QWidget:
        if self.panel is None:
            self.panel = self.kind.make()
            self._column.addWidget(self.panel)
            self.panel.show()  # Qt would do it a moment later: an empty picture first
        return self.panel

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.shown.emit(self)


class PanelBar(QTabBar):
    """Tabs move within the bar as ever; pulled out of it, they are the columns' to place."""

    pulled = Signal(int, QPoint)  # tab, where on the screen; again at each move
    dropped = Signal(int, QPoint)
    drag_cancelled = Signal()
    menu_requested = Signal(int, QPoint)

    def __init__(self) -> None:
        super().__init__()
        self._pressed = -1
        self._pulling = False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self.tabAt(event.position().toPoint())
        super().mousePressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._pressed < 0 or not event.buttons() & Qt.MouseButton.LeftButton:
            super().mouseMoveEvent(event)
            return
        if not self._pulling and not self._tabs_area().contains(event.position().toPoint()):
            self._end_move(event.position())
            self._pulling = True
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            application().installEventFilter(self)  # Esc, wherever the focus is
        if self._pulling:
            self.pulled.emit(self.currentIndex(), event.globalPosition().toPoint())
        else:
            super().mouseMoveEvent(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed = -1
            if self._pulling:
                self._end_pull()
                self.dropped.emit(self.currentIndex(), event.globalPosition().toPoint())
                return
        super().mouseReleaseEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """While a tab is pulled, keys do nothing but give it up."""
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return super().eventFilter(watched, event)
        if self._pulling and event.key() == Qt.Key.Key_Escape:
            self._pressed = -1
            self._end_pull()
            self.drag_cancelled.emit()
        return True

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        by_mouse = event.reason() == QContextMenuEvent.Reason.Mouse
        index = self.tabAt(event.pos()) if by_mouse else self.currentIndex()
        if index >= 0:
            corner = self.mapToGlobal(self.tabRect(index).bottomLeft())
            self.menu_requested.emit(index, event.globalPos() if by_mouse else corner)

    def _tabs_area(self) -> QRect:
        area = QRect()
        for index in range(self.count()):
            area = area.united(self.tabRect(index))
        return area.intersected(self.rect()).adjusted(-LEAVE_X, -LEAVE_Y, LEAVE_X, LEAVE_Y)

    def _end_move(self, place: QPointF) -> None:
        """Qt's own move within the bar ends here, as if the button had been let go."""
        button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        there = QPointF(self.mapToGlobal(place.toPoint()))
        kind = QEvent.Type.MouseButtonRelease
        super().mouseReleaseEvent(QMouseEvent(kind, place, there, button, Qt.MouseButton.NoButton, none))

    def _end_pull(self) -> None:
        self._pulling = False
        self.unsetCursor()
        application().removeEventFilter(self)


class PanelTabs(QTabWidget):
    """A column."""

    def __init__(self) -> None:
        super().__init__()
        self.corner: WindowTools | None = None
        self.bar = PanelBar()
        self.setTabBar(self.bar)
        self.setDocumentMode(True)
        self.bar.setDrawBase(False)  # a line above the tabs
        self.setMovable(True)
        self.setUsesScrollButtons(True)
        # else Tab ends at the bar while that is hidden; Qt takes None, its stubs do not
        self.setFocusProxy(None)  # type: ignore[arg-type]
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def set_corner(self, corner: WindowTools | None) -> None:
        """What stands at the right of the tabs; None: nothing any longer."""
        if corner is not self.corner:
            self.corner = corner
            self.setCornerWidget(corner, Qt.Corner.TopRightCorner)  # type: ignore[arg-type]
            if corner is not None:
                corner.show()
        self.fit()

    def fit(self) -> None:
        """The tabs have pictures where there is room, and the corner takes what they leave."""
        least = self.corner.minimumSizeHint().width() + NAME if self.corner is not None else 0
        names = sum(
            self.bar.fontMetrics().horizontalAdvance(self.tabText(index)) for index in range(self.count())
        )
        # measured, not tried: a bar that was too long for a moment keeps its arrows
        pictured = names + self.count() * (SPACE + self.iconSize().width() + 4) + least <= self.width()
        for index in range(self.count()):
            slot = self.slot_at(index)
            if slot is not None and self.tabIcon(index).isNull() == pictured:
                self.setTabIcon(index, icons.icon(slot.kind.icon) if pictured else QIcon())
        if self.corner is not None:
            self.corner.set_room(self.width() - self.bar.sizeHint().width())

    def paintEvent(self, _event: QPaintEvent) -> None:
        """The bar's ground, behind the tabs and what stands beside them."""
        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), self.bar.height(), theme().color("raised"))
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:
        self.fit()
        super().resizeEvent(event)

    def slot_at(self, index: int) -> Slot | None:
        slot = self.widget(index)
        return slot if isinstance(slot, Slot) else None

    def panel_keys(self) -> list[str]:
        slots = [self.slot_at(index) for index in range(self.count())]
        return [slot.kind.key for slot in slots if slot is not None]

    def current_slot(self) -> Slot | None:
        return self.slot_at(self.currentIndex())

    def set_active(self, active: bool) -> None:
        """Whether it holds the panel that was used last."""
        set_property(self.bar, "active", "true" if active else "false")
