"""After an action the focus is where the user types or reads, or on what was used; never on a trash can."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QFileDialog,
    QLineEdit,
    QMenu,
    QPushButton,
    QStackedWidget,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)
from pytestqt.qtbot import QtBot

from autogpt_desktop import paths
from autogpt_desktop.documents.index.collection import Collections
from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.chat.panel import ChatPanel
from autogpt_desktop.ui.chat.trash_card import TrashCard
from autogpt_desktop.ui.context import AppContext
from autogpt_desktop.ui.models.rows import InstalledRow
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.widgets.action_row import ActionRow
from autogpt_desktop.ui.widgets.focus import FocusKeeper, show_page
from autogpt_desktop.ui.widgets.toast import ToastRequest
from tests.stand_in import install_stand_in
from tests.ui.answer.kit import Script as Questions
from tests.ui.chat.kit import Script, wait_quiet
from tests.ui.windows import shown

pytestmark = pytest.mark.slow  # together they take seconds

PANELS = ["chat", "translate", "answer", "sentiment", "lab"]
READS = (QAbstractScrollArea, QLineEdit, QAbstractItemView, QAbstractSpinBox, QComboBox, InstalledRow)


@pytest.fixture(autouse=True)
def no_dialogs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody chooses a file, and a menu closes without a choice."""
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *args: ("", ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *args: ([], ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: ("", ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *args: "")
    monkeypatch.setattr(QMenu, "exec", lambda *args: None)


@pytest.fixture
def chat_window(chat_context: AppContext, script: Script, qtbot: QtBot) -> Iterator[MainWindow]:
    """Only a chat, with a scripted model."""

    def make(context: AppContext) -> QWidget:
        return ChatPanel(context, script)

    yield from shown(MainWindow(chat_context, make), qtbot)


def removes(widget: QWidget) -> bool:
    """By its name: what it takes away is somebody's."""
    words = ("delete", "remove", "clear", "discard")
    name = (widget.accessibleName() or getattr(widget, "text", str)()).lower()
    return isinstance(widget, QAbstractButton) and name.startswith(words)


def assert_good_place(used: QWidget | None = None) -> None:
    now = QApplication.focusWidget()
    assert now is not None, f"nowhere after {used}"
    where = f"{type(now).__name__} {now.accessibleName()!r} after {used.accessibleName() if used else ''!r}"
    assert now.isVisible(), where
    assert now.isEnabled(), where
    assert not removes(now), where
    assert isinstance(now, READS) or now is used or is_start(now), where


def is_start(widget: QWidget) -> bool:
    """Where a panel begins as long as there is nothing to type or read, or an overlay or a page."""
    around: QWidget | None = widget
    while around is not None:
        focus = getattr(around, "focus_first", None) or getattr(around, "focus_input", None)
        if focus is not None and not isinstance(around, MainWindow):
            focus()
            return QApplication.focusWidget() is widget
        around = around.parentWidget()
    return False


def press(widget: QAbstractButton) -> None:
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    QTest.keyClick(widget, Qt.Key.Key_Space)
    QApplication.processEvents()


def buttons(part: QWidget) -> list[QAbstractButton]:
    return [
        each
        for each in part.findChildren(QAbstractButton)
        if each.isVisible()
        and each.isEnabled()
        and each.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not getattr(each, "menu", lambda: None)()  # it would wait for a choice
    ]


@pytest.mark.parametrize("key", PANELS)
def test_every_button_of_a_panel(window: MainWindow, key: str, qtbot: QtBot) -> None:
    window.columns.show_panel(key)
    panel = window.columns.panel(key)
    pressed = 0
    for each in buttons(panel):
        if not each.isVisible() or not each.isEnabled():  # an earlier one took it away
            continue
        press(each)
        pressed += 1
        assert_good_place(each)
        for overlay in (window.overlay("models"), window.overlay("settings")):
            if overlay is not None:
                overlay.close_overlay()
        panel.focus_input()
    assert pressed >= 3


@pytest.mark.parametrize("name", ["models", "settings", "shortcuts", "about"])
def test_overlays_take_the_focus_and_give_it_back(window: MainWindow, name: str, qtbot: QtBot) -> None:
    window.columns.show_panel("chat")
    before = QApplication.focusWidget()
    show = {
        "models": window.show_models, "settings": window.show_settings,
        "shortcuts": window.show_shortcuts, "about": window.show_about,
    }[name]  # fmt: skip
    show()
    overlay, now = window.overlay(name), QApplication.focusWidget()
    assert overlay is not None
    assert now is not None
    assert overlay.isAncestorOf(now)
    assert not removes(now)
    qtbot.keyClick(now, Qt.Key.Key_Escape)
    assert not overlay.isVisible()
    assert QApplication.focusWidget() is before


def test_enter_in_the_list_of_models_removes_none(window: MainWindow, qtbot: QtBot) -> None:
    window.columns.show_panel("chat")
    models = {model.name for model in window.context.installed_models()}
    chosen = window.context.chosen_model()
    assert chosen is not None
    for _ in range(3):
        window.show_models()
        now = QApplication.focusWidget()
        assert isinstance(now, InstalledRow)
        assert now.model.name == chosen.name
        qtbot.keyClick(now, Qt.Key.Key_Return)
        picker = window.overlay("models")
        assert picker is not None
        assert not picker.isVisible()
    assert {model.name for model in window.context.installed_models()} == models
    assert window.context.chosen_model() == chosen


def test_arrow_keys_go_through_the_models(chat_window: MainWindow, qtbot: QtBot) -> None:
    window = chat_window
    install_stand_in(paths.models_dir(), "gemma-3-270m")
    window.context.refresh_models()
    window.show_models()
    first = QApplication.focusWidget()
    qtbot.keyClick(first, Qt.Key.Key_Down)
    second = QApplication.focusWidget()
    qtbot.keyClick(second, Qt.Key.Key_Up)
    third = QApplication.focusWidget()
    assert {first, second, third} == set(window.overlay("models").findChildren(InstalledRow))  # type: ignore[union-attr]


def test_after_a_model_was_removed_the_focus_is_on_the_list(chat_window: MainWindow, qtbot: QtBot) -> None:
    window = chat_window
    install_stand_in(paths.models_dir(), "gemma-3-270m")
    window.context.refresh_models()
    window.show_models()
    picker = window.overlay("models")
    assert picker is not None
    row = next(each for each in picker.findChildren(InstalledRow) if each.remove_button.isVisible())
    press(row.remove_button)
    now = QApplication.focusWidget()
    assert now is not None
    assert picker.isAncestorOf(now)
    assert not removes(now)
    undo = window.toasts.toasts()[-1].action
    assert undo is not None
    press(undo)
    assert_good_place()


@pytest.mark.parametrize("undo", [True, False])
def test_a_notice_that_goes(window: MainWindow, undo: bool, qtbot: QtBot) -> None:
    for key in PANELS:
        window.columns.show_panel(key)
        start = QApplication.focusWidget()
        toast = window.toasts.add(ToastRequest("Gone", undo=list))
        assert toast.action is not None
        press(toast.action if undo else toast.close_button)
        assert QApplication.focusWidget() is start
        toast = window.toasts.add(ToastRequest("Gone", undo=list))
        toast.close_button.setFocus()
        toast.dismiss()  # its time is over
        assert QApplication.focusWidget() is start


def test_a_file_dialog_gives_the_focus_to_the_text(window: MainWindow, qtbot: QtBot) -> None:
    window.columns.show_panel("chat")
    press(window.chat.composer.attach_button)  # type: ignore[attr-defined]
    assert QApplication.focusWidget() is window.chat.composer.edit  # type: ignore[attr-defined]
    window.menu_button.setFocus()
    window.open_model_file()
    assert QApplication.focusWidget() is window.chat.composer.edit  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["copy", "regenerate", "edit", "delete", "previous", "next"])
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_done_with_a_message(
    chat_window: MainWindow, script: Script, qtbot: QtBot, name: str, place: int
) -> None:
    panel = chat_window.chat
    assert isinstance(panel, ChatPanel)
    script.pause_at = -1
    panel.composer.set_text("hello")
    panel.send()
    qtbot.waitUntil(lambda: bool(script.asked), timeout=30_000)
    wait_quiet(panel, qtbot)
    panel.message_actions.regenerate_last()
    wait_quiet(panel, qtbot)
    for _ in range(2):  # through the branches, until there is no other
        messages = panel.conversation.messages
        if len(messages) <= place:
            break
        widget = panel.view.widgets[messages[place].id]
        used = widget.buttons[name]
        if not used.isVisible() or not used.isEnabled():
            break
        press(used)
        wait_quiet(panel, qtbot)
        assert_good_place(used)
    if name == "delete":
        undo = chat_window.toasts.toasts()[-1].action
        assert undo is not None
        press(undo)
        assert QApplication.focusWidget() is panel.composer.edit


def test_stop_gives_the_focus_to_the_text(chat_window: MainWindow, script: Script, qtbot: QtBot) -> None:
    panel = chat_window.chat
    assert isinstance(panel, ChatPanel)
    script.pause_at = 1
    panel.composer.set_text("hello")
    press(panel.composer.send_button)
    qtbot.waitUntil(lambda: bool(script.asked), timeout=30_000)
    press(panel.composer.send_button)
    wait_quiet(panel, qtbot)
    assert QApplication.focusWidget() is panel.composer.edit


class Panel(QWidget):
    """A text, a button that goes, and one that nobody wants to press."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.button, self.trash = QTextEdit(), QPushButton("Go"), QPushButton("Delete")
        self.stack = QStackedWidget()
        self.pages = QPushButton("Delete one"), QPushButton("Delete another")
        for page in self.pages:
            self.stack.addWidget(page)
        column = QVBoxLayout(self)
        for widget in (self.text, self.button, self.trash, self.stack):
            column.addWidget(widget)

    def focus_input(self) -> None:
        self.text.setFocus()


@pytest.fixture
def small(qtbot: QtBot) -> Panel:
    panel = Panel()
    qtbot.addWidget(panel)
    panel.show()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow, timeout=20_000)
    panel.keeper = FocusKeeper(panel)  # type: ignore[attr-defined]
    panel.button.setFocus()
    return panel


def test_a_button_that_goes_hands_the_focus_on(small: Panel) -> None:
    small.button.hide()
    assert QApplication.focusWidget() is small.text


def test_a_button_that_is_disabled_hands_the_focus_on(small: Panel) -> None:
    small.button.setEnabled(False)
    assert QApplication.focusWidget() is small.text


def test_a_button_that_is_deleted_hands_the_focus_on(small: Panel, qtbot: QtBot) -> None:
    small.button.deleteLater()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is small.text, timeout=20_000)


def test_who_moves_the_focus_decides(small: Panel) -> None:
    small.button.hide()
    small.trash.setFocus()
    assert QApplication.focusWidget() is small.trash


def test_a_page_that_is_turned_hands_the_focus_on(small: Panel) -> None:
    small.pages[0].setFocus()
    show_page(small.stack, small.pages[1])
    assert QApplication.focusWidget() is small.text
    small.button.setFocus()
    show_page(small.stack, small.pages[0])
    assert QApplication.focusWidget() is small.button


# --- what came later: a queue of questions, what was stopped, the trash, folded actions, banners ------------


@pytest.fixture
def questions_window(
    answer_context: AppContext, answer_script: Questions, qtbot: QtBot, tmp_path: Path
) -> Iterator[MainWindow]:
    """Only questions, about a collection, with a scripted model."""
    folder = tmp_path / "papers"
    folder.mkdir()
    Collections().create("Papers", [folder])

    def make(context: AppContext) -> QWidget:
        return AnswerPanel(context, answer_script, answer_script, lambda *_given: iter(()))

    yield from shown(MainWindow(answer_context, make), qtbot)
    answer_script.go.set()


def test_what_is_done_with_questions(
    questions_window: MainWindow, answer_script: Questions, qtbot: QtBot
) -> None:
    panel = questions_window.chat
    assert isinstance(panel, AnswerPanel)
    answer_script.pauses = True
    for question in ("Who built the mill?", "Never mind?"):
        panel.view.ask_bar.set_text(question)
        qtbot.keyClick(panel.view.ask_bar.field, Qt.Key.Key_Return)
    turns, views = panel.conversation.turns, panel.view.conversation_view.views
    qtbot.waitUntil(lambda: bool(turns[0].places), timeout=20_000)
    press(views[1].cancel_button)
    assert QApplication.focusWidget() is panel.view.ask_bar.field
    press(panel.view.ask_bar.button)  # stop
    qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=20_000)
    assert QApplication.focusWidget() is panel.view.ask_bar.field
    answer_script.pauses = False
    press(views[0].again_button)
    qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=20_000)
    assert_good_place()
    last = panel.view.conversation_view.views[-1]
    for made in (last.copy_button, last.retry_button):
        press(made)
        qtbot.waitUntil(lambda: not panel.conversation.job.running, timeout=20_000)
        assert_good_place(made)
    press(panel.view.header.new_button)
    assert QApplication.focusWidget() is panel.view.ask_bar.field
    press(panel.view.header.history_button)
    card = panel.history_card
    assert card is not None
    qtbot.waitUntil(lambda: bool(card.list.model.items()), timeout=20_000)
    qtbot.waitUntil(card.list.view.hasFocus, timeout=20_000)
    qtbot.keyClick(card.list.view, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: not card.list.model.items(), timeout=20_000)
    assert QApplication.focusWidget() is card.list.search
    qtbot.keyClick(card.list.search, Qt.Key.Key_Escape)
    assert_good_place(panel.view.header.history_button)


def test_the_trash(chat_window: MainWindow, script: Script, qtbot: QtBot) -> None:
    panel = chat_window.chat
    assert isinstance(panel, ChatPanel)
    script.pause_at = -1
    for text in ("one", "two"):
        panel.new_conversation()
        panel.composer.set_text(text)
        panel.send()
        qtbot.waitUntil(lambda: bool(script.asked), timeout=30_000)
        wait_quiet(panel, qtbot)
    qtbot.keyClick(panel.list.search, Qt.Key.Key_Down)
    for _ in range(2):
        qtbot.keyClick(panel.list.view, Qt.Key.Key_Delete)
        assert_good_place()
    undo = chat_window.toasts.toasts()[-1].action
    assert undo is not None
    press(undo)
    assert_good_place()
    press(panel.list.trash_button)
    overlay = next(each for each in chat_window.findChildren(TrashCard) if each.isVisible())
    assert not removes(QApplication.focusWidget() or overlay)
    restore = next(each for each in overlay.findChildren(QPushButton) if each.text() == "Restore")
    press(restore)
    now = QApplication.focusWidget()
    assert now is not None
    assert overlay.isAncestorOf(now)
    assert not removes(now)
    qtbot.keyClick(now, Qt.Key.Key_Escape)
    assert_good_place()


@pytest.mark.parametrize("key", PANELS)
def test_actions_that_have_no_room_are_done_from_the_menu(window: MainWindow, key: str, qtbot: QtBot) -> None:
    window.resize(620, 600)
    window.columns.show_panel(key)
    QApplication.processEvents()
    panel = window.columns.panel(key)
    for row in panel.findChildren(ActionRow):
        if not row.isVisible() or not row.folded():
            continue
        menu = row.more.menu()
        menu.aboutToShow.emit()
        for entry in menu.actions():
            if entry.isEnabled() and entry.menu() is None:
                row.more.setFocus()
                entry.trigger()
                QApplication.processEvents()
                assert_good_place(row.more)
                panel.focus_input()


def test_a_banner_that_is_closed(window: MainWindow) -> None:
    for key in PANELS:
        window.columns.show_panel(key)
        window.banner.show_permanent("The history was damaged.")
        press(window.banner.close_button)
        assert_good_place()
