"""The trash: conversations that were deleted, to be put back or to be deleted for ever."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from math import ceil
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.conversations.types import TRASH_DAYS
from autogpt_desktop.ui.chat.conversation_model import shown_title
from autogpt_desktop.ui.widgets.basic import ElidedLabel, button, icon_button, label, name_button
from autogpt_desktop.ui.widgets.overlay import Overlay

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.types import Conversation

WIDTH, HEIGHT = 560, 420  # pixels
DAY = 86_400  # seconds


class TrashCard(Overlay):
    """Tells what is wanted; somebody else does it and calls ``show_items`` again."""

    restored = Signal(int)  # conversation id
    deleted = Signal(list)  # conversation ids

    def __init__(self, window: QWidget) -> None:
        super().__init__(window, placement="center", width=WIDTH)
        self._items: list[tuple[Conversation, float]] = []
        self._title = label(size="heading")
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_overlay)
        self._hint = label(size="small", tone="muted", wrap=True)
        self.empty_button = button(kind="quiet", icon="delete")
        self.empty_button.clicked.connect(self._empty)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setMinimumHeight(200)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(self.close_button)
        foot = QHBoxLayout()
        foot.addStretch(1)
        foot.addWidget(self.empty_button)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(24, 16, 16, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self._hint)
        column.addWidget(self._scroll, 1)
        column.addLayout(foot)
        self.card.setMinimumHeight(min(HEIGHT, window.height() - 32))
        self.retranslate()

    def show_items(self, items: Sequence[tuple[Conversation, float]]) -> None:
        """What is in the trash, and since when."""
        self._items = list(items)
        focused = self._scroll.isAncestorOf(self.focusWidget()) if self.focusWidget() else False
        page = QWidget()
        page.setObjectName("page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 8, 0)
        column.setSpacing(4)
        for conversation, since in self._items:
            column.addWidget(self._row(conversation, since))
        if not self._items:
            column.addWidget(label(tr("The trash is empty."), tone="muted"))
        column.addStretch(1)
        self._scroll.setWidget(page)
        self.empty_button.setEnabled(bool(self._items))
        if focused:
            self.close_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def _row(self, conversation: Conversation, since: float) -> QWidget:
        title = shown_title(conversation.title)
        left = max(0, ceil((since + TRASH_DAYS * DAY - time.time()) / DAY))
        days = label(tr("{n} days left", n=left), size="small", tone="muted")
        restore, delete = button(tr("Restore"), kind="quiet"), button(tr("Delete for ever"), kind="quiet")
        for made in (restore, delete):
            made.setAccessibleName(f"{made.text()}: {title}")
        restore.clicked.connect(partial(self._restore, conversation.id))
        delete.clicked.connect(partial(self._delete, conversation.id))
        made_row = QWidget()
        row = QHBoxLayout(made_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(ElidedLabel(title), 1)
        for widget in (days, restore, delete):
            row.addWidget(widget)
        return made_row

    def _restore(self, conversation_id: int, _checked: bool = False) -> None:
        self.restored.emit(conversation_id)

    def _delete(self, conversation_id: int, _checked: bool = False) -> None:
        self.deleted.emit([conversation_id])

    def _empty(self) -> None:
        self.deleted.emit([conversation.id for conversation, _since in self._items])

    def retranslate(self) -> None:
        self._title.setText(tr("Trash"))
        self._hint.setText(
            tr("Conversations stay here for {n} days and are then deleted for ever.", n=TRASH_DAYS)
        )
        self.empty_button.setText(tr("Empty the trash"))
        name_button(self.close_button, tr("Close"), "Esc")
        self.show_items(self._items)
