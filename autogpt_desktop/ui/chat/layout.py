"""What the chat panel shows and how that is arranged: list left, conversation in the middle, drawer right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from autogpt_desktop.ui.chat.banner import LanguageBanner
from autogpt_desktop.ui.chat.composer import Composer
from autogpt_desktop.ui.chat.conversation_list import ConversationList
from autogpt_desktop.ui.chat.empty_state import EmptyState
from autogpt_desktop.ui.chat.header import Header
from autogpt_desktop.ui.chat.messages.find_bar import FindBar
from autogpt_desktop.ui.chat.messages.view import MessageView
from autogpt_desktop.ui.chat.sampling_panel import SamplingPanel
from autogpt_desktop.ui.widgets.basic import hairline, tab_order
from autogpt_desktop.ui.widgets.reading_style import SCROLL_BAR, chat_style

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

NARROW = 1000  # px below which list and drawer are not open at once
SLIM = 600  # px below which the list makes way for the conversation


class ChatViews(QSplitter):
    """The widgets in their places. They know nothing of conversations that are open, or of answers."""

    def __init__(self, context: AppContext) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self.context = context
        self._list_before_drawer = False
        self._slim = self._list_before_slim = False
        self.list = ConversationList(context)
        self.header = Header()
        self.view = MessageView(context)
        self.find_bar = FindBar(context, self.view)
        self.empty = EmptyState(context)
        self.banner = LanguageBanner()
        self.composer = Composer(context)
        self.drawer = SamplingPanel(context)
        self._build()
        self.header.sidebar.clicked.connect(self.toggle_list)
        self.header.find_button.clicked.connect(self.find_bar.open)
        self.header.drawer.clicked.connect(self.toggle_drawer)
        self.drawer.closed.connect(self.toggle_drawer)
        self.view.zoom_requested.connect(context.step_zoom)
        self.find_bar.closed.connect(self.composer.edit.setFocus)
        context.zoom_changed.connect(self.restyle)

    def _build(self) -> None:
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(self.view)
        self.foot = QWidget()
        foot = QVBoxLayout(self.foot)
        foot.setContentsMargins(0, 0, 0, 0)
        foot.setSpacing(8)
        foot.addWidget(self.banner)
        foot.addWidget(self.composer)
        foot_row = QHBoxLayout()
        foot_row.setContentsMargins(16, 4, 16 + SCROLL_BAR, 16)
        foot_row.addStretch(1)
        foot_row.addWidget(self.foot, 1000)
        foot_row.addStretch(1)
        middle = QWidget()
        column = QVBoxLayout(middle)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.header)
        column.addWidget(hairline())
        column.addWidget(self.find_bar)
        column.addWidget(self.stack, 1)
        column.addLayout(foot_row)
        middle.setMinimumWidth(280)
        self.setHandleWidth(1)
        for place, widget in enumerate((self.list, middle, self.drawer)):
            self.addWidget(widget)
            self.setCollapsible(place, False)
            self.setStretchFactor(place, int(place == 1))
        self.setSizes([248, 800, 312])
        self.drawer.hide()
        self.setAcceptDrops(True)
        self._order_tabs()
        self.restyle()

    def _order_tabs(self) -> None:
        """The Tab key goes from left to right and down; the view puts its messages behind itself."""
        side, head, find, write, drawer = self.list, self.header, self.find_bar, self.composer, self.drawer
        tab_order(
            side.new_button, side.more_button, side.search, side.view, side.trash_button,
            head.sidebar, *head.actions_row.buttons, head.actions_row.more,
            find.field, find.up, find.down, find.close_button,
            *self.empty.examples, self.view, self.view.jump,
            self.banner.action, write.editing_cancel, write.attach_button, write.edit, write.send_button,
            drawer.close_button, drawer.presets, drawer.preset_menu, drawer.name_field, drawer.name_button,
            drawer.prompt, drawer.temperature, drawer.top_k, drawer.top_p, drawer.min_p,
            drawer.repetition_penalty, drawer.max_tokens, drawer.seed, drawer.stop,
        )  # fmt: skip

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        self.composer.dragEnterEvent(event)

    def dropEvent(self, event: QDropEvent) -> None:
        self.composer.dropEvent(event)

    def toggle_list(self) -> None:
        self.list.setVisible(self.list.isHidden())
        if self._is_narrow() and not self.list.isHidden() and not self.drawer.isHidden():
            self._list_before_drawer = False
            self.toggle_drawer()

    def toggle_drawer(self) -> None:
        """Where there is no room for both, the list makes way and comes back."""
        opening = self.drawer.isHidden()
        if opening and self._is_narrow():
            self._list_before_drawer = not self.list.isHidden()
            self.list.hide()
        self.drawer.setVisible(opening)
        self.header.drawer.setChecked(opening)
        if opening:
            self.drawer.presets.setFocus()
            return
        if self._list_before_drawer:
            self.list.show()
        self._list_before_drawer = False
        self.composer.edit.setFocus()

    def focus_search(self) -> None:
        self.list.show()
        self.list.focus_search()

    def _is_narrow(self) -> bool:
        return self.width() < NARROW

    def restyle(self) -> None:
        """The composer is as wide as the column of text above it."""
        self.foot.setMaximumWidth(chat_style(self.context).column_width + 32)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.oldSize().width() >= NARROW > event.size().width() and not self.drawer.isHidden():
            self._list_before_drawer = not self.list.isHidden()
            self.list.hide()
        if self._slim != (event.size().width() < SLIM):
            self._slim = not self._slim
            if self._slim:
                self._list_before_slim = not self.list.isHidden()
            self.list.setVisible(not self._slim and (self._list_before_slim or not self.list.isHidden()))
