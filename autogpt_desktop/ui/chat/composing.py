"""What stands in the composer: the draft of the open conversation, or a message that is edited."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from autogpt_desktop.ui.chat.attachments import Attachment
from autogpt_desktop.ui.chat.draft import Draft
from autogpt_desktop.ui.chat.known_errors import reports_known_errors

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Message
    from autogpt_desktop.ui.chat.composer import Composer
    from autogpt_desktop.ui.chat.conversation import Conversation
    from autogpt_desktop.ui.context import AppContext

_SPARED = 20  # times as long as a draft takes to be saved, with its large files, the next one waits


class Composing(QObject):
    """Between a Composer and the Conversation that its text belongs to."""

    def __init__(self, context: AppContext, conversation: Conversation, composer: Composer) -> None:
        super().__init__(composer)
        self.context = context
        self._conversation, self._composer = conversation, composer
        composer.changed.connect(self.save_draft)
        composer.edit_last_requested.connect(self.edit_last)
        composer.edit_cancelled.connect(self.cancel_editing)
        conversation.opened.connect(self._show_draft)
        conversation.question_saved.connect(self._on_question_saved)
        conversation.about_to_leave.connect(self._on_leave)

    def save_draft(self) -> None:
        started = time.perf_counter()
        item, draft = self._conversation.editing, self._composer.draft()
        self._conversation.save_draft(Draft() if item and draft == _draft_of(item) else draft)
        self._composer.pause_at_least((time.perf_counter() - started) * 1000 * _SPARED)

    @reports_known_errors
    def edit(self, item: Message) -> None:
        """Its text comes into the composer, or that of an edit that was left; sending makes a branch."""
        if self._conversation.answer:
            return
        self._composer.flush()
        self._conversation.editing = item
        left = self._conversation.read_draft()
        self._composer.show_draft(_draft_of(item) if left == Draft() else left)
        self._composer.set_editing(True)
        self.focus()

    def edit_last(self) -> None:
        question = self._conversation.last_of("user")
        if question:
            self.edit(question)

    @reports_known_errors
    def cancel_editing(self) -> None:
        if self._conversation.editing is not None:
            self.save_draft()
            self._conversation.editing = None
            self._composer.set_editing(False)
            self._show_draft(self._conversation.read_draft())

    def focus(self) -> None:
        self._composer.edit.setFocus()

    def _show_draft(self, draft: Draft) -> None:
        self._composer.set_notice("")
        self._composer.show_draft(draft)

    @reports_known_errors
    def _on_question_saved(self) -> None:
        """Behind an edit that was sent stands what was being written before it."""
        self._composer.set_editing(False)
        self._show_draft(self._conversation.read_draft())

    def _on_leave(self) -> None:
        self._composer.flush()
        self.cancel_editing()


def _draft_of(item: Message) -> Draft:
    return Draft(item.text, tuple(map(Attachment.of, item.attachments)))
