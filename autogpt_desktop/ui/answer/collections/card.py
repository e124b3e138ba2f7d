"""All about one collection: its name, what belongs to it, its files and what became of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QPoint, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QMenu,
    QVBoxLayout,
    QWidget,
)

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.answer.collections.file_list import ROW_ROLE, FileList
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import (
    button,
    hairline,
    icon_button,
    label,
    name_button,
    name_field,
    plain_tooltip,
)
from autogpt_desktop.ui.widgets.overlay import Overlay

if TYPE_CHECKING:
    from autogpt_desktop.documents.index.collection import Collection
    from autogpt_desktop.ui.answer.collections.indexing import FileListing

WIDTH = 560  # pixels
ROOTS = 4  # that are seen at once


class _Roots(QListWidget):
    """Files and folders as they were added; Delete takes one out."""

    removed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Delete and self.currentRow() >= 0:
            self.removed.emit()
        else:
            super().keyPressEvent(event)


class _Name(QLineEdit):
    """Esc takes a change back, as where a conversation is renamed; then it closes the card."""

    def __init__(self) -> None:
        super().__init__()
        self._before = ""

    def show_name(self, name: str) -> None:
        self._before = name
        self.setText(name)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape and self.text() != self._before:
            self.setText(self._before)
        else:
            super().keyPressEvent(event)


class CollectionCard(Overlay):
    """Tells what is wanted; the bar does it."""

    renamed = Signal(str)
    files_requested = Signal()
    folder_requested = Signal()
    root_removed = Signal(object)  # Path
    watch_toggled = Signal(bool)
    read_requested = Signal()
    delete_requested = Signal()
    open_requested = Signal(object)  # Path of a file, to be read here

    def __init__(self, window: QWidget, state_text: Callable[[], str]) -> None:
        super().__init__(window, placement="anchor", width=WIDTH)
        self._state_text = state_text
        self._name = ""
        self._roots: tuple[Path, ...] = ()
        self._listed: FileListing | None = None
        self._make()
        self._arrange()
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(150)
        self._soon.timeout.connect(self._filter)
        self.retranslate()

    def _make(self) -> None:
        self.name = _Name()
        self.name.setMaxLength(100)
        self.name.editingFinished.connect(self._on_name)
        self.close_button = icon_button("close")
        self.close_button.clicked.connect(self.close_overlay)
        self.roots = _Roots()
        self.roots.setUniformItemSizes(True)
        self.roots.setFrameShape(QFrame.Shape.NoFrame)
        self.roots.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.roots.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.roots.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.roots.itemSelectionChanged.connect(self._on_root)
        self.roots.removed.connect(self._remove_root)
        self.add_files = button(kind="quiet", icon="add")
        self.add_files.clicked.connect(self.files_requested)
        self.add_folder = button(kind="quiet", icon="folder")
        self.add_folder.clicked.connect(self.folder_requested)
        self.remove_root = button(kind="quiet")
        self.remove_root.clicked.connect(self._remove_root)
        self.state = label(size="small", tone="muted", wrap=True)
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._filter_soon)
        self.problems_only = QCheckBox()
        self.problems_only.toggled.connect(self._filter)
        self.files = FileList()
        self.files.setMinimumHeight(96)
        self.files.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.files.customContextMenuRequested.connect(self._show_menu)
        self.files.selectionModel().currentChanged.connect(self._on_file)
        self.files.activated.connect(self._open)
        self.detail = label(size="small", wrap=True)
        self.detail.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.watch = QCheckBox()
        self.watch.clicked.connect(self.watch_toggled)
        self.read_button = button(kind="quiet", icon="regenerate")
        self.read_button.clicked.connect(self.read_requested)
        self.delete_button = button(kind="quiet", icon="delete")
        self.delete_button.clicked.connect(self.delete_requested)

    def _arrange(self) -> None:
        column = QVBoxLayout(self.card)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.addWidget(self.name, 1)
        head.addWidget(self.close_button)
        column.addLayout(head)
        column.addWidget(self.roots)
        adding = QHBoxLayout()
        adding.setSpacing(0)
        adding.addWidget(self.add_files)
        adding.addWidget(self.add_folder)
        adding.addStretch(1)
        adding.addWidget(self.remove_root)
        column.addLayout(adding)
        column.addWidget(hairline())
        column.addWidget(self.state)
        finding = QHBoxLayout()
        finding.setSpacing(16)
        finding.addWidget(self.search, 1)
        finding.addWidget(self.problems_only)
        column.addLayout(finding)
        column.addWidget(self.files, 1)
        column.addWidget(self.detail)
        column.addWidget(hairline())
        foot = QHBoxLayout()
        foot.setSpacing(8)
        foot.addWidget(self.watch)
        foot.addStretch(1)
        foot.addWidget(self.read_button)
        foot.addWidget(self.delete_button)
        column.addLayout(foot)

    def place(self) -> None:
        self._width = min(WIDTH, self.width() - 16)
        self.card.setMinimumHeight(min(560, self.height() - 80))
        super().place()

    def show_collection(self, collection: Collection, listed: FileListing | None, reading: bool) -> None:
        """What there is now; typing and the chosen rows are left alone."""
        if collection.name != self._name or not self.name.hasFocus():
            self._name = collection.name
            self.name.show_name(collection.name)
        if collection.roots != self._roots:
            self._roots = collection.roots
            self.roots.clear()
            for root in collection.roots:
                self.roots.addItem(str(root))
                self.roots.item(self.roots.count() - 1).setToolTip(plain_tooltip(str(root)))
            seen = min(max(self.roots.count(), 1), ROOTS)
            self.roots.setFixedHeight(seen * max(self.roots.sizeHintForRow(0), 20) + 4)
        self.watch.setChecked(collection.watch)
        self.read_button.setEnabled(not reading)
        if listed is not self._listed:
            self._listed = listed
            self.files.show_rows([*listed.rows, *listed.skipped] if listed else [])
        self.show_state()
        self._on_root()
        self._on_file()

    def show_state(self) -> None:
        self.state.setText(self._state_text())
        count = self._listed.problems if self._listed else 0
        self.problems_only.setText(tr("Only those with a problem ({n})", n=count))
        self.problems_only.setEnabled(count > 0 or self.problems_only.isChecked())

    def retranslate(self) -> None:
        self.name.setAccessibleName(tr("Name of the collection"))
        name_button(self.close_button, tr("Close"), "Esc")
        self.roots.setAccessibleName(tr("Files and folders that belong to it"))
        self.add_files.setText(tr("Add files…"))
        self.add_folder.setText(tr("Add a folder…"))
        self.remove_root.setText(tr("Take out"))
        name_field(self.search, tr("Find a file"))
        self.files.setAccessibleName(tr("Files"))
        self.watch.setText(tr("Watch for changes"))
        self.watch.setToolTip(tr("Files that change or come are read by themselves"))
        self.read_button.setText(tr("Read again"))
        self.read_button.setToolTip(tr("Read what is new or changed"))
        self.delete_button.setText(tr("Delete"))
        self.delete_button.setToolTip(tr("Delete the collection; its files stay where they are"))
        self.show_state()
        self.files.viewport().update()
        self._on_file()

    def focus_first(self) -> None:
        self.files.setFocus(Qt.FocusReason.PopupFocusReason)

    # -- slots

    def _on_name(self) -> None:
        text = " ".join(self.name.text().split())
        if text and text != self._name:
            self._name = text
            self.renamed.emit(text)
        self.name.show_name(self._name)

    def _on_root(self) -> None:
        self.remove_root.setEnabled(bool(self.roots.selectedItems()) and self.roots.count() > 1)

    def _remove_root(self) -> None:
        at = self.roots.currentRow()
        if 0 <= at < len(self._roots) and len(self._roots) > 1:
            self.root_removed.emit(self._roots[at])

    def _filter_soon(self) -> None:
        self._soon.start()

    def _filter(self) -> None:
        self._soon.stop()
        self.files.files.set_filter(self.search.text(), self.problems_only.isChecked())
        self._on_file()

    def _on_file(self) -> None:
        row = self.files.chosen()
        self.detail.setVisible(row is not None)
        if row is not None:
            self.detail.setText(f"{row.path}\n{row.sentence()}")

    def _open(self, index: QModelIndex) -> None:
        row = index.data(ROW_ROLE)
        if row is not None and row.state in ("read", "changed"):
            self.close_overlay()
            self.open_requested.emit(row.path)

    def _show_menu(self, place: QPoint) -> None:
        index = self.files.indexAt(place)
        if index.isValid():
            menu = self.make_menu(index)
            menu.exec(self.files.viewport().mapToGlobal(place))
            menu.deleteLater()

    def make_menu(self, index: QModelIndex) -> QMenu:
        """What can be done with a file."""
        row = index.data(ROW_ROLE)
        menu = QMenu(self)
        read = menu.addAction(icons.icon("eye"), tr("Read it here"))
        read.setEnabled(row.state in ("read", "changed"))
        read.triggered.connect(lambda: self._open(index))
        own = menu.addAction(tr("Open in its own app"))
        own.setEnabled(row.state != "missing")
        own.triggered.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(row.path))))
        folder = menu.addAction(icons.icon("folder"), tr("Open its folder"))
        folder.triggered.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(row.path.parent))))
        return menu

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.files.hasFocus():
            return  # the list has opened it
        super().keyPressEvent(event)
