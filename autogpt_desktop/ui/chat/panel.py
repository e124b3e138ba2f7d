"""The Chat panel: conversations left, the one that is open in the middle, its settings right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QPoint, Qt, QUrl
from PySide6.QtGui import QDesktopServices, QKeyEvent

from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.paths import states_dir
from autogpt_desktop.storage.conversations.store import TemporaryHistory
from autogpt_desktop.tasks.chat import chat, forget, forget_saved
from autogpt_desktop.ui.chat.conversation import PanelMessages
from autogpt_desktop.ui.chat.conversation_model import shown_title
from autogpt_desktop.ui.chat.export_import import ConversationFiles
from autogpt_desktop.ui.chat.generation import Generate
from autogpt_desktop.ui.chat.messages.rich_text import LinkPopup
from autogpt_desktop.ui.chat.parts import plainly
from autogpt_desktop.ui.chat.sampling_panel import sampling_from

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext


class ChatPanel(PanelMessages):
    """``generate`` is ``tasks.chat.chat``, or in tests a generator like it."""

    def __init__(self, context: AppContext, generate: Generate = chat) -> None:
        super().__init__(context, generate)
        self.files = ConversationFiles(context, self)
        self.files.imported.connect(self._on_imported)
        self._connect()
        context.history.on_purge.append(self._forget)
        self._purge_timer.start()  # what a crash left deleted but not purged
        last = context.settings.last_conversation
        self.open_conversation(last if last and context.history.has(last) else 0)

    def _connect(self) -> None:
        context = self.context
        self.list.opened.connect(self.open_conversation)
        self.list.new_requested.connect(self.new_conversation)
        self.list.renamed.connect(self.rename)
        self.list.action.connect(self._on_list_action)
        self.list.import_requested.connect(self.files.import_file)
        self.header.temporary.clicked.connect(self.toggle_temporary)
        self.header.export.clicked.connect(self._export_menu)
        self.view.link_clicked.connect(self._ask_link)
        context.add_panel_shortcuts(
            self,
            {
                "Ctrl+N": self.new_conversation,
                "Ctrl+Shift+N": self.toggle_temporary,
                "Ctrl+F": self.find_bar.open,
                "F3": self.find_bar.find_next,
                "Shift+F3": self.find_bar.find_previous,
                "Ctrl+K": self.focus_search,
                "Ctrl+B": self.toggle_list,
                "Ctrl+E": self.toggle_drawer,
                "Ctrl+R": self.regenerate_last,
                "Ctrl+Shift+C": self.copy_last,
                "Ctrl+PgUp": self._previous_conversation,
                "Ctrl+PgDown": self._next_conversation,
                "Ctrl+End": self.view.scroll_to_end,
                "Ctrl+L": self.focus_input,
                "Alt+Up": self._step_back,
                "Alt+Down": self._step_forward,
            },
        )
        context.add_shortcuts(self.shortcut_rows)

    # -- conversations

    @plainly
    def open_conversation(self, conversation_id: int, match_id: int | None = None) -> None:
        """Show a conversation, 0: a new one; ``match_id``: the message that a search found."""
        self._leave()
        if self.temporary is not None:
            self._drop_temporary()
        if match_id is not None:
            self.history.select(match_id)
        self._enter(conversation_id)
        if match_id is not None:
            self.view.scroll_to(match_id)
            self.find_bar.field.setText(self.list.model.query)
            self.find_bar.open()

    def new_conversation(self) -> None:
        self.open_conversation(0)
        self.composer.edit.setFocus()

    def toggle_temporary(self) -> None:
        """Into a chat that is never written, or out of it, which forgets it."""
        self._leave()
        if self.temporary is None:
            self.temporary = TemporaryHistory()
        else:
            self._drop_temporary()
        self._enter(0)
        self.composer.edit.setFocus()

    def _drop_temporary(self) -> None:
        history, self.temporary = self.temporary, None
        for answer in [a for a in self.answers.running if a.history is history]:
            self.answers.forget(answer)
        self._forget_caches([self._cache_name(history, item.id) for item in history.conversations()])
        history.close()

    def _leave(self) -> None:
        self.composer.flush()
        self.drawer.flush()
        self.cancel_editing()
        if self.find_bar.isVisible():
            self.find_bar.close_bar()

    def _enter(self, conversation_id: int) -> None:
        self.conversation_id = conversation_id
        temporary = self.temporary is not None
        self.header.temporary.setChecked(temporary)
        self.empty.set_temporary(temporary)
        if conversation_id:
            item = self.history.get(conversation_id)
            self.drawer.show_values(item.system_prompt, sampling_from(item.sampling), item.preset)
        else:
            preset = self.context.settings.presets[0]
            self.drawer.show_values(
                preset.get("system_prompt", ""), sampling_from(preset["sampling"]), preset["name"]
            )
        self._load_draft()
        self.reload()
        self.list.set_current(0 if temporary else conversation_id)
        if not temporary:
            self._remember(conversation_id)

    @plainly
    def rename(self, conversation_id: int, title: str) -> None:
        self.context.history.update(conversation_id, title=title)
        self.list.reload()
        self._show_header()

    @plainly
    def _on_imported(self, ids: list[int]) -> None:
        self.list.reload()
        if ids:
            self.open_conversation(ids[0])

    def _on_list_action(self, name: str, conversation_id: int) -> None:
        history = self.context.history
        if name == "pin":
            history.update(conversation_id, pinned=not history.get(conversation_id).pinned)
            self.list.reload()
        elif name == "delete":
            self.delete_conversation(conversation_id)
        else:
            self.files.export(history, conversation_id, name.removeprefix("export-"))

    def delete_conversation(self, conversation_id: int) -> None:
        """With Undo; after a minute it is gone for good."""
        history = self.context.history
        answer = self.answers.of(history, conversation_id)
        if answer:
            self.answers.stop(answer)
        title = shown_title(history.get(conversation_id).title)
        was_open = self.temporary is None and conversation_id == self.conversation_id
        if was_open:
            self._leave()
        token = history.delete(conversation_id)
        self._purge_timer.start()
        if was_open:
            self._enter(0)
        self.list.reload()

        def undo() -> None:
            if history.undo(token):
                self.list.reload()
                if was_open and self.temporary is None:
                    self.open_conversation(conversation_id)

        self.context.toast(tr("“{title}” deleted", title=title[:40]), undo=undo)

    def _forget(self, conversation_ids: list[int]) -> None:
        names = [self._cache_name(self.context.history, number) for number in conversation_ids]
        forget_saved(states_dir(), names)  # now: no job, and no model, is to be waited for
        self._forget_caches(names)

    def _forget_caches(self, names: list[str]) -> None:
        """What the engine keeps of conversations that are gone."""
        if not names:
            return

        def forget_all(models: Any) -> None:
            for name in names:
                forget(models, name)

        self.context.before_unload.append(forget_all)  # also where the job does not come to run
        if self.context.model() is None or self.answers.closing:
            return

        def job(models: Any, _cancel: Any) -> Any:
            forget_all(models)
            yield from ()

        self.context.submit_with_models(job, title=tr("Forgetting"), lane="background")

    # -- small things

    def _ask_link(self, address: str, place: QPoint) -> None:
        popup = LinkPopup(address, self)
        popup.open_requested.connect(self._open_link)
        popup.open_at(place)

    def _open_link(self, address: str) -> None:
        QDesktopServices.openUrl(QUrl(address))

    def _export_menu(self) -> None:
        self.files.export_menu(self.history, self.conversation_id, self.header.export)

    def _step_back(self) -> None:
        self.view.step(-1)

    def _step_forward(self) -> None:
        self.view.step(1)

    def _previous_conversation(self) -> None:
        self._neighbour(-1)

    def _next_conversation(self) -> None:
        self._neighbour(1)

    @plainly
    def _neighbour(self, step: int) -> None:
        other = self.list.neighbour(self.conversation_id, step)
        if other:
            self.open_conversation(other)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Escape:
            super().keyPressEvent(event)
        elif self._answer():
            self.stop()
        elif self.editing is not None:
            self.cancel_editing()
        elif self.find_bar.isVisible():
            self.find_bar.close_bar()
        else:
            self.composer.edit.setFocus()

    def shutdown(self) -> None:
        """The window closes: save what is written and what is being written."""
        self.composer.flush()
        self.drawer.flush()
        if self.editing is None:
            self._save_draft()
        self.answers.shutdown()
        if self.temporary is not None:
            self.temporary.close()
        self._purge_timer.stop()
        self._purge_steps.stop()
        try:
            self.context.history.purge_deleted()
        except KnownError as error:
            self.context.show_error(error)
