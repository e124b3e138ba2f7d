"""The conversation: a scrolled column in which only the messages in sight have widgets.

Heights of the others are estimated from their text and corrected once they are laid out, while the
message at the top edge keeps its place, so nothing jumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QResizeEvent,
    QShowEvent,
    QTextCursor,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QApplication, QFrame, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.chat.messages.column import Item, MessageColumn, estimate
from autogpt_desktop.ui.chat.messages.jump_button import JumpButton
from autogpt_desktop.ui.chat.messages.warm_up import warm_up
from autogpt_desktop.ui.chat.messages.widget import PAD, MessageWidget
from autogpt_desktop.ui.widgets.basic import tab_order
from autogpt_desktop.ui.widgets.reading_style import SCROLL_BAR, chat_style

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Message
    from autogpt_desktop.ui.context import AppContext

AT_END = 24  # px from the end that still count as being there
WARM_UP_MS = 1_500  # behind the first paint, which nothing is to hold up
POOL = 12  # unused widgets that are kept


class MessageView(QAbstractScrollArea):
    """``set_messages``, ``grow``; tells what was asked of a message."""

    action = Signal(str, int)  # what, message id
    link_clicked = Signal(str, QPoint)
    zoom_requested = Signal(int)
    marked = Signal(int, int)  # message id that grew, how often what is being found stands in it

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.chat_style = chat_style(context)
        self.column = MessageColumn()
        self.widgets: dict[int, MessageWidget] = {}  # by message id
        self._spare: list[MessageWidget] = []
        self._busy: set[int] = set()
        self._unfolded: set[int] = set()  # messages whose thoughts are shown, wherever they are scrolled to
        self._words, self._mark = "", (-1, -1)  # what is being found; message id and which of its places
        self._at_end = True
        self._laying = False
        self._current = -1
        self._tab_order: list[QWidget] = []
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.viewport().setAutoFillBackground(False)
        self.verticalScrollBar().setSingleStep(48)
        self.jump = JumpButton("arrow-down", self, 36)
        self.jump.clicked.connect(self.scroll_to_end)
        self.jump.hide()
        context.theme_changed.connect(self.restyle)
        context.zoom_changed.connect(self.restyle)
        context.language_changed.connect(self.retranslate)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.timeout.connect(self._lay_out)
        self.retranslate()

    # -- content

    def set_messages(
        self,
        messages: Sequence[Message],
        busy: set[int],
        *,
        keep_place: bool = False,
        hold: tuple[int, int] | None = None,
    ) -> None:
        """Show a conversation: at its end, or with ``keep_place`` where it is being read.

        ``hold``: the message (id) that is replaced by another (id), which appears at the same place.
        """
        anchor = self._anchor() if keep_place else None
        if hold is not None and hold[0] in self.column:
            anchor = hold[1], self.verticalScrollBar().value() - self.column.top(hold[0])
            self._at_end = False
        self._busy = set(busy)
        self._unfolded.intersection_update(message.id for message in messages)
        self.column.set_messages(messages, self._busy, self._width(), self.chat_style)
        for message_id in [known for known in self.widgets if known not in self.column]:
            self._release(message_id)
        for item in self._shown():
            self._show(item)
        self._recount()
        if anchor is None or self._at_end:
            self._set_value(self.verticalScrollBar().maximum())
            self._at_end = True
        self._lay_out(anchor if not self._at_end else None)

    def grow(self, message_id: int, text: str, status: str = "") -> None:
        """More text of an answer that is being written."""
        item = self.column.item(message_id)
        if item is None:
            return
        anchor = self._anchor()
        item.text, item.status, item.measured = text, status, False
        widget = self.widgets.get(message_id)
        if widget is not None:
            widget.grow(text, status)
            if self._words:
                self.marked.emit(message_id, len(self._mark_in(widget)))
        self._lay_out(anchor)

    def _on_changed_height(self, message_id: int) -> None:
        item = self.column.item(message_id)
        if item is not None and message_id in self.widgets:
            item.measured = False
            self._lay_out(self._anchor())

    def _on_unfolded(self, message_id: int, unfolded: bool) -> None:
        (self._unfolded.add if unfolded else self._unfolded.discard)(message_id)

    # -- geometry

    def _width(self) -> int:
        """Width of a message widget."""
        return max(200, min(self.chat_style.column_width + 2 * PAD, self.width() - SCROLL_BAR - 32))

    def _recount(self) -> None:
        self.column.recount()
        bar = self.verticalScrollBar()
        bar.setPageStep(self.viewport().height())
        self._laying = True
        bar.setRange(0, max(0, self.column.height - self.viewport().height()))
        self._laying = False

    def _set_value(self, value: float) -> None:
        self._laying = True
        self.verticalScrollBar().setValue(round(value))
        self._laying = False

    def _anchor(self) -> tuple[int, float] | None:
        return self.column.anchor(self.verticalScrollBar().value())

    def _keep(self, anchor: tuple[int, float] | None) -> None:
        if self._at_end:
            self._set_value(self.verticalScrollBar().maximum())
        elif anchor is not None and anchor[0] in self.column:
            self._set_value(self.column.top(anchor[0]) + anchor[1])

    def _in_sight(self) -> range:
        return self.column.near(self.verticalScrollBar().value(), self.viewport().height())

    def _shown(self) -> list[Item]:
        """Those that have a widget."""
        items = map(self.column.item, self.widgets)
        return [item for item in items if item is not None]

    def _lay_out(self, anchor: tuple[int, float] | None = None) -> None:
        """Give messages in sight a widget, measure them, and place all of them."""
        if self._laying or not self.isVisible():
            return
        anchor = anchor or self._anchor()
        for _ in range(4):  # measuring moves others into sight; it settles at once or nearly so
            changed = False
            for index in self._in_sight():
                item = self.column.items[index]
                widget = self.widgets.get(item.message.id) or self._widget_for(item)
                if not item.measured:
                    height = widget.arrange(self._width())
                    widget.resize(self._width(), height)
                    changed |= height != item.height
                    item.height, item.measured = height, True
            if not changed:
                break
            self._recount()
            self._keep(anchor)
        self._place()
        self._track_end()

    def _place(self) -> None:
        wanted = {self.column.items[index].message.id for index in self._in_sight()}
        value, width = self.verticalScrollBar().value(), self._width()
        focused = QApplication.focusWidget() or self
        left = (self.width() - SCROLL_BAR - width) // 2  # the same with and without the bar
        for item in self._shown():
            message_id = item.message.id
            widget = self.widgets[message_id]
            if message_id not in wanted and not (widget.has_selection() or widget.isAncestorOf(focused)):
                self._release(message_id)
                continue
            top = round(self.column.top(message_id) - value)
            widget.setGeometry(left, top, width, round(item.height))
            widget.body.follow_sight()
        self._order_tabs()
        self.jump.move((self.width() - self.jump.width()) // 2, self.height() - self.jump.height() - 12)

    def _order_tabs(self) -> None:
        """The Tab key goes through messages as they stand; widgets are recycled in any order."""
        numbers = sorted(self.widgets, key=self.column.index)
        stops = [stop for number in numbers for stop in self.widgets[number].tab_stops()]
        if stops != self._tab_order:
            self._tab_order = stops
            tab_order(self, *stops)

    def _widget_for(self, item: Item) -> MessageWidget:
        if self._spare:
            widget = self._spare.pop()
        else:
            widget = MessageWidget(self.context, self.chat_style, self.viewport())
            widget.action.connect(self.action)
            widget.link_clicked.connect(self.link_clicked)
            widget.changed_height.connect(self._on_changed_height)
            widget.unfolded.connect(self._on_unfolded)
        if widget.chat_style.key != self.chat_style.key:
            widget.restyle(self.chat_style)
        self.widgets[item.message.id] = widget
        self._show(item)
        item.measured = False
        widget.show()
        if self._words:
            self._mark_in(widget)
        return widget

    def _show(self, item: Item) -> None:
        number = item.message.id
        last = self.column.items[-1].message.id == number
        widget = self.widgets[number]
        before = (widget.message, widget.source, widget.last, widget.busy)
        widget.show_message(
            item.message, item.text, last=last, busy=number in self._busy, status=item.status,
            unfolded=number in self._unfolded, writing=bool(self._busy),
        )  # fmt: skip
        if before != (item.message, item.text, last, number in self._busy):
            item.measured = False
            if self._words:
                self._mark_in(widget)

    def _release(self, message_id: int) -> None:
        widget = self.widgets.pop(message_id)
        widget.hide()
        if len(self._spare) < POOL:
            self._spare.append(widget)
        else:
            widget.deleteLater()

    def _track_end(self) -> None:
        bar = self.verticalScrollBar()
        self._note_end(bar.value() >= bar.maximum() - AT_END)

    def _note_end(self, at_end: bool) -> None:
        self._at_end = at_end
        self.jump.setVisible(not at_end and bool(self.column.items))
        self.jump.raise_()

    # -- moving

    def scroll_to_end(self) -> None:
        self._note_end(True)
        self._set_value(self.verticalScrollBar().maximum())
        self._lay_out()

    def scroll_to(self, message_id: int, inside: float = 0.0) -> None:
        """Bring a message into sight, its point ``inside`` px below its top, without moving if it is."""
        if message_id not in self.column:
            return
        for _ in range(2):  # the second time with measured heights
            top = self.column.top(message_id) + inside
            bar = self.verticalScrollBar()
            if not bar.value() + 16 <= top <= bar.value() + self.viewport().height() - 64:
                self._at_end = False
                self._set_value(top - self.viewport().height() / 4)
            self._track_end()
            self._lay_out((message_id, bar.value() - self.column.top(message_id)))

    def step(self, direction: int) -> None:
        """Keyboard: to the message before or behind the current one."""
        items = self.column.items
        if not items:
            return
        outside = len(items) if direction < 0 else -1
        index = self.column.index(self._current) if self._current in self.column else outside
        index = min(max(0, index + direction), len(items) - 1)
        old = self.widgets.get(self._current)
        if old is not None:
            old.set_current(False)
        self._current = items[index].message.id
        self.scroll_to(self._current)
        widget = self.widgets.get(self._current)
        if widget is not None:
            widget.set_current(True)
            widget.body.setFocus(Qt.FocusReason.TabFocusReason)

    def current_message(self) -> int:
        """The message that the keyboard stands on, -1: none."""
        return self._current

    # -- finding

    def set_find(self, words: str, message_id: int = -1, number: int = -1) -> None:
        """Highlight ``words`` everywhere; go to place ``number`` of a message."""
        self._words, self._mark = words, (message_id, number)
        if message_id >= 0:
            self.scroll_to(message_id, self._place_in(message_id, number))
        marked = {known: self._mark_in(widget) for known, widget in self.widgets.items()}
        places = marked.get(message_id, [])
        if 0 <= number < len(places):
            self.scroll_to(message_id, self.widgets[message_id].top_of(places[number]))

    def _mark_in(self, widget: MessageWidget) -> list[QTextCursor]:
        current = self._mark[1] if widget.message and widget.message.id == self._mark[0] else -1
        return widget.body.mark(self._words, current)

    def _place_in(self, message_id: int, number: int) -> float:
        widget = self.widgets.get(message_id)
        places = self._mark_in(widget) if widget else []
        return widget.top_of(places[number]) if widget and 0 <= number < len(places) else 0.0

    # -- looks

    def restyle(self) -> None:
        """Theme or zoom changed; what is being read stays in sight."""
        anchor = self._anchor()
        before = self.column.item(anchor[0]) if anchor is not None else None
        share = anchor[1] / max(1.0, before.height) if anchor is not None and before is not None else 0.0
        self.chat_style = chat_style(self.context)
        for widget in [*self.widgets.values(), *self._spare]:
            widget.restyle(self.chat_style)
        self._measure_again(anchor)
        for item in self._shown():
            self._show(item)
        self._lay_out(anchor)
        if anchor is not None and before is not None and not self._at_end:
            anchor = anchor[0], share * before.height  # measured by now: as far into the text as before
            self._keep(anchor)
            self._lay_out(anchor)

    def retranslate(self) -> None:
        self.setAccessibleName(tr("Conversation"))
        self.jump.name(tr("Jump to the end"))
        for widget in [*self.widgets.values(), *self._spare]:
            widget.retranslate()
        for item in self.column.items:
            item.measured = False
        self._lay_out()

    def _measure_again(self, anchor: tuple[int, float] | None) -> None:
        for item in self.column.items:
            item.height, item.measured = estimate(item, self._width(), self.chat_style), False
        self._recount()
        self._keep(anchor)

    # -- Qt

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        anchor = self._anchor()
        if event.oldSize().width() != event.size().width() and (not self.widgets or self._width_changed()):
            self._measure_again(anchor)
        self._recount()
        self._keep(anchor)
        self._lay_out(anchor)

    def _width_changed(self) -> bool:
        return any(widget.width() != self._width() for widget in self.widgets.values())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._recount()
        self._keep(None)
        self._settle.start(0)
        QTimer.singleShot(WARM_UP_MS, warm_up)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        if not self._laying:
            self._track_end()
            self._lay_out()

    def wheelEvent(self, event: QWheelEvent) -> None:
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom_requested.emit(1 if event.angleDelta().y() > 0 else -1)
            event.accept()
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        bar = self.verticalScrollBar()
        match event.key():
            case Qt.Key.Key_Home:
                bar.setValue(0)
            case Qt.Key.Key_End:
                self.scroll_to_end()
            case _:
                super().keyPressEvent(event)

    def visible_rect(self, message_id: int) -> QRect:
        """Where a message is in the viewport; empty when it has no widget."""
        widget = self.widgets.get(message_id)
        return widget.geometry() if widget else QRect()
