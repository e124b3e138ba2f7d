"""Which files questions are asked about: choose a collection, see how far its files are read."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QPoint, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QProgressBar, QVBoxLayout, QWidget

from autogpt_desktop import i18n
from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.answer.collections.card import CollectionCard
from autogpt_desktop.ui.answer.collections.controller import CollectionController
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import (
    ElidedLabel,
    ToolButton,
    button,
    icon_button,
    name_button,
    set_tone,
)
from autogpt_desktop.ui.widgets.focus import hand_on
from autogpt_desktop.ui.widgets.text_field import local_files

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.collection import Collection
    from autogpt_desktop.ui.context import AppContext

NAME_WIDTH = 200  # pixels at most of the name in the button


class CollectionsBar(QWidget):
    """A line with the chosen collection, what there is to say about it, and what can be done.

    ``changed`` comes with the chosen collection (None: there is none) whenever it is another one or has
    other files or another name; ``indexed`` when a collection's files have been read. Call ``shutdown``
    before the window closes: reading that is not finished goes on the next time.
    """

    changed = Signal(object)  # Collection | None
    indexed = Signal(object)  # Collection
    open_requested = Signal(object)  # Path of a file of the list that is to be shown

    def __init__(self, context: AppContext, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.controller = CollectionController(context, self)
        self.card: CollectionCard | None = None
        self.setAcceptDrops(True)
        self._make()
        self.controller.changed.connect(self.changed)
        self.controller.indexed.connect(self.indexed)
        self.controller.updated.connect(self._show)
        context.language_changed.connect(self.retranslate)
        self.retranslate()

    def _make(self) -> None:
        self.choose_button = ToolButton()
        self.choose_button.setIcon(icons.icon("folder", "accent"))
        self.choose_button.setIconSize(QSize(20, 20))
        self.choose_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.choose_button.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.choose_button.clicked.connect(self._show_menu)
        self.text = ElidedLabel(size="small", tone="muted")
        self.action_button = button(kind="quiet")
        self.action_button.clicked.connect(self._on_action)
        self.files_button = icon_button("more")
        self.files_button.clicked.connect(self.show_card)
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        keep = self.bar.sizePolicy()
        keep.setRetainSizeWhenHidden(True)  # nothing below moves when reading begins
        self.bar.setSizePolicy(keep)
        row = QHBoxLayout()
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.choose_button)
        row.addWidget(self.text, 1)
        row.addWidget(self.action_button)
        row.addWidget(self.files_button)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 4, 8, 0)
        column.setSpacing(2)
        column.addLayout(row)
        column.addWidget(self.bar)

    def current(self) -> Collection | None:
        """The chosen collection."""
        return self.controller.current()

    def add_paths(self, paths: Iterable[Path]) -> None:
        """Files and folders were dropped: into the chosen collection, or a new one where there is none."""
        self.controller.add_paths(paths)

    def choose_files(self, *, new: bool = False) -> None:
        """Ask for files; ``new``: they become a collection of their own."""
        names, _ = QFileDialog.getOpenFileNames(self.window(), tr("Choose files"))
        hand_on(self)
        self._chosen([Path(name) for name in names], new)

    def choose_folder(self, *, new: bool = False) -> None:
        """Ask for a folder."""
        name = QFileDialog.getExistingDirectory(self.window(), tr("Choose a folder"))
        hand_on(self)
        self._chosen([Path(name)] if name else [], new)

    def _chosen(self, paths: list[Path], new: bool) -> None:
        if new or self.current() is None:
            self.controller.create(paths)
        elif paths:
            self.add_paths(paths)

    # -- what is shown

    def state_text(self) -> str:
        """A sentence or a few words about the chosen collection."""
        now = self.current()
        if now is None:
            return tr("Drop files or folders here")
        status = self.controller.status()
        if status.error is not None:
            return i18n.message(status.error)
        listed, progress = status.listed, status.progress
        if progress is not None:
            text = i18n.message(progress.stage)
            if progress.total:
                text += f" · {progress.done:,} / {progress.total:,}"
            return f"{text} · {progress.name}" if progress.name else text
        if listed is None:
            return tr("Looking for files")
        parts = [tr("{n} files", n=f"{len(listed.rows):,}") if len(listed.rows) != 1 else tr("1 file")]
        aside = sum(row.state == "aside" for row in listed.rows) if listed.problems else 0
        if now.paused and listed.unfinished:
            parts.append(tr("reading is paused"))
        elif listed.stale:
            parts.append(tr("{n} new or changed since", n=f"{listed.stale:,}"))
        if aside:
            parts.append(tr("{n} set aside", n=f"{aside:,}"))
        if listed.skipped_count:
            parts.append(tr("{n} left out", n=f"{listed.skipped_count:,}"))
        return " · ".join(parts)

    def _action(self) -> str:
        """What the button does now; empty: it is not there."""
        now = self.current()
        if now is None:
            return "new"
        status = self.controller.status()
        if self.controller.reading():
            return "pause"
        if status.error is not None:
            return "again"
        listed = status.listed
        if listed is None:
            return ""
        if now.paused and listed.unfinished:
            return "go-on"
        return "update" if listed.stale else ""

    def _on_action(self) -> None:
        now, action = self.current(), self._action()
        if action == "new" or now is None:
            self._show_menu()
        elif action == "pause":
            self.controller.indexing.pause(now)
        elif action:
            self.controller.indexing.start(now)
        self._show()

    def _show(self) -> None:
        now, action = self.current(), self._action()
        name = now.name if now is not None else tr("No files chosen")
        self.choose_button.setText(
            self.fontMetrics().elidedText(name, Qt.TextElideMode.ElideMiddle, NAME_WIDTH) + " ▾"
        )
        self.choose_button.setToolTip(tr("Choose the files that questions are about"))
        self.choose_button.setAccessibleName(tr("Collection: {name}", name=name))
        status = self.controller.status()
        self.text.set_text(self.state_text())
        set_tone(self.text, "warning" if status.error is not None else "muted")
        texts = {
            "new": tr("Choose files…"),
            "pause": tr("Pause"),
            "go-on": tr("Go on"),
            "again": tr("Try again"),
            "update": tr("Read them"),
        }
        self.action_button.setVisible(bool(action))
        self.action_button.setText(texts.get(action, ""))
        self.files_button.setVisible(now is not None)
        progress = status.progress
        self.bar.setVisible(progress is not None)
        if progress is not None:
            self.bar.setRange(0, progress.total)
            self.bar.setValue(progress.done)
            self.bar.setAccessibleName(self.text.whole_text())
        if self.card is not None and self.card.isVisible() and now is not None:
            self.card.show_collection(now, status.listed, self.controller.reading())

    def show_card(self) -> None:
        """All about the chosen collection, in a card below."""
        now = self.current()
        if now is None:
            return
        if self.card is None:
            self.card = self._make_card()
        status = self.controller.status()
        self.card.show_collection(now, status.listed, self.controller.reading())
        self.controller.indexing.set_looked_at(True)
        self.controller.indexing.look(now)
        self.card.open(self.choose_button)

    def _make_card(self) -> CollectionCard:
        card = CollectionCard(self.window(), self.state_text)
        card.closed.connect(self._on_card_closed)
        card.renamed.connect(self.controller.rename)
        card.files_requested.connect(self.choose_files)
        card.folder_requested.connect(self.choose_folder)
        card.root_removed.connect(self.controller.remove_root)
        card.watch_toggled.connect(self.controller.set_watch)
        card.read_requested.connect(self.controller.read_again)
        card.delete_requested.connect(self._delete)
        card.open_requested.connect(self.open_requested)
        return card

    def _on_card_closed(self) -> None:
        self.controller.indexing.set_looked_at(False)

    def _delete(self) -> None:
        if self.card is not None:
            self.card.close_overlay()
        self.controller.delete()

    def _show_menu(self) -> None:
        menu = self.make_menu()
        menu.exec(self.choose_button.mapToGlobal(QPoint(0, self.choose_button.height())))
        menu.deleteLater()

    def make_menu(self) -> QMenu:
        """Every collection, and how to make another one."""
        menu, now = QMenu(self), self.current()
        for each in self.controller.items():
            action = menu.addAction(each.name)
            action.setCheckable(True)
            action.setChecked(now is not None and each.id == now.id)
            action.triggered.connect(partial(self._on_chosen, each.id))
        menu.addSeparator()
        files = menu.addAction(icons.icon("add"), tr("New collection of files…"))
        files.triggered.connect(partial(self._on_new, "files"))
        folder = menu.addAction(icons.icon("folder"), tr("New collection of a folder…"))
        folder.triggered.connect(partial(self._on_new, "folder"))
        if now is not None:
            menu.addSeparator()
            about = menu.addAction(icons.icon("info"), tr("Files of this collection…"))
            about.triggered.connect(self.show_card)
        return menu

    def _on_chosen(self, collection_id: str, _checked: bool = False) -> None:
        self.controller.choose(collection_id)

    def _on_new(self, kind: str, _checked: bool = False) -> None:
        (self.choose_files if kind == "files" else self.choose_folder)(new=True)

    def retranslate(self) -> None:
        name_button(self.files_button, tr("Files of this collection…"))
        if self.card is not None:
            self.card.retranslate()
        self._show()

    def shutdown(self) -> None:
        """Before the window closes: deletions become final, reading stops until the next time."""
        self.controller.shutdown()

    # -- Qt

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if local_files(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        self.add_paths(local_files(event.mimeData()))
