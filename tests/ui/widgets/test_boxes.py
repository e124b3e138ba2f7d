"""Drop-downs show all of their rows, and the wheel changes no box that the user did not go to."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QComboBox, QSpinBox, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

import autogpt_desktop
from autogpt_desktop.ui.widgets.boxes import ROWS, ComboBox, NumberBox, WholeBox
from autogpt_desktop.ui.widgets.theme import theme
from tests.syntax import nodes

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support grabbing the keyboard")  # a popup does


@pytest.fixture(params=["light", "dark"])
def look(request: pytest.FixtureRequest) -> object:
    theme().install(request.param)
    yield
    theme().set_mode("light")


def page(qtbot: QtBot, *boxes: QWidget) -> QWidget:
    window = QWidget()
    column = QVBoxLayout(window)
    for box in boxes:
        column.addWidget(box)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


@pytest.mark.usefixtures("look")
@pytest.mark.parametrize("rows", [1, 2, 3, 7, 12, ROWS])
@pytest.mark.parametrize("chosen", ["first", "last"])
def test_every_row_is_in_sight(qtbot: QtBot, rows: int, chosen: str) -> None:
    box = ComboBox()
    box.addItems([f"Row {n}" for n in range(rows)])
    box.setCurrentIndex(0 if chosen == "first" else rows - 1)
    window = page(qtbot, box)
    assert window.isVisible()
    box.showPopup()
    view = box.view()
    assert view.verticalScrollBar().maximum() == view.verticalScrollBar().minimum()
    for row in (0, rows - 1):
        assert view.viewport().rect().contains(view.visualRect(box.model().index(row, 0)))
    assert view.height() == view.parentWidget().height()  # no arrows above and below that take a row's place
    box.hidePopup()


@pytest.mark.usefixtures("look")
def test_a_separator_takes_no_row(qtbot: QtBot) -> None:
    box = ComboBox()
    box.addItems(["English", "Français", "Deutsch"])
    box.insertSeparator(1)
    window = page(qtbot, box)
    assert window.isVisible()
    box.showPopup()
    assert box.view().verticalScrollBar().maximum() == 0
    box.hidePopup()


def test_a_long_row_is_read_to_its_end(qtbot: QtBot) -> None:
    box = ComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.addItems(["Short", "A preset with a name that is longer than the box that shows it"])
    box.setFixedWidth(120)
    window = page(qtbot, box)
    assert window.isVisible()
    box.showPopup()
    assert box.view().viewport().width() >= box.view().sizeHintForColumn(0)
    box.hidePopup()


def wheel(widget: QWidget) -> bool:
    """Turn the wheel one notch over it; whether it took that for itself."""
    event = QWheelEvent(
        QPointF(5, 5), QPointF(5, 5), QPoint(0, 0), QPoint(0, -120), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def three_boxes() -> tuple[ComboBox, WholeBox, NumberBox]:
    combo, whole, number = ComboBox(), WholeBox(0, 10, 1), NumberBox(0, 10, 1)
    combo.addItems(["a", "b", "c"])
    whole.setValue(5)
    number.setValue(5)
    return combo, whole, number


def values(combo: ComboBox, whole: WholeBox, number: NumberBox) -> tuple[int, int, float]:
    return combo.currentIndex(), whole.value(), number.value()


def test_the_wheel_passes_over_a_box(qtbot: QtBot) -> None:
    boxes = three_boxes()
    window = page(qtbot, *boxes)
    assert window.isVisible()
    for box in boxes:
        box.clearFocus()
        assert not wheel(box)
        assert not box.hasFocus()
    assert values(*boxes) == (0, 5, 5.0)


def test_the_wheel_turns_a_box_that_the_user_went_to(qtbot: QtBot) -> None:
    boxes = three_boxes()
    window = page(qtbot, *boxes)
    with qtbot.waitActive(window):
        window.activateWindow()
    for box in boxes:
        box.clearFocus()  # the window gave it to its first one
        box.setFocus(Qt.FocusReason.TabFocusReason)
        qtbot.waitUntil(box.hasFocus)
        assert wheel(box)
    assert values(*boxes) == (1, 4, 4.0)


def test_a_card_that_opens_goes_to_no_box(qtbot: QtBot) -> None:
    """It gives its first control the focus: the wheel is to scroll the card all the same."""
    boxes = three_boxes()
    window = page(qtbot, *boxes)
    with qtbot.waitActive(window):
        window.activateWindow()
    for box in boxes:
        box.setFocus(Qt.FocusReason.PopupFocusReason)
        qtbot.waitUntil(box.hasFocus)
        assert not wheel(box)
    assert values(*boxes) == (0, 5, 5.0)


def test_the_window_has_no_other_boxes() -> None:
    plain = {each.__name__ for each in (QComboBox, QSpinBox)} | {"QDoubleSpinBox", "QDateEdit", "QSlider"}
    for path in (Path(autogpt_desktop.__file__).parent / "ui").rglob("*.py"):
        for node in nodes(path, *plain):
            called = node.func if isinstance(node, ast.Call) else None
            assert not (isinstance(called, ast.Name) and called.id in plain), path.name
            bases = node.bases if isinstance(node, ast.ClassDef) and path.name != "boxes.py" else []
            assert not [base for base in bases if isinstance(base, ast.Name) and base.id in plain], path.name
