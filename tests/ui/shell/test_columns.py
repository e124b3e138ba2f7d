"""Panels in tabs and columns: keys, dragging, what is remembered, who gets keys and texts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QMenu, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.panel import PanelKind
from autogpt_desktop.ui.shell.column_layout import ColumnLayout
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.shell.panel_registry import kind
from autogpt_desktop.ui.widgets.overlay import Overlay
from autogpt_desktop.ui.widgets.send_menu import add_send_actions, send_menu
from tests.ui.shell.panel import Panel, make_panel

CONTROL = Qt.KeyboardModifier.ControlModifier
BOTH = CONTROL | Qt.KeyboardModifier.ShiftModifier
KEYS = ["chat", "translate", "answer"]


class Fake(QWidget):
    """A panel with two fields and a key of its own, the same as its neighbour's."""

    built: ClassVar[list[str]] = []

    def __init__(self, context: AppContext, key: str) -> None:
        super().__init__()
        Fake.built.append(key)
        self.pressed = 0
        self.was_shut_down = False
        self.field, self.second = QLineEdit(), QLineEdit()
        column = QVBoxLayout(self)
        column.addWidget(self.field)
        column.addWidget(self.second)
        context.add_panel_shortcuts(self, {"Ctrl+E": self._press})

    def _press(self) -> None:
        self.pressed += 1

    def focus_input(self) -> None:
        self.field.setFocus()

    def receive_text(self, text: str) -> None:
        self.field.setText(text)

    def shutdown(self) -> None:
        self.was_shut_down = True


def fake_kind(context: AppContext, key: str) -> PanelKind:
    return kind(key, lambda: Fake(context, key))


@pytest.fixture
def make_window(
    shell_context: AppContext, starter_gguf: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., MainWindow]]:
    """A model is installed (not loaded: nothing here asks it), so that the panels are in sight."""
    monkeypatch.setattr(shell_context, "load_chosen_model", lambda: 0)
    windows = []
    Fake.built.clear()

    def make(width: int = 1200, keys: tuple[str, ...] = ("translate", "answer")) -> MainWindow:
        window = MainWindow(shell_context, make_panel, panels=[fake_kind(shell_context, key) for key in keys])
        windows.append(window)
        qtbot.addWidget(window)
        window.resize(width, 600)
        with qtbot.waitSignal(window.first_painted):
            window.show()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield make
    for window in windows:
        window.close()
        assert window.downloads.stop(10_000)


def stands(window: MainWindow) -> list[list[str]]:
    return [tabs.panel_keys() for tabs in window.columns.tabs if tabs.isVisible()]


def press(window: MainWindow, key: Qt.Key, modifiers: Qt.KeyboardModifier = CONTROL) -> None:
    QTest.keyClick(window.focusWidget() or window, key, modifiers)


def drag(window: MainWindow, key: str, to: QPoint) -> None:
    """The tab of ``key`` to a place in the columns, by the mouse; the button stays down."""
    tabs = next(tabs for tabs in window.columns.tabs if key in tabs.panel_keys())
    bar = tabs.bar
    start = bar.tabRect(tabs.panel_keys().index(key)).center()
    QTest.mousePress(bar, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, start)
    goal = bar.mapFrom(window.columns, to)
    for part in (0.3, 0.6, 1.0):
        QTest.mouseMove(bar, start + (goal - start) * part)


def drop(window: MainWindow, key: str, to: QPoint) -> None:
    bar = next(tabs for tabs in window.columns.tabs if key in tabs.panel_keys()).bar
    place = bar.mapFrom(window.columns, to)
    QTest.mouseRelease(bar, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)


# --- the arrangement alone -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "nonsense", "[]", "null", '{"columns": 3}', '{"columns": [[], [1, null], "x"]}', "[" * 100_000,
     '{"share": NaN, "active": [], "current": {}}'],
)  # fmt: skip
def test_a_damaged_layout_is_one_column(text: str) -> None:
    assert ColumnLayout.parse(text, KEYS) == ColumnLayout([KEYS], ["chat"], "chat")


