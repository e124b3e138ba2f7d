"""The modes of a panel: labels side by side of which one is chosen, in every panel the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractButton, QButtonGroup, QHBoxLayout, QRadioButton, QSizePolicy, QWidget

from autogpt_desktop.ui.widgets.basic import plain_tooltip


class _Segment(QRadioButton):
    """A radio button, so that arrow keys and screen readers know what it is; only it looks flat."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key
        self.by_keyboard = False
        self.setProperty("segment", "true")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        group = self.group()
        segments = [each for each in group.buttons() if isinstance(each, _Segment)]
        for segment in segments:
            segment.by_keyboard = True
        super().keyPressEvent(event)
        for segment in segments:
            segment.by_keyboard = False


class SegmentedChoice(QWidget):
    """``chosen`` carries the key of a mode that the user went to; set by the program nothing is emitted.

    Chosen by an arrow key the focus stays here, so that one can go on; by mouse it goes with the mode.
    """

    chosen = Signal(str)

    def __init__(self, keys: Sequence[str]) -> None:
        super().__init__()
        self.buttons = {key: _Segment(key) for key in keys}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2)
        for made in self.buttons.values():
            self._group.addButton(made)
            row.addWidget(made)
        self.buttons[keys[0]].setChecked(True)
        self._group.buttonClicked.connect(self._on_clicked)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def choice(self) -> str:
        return next(key for key, made in self.buttons.items() if made.isChecked())

    def set_choice(self, key: str) -> None:
        self.buttons[key].setChecked(True)

    def set_texts(self, name: str, texts: Mapping[str, str], keys: Mapping[str, str] | None = None) -> None:
        """What the whole is called, its labels, and shortcuts that lead to some of them."""
        self.setAccessibleName(name)
        for key, text in texts.items():
            made = self.buttons[key]
            made.setText(text.replace("&", "&&"))
            made.setAccessibleName(text)
            made.setToolTip(plain_tooltip((keys or {}).get(key, "")))

    def _on_clicked(self, button: QAbstractButton) -> None:
        if isinstance(button, _Segment):
            by_keyboard = button.by_keyboard
            self.chosen.emit(button.key)
            if by_keyboard and button.isVisible():
                button.setFocus(Qt.FocusReason.TabFocusReason)
