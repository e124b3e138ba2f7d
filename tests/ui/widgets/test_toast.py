"""Notices leave, cover nothing that has to be seen, and can be reached by keyboard."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QApplication, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.widgets.basic import button, label
from autogpt_desktop.ui.widgets.toast import GAP, ToastArea, ToastRequest

LONG = "The file cannot be read, because it is damaged or no model at all. Choose another one, please. " * 3


class Window(QWidget):
    """A title above, a place to write below, something that scrolls between them."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.write, self.body = label("Title"), button("Write"), QWidget()
        self.write.setMinimumHeight(64)
        column = QVBoxLayout(self)
        column.addWidget(self.title)
        column.addWidget(self.body, 1)
        column.addWidget(self.write)
        self.area = ToastArea(self, lambda: [self.title, self.write])


@pytest.fixture
def window(qtbot: QtBot) -> Window:
    made = Window()
    qtbot.addWidget(made)
    made.resize(480, 400)
    made.show()
    with qtbot.waitActive(made):
        made.activateWindow()
    return made


def place(window: Window, widget: QWidget) -> QRect:
    return QRect(widget.mapTo(window, QPoint()), widget.size())


def assert_clear(window: Window) -> None:
    area = window.area.geometry()
    assert window.rect().contains(area)
    assert not area.intersects(place(window, window.title))
    assert not area.intersects(place(window, window.write))


@pytest.mark.parametrize("size", [(480, 400), (900, 600), (1400, 900)])
@pytest.mark.parametrize("count", [1, 3])
def test_no_title_and_no_composer_is_covered(window: Window, size: tuple[int, int], count: int) -> None:
    window.resize(*size)
    QApplication.processEvents()
    for number in range(count):
        window.area.add(ToastRequest(f"{number}: {LONG}", error=True))
    assert window.area.toasts()[-1].request.text.startswith(str(count - 1))
    assert_clear(window)


def test_it_makes_way_for_a_composer_that_grows(window: Window, qtbot: QtBot) -> None:
    window.area.add(ToastRequest("Saved."))
    before = window.area.geometry().bottom()
    window.write.setMinimumHeight(160)
    qtbot.waitUntil(lambda: window.area.geometry().bottom() < before - 64)
    assert_clear(window)


@pytest.mark.parametrize("request_", [
    ToastRequest("Saved.", milliseconds=60),
    ToastRequest("Saved.", undo=list, milliseconds=60),
    ToastRequest("It failed.", error=True, milliseconds=60),
])  # fmt: skip
def test_it_leaves_though_it_appeared_under_a_resting_pointer(
    window: Window, qtbot: QtBot, request_: ToastRequest
) -> None:
    window.area.add(request_)
    place_before = QCursor.pos()
    window.area.remove(window.area.toasts()[0])
    QCursor.setPos(window.mapToGlobal(QPoint(240, place(window, window.write).top() - GAP - 10)))
    toast = window.area.add(request_)
    assert toast.rect().contains(toast.mapFromGlobal(QCursor.pos()))
    qtbot.waitUntil(lambda: not window.area.toasts(), timeout=2000)
    QCursor.setPos(place_before)


@pytest.mark.slow
def test_it_stays_while_one_comes_to_read_it(window: Window, qtbot: QtBot) -> None:
    QCursor.setPos(window.mapToGlobal(QPoint(5, 5)))
    toast = window.area.add(ToastRequest("Saved.", milliseconds=150))
    QCursor.setPos(toast.mapToGlobal(QPoint(10, 10)))
    qtbot.wait(200)
    assert window.area.toasts() == [toast]
    qtbot.waitUntil(lambda: not window.area.toasts(), timeout=2000)  # the pointer rests by now


def test_errors_stay_longer_but_leave(window: Window) -> None:
    plain, undo, error = (
        window.area.add(request).milliseconds()
        for request in (ToastRequest("a"), ToastRequest("b", undo=list), ToastRequest("c", error=True))
    )
    assert plain < undo < error < 60_000


@pytest.mark.slow
def test_the_keyboard_reaches_it_and_comes_back(window: Window, qtbot: QtBot) -> None:
    window.write.setFocus()
    toast = window.area.add(ToastRequest("Gone.", undo=list, milliseconds=100))
    window.area.focus_newest()
    assert QApplication.focusWidget() is toast.action
    qtbot.wait(250)
    assert window.area.toasts() == [toast]  # it does not leave under one's fingers
    qtbot.keyClick(toast.action, Qt.Key.Key_Tab)
    assert QApplication.focusWidget() is toast.close_button
    window.area.focus_newest()
    assert QApplication.focusWidget() is window.write
    qtbot.waitUntil(lambda: not window.area.toasts(), timeout=2000)
    assert QApplication.focusWidget() is window.write


def test_escape_closes_it(window: Window, qtbot: QtBot) -> None:
    toast = window.area.add(ToastRequest("Gone."))
    window.area.focus_newest()
    qtbot.keyClick(toast.close_button, Qt.Key.Key_Escape)
    assert not window.area.toasts()


def test_a_notice_takes_away_what_is_no_longer_true(window: Window) -> None:
    for request in (ToastRequest("Not saved.", error=True), ToastRequest("Other.")):
        window.area.add(request)
    window.area.add(ToastRequest("Saved again.", replaces="Not saved."))
    assert [toast.request.text for toast in window.area.toasts()] == ["Other.", "Saved again."]
