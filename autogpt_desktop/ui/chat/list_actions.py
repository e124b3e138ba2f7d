"""What can be done in the list of conversations: rename, pin, export, import, delete, the next one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.conversations.types import TRASH_DAYS
from autogpt_desktop.ui.chat.conversation_model import shown_title
from autogpt_desktop.ui.chat.known_errors import reports_known_errors
from autogpt_desktop.ui.chat.purge import UNDO_MS
from autogpt_desktop.ui.chat.trash_card import TrashCard
from autogpt_desktop.ui.widgets.focus import hand_on

if TYPE_CHECKING:
    from autogpt_desktop.ui.chat.conversation import Conversation
    from autogpt_desktop.ui.chat.conversation_list import ConversationList
    from autogpt_desktop.ui.chat.export_import import ConversationFiles
    from autogpt_desktop.ui.chat.generation import Generation
    from autogpt_desktop.ui.chat.purge import Purge
    from autogpt_desktop.ui.context import AppContext


class ListActions(QObject):
    """Carries out the actions of a ConversationList on the user's history."""

    def __init__(
        self,
        context: AppContext,
        conversation: Conversation,
        generation: Generation,
        purge: Purge,
        files: ConversationFiles,
        conversations: ConversationList,
    ) -> None:
        super().__init__(conversations)
        self.context = context
        self._conversation, self._generation, self._purge = conversation, generation, purge
        self._files, self._list = files, conversations
        conversations.renamed.connect(self.rename)
        conversations.action.connect(self._on_action)
        conversations.import_requested.connect(files.import_file)
        conversations.import_cancelled.connect(files.importing.cancel)
        files.importing.began.connect(self._on_import_began)
        files.importing.advanced.connect(conversations.import_row.advance)
        files.importing.ended.connect(self._on_import_ended)
        conversations.trash_requested.connect(self.open_trash)
        self._trash: TrashCard | None = None  # made when first asked for
        self._show_trash()
        self._before_import = 0

    @reports_known_errors
    def rename(self, conversation_id: int, title: str) -> None:
        self.context.history.update(conversation_id, title=title)
        self._list.reload()
        self._conversation.reload_title()

    def _on_action(self, name: str, conversation_id: int) -> None:
        history = self.context.history
        if name == "pin":
            history.update(conversation_id, pinned=not history.get(conversation_id).pinned)
            self._list.reload()
        elif name == "delete":
            self.delete(conversation_id)
        else:
            self._files.export(history, conversation_id, name.removeprefix("export-"))

    def delete(self, conversation_id: int) -> None:
        """Into the trash, with Undo."""
        history, conversation = self.context.history, self._conversation
        answer = self._generation.answer_in(history, conversation_id)
        if answer:
            self._generation.stop(answer)
        title = shown_title(history.get(conversation_id).title)
        was_open = conversation.temporary is None and conversation_id == conversation.id
        if was_open:
            conversation.leave()
        history.trash(conversation_id)
        if was_open:
            conversation.open(0)
        self._list.reload()

        def undo() -> None:
            if history.restore(conversation_id):
                self._list.reload()
                self._show_trash()
                if was_open and conversation.temporary is None:
                    self._open(conversation_id)

        text = tr("“{title}” is in the trash for {n} days", title=title[:40], n=TRASH_DAYS)
        self.context.toast(text, undo=undo, milliseconds=UNDO_MS)
        self._show_trash()

    # --- the trash ------------------------------------------------------------------------------

    def open_trash(self) -> None:
        if self._trash is None:
            self._trash = TrashCard(self._list.window())
            self._trash.restored.connect(self._restore)
            self._trash.deleted.connect(self.delete_for_ever)
            self.context.language_changed.connect(self._trash.retranslate)
        self._trash.show_items(self.context.history.trashed())
        self._trash.open()

    def delete_for_ever(self, ids: list[int]) -> None:
        """With Undo; after a minute it is overwritten."""
        history = self.context.history
        deletions = [history.delete(number) for number in ids]
        self._purge.schedule()
        self._show_trash()

        def undo() -> None:
            for deletion in deletions:
                history.undo(deletion)
            self._show_trash()

        text = tr("{n} deleted for ever", n=len(ids))
        self.context.toast(text, undo=undo, milliseconds=UNDO_MS)

    def _restore(self, conversation_id: int) -> None:
        if self.context.history.restore(conversation_id):
            self._list.reload()
            self._show_trash()

    def _show_trash(self) -> None:
        items = self.context.history.trashed()
        self._list.show_trash(len(items))
        if self._trash is not None:
            self._trash.show_items(items)

    def open_previous(self) -> None:
        self._open_neighbor(-1)

    def open_next(self) -> None:
        self._open_neighbor(1)

    def _open_neighbor(self, step: int) -> None:
        other = self._list.neighbor(self._conversation.id, step)
        if other:
            self._open(other)

    @reports_known_errors
    def _open(self, conversation_id: int) -> None:
        self._conversation.open(conversation_id)

    # --- import -----------------------------------------------------------------------------------

    def _on_import_began(self, name: str) -> None:
        self._before_import = self._conversation.id
        self._list.import_row.begin(tr("Importing {name}", name=name))

    @reports_known_errors
    def _on_import_ended(self, ids: list[int]) -> None:
        """The first of them is opened, unless the user is at something else by now."""
        row, conversation = self._list.import_row, self._conversation
        focused = row.cancel_button.hasFocus()
        row.end()
        if focused:
            hand_on(row)
        if not ids:
            self._purge.schedule()  # what was added before it was cancelled
            return
        self._list.reload()
        one = len(ids) == 1
        text = tr("1 conversation imported") if one else tr("{n} conversations imported", n=len(ids))
        waits = conversation.id == self._before_import and not conversation.answer
        if waits and conversation.temporary is None and conversation.read_draft().is_empty():
            self.context.toast(text)
            self._open(ids[0])
        else:
            self.context.toast(text, undo=partial(self._open, ids[0]), action_text=tr("Open"))
