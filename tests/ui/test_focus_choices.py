"""After a choice in a drop-down the focus is still there, or where one types or reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QWidget
from pytestqt.qtbot import QtBot

from autogpt_desktop.ui.sentiment.panel import SentimentPanel
from autogpt_desktop.ui.sentiment.run_control import FINISHED
from autogpt_desktop.ui.shell.main_window import MainWindow
from autogpt_desktop.ui.translate.language_row import MORE, LanguageBox, LanguageRow
from autogpt_desktop.ui.widgets.focus import FocusKeeper
from tests.ui.sentiment.kit import WAIT, sentiment_panel  # noqa: F401  a fixture
from tests.ui.test_focus import PANELS, assert_good_place

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support grabbing the keyboard")  # a popup does
KEYS = (Qt.Key.Key_Down, Qt.Key.Key_Down, Qt.Key.Key_Home)


def walk(combo: QComboBox, settled: Callable[[], bool], qtbot: QtBot) -> None:
    """Choose by the arrow keys, then from the open list; each time the focus stays."""
    for key in KEYS:
        combo.setFocus(Qt.FocusReason.TabFocusReason)
        qtbot.waitUntil(combo.hasFocus, timeout=WAIT)  # behind a list that is closing
        QTest.keyClick(combo, key)
        if combo.view().isVisible():  # a list that opens instead of changing with every key
            QTest.keyClick(combo.view(), Qt.Key.Key_Escape)
            combo.hidePopup()
        qtbot.waitUntil(settled, timeout=WAIT)
        assert QApplication.focusWidget() is combo, (combo.accessibleName(), key)
    for row in (1, 0):
        if (
            row >= combo.count()
            or not combo.itemText(row)
            or combo.itemData(row) == MORE
            or not combo.isVisible()
        ):
            continue
        combo.setFocus(Qt.FocusReason.TabFocusReason)
        combo.showPopup()
        combo.view().setCurrentIndex(combo.model().index(row, 0))
        QTest.keyClick(combo.view(), Qt.Key.Key_Return)
        qtbot.waitUntil(lambda: not combo.view().isVisible() and settled(), timeout=WAIT)
        combo.window().activateWindow()  # the list was a window of its own
        qtbot.waitUntil(lambda: QApplication.focusWidget() is not None, timeout=WAIT)
        assert QApplication.focusWidget() is combo, (combo.accessibleName(), row)


@pytest.mark.slow
@pytest.mark.parametrize("key", PANELS)
def test_every_drop_down_of_a_panel(window: MainWindow, key: str, qtbot: QtBot) -> None:
    window.columns.show_panel(key)
    panel: QWidget = window.columns.panel(key)
    if key == "chat":
        panel.views.toggle_drawer()  # type: ignore[attr-defined]
    for combo in panel.findChildren(QComboBox):
        if combo.isVisible() and combo.isEnabled():
            walk(combo, lambda: True, qtbot)
            QTest.keyClick(combo, Qt.Key.Key_Escape)
            assert_good_place(combo)


@pytest.fixture
def panel(sentiment_panel: SentimentPanel, qtbot: QtBot) -> SentimentPanel:  # noqa: F811
    made = sentiment_panel
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow, timeout=WAIT)
    made.keeper = FocusKeeper(made)  # type: ignore[attr-defined]
    return made


def opened(panel: SentimentPanel, path: Path, qtbot: QtBot) -> Callable[[], bool]:
    """The file is shown; whether it has been read again."""
    panel.open(path)
    card = panel.table_page.card
    qtbot.waitUntil(lambda: card.preview is not None and card.preview.table.path == path, timeout=WAIT)
    assert QApplication.focusWidget() is card.start_button
    return lambda: not card._job.running and not card.reading.isVisible()


@pytest.mark.slow
def test_how_a_table_is_read(panel: SentimentPanel, tmp_path: Path, qtbot: QtBot) -> None:
    table = tmp_path / "reviews.csv"
    rows = [f"2024-0{n % 2 + 1}-03;Ulm;Good soup, and the tea is number {n}" for n in range(9)]
    table.write_text("\n".join(["visited;city;comment", *rows]), encoding="utf-8")
    settled = opened(panel, table, qtbot)
    choices = panel.table_page.card.choices
    for combo in (choices.columns, choices.header_rows, choices.delimiters):
        walk(combo, settled, qtbot)
    book = openpyxl.Workbook()
    for name in ("Second", "Third"):
        sheet = book.create_sheet(name)
        for n in range(5):
            sheet.append([f"The tea is good, number {n}", n])
    book.active.append(["The soup was good today"])
    book.save(tmp_path / "reviews.xlsx")
    settled = opened(panel, tmp_path / "reviews.xlsx", qtbot)
    for combo in (choices.sheets, choices.header_rows, choices.columns):
        walk(combo, settled, qtbot)


@pytest.mark.slow
def test_rows_groups_and_filters(panel: SentimentPanel, tmp_path: Path, qtbot: QtBot) -> None:
    table = tmp_path / "reviews.csv"
    rows = [f"2024-0{n % 2 + 1}-03,{'Ulm' if n % 3 else 'Bonn'},Good soup number {n}" for n in range(9)]
    table.write_text("\n".join(["visited,city,comment", *rows]), encoding="utf-8")
    opened(panel, table, qtbot)
    QTest.keyClick(panel.table_page.card.start_button, Qt.Key.Key_Return)
    view = panel.table_page.run_view
    qtbot.waitUntil(lambda: view.control.state == FINISHED, timeout=WAIT)
    assert_good_place()
    walk(view.grouping.combo, lambda: not view.grouping._job.running, qtbot)
    view.grouping.combo.setCurrentIndex(0)
    view.grouping.combo.activated.emit(0)
    walk(view.results.kinds, lambda: True, qtbot)
    QTest.keyClick(view.results.kinds, Qt.Key.Key_Escape)
    assert_good_place(view.results.kinds)


def test_a_list_of_languages_opens_by_its_keys(qtbot: QtBot) -> None:
    """Every arrow would translate anew, change the order below the keys, and at the end open a card."""
    row = LanguageRow(("en", "fr", "pt", "zh"), "en", "fr", [])
    qtbot.addWidget(row)
    row.show()
    qtbot.waitExposed(row)
    box: LanguageBox = row.target_box
    asked: list[bool] = []
    row.more_requested.connect(lambda: asked.append(True))
    for key in (*KEYS, Qt.Key.Key_End, Qt.Key.Key_PageDown):
        box.setFocus()
        QTest.keyClick(box, key)
        assert box.view().isVisible()
        QTest.keyClick(box.view(), Qt.Key.Key_Escape)
        box.hidePopup()
    assert (row.target, asked) == ("fr", [])
    QTest.keyClick(box, "p")
    assert box.view().isVisible()
    assert box.view().currentIndex().data() == "Portuguese"
    QTest.keyClick(box.view(), Qt.Key.Key_Return)
    assert row.target == "pt"
    row.activateWindow()
    qtbot.waitUntil(box.hasFocus, timeout=WAIT)
