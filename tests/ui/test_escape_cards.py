"""Esc in the cards of the panels and of the footer: what is in front goes, the focus is where it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.events import Progress
from autogpt_desktop.ui.answer.collections.bar import CollectionsBar
from autogpt_desktop.ui.answer.panel import AnswerPanel
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.translate.panel import TranslatePanel
from autogpt_desktop.ui.widgets.overlay import Overlay
from tests.ui.answer.kit import ask
from tests.ui.answer.test_collections import context, make_bar, papers, read  # noqa: F401
from tests.ui.test_escape import escape, overlays, stops
from tests.ui.translate.test_pair_models import packs_only  # noqa: F401
from tests.ui.translate.test_words import panel as translating  # noqa: F401
from tests.ui.translate.test_words import translator  # noqa: F401

pytestmark = pytest.mark.slow  # together they take seconds


def escape_everywhere(qtbot: QtBot, show: Callable[[], object], card: Callable[[], QWidget | None]) -> None:
    """From every stop of a card, which ``show`` opens: it is gone, and the focus where it was before."""
    before = QApplication.focusWidget()
    assert before is not None
    show()
    opened = card()
    assert opened is not None
    count = len(stops(opened))
    assert count >= 1
    for number in range(count):
        opened = card()
        if opened is None or not opened.isVisible():
            show()
            opened = card()
        assert opened is not None
        places = stops(opened)
        if number >= len(places):
            break
        places[number].setFocus(Qt.FocusReason.TabFocusReason)
        name = (type(places[number]).__name__, places[number].accessibleName())
        escape(qtbot)
        left = card()
        assert left is None or not left.isVisible(), name
        assert QApplication.focusWidget() is before, name


def activate(widget: QWidget, qtbot: QtBot) -> None:
    widget.window().activateWindow()
    qtbot.waitUntil(widget.window().isActiveWindow, timeout=20_000)


@pytest.fixture
def bar(
    make_bar: Callable[[], CollectionsBar],  # noqa: F811
    papers: Path,  # noqa: F811
    qtbot: QtBot,
) -> CollectionsBar:
    made = make_bar()
    read(made, qtbot, [papers])
    activate(made, qtbot)
    made.choose_button.setFocus()
    return made


def test_in_the_card_of_a_collection(bar: CollectionsBar, qtbot: QtBot) -> None:
    escape_everywhere(qtbot, bar.show_card, lambda: bar.card)


def test_a_name_that_is_being_changed_comes_back(bar: CollectionsBar, qtbot: QtBot) -> None:
    bar.show_card()
    assert bar.card is not None
    bar.card.name.setFocus()
    QTest.keyClicks(bar.card.name, " of the year")
    escape(qtbot)
    assert (bar.card.isVisible(), bar.card.name.text(), bar.card.name.hasFocus()) == (True, "papers", True)
    escape(qtbot)
    assert not bar.card.isVisible()
    now = bar.current()
    assert now is not None
    assert now.name == "papers"
    bar.show_card()
    bar.card.name.setFocus()
    bar.card.name.selectAll()
    QTest.keyClicks(bar.card.name, "Bees")
    QTest.keyClick(bar.card.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bar.current().name == "Bees", timeout=20_000)  # type: ignore[union-attr]
    QTest.keyClicks(bar.card.name, "x")
    escape(qtbot)
    assert bar.card.name.text() == "Bees"


@pytest.fixture
def asking(answer_panel: AnswerPanel, qtbot: QtBot) -> AnswerPanel:
    activate(answer_panel, qtbot)
    answer_panel.focus_input()
    return answer_panel


def test_in_the_choice_of_files(asking: AnswerPanel, qtbot: QtBot) -> None:
    scope = asking.view.scope
    asking.view.ask_bar.field.setFocus()
    escape_everywhere(qtbot, scope.choose, lambda: scope.chooser)


def test_in_a_document(asking: AnswerPanel, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "mill.txt"
    path.write_text("The mill.\n" * 200, encoding="utf-8")
    ask(asking, qtbot, "Who built the mill?")
    view, field = asking.view, asking.view.ask_bar.field
    QTest.keyClicks(field, "and when")

    def show() -> None:
        asking.places.open_file(path)
        qtbot.waitUntil(lambda: view.document.opened is not None, timeout=20_000)

    show()
    for number in range(len(stops(view.document))):
        if not view.reading:
            show()
        stops(view.document)[number].setFocus(Qt.FocusReason.TabFocusReason)
        escape(qtbot)
        assert not view.reading
        assert (field.hasFocus(), field.text()) == (True, "and when")
    show()
    view.document.find_bar.open()
    QTest.keyClicks(view.document.find_bar.field, "mill")
    escape(qtbot)
    assert (view.reading, view.document.find_bar.isHidden()) == (True, True)
    assert view.document.text.hasFocus()  # where one reads
    escape(qtbot)
    assert (view.reading, field.hasFocus()) == (False, True)


def test_in_the_card_of_a_sentence(translating: TranslatePanel, qtbot: QtBot) -> None:  # noqa: F811
    sentences, target = translating.sentences, translating.view.pair.target
    activate(translating, qtbot)
    target.setFocus()
    escape_everywhere(qtbot, lambda: sentences.show_alternatives(0), lambda: sentences.card)


def test_a_sentence_that_was_written_and_left_is_there_again(
    translating: TranslatePanel,  # noqa: F811
    qtbot: QtBot,
) -> None:
    sentences, target = translating.sentences, translating.view.pair.target
    activate(translating, qtbot)
    before = target.text()

    def open_field() -> QWidget:
        target.setFocus()
        sentences.show_alternatives(1)
        assert sentences.card is not None
        sentences.card.edit_button.click()
        return sentences.card.field

    QTest.keyClicks(open_field(), " E depois")
    escape(qtbot)
    assert (sentences.card, target.hasFocus(), target.text()) == (None, True, before)
    field = open_field()
    assert field.text() == "foi triste. E depois"  # type: ignore[attr-defined]
    QTest.keyClicks(field, "!")
    translating.view.pair.source.setFocus()  # or by a click elsewhere
    assert sentences.card is None
    field = open_field()
    assert field.text() == "foi triste. E depois!"  # type: ignore[attr-defined]
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert target.text().endswith("foi triste. E depois!")


@pytest.fixture
def job(shell_window: MainWindow, qtbot: QtBot) -> Iterator[Event]:
    go = Event()

    def run(cancel: Event) -> Iterator[object]:
        while not go.wait(0.01) and not cancel.is_set():
            yield Progress("stage.loading")

    worker = shell_window.context.worker
    for name in ("first", "second"):
        worker.submit(run, title=name)
    qtbot.waitUntil(lambda: len(worker.jobs()) == 2, timeout=20_000)
    qtbot.waitUntil(lambda: len(shell_window.queue_view.rows()) == 2, timeout=20_000)
    activate(shell_window, qtbot)
    yield go
    go.set()


def test_in_the_queue_of_jobs(shell_window: MainWindow, job: Event, qtbot: QtBot) -> None:
    queue = shell_window.queue_view
    queue.button.setFocus()
    escape_everywhere(qtbot, queue.button.click, lambda: queue.popup)
    assert len(queue.rows()) == 2  # nothing is stopped
    queue.button.click()
    assert isinstance(queue.popup, Overlay)
    stops(queue.popup)[0].setFocus()
    job.set()
    qtbot.waitUntil(lambda: not queue.rows(), timeout=20_000)
    qtbot.waitUntil(lambda: not stops(queue.popup), timeout=20_000)
    escape(qtbot)  # its buttons went with the jobs
    assert not queue.popup.isVisible()
    assert queue.button.hasFocus()


@pytest.mark.parametrize("name", ["models", "settings", "shortcuts", "about"])
def test_the_keys_of_a_panel_work_again_behind_an_overlay(
    window: MainWindow,
    name: str,
    qtbot: QtBot,
) -> None:
    window.columns.show_panel("chat")
    chat = window.columns.panel("chat")
    for _ in range(2):
        chat.focus_input()
        overlays(window)[name]()  # type: ignore[operator]
        escape(qtbot)
        temporary = chat.conversation.temporary
        QTest.keyClick(
            window, Qt.Key.Key_N, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
        )
        assert chat.conversation.temporary is not temporary
