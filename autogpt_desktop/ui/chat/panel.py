"""The Chat panel: conversations left, the one that is open in the middle, its settings right.

Enter → ``ChatPanel.send`` → ``Conversation.send`` saves the message and has ``Generation`` submit a job →
the job's events make the answer grow → the view shows it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from autogpt_desktop.errors import KnownError
from autogpt_desktop.events import Notice
from autogpt_desktop.i18n import message as word
from autogpt_desktop.i18n import tr
from autogpt_desktop.tasks.chat import chat
from autogpt_desktop.ui.chat.composing import Composing
from autogpt_desktop.ui.chat.conversation import Conversation
from autogpt_desktop.ui.chat.conversation_model import shown_title
from autogpt_desktop.ui.chat.engine_cache import EngineCache
from autogpt_desktop.ui.chat.export_import import ConversationFiles
from autogpt_desktop.ui.chat.generation import LONG_ANSWER, Answer, Generate, Generation
from autogpt_desktop.ui.chat.known_errors import reports_known_errors
from autogpt_desktop.ui.chat.language_warning import LanguageWarning
from autogpt_desktop.ui.chat.layout import ChatViews
from autogpt_desktop.ui.chat.list_actions import ListActions
from autogpt_desktop.ui.chat.message_actions import MessageActions
from autogpt_desktop.ui.chat.messages.link_popup import LinkPopup
from autogpt_desktop.ui.chat.purge import Purge
from autogpt_desktop.ui.chat.token_budget import TokenBudget
from autogpt_desktop.ui.widgets.focus import show_page

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class ChatPanel(QWidget):
    """``generate`` is ``tasks.chat.chat``, or in tests a generator like it."""

    def __init__(self, context: AppContext, generate: Generate = chat) -> None:
        super().__init__()
        self.context = context
        self.generation = Generation(context, generate, self)
        self.cache = EngineCache(context)
        self.conversation = Conversation(context, self.generation, self.cache, self)
        self.views = ChatViews(context)
        self.list, self.header, self.drawer = self.views.list, self.views.header, self.views.drawer
        self.view, self.find_bar, self.empty = self.views.view, self.views.find_bar, self.views.empty
        self.banner, self.composer = self.views.banner, self.views.composer
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.views)
        self._connect_conversation()
        self.purge = Purge(context, self)
        self.composing = Composing(context, self.conversation, self.composer)
        self.budget = TokenBudget(context, self.conversation, self.composer, self.header.meter)
        self.language = LanguageWarning(context, self.conversation, self.composer, self.banner)
        self.files = ConversationFiles(context, self)
        self.message_actions = MessageActions(
            context, self.conversation, self.composing, self.purge, self.view
        )
        self.list_actions = ListActions(
            context, self.conversation, self.generation, self.purge, self.files, self.list
        )
        self._connect_views()
        self._add_shortcuts()
        self.purge.schedule()  # what a crash left deleted but not purged
        last = context.settings.last_conversation
        self.open_conversation(last if last and context.history.has(last) else 0)

    def _connect_conversation(self) -> None:
        """What happens in it, and to answers, is shown."""
        conversation, generation = self.conversation, self.generation
        conversation.about_to_leave.connect(self._on_about_to_leave)
        conversation.opened.connect(self._on_opened)
        conversation.created.connect(self._on_created)
        conversation.messages_changed.connect(self._show_messages)
        conversation.title_changed.connect(self._show_header)
        conversation.list_changed.connect(self._reload_list)
        generation.began.connect(self._show_running)
        generation.grew.connect(self._on_answer_grew)
        generation.noticed.connect(self._on_answer_noticed)
        generation.ended.connect(self._on_answer_ended)

    def _connect_views(self) -> None:
        """What the user does."""
        self.composer.sent.connect(self.send)
        self.composer.stopped.connect(self.conversation.stop)
        self.empty.chosen.connect(self._send_example)
        self.list.opened.connect(self.open_conversation)
        self.list.new_requested.connect(self.new_conversation)
        self.header.temporary.clicked.connect(self.toggle_temporary)
        self.header.export.menu().aboutToShow.connect(self._fill_export)
        self.drawer.edited.connect(self._on_settings_edited)
        self.drawer.changed.connect(self._save_settings)
        self.view.link_clicked.connect(self._ask_link)
        self.banner.action.clicked.connect(self.context.models_requested)
        self.context.language_changed.connect(self.retranslate)

    def _add_shortcuts(self) -> None:
        self.context.add_panel_shortcuts(
            self,
            {
                "Ctrl+N": self.new_conversation,
                "Ctrl+Shift+N": self.toggle_temporary,
                "Ctrl+F": self.find_bar.open,
                "F3": self.find_bar.find_next,
                "Shift+F3": self.find_bar.find_previous,
                "Ctrl+K": self.views.focus_search,
                "Ctrl+B": self.views.toggle_list,
                "Ctrl+E": self.views.toggle_drawer,
                "Ctrl+R": self.message_actions.regenerate_last,
                "Ctrl+Shift+C": self.message_actions.copy_last,
                "Ctrl+PgUp": self.list_actions.open_previous,
                "Ctrl+PgDown": self.list_actions.open_next,
                "Ctrl+End": self.view.scroll_to_end,
                "Ctrl+L": self.focus_input,
                "Alt+Up": self._step_back,
                "Alt+Down": self._step_forward,
            },
        )
        self.context.add_shortcuts(shortcut_rows)

    # -- sending, and the answer

    def send(self) -> None:
        """The composer's text becomes a message, and an answer to it begins."""
        draft = self.composer.draft().stripped()
        if draft.is_empty() or self.conversation.answer:
            return
        try:
            self.budget.check(draft)
            self.conversation.send(draft)
        except KnownError as error:
            self.composer.set_notice(word(error))
        self.language.check()

    def _send_example(self, text: str) -> None:
        self.composer.set_text(text)
        self.send()

    def _show_running(self) -> None:
        history = self.context.history
        running = [answer for answer in self.generation.running if answer.history is history]
        self.list.set_running({answer.conversation_id for answer in running})

    def _on_answer_grew(self, answer: Answer) -> None:
        if self.conversation.shows(answer):
            self.view.grow(answer.message_id, answer.text, answer.status)

    def _on_answer_noticed(self, answer: Answer, notice: Notice) -> None:
        if self.conversation.shows(answer):
            self.context.toast(word(notice.key, **notice.values))

    def _on_answer_ended(self, answer: Answer, state: str, error: BaseException | None) -> None:
        """Its end is shown, with what it took."""
        self._show_running()
        if self.conversation.shows(answer):
            self.conversation.reload(keep_place=True)
        if answer.history is not self.conversation.temporary:
            self.list.reload()
        if error is not None and not isinstance(error, KnownError):
            self.context.show_error(error)
        if state == "complete" and answer.stats.get("seconds", 0) > LONG_ANSWER:
            self.context.notify(tr("The answer is ready"), self._title_of(answer))

    def _title_of(self, answer: Answer) -> str:
        history, number = answer.history, answer.conversation_id
        if history is self.context.history and history.has(number):
            return shown_title(history.get(number).title)
        return tr("Temporary chat")

    # -- the open conversation

    @reports_known_errors
    def open_conversation(self, conversation_id: int, match_id: int | None = None) -> None:
        """Show a conversation, 0: a new one; ``match_id``: the message that a search found."""
        self.conversation.open(conversation_id, match_id)
        if match_id is not None:
            self.view.scroll_to(match_id)
            self.find_bar.field.setText(self.list.model.query)
            self.find_bar.open()

    def new_conversation(self) -> None:
        self.open_conversation(0)
        self.focus_input()

    def toggle_temporary(self) -> None:
        """Into a chat that is never written, or out of it, which forgets it."""
        self.conversation.toggle_temporary()
        self.focus_input()

    def _on_about_to_leave(self) -> None:
        self.drawer.flush()
        if self.find_bar.isVisible():
            self.find_bar.close_bar()

    def _on_opened(self) -> None:
        temporary = self.conversation.temporary is not None
        self.header.temporary.setChecked(temporary)
        self.empty.set_temporary(temporary)
        self.drawer.show_values(*self.conversation.settings)
        self.list.set_current(0 if temporary else self.conversation.id)

    def _on_created(self) -> None:
        if self.conversation.temporary is None:
            self.list.set_current(self.conversation.id)

    def _show_messages(self, keep_place: bool, hold: tuple[int, int] | None) -> None:
        messages, answer = self.conversation.messages, self.conversation.answer
        show_page(self.views.stack, self.view if messages else self.empty)
        busy = {answer.message_id} if answer else set()
        self.view.set_messages(messages, busy, hold=hold, keep_place=keep_place)
        if answer:
            self.view.grow(answer.message_id, answer.text, answer.status)
        self.composer.set_busy(answer is not None)
        self.find_bar.refresh()
        self._show_header()

    def _show_header(self) -> None:
        self.header.title.set_text(self.conversation.title)
        self.header.export.setEnabled(bool(self.conversation.messages))
        self.header.find_button.setEnabled(bool(self.conversation.messages))

    @reports_known_errors
    def _reload_list(self) -> None:
        self.list.reload()

    def _on_settings_edited(self) -> None:
        self.conversation.settings = self.drawer.values()

    @reports_known_errors
    def _save_settings(self) -> None:
        self.conversation.save_settings(self.drawer.values())

    # -- small things

    def _ask_link(self, address: str, place: QPoint) -> None:
        popup = LinkPopup(address, self)
        popup.open_requested.connect(self._open_link)
        popup.open_at(place)

    def _open_link(self, address: str) -> None:
        QDesktopServices.openUrl(QUrl(address))

    def _fill_export(self) -> None:
        self.files.fill(self.header.export.menu(), self.conversation.history, self.conversation.id)

    def _step_back(self) -> None:
        self.view.step(-1)

    def _step_forward(self) -> None:
        self.view.step(1)

    # -- the window

    def focus_input(self) -> None:
        self.composer.edit.setFocus()

    def kept_clear(self) -> list[QWidget]:
        return [self.header, self.find_bar, self.views.foot]

    def receive_text(self, text: str) -> None:
        """Under what is being written, to be asked about."""
        self.composer.append_text(text)

    def retranslate(self) -> None:
        self.header.retranslate()
        self.banner.retranslate()
        self._show_header()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self.conversation.answer:
            self.conversation.stop()
        elif self.composer.reading.now is not None:
            self.composer.cancel_reading()
        elif self.conversation.editing is not None:
            self.composing.cancel_editing()
        elif self.find_bar.isVisible():
            self.find_bar.close_bar()
        elif self.drawer.isVisible():  # what is typed in it is kept
            self.views.toggle_drawer()
        else:
            self.focus_input()

    def shutdown(self) -> None:
        """The window closes: save what is written and what is being written."""
        self.composer.flush()
        self.drawer.flush()
        self.composing.save_draft()
        self.cache.closing = True
        self.generation.shutdown()
        self.conversation.shutdown()
        self.purge.finish()


def shortcut_rows() -> tuple[str, list[tuple[str, str]]]:
    """For the shortcut list: keys and what they do."""
    return tr("Chat"), [
        ("Enter", tr("Send")),
        ("Shift+Enter", tr("Break the line")),
        ("Esc", tr("Stop the answer")),
        ("↑", tr("Edit the last message (in an empty field)")),
        ("Ctrl+N", tr("New chat")),
        ("Ctrl+Shift+N", tr("Temporary chat")),
        ("Ctrl+K", tr("Search conversations")),
        ("Ctrl+PgUp / Ctrl+PgDown", tr("Previous or next conversation")),
        ("Ctrl+F, F3, Shift+F3", tr("Find in this conversation")),
        ("Alt+↑ / Alt+↓", tr("Previous or next message")),
        ("Ctrl+R", tr("Regenerate")),
        ("Ctrl+Shift+C", tr("Copy the last answer")),
        ("Ctrl+B", tr("Show or hide the conversations")),
        ("Ctrl+E", tr("System prompt and sampling")),
        ("Ctrl+L", tr("Go to the message field")),
        ("F2", tr("Rename (in the list)")),
    ]
