"""Export and import of conversations, with the dialogs that ask where."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from autogpt_desktop import atomic
from autogpt_desktop.errors import KnownError
from autogpt_desktop.i18n import tr
from autogpt_desktop.regular_file import check_regular, read_regular_text
from autogpt_desktop.storage.conversations.other_exports import is_archive, texts_of_archive
from autogpt_desktop.storage.conversations.store import file_name
from autogpt_desktop.ui.chat.conversation_list import export_kinds
from autogpt_desktop.ui.widgets.focus import hand_on

if TYPE_CHECKING:
    from autogpt_desktop.storage.conversations.store import History
    from autogpt_desktop.ui.context import AppContext

MAX_IMPORT = 512 * 2**20  # bytes


class ConversationFiles(QObject):
    """The dialogs open over ``window``, whose child this is."""

    imported = Signal(list)  # the ids of conversations that are new

    def __init__(self, context: AppContext, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._window = window

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
        name, _ = QFileDialog.getOpenFileName(
            self._window, tr("Import conversations"), "", "JSON, ZIP (*.json *.zip)"
        )
        hand_on(self._window)
        if name:
            self.read(Path(name))

    def read(self, path: Path) -> list[int]:
        """Add the conversations of an exported file, ours or one of ``other_exports``; their ids, which
        ``imported`` carries too."""
        context = self._context
        try:
            if check_regular(path).st_size > MAX_IMPORT:
                raise KnownError("import-too-large")
            texts = texts_of_archive(path) if is_archive(path) else [read_regular_text(path)]
            ids = context.history.import_json(*texts)
        except KnownError as error:
            context.show_error(error)
            return []
        except (OSError, UnicodeDecodeError):
            context.show_error(KnownError("import-unreadable", name=path.name))
            return []
        self.imported.emit(ids)
        text = (
            tr("1 conversation imported") if len(ids) == 1 else tr("{n} conversations imported", n=len(ids))
        )
        context.toast(text)
        return ids
