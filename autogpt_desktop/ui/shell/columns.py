"""Where the panels stand: tabs in one column, or in two beside each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMenu, QSplitter, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.settings import ROLES
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.panel import PanelKind
from autogpt_desktop.ui.shell.column_layout import ColumnLayout
from autogpt_desktop.ui.shell.panel_tabs import PanelTabs, Slot
from autogpt_desktop.ui.shell.window_tools import WindowTools
from autogpt_desktop.ui.widgets.basic import application
from autogpt_desktop.ui.widgets.theme import theme

TWO_FROM = 900  # px of width below which all panels stand in one column


@dataclass(frozen=True)
class Target:
    """Where a tab that is dragged would go."""

    column: int  # as in Arrangement.place
    index: int
    area: QRect  # what it would fill


class Columns(QWidget):
    """``arrangement`` is what the user wants; a narrow window shows it all in one column.

    With a single panel there is no tab bar to look at.
    """

    arranged = Signal()  # panels were built or stand elsewhere
    layout_changed = Signal()  # what is in ``settings.layout``, which is to be saved

    def __init__(self, context: AppContext, kinds: Sequence[PanelKind]) -> None:
        super().__init__()
        self._context = context
        self._arranging = False
        self.follows_focus = False  # from the first picture on: before it Qt chooses where the focus is
        self._slots = {kind.key: Slot(kind) for kind in kinds}
        self.arrangement = ColumnLayout.parse(context.settings.layout, list(self._slots))
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)
        self.tabs = (PanelTabs(), PanelTabs())
        for tabs in self.tabs:
            self.splitter.addWidget(tabs)
            tabs.currentChanged.connect(self._on_current)
            tabs.bar.tabBarClicked.connect(self._on_clicked)
            tabs.bar.tabMoved.connect(self._on_reordered)
            tabs.bar.pulled.connect(self._on_pulled)
            tabs.bar.dropped.connect(self._on_dropped)
            tabs.bar.drag_cancelled.connect(self._on_drag_cancelled)
            tabs.bar.menu_requested.connect(self._on_menu)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.splitter)
        self._corner: WindowTools | None = None
        self._indicator = _Indicator(self)
        for slot in self._slots.values():
            slot.shown.connect(self._on_shown)
        for kind in kinds:
            context.panels.kinds[kind.key] = kind
        context.panels.sent.connect(self._on_sent)
        context.panels.asked.connect(self._on_asked)
        context.language_changed.connect(self.retranslate)
        self.splitter.splitterMoved.connect(self._on_splitter)
        application().focusChanged.connect(self._on_focus)
        self.retranslate()
        self._arrange()

    # --- what the window asks ----------------------------------------------------------------

    def panel(self, key: str) -> Any:
        """The panel's widget; built now, if it was never shown. KeyError: no such panel."""
        return self._slots[key].build()

    def built(self) -> list[QWidget]:
        return [slot.panel for slot in self._slots.values() if slot.panel is not None]

    @property
    def active_key(self) -> str:
        return self.arrangement.active

    def has_tabs(self) -> bool:
        return len(self._slots) > 1

    def set_corner(self, corner: WindowTools | None) -> None:
        """What stands at the right of the tabs, of the right column where there are two."""
        self._corner = corner
        self._place_corner()

    def _place_corner(self) -> None:
        last = len(self.arrangement.columns) - 1 if self.is_wide() else 0
        for place, tabs in enumerate(self.tabs):  # first away, then there
            if place != last or self._corner is None:
                tabs.set_corner(None)
        if self._corner is not None:
            self.tabs[last].set_corner(self._corner)

    def is_wide(self) -> bool:
        """Whether there is room for two columns."""
        return self.width() >= TWO_FROM

    def show_panel(self, key: str, *, focus: bool = True) -> None:
        """Bring its tab to the front of its column."""
        self.arrangement.show(key)
        self._arrange()
        if focus:
            self.focus_active()

    def show_number(self, number: int) -> None:
        """The panel at that place, counted from 0 through all columns; nothing where there is none."""
        keys = self.arrangement.keys()
        if number < len(keys):
            self.show_panel(keys[number])

    def step(self, step: int) -> None:
        """To the next panel (1) or the one before (-1), round and round."""
        keys = self.arrangement.keys()
        self.show_panel(keys[(keys.index(self.active_key) + step) % len(keys)])

    def can_move(self, key: str, step: int) -> bool:
        return self.is_wide() and self.arrangement.can_move(key, step)

    def move_panel(self, key: str, step: int) -> None:
        """To the column left (-1) or right (1), which opens if need be."""
        if self.can_move(key, step):
            self.arrangement.move(key, step)
            self._arrange()
            self.focus_active()

    def focus_active(self) -> None:
        if self.isVisible():
            self.panel(self.active_key).focus_input()

    def sorted_stops(self, stops: Sequence[QWidget]) -> list[QWidget]:
        """Those of ``stops`` that are in here, from left to right: a column's bar, then its panels."""
        order: list[QWidget] = []
        for tabs in self.tabs:
            order += [stop for stop in stops if stop is tabs.bar or tabs.bar.isAncestorOf(stop)]
            slots = [tabs.slot_at(index) for index in range(tabs.count())]
            order += [stop for slot in slots if slot is not None for stop in stops if slot.isAncestorOf(stop)]
        return order

    def kept_clear(self) -> list[QWidget]:
        """The bars of tabs, and what the panels name: their titles, and where one writes."""
        clear: list[QWidget] = [tabs.bar for tabs in self.tabs]
        for panel in self.built():
            clear += getattr(panel, "kept_clear", list)()
        return clear

    def retranslate(self) -> None:
        for tabs in self.tabs:
            tabs.bar.setAccessibleName(tr("Panels"))
            tabs.setAccessibleName(tr("Panels"))
        self._name_tabs()

    # --- arrangement → widgets -----------------------------------------------------------------

    def _arrange(self) -> None:
        """Put the panels where ``arrangement`` says; what has the focus keeps it."""
        columns, current = self.arrangement.columns, self.arrangement.current
        if not self.is_wide():
            columns, current = [self.arrangement.keys()], [self.active_key]
        window = self.window()
        focused = window.focusWidget()
        moved = False
        self._arranging = True
        for place, tabs in enumerate(self.tabs):
            keys = columns[place] if place < len(columns) else []
            if tabs.panel_keys() != keys:
                moved = True
                self._fill(tabs, keys)
        was_two = self.tabs[1].isVisibleTo(self)
        for place, tabs in enumerate(self.tabs):
            tabs.setVisible(place < len(columns))
            tabs.bar.setVisible(self.has_tabs())
            if place < len(columns):
                tabs.setCurrentWidget(self._slots[current[place]])
        self._place_corner()
        self._arranging = False
        if len(columns) > 1 and not was_two:
            self._set_sizes()
            for soon in (0, 60):  # once more, when panels have made themselves narrow
                QTimer.singleShot(soon, self, self._settle)
        if moved:
            self._name_tabs()
            if focused is not None and self.isAncestorOf(focused) and focused.isVisible():
                focused.setFocus()
        self._build_shown()
        self._save()
        if moved:
            self.arranged.emit()

    def _fill(self, tabs: PanelTabs, keys: list[str]) -> None:
        for index, key in enumerate(keys):
            slot = self._slots[key]
            if tabs.slot_at(index) is not slot:
                for other in self.tabs:
                    if other.indexOf(slot) >= 0:
                        other.removeTab(other.indexOf(slot))
                tabs.insertTab(index, slot, "")

    def _name_tabs(self) -> None:
        for tabs in self.tabs:
            for index in range(tabs.count()):
                slot = tabs.slot_at(index)
                if slot is not None:
                    tabs.setTabText(index, slot.kind.title().replace("&", "&&"))
            tabs.fit()

    def _build_shown(self) -> None:
        before = len(self.built())
        for tabs in self.tabs:
            slot = tabs.current_slot()
            if slot is not None and slot.isVisible():
                slot.build()
        self._mark_active()
        if len(self.built()) > before:
            self.arranged.emit()

    def _mark_active(self) -> None:
        for tabs in self.tabs:
            tabs.set_active(self.active_key in tabs.panel_keys())
        panels, key = self._context.panels, self.active_key
        panels.activate(self._slots[key].panel)
        panels.show_role(key if key in ROLES else "chat", self.tabs[1].isVisibleTo(self))

    def _settle(self) -> None:
        if self.tabs[1].isVisibleTo(self):
            self._set_sizes()

    def _set_sizes(self) -> None:
        first = round(self.width() * self.arrangement.share)
        self.splitter.setSizes([first, self.width() - first])

    def _save(self) -> None:
        text = self.arrangement.text()
        if text != self._context.settings.layout:
            self._context.settings.layout = text
            self.layout_changed.emit()

    # --- what people do ------------------------------------------------------------------------

    def _on_shown(self, _slot: object) -> None:
        if not self._arranging:
            self._build_shown()

    def _on_current(self, _index: int) -> None:
        tabs = self.sender()
        slot = tabs.current_slot() if isinstance(tabs, PanelTabs) else None
        if self._arranging or slot is None or not isinstance(tabs, PanelTabs):
            return
        self.show_panel(slot.kind.key, focus=not tabs.bar.hasFocus())

    def _on_clicked(self, index: int) -> None:
        """On the tab that is in front already: then no other signal comes."""
        for tabs in self.tabs:
            slot = tabs.slot_at(index)
            if tabs.bar is self.sender() and slot is not None and index == tabs.currentIndex():
                self.show_panel(slot.kind.key)

    def _on_reordered(self, _old: int, _new: int) -> None:
        if not self._arranging:
            self.arrangement.reorder([key for tabs in self.tabs for key in tabs.panel_keys()])
            self._save()
            self.arranged.emit()

    def _on_focus(self, _old: QWidget | None, now: QWidget | None) -> None:
        """The column that has the focus holds the active panel.

        Nothing is arranged here: the focus also moves while a tab widget is about to show another tab.
        """
        if not self.follows_focus:
            return
        for tabs in self.tabs:
            slot = tabs.current_slot()
            if now is None or slot is None or self._arranging or not tabs.isAncestorOf(now):
                continue
            if self._corner is not None and self._corner.isAncestorOf(now):
                return  # the window's, wherever it stands
            if self.active_key not in tabs.panel_keys():
                self.arrangement.show(slot.kind.key)
                self._mark_active()
                self._save()
            return

    def _on_sent(self, _source: str, target: str, text: str) -> None:
        self.show_panel(target, focus=False)
        panel = self.panel(target)
        panel.receive_text(text)
        panel.focus_input()

    def _on_asked(self, target: str, what: str) -> None:
        self.show_panel(target, focus=False)
        panel = self.panel(target)
        panel.open_place(what)
        panel.focus_input()

    def _on_splitter(self, _position: int, _index: int) -> None:
        sizes = self.splitter.sizes()
        if self.is_wide() and min(sizes) > 0:
            self.arrangement.share = min(max(sizes[0] / sum(sizes), 0.15), 0.85)
            self._save()

    def _on_menu(self, index: int, place: QPoint) -> None:
        for tabs in self.tabs:
            slot = tabs.slot_at(index)
            if tabs.bar is self.sender() and slot is not None:
                menu = self.tab_menu(slot.kind.key)
                menu.exec(place)
                menu.deleteLater()
                return

    def tab_menu(self, key: str) -> QMenu:
        menu = QMenu(self)
        for step, text in ((-1, tr("Move to the left column")), (1, tr("Move to the right column"))):
            action = menu.addAction(text)
            action.setData((key, step))
            action.setEnabled(self.can_move(key, step))
            action.triggered.connect(self._on_menu_move)
        return menu

    def _on_menu_move(self) -> None:
        self.move_panel(*self.sender().data())  # type: ignore[attr-defined]

    # --- dragging ------------------------------------------------------------------------------

    def target_at(self, key: str, place: QPoint) -> Target | None:
        """Where a tab dropped at ``place`` (in here) would go; None: it stays where it is."""
        if not self.is_wide() or not self.rect().contains(place):
            return None
        own = self.arrangement.column_of(key)
        if len(self.arrangement.columns) == 1:
            half = QRect(0, 0, self.width() // 2, self.height())
            if not self.arrangement.can_move(key, 1):
                return None
            if place.x() < self.width() // 3:
                return Target(-1, 0, half)
            if place.x() >= self.width() * 2 // 3:
                return Target(1, 0, half.translated(self.width() - half.width(), 0))
            return None
        column = 0 if place.x() < self.tabs[1].mapTo(self, QPoint()).x() else 1
        tabs = self.tabs[column]
        over_bar = place.y() < tabs.bar.height()
        if column == own and not over_bar:
            return None
        index = tabs.bar.tabAt(tabs.bar.mapFrom(self, place)) if over_bar else -1
        return Target(column, index, QRect(tabs.mapTo(self, QPoint()), tabs.size()))

    def _pulled_target(self, index: int, place: QPoint) -> tuple[str, Target | None]:
        for tabs in self.tabs:
            slot = tabs.slot_at(index)
            if tabs.bar is self.sender() and slot is not None:
                return slot.kind.key, self.target_at(slot.kind.key, self.mapFromGlobal(place))
        return "", None

    def _on_pulled(self, index: int, place: QPoint) -> None:
        _key, target = self._pulled_target(index, place)
        self._indicator.mark(target.area if target is not None else QRect())

    def _on_dropped(self, index: int, place: QPoint) -> None:
        key, target = self._pulled_target(index, place)
        self._indicator.hide()
        if target is not None:
            self.arrangement.place(key, target.column, target.index)
            self._arrange()
            self.focus_active()

    def _on_drag_cancelled(self) -> None:
        self._indicator.hide()

    # --- Qt ------------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if (event.oldSize().width() >= TWO_FROM) != self.is_wide():
            self._arrange()


class _Indicator(QWidget):
    """The area that a dropped panel would fill."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setObjectName("dropIndicator")
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.hide()

    def mark(self, area: QRect) -> None:
        self.setVisible(not area.isEmpty())
        self.setGeometry(area)
        self.raise_()

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        fill = theme().color("accent")
        painter.setPen(fill)
        fill.setAlpha(48)
        painter.setBrush(fill)
        painter.drawRoundedRect(self.rect().adjusted(4, 4, -5, -5), 8, 8)
        painter.end()