def test_unknown_panels_go_new_ones_come_and_three_columns_become_two() -> None:
    saved = {"columns": [["gone"], ["answer", "answer"], ["translate"], ["old", "sentiment"]],
             "current": ["gone", "sentiment"], "active": "sentiment", "share": 0.3}  # fmt: skip
    got = ColumnLayout.parse(json.dumps(saved), [*KEYS, "sentiment"])
    assert got.columns == [["answer", "chat"], ["translate", "sentiment"]]
    assert got.current == ["answer", "sentiment"]
    assert (got.active, got.share) == ("sentiment", 0.3)
    assert ColumnLayout.parse(got.text(), [*KEYS, "sentiment"]) == got


def test_moving_opens_and_closes_columns() -> None:
    got = ColumnLayout.parse("", KEYS)
    got.move("translate", -1)
    assert (got.columns, got.current) == ([["translate"], ["chat", "answer"]], ["translate", "chat"])
    assert not got.can_move("translate", -1)
    got.place("chat", 0, 0)
    assert (got.columns, got.current) == ([["chat", "translate"], ["answer"]], ["chat", "answer"])
    got.place("chat", 0, 2)  # before the place behind the last: as seen before it moves
    assert got.columns == [["translate", "chat"], ["answer"]]
    got.move("answer", -1)
    assert (got.columns, got.current) == ([["translate", "chat", "answer"]], ["answer"])
    got.move("translate", 1)
    assert (got.columns, got.active) == ([["chat", "answer"], ["translate"]], "translate")


# --- the window ----------------------------------------------------------------------------------


def test_a_single_panel_has_no_tab_bar(make_window: Callable[..., MainWindow]) -> None:
    window = make_window(keys=())
    assert not window.columns.tabs[0].bar.isVisible()
    assert not window.panel_actions.rows()
    assert not window.panel_actions.in_menu()
    press(window, Qt.Key.Key_PageDown, BOTH)
    assert stands(window) == [["chat"]]


