"""The files and folders that a run is to learn from."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import button, label, plain_tooltip

_ROWS = 5  # that are seen at once


class _List(QListWidget):
    removed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.removed.emit()
        else:
            super().keyPressEvent(event)


class DataList(QWidget):
    """``changed``: other files. Nothing of them is read here."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.list = _List()
        self.list.setObjectName("files")
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.setSelectionMode(QListWidget.SelectionMode.ExtendedSelection)
        self.list.removed.connect(self.remove_selected)
        self.list.itemSelectionChanged.connect(self._show)
        self.hint = label(tone="muted", wrap=True)
        self.files_button, self.folder_button = button(icon="file"), button(icon="folder")
        self.remove_button = button(kind="quiet")
        self.files_button.clicked.connect(self.choose_files)
        self.folder_button.clicked.connect(self.choose_folder)
        self.remove_button.clicked.connect(self.remove_selected)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.files_button)
        row.addWidget(self.folder_button)
        row.addWidget(self.remove_button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addWidget(self.hint)
        column.addWidget(self.list)
        column.addLayout(row)
        self.retranslate()

    def retranslate(self) -> None:
        self.list.setAccessibleName(tr("Files and folders to learn from"))
        self.files_button.setText(tr("Add files…"))
        self.folder_button.setText(tr("Add a folder…"))
        self.remove_button.setText(tr("Take out"))
        self._show()

    def set_hint(self, text: str) -> None:
        """What kinds of files are wanted."""
        self.hint.setText(text)

    def paths(self) -> tuple[str, ...]:
        return tuple(self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count()))

    def add(self, paths: list[Path]) -> None:
        """Those that are not there yet."""
        there = set(self.paths())
        for path in paths:
            place = str(path)
            if place in there:
                continue
            there.add(place)
            item = QListWidgetItem(f"{path.name or place}    {path.parent}")
            item.setData(Qt.ItemDataRole.UserRole, place)
            item.setToolTip(plain_tooltip(place))
            self.list.addItem(item)
        self._show()
        self.changed.emit()

    def remove_selected(self) -> None:
        for item in self.list.selectedItems():
            self.list.takeItem(self.list.row(item))
        self._show()
        self.changed.emit()

    def choose_files(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, tr("Files to learn from"))
        self.files_button.setFocus()
        if names:
            self.add([Path(name) for name in names])

    def choose_folder(self) -> None:
        name = QFileDialog.getExistingDirectory(self, tr("A folder to learn from"))
        self.folder_button.setFocus()
        if name:
            self.add([Path(name)])

    def _show(self) -> None:
        count = self.list.count()
        self.list.setVisible(count > 0)
        rows = min(max(count, 1), _ROWS)
        self.list.setFixedHeight(rows * max(self.list.sizeHintForRow(0), 20) + 10)
        self.remove_button.setVisible(count > 0)
        self.remove_button.setEnabled(bool(self.list.selectedItems()))
