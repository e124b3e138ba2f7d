"""A card that narrows a question to some files of the collection."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QItemSelection, QItemSelectionModel, QPoint, QTimer, Signal
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.answer.collections.file_list import ROW_ROLE, FileList, ListedFile
from autogpt_desktop.ui.widgets import icons
from autogpt_desktop.ui.widgets.basic import button, label, name_field, parent_of
from autogpt_desktop.ui.widgets.overlay import Overlay

WIDTH, HEIGHT = 440, 420  # pixels at most
AROUND = 128  # pixels above and below the list
SEARCHED = ("read", "changed")  # states of files that have passages


class FileChooser(Overlay):
    """``chosen`` carries the paths, none for all, whenever they change."""

    chosen = Signal(list)

    def __init__(self, window: QWidget) -> None:
        super().__init__(window, placement="anchor", width=WIDTH)
        self.paths: set[Path] = set()
        self._showing = False
        self.search = QLineEdit()
        self.search.setClearButtonEnabled(True)
        self.search.addAction(icons.icon("search", "muted"), QLineEdit.ActionPosition.LeadingPosition)
        self.search.textChanged.connect(self._filter_soon)
        self.files = FileList()
        self.files.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        self.files.setMinimumHeight(96)
        self.files.selectionModel().selectionChanged.connect(self._on_selection)
        self.count = label(size="small", tone="muted")
        self.all_button = button(kind="quiet")
        self.all_button.clicked.connect(self._all)
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(150)
        self._soon.timeout.connect(self._filter)
        foot = QHBoxLayout()
        foot.addWidget(self.count, 1)
        foot.addWidget(self.all_button)
        column = QVBoxLayout(self.card)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addWidget(self.search)
        column.addWidget(self.files, 1)
        column.addLayout(foot)
        self.retranslate()

    def show_files(self, rows: list[ListedFile], paths: list[Path]) -> None:
        """All files there are, and those that are chosen."""
        self.paths = set(paths)
        self.files.files.set_rows([row for row in rows if row.state in SEARCHED])
        self._select()

    def place(self) -> None:
        self._width = min(WIDTH, self.width() - 16)
        anchor = self._anchor
        above = anchor.mapTo(parent_of(self), QPoint()).y() if anchor is not None else self.height()
        room = max(above, self.height() - above) - 48
        self.files.setMinimumHeight(max(96, min(HEIGHT, room) - AROUND))
        super().place()

    def focus_first(self) -> None:
        self.search.setFocus()

    def retranslate(self) -> None:
        name_field(self.search, tr("Find a file"))
        self.files.setAccessibleName(tr("Files to look in"))
        self.all_button.setText(tr("All files"))
        self._show_chosen()

    def _filter_soon(self) -> None:
        self._soon.start()

    def _filter(self) -> None:
        self._showing = True  # what is filtered away stays chosen
        self.files.files.set_filter(self.search.text(), False)
        self._select()

    def _select(self) -> None:
        """Mark the chosen ones among those in sight."""
        self._showing = True
        model, chosen = self.files.files, QItemSelection()
        for at, row in enumerate(model.rows):
            if row.path in self.paths:
                chosen.select(model.index(at), model.index(at))
        flag = QItemSelectionModel.SelectionFlag.ClearAndSelect
        self.files.selectionModel().select(chosen, flag)
        self._showing = False
        self._show_chosen()

    def _on_selection(self, more: QItemSelection, fewer: QItemSelection) -> None:
        if self._showing:
            return
        self.paths |= {index.data(ROW_ROLE).path for index in more.indexes()}
        self.paths -= {index.data(ROW_ROLE).path for index in fewer.indexes()}
        self._show_chosen()
        self.chosen.emit(sorted(self.paths))

    def _all(self) -> None:
        self.paths = set()
        self._select()
        self.chosen.emit([])
        self.close_overlay()

    def _show_chosen(self) -> None:
        n = len(self.paths)
        self.count.setText(tr("{n} chosen", n=n) if n else tr("Choose the files to look in"))
        self.all_button.setEnabled(n > 0)