def test_panels_are_built_when_first_shown(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    assert window.columns.tabs[0].bar.isVisible()
    assert Fake.built == []
    assert window.focusWidget() is window.chat
    press(window, Qt.Key.Key_3)
    answer = window.columns.panel("answer")
    assert Fake.built == ["answer"]
    assert answer.field.hasFocus()
    press(window, Qt.Key.Key_Tab)  # round to the first
    assert window.columns.active_key == "chat"
    press(window, Qt.Key.Key_Tab)
    assert window.columns.active_key == "translate"
    assert Fake.built == ["answer", "translate"]
    press(window, Qt.Key.Key_9)  # there is none
    assert window.columns.active_key == "translate"
    translate = window.columns.panel("translate")
    window.close()
    assert answer.was_shut_down
    assert translate.was_shut_down


def test_keys_move_a_panel_to_the_other_column(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    press(window, Qt.Key.Key_2)
    press(window, Qt.Key.Key_PageDown, BOTH)
    assert stands(window) == [["chat", "answer"], ["translate"]]
    translate = window.columns.panel("translate")
    assert translate.field.hasFocus()
    assert window.chat.isVisible()
    assert translate.isVisible()
    assert "answer" not in Fake.built  # passing by is not showing
    press(window, Qt.Key.Key_PageDown, BOTH)  # there is no third
    assert stands(window) == [["chat", "answer"], ["translate"]]
    press(window, Qt.Key.Key_PageUp, BOTH)
    assert stands(window) == [["chat", "answer", "translate"]]
    assert window.columns.panel("translate") is translate
    assert translate.field.hasFocus()


def test_the_menu_of_a_tab(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    left, right = window.columns.tab_menu("answer").actions()
    assert left.isEnabled()
    assert right.isEnabled()
    right.trigger()
    assert stands(window) == [["chat", "translate"], ["answer"]]
    left, right = window.columns.tab_menu("answer").actions()
    assert left.isEnabled()
    assert not right.isEnabled()
    left.trigger()
    assert stands(window) == [["chat", "translate", "answer"]]


@pytest.mark.parametrize("right", [True, False])
def test_a_tab_dragged_to_an_edge_opens_a_column(make_window: Callable[..., MainWindow], right: bool) -> None:
    window = make_window()
    place = QPoint(window.columns.width() - 40 if right else 40, 300)
    drag(window, "translate", place)
    shown = window.columns.findChild(QWidget, "dropIndicator")
    assert shown.isVisible()
    assert shown.geometry().contains(place)
    assert shown.width() == 600
    drop(window, "translate", place)
    others = ["chat", "answer"]
    assert stands(window) == ([others, ["translate"]] if right else [["translate"], others])
    assert not shown.isVisible()
    assert window.columns.panel("translate").field.hasFocus()


def test_tabs_are_dragged_between_columns(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    window.columns.move_panel("answer", 1)
    drag(window, "translate", QPoint(900, 300))
    drop(window, "translate", QPoint(900, 300))
    assert stands(window) == [["chat"], ["answer", "translate"]]
    to = window.columns.tabs[0].bar.tabRect(0).center()
    drag(window, "answer", to)  # onto the first tab of the other bar: before it
    drop(window, "answer", to)
    assert stands(window) == [["answer", "chat"], ["translate"]]
    drag(window, "translate", QPoint(100, 300))
    drop(window, "translate", QPoint(100, 300))
    assert stands(window) == [["answer", "chat", "translate"]]


def test_a_drag_can_be_given_up(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    middle, edge = QPoint(600, 300), QPoint(1190, 300)
    drag(window, "answer", middle)  # no column would open there
    drop(window, "answer", middle)
    assert stands(window) == [KEYS]
    drag(window, "answer", edge)
    QTest.keyClick(window.columns.tabs[0].bar, Qt.Key.Key_Escape)
    drop(window, "answer", edge)
    assert stands(window) == [KEYS]
    shown = window.columns.findChild(QWidget, "dropIndicator")
    assert not shown.isVisible()


def test_the_layout_comes_back(make_window: Callable[..., MainWindow], shell_context: AppContext) -> None:
    window = make_window()
    window.columns.move_panel("answer", 1)
    window.columns.move_panel("translate", 1)
    window.columns.show_panel("answer")
    window.columns.splitter.moveSplitter(400, 1)
    sizes = window.columns.splitter.sizes()
    window.close()
    Fake.built.clear()
    saved = json.loads((shell_context.settings.path or Path()).read_text("utf-8"))["layout"]
    assert saved == shell_context.settings.layout
    again = make_window(keys=("answer", "sentiment", "translate"))
    assert stands(again) == [["chat", "sentiment"], ["answer", "translate"]]
    assert [tabs.current_slot().kind.key for tabs in again.columns.tabs] == ["chat", "answer"]
    assert again.columns.active_key == "answer"
    assert again.columns.panel("answer").field.hasFocus()
    assert Fake.built == ["answer"]
    assert again.columns.splitter.sizes() == pytest.approx(sizes, abs=3)


def test_a_narrow_window_has_one_column(make_window: Callable[..., MainWindow], qtbot: QtBot) -> None:
    window = make_window()
    window.columns.move_panel("answer", 1)
    answer = window.columns.panel("answer")
    answer.second.setFocus()
    window.resize(700, 500)
    qtbot.waitUntil(lambda: stands(window) == [KEYS])
    assert answer.isVisible()
    assert answer.second.hasFocus()
    assert not window.columns.can_move("answer", -1)
    assert window.columns.target_at("answer", QPoint(690, 300)) is None
    press(window, Qt.Key.Key_2)
    window.resize(1200, 500)
    qtbot.waitUntil(lambda: stands(window) == [["chat", "translate"], ["answer"]])
    assert window.columns.active_key == "translate"
    assert answer.isVisible()


def test_keys_act_on_the_panel_used_last(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    window.columns.show_panel("translate")
    window.columns.move_panel("answer", 1)
    translate, answer = window.columns.panel("translate"), window.columns.panel("answer")
    assert translate.isVisible()
    assert answer.isVisible()

    def pressed() -> tuple[int, int]:
        press(window, Qt.Key.Key_E)
        return translate.pressed, answer.pressed

    assert pressed() == (0, 1)
    translate.second.setFocus()
    assert pressed() == (1, 1)
    window.settings_button.setFocus()
    assert pressed() == (2, 1)
    answer.field.setFocus()
    window.menu_button.setFocus()
    assert pressed() == (2, 2)
    over = Overlay(window, placement="center", width=200)
    QLineEdit(over.card)
    over.open()
    assert pressed() == (2, 2)
    over.close_overlay()
    window.columns.tabs[0].bar.setFocus()
    assert pressed() == (3, 2)


def test_a_click_on_a_tab_goes_to_its_panel(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    window.columns.show_panel("translate")
    window.columns.move_panel("answer", 1)
    left = window.columns.tabs[0].bar
    for index, key in ((1, "translate"), (0, "chat")):
        QTest.mouseClick(
            left, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, left.tabRect(index).center()
        )
        assert window.columns.active_key == key
        assert window.columns.tabs[0].isAncestorOf(window.focusWidget())
    left.setFocus()
    QTest.keyClick(left, Qt.Key.Key_Right)
    assert window.columns.active_key == "translate"
    assert left.hasFocus()


def test_tab_goes_through_the_columns_from_left_to_right(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    window.columns.show_panel("answer")
    window.columns.move_panel("translate", -1)
    window.columns.show_panel("chat")  # built last, stands in the right column
    window.model_button.setFocus()
    seen: list[QWidget] = []
    while (now := window.focusWidget()) is not None and now not in seen:
        seen.append(now)
        QTest.keyClick(now, Qt.Key.Key_Tab)
    translate, tabs = window.columns.panel("translate"), window.columns.tabs
    wanted = [
        window.model_button, window.settings_button, window.menu_button, tabs[0].bar, translate.field,
        translate.second, tabs[1].bar, window.chat, window.queue_view.button,
    ]  # fmt: skip
    assert [stop for stop in seen if stop in wanted] == wanted
    assert window.focusWidget() is window.model_button


def test_text_goes_from_panel_to_panel(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    context = window.context
    menu = send_menu(context, "chat", lambda: "Good morning")
    assert [action.text() for action in menu.actions()] == ["Translate this", "Ask about this"]
    menu.actions()[1].trigger()
    answer = window.columns.panel("answer")
    assert answer.field.text() == "Good morning"
    assert answer.field.hasFocus()
    assert answer.isVisible()
    context.send_text("answer", "chat", "Hello")
    chat = window.chat
    assert isinstance(chat, Panel)
    assert chat.text() == "Hello"
    assert chat.hasFocus()
    with pytest.raises(KeyError):
        context.send_text("chat", "sentiment", "Hello")
    longer = QMenu()
    longer.addAction("Copy")
    actions = add_send_actions(longer, context, "answer", lambda: " ")
    assert [action.isEnabled() for action in actions] == [False, False]
    assert len(longer.actions()) == 4


def test_titles_follow_the_language(make_window: Callable[..., MainWindow]) -> None:
    window = make_window()
    window.context.set_language("zh_CN")
    bar = window.columns.tabs[0].bar
    assert [bar.tabText(index) for index in range(3)] == ["聊天", "翻译", "问答"]
    rows = window.panel_actions.rows()
    assert rows[0] == ("Ctrl+1 … Ctrl+3", "转到某个面板")
    assert len(rows) == 5


@pytest.mark.parametrize("width", [540, 900, 1200])
def test_one_bar_holds_the_tabs_and_the_windows_tools(
    make_window: Callable[..., MainWindow], width: int, qtbot: QtBot
) -> None:
    window = make_window(width, keys=("translate", "answer", "sentiment"))
    model, columns = window.context.chosen_model(), window.columns
    assert model is not None
    for two in (False, True):
        if two and not columns.is_wide():
            break
        if two:
            columns.move_panel("answer", 1)
            columns.move_panel("sentiment", 1)
        tabs = columns.tabs[1 if two else 0]
        qtbot.waitUntil(lambda tabs=tabs: tabs.bar.width() >= tabs.bar.sizeHint().width(), timeout=20_000)
        assert window.header.isHidden()
        tools = window.tools
        assert tabs.isAncestorOf(tools)
        assert tools.isVisible()
        assert tools.mapTo(tabs, tools.rect().topLeft()).y() < 4
        assert tools.height() >= tabs.bar.height() - 4
        assert tabs.bar.geometry().right() <= tools.geometry().left()
        assert window.model_button.text()
    if columns.is_wide():
        columns.move_panel("answer", -1)
        columns.move_panel("sentiment", -1)
        assert columns.tabs[0].isAncestorOf(window.tools)
        assert window.tools.isVisible()
