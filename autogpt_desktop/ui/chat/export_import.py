"""Export and import of conversations, with the dialogs that ask where."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from autogpt_desktop import atomic
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.storage.conversations.store import file_name
from autogpt_desktop.ui.chat.conversation_list import export_kinds
from autogpt_desktop.ui.chat.importing import ConversationImport
from autogpt_desktop.ui.widgets.focus import hand_on

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import History
    from autogpt_desktop.ui.context import AppContext


class ConversationFiles(QObject):
    """The dialogs open over ``window``, whose child this is."""

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window
        self.importing = ConversationImport(context, self)

    def fill(self, menu: QMenu, history: History, conversation_id: int) -> None:
        """The formats that a conversation can be exported in."""
        menu.clear()
        for kind, text in export_kinds():
            menu.addAction(text).triggered.connect(partial(self._export, history, conversation_id, kind))

    def _export(self, history: History, conversation_id: int, kind: str, _checked: bool = False) -> None:
        self.export(history, conversation_id, kind)

    def export(self, history: History, conversation_id: int, kind: str) -> None:
        """Ask where to, and write it there."""
        proposed = file_name(history.get(conversation_id).title, kind)
        name, _ = QFileDialog.getSaveFileName(
            self._window, tr("Export this conversation"), proposed, f"*.{kind}"
        )
        hand_on(self._window)
        if name:
            self.write(history, conversation_id, kind, Path(name))

    def write(self, history: History, conversation_id: int, kind: str, path: Path) -> bool:
        """The conversation as a file; says what happened."""
        try:
            atomic.write_text(path, history.export(conversation_id, kind))
        except KnownError as error:
            self._context.show_error(error)
            return False
        except OSError as error:
            self._context.show_error(
                KnownError("export-failed", path=str(path), reason=error.strerror or str(error))
            )
            return False
        self._context.toast(tr("Saved as {name}", name=path.name))
        return True

    def import_file(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self._window, tr("Import conversations"), "", "JSON (*.json)")
        hand_on(self._window)
        if name:
            self.read(Path(name))

    def read(self, path: Path) -> None:
        """Add the conversations of an exported file, in the background; see ``importing``."""
        self.importing.add(path)
