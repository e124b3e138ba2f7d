"""What can be asked of a message: copy, edit, delete, answer again, go on, another branch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtGui import QGuiApplication

from autogpt_desktop.i18n import tr
from autogpt_desktop.thinking import without_thinking
from autogpt_desktop.ui.chat.attachments import prompt_text
from autogpt_desktop.ui.chat.known_errors import reports_known_errors

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import Message
    from autogpt_desktop.ui.chat.composing import Composing
    from autogpt_desktop.ui.chat.conversation import Conversation
    from autogpt_desktop.ui.chat.messages.view import MessageView
    from autogpt_desktop.ui.chat.purge import Purge
    from autogpt_desktop.ui.context import AppContext


def shown_text(item: Message) -> str:
    """A message as it is copied: an answer without what was thought before it."""
    return without_thinking(item.text) if item.role == "assistant" else item.text


class MessageActions(QObject):
    """Carries out the actions of a MessageView."""

    def __init__(
        self,
        context: AppContext,
        conversation: Conversation,
        composing: Composing,
        purge: Purge,
        view: MessageView,
    ) -> None:
        super().__init__(view)
        self.context = context
        self._conversation, self._composing, self._purge = conversation, composing, purge
        view.action.connect(self._on_action)

    @reports_known_errors
    def _on_action(self, name: str, message_id: int) -> None:
        conversation = self._conversation
        item = conversation.message(message_id)
        if item is None:
            return
        if name == "copy":
            QGuiApplication.clipboard().setText(prompt_text(shown_text(item), item.attachments))
        elif name in ("previous", "next"):
            conversation.switch_branch(item, -1 if name == "previous" else 1)
        elif name == "edit":
            self._composing.edit(item)
        elif name == "delete":
            self.delete(item)
        elif conversation.answer is None:
            if name == "answer":
                conversation.answer_to(item.id)
            elif name == "regenerate" or (name == "retry" and item.text):
                conversation.regenerate(item)
            elif name in ("continue", "retry"):
                conversation.resume(item)
                self._composing.focus()  # the button that was pressed is gone

    def delete(self, item: Message) -> None:
        """With all that follows it; Undo brings it back."""
        if self._conversation.answer:
            return
        self._composing.cancel_editing()
        undo = self._conversation.delete(item)
        self._purge.schedule()
        self.context.toast(tr("Message deleted"), undo=undo)

    def regenerate_last(self) -> None:
        messages = self._conversation.messages
        if messages and messages[-1].role == "assistant":
            self._conversation.regenerate(messages[-1])

    def copy_last(self) -> None:
        answer = self._conversation.last_of("assistant")
        if answer:
            QGuiApplication.clipboard().setText(shown_text(answer))
            self.context.toast(tr("Copied"))
