"""Modes side by side: one is chosen, arrow keys go on, screen readers hear radio buttons."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QAccessible
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.widgets.segmented import SegmentedChoice


@pytest.fixture
def modes(qtbot: QtBot) -> SegmentedChoice:
    window = QWidget()
    column = QVBoxLayout(window)
    made = SegmentedChoice(("text", "files", "history"))
    made.set_texts("Modes", {"text": "Text", "files": "R&D files", "history": "History"}, {"files": "Ctrl+O"})
    column.addWidget(made)
    window.field = QLineEdit()  # type: ignore[attr-defined]
    column.addWidget(window.field)  # type: ignore[attr-defined]
    qtbot.addWidget(window)
    window.show()
    with qtbot.waitActive(window):
        window.activateWindow()
    made.kept = window  # type: ignore[attr-defined]
    return made


def test_a_click_chooses_and_the_program_says_nothing(modes: SegmentedChoice, qtbot: QtBot) -> None:
    said: list[str] = []
    modes.chosen.connect(said.append)
    assert modes.choice == "text"
    modes.set_choice("history")
    assert (modes.choice, said) == ("history", [])
    qtbot.mouseClick(modes.buttons["files"], Qt.MouseButton.LeftButton)
    assert (modes.choice, said) == ("files", ["files"])


def test_arrow_keys_go_on_though_the_mode_takes_the_focus(modes: SegmentedChoice, qtbot: QtBot) -> None:
    field = modes.kept.field  # type: ignore[attr-defined]
    modes.chosen.connect(lambda _key: field.setFocus())
    modes.buttons["text"].setFocus()
    for key in ("files", "history"):
        qtbot.keyClick(QApplication.focusWidget(), Qt.Key.Key_Right)
        assert modes.choice == key
        assert modes.buttons[key].hasFocus()
    qtbot.mouseClick(modes.buttons["text"], Qt.MouseButton.LeftButton)
    assert field.hasFocus()  # by mouse it goes to where one types


def test_screen_readers_hear_radio_buttons(modes: SegmentedChoice) -> None:
    for made, name in zip(modes.buttons.values(), ("Text", "R&D files", "History"), strict=True):
        interface = QAccessible.queryAccessibleInterface(made)
        assert interface.role() == QAccessible.Role.RadioButton
        assert interface.text(QAccessible.Text.Name) == name
    assert modes.accessibleName() == "Modes"
    assert modes.buttons["files"].toolTip() == "Ctrl+O"
