"""The “i” behind which stands what a model did: for those who ask, the same in every panel."""

from __future__ import annotations

from PySide6.QtWidgets import QLabel, QWidget

from autogpt_desktop.ui.widgets.reading_style import QuietButton


class InfoButton(QuietButton):
    """Shows and hides ``facts``, a label; hidden itself as long as there are none."""

    def __init__(self, facts: QLabel, parent: QWidget | None = None) -> None:
        super().__init__("info", parent)
        self._facts = facts
        self.setCheckable(True)
        self.toggled.connect(self._show)
        self.set_facts("")

    def set_facts(self, text: str) -> None:
        self._facts.setText(text)
        self._show()

    def _show(self) -> None:
        known = bool(self._facts.text())
        self.setVisible(known)
        self._facts.setVisible(known and self.isChecked())
