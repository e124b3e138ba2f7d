"""Where a question looks: in all files of the collection or in some, by searching or from end to end."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.answer.collections.bar import CollectionsBar
from autogpt_desktop.ui.answer.collections.file_chooser import FileChooser
from autogpt_desktop.ui.widgets.basic import button, plain_tooltip

if TYPE_CHECKING:
    from autogpt_desktop.ui.context import AppContext

NAME = 24  # characters of a file's name on the button


class Scope(QWidget):
    """``paths`` are the files chosen, none for all; ``whole`` says whether short ones are read entirely."""

    def __init__(self, context: AppContext, collections: CollectionsBar) -> None:
        super().__init__()
        self.paths: list[Path] = []
        self._collections = collections
        self._collection_id = ""
        self.chooser: FileChooser | None = None
        self.files_button = button(kind="quiet")
        self.files_button.clicked.connect(self.choose)
        self.whole_box = QCheckBox()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self.files_button)
        row.addWidget(self.whole_box)
        row.addStretch(1)
        collections.changed.connect(self._on_collection)
        self._on_collection(collections.current())
        self.retranslate()

    @property
    def whole(self) -> bool:
        return self.whole_box.isChecked()

    def choose(self) -> None:
        """Open the list of files."""
        now = self._collections.current()
        if now is None:
            return
        if self.chooser is None:
            self.chooser = FileChooser(self.window())
            self.chooser.chosen.connect(self._on_chosen)
        listed = self._collections.controller.status().listed
        self.chooser.show_files(listed.rows if listed is not None else [], self.paths)
        self.chooser.open(self.files_button)

    def retranslate(self) -> None:
        self.whole_box.setText(tr("Whole document"))
        self.whole_box.setToolTip(tr("Short files are read from end to end instead of being searched"))
        if self.chooser is not None:
            self.chooser.retranslate()
        self._show_chosen()

    def _show_chosen(self) -> None:
        names = [path.name if len(path.name) <= NAME else f"{path.name[: NAME - 1]}…" for path in self.paths]
        few = names[0] if names else tr("All files")
        text = tr("{n} files", n=len(names)) if len(names) > 1 else few
        self.files_button.setText(f"{text} ▾")
        self.files_button.setAccessibleName(tr("Files to look in: {files}", files=text))
        self.files_button.setToolTip(plain_tooltip("\n".join(str(path) for path in self.paths[:20])))
        self.files_button.setEnabled(self._collections.current() is not None)

    def _on_chosen(self, paths: list[Path]) -> None:
        self.paths = paths
        self._show_chosen()

    def _on_collection(self, collection: object) -> None:
        """Another collection has other files."""
        chosen = getattr(collection, "id", "")
        if chosen != self._collection_id:
            self.paths = []
        self._collection_id = chosen
        self._show_chosen()
