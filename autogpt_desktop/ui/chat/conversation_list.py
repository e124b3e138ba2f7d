"""The conversations at the left: the history, and what is begun, imported, pinned, exported, thrown away."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Signal
from PySide6.QtWidgets import QHBoxLayout, QMenu, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.chat.conversation_model import conversation_items
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, icon_button, name_button
from autogpt_desktop.ui.widgets.history_list import HistoryList
from autogpt_desktop.ui.widgets.history_model import HistoryItem, Index
from autogpt_desktop.ui.widgets.progress_row import ProgressRow

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import History
    from autogpt_desktop.ui.context import AppContext


class ConversationList(QWidget):
    """Tells what is wanted; the panel does it."""

    opened = Signal(int, object)  # conversation id, id of the message a search found or None
    new_requested = Signal()
    renamed = Signal(int, str)
    action = Signal(str, int)  # "pin", "delete", "export-md", "export-json", "export-txt"
    import_requested = Signal()
    import_cancelled = Signal()
    trash_requested = Signal()

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.setObjectName("page")
        self.setMinimumWidth(200)
        self.new_button = button(icon="plus")
        self.new_button.clicked.connect(self.new_requested)
        self.more_button = icon_button("more")
        self.more_button.clicked.connect(self._more_menu)
        self.history = HistoryList(conversation_items(self._history), renames=True)
        self.history.add_actions = self._add_actions
        self.history.opened.connect(self._on_opened)
        self.history.renamed.connect(self._on_renamed)
        self.history.deleted.connect(self._on_deleted)
        self.search, self.view, self.model = self.history.search, self.history.view, self.history.model
        self.trash_button = button(kind="quiet", icon="delete")
        self.trash_button.clicked.connect(self.trash_requested)
        self.trash_button.hide()
        self._in_trash = 0
        top = QHBoxLayout()
        top.setContentsMargins(12, 12, 8, 0)
        top.addWidget(self.new_button, 1)
        top.addWidget(self.more_button)
        self.import_row = ProgressRow()
        self.import_row.setContentsMargins(12, 0, 4, 4)
        self.import_row.count.hide()  # the file's name needs the room
        self.import_row.cancelled.connect(self.import_cancelled)
        foot = QHBoxLayout()
        foot.setContentsMargins(8, 0, 8, 8)
        foot.addWidget(self.trash_button)
        foot.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(top)
        column.addWidget(self.history, 1)
        column.addWidget(self.import_row)
        column.addLayout(foot)
        context.language_changed.connect(self.retranslate)
        self.retranslate()

    def _history(self) -> History:
        return self.context.history

    # -- content

    @property
    def running(self) -> set[object]:
        """Conversations in which an answer is being written."""
        return set(self.history.running)

    def reload(self) -> None:
        self.history.reload()

    def show_trash(self, count: int) -> None:
        """How many conversations are in the trash; its entry is there while it holds any."""
        self._in_trash = count
        self.trash_button.setText(tr("Trash ({n})", n=count))
        self.trash_button.setVisible(count > 0)

    def set_current(self, conversation_id: int) -> None:
        self.history.set_current(conversation_id)

    def set_running(self, conversations: set[int]) -> None:
        self.history.set_running(set(conversations))

    def focus_search(self) -> None:
        self.history.focus_search()

    def edit_title(self, conversation_id: int) -> None:
        self.history.edit_title(conversation_id)

    def neighbor(self, conversation_id: int, step: int) -> int:
        """The conversation before or behind one, 0 where there is none."""
        ids: list[int] = [item.value.id for item in self.model.items()]
        if conversation_id not in ids:
            return ids[0] if ids else 0
        place = ids.index(conversation_id) + step
        return ids[place] if 0 <= place < len(ids) else 0

    # -- slots

    def open_index(self, index: Index) -> None:
        self.history.open_index(index)

    def _on_opened(self, item: HistoryItem) -> None:
        self.opened.emit(item.value.id, item.value.match_id if self.model.query else None)

    def _on_renamed(self, item: HistoryItem, title: str) -> None:
        self.renamed.emit(item.value.id, title)

    def _on_deleted(self, item: HistoryItem) -> None:
        self.action.emit("delete", item.value.id)

    def _add_actions(self, menu: QMenu, item: HistoryItem) -> None:
        number = item.value.id
        pin = menu.addAction(icons.icon("pin"), tr("Unpin") if item.pinned else tr("Pin"))
        pin.triggered.connect(partial(self._act, "pin", number))
        export = menu.addMenu(icons.icon("export"), tr("Export"))
        for kind, text in export_kinds():
            export.addAction(text).triggered.connect(partial(self._act, f"export-{kind}", number))

    def _act(self, name: str, conversation_id: int, _checked: bool = False) -> None:
        self.action.emit(name, conversation_id)

    def _more_menu(self) -> None:
        menu = QMenu(self)
        entry = menu.addAction(icons.icon("import"), tr("Import conversations…"))
        entry.triggered.connect(self.import_requested)
        menu.exec(self.more_button.mapToGlobal(QPoint(0, self.more_button.height())))
        menu.deleteLater()

    def retranslate(self) -> None:
        self.new_button.setText(tr("New chat"))
        self.new_button.setToolTip("Ctrl+N")
        name_button(self.more_button, tr("More"))
        self.history.set_texts(
            tr("Conversations"), tr("Search conversations"), tr("Your conversations will be listed here.")
        )
        self.trash_button.setText(tr("Trash ({n})", n=self._in_trash))
        self.import_row.retranslate()
        self.reload()


def export_kinds() -> list[tuple[str, str]]:
    """Formats of an export and what they are called."""
    return [("md", tr("Markdown")), ("json", tr("JSON (can be imported again)")), ("txt", tr("Plain text"))]
