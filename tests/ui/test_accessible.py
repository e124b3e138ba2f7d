"""Every control of every panel: named for readers, reached by Tab, seen to have the focus, translated."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAccessible, QAccessibleInterface
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.widgets.toast import ToastRequest

PANELS = ["chat", "translate", "answer", "sentiment", "lab"]
ROLE = QAccessible.Role
OPERATED = {
    ROLE.PushButton, ROLE.CheckBox, ROLE.RadioButton, ROLE.ButtonMenu, ROLE.ButtonDropDown, ROLE.ComboBox,
    ROLE.EditableText, ROLE.SpinBox, ROLE.Slider, ROLE.Table, ROLE.List, ROLE.Tree, ROLE.PageTab,
    ROLE.PageTabList, ROLE.Link, ROLE.ProgressBar, ROLE.Button,
}  # fmt: skip


def said(widget: QWidget) -> str:
    """For the message of a failure: where the widget is to be looked for."""
    return f"{type(widget).__name__} in {type(widget.parentWidget()).__name__} {widget.toolTip()!r}"


def seen_by_readers(top: QWidget) -> Iterator[QAccessibleInterface]:
    waiting = [QAccessible.queryAccessibleInterface(top)]
    while waiting:
        node = waiting.pop()
        if node is None or not node.isValid() or node.state().invisible:
            continue
        yield node
        if node.role() not in (ROLE.Table, ROLE.List, ROLE.Tree):  # rows are the models' to tell
            waiting += [node.child(index) for index in range(node.childCount())]


def stops(panel: QWidget) -> list[QWidget]:
    """What Tab should reach, in any order."""
    return [
        widget
        for widget in panel.findChildren(QWidget)
        if widget.isVisible()
        and widget.isEnabled()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and widget.focusProxy() is None
        and not (isinstance(widget, QAbstractButton) and in_group(widget))
    ]


def in_group(button: QAbstractButton) -> bool:
    """Of buttons of which one is pressed, Tab goes to that one, and arrow keys to the others."""
    group = button.group()
    return group is not None and group.exclusive() and not button.isChecked()


@pytest.mark.parametrize("key", PANELS)
def test_every_control_has_a_name(window: MainWindow, key: str, qtbot: QtBot) -> None:
    window.columns.show_panel(key)
    count, unnamed = 0, []
    for node in seen_by_readers(window):
        widget = node.object()
        if node.role() not in OPERATED or not isinstance(widget, QWidget):
            continue
        count += 1
        if not node.text(QAccessible.Text.Name).strip():
            unnamed.append(said(widget))
    assert count > 8
    assert unnamed == []


@pytest.mark.parametrize("key", PANELS)
def test_tab_reaches_every_control_and_comes_back(window: MainWindow, key: str, qtbot: QtBot) -> None:
    window.columns.show_panel(key)
    panel = window.columns.panel(key)
    start = QApplication.focusWidget()
    assert start is not None, "a panel begins where a person writes"
    assert panel.isAncestorOf(start), "a panel begins where a person writes"
    wanted, reached, order = stops(panel), set(), []
    for _ in range(120):
        now = QApplication.focusWidget()
        if now is start and order:
            break
        order.append(now)
        reached.add(now)
        QTest.keyClick(now, Qt.Key.Key_Tab)
    else:
        raise AssertionError(f"the focus does not come back: {[said(each) for each in order[-6:] if each]}")
    left = [said(widget) for widget in wanted if widget not in reached and widget.isVisible()]
    assert left == []
    assert window.queue_view.button in reached
    assert window.model_button in reached
    QTest.keyClick(start, Qt.Key.Key_Backtab)
    assert QApplication.focusWidget() is order[-1]


@pytest.mark.parametrize("key", PANELS)
def test_the_focus_can_be_seen_everywhere(window: MainWindow, key: str, qtbot: QtBot) -> None:
    window.columns.show_panel(key)
    panel = window.columns.panel(key)
    unseen = []
    for widget in stops(panel):
        window.menu_button.setFocus(Qt.FocusReason.TabFocusReason)
        if not widget.isVisible():
            continue
        before = panel.grab().toImage()
        widget.setFocus(Qt.FocusReason.TabFocusReason)
        if panel.grab().toImage() == before:
            unseen.append(said(widget))
    assert unseen == []


@pytest.mark.parametrize("key", PANELS)
def test_nothing_stays_english(window: MainWindow, key: str, qtbot: QtBot) -> None:
    """Also where a panel was built before the language was changed."""
    window.columns.show_panel(key)
    window.context.set_language("zh_CN")
    folder = Path(__file__).parents[2] / "resources" / "i18n" / "zh_CN"
    chinese: dict[str, str] = {}
    for file in folder.glob("*.json"):
        chinese |= json.loads(file.read_text(encoding="utf-8"))
    english = {text for text, other in chinese.items() if text != other and "{" not in text}
    left = []
    for widget in [window, *window.findChildren(QWidget)]:
        texts = {widget.toolTip().split(" (")[0], widget.accessibleName()}
        for ask in ("text", "placeholderText", "title"):
            value = getattr(widget, ask, None)
            if callable(value):
                texts.add(str(value()))
        left += [text for text in texts if text in english]
    assert left == []


@pytest.mark.parametrize("size", [(900, 600), (1440, 900)])
@pytest.mark.parametrize("key", PANELS)
def test_a_notice_covers_no_control(
    window: MainWindow, key: str, size: tuple[int, int], qtbot: QtBot
) -> None:
    window.resize(*size)
    window.columns.show_panel(key)
    QApplication.processEvents()
    window.toasts.add(ToastRequest("The answer was copied with its sources.", undo=list))
    QApplication.processEvents()
    covered = [
        said(button)
        for button in window.findChildren(QAbstractButton)
        if button.isVisible()
        and not window.toasts.isAncestorOf(button)
        and QRect(button.mapTo(window, QPoint()), button.size()).intersects(window.toasts.geometry())
    ]
    assert covered == []
    assert window.toasts.geometry().top() > window.height() // 3
