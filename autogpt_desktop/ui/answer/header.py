"""The top of the Questions panel: what is asked about, and a new conversation."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.basic import ToolButton, icon_button, name_button

FILES, TEXT = "files", "text"


class AnswerHeader(QWidget):
    """``mode_chosen`` carries FILES or TEXT."""

    mode_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.files = ToolButton()
        self.text = ToolButton()
        self.history_button = icon_button("history")
        self.new_button = icon_button("plus")
        group = QButtonGroup(self)
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        self._row = row
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(row)
        for made in (self.files, self.text):
            made.setCheckable(True)
            made.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
            group.addButton(made)
            row.addWidget(made)
        group.buttonClicked.connect(self._on_clicked)
        self._gap = QWidget()
        row.addWidget(self._gap, 1)
        row.addWidget(self.history_button)
        row.addWidget(self.new_button)
        self.set_mode(FILES)
        self.retranslate()

    def place(self, bar: QWidget, beside: bool) -> None:
        """The collections stand between the buttons, or below them where there is no room."""
        if beside and self._row.indexOf(bar) < 0:
            self._row.insertWidget(self._row.count() - 2, bar, 1)
        elif not beside and self._column.indexOf(bar) < 0:
            self._column.addWidget(bar)
        self._gap.setVisible(not beside)

    @property
    def mode(self) -> str:
        return TEXT if self.text.isChecked() else FILES

    def set_mode(self, mode: str) -> None:
        (self.text if mode == TEXT else self.files).setChecked(True)

    def retranslate(self) -> None:
        self.files.setText(tr("Files"))
        self.text.setText(tr("Pasted text"))
        name_button(self.history_button, tr("Earlier questions"), "Ctrl+K")
        name_button(self.new_button, tr("New conversation"), "Ctrl+N")

    def _on_clicked(self) -> None:
        self.mode_chosen.emit(self.mode)
