"""The top of the Questions panel: what is asked about, and a new conversation."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from autogpt_desktop.i18n import tr
from autogpt_desktop.ui.widgets.action_row import ActionRow, action_button, name_action
from autogpt_desktop.ui.widgets.segmented import SegmentedChoice

FILES, TEXT = "files", "text"


class AnswerHeader(QWidget):
    """``mode_chosen`` carries FILES or TEXT."""

    mode_chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.modes = SegmentedChoice((FILES, TEXT))
        self.files, self.text = self.modes.buttons[FILES], self.modes.buttons[TEXT]
        self.history_button = action_button("history")
        self.new_button = action_button("plus")
        self.actions_row = ActionRow((self.history_button, self.new_button))
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 8, 4)
        row.setSpacing(4)
        self._row = row
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self._column.addLayout(row)
        row.addWidget(self.modes)
        self.modes.chosen.connect(self.mode_chosen)
        self._gap = QWidget()
        row.addWidget(self._gap, 1)
        row.addWidget(self.actions_row)
        self.set_mode(FILES)
        self.retranslate()

    def place(self, bar: QWidget, beside: bool) -> None:
        """The collections stand between the buttons, or below them where there is no room."""
        if beside and self._row.indexOf(bar) < 0:
            self._row.insertWidget(self._row.count() - 1, bar, 1)
        elif not beside and self._column.indexOf(bar) < 0:
            self._column.addWidget(bar)
        self._gap.setVisible(not beside)

    @property
    def mode(self) -> str:
        return self.modes.choice

    def set_mode(self, mode: str) -> None:
        self.modes.set_choice(mode)

    def retranslate(self) -> None:
        self.modes.set_texts(tr("What is asked about"), {FILES: tr("Files"), TEXT: tr("Pasted text")})
        name_action(self.history_button, tr("History"), tr("Earlier questions"), "Ctrl+K")
        name_action(self.new_button, tr("New"), tr("New conversation"), "Ctrl+N")
        self.actions_row.retranslate()
